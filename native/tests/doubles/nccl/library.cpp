#include "doubles/nccl/library.h"

#include <optional>

namespace nc::doubles {
namespace {

constexpr const char* result_names[] = {"ncclSuccess",       "ncclUnhandledCudaError", "ncclSystemError",
                                        "ncclInternalError", "ncclInvalidArgument",    "ncclInvalidUsage",
                                        "ncclRemoteError",   "ncclInProgress",         "ncclTimeout"};

std::optional<int> result_code(std::string_view name) {
    int code = 0;
    for (const char* known : result_names) {
        if (name == known) return code;
        ++code;
    }
    return std::nullopt;
}

} // namespace

Library::Library() : faults("NC_DOUBLE_NCCL_FAULTS", result_code) {}

Library& library() {
    static Library* const only = new Library;
    return *only;
}

const char* result_name(ncclResult_t result) {
    const auto index = static_cast<std::size_t>(result);
    return index < std::size(result_names) ? result_names[index] : "unknown result";
}

std::string fault_text(const Fault& fault) {
    if (!fault.text.empty()) return fault.text;
    return text(result_name(static_cast<ncclResult_t>(fault.code)), ", ordered by a fault rule");
}

} // namespace nc::doubles
