#include "os/pages.h"

#include <sys/mman.h>

#include <cerrno>

#include "base/error.h"

namespace nc {

Pages::Pages(std::size_t bytes) : bytes_(bytes) {
    void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (memory == MAP_FAILED) {
        const int error = errno;
        throw Error(NC_OUT_OF_MEMORY, text("mmap of ", bytes_, " bytes: ", system_error_text(error)), -1, error);
    }
    memory_ = static_cast<std::byte*>(memory);
#ifdef MADV_DONTFORK
    (void)::madvise(memory, bytes_, MADV_DONTFORK);
#endif
}

Pages::~Pages() {
    ::munmap(memory_, bytes_);
}

} // namespace nc
