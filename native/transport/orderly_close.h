// Closing a connection so that the peer receives everything that was written to it.
#pragma once

#include "os/descriptor.h"
#include "os/socket.h"

namespace nc {

// Ends the stream. A system that closes a connection with unread input resets it, and what it has not sent yet is lost:
// the input is read and dropped first, and as long as there is something to send, by a thread that is left behind for
// at most half a minute. Never waits for the peer.
void close_in_order(Descriptor connection);

} // namespace nc
