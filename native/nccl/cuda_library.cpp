#include "nccl/cuda_library.h"

namespace nc::nccl {
namespace {

std::vector<std::string> folders_of_drivers() {
    std::vector<std::string> folders;
    // The driver's library comes with the driver: containers and WSL put it outside the loader's path at times.
    for (const char* pattern :
         {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/nvidia/lib64",
          "/usr/lib/wsl/lib", "/usr/lib64-nvidia", "/run/opengl-driver/lib", "/usr/local/cuda/compat"}) {
        for (std::string& folder : folders_like(pattern)) folders.push_back(std::move(folder));
    }
    return folders;
}

void read_functions(const SharedLibrary& library, CudaFunctions& functions) {
    library.require(functions.Init, "cuInit");
    library.require(functions.DriverGetVersion, "cuDriverGetVersion");
    library.require(functions.DeviceGetCount, "cuDeviceGetCount");
    library.require(functions.DeviceGet, "cuDeviceGet");
    library.require(functions.DeviceGetName, "cuDeviceGetName");
    library.require(functions.DevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain");
    library.require(functions.DevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2");
    library.require(functions.CtxPushCurrent, "cuCtxPushCurrent_v2");
    library.require(functions.CtxPopCurrent, "cuCtxPopCurrent_v2");
    library.require(functions.StreamCreate, "cuStreamCreate");
    library.require(functions.StreamDestroy, "cuStreamDestroy_v2");
    library.require(functions.StreamQuery, "cuStreamQuery");
    library.require(functions.StreamWaitEvent, "cuStreamWaitEvent");
    library.require(functions.EventCreate, "cuEventCreate");
    library.require(functions.EventDestroy, "cuEventDestroy_v2");
    library.require(functions.EventRecord, "cuEventRecord");
    library.require(functions.EventQuery, "cuEventQuery");
    library.require(functions.MemAlloc, "cuMemAlloc_v2");
    library.require(functions.MemFree, "cuMemFree_v2");
    library.require(functions.MemHostAlloc, "cuMemHostAlloc");
    library.require(functions.MemFreeHost, "cuMemFreeHost");
    library.require(functions.MemcpyHtoD, "cuMemcpyHtoD_v2");
    library.require(functions.MemcpyDtoH, "cuMemcpyDtoH_v2");
    library.require(functions.MemcpyDtoD, "cuMemcpyDtoD_v2");
    library.require(functions.MemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2");
    library.require(functions.MemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2");
    library.require(functions.MemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2");
    library.require(functions.PointerGetAttribute, "cuPointerGetAttribute");
    library.require(functions.GetErrorName, "cuGetErrorName");
    library.require(functions.GetErrorString, "cuGetErrorString");
}

} // namespace

const CudaLibrary& CudaLibrary::load(const std::string& path) {
    return LoadedLibraries<CudaLibrary>::load(path);
}

const CudaLibrary& CudaLibrary::in_use() {
    const CudaLibrary* const first = LoadedLibraries<CudaLibrary>::first();
    return first != nullptr ? *first : load("");
}

CudaLibrary::CudaLibrary(const std::string& path)
    : library_({"libcuda.so.1", path, "NC_CUDA_LIBRARY", folders_of_drivers()}) {
    read_functions(library_, functions_);
    CudaResult result = functions_.Init(0);
    if (result == CudaResult::Success) result = functions_.DeviceGetCount(&device_count_);
    if (result != CudaResult::Success) {
        throw Error(NC_BACKEND_UNAVAILABLE,
                    text("the CUDA driver ", library_.path(), " is there, but does not work: ", explain(result)));
    }
    if (device_count_ == 0) {
        throw Error(NC_BACKEND_UNAVAILABLE,
                    text("the CUDA driver ", library_.path(),
                         " knows no device (the environment variable CUDA_VISIBLE_DEVICES may hide them)"));
    }
}

void CudaLibrary::fail(CudaResult result, const char* call) const {
    throw Error(result == CudaResult::OutOfMemory ? NC_OUT_OF_MEMORY : NC_LIBRARY_ERROR,
                text(call, ": ", explain(result)));
}

std::string CudaLibrary::explain(CudaResult result) const {
    const char* name = nullptr;
    const char* words = nullptr;
    (void)functions_.GetErrorName(result, &name);
    (void)functions_.GetErrorString(result, &words);
    return text(name != nullptr ? name : "CUDA error", " (", static_cast<int>(result), ")",
                words != nullptr ? ": " : "", words != nullptr ? words : "");
}

} // namespace nc::nccl
