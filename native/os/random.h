// Numbers that nobody can guess, from the system.
#pragma once

#include <cstdint>
#include <span>

namespace nc {

// At most 256 at once. Throws Error(NC_SYSTEM_ERROR).
void fill_random(std::span<std::uint8_t> bytes);

} // namespace nc
