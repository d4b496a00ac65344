// The collectives that only newer versions have.
#include "doubles/nccl/issue.h"

using namespace nc::doubles;

ncclResult_t ncclAlltoAll(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclComm_t comm,
                          cudaStream_t stream) {
    return issue(comm, {Kind::AllToAll, from, to, count, type, ncclSum, 0, stream});
}

ncclResult_t ncclGather(const void* from, void* to, std::size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                        cudaStream_t stream) {
    return issue(comm, {Kind::Gather, from, to, count, type, ncclSum, root, stream});
}

ncclResult_t ncclScatter(const void* from, void* to, std::size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                         cudaStream_t stream) {
    return issue(comm, {Kind::Scatter, from, to, count, type, ncclSum, root, stream});
}
