// The control functions of doubles.h for the driver.
#include <cstring>
#include <stdexcept>

#include "doubles/cuda/driver.h"

using namespace nc::doubles;

#define NC_CONTROL extern "C" __attribute__((visibility("default")))

NC_CONTROL void nc_double_cuda_on_violation(nc_double_violation_callback callback) {
    driver().violations.set_callback(callback);
}

NC_CONTROL int nc_double_cuda_faults(const char* rules) {
    try {
        driver().faults.replace(rules != nullptr ? rules : "");
        return 0;
    } catch (const std::invalid_argument&) {
        return 1;
    }
}

NC_CONTROL int64_t nc_double_cuda_live(const char* kind) {
    Driver& all = driver();
    const std::lock_guard lock(all.mutex);
    const auto is = [&](const char* name) { return std::strcmp(kind, name) == 0; };
    if (is("allocations")) return all.memory.live(Allocation::Kind::Device);
    if (is("pinned")) return all.memory.live(Allocation::Kind::Pinned);
    // Each context's default stream is among the streams.
    if (is("streams")) return static_cast<int64_t>(all.streams.size() - all.contexts.size());
    if (is("events")) return static_cast<int64_t>(all.events.size());
    if (is("contexts")) return static_cast<int64_t>(all.contexts.size());
    if (is("retains")) {
        int64_t retains = 0;
        for (const Device& device : all.devices) retains += device.retains;
        return retains;
    }
    return -1;
}

NC_CONTROL uint64_t nc_double_cuda_calls(const char* function) {
    return driver().calls.of(function);
}

NC_CONTROL int nc_double_cuda_current_device(void) {
    Driver& all = driver();
    const std::lock_guard lock(all.mutex);
    const auto context = all.contexts.find(all.current_handle());
    return context != nullptr ? context->device : -1;
}

NC_CONTROL void* nc_double_cuda_resolve_stream(void* stream, int* device) {
    Driver& all = driver();
    const std::lock_guard lock(all.mutex);
    std::shared_ptr<Stream> found;
    if (stream == nullptr || stream == CU_STREAM_LEGACY) {
        if (const auto context = all.contexts.find(all.current_handle())) found = context->default_stream;
    } else {
        found = all.streams.find(stream);
    }
    if (found == nullptr) return nullptr;
    *device = found->device;
    return found->handle;
}

NC_CONTROL int nc_double_cuda_enqueue(void* stream, void (*function)(void* context), void* context) {
    Driver& all = driver();
    const std::lock_guard lock(all.mutex);
    const auto found = all.streams.find(stream);
    if (found == nullptr) return 1;
    all.enqueue(*found, [=] { function(context); });
    return 0;
}

NC_CONTROL int nc_double_cuda_locate(uint64_t address, uint64_t bytes, void** host, int* device) {
    Driver& all = driver();
    const std::lock_guard lock(all.mutex);
    const auto location = all.memory.locate(address, bytes);
    if (location.place == NC_DOUBLE_CUDA_DEVICE) {
        *host = location.host;
        *device = location.device;
    }
    return location.place;
}
