#include "os/wakeup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace nc {

Wakeup::Wakeup() {
    int ends[2];
#ifdef __linux__
    const int made = ::pipe2(ends, O_CLOEXEC);
#else
    const int made = ::pipe(ends);
#endif
    if (made != 0) throw Error::of_system("pipe", errno);
    reading_ = Descriptor(ends[0]);
    writing_ = Descriptor(ends[1]);
    for (const int end : ends) keep_to_ourselves(end);
}

void Wakeup::raise() {
    const char byte = 1;
    // A full pipe has been raised already.
    [[maybe_unused]] const ssize_t written = ::write(writing_.get(), &byte, 1);
}

} // namespace nc
