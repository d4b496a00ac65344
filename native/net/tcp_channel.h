// A TCP connection as a channel. If the process dies, or the channel is destroyed without close(), the peer sees the
// connection reset.
#pragma once

#include <memory>

#include "net/channel.h"
#include "net/socket.h"

namespace nc {

std::unique_ptr<Channel> make_tcp_channel(Descriptor connection);

} // namespace nc
