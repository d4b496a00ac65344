#include "allocation_count.h"

#include <array>
#include <atomic>
#include <cstddef>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <link.h>

namespace {

thread_local std::uint64_t count = 0;

// Where the code of a library lies whose allocations are left out.
struct Stretch {
    std::atomic<std::uintptr_t> begin;
    std::atomic<std::uintptr_t> end;
};
std::array<Stretch, 32> left_out;
std::atomic<std::size_t> stretches{0};

void note(const void* caller) {
    const auto address = reinterpret_cast<std::uintptr_t>(caller);
    for (std::size_t i = 0; i < stretches.load(); ++i) {
        if (address >= left_out[i].begin && address < left_out[i].end) return;
    }
    ++count;
}

int look_at_library(dl_phdr_info* library, std::size_t, void* name) {
    if (std::string(library->dlpi_name).find(static_cast<const char*>(name)) == std::string::npos) return 0;
    for (int i = 0; i < library->dlpi_phnum; ++i) {
        const auto& part = library->dlpi_phdr[i];
        const std::uintptr_t begin = library->dlpi_addr + part.p_vaddr;
        const std::size_t place = stretches.load();
        if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0 || place == left_out.size()) continue;
        left_out[place].begin = begin;
        left_out[place].end = begin + part.p_memsz;
        stretches.store(place + 1);
    }
    return 0;
}

} // namespace

// What glibc has its malloc under besides, for programs that replace it.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

void* malloc(std::size_t bytes) noexcept {
    note(__builtin_return_address(0));
    return __libc_malloc(bytes);
}
void* calloc(std::size_t items, std::size_t bytes) noexcept {
    note(__builtin_return_address(0));
    return __libc_calloc(items, bytes);
}
void* realloc(void* memory, std::size_t bytes) noexcept {
    note(__builtin_return_address(0));
    return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
    note(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}
}

namespace nc::test {
const bool allocations_are_counted = true;
std::uint64_t allocations() {
    return count;
}
void leave_out_allocations_of(const std::string& name) {
    std::string wanted = name;
    ::dl_iterate_phdr(look_at_library, wanted.data());
}
} // namespace nc::test

#else

namespace nc::test {
const bool allocations_are_counted = false;
std::uint64_t allocations() {
    return 0;
}
void leave_out_allocations_of(const std::string&) {}
} // namespace nc::test

#endif
