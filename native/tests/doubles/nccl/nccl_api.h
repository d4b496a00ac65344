// The part of NCCL's C interface that the double plays: types, values and functions under the names that the library
// exports.
#pragma once

#include <cstddef>
#include <cstdint>

#define NC_NCCL_API extern "C" __attribute__((visibility("default")))

using ncclComm_t = void*;
using cudaStream_t = void*;

struct ncclUniqueId {
    char internal[128];
};

enum ncclResult_t : int {
    ncclSuccess = 0,
    ncclUnhandledCudaError = 1,
    ncclSystemError = 2,
    ncclInternalError = 3,
    ncclInvalidArgument = 4,
    ncclInvalidUsage = 5,
    ncclRemoteError = 6,
    ncclInProgress = 7,
    ncclTimeout = 8,
};

// Plain numbers: a caller may pass any.
using ncclDataType_t = int;
inline constexpr ncclDataType_t ncclInt8 = 0;
inline constexpr ncclDataType_t ncclUint8 = 1;
inline constexpr ncclDataType_t ncclInt32 = 2;
inline constexpr ncclDataType_t ncclUint32 = 3;
inline constexpr ncclDataType_t ncclInt64 = 4;
inline constexpr ncclDataType_t ncclUint64 = 5;
inline constexpr ncclDataType_t ncclFloat16 = 6;
inline constexpr ncclDataType_t ncclFloat32 = 7;
inline constexpr ncclDataType_t ncclFloat64 = 8;
inline constexpr ncclDataType_t ncclBfloat16 = 9;

using ncclRedOp_t = int;
inline constexpr ncclRedOp_t ncclSum = 0;
inline constexpr ncclRedOp_t ncclProd = 1;
inline constexpr ncclRedOp_t ncclMax = 2;
inline constexpr ncclRedOp_t ncclMin = 3;
inline constexpr ncclRedOp_t ncclAvg = 4;

inline constexpr unsigned nccl_config_magic = 0xcafebeef;
inline constexpr int nccl_undefined = -2147483647 - 1;
inline constexpr int nccl_no_color = -1;

// As of 2.30.7. Older headers have a beginning of it.
struct ncclConfig_t {
    std::size_t size;
    unsigned magic;
    unsigned version;
    int blocking;
    int cgaClusterSize;
    int minCTAs;
    int maxCTAs;
    const char* netName;
    int splitShare;
    int trafficClass;
    const char* commName;
    int collnetEnable;
    int CTAPolicy;
    int shrinkShare;
    int nvlsCTAs;
    int nChannelsPerNetPeer;
    int nvlinkCentricSched;
    int graphUsageMode;
    int numRmaCtx;
    int maxP2pPeers;
    int graphStreamOrdering;
};
static_assert(sizeof(ncclConfig_t) == 96);

NC_NCCL_API ncclResult_t ncclGetVersion(int* version);
NC_NCCL_API const char* ncclGetErrorString(ncclResult_t result);
NC_NCCL_API const char* ncclGetLastError(ncclComm_t comm);

NC_NCCL_API ncclResult_t ncclGetUniqueId(ncclUniqueId* id);
NC_NCCL_API ncclResult_t ncclCommInitRank(ncclComm_t* comm, int size, ncclUniqueId id, int rank);
NC_NCCL_API ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId id, int rank,
                                                ncclConfig_t* config);
NC_NCCL_API ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t* made, ncclConfig_t* config);
NC_NCCL_API ncclResult_t ncclCommFinalize(ncclComm_t comm);
NC_NCCL_API ncclResult_t ncclCommDestroy(ncclComm_t comm);
NC_NCCL_API ncclResult_t ncclCommAbort(ncclComm_t comm);
NC_NCCL_API ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error);
NC_NCCL_API ncclResult_t ncclCommCount(ncclComm_t comm, int* count);
NC_NCCL_API ncclResult_t ncclCommCuDevice(ncclComm_t comm, int* device);
NC_NCCL_API ncclResult_t ncclCommUserRank(ncclComm_t comm, int* rank);

NC_NCCL_API ncclResult_t ncclGroupStart();
NC_NCCL_API ncclResult_t ncclGroupEnd();

NC_NCCL_API ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type,
                                       ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t op,
                                    int root, ncclComm_t comm, cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclBroadcast(const void* from, void* to, std::size_t count, ncclDataType_t type, int root,
                                       ncclComm_t comm, cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclAllGather(const void* from, void* to, std::size_t count, ncclDataType_t type,
                                       ncclComm_t comm, cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclReduceScatter(const void* from, void* to, std::size_t count, ncclDataType_t type,
                                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclSend(const void* from, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                                  cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclRecv(void* to, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                                  cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclAlltoAll(const void* from, void* to, std::size_t count, ncclDataType_t type,
                                      ncclComm_t comm, cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclGather(const void* from, void* to, std::size_t count, ncclDataType_t type, int root,
                                    ncclComm_t comm, cudaStream_t stream);
NC_NCCL_API ncclResult_t ncclScatter(const void* from, void* to, std::size_t count, ncclDataType_t type, int root,
                                     ncclComm_t comm, cudaStream_t stream);
