#include "doubles/nccl/cuda_bridge.h"

#include <dlfcn.h>
#include <link.h>

#include <optional>
#include <string_view>
#include <vector>

#include "doubles/common/violation.h"

namespace nc::doubles {
namespace {

int note_driver(dl_phdr_info* info, std::size_t, void* context) {
    const std::string_view path(info->dlpi_name);
    if (path.ends_with("libcuda.so.1")) static_cast<std::vector<std::string>*>(context)->emplace_back(path);
    return 0;
}

template <class Function>
bool find(void* library, const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(::dlsym(library, name));
    return function != nullptr;
}

std::optional<CudaBridge> open(const std::string& path) {
    // Only what is there already. Never closed: it stays for good, as the real one does.
    void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (library == nullptr) return std::nullopt;
    CudaBridge bridge;
    const bool complete = find(library, "nc_double_cuda_current_device", bridge.current_device) &&
                          find(library, "nc_double_cuda_resolve_stream", bridge.resolve_stream) &&
                          find(library, "nc_double_cuda_enqueue", bridge.enqueue) &&
                          find(library, "nc_double_cuda_locate", bridge.locate);
    return complete ? std::optional(bridge) : std::nullopt;
}

} // namespace

CudaBridge find_cuda() {
    std::vector<std::string> drivers;
    ::dl_iterate_phdr(note_driver, &drivers);
    for (const std::string& path : drivers) {
        const auto bridge = open(path);
        if (bridge && bridge->current_device() >= 0) return *bridge;
    }
    throw Violation(drivers.empty() ? "no driver (libcuda.so.1) is loaded"
                                    : "the calling thread has no current context");
}

} // namespace nc::doubles
