// Completion queues and the channels that tell of them.
#pragma once

#include <infiniband/verbs.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

#include "softverbs/device.h"

namespace nc::softverbs {

struct QueuePair;
class CompletionQueue;

// The descriptor is an eventfd that counts the events.
class CompletionChannel : public ibv_comp_channel {
public:
    explicit CompletionChannel(Context& context) : ibv_comp_channel{&context, -1, 0} {}
    ~CompletionChannel();
    // 0, or an errno.
    int open();

    void tell(CompletionQueue& queue);
    // Waits as the descriptor's flags say. 0, or an errno.
    int next(CompletionQueue*& queue);
    void forget(const CompletionQueue& queue);

    Context& owner() const { return static_cast<Context&>(*context); }

private:
    std::mutex lock_;
    std::deque<CompletionQueue*> events_;
};

struct Completion {
    ibv_wc work{};
    QueuePair* queue_pair = nullptr;
    // Places of the queue pair's queues that are free once this has been polled.
    std::uint32_t sends = 0;
    std::uint32_t receives = 0;
    bool solicited = false;
};

// Has a lock of its own, which is taken behind the fabric's: whoever polls waits for nobody else.
class CompletionQueue : public ibv_cq {
public:
    CompletionQueue(Context& context, int entries, void* user, CompletionChannel* channel);

    // False if there was no place.
    bool push(const Completion& completion);
    int poll(int count, ibv_wc* work);
    void arm(bool solicited_only);
    bool armed() const { return armed_ != Armed::No; }
    // All completions of a queue pair go.
    void purge(const QueuePair& queue_pair);
    void acknowledge(unsigned events);
    bool acknowledged();
    // A caller has taken an event of this queue from the channel.
    void told() { ++events_told_; }

    Context& owner() const { return static_cast<Context&>(*context); }
    CompletionChannel* told_by() const { return static_cast<CompletionChannel*>(channel); }

    // Guarded by the fabric's lock: queue pairs, each end of them.
    int users = 0;

private:
    enum class Armed { No, Solicited, Any };

    std::mutex lock_;
    std::deque<Completion> completions_;
    // The number of completions, for those who poll in vain.
    std::atomic<std::size_t> waiting_ = 0;
    std::atomic<bool> overrun_ = false;
    std::atomic<Armed> armed_ = Armed::No;
    std::atomic<unsigned> events_told_ = 0;
};

} // namespace nc::softverbs
