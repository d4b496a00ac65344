// How often each function has been called.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace nc::doubles {

class CallCounts {
public:
    void add(std::string_view function) {
        const std::lock_guard lock(mutex_);
        ++counts_[std::string(function)];
    }
    std::uint64_t of(std::string_view function) const {
        const std::lock_guard lock(mutex_);
        const auto found = counts_.find(std::string(function));
        return found != counts_.end() ? found->second : 0;
    }

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::uint64_t> counts_;
};

} // namespace nc::doubles
