// Backends are shared libraries beside this one: found by file name, loaded on first use, kept until the process ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "operation/backend.h"

namespace nc {

// What a caller sets, which has been checked: what the core itself takes, and what is the backend's.
struct BackendSettings {
    BackendSettings(const nc_setting* settings, std::uint64_t count);

    std::string directory; // where the backend's library lies; empty: in the folder of this one
    std::vector<nc_setting> others;
};

// The backend's table. Throws Error(NC_BACKEND_UNAVAILABLE) that says what was looked for, where, and what was wrong
// with it.
const nc_backend& load_backend(const std::string& name, const std::string& directory);

// The same for calls that come with no settings: one that is loaded, wherever it lies, or else that of this library's
// folder.
const nc_backend& loaded_backend(const std::string& name);

// The same, started: what it does once in a process has been done. Who makes groups keeps the pointer as long as there
// is one; what was started is ended when the process exits, unless a group is left then. Throws Error also for what the
// start says.
std::shared_ptr<const nc_backend> start_backend(const std::string& name, const std::string& directory);

} // namespace nc
