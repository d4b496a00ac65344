// The CUDA driver, found at run time.
#pragma once

#include <string>

#include "base/error.h"
#include "nccl/cuda_api.h"
#include "os/loaded_libraries.h"
#include "os/shared_library.h"

namespace nc::nccl {

class CudaLibrary {
public:
    // The driver in the library at that path, or wherever it is found if the path is empty. Loaded once. Throws
    // Error(NC_BACKEND_UNAVAILABLE) that says what is missing: the library, a function of it, a driver that works, a
    // device.
    static const CudaLibrary& load(const std::string& path);
    // The one that is in use in this process, if there is one; otherwise load("").
    static const CudaLibrary& in_use();

    const CudaFunctions& api() const { return functions_; }
    const std::string& path() const { return library_.path(); }
    int device_count() const { return device_count_; }

    // Throws Error unless the result is a success; call is the function that returned it.
    void check(CudaResult result, const char* call) const {
        if (result != CudaResult::Success) fail(result, call);
    }
    [[noreturn]] void fail(CudaResult result, const char* call) const;
    // Such as "CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected".
    std::string explain(CudaResult result) const;

private:
    friend class LoadedLibraries<CudaLibrary>;
    explicit CudaLibrary(const std::string& path);

    SharedLibrary library_;
    CudaFunctions functions_{};
    int device_count_ = 0;
};

} // namespace nc::nccl
