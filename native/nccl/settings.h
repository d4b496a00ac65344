// What the settings of an nccl group say.
#pragma once

#include <optional>
#include <string>

#include "nccl/nccl_api.h"
#include "operation/backend.h"

namespace nc::nccl {

// Where the libraries are; empty: they are looked for.
struct LibrarySettings {
    std::string nccl;
    std::string cuda;
};

struct Settings {
    LibrarySettings libraries;
    int size = 0;
    std::optional<int> device;
    std::optional<int> local_rank;
    // Of these three at most one.
    std::optional<UniqueId> id;
    std::string rendezvous;    // host:port
    bool comm_id = false;      // NCCL_COMM_ID is in the environment of every rank
    std::size_t staging_bytes; // 0: an operation on host memory is one NCCL call, however large
};

// What the ranks' buffers in host memory are cut into, unless a setting says otherwise.
constexpr std::size_t default_staging_bytes = std::size_t{4} << 20;

// Throws Error that names the setting, its value and what was expected.
Settings read_settings(const nc_setting* settings, std::uint64_t count);
// Those that name libraries; the others may be anything.
LibrarySettings read_library_settings(const nc_setting* settings, std::uint64_t count);

} // namespace nc::nccl
