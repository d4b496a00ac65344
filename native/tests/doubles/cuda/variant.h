// In what one variant of the library differs from another.
#pragma once

namespace nc::doubles {

extern const bool has_driver;  // whether cuInit succeeds
extern const bool has_devices; // whether there is any

} // namespace nc::doubles
