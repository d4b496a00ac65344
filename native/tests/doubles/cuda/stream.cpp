#include "doubles/cuda/stream.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <thread>

#include "doubles/cuda/driver.h"

namespace nc::doubles {
namespace {

// With NC_DOUBLE_JITTER=1 work begins a little late, and never equally late, so that whoever forgets to wait for it
// sees what is not there yet.
bool jitter_wanted() {
    static const bool wanted = [] {
        const char* value = std::getenv("NC_DOUBLE_JITTER");
        return value != nullptr && value[0] == '1';
    }();
    return wanted;
}

void jitter(std::minstd_rand& random) {
    if (!jitter_wanted()) return;
    constexpr int longest_microseconds = 300;
    const auto until = Clock::now() + std::chrono::microseconds(random() % longest_microseconds);
    while (Clock::now() < until) std::this_thread::yield();
}

} // namespace

CompletionPointer Stream::enqueue(Task task) {
    auto completion = std::make_shared<Completion>();
    tail_ = completion;
    entries_.push_back({std::move(task), completion});
    if (!running_) {
        // Nobody can wait for the thread's end: a stream may be destroyed while its work goes on.
        std::thread([self = shared_from_this()] { self->run(); }).detach();
        running_ = true;
    }
    changed_.notify_one();
    return completion;
}

void Stream::close() {
    closed_ = true;
    changed_.notify_one();
}

void Stream::run() {
    Driver& all = driver();
    std::minstd_rand random(static_cast<unsigned>(Clock::now().time_since_epoch().count()));
    std::unique_lock lock(all.mutex);
    for (;;) {
        changed_.wait(lock, [&] { return closed_ || !entries_.empty(); });
        if (entries_.empty()) return;
        Entry entry = std::move(entries_.front());
        entries_.pop_front();
        for (const CompletionPointer& before : entry.task.after) all.finished.wait(lock, [&] { return before->done; });
        lock.unlock();
        jitter(random);
        if (entry.task.work) entry.task.work();
        entry.task.work = nullptr; // what it holds is freed without the lock
        lock.lock();
        entry.completion->done = true;
        entry.completion->when = Clock::now();
        all.finished.notify_all();
    }
}

} // namespace nc::doubles
