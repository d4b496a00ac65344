// Counts the memory that the test program holds: by the sanitizer's hooks, or in its own operator new. Libraries that
// it loads have operators of their own.
#include <cstddef>
#include <cstdlib>
#include <new>

#include "fuzz.h"

#if defined(__SANITIZE_ADDRESS__)
// Of the sanitizers' common runtime. GCC ships no header that declares them.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, std::size_t),
                                              void (*free_hook)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void*);
}
#elif defined(__linux__)
#include <malloc.h>
#endif

namespace nc::test {
namespace {

std::atomic<std::int64_t> held{0};
std::atomic<std::int64_t> most{0};

[[maybe_unused]] void count(std::int64_t bytes) {
    const std::int64_t now = held.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    std::int64_t before = most.load(std::memory_order_relaxed);
    while (now > before && !most.compare_exchange_weak(before, now, std::memory_order_relaxed)) {}
}

[[maybe_unused]] void discount(std::int64_t bytes) {
    held.fetch_sub(bytes, std::memory_order_relaxed);
}

} // namespace

MemoryWatch::MemoryWatch() : before_(held.load()) {
    most.store(before_);
}

std::size_t MemoryWatch::peak() const {
    return static_cast<std::size_t>(std::max<std::int64_t>(0, most.load() - before_));
}

#if defined(__SANITIZE_ADDRESS__)

namespace {

[[maybe_unused]] const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t bytes) { count(static_cast<std::int64_t>(bytes)); },
    [](const volatile void* memory) {
        if (memory != nullptr) discount(static_cast<std::int64_t>(__sanitizer_get_allocated_size(memory)));
    });

} // namespace
} // namespace nc::test

// Under ThreadSanitizer nothing is counted: its own allocations would be.
#elif defined(__linux__) && !defined(__SANITIZE_THREAD__)

namespace {

void* counted(void* memory) {
    if (memory != nullptr) count(static_cast<std::int64_t>(::malloc_usable_size(memory)));
    return memory;
}

} // namespace

void* take(std::size_t bytes) {
    return counted(std::malloc(bytes == 0 ? 1 : bytes));
}

void* take(std::size_t bytes, std::align_val_t alignment) {
    const auto unit = static_cast<std::size_t>(alignment);
    return counted(std::aligned_alloc(unit, (bytes == 0 ? unit : (bytes + unit - 1) / unit * unit)));
}

void give(void* memory) {
    if (memory == nullptr) return;
    discount(static_cast<std::int64_t>(::malloc_usable_size(memory)));
    std::free(memory);
}

void* or_throw(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

} // namespace nc::test

// clang-format off
void* operator new(std::size_t bytes) { return nc::test::or_throw(nc::test::take(bytes)); }
void* operator new[](std::size_t bytes) { return nc::test::or_throw(nc::test::take(bytes)); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return nc::test::take(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return nc::test::take(bytes); }
void* operator new(std::size_t bytes, std::align_val_t unit) { return nc::test::or_throw(nc::test::take(bytes, unit)); }
void* operator new[](std::size_t bytes, std::align_val_t unit) {
    return nc::test::or_throw(nc::test::take(bytes, unit));
}
void* operator new(std::size_t bytes, std::align_val_t unit, const std::nothrow_t&) noexcept {
    return nc::test::take(bytes, unit);
}
void* operator new[](std::size_t bytes, std::align_val_t unit, const std::nothrow_t&) noexcept {
    return nc::test::take(bytes, unit);
}
void operator delete(void* memory) noexcept { nc::test::give(memory); }
void operator delete[](void* memory) noexcept { nc::test::give(memory); }
void operator delete(void* memory, std::size_t) noexcept { nc::test::give(memory); }
void operator delete[](void* memory, std::size_t) noexcept { nc::test::give(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { nc::test::give(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { nc::test::give(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { nc::test::give(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { nc::test::give(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { nc::test::give(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { nc::test::give(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { nc::test::give(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { nc::test::give(memory); }
// clang-format on

#else
} // namespace nc::test
#endif
