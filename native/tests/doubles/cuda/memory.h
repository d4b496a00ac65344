// The memory that the driver gives out.
//
// Device memory has two ranges of addresses: the one that callers get, in which nothing can be read or written, as a
// GPU's memory cannot be from the host, and the one under which the double itself reaches the bytes. Pinned memory is
// ordinary memory. What has been freed is never given out again and can no longer be touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "doubles/doubles.h"

namespace nc::doubles {

struct Allocation {
    enum class Kind { Device, Pinned };
    Kind kind;
    int device;
    std::uintptr_t address;
    std::size_t bytes;
    std::byte* host; // where the double reads and writes
    bool live = true;
};

// Not safe for threads: the driver's lock guards it.
class Memory {
public:
    // 0 if there is none left.
    std::uintptr_t allocate(Allocation::Kind kind, int device, std::size_t bytes);
    // Throws Violation for what is not the beginning of a live allocation of that kind.
    void free(Allocation::Kind kind, std::uintptr_t address);
    // Frees all device memory of a device and returns how many allocations that were.
    std::size_t free_all(int device);

    // The allocation, alive or not, in which the address lies; null if there is none.
    const Allocation* find(std::uintptr_t address) const;
    // Whether any allocation that is alive shares a byte with the range.
    bool touches(std::uintptr_t address, std::size_t bytes) const;
    std::int64_t live(Allocation::Kind kind) const;
    std::int64_t live_on(int device) const;

    struct Location {
        nc_double_cuda_place place;
        std::byte* host = nullptr;
        int device = -1;
    };
    Location locate(std::uintptr_t address, std::size_t bytes) const;

private:
    void release(Allocation& allocation);
    std::map<std::uintptr_t, Allocation> allocations_;
};

const char* place_description(nc_double_cuda_place place);

} // namespace nc::doubles
