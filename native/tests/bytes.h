// The bytes of a message or a buffer in tests, made and compared so that the references of large ones cost little, also
// under a sanitizer, which looks at every access.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <vector>

namespace nc::test {

using Bytes = std::vector<std::byte>;

// std::equal compares one std::byte after the other.
inline bool operator==(const Bytes& a, const Bytes& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// Random data of many bytes or elements repeats itself after so many of them: prime numbers, so that what has come to
// another place by any round number of them is seen.
constexpr std::size_t elements_until_repeated = 2039;
constexpr std::size_t bytes_until_repeated = 65'537;

// Fills bytes with what stands in the first ones.
inline void repeat(std::byte* data, std::size_t first, std::size_t bytes) {
    for (std::size_t filled = std::min(first, bytes); filled < bytes;) {
        const std::size_t more = std::min(filled, bytes - filled);
        std::memcpy(data + filled, data, more);
        filled += more;
    }
}

// values: how many different ones there are.
inline Bytes random_bytes(std::size_t size, std::mt19937& random, unsigned values = 256) {
    Bytes bytes(size);
    const std::size_t first = std::min(size, bytes_until_repeated);
    for (std::size_t i = 0; i < first; ++i) bytes[i] = static_cast<std::byte>(random() % values);
    repeat(bytes.data(), first, size);
    return bytes;
}
inline Bytes slice_of(const Bytes& from, std::size_t begin, std::size_t size) {
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(begin);
    return {first, first + static_cast<std::ptrdiff_t>(size)};
}

inline void append(Bytes& to, const Bytes& from, std::size_t begin, std::size_t end) {
    to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
              from.begin() + static_cast<std::ptrdiff_t>(end));
}
inline void append(Bytes& to, const Bytes& from) {
    append(to, from, 0, from.size());
}

} // namespace nc::test
