#include "doubles/cuda/error_names.h"

namespace nc::doubles {
namespace {

struct ErrorName {
    CUresult code;
    const char* name;
    const char* description;
};

constexpr ErrorName error_names[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "the driver has not been initialised"},
    {4, "CUDA_ERROR_DEINITIALIZED", "the driver is shutting down"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "the device is busy or unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA device was found"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "there is no device of that ordinal"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "no context is current, or it is no context"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "an uncorrectable memory error occurred"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid handle"},
    {600, "CUDA_ERROR_NOT_READY", "not finished yet"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access occurred"},
    {709, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "the context has been destroyed"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "a launch failed"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "not supported"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "the driver's parts do not fit together"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const ErrorName* find(CUresult code) {
    for (const ErrorName& error : error_names) {
        if (error.code == code) return &error;
    }
    return nullptr;
}

} // namespace

const char* cuda_error_name(CUresult code) {
    const ErrorName* found = find(code);
    return found != nullptr ? found->name : nullptr;
}

const char* cuda_error_description(CUresult code) {
    const ErrorName* found = find(code);
    return found != nullptr ? found->description : nullptr;
}

std::optional<int> cuda_error_code(std::string_view name) {
    for (const ErrorName& error : error_names) {
        if (name == error.name) return error.code;
    }
    return std::nullopt;
}

} // namespace nc::doubles
