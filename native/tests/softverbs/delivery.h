// How messages get from a SEND to a RECV, and what becomes of both. All of it with the fabric's lock, which is let go
// while data are copied.
#pragma once

#include <infiniband/verbs.h>

#include <memory>
#include <span>
#include <vector>

#include "softverbs/queue_pair.h"
#include "softverbs/wire.h"

namespace nc::softverbs {

// Sends what has just been put into the send queue. A request that fails already completes when its turn comes.
void transmit(QueuePair& queue_pair, const std::shared_ptr<SendRequest>& request, Lock& lock);
// Fills receives with what has come, as long as there are both.
void deliver(QueuePair& queue_pair, Lock& lock);
// Completes the sends that are over, in their order.
void settle(QueuePair& queue_pair);
// Everything that is outstanding completes with IBV_WC_WR_FLUSH_ERR.
void enter_error_state(QueuePair& queue_pair);
void flush(QueuePair& queue_pair);
// Waits for the copies that are going on; then nothing is outstanding, and none of its completions is left.
void clear(QueuePair& queue_pair, Lock& lock);

// What the provider's thread has read.
void received(const std::shared_ptr<Wire>& wire, const Frame& frame, std::span<const std::byte> data, Lock& lock);
// A process that we sent to, or that sent to us, has gone.
void receiver_gone(int process, Lock& lock);
void sender_gone(const std::shared_ptr<Wire>& wire, Lock& lock);

} // namespace nc::softverbs
