// A queue of work with a thread of its own, as a CUDA stream is one with a GPU's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"

namespace nc::doubles {

// The end of one piece of work. Guarded by the driver's lock, as everything here.
struct Completion {
    bool done = false;
    Clock::time_point when{};
};
using CompletionPointer = std::shared_ptr<Completion>;

struct Task {
    std::vector<CompletionPointer> after; // what must have ended, on whatever stream, before it begins
    std::function<void()> work;           // may be empty; runs without the lock
};

class Stream : public std::enable_shared_from_this<Stream> {
public:
    enum class Kind {
        Legacy,      // the default stream of a context
        Blocking,    // waits for the default stream, and the default stream for it
        NonBlocking, // heeds only its own order
    };
    Stream(void* context, int device, Kind kind) : context(context), device(device), kind(kind) {}

    // Starts the thread if there is none.
    CompletionPointer enqueue(Task task);
    bool idle() const { return tail_ == nullptr || tail_->done; }
    // The end of the last work; null if there never was any.
    const CompletionPointer& tail() const { return tail_; }
    // The thread ends once nothing is left to do.
    void close();

    void* const context;
    const int device;
    const Kind kind;
    void* handle = nullptr;

private:
    struct Entry {
        Task task;
        CompletionPointer completion;
    };
    void run();

    std::deque<Entry> entries_;
    CompletionPointer tail_;
    std::condition_variable changed_;
    bool running_ = false;
    bool closed_ = false;
};

} // namespace nc::doubles
