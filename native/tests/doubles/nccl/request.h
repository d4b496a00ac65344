// One call that puts an operation on a stream, as the caller made it, and what of it can be checked without the other
// ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "doubles/common/faults.h"
#include "doubles/nccl/cuda_bridge.h"
#include "doubles/nccl/nccl_api.h"

namespace nc::doubles {

enum class Kind : std::uint32_t {
    AllReduce,
    Reduce,
    Broadcast,
    AllGather,
    ReduceScatter,
    AllToAll,
    Gather,
    Scatter,
    Send,
    Receive
};

// The exported function's name.
const char* function_name(Kind kind);

struct Request {
    Kind kind;
    const void* send = nullptr;
    void* receive = nullptr;
    std::size_t count = 0;
    ncclDataType_t type = ncclInt8;
    ncclRedOp_t op = ncclSum; // of a reduction
    int root = 0;             // or the peer of a send or receive
    cudaStream_t stream = nullptr;
    Fault fault{};

    bool is_collective() const { return kind != Kind::Send && kind != Kind::Receive; }
    bool reduces() const { return kind == Kind::AllReduce || kind == Kind::Reduce || kind == Kind::ReduceScatter; }
    bool has_root() const {
        return kind == Kind::Reduce || kind == Kind::Broadcast || kind == Kind::Gather || kind == Kind::Scatter;
    }
    // Such as "ncclReduce(5 float32, sum, root 1)".
    std::string description() const;
};

// The bytes of a buffer that a rank uses in an operation; none for a buffer that is ignored.
struct Extent {
    std::size_t send;
    std::size_t receive;
};
Extent extent_of(const Request& request, int size, int rank);

// Throws NcclError for arguments that NCCL refuses, Violation for those that it does not survive: unknown types and
// operators, and buffers that overlap otherwise than in place. Where the buffers lie is another question.
void check_arguments(const Request& request, int size, int rank);

// Where the bytes of the buffers are now. Throws Violation for those that do not lie within one allocation on the
// communicator's device.
struct Buffers {
    std::byte* send = nullptr;
    std::byte* receive = nullptr;
};
Buffers locate_buffers(const Request& request, int size, int rank, const CudaBridge& cuda, int device);

} // namespace nc::doubles
