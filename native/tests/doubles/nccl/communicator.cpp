#include "doubles/nccl/communicator.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "doubles/nccl/mesh.h"

namespace nc::doubles {
namespace {

bool is_failure(ncclResult_t state) {
    return state != ncclSuccess && state != ncclInProgress;
}

} // namespace

Communicator::Communicator(const Identity& identity, int size, int rank, int device, const CudaBridge& cuda,
                           const Config& config)
    : size(size), rank(rank), device(device), config(config), identity_(identity), cuda_(cuda) {}

Communicator::~Communicator() {
    stop();
}

void Communicator::form(const Fault& fault, Formed formed) {
    thread_ = std::thread([this, fault, formed = std::move(formed)]() mutable { run(fault, std::move(formed)); });
}

ncclResult_t Communicator::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

ncclResult_t Communicator::state_for_caller() {
    const std::lock_guard lock(mutex_);
    if (held_back_ != nullptr && !asked_) {
        asked_ = true;
        wake_.set();
    }
    return state_;
}

ncclResult_t Communicator::wait_until_ready() {
    Lock lock(mutex_);
    changed_.wait(lock, [&] { return state_ != ncclInProgress || stopped_; });
    return stopped_ ? ncclInternalError : state_;
}

bool Communicator::is_finalized() const {
    const std::lock_guard lock(mutex_);
    return finalized_;
}

bool Communicator::is_stopped() const {
    const std::lock_guard lock(mutex_);
    return stopped_;
}

bool Communicator::has_pending() const {
    const std::lock_guard lock(mutex_);
    return !batches_.empty() || held_back_ != nullptr;
}

const char* Communicator::last_error() const {
    const std::lock_guard lock(mutex_);
    return errors_.empty() ? "" : errors_.back().c_str();
}

void Communicator::note_error(const std::string& message) {
    const std::lock_guard lock(mutex_);
    errors_.push_back(message);
}

void Communicator::check_current_device(bool required) const {
    const int current = cuda_.current_device();
    if (current < 0 && !required) return;
    if (current < 0) throw Violation("the calling thread has no current context");
    if (current != device)
        throw Violation(text("the current context is of device ", current, ", the communicator's is ", device));
}

void Communicator::check_request(Request& request) const {
    check_current_device(true);
    check_arguments(request, size, rank);
    int stream_device = -1;
    void* const stream = cuda_.resolve_stream(request.stream, &stream_device);
    if (stream == nullptr) throw Violation(text("there is no stream ", request.stream));
    if (stream_device != device)
        throw Violation(text("the stream is on device ", stream_device, ", the communicator on ", device));
    request.stream = stream;
    static_cast<void>(locate_buffers(request, size, rank, cuda_, device));
}

ncclResult_t Communicator::launch(const std::vector<Request>& requests) {
    auto batch = std::make_shared<Batch>();
    Fault background;
    {
        const std::lock_guard lock(mutex_);
        require_no_failure();
        for (const Request& request : requests) {
            const std::uint64_t sequence = request.is_collective() ? collectives_++ : 0;
            batch->operations.push_back(std::make_shared<Operation>(request, size, rank, sequence));
            if (std::find(batch->streams.begin(), batch->streams.end(), request.stream) == batch->streams.end())
                batch->streams.push_back(request.stream);
            if (request.fault.kind == Fault::Kind::Later) background = request.fault;
        }
        batch->unfinished = batch->operations.size();
        // Every other launch is done in the background, so that callers meet both.
        const bool later = !config.blocking && (launches_++ % 2 == 0 || background);
        if (later) {
            held_back_ = batch;
            held_back_fault_ = background;
            asked_ = false;
            state_ = ncclInProgress;
            return ncclInProgress;
        }
    }
    if (background) {
        fail(static_cast<ncclResult_t>(background.code), fault_text(background));
        throw NcclError(static_cast<ncclResult_t>(background.code), fault_text(background));
    }
    put_on_streams(batch);
    return ncclSuccess;
}

void Communicator::put_on_streams(const BatchPointer& batch) {
    {
        const std::lock_guard lock(mutex_);
        batches_.push_back(batch);
    }
    for (void* const stream : batch->streams) {
        auto arrival = std::make_unique<Arrival>(Arrival{shared_from_this(), batch, stream});
        if (cuda_.enqueue(stream, arrive, arrival.get()) != 0)
            throw Violation(text("stream ", stream, " was destroyed before the operation was on it"));
        static_cast<void>(arrival.release()); // the stream's now
    }
}

void Communicator::arrive(void* context) {
    const std::unique_ptr<Arrival> arrival(static_cast<Arrival*>(context));
    arrival->communicator->reached(arrival->batch, arrival->stream);
}

// On a stream's thread: the stream has come to the batch and stands still until it is done.
void Communicator::reached(const BatchPointer& batch, void* stream) {
    try {
        for (const OperationPointer& operation : batch->operations) {
            if (operation->request.stream != stream) continue;
            delay(operation->request.fault);
            const Fault fault = library().faults.at("async", rank);
            if (fault.kind == Fault::Kind::Kill) die();
            if (fault.kind == Fault::Kind::Return || fault.kind == Fault::Kind::Later)
                fail(static_cast<ncclResult_t>(fault.code), fault_text(fault));
            delay(fault);
        }
    } catch (const Stopped&) {
        return;
    }
    Lock lock(mutex_);
    ++batch->arrived;
    wake_.set();
    // An abort too lets the stream go on only when nothing touches the buffers any more.
    changed_.wait(lock, [&] { return batch->done || gone_; });
}

void Communicator::delay(const Fault& fault) {
    if (fault.kind != Fault::Kind::Delay && fault.kind != Fault::Kind::Never) return;
    Lock lock(mutex_);
    const auto stopped = [&] { return stopped_; };
    if (fault.kind == Fault::Kind::Never) changed_.wait(lock, stopped);
    if (fault.kind == Fault::Kind::Delay) changed_.wait_until(lock, deadline_after(fault.delay.count()), stopped);
    if (stopped_) throw Stopped{};
}

void Communicator::split(int color, int key, const Config& child, ncclComm_t* made, const Fault& fault) {
    const std::lock_guard lock(mutex_);
    require_no_failure();
    split_ = std::make_shared<Split>(Split{{color, key}, child, made, fault});
    state_ = ncclInProgress;
    wake_.set();
}

void Communicator::finalize(const Fault& fault) {
    const std::lock_guard lock(mutex_);
    require_no_failure();
    finalizing_ = true;
    finalize_fault_ = fault;
    state_ = ncclInProgress;
    wake_.set();
}

void Communicator::stop() {
    std::shared_ptr<Communicator> child;
    std::vector<std::shared_ptr<Communicator>> failed;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        child = std::move(child_);
        failed = std::move(failed_children_);
        wake_.set();
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
    if (child != nullptr) child->stop();
    for (const auto& one : failed) one->stop();
}

void Communicator::fail(ncclResult_t code, const std::string& message) {
    const std::lock_guard lock(mutex_);
    if (is_failure(state_)) return; // the first one is the cause
    state_ = code;
    errors_.push_back(message);
    wake_.set();
    changed_.notify_all();
}

void Communicator::require_no_failure() const {
    if (is_failure(state_)) throw NcclError(state_, text("the communicator has failed: ", errors_.back()));
}

void Communicator::set_ready() {
    const std::lock_guard lock(mutex_);
    if (state_ != ncclInProgress) return;
    state_ = ncclSuccess;
    changed_.notify_all();
}

// Everything below runs on the communicator's thread.

void Communicator::run(const Fault& fault, Formed formed) {
    std::unique_ptr<Exchange> exchange;
    const ncclResult_t result = connect(exchange, fault);
    if (formed) std::exchange(formed, nullptr)(result); // what it holds is let go
    if (result == ncclSuccess) {
        try {
            work(*exchange);
        } catch (const Stopped&) {
        } catch (const RemoteFailure& failure) {
            fail(ncclRemoteError, failure.what());
        } catch (const NcclError& failure) {
            fail(failure.code, failure.what());
        } catch (const Violation& violation) {
            library().violations.report(violation);
            fail(ncclInvalidUsage, violation.what());
        } catch (const std::exception& failure) {
            fail(ncclInternalError, failure.what());
        }
    }
    // The connections stay open, so that the other ranks do not hear of a failure before the caller gives the
    // communicator up.
    Lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || finalized_; });
    gone_ = true;
    changed_.notify_all();
}

ncclResult_t Communicator::connect(std::unique_ptr<Exchange>& exchange, const Fault& fault) {
    try {
        auto connections = form_mesh(identity_, size, rank, wake_.descriptor(), [this] { return is_stopped(); });
        exchange = std::make_unique<Exchange>(rank, std::move(connections));
        delay(fault);
        if (fault.kind == Fault::Kind::Later) throw NcclError(static_cast<ncclResult_t>(fault.code), fault_text(fault));
        set_ready();
        return ncclSuccess;
    } catch (const Stopped&) {
        return ncclInternalError;
    } catch (const NcclError& failure) {
        fail(failure.code, failure.what());
        return failure.code;
    } catch (const std::exception& failure) {
        fail(ncclSystemError, failure.what());
        return ncclSystemError;
    }
}

void Communicator::work(Exchange& exchange) {
    for (;;) {
        wake_.clear();
        if (is_stopped()) throw Stopped{};
        release_held_back();
        start_next(exchange);
        note_finished(exchange);
        advance_split(exchange);
        if (may_leave()) return leave(exchange);
        // What has just ended may let the next one begin: then it has been woken.
        exchange.turn(wake_.descriptor());
        note_finished(exchange);
    }
}

void Communicator::release_held_back() {
    BatchPointer batch;
    Fault fault;
    {
        const std::lock_guard lock(mutex_);
        if (!asked_) return;
        asked_ = false;
        batch = std::move(held_back_);
        fault = std::exchange(held_back_fault_, {});
    }
    if (fault) return fail(static_cast<ncclResult_t>(fault.code), fault_text(fault));
    put_on_streams(batch);
    set_ready();
}

void Communicator::start_next(Exchange& exchange) {
    {
        const std::lock_guard lock(mutex_);
        if (running_ != nullptr || batches_.empty() || is_failure(state_)) return;
        if (batches_.front()->arrived < batches_.front()->streams.size()) return;
        running_ = batches_.front();
    }
    for (const OperationPointer& operation : running_->operations) {
        try {
            operation->prepare(locate_buffers(operation->request, size, rank, cuda_, device));
        } catch (const Violation& violation) {
            throw Violation(
                text(function_name(operation->request.kind), ", when its stream reached it: ", violation.what()));
        }
    }
    exchange.start(running_->operations);
}

void Communicator::note_finished(Exchange& exchange) {
    for (std::size_t finished = exchange.take_finished().size(); finished > 0; --finished) --running_->unfinished;
    if (running_ == nullptr || running_->unfinished > 0) return;
    const std::lock_guard lock(mutex_);
    running_->done = true;
    running_.reset();
    batches_.pop_front();
    changed_.notify_all();
    if (!batches_.empty() || finalizing_) wake_.set();
}

void Communicator::advance_split(Exchange& exchange) {
    std::shared_ptr<Split> current;
    {
        const std::lock_guard lock(mutex_);
        current = split_;
    }
    if (current == nullptr) return;
    if (!current->offered) {
        current->offered = true;
        exchange.offer_split(current->choice);
    }
    const auto choices = exchange.take_split();
    if (!choices) return;
    {
        const std::lock_guard lock(mutex_);
        split_.reset();
    }
    ++splits_;
    form_child(*current, *choices);
}

void Communicator::form_child(const Split& split, const std::vector<Exchange::Choice>& choices) {
    if (split.choice.color == nccl_no_color) {
        delay(split.fault);
        if (split.fault.kind == Fault::Kind::Later)
            return fail(static_cast<ncclResult_t>(split.fault.code), fault_text(split.fault));
        *split.made = nullptr;
        return set_ready();
    }
    // Ranks of equal keys stay in the order that they have here.
    std::vector<int> members;
    for (int member = 0; member < size; ++member) {
        if (choices[static_cast<std::size_t>(member)].color == split.choice.color) members.push_back(member);
    }
    std::stable_sort(members.begin(), members.end(), [&](int a, int b) {
        return choices[static_cast<std::size_t>(a)].key < choices[static_cast<std::size_t>(b)].key;
    });
    const auto own = static_cast<int>(std::find(members.begin(), members.end(), rank) - members.begin());
    const Identity identity = derived_identity(identity_, splits_, split.choice.color);
    auto child =
        std::make_shared<Communicator>(identity, static_cast<int>(members.size()), own, device, cuda_, split.config);

    const std::lock_guard lock(mutex_);
    if (stopped_) throw Stopped{};
    child_ = child;
    child->form(split.fault,
                [parent = shared_from_this(), split](ncclResult_t result) { parent->child_formed(split, result); });
}

// On the child's thread.
void Communicator::child_formed(const Split& split, ncclResult_t result) {
    std::string message;
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return; // and ends the child
        const auto child = std::move(child_);
        if (result == ncclSuccess) {
            const std::lock_guard table_lock(library().mutex);
            *split.made = library().communicators.add(child);
        } else {
            *split.made = nullptr;
            failed_children_.push_back(child);
            message = child->last_error();
        }
    }
    result == ncclSuccess ? set_ready() : fail(result, message);
}

bool Communicator::may_leave() const {
    const std::lock_guard lock(mutex_);
    return finalizing_ && batches_.empty() && !is_failure(state_);
}

void Communicator::leave(Exchange& exchange) {
    Fault fault;
    {
        const std::lock_guard lock(mutex_);
        fault = finalize_fault_;
    }
    delay(fault);
    if (fault.kind == Fault::Kind::Later) throw NcclError(static_cast<ncclResult_t>(fault.code), fault_text(fault));
    try {
        exchange.say_goodbye();
        while (!exchange.is_flushed()) {
            wake_.clear();
            if (is_stopped()) throw Stopped{};
            exchange.turn(wake_.descriptor());
        }
    } catch (const RemoteFailure&) {
        // Nothing of this rank's is unfinished: who else leaves, and how, no longer matters.
    }
    const std::lock_guard lock(mutex_);
    finalized_ = true;
    state_ = ncclSuccess;
    changed_.notify_all();
}

} // namespace nc::doubles
