// Plain data between two ranks, as part of an exchange.
#pragma once

#include "jaccl/operation.h"

namespace nc::jaccl::mesh {

Outgoing& send_bytes(Exchange& exchange, Link& link, std::size_t frame, const std::byte* data, std::size_t bytes);
void receive_bytes(Exchange& exchange, Link& link, std::size_t frame, std::byte* data, std::size_t bytes);

} // namespace nc::jaccl::mesh
