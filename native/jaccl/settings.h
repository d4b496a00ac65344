// What the settings of a jaccl group say.
#pragma once

#include <optional>
#include <string>

#include "jaccl/frames.h"
#include "operation/backend.h"

namespace nc::jaccl {

enum class QueuePairType {
    Unreliable, // UC, as MLX's
    Reliable,   // RC, where the fabric loses an unreliable message that comes before its receive
};

// The address vector has a byte for it.
constexpr int largest_gid_index = 255;

struct Settings {
    std::string library; // of the verbs; empty: the system's
    // Of these two one.
    std::optional<std::string> devices; // the matrix
    std::optional<std::string> device_file;
    std::string coordinator; // host:port
    bool prefer_ring = false;
    FramePolicy frames = FramePolicy::Large;
    QueuePairType queue_pairs;
    std::optional<int> gid_index;     // of the devices' tables; none: chosen
    bool mlx_ring_all_gather = false; // MLX's ranks have the all-gather that works
};

// Throws Error that names the setting, its value and what was expected.
Settings read_settings(const nc_setting* settings, std::uint64_t count);
// The one that names the library; the others may be anything.
std::string read_library_setting(const nc_setting* settings, std::uint64_t count);

} // namespace nc::jaccl
