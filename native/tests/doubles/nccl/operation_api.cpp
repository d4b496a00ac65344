// The functions that put operations on streams, and the groups of them.
#include "doubles/nccl/call.h"
#include "doubles/nccl/issue.h"

using namespace nc::doubles;

ncclResult_t ncclGroupStart() {
    return call("ncclGroupStart", [] {
        obey_at_once("ncclGroupStart", std::nullopt);
        current_group().begin();
        return ncclSuccess;
    });
}

ncclResult_t ncclGroupEnd() {
    return call("ncclGroupEnd", [] { return current_group().end(); });
}

ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream) {
    return issue(comm, {Kind::AllReduce, from, to, count, type, op, 0, stream});
}

ncclResult_t ncclReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t op, int root,
                        ncclComm_t comm, cudaStream_t stream) {
    return issue(comm, {Kind::Reduce, from, to, count, type, op, root, stream});
}

ncclResult_t ncclBroadcast(const void* from, void* to, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
    return issue(comm, {Kind::Broadcast, from, to, count, type, ncclSum, root, stream});
}

ncclResult_t ncclAllGather(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
    return issue(comm, {Kind::AllGather, from, to, count, type, ncclSum, 0, stream});
}

ncclResult_t ncclReduceScatter(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t op,
                               ncclComm_t comm, cudaStream_t stream) {
    return issue(comm, {Kind::ReduceScatter, from, to, count, type, op, 0, stream});
}

ncclResult_t ncclSend(const void* from, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
    return issue(comm, {Kind::Send, from, nullptr, count, type, ncclSum, peer, stream});
}

ncclResult_t ncclRecv(void* to, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
    return issue(comm, {Kind::Receive, nullptr, to, count, type, ncclSum, peer, stream});
}
