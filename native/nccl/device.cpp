#include "nccl/device.h"

#include "nccl/reclaimer.h"

namespace nc::nccl {

Device::Device(const CudaLibrary& cuda, int ordinal) : cuda_(cuda), ordinal_(ordinal) {
    if (ordinal < 0 || ordinal >= cuda.device_count()) {
        throw Error(NC_INVALID_ARGUMENT,
                    text("the device must be in [0, ", cuda.device_count(), "), but is ", ordinal));
    }
    cuda_.check(api().DeviceGet(&device_, ordinal), "cuDeviceGet");
    cuda_.check(api().DevicePrimaryCtxRetain(&context_, device_), "cuDevicePrimaryCtxRetain");
}

Device::~Device() {
    (void)api().DevicePrimaryCtxRelease(device_);
}

std::string Device::name() const {
    char name[256] = "";
    if (api().DeviceGetName(name, sizeof name, device_) != CudaResult::Success) return "a device without a name";
    return name;
}

Device::Scope::Scope(const Device& device) : device_(device) {
    device_.cuda_.check(device_.api().CtxPushCurrent(device_.context_), "cuCtxPushCurrent");
}

Device::Scope::~Scope() {
    CudaContext popped = nullptr;
    (void)device_.api().CtxPopCurrent(&popped);
}

void Device::require_own(const char* name, const void* address) const {
    int owner = 0;
    const CudaResult result =
        api().PointerGetAttribute(&owner, pointer_attribute_device_ordinal, device_address(address));
    if (result == CudaResult::InvalidValue)
        throw Error(NC_INVALID_ARGUMENT, text(name, " is ", address, ", which is no address in device memory"))
            .still_in_step();
    cuda_.check(result, "cuPointerGetAttribute");
    if (owner != ordinal_) {
        throw Error(NC_INVALID_ARGUMENT,
                    text(name, " is in the memory of device ", owner, ", but the group works on device ", ordinal_))
            .still_in_step();
    }
}

bool Device::is_idle(CudaStream stream) const {
    const CudaResult result = api().StreamQuery(stream);
    if (result == CudaResult::NotReady) return false;
    cuda_.check(result, "cuStreamQuery");
    return true;
}

Stream::Stream(const Device& device) : device_(device) {
    device_.cuda().check(device_.api().StreamCreate(&stream_, stream_non_blocking), "cuStreamCreate");
}

Stream::~Stream() {
    (void)device_.api().StreamDestroy(stream_);
}

Event::Event(const Device& device) : device_(device) {
    device_.cuda().check(device_.api().EventCreate(&event_, event_disable_timing), "cuEventCreate");
}

Event::~Event() {
    if (event_ != nullptr) (void)device_.api().EventDestroy(event_);
}

void Event::record(CudaStream stream) {
    device_.cuda().check(device_.api().EventRecord(event_, stream), "cuEventRecord");
}

void Event::hold(CudaStream stream) const {
    device_.cuda().check(device_.api().StreamWaitEvent(stream, event_, 0), "cuStreamWaitEvent");
}

bool Event::passed() const {
    const CudaResult result = device_.api().EventQuery(event_);
    if (result == CudaResult::NotReady) return false;
    device_.cuda().check(result, "cuEventQuery");
    return true;
}

DeviceMemory::DeviceMemory(const Device& device, std::size_t bytes) : device_(device), bytes_(bytes) {
    device_.cuda().check(device_.api().MemAlloc(&address_, bytes), "cuMemAlloc");
}

DeviceMemory::~DeviceMemory() {
    reclaim(device_, MemoryKind::Device, address_);
}

PinnedMemory::PinnedMemory(const Device& device, std::size_t bytes) : device_(device) {
    device_.cuda().check(device_.api().MemHostAlloc(&address_, bytes, host_alloc_portable), "cuMemHostAlloc");
}

PinnedMemory::~PinnedMemory() {
    reclaim(device_, MemoryKind::Pinned, reinterpret_cast<CudaAddress>(address_));
}

} // namespace nc::nccl
