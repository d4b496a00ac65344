#include "nccl/device_buffers.h"

#include <map>
#include <memory>
#include <mutex>

#include "nccl/device.h"
#include "nccl/reclaimer.h"
#include "nccl/wait.h"

namespace nc::nccl {
namespace {

constexpr std::int64_t copy_limit_ms = 300'000;
// How long an allocation waits for memory that is being given back.
constexpr std::int64_t reclaim_limit_ms = 10'000;

// The devices that programs have buffers on. Their contexts are kept until the process ends: making one anew takes
// long.
struct Devices {
    std::mutex mutex;
    std::map<int, std::unique_ptr<const Device>> by_ordinal;
};

const Device& device_of(int ordinal) {
    static auto* const devices = new Devices;
    const std::lock_guard lock(devices->mutex);
    std::unique_ptr<const Device>& device = devices->by_ordinal[ordinal];
    if (device == nullptr) device = std::make_unique<const Device>(CudaLibrary::in_use(), ordinal);
    return *device;
}

CudaResult allocate(const Device& device, CudaAddress& allocated, std::size_t bytes) {
    const CudaResult result = device.api().MemAlloc(&allocated, bytes);
    if (result != CudaResult::OutOfMemory || !reclaimed(device, deadline_after(reclaim_limit_ms))) return result;
    return device.api().MemAlloc(&allocated, bytes);
}

void copy_bytes(const Device& device, void* destination, const void* source, std::size_t bytes,
                nc_copy_direction direction) {
    const CudaFunctions& api = device.api();
    switch (direction) {
        case NC_HOST_TO_DEVICE:
            device.cuda().check(api.MemcpyHtoD(device_address(destination), source, bytes), "cuMemcpyHtoD");
            break;
        case NC_DEVICE_TO_HOST:
            device.cuda().check(api.MemcpyDtoH(destination, device_address(source), bytes), "cuMemcpyDtoH");
            break;
        case NC_DEVICE_TO_DEVICE:
            device.cuda().check(api.MemcpyDtoD(device_address(destination), device_address(source), bytes),
                                "cuMemcpyDtoD");
            break;
    }
}

} // namespace

nc_status count_devices(std::int32_t* count, nc_error* error) {
    return guarded(error, [&] { *count = CudaLibrary::in_use().device_count(); });
}

nc_status allocate_on_device(std::int32_t ordinal, std::uint64_t bytes, void** address, nc_error* error) {
    return guarded(error, [&] {
        const Device& device = device_of(ordinal);
        const Device::Scope scope(device);
        CudaAddress allocated = 0;
        if (bytes > 0) device.cuda().check(allocate(device, allocated, bytes), "cuMemAlloc");
        *address = reinterpret_cast<void*>(allocated);
    });
}

nc_status free_on_device(std::int32_t ordinal, void* address, nc_error* error) {
    return guarded(error, [&] {
        const Device& device = device_of(ordinal);
        // What is not this device's memory would be told nobody later.
        const Device::Scope scope(device);
        device.require_own("the memory to be freed", address);
        reclaim(device, MemoryKind::Device, device_address(address));
    });
}

nc_status copy_on_device(std::int32_t ordinal, void* destination, const void* source, std::uint64_t bytes,
                         nc_copy_direction direction, nc_error* error) {
    return guarded(error, [&] {
        if (bytes == 0) return;
        const Device& device = device_of(ordinal);
        const Device::Scope scope(device);
        copy_bytes(device, destination, source, bytes, direction);
        // The driver may return before a copy to the device has ended; a stream without an implicit order with the
        // default one would not see it then.
        const bool ended = ask_until(deadline_after(copy_limit_ms), [&] { return device.is_idle(nullptr); });
        if (!ended)
            throw Error(NC_TIMEOUT, text("a copy of ", bytes, " bytes did not end within ", copy_limit_ms, " ms"));
    });
}

} // namespace nc::nccl
