// A TCP connection as an endpoint. If the process dies, or the endpoint is destroyed without close(), the peer sees the
// connection reset.
#pragma once

#include <memory>

#include "os/descriptor.h"
#include "os/socket.h"
#include "transport/endpoint.h"

namespace nc {

std::unique_ptr<Endpoint> make_tcp_endpoint(Descriptor connection);

} // namespace nc
