// Structs of the ABI that begin with their size, from callers that were compiled with an older or a newer header.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace nc {

// A copy in this library's size: what an older caller lacks is zero; what a newer one has besides must be zero. least:
// the size that the struct had first. Throws Error.
template <class Struct>
Struct taken_in(const Struct* given, std::size_t least, const char* name) {
    // More is a mistake, and would be read.
    constexpr std::uint32_t most = 4096;
    if (given == nullptr) throw Error(NC_INVALID_ARGUMENT, text("the ", name, " must not be null"));
    const std::uint32_t size = given->size;
    if (size < least || size > most || size % sizeof(std::uint64_t) != 0)
        throw Error(NC_INVALID_ARGUMENT, text("the size of the ", name, " is ", size, ", but should be ",
                                              sizeof(Struct), " in this release"));
    Struct copy{};
    std::memcpy(&copy, given, std::min<std::size_t>(size, sizeof copy));
    copy.size = sizeof copy;
    const auto* bytes = reinterpret_cast<const unsigned char*>(given);
    if (size > sizeof copy && std::any_of(bytes + sizeof copy, bytes + size, [](unsigned char byte) { return byte; }))
        throw Error(NC_NOT_SUPPORTED,
                    text("the ", name, " set something that this release of the library does not know"));
    return copy;
}

} // namespace nc
