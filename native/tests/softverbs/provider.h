// This process's place on the fabric: a number, a socket that others connect to, a thread that takes what they send,
// and timers.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "softverbs/wire.h"

namespace nc::softverbs {

using Lock = std::unique_lock<std::mutex>;
using Clock = std::chrono::steady_clock;

// Lives while contexts are open. All but start, stop and the thread's own functions ask for the fabric's lock.
class Provider {
public:
    using Task = std::function<void(Lock&)>;

    // Without the fabric's lock. 0, or an errno.
    int start();
    void stop();

    // Runs the task under the fabric's lock. Those for the same time run in the order in which they came.
    void schedule(Clock::time_point time, Task task);
    // Sends to a process, by a new connection if need be. Null if nobody is there.
    std::shared_ptr<Wire> send(int process, const Frame& frame);

    // Without the fabric's lock: takes what other processes have sent, unless somebody does so just now. Whoever polls
    // in vain calls it, so that messages do not have to wait until the thread is given a processor. If it goes on
    // polling, the thread leaves the wires to it.
    void take_over(bool goes_on_polling);
    // Whoever is about to sleep instead of polling calls it.
    void attend();

    int process() const { return process_; }

private:
    std::shared_ptr<Wire> wire_to(int process);
    int claim_number();
    int listen();
    void release();
    std::string socket_path(int process) const;
    void run();
    void wake();
    bool polled_lately() const;
    void leave_to_pollers();
    void handle(const epoll_event& event);
    void accept_all();
    void read(const std::shared_ptr<Wire>& wire);
    void run_due();
    void set_timer();
    bool drained() const;

    int folder_ = -1;
    int claim_ = -1;
    int listener_ = -1;
    int poller_ = -1;
    int waker_ = -1;
    int timer_ = -1;
    int process_ = 0;
    bool stopping_ = false;
    Clock::time_point give_up_;
    std::thread thread_;
    // Held by whoever handles events. Taken before the fabric's lock.
    std::mutex handling_;
    // Theirs.
    std::vector<std::byte> buffer_ = std::vector<std::byte>(data_size);
    std::atomic<bool> has_wires_ = false;
    // When somebody last polled in vain, and whether the thread leaves the wires to whoever does.
    std::atomic<Clock::rep> last_poll_ = 0;
    std::atomic<bool> left_to_pollers_ = false;
    std::multimap<Clock::time_point, Task> tasks_;
    std::map<std::uint64_t, std::shared_ptr<Wire>> wires_;
    std::map<int, std::shared_ptr<Wire>> outgoing_;
    std::uint64_t next_wire_ = 16;
};

} // namespace nc::softverbs
