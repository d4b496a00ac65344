// For libraries of macOS that zig links. Its C++ library defines operator new and delete visibly, and its linker shows
// what is visible: the libraries of a process would share those of whichever comes first. These come before them,
// hidden. <new> declares the operators as visible, so these have names of their own and only the linker's are the
// operators': nw for new, dl for delete, na and da for those of arrays, then the types of the parameters.
#include <cstdlib>
#include <new>

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
#define NC_OPERATOR(result, name, symbol, body, ...) \
    extern "C" result name(__VA_ARGS__) __asm__("__Z" symbol) __attribute__((visibility("hidden"), used)); \
    result name(__VA_ARGS__) { body; }
#define NC_NEW(name, types, body, ...) \
    NC_OPERATOR(void*, nc_new_##name, "nw" types, return body, __VA_ARGS__) \
    NC_OPERATOR(void*, nc_new_array_##name, "na" types, return body, __VA_ARGS__)
#define NC_DELETE(name, types, ...) \
    NC_OPERATOR(void, nc_delete_##name, "dl" types, std::free(memory), __VA_ARGS__) \
    NC_OPERATOR(void, nc_delete_array_##name, "da" types, std::free(memory), __VA_ARGS__)

NC_NEW(plain, "m", checked(allocate(bytes)), std::size_t bytes)
NC_NEW(nothrow, "mRKSt9nothrow_t", allocate(bytes), std::size_t bytes, const void*)
NC_NEW(aligned, "mSt11align_val_t", checked(allocate(bytes, alignment)), std::size_t bytes, std::size_t alignment)
NC_NEW(aligned_nothrow, "mSt11align_val_tRKSt9nothrow_t", allocate(bytes, alignment), std::size_t bytes,
       std::size_t alignment, const void*)
NC_DELETE(plain, "Pv", void* memory)
NC_DELETE(nothrow, "PvRKSt9nothrow_t", void* memory, const void*)
NC_DELETE(sized, "Pvm", void* memory, std::size_t)
NC_DELETE(aligned, "PvSt11align_val_t", void* memory, std::size_t)
NC_DELETE(aligned_nothrow, "PvSt11align_val_tRKSt9nothrow_t", void* memory, std::size_t, const void*)
NC_DELETE(sized_aligned, "PvmSt11align_val_t", void* memory, std::size_t, std::size_t)
// clang-format on
