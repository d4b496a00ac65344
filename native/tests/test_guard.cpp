// Watches over every test: one that hangs is named and ends the program, and one that leaves descriptors or threads
// behind fails.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"

namespace nc::test {
namespace {

constexpr std::int64_t longest_test_ms = 100'000;
// Threads of the system's resolver, and those that were told to end, may need a moment.
constexpr std::int64_t patience_ms = 5'000;

long entries_of(const char* directory) {
    std::error_code error;
    long count = 0;
    for (auto entry = std::filesystem::directory_iterator(directory, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
        ++count;
    return count;
}

struct Resources {
    long descriptors = entries_of("/proc/self/fd");
    long threads = entries_of("/proc/self/task");
    bool within(const Resources& before) const {
        return descriptors <= before.descriptors && threads <= before.threads;
    }
};

class Guard : public ::testing::EmptyTestEventListener {
public:
    void OnTestStart(const ::testing::TestInfo& info) override {
        {
            const std::lock_guard lock(mutex_);
            running_ = std::string(info.test_suite_name()) + "." + info.name();
            until_ = deadline_after(longest_test_ms);
        }
        if (!watcher_.joinable()) watcher_ = std::thread([this] { watch(); });
        changed_.notify_all();
        before_ = Resources();
    }

    void OnTestEnd(const ::testing::TestInfo&) override {
        const Deadline until = deadline_after(patience_ms);
        Resources after;
        while (!after.within(before_) && Clock::now() < until) {
            std::this_thread::yield();
            after = Resources();
        }
        EXPECT_LE(after.descriptors, before_.descriptors) << "descriptors were left open";
        EXPECT_LE(after.threads, before_.threads) << "threads were left behind";
        const std::lock_guard lock(mutex_);
        running_.clear();
    }

    void OnTestProgramEnd(const ::testing::UnitTest&) override {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        changed_.notify_all();
        if (watcher_.joinable()) watcher_.join();
    }

private:
    void watch() {
        std::unique_lock lock(mutex_);
        while (!ended_) {
            if (running_.empty()) {
                changed_.wait(lock);
                continue;
            }
            changed_.wait_until(lock, until_);
            if (!running_.empty() && Clock::now() >= until_) {
                std::fprintf(stderr, "\n%s hangs: ended after %lld ms\n", running_.c_str(),
                             static_cast<long long>(longest_test_ms));
                std::abort();
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::thread watcher_;
    std::string running_;
    Deadline until_{};
    bool ended_ = false;
    Resources before_;
};

// gtest_main leaves no other place to add a listener.
[[maybe_unused]] const bool added = [] {
    ::testing::UnitTest::GetInstance()->listeners().Append(new Guard);
    return true;
}();

} // namespace
} // namespace nc::test
