#include "nccl/nccl_group.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "nccl/reclaimer.h"
#include "operation/average.h"

namespace nc::nccl {
namespace {

// How often the communicator is asked whether it has failed: while nothing, and while something is under way.
constexpr std::chrono::milliseconds idle_interval{100};
constexpr std::chrono::milliseconds busy_interval{1};
// So many operations on streams that the watching thread should have a look.
constexpr std::size_t many_on_streams = 64;
// How long the end of a group waits for operations on streams, for NCCL's leave-taking, and for the thread that does
// both.
constexpr std::chrono::seconds grace{1};
constexpr std::chrono::seconds closing_limit{8};
// How long the device may take to let go of buffers once the communicator has been aborted.
constexpr std::chrono::seconds quiet_limit{2};

// What a rank tells the others of its attempt to join its part of a group.
struct SplitOutcome {
    std::int32_t color;
    std::int32_t joined;
};

constexpr std::size_t copied_at_once = std::size_t{1} << 20;

// NCCL's average is its sum divided by the ranks' number: that of integers overflows, and nothing is promised of
// floats. Where no program can expect elements to stay on the device we do better. All ranks must decide alike:
// integers are averaged here wherever they are.
bool is_averaged_here(const nc_request& request, const Shape& shape) {
    if (shape.mapping.reduction != Reduction::Average) return false;
    const bool is_integer = request.data_type >= NC_INT8 && request.data_type <= NC_UINT64;
    return is_integer || (request.flags & NC_REQUEST_DEVICE) == 0;
}

Buffers buffers_of(const nc_request& request) {
    return {static_cast<const std::byte*>(request.send_buffer), static_cast<std::byte*>(request.receive_buffer)};
}

const char* function_name(nc_operation operation) {
    switch (operation) {
        case NC_ALL_REDUCE:
            return "ncclAllReduce";
        case NC_ALL_GATHER:
            return "ncclAllGather";
        case NC_REDUCE_SCATTER:
            return "ncclReduceScatter";
        case NC_BROADCAST:
            return "ncclBroadcast";
        case NC_REDUCE:
            return "ncclReduce";
        case NC_GATHER:
            return "ncclGather";
        case NC_SCATTER:
            return "ncclScatter";
        case NC_ALL_TO_ALL:
            return "ncclAlltoAll";
        case NC_SEND:
            return "ncclSend";
        case NC_RECEIVE:
            return "ncclRecv";
        default:
            return "NCCL";
    }
}

} // namespace

NcclGroup::NcclGroup(std::shared_ptr<const Device> device, std::unique_ptr<Communicator>&& communicator,
                     std::size_t staging_bytes, const nc_backend_options& options)
    : device_(std::move(device)),
      rank_(communicator->rank()),
      size_(communicator->size()),
      log_(options.log, options.log_context),
      stream_(std::make_unique<Stream>(*device_)),
      default_stream_passed_(std::make_unique<Event>(*device_)),
      staging_(std::make_unique<Staging>(*device_, stream_->get(), staging_bytes, size_)),
      words_(std::make_unique<DeviceMemory>(*device_, sizeof(SplitOutcome) * (static_cast<std::size_t>(size_) + 1))),
      staging_bytes_(staging_bytes),
      fault_(options.fault),
      fault_context_(options.fault_context) {
    communicator_ = std::move(communicator);
}

// ---- operations -----------------------------------------------------------------------------------------------------

template <class Body>
void NcclGroup::operate(const nc_request& request, const nc_call& call, Body&& body) {
    struct Executing {
        std::atomic<bool>& flag;
        explicit Executing(std::atomic<bool>& flag) : flag(flag) { flag.store(true); }
        ~Executing() { flag.store(false); }
    };
    const Executing executing(executing_);
    if (aborted_.load()) throw interrupted();
    const Device::Scope scope(*device_);
    scratch_.clear();
    begun_ = false;
    callers_stream_.reset();
    nc_error error = empty_error();
    nc_standing standing = NC_OUT_OF_STEP;
    error.status = guarded(&error, &standing, body);
    if (error.status == NC_OK) return;
    const bool in_step = standing == NC_IN_STEP;
    // What the caller could be blamed for may have been found too late for that.
    if (in_step && begun_) error.status = NC_LIBRARY_ERROR;
    const Error failure(error.status, error.message, error.peer, error.system_error);
    if (in_step && !begun_) throw failure.still_in_step();
    // Told before the abort, as in end(): that of what is on streams has this cause. Of an interruption the core knows.
    if (error.status != NC_ABORTED) {
        error.operation = request.operation;
        error.sequence = call.sequence;
        tell_core(error);
    }
    give_up();
    throw failure;
}

void NcclGroup::give_up() {
    aborted_.store(true);
    communicator_->abort();
    {
        const std::lock_guard lock(mutex_);
        changed_.notify_all();
    }
    // The device must not write any more to what the caller gets back. Another thread may have begun the abort: until
    // it is done, NCCL may still put the operation on a stream.
    await_device([this] { return communicator_->is_gone(); });
    await_own_streams();
    if (callers_stream_.has_value()) await_device([this] { return device_->is_idle(*callers_stream_); });
}

template <class Question>
void NcclGroup::await_device(Question&& question) {
    // A device that does not answer is beyond help.
    (void)guarded(nullptr, [&] { (void)ask_until(Clock::now() + quiet_limit, question); });
}

void NcclGroup::await_own_streams() {
    await_device([this] { return staging_->idle(); });
}

Patience NcclGroup::patience_of(const nc_request& request, const nc_call& call) const {
    return {Deadline(std::chrono::nanoseconds(call.deadline_ns)), call.timeout_ms, request.operation, &aborted_, {}};
}

template <class Question>
void NcclGroup::await(const Patience& patience, Question&& question) {
    unsigned int questions = 0;
    wait_until(
        [&] {
            if (question()) {
                // An abort ends kernels too, without a result.
                if (aborted_.load()) throw interrupted();
                return true;
            }
            // A kernel that waits for a dead peer does not end by itself.
            if (++questions % 16 == 0) communicator_->check();
            return false;
        },
        patience);
}

void NcclGroup::execute(const nc_request& request, const nc_call& call) {
    operate(request, call, [&] {
        if (request.operation == NC_BARRIER) {
            barrier(request, call);
            return;
        }
        const Shape shape = shape_of(request, rank_, size_, scratch_);
        if (shape.longest() == 0) {
            // Who waits for nothing waits for what is before it.
            if (call.completed != nullptr) {
                hold_for_last(static_cast<CudaStream>(request.stream));
                put_under_watch(request, call);
            }
        } else if ((request.flags & NC_REQUEST_DEVICE) != 0) {
            if (is_averaged_here(request, shape)) {
                average_on_device(request, call, shape);
            } else {
                execute_on_device(request, call, shape);
            }
        } else if (is_averaged_here(request, shape)) {
            average_on_host(request, call);
        } else {
            execute_staged(request, call, shape);
        }
    });
}

CudaStream NcclGroup::begin_on_device(const nc_request& request, const Shape& shape, const Buffers& buffers) {
    require_device_buffers(shape, buffers);
    if ((request.flags & NC_REQUEST_STREAM) != 0) {
        const auto stream = static_cast<CudaStream>(request.stream);
        hold_for_last(stream);
        callers_stream_ = stream;
        return stream;
    }
    const CudaStream stream = stream_->get();
    if (!device_->is_idle(nullptr)) {
        default_stream_passed_->record(nullptr);
        default_stream_passed_->hold(stream);
    }
    hold_for_last(stream);
    return stream;
}

void NcclGroup::execute_on_device(const nc_request& request, const nc_call& call, const Shape& shape) {
    const Patience patience = patience_of(request, call);
    const Buffers buffers = buffers_of(request);
    const CudaStream stream = begin_on_device(request, shape, buffers);
    issue_on(stream, shape, buffers, patience);
    if (!callers_stream_.has_value()) {
        await(patience, [this] { return device_->is_idle(stream_->get()); });
        give_back(std::move(last_));
    } else {
        put_under_watch(request, call);
    }
}

void NcclGroup::put_under_watch(const nc_request& request, const nc_call& call) {
    const auto stream = static_cast<CudaStream>(request.stream);
    std::shared_ptr<Event> finished = take_event();
    finished->record(stream);
    give_back(std::exchange(last_, finished));
    last_stream_ = stream;
    const std::lock_guard lock(mutex_);
    on_streams_.push_back(
        {std::move(finished), patience_of(request, call), call.sequence, call.completed, call.completed_context});
    // For an operation that nobody waits for the watching thread need not be woken; it comes by now and then.
    if (call.completed != nullptr || on_streams_.size() >= many_on_streams) changed_.notify_all();
}

void NcclGroup::require_device_buffers(const Shape& shape, const Buffers& buffers) {
    if (extent(shape.send) > 0) require_known("the send buffer", buffers.send);
    if (extent(shape.receive) > 0) require_known("the receive buffer", buffers.receive);
}

void NcclGroup::require_known(const char* name, const void* address) {
    // Asking costs as much as a part of a small operation; programs use the same buffers again and again.
    const void*& known = known_[std::hash<CudaAddress>{}(device_address(address) / 256) % known_.size()];
    if (known == address) return;
    device_->require_own(name, address);
    known = address;
}

void NcclGroup::execute_staged(const nc_request& request, const nc_call& call, const Shape& shape) {
    const Patience patience = patience_of(request, call);
    hold_for_last(stream_->get());
    const auto issue_chunk = [&](const Shape& part, const Buffers& buffers, CudaStream stream) {
        issue_on(stream, part, buffers, patience);
    };
    const auto await_event = [&](const Event& event) { await(patience, [&] { return event.passed(); }); };
    staging_->run(shape, buffers_of(request), issue_chunk, await_event);
    give_back(std::move(last_));
}

void NcclGroup::average_on_host(const nc_request& request, const nc_call& call) {
    const auto reduce_part = [&](const nc_request& part) {
        execute_staged(part, call, shape_of(part, rank_, size_, scratch_));
    };
    average(request, rank_, size_, Adder::Plain, scratch_, reduce_part);
}

void NcclGroup::average_on_device(const nc_request& request, const nc_call& call, const Shape& shape) {
    const Patience patience = patience_of(request, call);
    const Buffers buffers = buffers_of(request);
    const CudaStream stream = begin_on_device(request, shape, buffers);
    const std::size_t sent_bytes = extent(shape.send) * shape.mapping.item;
    const std::size_t received_bytes = extent(shape.receive) * shape.mapping.item;
    std::byte* const sent = scratch_.take(sent_bytes);
    std::byte* const received = scratch_.take(received_bytes);
    copy_to_host(sent, buffers.send, sent_bytes, stream, patience);
    nc_request on_host = request;
    on_host.flags &= static_cast<std::uint32_t>(NC_REQUEST_UNEVEN);
    on_host.send_buffer = sent;
    on_host.receive_buffer = received;
    average_on_host(on_host, call);
    copy_to_device(buffers.receive, received, received_bytes, stream, patience);
    if (callers_stream_.has_value()) put_under_watch(request, call);
}

template <class Copy>
void NcclGroup::copy_in_pieces(std::size_t bytes, CudaStream stream, const Patience& patience, Copy&& copy) {
    if (bytes == 0) return;
    if (pinned_ == nullptr) pinned_ = std::make_unique<PinnedMemory>(*device_, copied_at_once);
    const std::shared_ptr<Event> copied = take_event();
    for (std::size_t done = 0; done < bytes; done += copied_at_once) {
        const std::size_t length = std::min(bytes - done, copied_at_once);
        copy(pinned_->get(), done, length, [&] {
            copied->record(stream);
            await(patience, [&] { return copied->passed(); });
        });
    }
    give_back(copied);
}

void NcclGroup::copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes, CudaStream stream,
                             const Patience& patience) {
    copy_in_pieces(
        bytes, stream, patience, [&](std::byte* pinned, std::size_t at, std::size_t length, auto&& await_copy) {
            device_->cuda().check(device_->api().MemcpyDtoHAsync(pinned, device_address(from + at), length, stream),
                                  "cuMemcpyDtoHAsync");
            await_copy();
            std::memcpy(to + at, pinned, length);
        });
}

void NcclGroup::copy_to_device(std::byte* to, const std::byte* from, std::size_t bytes, CudaStream stream,
                               const Patience& patience) {
    copy_in_pieces(
        bytes, stream, patience, [&](std::byte* pinned, std::size_t at, std::size_t length, auto&& await_copy) {
            std::memcpy(pinned, from + at, length);
            device_->cuda().check(device_->api().MemcpyHtoDAsync(device_address(to + at), pinned, length, stream),
                                  "cuMemcpyHtoDAsync");
            await_copy();
        });
}

void NcclGroup::barrier(const nc_request& request, const nc_call& call) {
    const Patience patience = patience_of(request, call);
    const CudaStream stream = stream_->get();
    begun_ = true;
    hold_for_last(stream);
    std::byte* word = words_->get();
    communicator_->run("ncclAllReduce", patience, [&](Comm comm) {
        return communicator_->nccl().api().AllReduce(word, word, 1, Type::Int32, Reduction::Max, comm, stream);
    });
    await(patience, [this] { return device_->is_idle(stream_->get()); });
    give_back(std::move(last_));
}

void NcclGroup::split(const nc_request& request, const nc_call& call, const nc_backend_options& options,
                      Handover& handover) {
    operate(request, call, [&] {
        const Patience patience = patience_of(request, call);
        // NCCL wants nothing to be under way.
        if (last_ != nullptr) await(patience, [this] { return last_->passed(); });
        communicator_->require_split();
        begun_ = true;
        std::unique_ptr<Communicator> part =
            communicator_->split(request.color, request.key < 0 ? rank_ : request.key, patience);
        // Whatever it is that this rank lacks, which may be a thread or memory.
        std::optional<Error> failure;
        nc_error error = empty_error();
        const nc_status status = guarded(&error, [&] {
            if (part != nullptr)
                handover.give(std::make_shared<NcclGroup>(device_, std::move(part), staging_bytes_, options));
        });
        if (status != NC_OK) failure.emplace(NC_RENDEZVOUS_FAILED, error.message, error.peer, error.system_error);
        try {
            agree(request.color, failure, patience);
        } catch (...) {
            handover.take_back();
            throw;
        }
    });
}

// NCCL has split the communicator, and knows nothing of what a rank lacks besides.
void NcclGroup::agree(int color, const std::optional<Error>& failure, const Patience& patience) {
    const SplitOutcome own{color, failure.has_value() ? 0 : 1};
    std::vector<SplitOutcome> all(static_cast<std::size_t>(size_));
    const std::size_t bytes = all.size() * sizeof own;
    const CudaStream stream = stream_->get();
    std::byte* const told = words_->get();
    std::byte* const heard = told + sizeof own;
    const auto finished = [&] { return device_->is_idle(stream); };
    hold_for_last(stream);
    device_->cuda().check(device_->api().MemcpyHtoDAsync(device_address(told), &own, sizeof own, stream),
                          "cuMemcpyHtoDAsync");
    communicator_->run("ncclAllGather", patience, [&](Comm comm) {
        return communicator_->nccl().api().AllGather(told, heard, sizeof own / sizeof(std::int32_t), Type::Int32, comm,
                                                     stream);
    });
    // The copy waits for the stream, without a deadline.
    await(patience, finished);
    device_->cuda().check(device_->api().MemcpyDtoHAsync(all.data(), device_address(heard), bytes, stream),
                          "cuMemcpyDtoHAsync");
    await(patience, finished);
    give_back(std::move(last_));
    // All ranks know the same now, and the communicator is as it was.
    begun_ = false;
    if (failure.has_value()) throw failure->still_in_step();
    for (int rank = 0; rank < size_; ++rank) {
        const SplitOutcome& theirs = all[static_cast<std::size_t>(rank)];
        if (color < 0 || theirs.color != color || theirs.joined == 1) continue;
        throw Error(NC_RENDEZVOUS_FAILED,
                    text("rank ", rank, " could not join its part of the group; its own error says why"), rank)
            .still_in_step();
    }
}

void NcclGroup::issue_on(CudaStream stream, const Shape& shape, const Buffers& buffers, const Patience& patience) {
    communicator_->run(function_name(shape.operation), patience, [&](Comm comm) {
        return issue(communicator_->nccl(), comm, *device_, stream, shape, buffers, rank_);
    });
    begun_ = true;
}

void NcclGroup::hold_for_last(CudaStream stream) {
    if (last_ != nullptr && last_stream_ != stream) last_->hold(stream);
}

std::shared_ptr<Event> NcclGroup::take_event() {
    {
        const std::lock_guard lock(mutex_);
        if (!events_.empty()) {
            std::shared_ptr<Event> event = std::move(events_.back());
            events_.pop_back();
            return event;
        }
    }
    return std::make_shared<Event>(*device_);
}

void NcclGroup::give_back(std::shared_ptr<Event> event) {
    if (event == nullptr || event.use_count() > 1) return;
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
}

void NcclGroup::abort() {
    aborted_.store(true);
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
}

// ---- the watching thread --------------------------------------------------------------------------------------------

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
        if (!aborted_.load()) {
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
    // An operation on a stream is to blame, unless there is none: the one that is late, or the first.
    {
        const std::lock_guard lock(mutex_);
        const auto late = std::find_if(on_streams_.begin(), on_streams_.end(),
                                       [this](const OnStream& each) { return each.sequence == late_; });
        const auto blamed = late != on_streams_.end() ? late : on_streams_.begin();
        if (blamed != on_streams_.end()) {
            error.operation = blamed->patience.operation;
            error.sequence = blamed->sequence;
        }
    }
    // The core is told first: what the abort brings about has this cause.
    tell_core(error);
    aborted_.store(true);
    communicator_->abort();
    fail_all(&error);
}

void NcclGroup::end_interrupted() {
    communicator_->abort();
    fail_all(nullptr);
}

bool NcclGroup::await_work(bool ended, std::optional<Pause>& pause) {
    std::unique_lock lock(mutex_);
    const auto called = [&] { return closing_ || (aborted_.load() && !ended); };
    if (on_streams_.empty()) {
        changed_.wait_for(lock, idle_interval, [&] { return called() || !on_streams_.empty(); });
        pause.reset();
    } else if (!ended && !called()) {
        if (on_streams_.front().completed == nullptr) {
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
    while (finish_first()) pause.reset();
    const Deadline now = Clock::now();
    if (now < next_check_) return;
    next_check_ = now + busy_interval;
    check_deadlines(now);
    // An operation that is being executed finds out for itself.
    if (!executing_.load()) communicator_->check();
}

bool NcclGroup::finish_first() {
    std::shared_ptr<Event> finished;
    nc_completion completed = nullptr;
    void* context = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (on_streams_.empty()) return false;
        OnStream& first = on_streams_.front();
        if (!first.finished->passed()) return false;
        // An abort ends kernels too, without a result.
        if (aborted_.load()) throw interrupted();
        finished = std::move(first.finished);
        completed = first.completed;
        context = first.context;
        on_streams_.pop_front();
    }
    give_back(std::move(finished));
    if (completed != nullptr) completed(context, nullptr);
    return true;
}

void NcclGroup::check_deadlines(Deadline now) {
    const std::lock_guard lock(mutex_);
    for (const OnStream& each : on_streams_) {
        if (now < each.patience.deadline) continue;
        late_ = each.sequence;
        each.patience.check();
    }
}

void NcclGroup::fail_all(const nc_error* cause) {
    await_streams();
    for (;;) {
        std::optional<OnStream> failed;
        {
            const std::lock_guard lock(mutex_);
            if (on_streams_.empty()) return;
            failed.emplace(std::move(on_streams_.front()));
            on_streams_.pop_front();
        }
        if (failed->completed == nullptr) continue;
        nc_error error = empty_error();
        fill(&error, NC_ABORTED, "the operation was interrupted");
        error.operation = failed->patience.operation;
        error.sequence = failed->sequence;
        failed->completed(failed->context, cause != nullptr && cause->sequence == failed->sequence ? cause : &error);
    }
}

void NcclGroup::await_streams() {
    std::shared_ptr<Event> last;
    {
        const std::lock_guard lock(mutex_);
        if (on_streams_.empty()) return;
        last = on_streams_.back().finished;
    }
    // Each operation waits for the one before.
    await_device([&] { return last->passed(); });
}

void NcclGroup::tell_core(const nc_error& error) {
    const std::lock_guard lock(fault_mutex_);
    if (fault_ != nullptr) fault_(fault_context_, &error);
}

void NcclGroup::leave() {
    const auto none_on_streams = [this] {
        while (finish_first()) {}
        const std::lock_guard lock(mutex_);
        return on_streams_.empty();
    };
    bool in_order = false;
    const nc_status status = guarded(nullptr, [&] {
        in_order = !aborted_.load() && ask_until(Clock::now() + grace, none_on_streams) &&
                   communicator_->leave(Clock::now() + grace);
    });
    if (status == NC_OK && in_order) return;
    if (!aborted_.exchange(true)) warn_of_disorder();
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
        pinned_.reset();
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
