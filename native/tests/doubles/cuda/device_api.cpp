// The functions about the driver, its devices and their contexts.
#include <cstdio>

#include "doubles/cuda/entry.h"
#include "doubles/cuda/error_names.h"
#include "doubles/cuda/variant.h"

using namespace nc::doubles;

CUresult cuInit(unsigned flags) {
    return call("cuInit", Needs::Nothing, [&](Driver& all, Lock&) {
        if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
        if (!has_driver) return CUDA_ERROR_NO_DEVICE;
        all.initialized = true;
        return CUDA_SUCCESS;
    });
}

CUresult cuDriverGetVersion(int* version) {
    return call("cuDriverGetVersion", Needs::Nothing, [&](Driver&, Lock&) {
        if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
        *version = 13000;
        return CUDA_SUCCESS;
    });
}

CUresult cuDeviceGetCount(int* count) {
    return call("cuDeviceGetCount", Needs::Init, [&](Driver& all, Lock&) {
        if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
        *count = static_cast<int>(all.devices.size());
        return CUDA_SUCCESS;
    });
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    return call("cuDeviceGet", Needs::Init, [&](Driver& all, Lock&) {
        if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
        static_cast<void>(all.device(ordinal));
        *device = ordinal;
        return CUDA_SUCCESS;
    });
}

CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
    return call("cuDeviceGetName", Needs::Init, [&](Driver& all, Lock&) {
        if (name == nullptr || length <= 0) return CUDA_ERROR_INVALID_VALUE;
        static_cast<void>(all.device(device));
        std::snprintf(name, static_cast<std::size_t>(length), "Double of a GPU (%d)", device);
        return CUDA_SUCCESS;
    });
}

CUresult cuGetErrorName(CUresult code, const char** name) {
    return call("cuGetErrorName", Needs::Nothing, [&](Driver&, Lock&) {
        if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
        *name = cuda_error_name(code);
        return *name != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    });
}

CUresult cuGetErrorString(CUresult code, const char** description) {
    return call("cuGetErrorString", Needs::Nothing, [&](Driver&, Lock&) {
        if (description == nullptr) return CUDA_ERROR_INVALID_VALUE;
        *description = cuda_error_description(code);
        return *description != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
    return call("cuDevicePrimaryCtxRetain", Needs::Init, [&](Driver& all, Lock&) {
        if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
        all.retain(device, context);
        return CUDA_SUCCESS;
    });
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    return call("cuDevicePrimaryCtxRelease_v2", Needs::Init, [&](Driver& all, Lock&) {
        all.release(device);
        return CUDA_SUCCESS;
    });
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
    return call("cuCtxPushCurrent_v2", Needs::Init, [&](Driver& all, Lock&) {
        static_cast<void>(all.contexts.get(context));
        context_stack().push_back(context);
        return CUDA_SUCCESS;
    });
}

CUresult cuCtxPopCurrent_v2(CUcontext* context) {
    return call("cuCtxPopCurrent_v2", Needs::Init, [&](Driver& all, Lock&) {
        void* const current = all.current_handle();
        if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
        context_stack().pop_back();
        if (context != nullptr) *context = current;
        return CUDA_SUCCESS;
    });
}

CUresult cuCtxSetCurrent(CUcontext context) {
    return call("cuCtxSetCurrent", Needs::Init, [&](Driver& all, Lock&) {
        if (context != nullptr) static_cast<void>(all.contexts.get(context));
        if (!context_stack().empty()) context_stack().pop_back();
        if (context != nullptr) context_stack().push_back(context);
        return CUDA_SUCCESS;
    });
}

CUresult cuCtxGetCurrent(CUcontext* context) {
    return call("cuCtxGetCurrent", Needs::Init, [&](Driver& all, Lock&) {
        if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
        *context = all.current_handle();
        return CUDA_SUCCESS;
    });
}

CUresult cuCtxGetDevice(CUdevice* device) {
    return call("cuCtxGetDevice", Needs::Init, [&](Driver& all, Lock&) {
        if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
        *device = all.current_context().device;
        return CUDA_SUCCESS;
    });
}
