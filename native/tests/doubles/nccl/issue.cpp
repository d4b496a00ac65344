#include "doubles/nccl/issue.h"

#include "doubles/nccl/call.h"

namespace nc::doubles {

ncclResult_t issue(ncclComm_t comm, Request request) {
    const char* const function = function_name(request.kind);
    Group& group = current_group();
    std::string message;
    const ncclResult_t result =
        communicator_call(function, comm, [&](const std::shared_ptr<Communicator>& communicator) {
            request.fault = fault_of_call(function, communicator->rank);
            try {
                require_ready(*communicator);
                communicator->check_request(request);
                obey_failure(request.fault);
                if (!request.is_collective() && request.root == communicator->rank && !group.is_open())
                    throw Violation(
                        "a rank sends to itself, or receives from itself, outside of a group: NCCL would hang");
            } catch (const std::exception& failure) {
                message = failure.what();
                throw;
            }
            return request.count > 0 ? group.issue(communicator, request) : ncclSuccess;
        });
    if (group.is_open() && result != ncclSuccess) group.fail(result, message);
    return result;
}

} // namespace nc::doubles
