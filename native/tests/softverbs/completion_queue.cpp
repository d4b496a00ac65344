#include "softverbs/completion_queue.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "softverbs/queue_pair.h"
#include "softverbs/record.h"
#include "softverbs/violation.h"

namespace nc::softverbs {

CompletionChannel::~CompletionChannel() {
    if (fd >= 0) ::close(fd);
}

int CompletionChannel::open() {
    fd = ::eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
    return fd >= 0 ? 0 : errno;
}

void CompletionChannel::tell(CompletionQueue& queue) {
    const std::lock_guard lock(lock_);
    events_.push_back(&queue);
    const std::uint64_t one = 1;
    if (::write(fd, &one, sizeof one) != sizeof one)
        Violations::instance().report("a completion channel has too many events");
}

int CompletionChannel::next(CompletionQueue*& queue) {
    for (;;) {
        std::uint64_t one = 0;
        if (::read(fd, &one, sizeof one) != sizeof one) return errno;
        const std::lock_guard lock(lock_);
        // Its queue may have been destroyed in between.
        if (events_.empty()) continue;
        queue = events_.front();
        events_.pop_front();
        queue->told();
        return 0;
    }
}

void CompletionChannel::forget(const CompletionQueue& queue) {
    const std::lock_guard lock(lock_);
    for (auto forgotten = std::erase(events_, &queue); forgotten > 0; --forgotten) {
        pollfd readable{fd, POLLIN, 0};
        std::uint64_t one = 0;
        if (::poll(&readable, 1, 0) == 1 && ::read(fd, &one, sizeof one) != sizeof one) return;
    }
}

CompletionQueue::CompletionQueue(Context& context, int entries, void* user, CompletionChannel* channel) : ibv_cq() {
    this->context = &context;
    this->channel = channel;
    cq_context = user;
    cqe = entries;
}

bool CompletionQueue::push(const Completion& completion) {
    const std::lock_guard lock(lock_);
    if (overrun_ || completions_.size() >= static_cast<std::size_t>(cqe)) {
        if (!overrun_.exchange(true))
            Violations::instance().report("a completion queue of " + std::to_string(cqe) + " entries is overrun");
        return false;
    }
    completions_.push_back(completion);
    waiting_.store(completions_.size(), std::memory_order_release);
    if (armed_ == Armed::Any ||
        (armed_ == Armed::Solicited && (completion.solicited || completion.work.status != IBV_WC_SUCCESS))) {
        armed_ = Armed::No;
        if (told_by() != nullptr) told_by()->tell(*this);
    }
    return true;
}

int CompletionQueue::poll(int count, ibv_wc* work) {
    if (overrun_) return -1;
    if (waiting_.load(std::memory_order_acquire) == 0) return 0;
    const std::lock_guard lock(lock_);
    int polled = 0;
    while (polled < count && !completions_.empty()) {
        const Completion& completion = completions_.front();
        work[polled] = completion.work;
        completion.queue_pair->sends_outstanding -= completion.sends;
        completion.queue_pair->receives_outstanding -= completion.receives;
        RecordLine line("completion");
        line.text("host", owner().owner().socket.host)
            .text("device", owner().owner().socket.device)
            .number("qp", completion.work.qp_num);
        line.number("wr_id", completion.work.wr_id)
            .number("status", completion.work.status)
            .number("opcode", completion.work.opcode);
        line.number("byte_len", completion.work.byte_len);
        completions_.pop_front();
        ++polled;
    }
    waiting_.store(completions_.size(), std::memory_order_release);
    return polled;
}

void CompletionQueue::arm(bool solicited_only) {
    const std::lock_guard lock(lock_);
    if (armed_ != Armed::Any) armed_ = solicited_only ? Armed::Solicited : Armed::Any;
}

void CompletionQueue::purge(const QueuePair& queue_pair) {
    const std::lock_guard lock(lock_);
    std::erase_if(completions_, [&](const Completion& completion) { return completion.queue_pair == &queue_pair; });
    waiting_.store(completions_.size(), std::memory_order_release);
}

void CompletionQueue::acknowledge(unsigned events) {
    const std::lock_guard lock(lock_);
    comp_events_completed += events;
}

bool CompletionQueue::acknowledged() {
    const std::lock_guard lock(lock_);
    return comp_events_completed == events_told_;
}

} // namespace nc::softverbs
