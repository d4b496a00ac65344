// Memory for frames: page-aligned, zeroed, as long as the longest frame each.
#pragma once

#include <cstddef>

#include "jaccl/frames.h"
#include "os/pages.h"

namespace nc::jaccl {

class FrameBuffers {
public:
    FrameBuffers(int count, FramePolicy policy)
        : frame_(frame_size(policy, largest_frame)), pages_(static_cast<std::size_t>(count) * frame_) {}

    std::byte* operator[](int i) const { return pages_.data() + static_cast<std::size_t>(i) * frame_; }
    std::byte* data() const { return pages_.data(); }
    std::size_t bytes() const { return pages_.bytes(); }

private:
    std::size_t frame_;
    Pages pages_;
};

} // namespace nc::jaccl
