// The functions that make, ask and end communicators.
#include "doubles/nccl/call.h"
#include "doubles/nccl/group.h"

using namespace nc::doubles;
using nc::text;

namespace {

// Takes a communicator out of the table, unless an abort has done so already.
void forget(ncclComm_t handle) {
    const std::lock_guard lock(library().mutex);
    if (library().communicators.find(handle) != nullptr) static_cast<void>(library().communicators.take(handle));
}

ncclResult_t init(const char* function, ncclComm_t* made, int size, const ncclUniqueId& id, int rank,
                  const ncclConfig_t* config) {
    return call(function, [&] {
        if (made == nullptr) throw NcclError(ncclInvalidArgument, "the place for the communicator is null");
        *made = nullptr;
        if (size < 1 || rank < 0 || rank >= size)
            throw NcclError(ncclInvalidArgument, text("there is no rank ", rank, " of ", size));
        const Fault fault = fault_of_call(function, rank);
        obey_failure(fault);
        const Config chosen = read_config(config, Config{});
        const CudaBridge cuda = find_cuda();
        const auto communicator =
            std::make_shared<Communicator>(identity_of(id), size, rank, cuda.current_device(), cuda, chosen);
        const Inside inside(communicator, function);
        {
            const std::lock_guard lock(library().mutex);
            *made = library().communicators.add(communicator);
        }
        communicator->form(fault);
        if (current_group().is_open()) {
            if (chosen.blocking) current_group().await(communicator);
            return ncclSuccess;
        }
        if (!chosen.blocking) return ncclInProgress;
        const ncclResult_t result = communicator->wait_until_ready();
        if (result == ncclSuccess) return ncclSuccess;
        const std::string message = communicator->last_error();
        forget(*made);
        *made = nullptr;
        communicator->stop();
        throw NcclError(result, message);
    });
}

ncclResult_t tell(const char* function, ncclComm_t comm, int* value, const int Communicator::*member) {
    return communicator_call(function, comm, [&](const std::shared_ptr<Communicator>& communicator) {
        obey_at_once(function, communicator->rank);
        require_settled(*communicator);
        if (value == nullptr) throw NcclError(ncclInvalidArgument, "the place for the answer is null");
        *value = (*communicator).*member;
        return ncclSuccess;
    });
}

void require_no_group() {
    if (current_group().is_open()) throw Violation("the calling thread is between ncclGroupStart and ncclGroupEnd");
}

} // namespace

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
    return call("ncclGetUniqueId", [&] {
        obey_at_once("ncclGetUniqueId", std::nullopt);
        if (id == nullptr) throw NcclError(ncclInvalidArgument, "the place for the id is null");
        *id = make_unique_id();
        return ncclSuccess;
    });
}

ncclResult_t ncclCommInitRank(ncclComm_t* comm, int size, ncclUniqueId id, int rank) {
    return init("ncclCommInitRank", comm, size, id, rank, nullptr);
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId id, int rank, ncclConfig_t* config) {
    return init("ncclCommInitRankConfig", comm, size, id, rank, config);
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
    constexpr const char* function = "ncclCommFinalize";
    return communicator_call(function, comm, [&](const std::shared_ptr<Communicator>& communicator) {
        const Fault fault = fault_of_call(function, communicator->rank);
        require_no_group();
        require_ready(*communicator);
        communicator->check_current_device(false);
        obey_failure(fault);
        communicator->finalize(fault);
        if (!communicator->config.blocking) return ncclInProgress;
        const ncclResult_t result = communicator->wait_until_ready();
        if (result != ncclSuccess) throw NcclError(result, communicator->last_error());
        return result;
    });
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
    constexpr const char* function = "ncclCommDestroy";
    return communicator_call(function, comm, [&](const std::shared_ptr<Communicator>& communicator) {
        obey_at_once(function, communicator->rank);
        require_no_group();
        require_settled(*communicator);
        communicator->check_current_device(false);
        if (communicator->state() == ncclSuccess && !communicator->is_finalized()) {
            communicator->finalize({});
            static_cast<void>(communicator->wait_until_ready());
        }
        if (communicator->state() != ncclSuccess && communicator->has_pending())
            throw Violation(text(
                "operations are pending that cannot end, so that NCCL would hang: the communicator has to be aborted (",
                communicator->last_error(), ')'));
        forget(comm);
        communicator->stop();
        return ncclSuccess;
    });
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
    // The one call that may be made while another thread is inside another.
    constexpr const char* function = "ncclCommAbort";
    return call(function, [&] {
        const auto rank = find_communicator(comm)->rank;
        obey_at_once(function, rank);
        std::shared_ptr<Communicator> communicator;
        {
            const std::lock_guard lock(library().mutex);
            communicator = library().communicators.take(comm);
        }
        current_group().drop(*communicator);
        communicator->stop();
        return ncclSuccess;
    });
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
    constexpr const char* function = "ncclCommGetAsyncError";
    return communicator_call(function, comm, [&](const std::shared_ptr<Communicator>& communicator) {
        obey_at_once(function, communicator->rank);
        if (error == nullptr) throw NcclError(ncclInvalidArgument, "the place for the answer is null");
        *error = communicator->state_for_caller();
        return ncclSuccess;
    });
}

ncclResult_t ncclCommCount(ncclComm_t comm, int* count) {
    return tell("ncclCommCount", comm, count, &Communicator::size);
}

ncclResult_t ncclCommCuDevice(ncclComm_t comm, int* device) {
    return tell("ncclCommCuDevice", comm, device, &Communicator::device);
}

ncclResult_t ncclCommUserRank(ncclComm_t comm, int* rank) {
    return tell("ncclCommUserRank", comm, rank, &Communicator::rank);
}
