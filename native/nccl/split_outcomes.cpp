#include "nccl/split_outcomes.h"

namespace nc::nccl {

std::size_t outcome_bytes(int ranks) {
    return sizeof(SplitOutcome) * (static_cast<std::size_t>(ranks) + 1);
}

std::vector<SplitOutcome> exchange_outcomes(Communicator& communicator, const Device& device, CudaStream stream,
                                            std::byte* memory, const SplitOutcome& own,
                                            const OperationPatience& patience, FunctionRef<void()> await_stream) {
    std::vector<SplitOutcome> all(static_cast<std::size_t>(communicator.size()));
    std::byte* const told = memory;
    std::byte* const heard = memory + sizeof own;
    device.cuda().check(device.api().MemcpyHtoDAsync(device_address(told), &own, sizeof own, stream),
                        "cuMemcpyHtoDAsync");
    communicator.run("ncclAllGather", patience, [&](Comm comm) {
        return communicator.nccl().api().AllGather(told, heard, sizeof own / sizeof(std::int32_t), Type::Int32, comm,
                                                   stream);
    });
    // The copy waits for the stream, without a deadline.
    await_stream();
    device.cuda().check(
        device.api().MemcpyDtoHAsync(all.data(), device_address(heard), all.size() * sizeof own, stream),
        "cuMemcpyDtoHAsync");
    await_stream();
    return all;
}

} // namespace nc::nccl
