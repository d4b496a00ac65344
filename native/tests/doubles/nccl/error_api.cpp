// The functions about the library and its errors.
#include "doubles/nccl/call.h"
#include "doubles/nccl/variant.h"

using namespace nc::doubles;

ncclResult_t ncclGetVersion(int* version) {
    return call("ncclGetVersion", [&] {
        obey_at_once("ncclGetVersion", std::nullopt);
        if (version == nullptr) throw NcclError(ncclInvalidArgument, "the place for the version is null");
        *version = nccl_version;
        return ncclSuccess;
    });
}

const char* ncclGetErrorString(ncclResult_t result) {
    library().calls.add("ncclGetErrorString");
    switch (result) {
        case ncclSuccess:
            return "no error";
        case ncclUnhandledCudaError:
            return "a CUDA call failed";
        case ncclSystemError:
            return "a system call failed";
        case ncclInternalError:
            return "internal error";
        case ncclInvalidArgument:
            return "invalid argument";
        case ncclInvalidUsage:
            return "invalid usage";
        case ncclRemoteError:
            return "another rank has gone, or the network has failed";
        case ncclInProgress:
            return "in progress";
        case ncclTimeout:
            return "timeout";
    }
    return "unknown result code";
}

const char* ncclGetLastError(ncclComm_t comm) {
    constexpr const char* function = "ncclGetLastError";
    if (comm == nullptr) {
        library().calls.add(function);
        return last_error_of_thread().c_str();
    }
    const char* message = "";
    static_cast<void>(communicator_call(function, comm, [&](const std::shared_ptr<Communicator>& communicator) {
        message = communicator->last_error();
        return ncclSuccess;
    }));
    return message;
}
