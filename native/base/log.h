// Progress messages on their way to the callback that the user gave.
#pragma once

#include "base/error.h"
#include "native_collectives.h"

namespace nc {

class Log {
public:
    Log() = default;
    Log(nc_log_callback callback, void* context) : callback_(callback), context_(context) {}

    nc_log_callback callback() const { return callback_; }
    void* context() const { return context_; }

    template <class... Parts>
    void write(nc_log_level level, const Parts&... parts) const {
        if (callback_ != nullptr) callback_(context_, level, text(parts...).c_str());
    }

private:
    nc_log_callback callback_ = nullptr;
    void* context_ = nullptr;
};

} // namespace nc
