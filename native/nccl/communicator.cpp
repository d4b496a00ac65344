#include "nccl/communicator.h"

namespace nc::nccl {
namespace {

constexpr int no_color = -1; // NCCL_SPLIT_NOCOLOR

nc_status status_of(Result result) {
    switch (result) {
        case Result::RemoteError:
            return NC_PEER_LOST;
        case Result::Timeout:
            return NC_TIMEOUT;
        default:
            return NC_LIBRARY_ERROR;
    }
}

} // namespace

std::unique_ptr<Communicator> Communicator::form(const NcclLibrary& nccl, const UniqueId& id, int size, int rank,
                                                 const OperationPatience& patience) {
    std::unique_ptr<Communicator> made(new Communicator(nccl, nullptr));
    Config config = nccl.config();
    const Result result = nccl.api().CommInitRankConfig(&made->comm_, size, id, rank, &config);
    if ((result != Result::Success && result != Result::InProgress) || made->comm_ == nullptr) {
        fail_rendezvous(nccl.explain(result, "ncclCommInitRankConfig", nullptr));
    }
    const Result outcome = made->settled(patience);
    if (outcome != Result::Success) fail_rendezvous(made->failure(outcome, "ncclCommInitRankConfig").what());
    made->introduce("ncclCommInitRankConfig");
    return made;
}

Communicator::~Communicator() {
    abort();
    // One that another thread had begun.
    const std::lock_guard lock(mutex_);
}

void Communicator::introduce(const char* maker) {
    const std::unique_lock lock = acquire();
    Result result = nccl_.api().CommUserRank(comm_, &rank_);
    if (result == Result::Success) result = nccl_.api().CommCount(comm_, &size_);
    if (result != Result::Success) throw Error(status_of(result), nccl_.explain(result, maker, comm_));
}

std::unique_lock<std::mutex> Communicator::acquire() {
    std::unique_lock lock(mutex_, std::try_to_lock);
    while (!lock.owns_lock()) {
        if (aborting_.load()) throw Error(NC_ABORTED, interruption_text);
        std::this_thread::yield();
        (void)lock.try_lock();
    }
    if (comm_ == nullptr) throw Error(NC_ABORTED, interruption_text);
    return lock;
}

Result Communicator::state() {
    const std::unique_lock lock = acquire();
    Result pending = Result::Success;
    const Result result = nccl_.api().CommGetAsyncError(comm_, &pending);
    return result != Result::Success ? result : pending;
}

Result Communicator::settled(const OperationPatience& patience) {
    Result result = Result::InProgress;
    wait_until(
        [&] {
            result = state();
            return result != Result::InProgress;
        },
        patience);
    return result;
}

Error Communicator::failure(Result result, const char* call) {
    const std::unique_lock lock = acquire();
    return {status_of(result), nccl_.explain(result, call, comm_)};
}

Error Communicator::refusal(Result result, const char* call) {
    const std::string words = nccl_.explain(result, call, comm_);
    Result pending = Result::Success;
    const bool usable = result == Result::InvalidArgument &&
                        nccl_.api().CommGetAsyncError(comm_, &pending) == Result::Success && pending == Result::Success;
    return usable ? Error(NC_INVALID_ARGUMENT, words).still_in_step() : Error(status_of(result), words);
}

void Communicator::require_split() const {
    if (nccl_.api().CommSplit == nullptr)
        throw Error(NC_NOT_SUPPORTED, text(nccl_.path(), " has no ncclCommSplit, so its groups cannot be split"))
            .still_in_step();
}

std::unique_ptr<Communicator> Communicator::split(int color, int key, const OperationPatience& patience) {
    std::unique_ptr<Communicator> part(new Communicator(nccl_, nullptr));
    Config config = nccl_.config();
    try {
        run("ncclCommSplit", patience, [&](Comm comm) {
            return nccl_.api().CommSplit(comm, color < 0 ? no_color : color, key, &part->comm_, &config);
        });
    } catch (...) {
        // NCCL may still be about to write to part, until it has been aborted, by whomever.
        abort();
        const std::lock_guard lock(mutex_);
        throw;
    }
    if (color < 0) return nullptr;
    if (part->comm_ == nullptr) throw Error(NC_LIBRARY_ERROR, "ncclCommSplit made no communicator");
    const Result outcome = part->settled(patience);
    if (outcome != Result::Success) throw part->failure(outcome, "ncclCommSplit");
    part->introduce("ncclCommSplit");
    return part;
}

void Communicator::check() {
    const Result result = state();
    if (result != Result::Success && result != Result::InProgress) throw failure(result, "NCCL");
}

void Communicator::abort() {
    if (aborting_.exchange(true)) return;
    const std::lock_guard lock(mutex_);
    const Comm comm = std::exchange(comm_, nullptr);
    if (comm != nullptr) (void)nccl_.api().CommAbort(comm);
}

bool Communicator::is_gone() {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    return lock.owns_lock() && comm_ == nullptr;
}

bool Communicator::leave(Deadline deadline) {
    {
        const std::unique_lock lock = acquire();
        const Result result = nccl_.api().CommFinalize(comm_);
        if (result != Result::Success && result != Result::InProgress) return false;
    }
    Result result = Result::InProgress;
    const bool settled = ask_until(deadline, [&] {
        result = state();
        return result != Result::InProgress;
    });
    if (!settled || result != Result::Success) return false;
    const std::unique_lock lock = acquire();
    const Comm comm = std::exchange(comm_, nullptr);
    return nccl_.api().CommDestroy(comm) == Result::Success;
}

} // namespace nc::nccl
