// Points in time. Every wait of the library ends at a deadline.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace nc {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

// A time so far ahead that adding it to now cannot overflow.
constexpr std::int64_t longest_timeout_ms = std::int64_t{1000} * 60 * 60 * 24 * 365 * 100;

inline Deadline deadline_after(std::int64_t milliseconds) {
    return Clock::now() + std::chrono::milliseconds(std::clamp<std::int64_t>(milliseconds, 0, longest_timeout_ms));
}

} // namespace nc
