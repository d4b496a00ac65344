#include "doubles/cuda/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "base/error.h"
#include "doubles/common/violation.h"

namespace nc::doubles {
namespace {

// What new memory holds: whoever reads it before anything was written shall see that.
constexpr int fresh_byte = 0xa5;

// A page behind every allocation belongs to nobody, so that a range that runs over its end is not by chance another
// allocation's.
std::size_t mapped_bytes(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (bytes + page - 1) / page * page + page;
}

void* map(std::size_t bytes, int protection) {
    void* const address = ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return address != MAP_FAILED ? address : nullptr;
}

// Gives the pages back and keeps the addresses taken.
void seal(void* address, std::size_t bytes) {
    ::mmap(address, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

} // namespace

std::uintptr_t Memory::allocate(Allocation::Kind kind, int device, std::size_t bytes) {
    const std::size_t mapped = mapped_bytes(bytes);
    if (mapped < bytes) return 0;
    void* const host = map(mapped, PROT_READ | PROT_WRITE);
    if (host == nullptr) return 0;
    void* address = host;
    if (kind == Allocation::Kind::Device) {
        address = map(mapped, PROT_NONE);
        if (address == nullptr) {
            ::munmap(host, mapped);
            return 0;
        }
    }
    ::mprotect(static_cast<std::byte*>(host) + mapped_bytes(bytes) - mapped_bytes(0), mapped_bytes(0), PROT_NONE);
    std::memset(host, fresh_byte, bytes);
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    allocations_.insert_or_assign(number, Allocation{kind, device, number, bytes, static_cast<std::byte*>(host)});
    return number;
}

void Memory::free(Allocation::Kind kind, std::uintptr_t address) {
    const auto found = allocations_.find(address);
    const char* const what = kind == Allocation::Kind::Device ? "device memory" : "pinned memory";
    if (found == allocations_.end())
        throw Violation(
            text(reinterpret_cast<void*>(address), " is freed, which is not the beginning of an allocation"));
    if (found->second.kind != kind)
        throw Violation(text(reinterpret_cast<void*>(address), " is freed as ", what, ", which it is not"));
    if (!found->second.live) throw Violation(text(reinterpret_cast<void*>(address), " is freed twice"));
    release(found->second);
}

void Memory::release(Allocation& allocation) {
    allocation.live = false;
    seal(allocation.host, mapped_bytes(allocation.bytes));
}

std::size_t Memory::free_all(int device) {
    std::size_t count = 0;
    for (auto& [address, allocation] : allocations_) {
        if (!allocation.live || allocation.device != device) continue;
        release(allocation);
        ++count;
    }
    return count;
}

const Allocation* Memory::find(std::uintptr_t address) const {
    auto next = allocations_.upper_bound(address);
    if (next == allocations_.begin()) return nullptr;
    const Allocation& allocation = std::prev(next)->second;
    return address - allocation.address < allocation.bytes ? &allocation : nullptr;
}

bool Memory::touches(std::uintptr_t address, std::size_t bytes) const {
    auto i = allocations_.upper_bound(address);
    if (i != allocations_.begin()) --i; // the only one before that may reach so far
    for (; i != allocations_.end() && i->first < address + bytes; ++i) {
        if (i->second.live && i->first + i->second.bytes > address) return true;
    }
    return false;
}

std::int64_t Memory::live(Allocation::Kind kind) const {
    std::int64_t count = 0;
    for (const auto& [address, allocation] : allocations_) count += allocation.live && allocation.kind == kind;
    return count;
}

std::int64_t Memory::live_on(int device) const {
    std::int64_t count = 0;
    for (const auto& [address, allocation] : allocations_) count += allocation.live && allocation.device == device;
    return count;
}

Memory::Location Memory::locate(std::uintptr_t address, std::size_t bytes) const {
    const Allocation* allocation = find(address);
    if (allocation == nullptr) return {NC_DOUBLE_CUDA_UNKNOWN};
    if (!allocation->live) return {NC_DOUBLE_CUDA_FREED};
    const std::size_t offset = address - allocation->address;
    if (bytes > allocation->bytes - offset) return {NC_DOUBLE_CUDA_TOO_SHORT};
    const auto place = allocation->kind == Allocation::Kind::Device ? NC_DOUBLE_CUDA_DEVICE : NC_DOUBLE_CUDA_PINNED;
    return {place, allocation->host + offset, allocation->device};
}

const char* place_description(nc_double_cuda_place place) {
    switch (place) {
        case NC_DOUBLE_CUDA_DEVICE:
            return "is device memory";
        case NC_DOUBLE_CUDA_UNKNOWN:
            return "is no memory of the driver's";
        case NC_DOUBLE_CUDA_FREED:
            return "has been freed";
        case NC_DOUBLE_CUDA_TOO_SHORT:
            return "is longer than its allocation";
        case NC_DOUBLE_CUDA_PINNED:
            return "is pinned host memory";
    }
    return "is unknown";
}

} // namespace nc::doubles
