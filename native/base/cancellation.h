// The caller's wish to end the forming of a group: a number that another thread makes nonzero.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace nc {

class Cancellation {
public:
    Cancellation() = default;
    // flag may be null: then nothing can be wished.
    explicit Cancellation(const std::int32_t* flag) : flag_(flag) {}

    bool can_come() const { return flag_ != nullptr; }
    // Throws Error(NC_CANCELLED) if it has come.
    void check() const {
        if (flag_ != nullptr && __atomic_load_n(flag_, __ATOMIC_RELAXED) != 0)
            throw Error(NC_CANCELLED, "forming the group was cancelled");
    }

private:
    const std::int32_t* flag_ = nullptr;
};

} // namespace nc
