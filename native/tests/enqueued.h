// Enqueued operations, and what their completions saw.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "local_ranks.h"

namespace nc::test {

// A flag that a thread waits for, at most ample_ms.
class Flag {
public:
    void set() {
        const std::lock_guard lock(mutex_);
        set_ = true;
        changed_.notify_all();
    }
    bool wait() {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, deadline_after(ample_ms), [this] { return set_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool set_ = false;
};

// What completions saw, in order.
struct Journal {
    std::mutex mutex;
    std::vector<std::pair<std::uint64_t, nc_status>> entries;
    std::thread::id thread;
    static void write(void* context, const nc_error* error) {
        auto& journal = *static_cast<Journal*>(context);
        const std::lock_guard lock(journal.mutex);
        journal.entries.emplace_back(error != nullptr ? error->sequence : 0, error != nullptr ? error->status : NC_OK);
        journal.thread = std::this_thread::get_id();
    }
    std::size_t count() {
        const std::lock_guard lock(mutex);
        return entries.size();
    }
};

inline WorkPointer enqueue(nc_group* group, const nc_request& request, nc_completion completion = nullptr,
                           void* context = nullptr) {
    nc_work* work = nullptr;
    nc_error error = empty_error();
    EXPECT_EQ(nc_enqueue(group, &request, completion, context, &work, &error), NC_OK) << error.message;
    return WorkPointer(work);
}

} // namespace nc::test
