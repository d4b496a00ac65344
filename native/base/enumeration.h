// What callers put into enumerations.
#pragma once

#include <cstdint>
#include <cstring>

namespace nc {

// The number: C lets an enumeration hold any, while C++ may assume one of the enumerators.
template <class Enumeration>
std::uint32_t number(const Enumeration& value) {
    std::uint32_t bits = 0;
    static_assert(sizeof bits == sizeof value);
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

} // namespace nc
