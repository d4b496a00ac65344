#include "nccl/settings.h"

#include <cstring>
#include <limits>

#include "base/error.h"
#include "operation/settings.h"

namespace nc::nccl {
namespace {

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
    libraries.nccl = SettingReader::find("nccl_library", settings, count).value_or("");
    libraries.cuda = SettingReader::find("cuda_library", settings, count).value_or("");
    return libraries;
}

Settings read_settings(const nc_setting* settings, std::uint64_t count) {
    const SettingReader reader("nccl",
                               {"size", "id", "rendezvous", "comm_id", "device", "local_rank", "staging_bytes",
                                "nccl_library", "cuda_library"},
                               settings, count);
    constexpr int most = std::numeric_limits<int>::max();
    Settings read{};
    read.libraries = read_library_settings(settings, count);
    read.size = reader.number("size", 1, most, "a number of ranks, from 1").value_or(0);
    read.device = reader.number("device", 0, most, "the ordinal of a device, from 0");
    read.local_rank = reader.number("local_rank", 0, most, "a rank within this host, from 0");
    if (const auto id = reader.find("id"); id.has_value()) read.id = parse_id(*id);
    read.rendezvous = reader.find("rendezvous").value_or("");
    if (const auto comm_id = reader.find("comm_id"); comm_id.has_value()) {
        if (*comm_id != "environment") throw SettingReader::malformed("comm_id", *comm_id, "environment");
        read.comm_id = true;
    }
    read.staging_bytes =
        reader
            .number<std::size_t>("staging_bytes", 0, std::numeric_limits<std::size_t>::max(), "a number of bytes, or 0")
            .value_or(default_staging_bytes);
    if (read.size == 0) throw Error(NC_NOT_CONFIGURED, "nccl needs the setting size");
    reader.allow_one_of({"id", "rendezvous", "comm_id"});
    const bool has_source = read.id.has_value() || !read.rendezvous.empty() || read.comm_id;
    if (!has_source && read.size > 1)
        throw Error(NC_NOT_CONFIGURED,
                    "nccl needs one of the settings id, rendezvous and comm_id to form a group of several ranks");
    return read;
}

} // namespace nc::nccl
