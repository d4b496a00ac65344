// A TCP connection as a channel. If the process dies, or the channel is destroyed without close(), the peer sees the
// connection reset.
#pragma once

#include <memory>

#include "os/descriptor.h"
#include "os/socket.h"
#include "transport/channel.h"

namespace nc {

std::unique_ptr<Channel> make_tcp_channel(Descriptor connection);

} // namespace nc
