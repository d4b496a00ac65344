// An operation's NCCL calls, on buffers in device memory.
#pragma once

#include "nccl/device.h"
#include "nccl/nccl_library.h"
#include "nccl/shape.h"

namespace nc::nccl {

struct Buffers {
    const std::byte* send;
    std::byte* receive;
};

// An operation and where its buffers are.
struct Placed {
    Shape shape;
    Buffers buffers;
};

// Puts the operation on the stream: one call of NCCL's where it has one for it, otherwise a group of sends and
// receives. The context must be current.
Result issue(const NcclLibrary& nccl, Comm comm, const Device& device, CudaStream stream, const Shape& shape,
             const Buffers& buffers, int rank);

// Several of them, as one group of NCCL's, in which none waits for another.
Result issue_together(const NcclLibrary& nccl, Comm comm, const Device& device, CudaStream stream,
                      std::span<const Placed> operations, int rank);

} // namespace nc::nccl
