// Texts made of parts.
#pragma once

#include <sstream>
#include <string>

namespace nc {

// The parts, written one behind the other.
template <class... Parts>
std::string text(const Parts&... parts) {
    std::ostringstream stream;
    (stream << ... << parts);
    return stream.str();
}

// Whether it is one of those that nobody sees, such as NUL.
inline bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

// Whether it is nothing but digits.
inline bool is_number(const std::string& written) {
    return !written.empty() && written.find_first_not_of("0123456789") == std::string::npos;
}

} // namespace nc
