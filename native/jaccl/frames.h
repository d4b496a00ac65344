// How long messages are. Source: jaccl-wire.md, section 5.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

namespace nc::jaccl {

// What the frames of a group are made by; every rank must have the same.
enum class FramePolicy {
    Large, // as MLX on macOS 26.3 and later
    Small, // as MLX on macOS 26.2: one memory page
};

constexpr std::size_t smallest_frame = 4096;
constexpr std::size_t largest_frame = smallest_frame << 7;

// Bytes of every message of an operation, whose governing size is so many bytes.
constexpr std::size_t frame_size(FramePolicy policy, std::size_t bytes) {
    if (policy == FramePolicy::Small) return smallest_frame;
    return std::bit_floor(std::clamp(bytes, smallest_frame, largest_frame));
}

} // namespace nc::jaccl
