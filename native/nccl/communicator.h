// A communicator of NCCL's. It is non-blocking: no call of NCCL's waits for a peer, so every wait is ours and has a
// deadline. NCCL lets one thread at a time use a communicator; the lock in here sees to it, and is never held while
// waiting.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "nccl/nccl_library.h"
#include "nccl/wait.h"

namespace nc::nccl {

class Communicator {
public:
    // Joins the ranks that have the same id. Throws Error(NC_RENDEZVOUS_FAILED).
    static std::unique_ptr<Communicator> form(const NcclLibrary& nccl, const UniqueId& id, int size, int rank,
                                              const OperationPatience& patience);
    // Aborts what was not left in order.
    ~Communicator();
    Communicator(const Communicator&) = delete;
    Communicator& operator=(const Communicator&) = delete;

    const NcclLibrary& nccl() const { return nccl_; }
    int rank() const { return rank_; }
    int size() const { return size_; }

    // Makes a call with the communicator, and waits until NCCL has done what it asks for on the host: launched the
    // operation, say. name is for messages. Throws Error.
    template <class Call>
    void run(const char* name, const OperationPatience& patience, Call&& call) {
        Result result = Result::Success;
        {
            const std::unique_lock lock = acquire();
            result = call(comm_);
            if (result != Result::Success && result != Result::InProgress) throw refusal(result, name);
        }
        if (result == Result::InProgress) result = settled(patience);
        if (result != Result::Success) throw failure(result, name);
    }

    // Throws Error(NC_NOT_SUPPORTED) if the library cannot split communicators.
    void require_split() const;

    // The communicator of the ranks of equal color, ordered by key; null for a negative color. Every rank must call it.
    // After a failure this communicator is aborted.
    std::unique_ptr<Communicator> split(int color, int key, const OperationPatience& patience);

    // Throws Error if NCCL has noticed a failure on its own.
    void check();

    // Ends everything that is under way, here and, where NCCL can tell them, on the peers. From any thread; returns at
    // once if another is at it.
    void abort();
    // Whether an abort is done, whoever began it.
    bool is_gone();

    // Takes leave in order, until the deadline; false if it did not come to that. Throws Error if it was aborted.
    bool leave(Deadline deadline);

private:
    Communicator(const NcclLibrary& nccl, Comm comm) : nccl_(nccl), comm_(comm) {}

    // The lock, with the communicator alive. Throws Error(NC_ABORTED) instead of waiting for an abort under way, which
    // may take NCCL its time.
    std::unique_lock<std::mutex> acquire();
    // What the communicator is at: InProgress, Success, or its failure.
    Result state();
    Result settled(const OperationPatience& patience);
    // Asks NCCL who it is.
    void introduce(const char* maker);
    // The communicator has failed.
    Error failure(Result result, const char* call);
    // With the lock held: a call has been refused. Error(NC_INVALID_ARGUMENT), with this rank still in step, if the
    // communicator is as it was.
    Error refusal(Result result, const char* call);

    const NcclLibrary& nccl_;
    std::mutex mutex_;
    Comm comm_; // null once it has been left or aborted
    std::atomic<bool> aborting_{false};
    int rank_ = -1;
    int size_ = 0;
};

} // namespace nc::nccl
