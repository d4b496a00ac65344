// The thread that looks after a group: what has finished on streams, what is late, what NCCL has found out, and the
// end.
#include "nccl/nccl_group.h"
#include "nccl/reclaimer.h"

namespace nc::nccl {
namespace {

// How often the communicator is asked whether it has failed: while nothing, and while something is under way.
constexpr std::chrono::milliseconds idle_interval{100};
constexpr std::chrono::milliseconds busy_interval{1};
// How long the end of a group waits for operations on streams, for NCCL's leave-taking, and for the thread that does
// both.
constexpr std::chrono::seconds grace{1};
constexpr std::chrono::seconds closing_limit{8};

} // namespace

void NcclGroup::watch() {
    std::optional<Device::Scope> scope;
    nc_error error = empty_error();
    if (guarded(&error, [&] { scope.emplace(*device_); }) != NC_OK) end(error);
    look_after();
    leave();
    (void)guarded(nullptr, [&] {
        if (!scope.has_value()) scope.emplace(*device_);
    });
    free_resources();
    scope.reset();
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

void NcclGroup::look_after() {
    std::optional<Pause> pause;
    bool ended = false;
    while (await_work(ended, pause)) {
        nc_error error = empty_error();
        if (!interruption_.aborted()) {
            const nc_status status = guarded(&error, [&] { tend(pause); });
            if (status == NC_OK) continue;
        }
        if (error.status != NC_OK && error.status != NC_ABORTED) {
            end(error);
        } else {
            end_interrupted();
        }
        ended = true;
    }
}

void NcclGroup::end(nc_error error) {
    on_streams_.blame(error);
    // The core is told first: what the abort brings about has this cause.
    tell_core(error);
    interruption_.abort();
    communicator_->abort();
    fail_all(&error);
}

void NcclGroup::end_interrupted() {
    communicator_->abort();
    fail_all(nullptr);
}

bool NcclGroup::await_work(bool ended, std::optional<Pause>& pause) {
    std::unique_lock lock(mutex_);
    const auto called = [&] { return closing_ || (interruption_.aborted() && !ended); };
    if (on_streams_.is_empty()) {
        changed_.wait_for(lock, idle_interval, [&] { return called() || !on_streams_.is_empty(); });
        pause.reset();
    } else if (!ended && !called()) {
        if (!on_streams_.is_awaited()) {
            changed_.wait_for(lock, busy_interval, called);
        } else {
            lock.unlock();
            if (!pause.has_value()) pause.emplace();
            pause->take();
            lock.lock();
        }
    }
    return !closing_;
}

void NcclGroup::tend(std::optional<Pause>& pause) {
    while (on_streams_.finish_first(interruption_)) pause.reset();
    const Deadline now = Clock::now();
    if (now < next_check_) return;
    next_check_ = now + busy_interval;
    on_streams_.check_deadlines(now);
    // An operation that is being executed finds out for itself.
    if (!executing_.load()) communicator_->check();
}

void NcclGroup::fail_all(const nc_error* cause) {
    const std::shared_ptr<Event> last = on_streams_.last();
    const auto has_passed = [&] { return last->passed(); };
    if (last != nullptr) await_device(has_passed);
    on_streams_.fail_all(cause);
}

void NcclGroup::tell_core(const nc_error& error) {
    const std::lock_guard lock(fault_mutex_);
    if (fault_ != nullptr) fault_(fault_context_, &error);
}

void NcclGroup::leave() {
    const auto none_on_streams = [this] {
        while (on_streams_.finish_first(interruption_)) {}
        return on_streams_.is_empty();
    };
    bool in_order = false;
    const nc_status status = guarded(nullptr, [&] {
        in_order = !interruption_.aborted() && ask_until(Clock::now() + grace, none_on_streams) &&
                   communicator_->leave(Clock::now() + grace);
    });
    if (status == NC_OK && in_order) return;
    if (interruption_.abort()) warn_of_disorder();
    end_interrupted();
}

void NcclGroup::warn_of_disorder() {
    const std::lock_guard lock(fault_mutex_);
    // Once the core is gone, so may be whoever reads the messages.
    if (fault_ == nullptr) return;
    log_.write(NC_LOG_WARNING, "[nccl] rank ", rank_,
               ": the communicator was aborted, as it could not be left in order within ", (2 * grace).count(), " s");
}

void NcclGroup::free_resources() {
    await_own_streams();
    {
        const std::lock_guard lock(mutex_);
        last_.reset();
        events_.clear();
        staging_.reset();
        copies_.reset();
        words_.reset();
        default_stream_passed_.reset();
        stream_.reset();
        communicator_.reset();
    }
    // What other groups have on the device can keep the driver from taking the memory back.
    (void)reclaimed(*device_, Clock::now() + grace);
}

bool NcclGroup::close(bool from_watcher) {
    {
        std::unique_lock lock(mutex_);
        closing_ = true;
        changed_.notify_all();
        if (!from_watcher && changed_.wait_for(lock, closing_limit, [this] { return closed_; })) return true;
    }
    // From within a completion: what the thread would do after it.
    if (from_watcher) leave();
    // The core is going away: whatever comes later must not call it.
    {
        const std::lock_guard lock(fault_mutex_);
        fault_ = nullptr;
    }
    if (!from_watcher) fail_all(nullptr);
    return false;
}

} // namespace nc::nccl
