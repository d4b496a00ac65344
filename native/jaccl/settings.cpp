#include "jaccl/settings.h"

#include <charconv>
#include <cstring>

#include "backend/error.h"

namespace nc::jaccl {
namespace {

// The choice that a setting makes between two words.
bool is_first(const std::string& name, const std::string& value, const char* first, const char* second) {
    if (value == first) return true;
    if (value == second) return false;
    throw Error(NC_INVALID_ARGUMENT,
                text("the setting ", name, " is '", value, "', but should be ", first, " or ", second));
}

int index_in_table(const std::string& name, const std::string& value) {
    int index = -1;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), index);
    if (error == std::errc() && end == value.data() + value.size() && index >= 0 && index <= largest_gid_index)
        return index;
    throw Error(NC_INVALID_ARGUMENT,
                text("the setting ", name, " is '", value, "', but should be a number from 0 to ", largest_gid_index));
}

} // namespace

std::string read_library_setting(const nc_setting* settings, std::uint64_t count) {
    std::string library;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (std::strcmp(settings[i].name, "verbs_library") == 0) library = settings[i].value;
    }
    return library;
}

Settings read_settings(const nc_setting* settings, std::uint64_t count) {
    Settings read{};
    read.library = read_library_setting(settings, count);
#ifdef __APPLE__
    read.queue_pairs = QueuePairType::Unreliable;
#else
    read.queue_pairs = QueuePairType::Reliable;
#endif
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string name = settings[i].name;
        const std::string value = settings[i].value;
        if (name == "devices") {
            read.devices = value;
        } else if (name == "device_file") {
            read.device_file = value;
        } else if (name == "coordinator") {
            read.coordinator = value;
        } else if (name == "prefer_ring") {
            read.prefer_ring = is_first(name, value, "true", "false");
        } else if (name == "frames") {
            read.frames = is_first(name, value, "large", "small") ? FramePolicy::Large : FramePolicy::Small;
        } else if (name == "queue_pairs") {
            read.queue_pairs = is_first(name, value, "uc", "rc") ? QueuePairType::Unreliable : QueuePairType::Reliable;
        } else if (name == "gid_index") {
            read.gid_index = index_in_table(name, value);
        } else if (name == "mlx_ring_all_gather") {
            read.mlx_ring_all_gather = is_first(name, value, "true", "false");
        } else if (name != "verbs_library") {
            throw Error(NC_INVALID_ARGUMENT,
                        text("jaccl has no setting '", name,
                             "'; it knows devices, device_file, coordinator, prefer_ring, frames, ",
                             "queue_pairs, gid_index, mlx_ring_all_gather and verbs_library"));
        }
    }
    if (read.devices.has_value() && read.device_file.has_value())
        throw Error(NC_INVALID_ARGUMENT, "of the settings devices and device_file only one may be given");
    if (!read.devices.has_value() && !read.device_file.has_value())
        throw Error(NC_NOT_CONFIGURED, "jaccl needs a setting: devices or device_file");
    return read;
}

} // namespace nc::jaccl
