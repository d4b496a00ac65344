// The part of the CUDA driver's C API that is used here, in our own words: NVIDIA's header is not needed to build.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nc::nccl {

struct CudaContextObject; // opaque, as are the two below
using CudaContext = CudaContextObject*;
struct CudaStreamObject;
using CudaStream = CudaStreamObject*; // null: the default stream
struct CudaEventObject;
using CudaEvent = CudaEventObject*;
using CudaDevice = int;
using CudaAddress = std::uintptr_t; // CUdeviceptr

// CUresult; those that are told apart.
enum class CudaResult : int { Success = 0, InvalidValue = 1, OutOfMemory = 2, NotReady = 600 };

constexpr unsigned int stream_non_blocking = 1;     // CU_STREAM_NON_BLOCKING: no implicit order with the default stream
constexpr unsigned int event_disable_timing = 2;    // CU_EVENT_DISABLE_TIMING
constexpr unsigned int host_alloc_portable = 1;     // CU_MEMHOSTALLOC_PORTABLE
constexpr int pointer_attribute_device_ordinal = 9; // CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL

// The functions, each named after the driver's without its prefix; versions (_v2) as in CUDA 11 and later.
struct CudaFunctions {
    CudaResult (*Init)(unsigned int flags);
    CudaResult (*DriverGetVersion)(int* version);
    CudaResult (*DeviceGetCount)(int* count);
    CudaResult (*DeviceGet)(CudaDevice* device, int ordinal);
    CudaResult (*DeviceGetName)(char* name, int length, CudaDevice device);
    CudaResult (*DevicePrimaryCtxRetain)(CudaContext* context, CudaDevice device);
    CudaResult (*DevicePrimaryCtxRelease)(CudaDevice device);
    CudaResult (*CtxPushCurrent)(CudaContext context);
    CudaResult (*CtxPopCurrent)(CudaContext* context);
    CudaResult (*StreamCreate)(CudaStream* stream, unsigned int flags);
    CudaResult (*StreamDestroy)(CudaStream stream);
    CudaResult (*StreamQuery)(CudaStream stream);
    CudaResult (*StreamWaitEvent)(CudaStream stream, CudaEvent event, unsigned int flags);
    CudaResult (*EventCreate)(CudaEvent* event, unsigned int flags);
    CudaResult (*EventDestroy)(CudaEvent event);
    CudaResult (*EventRecord)(CudaEvent event, CudaStream stream);
    CudaResult (*EventQuery)(CudaEvent event);
    CudaResult (*MemAlloc)(CudaAddress* address, std::size_t bytes);
    CudaResult (*MemFree)(CudaAddress address);
    CudaResult (*MemHostAlloc)(void** address, std::size_t bytes, unsigned int flags);
    CudaResult (*MemFreeHost)(void* address);
    CudaResult (*MemcpyHtoD)(CudaAddress destination, const void* source, std::size_t bytes);
    CudaResult (*MemcpyDtoH)(void* destination, CudaAddress source, std::size_t bytes);
    CudaResult (*MemcpyDtoD)(CudaAddress destination, CudaAddress source, std::size_t bytes);
    CudaResult (*MemcpyHtoDAsync)(CudaAddress destination, const void* source, std::size_t bytes, CudaStream stream);
    CudaResult (*MemcpyDtoHAsync)(void* destination, CudaAddress source, std::size_t bytes, CudaStream stream);
    CudaResult (*MemcpyDtoDAsync)(CudaAddress destination, CudaAddress source, std::size_t bytes, CudaStream stream);
    CudaResult (*PointerGetAttribute)(void* value, int attribute, CudaAddress address);
    CudaResult (*GetErrorName)(CudaResult result, const char** name);
    CudaResult (*GetErrorString)(CudaResult result, const char** text);
};

} // namespace nc::nccl
