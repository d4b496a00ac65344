// How the ranks of a communicator that was split fared: NCCL knows nothing of what a rank lacks besides.
#pragma once

#include <vector>

#include "base/function_ref.h"
#include "nccl/communicator.h"
#include "nccl/device.h"

namespace nc::nccl {

struct SplitOutcome {
    std::int32_t color;
    std::int32_t key;
    std::int32_t joined;
};

// Device memory for that many ranks' outcomes.
std::size_t outcome_bytes(int ranks);

// Tells the others, over the communicator that was split; returns what all tell, in rank order. await_stream returns
// once the stream is idle. Throws Error.
std::vector<SplitOutcome> exchange_outcomes(Communicator& communicator, const Device& device, CudaStream stream,
                                            std::byte* memory, const SplitOutcome& own,
                                            const OperationPatience& patience, FunctionRef<void()> await_stream);

} // namespace nc::nccl
