// The part of NCCL's C API that is used here, in our own words: NVIDIA's header is not needed to build.
// Source: NCCL's user guide; values and layouts are those of every release from 2.18 on.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>

#include "nccl/cuda_api.h"

namespace nc::nccl {

struct NcclCommunicator; // opaque
using Comm = NcclCommunicator*;

struct UniqueId {
    char bytes[128];
};
static_assert(sizeof(UniqueId) == 128);

enum class Result : int {
    Success = 0,
    UnhandledCudaError = 1,
    SystemError = 2,
    InternalError = 3,
    InvalidArgument = 4,
    InvalidUsage = 5,
    RemoteError = 6,
    InProgress = 7,
    Timeout = 8,
};

enum class Type : int {
    Int8 = 0,
    Uint8 = 1,
    Int32 = 2,
    Uint32 = 3,
    Int64 = 4,
    Uint64 = 5,
    Float16 = 6,
    Float32 = 7,
    Float64 = 8,
    Bfloat16 = 9
};

enum class Reduction : int { Sum = 0, Product = 1, Max = 2, Min = 3, Average = 4 };

// ncclConfig_t of 2.30. A library takes as much of it as size says and it knows.
struct Config {
    std::size_t size;
    unsigned int magic = 0xcafebeefU;
    unsigned int version;
    int blocking = INT_MIN; // INT_MIN and null: the library's default
    int cga_cluster_size = INT_MIN;
    int min_ctas = INT_MIN;
    int max_ctas = INT_MIN;
    const char* net_name = nullptr;
    int split_share = INT_MIN;
    int traffic_class = INT_MIN;
    const char* comm_name = nullptr;
    int collnet_enable = INT_MIN;
    int cta_policy = INT_MIN;
    int shrink_share = INT_MIN;
    int nvls_ctas = INT_MIN;
    int channels_per_net_peer = INT_MIN;
    int nvlink_centric_sched = INT_MIN;
    int graph_usage_mode = INT_MIN;
    int num_rma_ctx = INT_MIN;
    int max_p2p_peers = INT_MIN;
    int graph_stream_ordering = INT_MIN;
};
static_assert(sizeof(Config) == 96 && offsetof(Config, net_name) == 32 && offsetof(Config, comm_name) == 48 &&
              offsetof(Config, graph_stream_ordering) == 92);

// The functions, each named after NCCL's without its prefix.
struct NcclFunctions {
    Result (*GetVersion)(int* version);
    Result (*GetUniqueId)(UniqueId* id);
    Result (*CommInitRankConfig)(Comm* comm, int size, UniqueId id, int rank, Config* config);
    Result (*CommSplit)(Comm comm, int color, int key, Comm* made, Config* config);
    Result (*CommFinalize)(Comm comm);
    Result (*CommDestroy)(Comm comm);
    Result (*CommAbort)(Comm comm);
    Result (*CommGetAsyncError)(Comm comm, Result* error);
    Result (*CommCount)(Comm comm, int* count);
    Result (*CommUserRank)(Comm comm, int* rank);
    const char* (*GetErrorString)(Result result);
    const char* (*GetLastError)(Comm comm);
    Result (*GroupStart)();
    Result (*GroupEnd)();
    Result (*AllReduce)(const void* send, void* receive, std::size_t count, Type type, Reduction op, Comm comm,
                        CudaStream stream);
    Result (*Reduce)(const void* send, void* receive, std::size_t count, Type type, Reduction op, int root, Comm comm,
                     CudaStream stream);
    Result (*Broadcast)(const void* send, void* receive, std::size_t count, Type type, int root, Comm comm,
                        CudaStream stream);
    Result (*AllGather)(const void* send, void* receive, std::size_t send_count, Type type, Comm comm,
                        CudaStream stream);
    Result (*ReduceScatter)(const void* send, void* receive, std::size_t receive_count, Type type, Reduction op,
                            Comm comm, CudaStream stream);
    Result (*Send)(const void* buffer, std::size_t count, Type type, int peer, Comm comm, CudaStream stream);
    Result (*Recv)(void* buffer, std::size_t count, Type type, int peer, Comm comm, CudaStream stream);
    // From 2.28.3 on; null in older libraries.
    Result (*AlltoAll)(const void* send, void* receive, std::size_t count, Type type, Comm comm, CudaStream stream);
    Result (*Gather)(const void* send, void* receive, std::size_t count, Type type, int root, Comm comm,
                     CudaStream stream);
    Result (*Scatter)(const void* send, void* receive, std::size_t count, Type type, int root, Comm comm,
                      CudaStream stream);
};

} // namespace nc::nccl
