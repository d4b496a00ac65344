// The control functions of doubles.h for NCCL.
#include <stdexcept>

#include "doubles/nccl/library.h"

using namespace nc::doubles;

#define NC_CONTROL extern "C" __attribute__((visibility("default")))

NC_CONTROL void nc_double_nccl_on_violation(nc_double_violation_callback callback) {
    library().violations.set_callback(callback);
}

NC_CONTROL int nc_double_nccl_faults(const char* rules) {
    try {
        library().faults.replace(rules != nullptr ? rules : "");
        return 0;
    } catch (const std::invalid_argument&) {
        return 1;
    }
}

NC_CONTROL int64_t nc_double_nccl_live_communicators(void) {
    const std::lock_guard lock(library().mutex);
    return static_cast<int64_t>(library().communicators.size());
}

NC_CONTROL uint64_t nc_double_nccl_calls(const char* function) {
    return library().calls.of(function);
}
