// One rank's end of a communicator, with a thread of its own that forms it, moves its data and hears of the other
// ranks.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "doubles/nccl/config.h"
#include "doubles/nccl/cuda_bridge.h"
#include "doubles/nccl/exchange.h"
#include "doubles/nccl/library.h"
#include "doubles/nccl/unique_id.h"
#include "doubles/nccl/wake.h"

namespace nc::doubles {

// What one group launches on one communicator: operations that run at the same time, once all streams that they were
// put on have come to them.
struct Batch {
    std::vector<OperationPointer> operations;
    std::vector<void*> streams; // each once
    std::size_t arrived = 0;    // streams
    std::size_t unfinished = 0; // operations
    bool done = false;
};
using BatchPointer = std::shared_ptr<Batch>;

class Communicator : public std::enable_shared_from_this<Communicator> {
public:
    Communicator(const Identity& identity, int size, int rank, int device, const CudaBridge& cuda,
                 const Config& config);
    ~Communicator();

    const int size;
    const int rank;
    const int device;
    const Config config;

    // The function that a caller is in with this communicator, null for none. It shows callers that do not keep to one
    // thread at a time.
    std::atomic<const char*> caller = nullptr;

    using Formed = std::function<void(ncclResult_t)>;
    // Begins forming; formed is called on the communicator's thread when that has ended, well or not.
    void form(const Fault& fault, Formed formed = {});

    ncclResult_t state() const;
    // As ncclCommGetAsyncError tells it. That a caller asks makes what was held back go on.
    ncclResult_t state_for_caller();
    // Waits until the state is no longer ncclInProgress.
    ncclResult_t wait_until_ready();
    bool is_finalized() const;
    bool is_stopped() const;
    // Whether operations have been launched, or are to be, that have not ended.
    bool has_pending() const;

    // The last failure's explanation. Stays valid as long as the communicator.
    const char* last_error() const;
    void note_error(const std::string& message);

    // Throws Violation for a current context, buffers or a stream that are not what they should be. Replaces a null
    // stream by the one that it stands for.
    void check_request(Request& request) const;
    void check_current_device(bool required) const;
    // Puts a group's operations on their streams. Returns ncclInProgress if that is done later.
    ncclResult_t launch(const std::vector<Request>& requests);
    // Begins a split; the state is in progress until *made has been set.
    void split(int color, int key, const Config& child, ncclComm_t* made, const Fault& fault);
    void finalize(const Fault& fault);
    // Ends everything at once. Afterwards the communicator's thread is gone and no buffer is touched any more.
    void stop();

private:
    struct Split {
        Exchange::Choice choice;
        Config config;
        ncclComm_t* made;
        Fault fault;
        bool offered = false;
    };
    struct Arrival {
        std::shared_ptr<Communicator> communicator;
        BatchPointer batch;
        void* stream;
    };
    using Lock = std::unique_lock<std::mutex>;

    void run(const Fault& fault, Formed formed);
    ncclResult_t connect(std::unique_ptr<Exchange>& exchange, const Fault& fault);
    void work(Exchange& exchange);
    void release_held_back();
    void start_next(Exchange& exchange);
    void note_finished(Exchange& exchange);
    void advance_split(Exchange& exchange);
    void form_child(const Split& split, const std::vector<Exchange::Choice>& choices);
    void child_formed(const Split& split, ncclResult_t result);
    bool may_leave() const;
    void leave(Exchange& exchange);

    void put_on_streams(const BatchPointer& batch);
    static void arrive(void* context);
    void reached(const BatchPointer& batch, void* stream);

    // An ordered delay of what runs in the background. Throws Stopped.
    void delay(const Fault& fault);
    void fail(ncclResult_t code, const std::string& message);
    void set_ready();
    // With the lock held: a failure may have come since the call's first look. Throws NcclError.
    void require_no_failure() const;

    const Identity identity_;
    const CudaBridge cuda_;
    Wake wake_;
    std::thread thread_;

    mutable std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    ncclResult_t state_ = ncclInProgress;
    bool stopped_ = false;
    bool gone_ = false; // the communicator's thread, or as good as that
    bool finalizing_ = false;
    bool finalized_ = false;
    Fault finalize_fault_{};
    std::uint64_t launches_ = 0;
    std::uint64_t collectives_ = 0;
    BatchPointer held_back_; // until the caller asks for the state
    Fault held_back_fault_{};
    bool asked_ = false;
    std::deque<BatchPointer> batches_; // in the order in which they were launched
    std::shared_ptr<Split> split_;
    std::shared_ptr<Communicator> child_; // that is being formed
    std::vector<std::shared_ptr<Communicator>> failed_children_;
    std::deque<std::string> errors_;

    // Used by the communicator's thread alone:
    BatchPointer running_;
    std::uint64_t splits_ = 0;
};

} // namespace nc::doubles
