// The doubles as a test uses them: opened by their paths beside the test program, their functions found by name.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "doubles/cuda/cuda_api.h"
#include "doubles/doubles.h"
#include "doubles/nccl/nccl_api.h"

namespace nc::test {

class OpenedLibrary {
public:
    // file is relative to the doubles' folder.
    explicit OpenedLibrary(const std::string& file) {
        const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "doubles" / file;
        library_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library_ == nullptr) throw std::runtime_error(::dlerror());
    }
    bool has(const char* name) const { return ::dlsym(library_, name) != nullptr; }
    // Null if the library has no such function.
    template <class Function>
    void find(const char* name, Function*& function) const {
        function = reinterpret_cast<Function*>(::dlsym(library_, name));
    }

private:
    void* library_; // for good: the doubles cannot be unloaded
};

#define NC_FIND(name)                      \
    decltype(::name)* name = [this] {      \
        decltype(::name)* found = nullptr; \
        library.find(#name, found);        \
        return found;                      \
    }()

struct CudaDouble {
    explicit CudaDouble(const std::string& file = "libcuda.so.1") : library(file) {}
    OpenedLibrary library;
    NC_FIND(cuInit);
    NC_FIND(cuDriverGetVersion);
    NC_FIND(cuDeviceGetCount);
    NC_FIND(cuDeviceGet);
    NC_FIND(cuDeviceGetName);
    NC_FIND(cuGetErrorName);
    NC_FIND(cuGetErrorString);
    NC_FIND(cuDevicePrimaryCtxRetain);
    NC_FIND(cuDevicePrimaryCtxRelease_v2);
    NC_FIND(cuCtxPushCurrent_v2);
    NC_FIND(cuCtxPopCurrent_v2);
    NC_FIND(cuCtxSetCurrent);
    NC_FIND(cuCtxGetCurrent);
    NC_FIND(cuCtxGetDevice);
    NC_FIND(cuStreamCreate);
    NC_FIND(cuStreamDestroy_v2);
    NC_FIND(cuStreamQuery);
    NC_FIND(cuStreamSynchronize);
    NC_FIND(cuStreamWaitEvent);
    NC_FIND(cuEventCreate);
    NC_FIND(cuEventDestroy_v2);
    NC_FIND(cuEventRecord);
    NC_FIND(cuEventQuery);
    NC_FIND(cuEventSynchronize);
    NC_FIND(cuEventElapsedTime);
    NC_FIND(cuMemAlloc_v2);
    NC_FIND(cuMemFree_v2);
    NC_FIND(cuMemHostAlloc);
    NC_FIND(cuMemFreeHost);
    NC_FIND(cuPointerGetAttribute);
    NC_FIND(cuMemcpyHtoD_v2);
    NC_FIND(cuMemcpyDtoH_v2);
    NC_FIND(cuMemcpyDtoD_v2);
    NC_FIND(cuMemcpyHtoDAsync_v2);
    NC_FIND(cuMemcpyDtoHAsync_v2);
    NC_FIND(cuMemcpyDtoDAsync_v2);
    NC_FIND(cuMemsetD8_v2);
    NC_FIND(nc_double_cuda_on_violation);
    NC_FIND(nc_double_cuda_faults);
    NC_FIND(nc_double_cuda_live);
    NC_FIND(nc_double_cuda_locate);
    NC_FIND(nc_double_cuda_calls);
    NC_FIND(nc_double_cuda_enqueue);
    NC_FIND(nc_double_cuda_resolve_stream);
};

struct NcclDouble {
    explicit NcclDouble(const std::string& file = "libnccl.so.2") : library(file) {}
    OpenedLibrary library;
    NC_FIND(ncclGetVersion);
    NC_FIND(ncclGetErrorString);
    NC_FIND(ncclGetLastError);
    NC_FIND(ncclGetUniqueId);
    NC_FIND(ncclCommInitRank);
    NC_FIND(ncclCommInitRankConfig);
    NC_FIND(ncclCommSplit);
    NC_FIND(ncclCommFinalize);
    NC_FIND(ncclCommDestroy);
    NC_FIND(ncclCommAbort);
    NC_FIND(ncclCommGetAsyncError);
    NC_FIND(ncclCommCount);
    NC_FIND(ncclCommCuDevice);
    NC_FIND(ncclCommUserRank);
    NC_FIND(ncclGroupStart);
    NC_FIND(ncclGroupEnd);
    NC_FIND(ncclAllReduce);
    NC_FIND(ncclReduce);
    NC_FIND(ncclBroadcast);
    NC_FIND(ncclAllGather);
    NC_FIND(ncclReduceScatter);
    NC_FIND(ncclSend);
    NC_FIND(ncclRecv);
    NC_FIND(ncclAlltoAll);
    NC_FIND(ncclGather);
    NC_FIND(ncclScatter);
    NC_FIND(nc_double_nccl_on_violation);
    NC_FIND(nc_double_nccl_faults);
    NC_FIND(nc_double_nccl_live_communicators);
    NC_FIND(nc_double_nccl_calls);
};

#undef NC_FIND

// The default variants. The driver is initialised.
inline const CudaDouble& cuda() {
    static const CudaDouble only = [] {
        CudaDouble opened;
        opened.cuInit(0);
        return opened;
    }();
    return only;
}
inline const NcclDouble& nccl() {
    static const NcclDouble only;
    return only;
}

// Records violations instead of dying of them, as long as it lives.
class RecordedViolations {
public:
    RecordedViolations() {
        clear();
        cuda().nc_double_cuda_on_violation(record);
        nccl().nc_double_nccl_on_violation(record);
    }
    ~RecordedViolations() {
        cuda().nc_double_cuda_on_violation(nullptr);
        nccl().nc_double_nccl_on_violation(nullptr);
    }
    RecordedViolations(const RecordedViolations&) = delete;
    RecordedViolations& operator=(const RecordedViolations&) = delete;

    // All of them since the last clear, one line each.
    static std::string text() {
        const std::lock_guard lock(mutex());
        return recorded();
    }
    static void clear() {
        const std::lock_guard lock(mutex());
        recorded().clear();
    }

private:
    static void record(const char* message) {
        const std::lock_guard lock(mutex());
        recorded().append(message).append("\n");
    }
    static std::mutex& mutex() {
        static std::mutex only;
        return only;
    }
    static std::string& recorded() {
        static std::string only;
        return only;
    }
};

// Fault rules for as long as it lives.
struct CudaFaults {
    explicit CudaFaults(const char* rules) { EXPECT_EQ(cuda().nc_double_cuda_faults(rules), 0) << rules; }
    ~CudaFaults() { cuda().nc_double_cuda_faults(nullptr); }
};
struct NcclFaults {
    explicit NcclFaults(const char* rules) { EXPECT_EQ(nccl().nc_double_nccl_faults(rules), 0) << rules; }
    ~NcclFaults() { nccl().nc_double_nccl_faults(nullptr); }
};

// What was alive in the driver at one time, to be held against another: other tests of the program may keep contexts.
struct DriverCounts {
    static constexpr const char* kinds[] = {"allocations", "pinned", "streams", "events", "contexts", "retains"};
    DriverCounts() {
        for (const char* kind : kinds) counts.push_back(cuda().nc_double_cuda_live(kind));
    }
    void expect_unchanged() const {
        for (std::size_t i = 0; i < counts.size(); ++i)
            EXPECT_EQ(cuda().nc_double_cuda_live(kinds[i]), counts[i]) << kinds[i] << " were left alive";
    }
    std::vector<std::int64_t> counts;
};

// Makes a device's primary context current on the calling thread.
class CurrentDevice {
public:
    explicit CurrentDevice(int device = 0) : device_(device) {
        EXPECT_EQ(cuda().cuDevicePrimaryCtxRetain(&context_, device), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuCtxPushCurrent_v2(context_), CUDA_SUCCESS);
    }
    ~CurrentDevice() {
        EXPECT_EQ(cuda().cuCtxPopCurrent_v2(nullptr), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(device_), CUDA_SUCCESS);
    }
    CurrentDevice(const CurrentDevice&) = delete;
    CurrentDevice& operator=(const CurrentDevice&) = delete;

    CUcontext context() const { return context_; }

private:
    int device_;
    CUcontext context_ = nullptr;
};

class DeviceStream {
public:
    explicit DeviceStream(unsigned flags = CU_STREAM_NON_BLOCKING) {
        EXPECT_EQ(cuda().cuStreamCreate(&stream_, flags), CUDA_SUCCESS);
    }
    ~DeviceStream() { EXPECT_EQ(cuda().cuStreamDestroy_v2(stream_), CUDA_SUCCESS); }
    DeviceStream(const DeviceStream&) = delete;
    DeviceStream& operator=(const DeviceStream&) = delete;
    operator CUstream() const { return stream_; }
    void synchronize() const { EXPECT_EQ(cuda().cuStreamSynchronize(stream_), CUDA_SUCCESS); }

private:
    CUstream stream_ = nullptr;
};

class DeviceEvent {
public:
    explicit DeviceEvent(unsigned flags = 0) { EXPECT_EQ(cuda().cuEventCreate(&event_, flags), CUDA_SUCCESS); }
    ~DeviceEvent() { EXPECT_EQ(cuda().cuEventDestroy_v2(event_), CUDA_SUCCESS); }
    DeviceEvent(const DeviceEvent&) = delete;
    DeviceEvent& operator=(const DeviceEvent&) = delete;
    operator CUevent() const { return event_; }

private:
    CUevent event_ = nullptr;
};

// Device memory of the current device.
template <class T>
class DeviceArray {
public:
    explicit DeviceArray(std::size_t count) : count_(count) {
        EXPECT_EQ(cuda().cuMemAlloc_v2(&address_, bytes()), CUDA_SUCCESS);
    }
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
        EXPECT_EQ(cuda().cuMemcpyHtoD_v2(address_, values.data(), bytes()), CUDA_SUCCESS);
    }
    ~DeviceArray() { EXPECT_EQ(cuda().cuMemFree_v2(address_), CUDA_SUCCESS); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* at(std::size_t index = 0) const { return reinterpret_cast<T*>(address_) + index; }
    CUdeviceptr address() const { return address_; }
    std::size_t bytes() const { return count_ * sizeof(T); }
    std::vector<T> values() const {
        std::vector<T> copy(count_);
        EXPECT_EQ(cuda().cuMemcpyDtoH_v2(copy.data(), address_, bytes()), CUDA_SUCCESS);
        return copy;
    }

private:
    std::size_t count_;
    CUdeviceptr address_ = 0;
};

} // namespace nc::test
