// A rank's membership in a group: the order of its operations, its deadlines, and the failure that ends it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "core/request_check.h"
#include "core/work.h"
#include "operation/backend.h"

namespace nc {

// Operations run one at a time in the order of their numbers, which are given when they are issued. A blocking one runs
// on its caller's thread, so that it costs no change of threads; an enqueued one runs on the group's worker, which is
// started when it is first needed. Where the backend takes messages beside that (NC_BACKEND_CONCURRENT_MESSAGES), they
// go to it at once, on the thread that issues them; it reports when an enqueued one has ended.
class Group : public std::enable_shared_from_this<Group> {
public:
    // Joins the group that the options describe, which have been checked.
    static std::shared_ptr<Group> create(const nc_group_options& options);
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    // -1: host memory only.
    int device() const { return device_; }
    const std::string& backend_name() const { return backend_name_; }

    // The failure that ended the group, or NC_OK.
    nc_status status(nc_error* error) const;

    // Throws Error if that is no request of this group.
    void check(const Requests& requests) const;
    // The same for what it is, without its buffers; also if the backend cannot do it.
    void check_supported(const nc_request& request) const;
    // What is known of a rank.
    nc_rank_info rank_info(int rank) const;
    // Throws Error(NC_INVALID_ARGUMENT) if somebody else is told already.
    void on_fault(nc_fault_callback callback, void* context);

    // Both are about requests that have been checked.
    nc_status execute(const Requests& requests, nc_error* error);
    // Null, with error filled, if nothing was issued.
    std::shared_ptr<Work> enqueue(const Requests& requests, nc_completion completion, void* context, nc_error& error);
    void cancel(Work& work);

    void abort(const char* reason);
    void close();
    // close(), and waits for the worker, which no peer can delay.
    void shut_down();

private:
    struct Settings {
        std::int64_t forming_timeout_ms;
        std::int64_t operation_timeout_ms;
        Log log;
    };

    Group(const Settings& settings, std::shared_ptr<const nc_backend> backend, std::string backend_name);

    nc_backend_options backend_options();
    void adopt(const nc_backend_group& made);

    Place place() const;
    Deadline deadline_of(const Requests& requests) const;
    std::int64_t timeout_of(const Requests& requests) const;

    // Both: a batch whose messages go beside, and whose collective operations wait for their turn.
    enum class Order { InTurn, Beside, Both };
    Order order_of(const Requests& requests) const;
    // Of the operation issued last in that order.
    std::uint64_t& number(Order order) { return order == Order::Beside ? last_message_ : last_issued_; }

    enum class Turn { Mine, GroupEnded, Late };
    // Waits, with the lock held, for the operation's turn; if it is Mine, end_turn() must follow.
    Turn await_turn(std::unique_lock<std::mutex>& lock, std::uint64_t sequence, Deadline deadline);
    Turn await_turn(std::uint64_t sequence, Deadline deadline) {
        std::unique_lock lock(mutex_);
        return await_turn(lock, sequence, deadline);
    }
    // It is always a message's turn; end_message() must follow.
    Turn begin_message() {
        ++in_backend_;
        return Turn::Mine;
    }
    // The error of an operation whose turn did not come. One that is late ends the group: the ranks can no longer be
    // kept in step.
    nc_error no_turn(Turn turn, const Requests& requests, std::uint64_t sequence);
    void end_turn();
    void end_message();
    void end_hand_over(bool was_taken);
    // What the backend has taken for the sake of a Work, until it says that this has ended: an operation on a caller's
    // stream, or messages.
    struct Taken;
    // Runs an operation whose turn it is, or a part of it; error is filled on failure.
    nc_status run(const Requests& requests, Part part, std::uint64_t sequence, Deadline deadline, nc_error& error,
                  Taken* taken = nullptr);
    nc_status run_backend(const Requests& requests, Part part, std::uint64_t sequence, Deadline deadline,
                          nc_standing& standing, nc_error& error, Taken* taken);
    // Completes a failure of the backend with what only the group knows, and ends the group unless its ranks are in
    // step. Returns the status.
    nc_status conclude(const Requests& requests, std::uint64_t sequence, nc_standing standing, nc_error& error);
    // Has the backend take an operation, or a part of it; if that fails, error is filled.
    nc_status hand_over(const std::shared_ptr<Work>& work, Part part, nc_error& error);
    static void taken_has_ended(void* context, const nc_error* error);
    nc_status execute_both(const Requests& requests, nc_error* error);
    void split(const nc_request& request, const nc_call& call);

    // Ends the group, unless it has ended before; the first cause stays. Peers are told at once, save after a timeout:
    // they are to notice theirs themselves.
    void fault(const nc_error& cause);
    static void fault_from_backend(void* context, const nc_error* cause);
    void end(const nc_error& cause, bool tell_peers, const Work* cancelled = nullptr);
    // With the lock held: error becomes the first cause.
    void refuse(nc_error& error, const Requests& requests, std::uint64_t sequence) const;

    void work_loop();
    void run_work(Work& work);
    // Completes an operation that was running, if this was its last part, with its outcome, unless it was cancelled
    // meanwhile: then that is its outcome.
    void settle(Work& work, nc_status status, nc_error& error);
    // The outcome of an operation that was cancelled while it was running; error says so unless something else had
    // ended it.
    nc_status describe_cancellation(const Work& work, nc_status status, nc_error& error) const;
    // Ends the group because a running operation of it is cancelled.
    void end_cancelled(const Work& work);

    const Settings settings_;
    const std::shared_ptr<const nc_backend> backend_; // null: a group of one without a backend
    const std::string backend_name_;
    int rank_ = 0;
    int size_ = 1;
    int device_ = -1;

    // Counts a call that issues an operation, and warns once of two threads that do so at the same time.
    class Caller;
    std::atomic<int> callers_{0};
    std::atomic<bool> warned_of_callers_{false};

    mutable std::mutex mutex_;
    std::condition_variable turn_changed_;
    std::uint64_t last_issued_ = 0; // those that take turns
    std::uint64_t last_ended_ = 0;
    std::uint64_t last_message_ = 0; // those beside them
    int waiting_ = 0;                // threads in await_turn
    int in_backend_ = 0;             // operations: the one whose turn it is, and messages until they have ended
    int handing_over_ = 0;           // calls: what they hand over may end before they return
    bool ended_ = false;             // cause_ is set
    nc_error cause_{};
    const Work* cancelled_ = nullptr; // the one whose cancellation is the cause; only compared
    void* handle_ = nullptr;          // of the backend's group
    nc_fault_callback fault_callback_ = nullptr;
    void* fault_context_ = nullptr;
    std::vector<std::int32_t> parent_ranks_; // of a part, by rank; empty: it is none, or they are not known

    std::deque<std::shared_ptr<Work>> queue_;
    std::condition_variable queue_changed_;
    bool stopping_ = false;
    std::thread worker_;
};

} // namespace nc
