// The functions about memory and copies of it.
#include <cstring>

#include "doubles/cuda/entry.h"

using namespace nc::doubles;
using nc::text;

namespace {

std::uintptr_t number_of(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address);
}

// Where the bytes of a range of device memory are. Throws Violation.
std::byte* device_bytes(Driver& all, CUdeviceptr address, std::size_t bytes) {
    const auto location = all.memory.locate(address, bytes);
    if (location.place == NC_DOUBLE_CUDA_DEVICE) return location.host;
    throw Violation(text(bytes, " bytes of device memory are expected at ", reinterpret_cast<void*>(address),
                         ", which ", place_description(location.place)));
}

// Whether a range of host memory is pinned. Throws Violation if it is so only in part, or is device memory.
bool is_pinned(Driver& all, const void* address, std::size_t bytes) {
    const auto location = all.memory.locate(number_of(address), bytes);
    if (location.place == NC_DOUBLE_CUDA_PINNED) return true;
    if (location.place != NC_DOUBLE_CUDA_UNKNOWN || all.memory.touches(number_of(address), bytes))
        throw Violation(text(bytes, " bytes of host memory are expected at ", address, ", which ",
                             place_description(location.place)));
    return false;
}

// Looks once more when the stream has come so far: the memory may have been freed meanwhile.
void check_on_stream(const char* function, CUdeviceptr device, std::size_t bytes, const void* pinned = nullptr) {
    Driver& all = driver();
    try {
        const std::lock_guard lock(all.mutex);
        static_cast<void>(device_bytes(all, device, bytes));
        if (pinned != nullptr) static_cast<void>(is_pinned(all, pinned, bytes));
    } catch (const Violation& violation) {
        all.violations.report(Violation(text(function, ", when its stream reached it: ", violation.what())));
        throw;
    }
}

// Work that does nothing if what it would touch is gone.
template <class Check, class Work>
std::function<void()> checked(Check check, Work work) {
    return [check = std::move(check), work = std::move(work)] {
        try {
            check();
        } catch (const Violation&) {
            return;
        }
        work();
    };
}

enum class Host { Waits, GoesOn };

CUresult to_device(const char* function, CUdeviceptr to, const void* from, std::size_t bytes, CUstream stream,
                   Host host) {
    return stream_call(function, [&](Driver& all, Lock& lock, const Fault& fault) {
        static_cast<void>(all.current_context());
        if (bytes == 0) return CUDA_SUCCESS;
        if (from == nullptr) return CUDA_ERROR_INVALID_VALUE;
        std::byte* const target = device_bytes(all, to, bytes);
        const bool pinned = is_pinned(all, from, bytes);
        const auto chosen = all.stream(stream);
        CompletionPointer done;
        if (pinned) {
            const auto check = [=] { check_on_stream(function, to, bytes, from); };
            done = all.enqueue(*chosen, checked(check, [=] { std::memcpy(target, from, bytes); }), fault);
        } else {
            // Pageable memory is the caller's again when the call returns.
            const auto* const begin = static_cast<const std::byte*>(from);
            auto copy = std::make_shared<std::vector<std::byte>>(begin, begin + bytes);
            const auto check = [=] { check_on_stream(function, to, bytes); };
            done = all.enqueue(*chosen, checked(check, [=] { std::memcpy(target, copy->data(), bytes); }), fault);
        }
        if (host == Host::Waits) all.wait_for(lock, done);
        return CUDA_SUCCESS;
    });
}

CUresult to_host(const char* function, void* to, CUdeviceptr from, std::size_t bytes, CUstream stream, Host host) {
    return stream_call(function, [&](Driver& all, Lock& lock, const Fault& fault) {
        static_cast<void>(all.current_context());
        if (bytes == 0) return CUDA_SUCCESS;
        if (to == nullptr) return CUDA_ERROR_INVALID_VALUE;
        const std::byte* const source = device_bytes(all, from, bytes);
        const bool pinned = is_pinned(all, to, bytes);
        const auto check = [=] { check_on_stream(function, from, bytes, pinned ? to : nullptr); };
        const auto done =
            all.enqueue(*all.stream(stream), checked(check, [=] { std::memcpy(to, source, bytes); }), fault);
        if (host == Host::Waits || !pinned) all.wait_for(lock, done);
        return CUDA_SUCCESS;
    });
}

// The host never waits for a copy from device memory to device memory.
CUresult within_devices(const char* function, CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
    return stream_call(function, [&](Driver& all, Lock&, const Fault& fault) {
        static_cast<void>(all.current_context());
        if (bytes == 0) return CUDA_SUCCESS;
        std::byte* const target = device_bytes(all, to, bytes);
        const std::byte* const source = device_bytes(all, from, bytes);
        if (to < from + bytes && from < to + bytes) throw Violation("source and target overlap");
        const auto check = [=] {
            check_on_stream(function, to, bytes);
            check_on_stream(function, from, bytes);
        };
        all.enqueue(*all.stream(stream), checked(check, [=] { std::memcpy(target, source, bytes); }), fault);
        return CUDA_SUCCESS;
    });
}

} // namespace

CUresult cuMemAlloc_v2(CUdeviceptr* address, std::size_t bytes) {
    return call("cuMemAlloc_v2", Needs::Init, [&](Driver& all, Lock&) {
        const Context& context = all.current_context();
        if (address == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
        const std::uintptr_t made = all.memory.allocate(Allocation::Kind::Device, context.device, bytes);
        if (made == 0) return CUDA_ERROR_OUT_OF_MEMORY;
        *address = made;
        return CUDA_SUCCESS;
    });
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    return call("cuMemFree_v2", Needs::Init, [&](Driver& all, Lock& lock) {
        static_cast<void>(all.current_context());
        if (address == 0) return CUDA_SUCCESS;
        all.wait_for_context(lock);
        all.memory.free(Allocation::Kind::Device, address);
        return CUDA_SUCCESS;
    });
}

CUresult cuMemHostAlloc(void** address, std::size_t bytes, unsigned flags) {
    return call("cuMemHostAlloc", Needs::Init, [&](Driver& all, Lock&) {
        const Context& context = all.current_context();
        if (address == nullptr || bytes == 0 || (flags & ~CU_MEMHOSTALLOC_FLAGS) != 0) return CUDA_ERROR_INVALID_VALUE;
        const std::uintptr_t made = all.memory.allocate(Allocation::Kind::Pinned, context.device, bytes);
        if (made == 0) return CUDA_ERROR_OUT_OF_MEMORY;
        *address = reinterpret_cast<void*>(made);
        return CUDA_SUCCESS;
    });
}

CUresult cuMemFreeHost(void* address) {
    return call("cuMemFreeHost", Needs::Init, [&](Driver& all, Lock& lock) {
        static_cast<void>(all.current_context());
        if (address == nullptr) return CUDA_ERROR_INVALID_VALUE;
        all.wait_for_context(lock);
        all.memory.free(Allocation::Kind::Pinned, number_of(address));
        return CUDA_SUCCESS;
    });
}

CUresult cuPointerGetAttribute(void* value, int attribute, CUdeviceptr address) {
    return call("cuPointerGetAttribute", Needs::Init, [&](Driver& all, Lock&) {
        static_cast<void>(all.current_context());
        if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
        const auto location = all.memory.locate(address, 1);
        if (location.place != NC_DOUBLE_CUDA_DEVICE && location.place != NC_DOUBLE_CUDA_PINNED)
            return CUDA_ERROR_INVALID_VALUE;
        switch (attribute) {
            case CU_POINTER_ATTRIBUTE_CONTEXT:
                *static_cast<CUcontext*>(value) = all.device(location.device).context;
                return CUDA_SUCCESS;
            case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
                *static_cast<unsigned*>(value) =
                    location.place == NC_DOUBLE_CUDA_DEVICE ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
                return CUDA_SUCCESS;
            case CU_POINTER_ATTRIBUTE_IS_MANAGED:
                *static_cast<unsigned*>(value) = 0;
                return CUDA_SUCCESS;
            case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
                *static_cast<int*>(value) = location.device;
                return CUDA_SUCCESS;
            default:
                return CUDA_ERROR_NOT_SUPPORTED;
        }
    });
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, std::size_t bytes) {
    return to_device("cuMemcpyHtoD_v2", to, from, bytes, nullptr, Host::Waits);
}

CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, std::size_t bytes) {
    return to_host("cuMemcpyDtoH_v2", to, from, bytes, nullptr, Host::Waits);
}

CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes) {
    return within_devices("cuMemcpyDtoD_v2", to, from, bytes, nullptr);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, std::size_t bytes, CUstream stream) {
    return to_device("cuMemcpyHtoDAsync_v2", to, from, bytes, stream, Host::GoesOn);
}

CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
    return to_host("cuMemcpyDtoHAsync_v2", to, from, bytes, stream, Host::GoesOn);
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
    return within_devices("cuMemcpyDtoDAsync_v2", to, from, bytes, stream);
}

CUresult cuMemsetD8_v2(CUdeviceptr address, unsigned char value, std::size_t bytes) {
    constexpr const char* function = "cuMemsetD8_v2";
    return stream_call(function, [&](Driver& all, Lock&, const Fault& fault) {
        Context& context = all.current_context();
        if (bytes == 0) return CUDA_SUCCESS;
        std::byte* const target = device_bytes(all, address, bytes);
        const auto check = [=] { check_on_stream(function, address, bytes); };
        all.enqueue(*context.default_stream, checked(check, [=] { std::memset(target, value, bytes); }), fault);
        return CUDA_SUCCESS;
    });
}
