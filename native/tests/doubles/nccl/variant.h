// In what one variant of the library differs from another, beside the functions that it lacks.
#pragma once

namespace nc::doubles {

// What the library says it is, and whose ncclConfig_t it knows.
extern const int nccl_version;

} // namespace nc::doubles
