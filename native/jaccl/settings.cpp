#include "jaccl/settings.h"

#include "base/error.h"
#include "operation/settings.h"

namespace nc::jaccl {
std::string read_library_setting(const nc_setting* settings, std::uint64_t count) {
    return SettingReader::find("verbs_library", settings, count).value_or("");
}

Settings read_settings(const nc_setting* settings, std::uint64_t count) {
    const SettingReader reader("jaccl",
                               {"devices", "device_file", "coordinator", "prefer_ring", "frames", "queue_pairs",
                                "gid_index", "mlx_ring_all_gather", "verbs_library"},
                               settings, count);
    Settings read{};
    read.library = read_library_setting(settings, count);
    read.devices = reader.find("devices");
    read.device_file = reader.find("device_file");
    read.coordinator = reader.find("coordinator").value_or("");
    read.prefer_ring = reader.choice("prefer_ring", "true", "false").value_or(read.prefer_ring);
    if (const auto large = reader.choice("frames", "large", "small"); large.has_value())
        read.frames = *large ? FramePolicy::Large : FramePolicy::Small;
#ifdef __APPLE__
    constexpr bool unreliable_by_default = true;
#else
    constexpr bool unreliable_by_default = false;
#endif
    read.queue_pairs = reader.choice("queue_pairs", "uc", "rc").value_or(unreliable_by_default)
                           ? QueuePairType::Unreliable
                           : QueuePairType::Reliable;
    const std::string range = text("a number from 0 to ", largest_gid_index);
    read.gid_index = reader.number("gid_index", 0, largest_gid_index, range.c_str());
    read.mlx_ring_all_gather = reader.choice("mlx_ring_all_gather", "true", "false").value_or(read.mlx_ring_all_gather);
    reader.allow_one_of({"devices", "device_file"});
    if (!read.devices.has_value() && !read.device_file.has_value())
        throw Error(NC_NOT_CONFIGURED, "jaccl needs a setting: devices or device_file");
    return read;
}

} // namespace nc::jaccl
