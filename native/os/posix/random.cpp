#include "os/random.h"

#include <sys/random.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace nc {

// Not std::random_device, which may need a descriptor.
void fill_random(std::span<std::uint8_t> bytes) {
    if (::getentropy(bytes.data(), bytes.size()) != 0) throw Error::of_system("getentropy", errno);
}

} // namespace nc
