// Memory for frames: page-aligned, zeroed, as long as the longest frame each.
#pragma once

#include <cstddef>

#include "jaccl/frames.h"

namespace nc::jaccl {

class FrameBuffers {
public:
    FrameBuffers(int count, FramePolicy policy);
    ~FrameBuffers();
    FrameBuffers(const FrameBuffers&) = delete;
    FrameBuffers& operator=(const FrameBuffers&) = delete;

    std::byte* operator[](int i) const { return memory_ + static_cast<std::size_t>(i) * frame_; }
    std::byte* data() const { return memory_; }
    std::size_t bytes() const { return bytes_; }

private:
    std::size_t frame_;
    std::size_t bytes_;
    std::byte* memory_;
};

} // namespace nc::jaccl
