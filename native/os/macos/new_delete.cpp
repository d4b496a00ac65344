// For libraries of macOS that zig links. Its C++ library defines operator new and delete visibly, and its linker shows
// what is visible: the libraries of a process would share those of whichever comes first. These come before them,
// hidden. <new> declares the operators as visible, so these have names of their own and only the linker's are the
// operators': n for new, d for delete, a for arrays, m for a size.
#include <cstdlib>
#include <new>

#define NC_OPERATOR(symbol) __asm__("_" symbol) __attribute__((visibility("hidden"), used))

namespace {

void* allocate(std::size_t bytes, std::size_t alignment = sizeof(void*)) noexcept {
    void* memory = nullptr;
    return ::posix_memalign(&memory, alignment < sizeof(void*) ? sizeof(void*) : alignment, bytes == 0 ? 1 : bytes) == 0
               ? memory
               : nullptr;
}

void* checked(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

} // namespace

// clang-format off
extern "C" {
void* nc_new(std::size_t bytes) NC_OPERATOR("_Znwm");
void* nc_new_array(std::size_t bytes) NC_OPERATOR("_Znam");
void* nc_new_nothrow(std::size_t bytes, const void*) noexcept NC_OPERATOR("_ZnwmRKSt9nothrow_t");
void* nc_new_array_nothrow(std::size_t bytes, const void*) noexcept NC_OPERATOR("_ZnamRKSt9nothrow_t");
void* nc_new_aligned(std::size_t bytes, std::size_t alignment) NC_OPERATOR("_ZnwmSt11align_val_t");
void* nc_new_array_aligned(std::size_t bytes, std::size_t alignment) NC_OPERATOR("_ZnamSt11align_val_t");
void* nc_new_aligned_nothrow(std::size_t bytes, std::size_t alignment, const void*) noexcept
    NC_OPERATOR("_ZnwmSt11align_val_tRKSt9nothrow_t");
void* nc_new_array_aligned_nothrow(std::size_t bytes, std::size_t alignment, const void*) noexcept
    NC_OPERATOR("_ZnamSt11align_val_tRKSt9nothrow_t");
void nc_delete(void* memory) noexcept NC_OPERATOR("_ZdlPv");
void nc_delete_array(void* memory) noexcept NC_OPERATOR("_ZdaPv");
void nc_delete_nothrow(void* memory, const void*) noexcept NC_OPERATOR("_ZdlPvRKSt9nothrow_t");
void nc_delete_array_nothrow(void* memory, const void*) noexcept NC_OPERATOR("_ZdaPvRKSt9nothrow_t");
void nc_delete_sized(void* memory, std::size_t) noexcept NC_OPERATOR("_ZdlPvm");
void nc_delete_array_sized(void* memory, std::size_t) noexcept NC_OPERATOR("_ZdaPvm");
void nc_delete_aligned(void* memory, std::size_t) noexcept NC_OPERATOR("_ZdlPvSt11align_val_t");
void nc_delete_array_aligned(void* memory, std::size_t) noexcept NC_OPERATOR("_ZdaPvSt11align_val_t");
void nc_delete_aligned_nothrow(void* memory, std::size_t, const void*) noexcept
    NC_OPERATOR("_ZdlPvSt11align_val_tRKSt9nothrow_t");
void nc_delete_array_aligned_nothrow(void* memory, std::size_t, const void*) noexcept
    NC_OPERATOR("_ZdaPvSt11align_val_tRKSt9nothrow_t");
void nc_delete_sized_aligned(void* memory, std::size_t, std::size_t) noexcept NC_OPERATOR("_ZdlPvmSt11align_val_t");
void nc_delete_array_sized_aligned(void* memory, std::size_t, std::size_t) noexcept
    NC_OPERATOR("_ZdaPvmSt11align_val_t");

void* nc_new(std::size_t bytes) { return checked(allocate(bytes)); }
void* nc_new_array(std::size_t bytes) { return checked(allocate(bytes)); }
void* nc_new_nothrow(std::size_t bytes, const void*) noexcept { return allocate(bytes); }
void* nc_new_array_nothrow(std::size_t bytes, const void*) noexcept { return allocate(bytes); }
void* nc_new_aligned(std::size_t bytes, std::size_t alignment) { return checked(allocate(bytes, alignment)); }
void* nc_new_array_aligned(std::size_t bytes, std::size_t alignment) { return checked(allocate(bytes, alignment)); }
void* nc_new_aligned_nothrow(std::size_t bytes, std::size_t alignment, const void*) noexcept {
    return allocate(bytes, alignment);
}
void* nc_new_array_aligned_nothrow(std::size_t bytes, std::size_t alignment, const void*) noexcept {
    return allocate(bytes, alignment);
}
void nc_delete(void* memory) noexcept { std::free(memory); }
void nc_delete_array(void* memory) noexcept { std::free(memory); }
void nc_delete_nothrow(void* memory, const void*) noexcept { std::free(memory); }
void nc_delete_array_nothrow(void* memory, const void*) noexcept { std::free(memory); }
void nc_delete_sized(void* memory, std::size_t) noexcept { std::free(memory); }
void nc_delete_array_sized(void* memory, std::size_t) noexcept { std::free(memory); }
void nc_delete_aligned(void* memory, std::size_t) noexcept { std::free(memory); }
void nc_delete_array_aligned(void* memory, std::size_t) noexcept { std::free(memory); }
void nc_delete_aligned_nothrow(void* memory, std::size_t, const void*) noexcept { std::free(memory); }
void nc_delete_array_aligned_nothrow(void* memory, std::size_t, const void*) noexcept { std::free(memory); }
void nc_delete_sized_aligned(void* memory, std::size_t, std::size_t) noexcept { std::free(memory); }
void nc_delete_array_sized_aligned(void* memory, std::size_t, std::size_t) noexcept { std::free(memory); }
}
// clang-format on
