// This rank's place in a group of NCCL's: its communicator, the stream that operations without one of their own use,
// and a thread that looks after what is under way.
#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/log.h"
#include "nccl/communicator.h"
#include "nccl/pinned_copies.h"
#include "nccl/shape.h"
#include "nccl/split_outcomes.h"
#include "nccl/staging.h"
#include "nccl/stream_operations.h"
#include "operation/backend.h"
#include "operation/batch.h"
#include "operation/split_attempt.h"

namespace nc::nccl {

class NcclGroup;

// What makes of a part of a group what the core holds, and takes that back if other ranks could not join it.
struct Handover {
    std::function<void(std::shared_ptr<NcclGroup> part)> give;
    std::function<void()> take_back;
};

class NcclGroup {
public:
    // The context must be current. If this throws, the communicator stays the caller's.
    NcclGroup(std::shared_ptr<const Device> device, std::unique_ptr<Communicator>&& communicator,
              std::size_t staging_bytes, const nc_backend_options& options);
    ~NcclGroup() = default;
    NcclGroup(const NcclGroup&) = delete;
    NcclGroup& operator=(const NcclGroup&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    int device() const { return device_->ordinal(); }

    // Runs one operation, or puts it on the caller's stream. Throws Error.
    void execute(const nc_request& request, const nc_call& call);
    // Several at once.
    void execute_batch(std::span<const nc_request> requests, const nc_call& call);
    // From any thread: throws Error(NC_NOT_SUPPORTED) if it cannot do that.
    void require_supported(const nc_request& request) const;
    // Hands over the group of equal color; none for a negative one. Throws Error.
    void split(const nc_request& request, const nc_call& call, const nc_backend_options& options,
               const Handover& handover);

    // From any thread: ends the group soon.
    void abort();

    // The life of the thread that looks after the group.
    void watch();
    // Asks it to take leave of the peers and to free what the group has. False if that has not come about within a
    // generous time; from_watcher: it is not waited for.
    bool close(bool from_watcher);

private:
    OperationPatience patience_of(nc_operation operation, const nc_call& call) const;
    // The rest of an operation, or of one of a batch.
    void carry_out(const nc_request& request, const nc_call& call);
    // The stream for an operation on device memory: what it is given comes after all that it has to come after.
    CudaStream begin_on_device(const nc_request& request, const Shape& shape, const Buffers& buffers);
    void execute_on_device(const nc_request& request, const nc_call& call, const Shape& shape);
    // Has the watching thread see to the operation that was put on the caller's stream last.
    void put_under_watch(CudaStream stream, nc_operation operation, const nc_call& call);
    void execute_together_on_device(std::span<const nc_request> requests, const nc_call& call);
    void exchange_messages(const Batch& batch, const nc_call& call);
    void execute_staged(const nc_request& request, const nc_call& call, const Shape& shape);
    // All ranks tell each other whether they have joined their parts. Throws the failure, with which all are in step.
    void agree(const nc_request& request, const SplitAttempt& attempt, const OperationPatience& patience,
               const nc_backend_options& options);
    // Averages that are made here, of sums of NCCL's: those in host memory, and of integers.
    void average_on_host(const nc_request& request, const nc_call& call);
    // What NCCL has nothing for, of what it moves.
    void compose_on_host(const nc_request& request, const nc_call& call);
    void average_on_device(const nc_request& request, const nc_call& call, const Shape& shape);
    void barrier(const nc_request& request, const nc_call& call);
    void issue_on(CudaStream stream, const Shape& shape, const Buffers& buffers, const OperationPatience& patience);
    // What the stream is given from now on comes after the operation before, whatever stream that is on.
    void hold_for_last(CudaStream stream);
    // Throws Error(NC_INVALID_ARGUMENT) if a buffer that the operation uses is not in device memory.
    void require_device_buffers(const Shape& shape, const Buffers& buffers);
    void require_known(const char* name, const void* address);
    // Returns once the answer, which is the device's, is yes.
    template <class Question>
    void await(const OperationPatience& patience, Question&& question);
    // Runs body as an operation; what it throws ends the group, unless this rank is still in step with the others.
    template <class Body>
    void operate(nc_operation operation, const nc_call& call, Body&& body);
    // Ends the communicator, and waits for the device to let go of the operations' buffers.
    void give_up();
    // Returns once the answer is yes, or the device has failed, or after a while.
    void await_device(FunctionRef<bool()> question);
    void await_own_streams();

    void wake_watcher();
    // The watching thread's, until the group is to be left.
    void look_after();
    // Waits until there is something to do; false once the group is to be left.
    bool await_work(bool ended, std::optional<Pause>& pause);
    // Throws Error if something has gone wrong.
    void tend(std::optional<Pause>& pause);
    // Ends the group for that failure, of which the core is told.
    void end(nc_error error);
    // Ends the group, of which the core knows.
    void end_interrupted();
    // Reports the operations on streams as failed, once the device has let go of their buffers: the one that the cause,
    // which may be null, names with that, the others as interrupted.
    void fail_all(const nc_error* cause);
    void tell_core(const nc_error& error);
    // Takes leave of the peers, in order where that can be. A second time nothing is left to do.
    void leave();
    void warn_of_disorder();
    void free_resources();

    const std::shared_ptr<const Device> device_;
    const int rank_;
    const int size_;
    const Log log_;

    std::unique_ptr<Communicator> communicator_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<Event> default_stream_passed_;
    std::unique_ptr<Staging> staging_;
    std::unique_ptr<DeviceMemory> words_; // for barriers and splits, which are to need nothing new
    const std::size_t staging_bytes_;
    EventPool events_{*device_};
    std::unique_ptr<PinnedCopies> copies_; // of averages on the device

    // Only execute() and split() use these.
    Scratch scratch_;
    std::shared_ptr<Event> last_; // the operation issued last, if it may be under way
    CudaStream last_stream_ = nullptr;
    bool begun_ = false;                       // the operation at hand: whatever fails now leaves the ranks out of step
    std::optional<CudaStream> callers_stream_; // that it was put on
    // addresses in device memory that the driver has been asked about, each where its hash says
    std::array<const void*, 16> known_{};

    Interruption interruption_;
    std::atomic<bool> executing_{false};

    StreamOperations on_streams_{events_};

    std::mutex mutex_;
    std::condition_variable changed_;
    bool closing_ = false;
    bool closed_ = false;

    // Only the watching thread uses this.
    Deadline next_check_{}; // of the communicator

    std::mutex fault_mutex_; // held while the core is told; never together with mutex_
    void (*fault_)(void* context, const nc_error* error);
    void* const fault_context_;
};

} // namespace nc::nccl
