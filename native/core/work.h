// An operation, or a batch, that was enqueued: what it is, and its outcome once it has ended.
#pragma once

#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "core/requests.h"

namespace nc {

class Group;

// Says which operation of which rank an error is about.
void name_operation(nc_error& error, const Requests& requests, int rank, std::uint64_t sequence);

class Work {
public:
    // parts: how many of it run by themselves, 1 or 2.
    Work(const Requests& requests, int rank, std::uint64_t sequence, Deadline deadline, int parts,
         nc_completion completion, void* context)
        : requests(requests),
          rank(rank),
          sequence(sequence),
          deadline(deadline),
          parts_(parts),
          completion_(completion),
          context_(context) {}

    const Requests requests;
    const int rank;
    const std::uint64_t sequence;
    const Deadline deadline;

    // On a stream of the caller's, where it is by the time anybody else gets to see it.
    bool on_stream() const { return requests.on_stream(); }

    // From waiting to running, if it is not running yet; false if it was cancelled before.
    bool start();

    // Of a part that was running: false while another part is under way. With the last one, status and error become
    // those of the part that failed first.
    bool end_part(nc_status& status, nc_error& error);

    // From running to ended: the outcome is known, and a cancellation that comes from now on is too late. Whether one
    // came before: whatever the backend says, the operation has then been cancelled, since its group has ended for
    // that.
    bool end();

    // Records the outcome (null: success), wakes who waits and calls the completion. Only the first call counts.
    void complete(const nc_error* error);

    enum class Cancellation { Done, TooLate, WasRunning };
    // Cancels the operation if it has not started; tells whether it is running, which only its group can end.
    Cancellation cancel();

    // True if the operation ended before the deadline.
    bool wait(Deadline until);
    bool completed() const;
    // The outcome, once completed.
    nc_status outcome(nc_error* error) const;

private:
    enum class State { Waiting, Running, Ended, Completed };

    // With the lock held: records the outcome.
    void settle(const nc_error* error);
    // Without it: tells everybody.
    void announce();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::Waiting;
    int parts_; // that have not ended
    bool cancel_requested_ = false;
    nc_status status_ = NC_OK;
    nc_error error_{};
    const nc_completion completion_;
    void* const context_;
};

} // namespace nc
