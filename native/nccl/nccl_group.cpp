#include "nccl/nccl_group.h"

#include <algorithm>
#include <utility>

#include "operation/average.h"
#include "operation/composition.h"
#include "operation/group_functions.h"
#include "operation/membership.h"
#include "operation/reduction.h"

namespace nc::nccl {
namespace {

// So many operations on streams that the watching thread should have a look.
constexpr std::size_t many_on_streams = 64;
// How long the device may take to let go of buffers once the communicator has been aborted.
constexpr std::chrono::seconds quiet_limit{2};

// NCCL's average is its sum divided by the ranks' number: that of integers overflows, and nothing is promised of
// floats. Where no program can expect elements to stay on the device we do better. All ranks must decide alike:
// integers are averaged here wherever they are.
bool is_averaged_here(const nc_request& request, const Shape& shape) {
    if (shape.mapping.reduction != Reduction::Average) return false;
    const bool is_integer = request.data_type >= NC_INT8 && request.data_type <= NC_UINT64;
    return is_integer || (request.flags & NC_REQUEST_DEVICE) == 0;
}

// What NCCL has nothing for is made of other operations of its, where the elements are within our reach.
bool is_composed_here(const nc_request& request) {
    return is_composed(request) || (traits_of(request.operation).reduces && is_bitwise(request.reduce_op));
}

Buffers buffers_of(const nc_request& request) {
    return {static_cast<const std::byte*>(request.send_buffer), static_cast<std::byte*>(request.receive_buffer)};
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
      words_(std::make_unique<DeviceMemory>(*device_, outcome_bytes(size_))),
      staging_bytes_(staging_bytes),
      copies_(std::make_unique<PinnedCopies>(*device_, events_)),
      fault_(options.fault),
      fault_context_(options.fault_context) {
    communicator_ = std::move(communicator);
}

template <class Body>
void NcclGroup::operate(nc_operation operation, const nc_call& call, Body&& body) {
    struct Executing {
        std::atomic<bool>& flag;
        explicit Executing(std::atomic<bool>& flag) : flag(flag) { flag.store(true); }
        ~Executing() { flag.store(false); }
    };
    const Executing executing(executing_);
    interruption_.throw_if_aborted();
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
    Error failure(error.status, error.message, error.peer, error.system_error);
    failure.index = error.index;
    if (in_step && !begun_) throw failure.still_in_step();
    // Told before the abort, as in end(): that of what is on streams has this cause. Of an interruption the core knows.
    if (error.status != NC_ABORTED) {
        error.operation = operation;
        error.sequence = call.sequence;
        tell_core(error);
    }
    give_up();
    throw failure;
}

void NcclGroup::give_up() {
    interruption_.abort();
    communicator_->abort();
    wake_watcher();
    // The device must not write any more to what the caller gets back. Another thread may have begun the abort: until
    // it is done, NCCL may still put the operation on a stream.
    const auto is_gone = [this] { return communicator_->is_gone(); };
    await_device(is_gone);
    await_own_streams();
    const auto is_idle = [this] { return device_->is_idle(*callers_stream_); };
    if (callers_stream_.has_value()) await_device(is_idle);
}

void NcclGroup::await_device(FunctionRef<bool()> question) {
    // A device that does not answer is beyond help.
    (void)guarded(nullptr, [&] { (void)ask_until(Clock::now() + quiet_limit, question); });
}

void NcclGroup::await_own_streams() {
    const auto is_idle = [this] { return staging_->idle(); };
    await_device(is_idle);
}

OperationPatience NcclGroup::patience_of(nc_operation operation, const nc_call& call) const {
    return {{deadline_of(call), call.timeout_ms, {}, &interruption_}, operation};
}

template <class Question>
void NcclGroup::await(const OperationPatience& patience, Question&& question) {
    unsigned int questions = 0;
    wait_until(
        [&] {
            if (question()) {
                // An abort ends kernels too, without a result.
                interruption_.throw_if_aborted();
                return true;
            }
            // A kernel that waits for a dead peer does not end by itself.
            if (++questions % 16 == 0) communicator_->check();
            return false;
        },
        patience);
}

void NcclGroup::require_supported(const nc_request& request) const {
    if ((request.flags & NC_REQUEST_DEVICE) != 0 && is_composed_here(request)) {
        const bool scans = is_scan(request.operation);
        throw Error(NC_NOT_SUPPORTED,
                    text("NCCL has no ", scans ? operation_name(request.operation) : reduce_op_name(request.reduce_op),
                         scans ? "" : " reduction", " for device memory; in host memory this backend makes one"))
            .still_in_step();
    }
    if (traits_of(request.operation).reduces && !is_composed_here(request))
        (void)map_reduced(request.data_type, request.reduce_op);
}

void NcclGroup::execute(const nc_request& request, const nc_call& call) {
    operate(request.operation, call, [&] {
        require_supported(request);
        carry_out(request, call);
    });
}

void NcclGroup::carry_out(const nc_request& request, const nc_call& call) {
    if (request.operation == NC_BARRIER) return barrier(request, call);
    if (is_composed_here(request)) return compose_on_host(request, call);
    const Shape shape = shape_of(request, rank_, size_, scratch_);
    if (shape.longest() == 0) {
        // Who waits for nothing waits for what is before it.
        if (call.completed != nullptr) {
            hold_for_last(static_cast<CudaStream>(request.stream));
            put_under_watch(static_cast<CudaStream>(request.stream), request.operation, call);
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
}

void NcclGroup::execute_batch(std::span<const nc_request> requests, const nc_call& call) {
    operate(NC_BATCH, call, [&] {
        require_each(requests, [&](const nc_request& request) { require_supported(request); });
        if ((requests.front().flags & NC_REQUEST_DEVICE) != 0) return execute_together_on_device(requests, call);
        const Batch batch(requests, rank_, size_, scratch_);
        exchange_messages(batch, call);
        const auto run = [&](const nc_request& request) { carry_out(request, call); };
        batch.run_collectives(run);
    });
}

void NcclGroup::execute_together_on_device(std::span<const nc_request> requests, const nc_call& call) {
    const OperationPatience patience = patience_of(NC_BATCH, call);
    const bool on_stream = (requests.front().flags & NC_REQUEST_STREAM) != 0;
    const CudaStream stream = on_stream ? static_cast<CudaStream>(requests.front().stream) : stream_->get();
    ScratchVector<Placed> together(scratch_);
    ScratchVector<const nc_request*> averages(scratch_);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        Shape shape = shape_of(requests[i], rank_, size_, scratch_);
        if (shape.longest() == 0) continue;
        if (is_averaged_here(requests[i], shape)) {
            averages.push_back(&requests[i]);
            continue;
        }
        try {
            (void)begin_on_device(requests[i], shape, buffers_of(requests[i]));
        } catch (const Error& error) {
            throw error.of_request(i);
        }
        together.push_back({std::move(shape), buffers_of(requests[i])});
    }
    if (!together.empty()) {
        communicator_->run("ncclGroupEnd", patience, [&](Comm comm) {
            return issue_together(communicator_->nccl(), comm, *device_, stream, together, rank_);
        });
        begun_ = true;
    }
    // Whoever waits for the batch waits for the last of it.
    nc_call unawaited = call;
    unawaited.completed = nullptr;
    for (const nc_request* average : averages)
        average_on_device(*average, unawaited, shape_of(*average, rank_, size_, scratch_));
    if (on_stream) {
        hold_for_last(stream);
        put_under_watch(stream, NC_BATCH, call);
    } else {
        await(patience, [&] { return device_->is_idle(stream); });
        events_.give_back(std::move(last_));
    }
}

void NcclGroup::exchange_messages(const Batch& batch, const nc_call& call) {
    const OperationPatience patience = patience_of(NC_BATCH, call);
    ScratchVector<Placed> messages(scratch_);
    for (const std::size_t place : batch.messages()) {
        Shape shape = shape_of(batch[place], rank_, size_, scratch_);
        if (shape.longest() > 0) messages.push_back({std::move(shape), buffers_of(batch[place])});
    }
    if (messages.empty()) return;
    hold_for_last(stream_->get());
    const auto issue_all = [&](std::span<const Placed> operations, CudaStream stream) {
        communicator_->run("ncclGroupEnd", patience, [&](Comm comm) {
            return issue_together(communicator_->nccl(), comm, *device_, stream, operations, rank_);
        });
        begun_ = true;
    };
    const auto await_event = [&](const Event& event) { await(patience, [&] { return event.passed(); }); };
    staging_->run_together(messages, issue_all, await_event);
    events_.give_back(std::move(last_));
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
    const OperationPatience patience = patience_of(request.operation, call);
    const Buffers buffers = buffers_of(request);
    const CudaStream stream = begin_on_device(request, shape, buffers);
    issue_on(stream, shape, buffers, patience);
    if (!callers_stream_.has_value()) {
        await(patience, [this] { return device_->is_idle(stream_->get()); });
        events_.give_back(std::move(last_));
    } else {
        put_under_watch(stream, request.operation, call);
    }
}

void NcclGroup::put_under_watch(CudaStream stream, nc_operation operation, const nc_call& call) {
    std::shared_ptr<Event> finished = events_.take();
    finished->record(stream);
    events_.give_back(std::exchange(last_, finished));
    last_stream_ = stream;
    const std::size_t count = on_streams_.add(
        {std::move(finished), patience_of(operation, call), call.sequence, call.completed, call.completed_context});
    // For an operation that nobody waits for the watching thread need not be woken; it comes by now and then.
    if (call.completed != nullptr || count >= many_on_streams) wake_watcher();
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
    const OperationPatience patience = patience_of(request.operation, call);
    hold_for_last(stream_->get());
    const auto issue_chunk = [&](const Shape& part, const Buffers& buffers, CudaStream stream) {
        issue_on(stream, part, buffers, patience);
    };
    const auto await_event = [&](const Event& event) { await(patience, [&] { return event.passed(); }); };
    staging_->run(shape, buffers_of(request), issue_chunk, await_event);
    events_.give_back(std::move(last_));
}

void NcclGroup::average_on_host(const nc_request& request, const nc_call& call) {
    const auto reduce_part = [&](const nc_request& part) {
        execute_staged(part, call, shape_of(part, rank_, size_, scratch_));
    };
    average(request, rank_, size_, Adder::Plain, scratch_, reduce_part);
}

void NcclGroup::compose_on_host(const nc_request& request, const nc_call& call) {
    const auto move_part = [&](const nc_request& part) {
        const Shape shape = shape_of(part, rank_, size_, scratch_);
        if (shape.longest() > 0) execute_staged(part, call, shape);
    };
    compose(request, rank_, size_, scratch_, move_part);
}

void NcclGroup::average_on_device(const nc_request& request, const nc_call& call, const Shape& shape) {
    const OperationPatience patience = patience_of(request.operation, call);
    const Buffers buffers = buffers_of(request);
    const CudaStream stream = begin_on_device(request, shape, buffers);
    const std::size_t sent_bytes = extent(shape.send) * shape.mapping.item;
    const std::size_t received_bytes = extent(shape.receive) * shape.mapping.item;
    std::byte* const sent = scratch_.take(sent_bytes);
    std::byte* const received = scratch_.take(received_bytes);
    const auto await_event = [&](const Event& event) { await(patience, [&] { return event.passed(); }); };
    copies_->to_host(sent, buffers.send, sent_bytes, stream, await_event);
    nc_request on_host = request;
    on_host.flags &= static_cast<std::uint32_t>(NC_REQUEST_UNEVEN);
    on_host.send_buffer = sent;
    on_host.receive_buffer = received;
    average_on_host(on_host, call);
    copies_->to_device(buffers.receive, received, received_bytes, stream, await_event);
    if (callers_stream_.has_value()) put_under_watch(stream, request.operation, call);
}

void NcclGroup::barrier(const nc_request& request, const nc_call& call) {
    const OperationPatience patience = patience_of(request.operation, call);
    const CudaStream stream = stream_->get();
    begun_ = true;
    hold_for_last(stream);
    std::byte* word = words_->get();
    communicator_->run("ncclAllReduce", patience, [&](Comm comm) {
        return communicator_->nccl().api().AllReduce(word, word, 1, Type::Int32, Reduction::Max, comm, stream);
    });
    await(patience, [this] { return device_->is_idle(stream_->get()); });
    events_.give_back(std::move(last_));
}

void NcclGroup::split(const nc_request& request, const nc_call& call, const nc_backend_options& options,
                      const Handover& handover) {
    operate(request.operation, call, [&] {
        const OperationPatience patience = patience_of(request.operation, call);
        // NCCL wants nothing to be under way.
        if (last_ != nullptr) await(patience, [this] { return last_->passed(); });
        communicator_->require_split();
        begun_ = true;
        std::unique_ptr<Communicator> part =
            communicator_->split(request.color, request.key < 0 ? rank_ : request.key, patience);
        // Whatever it is that this rank lacks, which may be a thread or memory.
        SplitAttempt attempt;
        attempt.take([&] {
            if (part != nullptr)
                handover.give(std::make_shared<NcclGroup>(device_, std::move(part), staging_bytes_, options));
        });
        try {
            agree(request, attempt, patience, options);
        } catch (...) {
            handover.take_back();
            throw;
        }
    });
}

void NcclGroup::agree(const nc_request& request, const SplitAttempt& attempt, const OperationPatience& patience,
                      const nc_backend_options& options) {
    hold_for_last(stream_->get());
    const auto await_stream = [&] { await(patience, [this] { return device_->is_idle(stream_->get()); }); };
    const std::vector<SplitOutcome> all =
        exchange_outcomes(*communicator_, *device_, stream_->get(), words_->get(),
                          {request.color, request.key, attempt.has_failed() ? 0 : 1}, patience, await_stream);
    events_.give_back(std::move(last_));
    // All ranks know the same now, and the communicator is as it was.
    begun_ = false;
    attempt.conclude(size_, [&](int rank) {
        const SplitOutcome& theirs = all[static_cast<std::size_t>(rank)];
        return request.color >= 0 && theirs.color == request.color && theirs.joined != 1;
    });
    std::vector<SplitChoice> choices;
    for (const SplitOutcome& each : all) choices.push_back({each.color, each.key});
    Membership(choices, request.color).tell(options.parent_ranks);
}

void NcclGroup::issue_on(CudaStream stream, const Shape& shape, const Buffers& buffers,
                         const OperationPatience& patience) {
    communicator_->run(function_name(shape.operation), patience, [&](Comm comm) {
        return issue(communicator_->nccl(), comm, *device_, stream, shape, buffers, rank_);
    });
    begun_ = true;
}

void NcclGroup::hold_for_last(CudaStream stream) {
    if (last_ != nullptr && last_stream_ != stream) last_->hold(stream);
}

void NcclGroup::abort() {
    interruption_.abort();
    wake_watcher();
}

void NcclGroup::wake_watcher() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
}

} // namespace nc::nccl
