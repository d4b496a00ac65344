#include "core/work.h"

#include "base/error.h"

namespace nc {

void name_operation(nc_error& error, const Requests& requests, int rank, std::uint64_t sequence) {
    const bool names_one = requests.is_batch() && error.index >= 0;
    error.operation = names_one ? requests[static_cast<std::size_t>(error.index)].operation : requests.operation();
    error.rank = rank;
    error.sequence = sequence;
}

bool Work::start() {
    const std::lock_guard lock(mutex_);
    if (state_ == State::Waiting) state_ = State::Running;
    return state_ == State::Running;
}

bool Work::end_part(nc_status& status, nc_error& error) {
    const std::lock_guard lock(mutex_);
    if (status != NC_OK && status_ == NC_OK) {
        status_ = status;
        error_ = error;
    }
    if (--parts_ > 0) return false;
    if (status_ != NC_OK) {
        status = status_;
        error = error_;
    }
    return true;
}

bool Work::end() {
    const std::lock_guard lock(mutex_);
    if (state_ == State::Running) state_ = State::Ended;
    return cancel_requested_;
}

void Work::settle(const nc_error* error) {
    state_ = State::Completed;
    if (error == nullptr) return;
    status_ = error->status;
    error_ = *error;
}

void Work::announce() {
    changed_.notify_all();
    if (completion_ != nullptr) completion_(context_, status_ == NC_OK ? nullptr : &error_);
}

void Work::complete(const nc_error* error) {
    {
        const std::lock_guard lock(mutex_);
        if (state_ == State::Completed) return;
        settle(error);
    }
    announce();
}

Work::Cancellation Work::cancel() {
    {
        const std::lock_guard lock(mutex_);
        if (state_ == State::Ended || state_ == State::Completed) return Cancellation::TooLate;
        if (state_ == State::Running) {
            cancel_requested_ = true;
            return Cancellation::WasRunning;
        }
        nc_error error = empty_error();
        fill(&error, NC_CANCELLED, "the operation was cancelled before it started");
        name_operation(error, requests, rank, sequence);
        settle(&error);
    }
    announce();
    return Cancellation::Done;
}

bool Work::wait(Deadline until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, until, [this] { return state_ == State::Completed; });
}

bool Work::completed() const {
    const std::lock_guard lock(mutex_);
    return state_ == State::Completed;
}

nc_status Work::outcome(nc_error* error) const {
    const std::lock_guard lock(mutex_);
    if (status_ != NC_OK) copy_error(error, error_);
    return status_;
}

} // namespace nc
