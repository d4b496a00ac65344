#include "core/group.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "core/api_types.h"
#include "core/backend_library.h"
#include "core/request_check.h"
#include "core/self_group.h"
#include "operation/traits.h"
#include "os/thread.h"

namespace nc {
namespace {

constexpr std::int64_t default_forming_timeout_ms = 60'000;
constexpr std::int64_t default_operation_timeout_ms = 300'000;

// A rank that runs out of descriptors, threads or memory while it joins a group could not join it.
nc_status joining_failure(nc_status status) {
    return status == NC_SYSTEM_ERROR || status == NC_OUT_OF_MEMORY ? NC_RENDEZVOUS_FAILED : status;
}

nc_error make_error(nc_status status, const char* message) {
    nc_error error = empty_error();
    fill(&error, status, message);
    return error;
}

std::string cancelled_text(const Work& work) {
    return text(operation_name(work.requests.operation()), " number ", work.sequence,
                " was cancelled while it was running");
}

} // namespace

Group::Group(const Settings& settings, std::shared_ptr<const nc_backend> backend, std::string backend_name)
    : settings_(settings), backend_(std::move(backend)), backend_name_(std::move(backend_name)) {}

Group::~Group() {
    shut_down();
}

std::shared_ptr<Group> Group::create(const nc_group_options& options) {
    const Settings settings{
        options.forming_timeout_ms > 0 ? options.forming_timeout_ms : default_forming_timeout_ms,
        options.operation_timeout_ms > 0 ? options.operation_timeout_ms : default_operation_timeout_ms,
        Log(options.log, options.log_context),
    };
    if (options.backend == nullptr) return std::shared_ptr<Group>(new Group(settings, nullptr, "self"));
    const BackendSettings given(options.settings, options.setting_count);
    const std::shared_ptr<const nc_backend> backend = start_backend(options.backend, given.directory);
    std::shared_ptr<Group> group(new Group(settings, backend, options.backend));
    nc_backend_options backend_options = group->backend_options();
    backend_options.rank = options.rank;
    backend_options.settings = given.others.data();
    backend_options.setting_count = given.others.size();
    backend_options.side_channel = options.side_channel;
    backend_options.side_channel_context = options.side_channel_context;
    backend_options.cancel = options.cancel;
    nc_backend_group made{nullptr, 0, 1};
    nc_error error = empty_error();
    const nc_status status = backend->create(&backend_options, &made, &error);
    if (status != NC_OK) throw Error(joining_failure(status), error.message, error.peer, error.system_error);
    group->adopt(made);
    return group;
}

nc_backend_options Group::backend_options() {
    nc_backend_options options{};
    options.forming_timeout_ms = settings_.forming_timeout_ms;
    options.log = settings_.log.callback();
    options.log_context = settings_.log.context();
    options.fault = &Group::fault_from_backend;
    options.fault_context = this;
    return options;
}

void Group::adopt(const nc_backend_group& made) {
    const std::lock_guard lock(mutex_);
    handle_ = made.handle;
    if (handle_ != nullptr && backend_->device != nullptr) device_ = backend_->device->of_group(handle_);
    rank_ = made.rank;
    size_ = made.size;
    if (!ended_) return;
    // The backend has found a fault before it was ours.
    cause_.rank = rank_;
    if (handle_ != nullptr) backend_->abort(handle_);
}

nc_status Group::status(nc_error* error) const {
    const std::lock_guard lock(mutex_);
    if (!ended_) return NC_OK;
    copy_error(error, cause_);
    return cause_.status;
}

Place Group::place() const {
    const bool has_tags = backend_ != nullptr && (backend_->features & NC_BACKEND_TAGS) != 0;
    return {rank_, size_, device_ >= 0, has_tags};
}

void Group::check(const Requests& requests) const {
    check_requests(requests, place());
}

void Group::check_supported(const nc_request& request) const {
    check_kind(request, place());
    const std::lock_guard lock(mutex_);
    if (handle_ == nullptr) return;
    nc_error error = empty_error();
    const nc_status status = backend_->supports(handle_, &request, &error);
    if (status != NC_OK) throw Error(status, error.message, error.peer, error.system_error);
}

nc_rank_info Group::rank_info(int rank) const {
    if (rank < 0 || rank >= size_)
        throw Error(NC_INVALID_ARGUMENT, text("the rank must be in [0, ", size_, "), but is ", rank));
    nc_rank_info info{sizeof info, -1, -1, -1, {}};
    const std::lock_guard lock(mutex_);
    if (!parent_ranks_.empty()) info.parent_rank = parent_ranks_[static_cast<std::size_t>(rank)];
    if (size_ == 1) {
        info.local_rank = 0;
        info.local_size = 1;
    }
    if (handle_ != nullptr && backend_->rank_info != nullptr) backend_->rank_info(handle_, rank, &info);
    return info;
}

void Group::on_fault(nc_fault_callback callback, void* context) {
    nc_error cause = empty_error();
    {
        const std::lock_guard lock(mutex_);
        if (fault_callback_ != nullptr) throw Error(NC_INVALID_ARGUMENT, "somebody is told of the group's end already");
        fault_callback_ = callback;
        fault_context_ = context;
        if (!ended_ || cause_.status == NC_CLOSED) return;
        cause = cause_;
    }
    callback(context, &cause);
}

std::int64_t Group::timeout_of(const Requests& requests) const {
    const std::int64_t longest = requests.timeout_ms();
    return longest > 0 ? longest : settings_.operation_timeout_ms;
}

Deadline Group::deadline_of(const Requests& requests) const {
    return deadline_after(timeout_of(requests));
}

void Group::refuse(nc_error& error, const Requests& requests, std::uint64_t sequence) const {
    error = cause_;
    error.earlier = 1;
    // Where the group was ended from outside, the call that failed is this one.
    if (error.operation == NC_OPERATION_NONE) {
        error.operation = requests.operation();
        error.sequence = sequence;
    }
}

Group::Order Group::order_of(const Requests& requests) const {
    const bool runs_beside = backend_ != nullptr && (backend_->features & NC_BACKEND_CONCURRENT_MESSAGES) != 0 &&
                             size_ > 1 && !requests.on_stream();
    if (!runs_beside) return Order::InTurn;
    // A batch of nothing is not numbered with the collective operations: ranks without messages may issue one.
    if (!requests.has(Part::Collectives)) return Order::Beside;
    return requests.has(Part::Messages) ? Order::Both : Order::InTurn;
}

class Group::Caller {
public:
    // Messages may be issued by any number of threads.
    Caller(Group& group, Order order) : group_(group), counts_(order != Order::Beside) {
        if (!counts_ || group.callers_.fetch_add(1) == 0 || group.warned_of_callers_.exchange(true)) return;
        group.settings_.log.write(NC_LOG_WARNING, "rank ", group.rank_,
                                  ": two threads issue operations on this group at the same time. All ranks must issue "
                                  "the same operations in the same order, which threads do not keep by themselves");
    }
    ~Caller() {
        if (counts_) group_.callers_.fetch_sub(1);
    }
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;

private:
    Group& group_;
    const bool counts_;
};

nc_status Group::execute(const Requests& requests, nc_error* error) {
    const Order order = order_of(requests);
    if (order == Order::Both) return execute_both(requests, error);
    const Caller caller(*this, order);
    const Deadline deadline = deadline_of(requests);
    nc_error failure = empty_error();
    std::uint64_t sequence = 0;
    Turn turn = Turn::GroupEnded;
    {
        std::unique_lock lock(mutex_);
        if (ended_) {
            refuse(failure, requests, number(order) + 1);
            copy_error(error, failure);
            return failure.status;
        }
        sequence = ++number(order);
        turn = order == Order::Beside ? begin_message() : await_turn(lock, sequence, deadline);
    }
    nc_status status = NC_OK;
    if (turn == Turn::Mine) {
        status = run(requests, Part::All, sequence, deadline, failure);
        order == Order::Beside ? end_message() : end_turn();
    } else {
        failure = no_turn(turn, requests, sequence);
        status = failure.status;
    }
    if (status != NC_OK) copy_error(error, failure);
    return status;
}

nc_status Group::execute_both(const Requests& requests, nc_error* error) {
    nc_error refused = empty_error();
    const std::shared_ptr<Work> work = enqueue(requests, nullptr, nullptr, refused);
    if (work == nullptr) {
        copy_error(error, refused);
        return refused.status;
    }
    // Each part of it has its deadline.
    (void)work->wait(deadline_after(longest_timeout_ms));
    return work->outcome(error);
}

Group::Turn Group::await_turn(std::unique_lock<std::mutex>& lock, std::uint64_t sequence, Deadline deadline) {
    const auto ready = [this, sequence] { return ended_ || last_ended_ + 1 == sequence; };
    if (!ready()) {
        ++waiting_;
        turn_changed_.wait_until(lock, deadline, ready);
        --waiting_;
    }
    if (ended_) return Turn::GroupEnded;
    if (!ready()) return Turn::Late;
    ++in_backend_;
    return Turn::Mine;
}

nc_error Group::no_turn(Turn turn, const Requests& requests, std::uint64_t sequence) {
    nc_error error = empty_error();
    if (turn == Turn::GroupEnded) {
        const std::lock_guard lock(mutex_);
        refuse(error, requests, sequence);
        return error;
    }
    error =
        make_error(NC_TIMEOUT, text(operation_name(requests.operation()), " did not start within ",
                                    timeout_of(requests), " ms, because the operations issued before it had not ended")
                                   .c_str());
    name_operation(error, requests, rank_, sequence);
    fault(error);
    return error;
}

void Group::end_turn() {
    const std::lock_guard lock(mutex_);
    --in_backend_;
    ++last_ended_;
    if (waiting_ > 0) turn_changed_.notify_all();
}

void Group::end_message() {
    const std::lock_guard lock(mutex_);
    --in_backend_;
}

void Group::end_hand_over(bool was_taken) {
    const std::lock_guard lock(mutex_);
    --handing_over_;
    if (!was_taken) --in_backend_;
    if (stopping_) turn_changed_.notify_all();
}

struct Group::Taken {
    Group& group;
    std::shared_ptr<Work> work;
    Part part;
};

nc_status Group::run(const Requests& requests, Part part, std::uint64_t sequence, Deadline deadline, nc_error& error,
                     Taken* taken) {
    nc_standing standing = NC_OUT_OF_STEP;
    const nc_status status = run_backend(requests, part, sequence, deadline, standing, error, taken);
    if (status == NC_OK) return NC_OK;
    error.status = status;
    return conclude(requests, sequence, standing, error);
}

nc_status Group::conclude(const Requests& requests, std::uint64_t sequence, nc_standing standing, nc_error& error) {
    const nc_status status = error.status;
    name_operation(error, requests, rank_, sequence);
    if (standing == NC_IN_STEP) return status;
    if (status != NC_ABORTED) {
        fault(error);
        return status;
    }
    // The backend only says that it was interrupted; why is known here.
    const std::lock_guard lock(mutex_);
    if (!ended_) return status;
    const std::int32_t index = error.index;
    error = cause_;
    error.index = index;
    name_operation(error, requests, rank_, sequence);
    return error.status;
}

nc_status Group::run_backend(const Requests& requests, Part part, std::uint64_t sequence, Deadline deadline,
                             nc_standing& standing, nc_error& error, Taken* taken) {
    const nc_call call{
        std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count(),
        timeout_of(requests),
        sequence,
        taken != nullptr ? &Group::taken_has_ended : nullptr,
        taken,
    };
    if (part != Part::All) {
        const std::vector<nc_request> some = requests.of(part);
        const nc_status status = backend_->execute_batch(handle_, some.data(), some.size(), &call, &standing, &error);
        error.index = requests.place(part, error.index);
        return status;
    }
    const std::span<const nc_request> all = requests.all();
    if (requests.operation() == NC_SPLIT) return guarded(&error, &standing, [&] { split(requests.single(), call); });
    if (handle_ != nullptr && requests.is_batch()) {
        // One that was enqueued ends on the backend's thread.
        if (all.empty() && taken == nullptr) return NC_OK;
        return backend_->execute_batch(handle_, all.data(), all.size(), &call, &standing, &error);
    }
    if (handle_ != nullptr) return backend_->execute(handle_, all.data(), &call, &standing, &error);
    const nc_status status = guarded(&error, [&] { std::ranges::for_each(all, execute_alone); });
    standing = NC_IN_STEP; // with nobody but itself
    return status;
}

void Group::split(const nc_request& request, const nc_call& call) {
    std::shared_ptr<Group> part(new Group(settings_, backend_, backend_name_));
    nc_backend_group made{nullptr, request.color < 0 ? -1 : 0, 1};
    std::vector<std::int32_t> parent_ranks(static_cast<std::size_t>(size_), -1);
    parent_ranks[0] = rank_; // if it has no other member
    if (handle_ != nullptr) {
        nc_backend_options options = part->backend_options();
        options.parent_ranks = parent_ranks.data();
        nc_error error = empty_error();
        nc_standing standing = NC_OUT_OF_STEP;
        const nc_status status = backend_->split(handle_, &request, &call, &options, &made, &standing, &error);
        if (status != NC_OK) {
            const bool in_step = standing == NC_IN_STEP;
            const Error failure(in_step ? joining_failure(status) : status, error.message, error.peer,
                                error.system_error);
            throw in_step ? failure.still_in_step() : failure;
        }
    }
    if (made.rank < 0) return;
    part->adopt(made);
    parent_ranks.resize(static_cast<std::size_t>(made.size));
    part->parent_ranks_ = std::move(parent_ranks);
    *request.new_group = new nc_group{std::move(part)};
}

std::shared_ptr<Work> Group::enqueue(const Requests& requests, nc_completion completion, void* context,
                                     nc_error& error) {
    const Order order = order_of(requests);
    const Caller caller(*this, order);
    const Deadline deadline = deadline_of(requests);
    const int parts = order == Order::Both ? 2 : 1;
    std::shared_ptr<Work> work;
    Turn turn = Turn::GroupEnded;
    {
        std::unique_lock lock(mutex_);
        const std::uint64_t sequence = number(order) + 1;
        if (ended_) {
            refuse(error, requests, sequence);
            return nullptr;
        }
        work = std::make_shared<Work>(requests, rank_, sequence, deadline, parts, completion, context);
        const bool for_worker = order != Order::Beside && !work->on_stream();
        if (for_worker) {
            if (!worker_.joinable()) {
                worker_ = start_thread("nc worker", [self = shared_from_this()] { self->work_loop(); });
            }
            queue_.push_back(work);
            queue_changed_.notify_one();
        }
        number(order) = sequence;
        if (order == Order::InTurn && for_worker) return work;
        if (order != Order::InTurn) ++handing_over_;
        turn = order == Order::InTurn ? await_turn(lock, sequence, deadline) : begin_message();
    }
    // On the caller's thread: what the caller issues next comes after it, on its stream or to the same peer.
    if (turn != Turn::Mine) {
        error = no_turn(turn, requests, work->sequence);
        return nullptr;
    }
    const nc_status status = hand_over(work, order == Order::Both ? Part::Messages : Part::All, error);
    order == Order::InTurn ? end_turn() : end_hand_over(status == NC_OK);
    if (status == NC_OK) return work;
    if (order != Order::Both) return nullptr;
    // The worker has the other part.
    settle(*work, status, error);
    return work;
}

nc_status Group::hand_over(const std::shared_ptr<Work>& work, Part part, nc_error& error) {
    nc_status status = NC_OK;
    const nc_status preparing = guarded(&error, [&] {
        auto taken = std::make_unique<Taken>(Taken{*this, work, part});
        (void)work->start();
        status = run(work->requests, part, work->sequence, work->deadline, error, taken.get());
        // The backend gives it back through taken_has_ended().
        if (status == NC_OK) (void)taken.release();
    });
    if (preparing == NC_OK) return status;
    fault(error);
    return preparing;
}

void Group::taken_has_ended(void* context, const nc_error* error) {
    const std::unique_ptr<Taken> taken(static_cast<Taken*>(context));
    Group& group = taken->group;
    Work& work = *taken->work;
    nc_error failure = error != nullptr ? *error : empty_error();
    nc_status status = NC_OK;
    if (error != nullptr) {
        if (taken->part != Part::All) failure.index = work.requests.place(taken->part, failure.index);
        status = group.conclude(work.requests, work.sequence, NC_OUT_OF_STEP, failure);
    }
    if (!work.on_stream()) group.end_message();
    group.settle(work, status, failure);
}

void Group::work_loop() {
    for (;;) {
        std::shared_ptr<Work> work;
        {
            std::unique_lock lock(mutex_);
            // No deadline: nothing is being waited for, and shut_down() ends it.
            queue_changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            work = std::move(queue_.front());
            queue_.pop_front();
        }
        // Nothing leaves a thread: what could (memory that runs out) ends the operation and the group.
        nc_error error = empty_error();
        const nc_status status = guarded(&error, [&] { run_work(*work); });
        if (status == NC_OK) continue;
        fault(error);
        nc_status outcome = status;
        if (work->end_part(outcome, error)) work->complete(&error);
    }
}

void Group::run_work(Work& work) {
    Turn turn = await_turn(work.sequence, work.deadline);
    // The turn of one that was cancelled passes, whenever it comes; those before it have deadlines of their own.
    if (turn == Turn::Late && !work.start()) turn = await_turn(work.sequence, deadline_after(longest_timeout_ms));
    nc_error error = empty_error();
    if (turn != Turn::Mine) {
        error = no_turn(turn, work.requests, work.sequence);
        settle(work, error.status, error);
        return;
    }
    if (!work.start()) {
        end_turn();
        return;
    }
    const Part part = order_of(work.requests) == Order::Both ? Part::Collectives : Part::All;
    const nc_status status = run(work.requests, part, work.sequence, work.deadline, error);
    end_turn();
    settle(work, status, error);
}

void Group::settle(Work& work, nc_status status, nc_error& error) {
    if (!work.end_part(status, error)) return;
    if (work.end()) {
        // The canceller may not have come so far yet. Whoever hears of the cancellation finds the group ended.
        end_cancelled(work);
        const bool made_a_group = status == NC_OK && work.requests.operation() == NC_SPLIT;
        status = describe_cancellation(work, status, error);
        // Nobody is going to get it.
        if (made_a_group) nc_group_destroy(std::exchange(*work.requests.single().new_group, nullptr));
    }
    work.complete(status == NC_OK ? nullptr : &error);
}

nc_status Group::describe_cancellation(const Work& work, nc_status status, nc_error& error) const {
    const std::lock_guard lock(mutex_);
    const bool is_cause = cancelled_ == &work;
    // A failure of its own that had ended the group before stays what it is.
    if (status != NC_OK && status != NC_ABORTED && !is_cause) return status;
    error = is_cause ? cause_ : make_error(NC_CANCELLED, cancelled_text(work).c_str());
    error.status = NC_CANCELLED;
    name_operation(error, work.requests, work.rank, work.sequence);
    return NC_CANCELLED;
}

void Group::cancel(Work& work) {
    // Whether it is running is decided under the work's lock: see settle().
    if (work.cancel() == Work::Cancellation::WasRunning) end_cancelled(work);
}

void Group::end_cancelled(const Work& work) {
    end(make_error(NC_ABORTED, text("the group was aborted: ", cancelled_text(work)).c_str()), true, &work);
}

void Group::abort(const char* reason) {
    const std::string message =
        reason != nullptr ? text("the group was aborted: ", reason) : std::string("the group was aborted");
    end(make_error(NC_ABORTED, message.c_str()), true);
}

void Group::fault(const nc_error& cause) {
    end(cause, cause.status != NC_TIMEOUT);
}

void Group::fault_from_backend(void* context, const nc_error* cause) {
    static_cast<Group*>(context)->fault(*cause);
}

void Group::end(const nc_error& cause, bool tell_peers, const Work* cancelled) {
    bool first = false;
    int rank = 0;
    nc_fault_callback callback = nullptr;
    void* context = nullptr;
    {
        const std::lock_guard lock(mutex_);
        first = !std::exchange(ended_, true);
        rank = rank_;
        callback = fault_callback_;
        context = fault_context_;
        if (first) {
            cause_ = cause;
            cause_.rank = rank;
            cancelled_ = cancelled;
        }
        if (tell_peers && handle_ != nullptr) backend_->abort(handle_);
        turn_changed_.notify_all();
    }
    if (!first) return;
    settings_.log.write(NC_LOG_ERROR, "rank ", rank, ": ", cause.message);
    nc_error told = cause;
    told.rank = rank;
    if (callback != nullptr) callback(context, &told);
}

void Group::close() {
    void* unused = nullptr;
    {
        const std::lock_guard lock(mutex_);
        const bool first = !std::exchange(ended_, true);
        if (first) {
            cause_ = make_error(NC_CLOSED, "the group was closed");
            cause_.rank = rank_;
        }
        // Also in a group that had ended: after a timeout, what was running runs on.
        const bool interrupts = in_backend_ > 0 || (first && last_issued_ != last_ended_);
        if (interrupts && handle_ != nullptr) backend_->abort(handle_);
        if (in_backend_ == 0 && handing_over_ == 0) unused = std::exchange(handle_, nullptr);
        turn_changed_.notify_all();
    }
    if (unused != nullptr) backend_->destroy(unused);
}

void Group::shut_down() {
    close();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        queue_changed_.notify_all();
    }
    if (worker_.joinable()) {
        if (worker_.get_id() == std::this_thread::get_id()) {
            worker_.detach();
        } else {
            worker_.join();
        }
    }
    // A running operation kept it; messages that were enqueued end with it.
    void* unused = nullptr;
    {
        std::unique_lock lock(mutex_);
        // A completion may have issued them. No deadline: the backend takes a message without waiting for anybody.
        turn_changed_.wait(lock, [this] { return handing_over_ == 0; });
        unused = std::exchange(handle_, nullptr);
    }
    if (unused != nullptr) backend_->destroy(unused);
}

} // namespace nc
