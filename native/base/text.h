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

} // namespace nc
