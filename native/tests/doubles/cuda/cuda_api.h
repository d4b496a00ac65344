// The part of the CUDA driver's C interface that the double plays: types, values and functions under the names that the
// library exports.
#pragma once

#include <cstddef>

#define NC_CUDA_API extern "C" __attribute__((visibility("default")))

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = void*;
using CUstream = void*;
using CUevent = void*;

inline constexpr CUresult CUDA_SUCCESS = 0;
inline constexpr CUresult CUDA_ERROR_INVALID_VALUE = 1;
inline constexpr CUresult CUDA_ERROR_OUT_OF_MEMORY = 2;
inline constexpr CUresult CUDA_ERROR_NOT_INITIALIZED = 3;
inline constexpr CUresult CUDA_ERROR_NO_DEVICE = 100;
inline constexpr CUresult CUDA_ERROR_INVALID_DEVICE = 101;
inline constexpr CUresult CUDA_ERROR_INVALID_CONTEXT = 201;
inline constexpr CUresult CUDA_ERROR_INVALID_HANDLE = 400;
inline constexpr CUresult CUDA_ERROR_NOT_READY = 600;
inline constexpr CUresult CUDA_ERROR_CONTEXT_IS_DESTROYED = 709;
inline constexpr CUresult CUDA_ERROR_NOT_SUPPORTED = 801;
inline constexpr CUresult CUDA_ERROR_UNKNOWN = 999;

inline constexpr unsigned CU_STREAM_NON_BLOCKING = 1;
inline constexpr unsigned CU_EVENT_BLOCKING_SYNC = 1;
inline constexpr unsigned CU_EVENT_DISABLE_TIMING = 2;
inline constexpr unsigned CU_MEMHOSTALLOC_FLAGS = 1 | 2 | 4; // portable, device map, write combined
inline constexpr int CU_POINTER_ATTRIBUTE_CONTEXT = 1;
inline constexpr int CU_POINTER_ATTRIBUTE_MEMORY_TYPE = 2;
inline constexpr int CU_POINTER_ATTRIBUTE_IS_MANAGED = 8;
inline constexpr int CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL = 9;
inline constexpr unsigned CU_MEMORYTYPE_HOST = 1;
inline constexpr unsigned CU_MEMORYTYPE_DEVICE = 2;
inline const CUstream CU_STREAM_LEGACY = reinterpret_cast<CUstream>(1);

NC_CUDA_API CUresult cuInit(unsigned flags);
NC_CUDA_API CUresult cuDriverGetVersion(int* version);
NC_CUDA_API CUresult cuDeviceGetCount(int* count);
NC_CUDA_API CUresult cuDeviceGet(CUdevice* device, int ordinal);
NC_CUDA_API CUresult cuDeviceGetName(char* name, int length, CUdevice device);
NC_CUDA_API CUresult cuGetErrorName(CUresult code, const char** name);
NC_CUDA_API CUresult cuGetErrorString(CUresult code, const char** description);

NC_CUDA_API CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device);
NC_CUDA_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device);
NC_CUDA_API CUresult cuCtxPushCurrent_v2(CUcontext context);
NC_CUDA_API CUresult cuCtxPopCurrent_v2(CUcontext* context);
NC_CUDA_API CUresult cuCtxSetCurrent(CUcontext context);
NC_CUDA_API CUresult cuCtxGetCurrent(CUcontext* context);
NC_CUDA_API CUresult cuCtxGetDevice(CUdevice* device);

NC_CUDA_API CUresult cuStreamCreate(CUstream* stream, unsigned flags);
NC_CUDA_API CUresult cuStreamDestroy_v2(CUstream stream);
NC_CUDA_API CUresult cuStreamQuery(CUstream stream);
NC_CUDA_API CUresult cuStreamSynchronize(CUstream stream);
NC_CUDA_API CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags);

NC_CUDA_API CUresult cuEventCreate(CUevent* event, unsigned flags);
NC_CUDA_API CUresult cuEventDestroy_v2(CUevent event);
NC_CUDA_API CUresult cuEventRecord(CUevent event, CUstream stream);
NC_CUDA_API CUresult cuEventQuery(CUevent event);
NC_CUDA_API CUresult cuEventSynchronize(CUevent event);
NC_CUDA_API CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end);

NC_CUDA_API CUresult cuMemAlloc_v2(CUdeviceptr* address, std::size_t bytes);
NC_CUDA_API CUresult cuMemFree_v2(CUdeviceptr address);
NC_CUDA_API CUresult cuMemHostAlloc(void** address, std::size_t bytes, unsigned flags);
NC_CUDA_API CUresult cuMemFreeHost(void* address);
NC_CUDA_API CUresult cuPointerGetAttribute(void* value, int attribute, CUdeviceptr address);

NC_CUDA_API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, std::size_t bytes);
NC_CUDA_API CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, std::size_t bytes);
NC_CUDA_API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes);
NC_CUDA_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, std::size_t bytes, CUstream stream);
NC_CUDA_API CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, std::size_t bytes, CUstream stream);
NC_CUDA_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream);
NC_CUDA_API CUresult cuMemsetD8_v2(CUdeviceptr address, unsigned char value, std::size_t bytes);
