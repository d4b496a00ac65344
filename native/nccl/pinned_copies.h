// Copies between memory of the host and of the device, piece by piece through pinned memory.
#pragma once

#include "base/function_ref.h"
#include "nccl/event_pool.h"

namespace nc::nccl {

class PinnedCopies {
public:
    // Returns once the device has passed the event; throws Error if it is not to be waited for any longer.
    using Await = FunctionRef<void(const Event& event)>;

    PinnedCopies(const Device& device, EventPool& events) : device_(device), events_(events) {}

    // Behind what the stream holds; they return when the copy has ended.
    void to_host(std::byte* to, const std::byte* from, std::size_t bytes, CudaStream stream, Await await);
    void to_device(std::byte* to, const std::byte* from, std::size_t bytes, CudaStream stream, Await await);

private:
    // copy is called for one piece after the other, with pinned memory for it; it puts the copy on the stream.
    template <class Copy>
    void in_pieces(std::size_t bytes, CudaStream stream, Await await, Copy&& copy);

    const Device& device_;
    EventPool& events_;
    std::unique_ptr<PinnedMemory> pinned_;
};

} // namespace nc::nccl
