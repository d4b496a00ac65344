#include "doubles/common/violation.h"

#include <cstdio>
#include <cstdlib>

namespace nc::doubles {

void Violations::report(const Violation& violation) {
    if (const nc_double_violation_callback callback = callback_) {
        callback(violation.what());
        return;
    }
    std::fprintf(stderr, "%s double: violation: %s\n", product_, violation.what());
    std::fflush(stderr);
    std::abort();
}

} // namespace nc::doubles
