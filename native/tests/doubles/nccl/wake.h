// Ends a wait for sockets from another thread.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "os/socket.h"

namespace nc::doubles {

class Wake {
public:
    Wake() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    int descriptor() const { return descriptor_.get(); }
    void set() {
        const std::uint64_t one = 1;
        while (::write(descriptor_.get(), &one, sizeof one) < 0 && errno == EINTR) {}
    }
    void clear() {
        std::uint64_t count = 0;
        while (::read(descriptor_.get(), &count, sizeof count) < 0 && errno == EINTR) {}
    }

private:
    Descriptor descriptor_;
};

} // namespace nc::doubles
