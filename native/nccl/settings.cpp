#include "nccl/settings.h"

#include <charconv>
#include <cstring>
#include <limits>

#include "backend/error.h"

namespace nc::nccl {
namespace {

// A long value can be an id that has got into the wrong place: whoever has it can join the group.
std::string shown(const std::string& value) {
    constexpr std::size_t longest = 80;
    return value.size() <= longest ? text("'", value, "'") : text("a text of ", value.size(), " characters");
}

[[noreturn]] void malformed(const std::string& name, const std::string& value, const char* expected) {
    throw Error(NC_INVALID_ARGUMENT, text("the setting ", name, " is ", shown(value), ", but should be ", expected));
}

template <class Number>
Number number(const std::string& name, const std::string& value, Number least, const char* expected) {
    Number parsed{};
    const char* end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, parsed);
    if (error != std::errc{} || stopped != end || parsed < least) malformed(name, value, expected);
    return parsed;
}

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

UniqueId parse_id(const std::string& value) {
    UniqueId id{};
    bool valid = value.size() == 2 * sizeof id.bytes;
    for (std::size_t i = 0; valid && i < sizeof id.bytes; ++i) {
        const int high = digit(value[2 * i]);
        const int low = digit(value[2 * i + 1]);
        valid = high >= 0 && low >= 0;
        if (!valid) break;
        const auto byte = static_cast<unsigned char>(high * 16 + low);
        std::memcpy(&id.bytes[i], &byte, 1);
    }
    // Whoever has the id can join the group: one that is mistyped does not get into a log either.
    if (!valid) {
        throw Error(NC_INVALID_ARGUMENT, text("the setting id is a text of ", value.size(),
                                              " characters, but should be 256 hexadecimal digits"));
    }
    return id;
}

} // namespace

LibrarySettings read_library_settings(const nc_setting* settings, std::uint64_t count) {
    LibrarySettings libraries;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (std::strcmp(settings[i].name, "nccl_library") == 0) libraries.nccl = settings[i].value;
        if (std::strcmp(settings[i].name, "cuda_library") == 0) libraries.cuda = settings[i].value;
    }
    return libraries;
}

Settings read_settings(const nc_setting* settings, std::uint64_t count) {
    Settings read{};
    read.libraries = read_library_settings(settings, count);
    read.staging_bytes = default_staging_bytes;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string name = settings[i].name;
        const std::string value = settings[i].value;
        if (name == "size") {
            read.size = number(name, value, 1, "a number of ranks, from 1");
        } else if (name == "device") {
            read.device = number(name, value, 0, "the ordinal of a device, from 0");
        } else if (name == "local_rank") {
            read.local_rank = number(name, value, 0, "a rank within this host, from 0");
        } else if (name == "id") {
            read.id = parse_id(value);
        } else if (name == "rendezvous") {
            read.rendezvous = value;
        } else if (name == "comm_id") {
            if (value != "environment") malformed(name, value, "environment");
            read.comm_id = true;
        } else if (name == "staging_bytes") {
            read.staging_bytes = number<std::size_t>(name, value, 0, "a number of bytes, or 0");
        } else if (name != "nccl_library" && name != "cuda_library") {
            throw Error(NC_INVALID_ARGUMENT, text("nccl has no setting '", name,
                                                  "'; it knows size, id, rendezvous, comm_id, device, local_rank, "
                                                  "staging_bytes, nccl_library and cuda_library"));
        }
    }
    if (read.size == 0) throw Error(NC_NOT_CONFIGURED, "nccl needs the setting size");
    const int sources = (read.id.has_value() ? 1 : 0) + (read.rendezvous.empty() ? 0 : 1) + (read.comm_id ? 1 : 0);
    if (sources > 1)
        throw Error(NC_INVALID_ARGUMENT, "of the settings id, rendezvous and comm_id only one may be given");
    if (sources == 0 && read.size > 1)
        throw Error(NC_NOT_CONFIGURED,
                    "nccl needs one of the settings id, rendezvous and comm_id to form a group of several ranks");
    return read;
}

} // namespace nc::nccl
