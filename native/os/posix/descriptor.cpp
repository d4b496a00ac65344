#include "os/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace nc {

void Descriptor::close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void keep_to_ourselves(int descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFL, 0);
    if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0 ||
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0)
        throw Error::of_system("fcntl", errno);
}

} // namespace nc
