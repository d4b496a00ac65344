// Queue pairs: their state, what is posted on them, and what has come for them.
#pragma once

#include <infiniband/verbs.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "softverbs/completion_queue.h"
#include "softverbs/memory_region.h"
#include "softverbs/provider.h"
#include "softverbs/token.h"

namespace nc::softverbs {

struct SendRequest {
    std::uint64_t id = 0;
    std::uint64_t work_id = 0;
    Pieces pieces;
    std::uint32_t length = 0;
    bool signaled = false;
    bool solicited = false;
    // Null once the request has been completed or given up: its data are no longer to be read.
    QueuePair* owner = nullptr;
    // Set once it is over. It completes when all before it have.
    std::optional<ibv_wc_status> status;
    Token token;
};

struct ReceiveRequest {
    std::uint64_t work_id = 0;
    Pieces pieces;
    std::uint32_t length = 0;
    // It fails when it gets to the head of the queue, or when a message comes for it.
    std::optional<ibv_wc_status> fails;
    std::optional<ibv_wc_status> fails_with_message;
};

// A message that has come for a queue pair.
struct Arrival {
    Frame frame;
    // Of this process, unless it has completed already.
    std::shared_ptr<SendRequest> request;
    // Of another one.
    std::shared_ptr<Wire> wire;
    // Data that do not lie in the sender's memory, and how much of them is there.
    std::vector<std::byte> data;
    std::size_t received = 0;
    Clock::time_point due;
};

struct QueuePair : ibv_qp {
    QueuePair(ProtectionDomain& domain, const ibv_qp_init_attr& attributes);

    Context& owner() const { return static_cast<Context&>(*context); }
    Device& device() const { return owner().owner(); }
    CompletionQueue& send_queue() const { return static_cast<CompletionQueue&>(*send_cq); }
    CompletionQueue& receive_queue() const { return static_cast<CompletionQueue&>(*recv_cq); }
    Subject subject() const { return device().subject(serial); }
    bool reliable() const { return qp_type == IBV_QPT_RC; }
    // "queue pair 17 of soft0"
    std::string title() const;

    const ibv_qp_cap cap;
    const bool all_signaled;
    // No two queue pairs of a process ever have the same.
    std::uint64_t serial = 0;

    // What modify_qp said so far.
    ibv_qp_attr attributes{};

    // Whose address it is connected to, if anybody has announced that.
    std::optional<Socket> peer;

    // It is one of the device's connected queue pairs.
    bool counted = false;

    // Places taken in the queues until their completions are polled.
    std::atomic<std::uint32_t> sends_outstanding = 0;
    std::atomic<std::uint32_t> receives_outstanding = 0;

    std::deque<std::shared_ptr<SendRequest>> sends;
    std::deque<ReceiveRequest> receives;
    std::deque<Arrival> arrivals;
    // Sends that ended without a completion since the last that had one.
    std::uint32_t silent_sends = 0;
    // A send has failed before it was sent: none behind it is sent.
    bool send_queue_stopped = false;

    // A receive is being filled; a send is being read by another queue pair of this process.
    bool filling = false;
    int being_read = 0;
    // It is being destroyed or reset.
    bool closing = false;

    // Completions that are not to be seen before a time, and the last such time.
    int hidden_completions = 0;
    Clock::time_point hidden_until;
    // Changes when all that is hidden or under way is to be forgotten.
    std::uint64_t epoch = 0;
};

} // namespace nc::softverbs
