#include "jaccl/frame_buffers.h"

#include <sys/mman.h>

#include <cerrno>

#include "backend/error.h"

namespace nc::jaccl {

FrameBuffers::FrameBuffers(int count, FramePolicy policy)
    : frame_(frame_size(policy, largest_frame)), bytes_(static_cast<std::size_t>(count) * frame_) {
    void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (memory == MAP_FAILED)
        throw Error(NC_OUT_OF_MEMORY, text("mmap of ", bytes_, " bytes for frames: ", system_error_text(errno)), -1,
                    errno);
    memory_ = static_cast<std::byte*>(memory);
#ifdef MADV_DONTFORK
    // A fork would otherwise make these pages copy-on-write, and the device would go on with those that this process
    // then no longer sees.
    (void)::madvise(memory, bytes_, MADV_DONTFORK);
#endif
}

FrameBuffers::~FrameBuffers() {
    ::munmap(memory_, bytes_);
}

} // namespace nc::jaccl
