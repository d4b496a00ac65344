// ncclCommSplit, which some variants lack.
#include "doubles/nccl/call.h"
#include "doubles/nccl/group.h"

using namespace nc::doubles;
using nc::text;

ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t* made, ncclConfig_t* config) {
    constexpr const char* function = "ncclCommSplit";
    return communicator_call(function, comm, [&](const std::shared_ptr<Communicator>& communicator) {
        const Fault fault = fault_of_call(function, communicator->rank);
        require_ready(*communicator);
        communicator->check_current_device(false);
        if (made == nullptr) throw NcclError(ncclInvalidArgument, "the place for the communicator is null");
        if (color < nccl_no_color) throw NcclError(ncclInvalidArgument, text(color, " is no color"));
        *made = nullptr;
        obey_failure(fault);
        communicator->split(color, key, read_config(config, communicator->config), made, fault);
        if (current_group().is_open()) {
            if (communicator->config.blocking) current_group().await(communicator);
            return ncclSuccess;
        }
        if (!communicator->config.blocking) return ncclInProgress;
        const ncclResult_t result = communicator->wait_until_ready();
        if (result != ncclSuccess) throw NcclError(result, communicator->last_error());
        return result;
    });
}
