// Plain data between two ranks, as part of an exchange.
#pragma once

#include "jaccl/operation.h"

namespace nc::jaccl {
class FirstMessages;
}

namespace nc::jaccl::mesh {

Outgoing& send_bytes(Exchange& exchange, Link& link, std::size_t frame, const std::byte* data, std::size_t bytes);
// first: who is to know what came first; or null.
void receive_bytes(Exchange& exchange, Link& link, std::size_t frame, std::byte* data, std::size_t bytes,
                   FirstMessages* first = nullptr);

} // namespace nc::jaccl::mesh
