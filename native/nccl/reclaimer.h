// Gives memory back to the driver on a thread of its own. The driver waits then for everything that is on the device,
// operations of NCCL's that wait for peers included: nobody else may have to wait for that.
#pragma once

#include "base/clock.h"
#include "nccl/device.h"

namespace nc::nccl {

// What the driver allocated, and how it takes that back.
enum class MemoryKind { Device, Pinned };

// Returns at once. The memory stays allocated as long as anything that is on the device now may use it.
void reclaim(const Device& device, MemoryKind kind, CudaAddress address) noexcept;

// Waits until the device has taken back what reclaim() was given before; false if that was not until the deadline.
bool reclaimed(const Device& device, Deadline deadline);

} // namespace nc::nccl
