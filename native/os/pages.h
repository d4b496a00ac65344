// Whole pages of memory, for devices that read and write them.
#pragma once

#include <cstddef>

namespace nc {

// Zeroed. A child that this process forks does not get them: otherwise they would become copy-on-write, and the device
// would go on with pages that this process then no longer sees.
class Pages {
public:
    // Throws Error(NC_OUT_OF_MEMORY).
    explicit Pages(std::size_t bytes);
    ~Pages();
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;

    std::byte* data() const { return memory_; }
    std::size_t bytes() const { return bytes_; }

private:
    std::size_t bytes_;
    std::byte* memory_;
};

} // namespace nc
