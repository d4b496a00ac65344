// Backends are shared libraries beside this one: found by file name, loaded on first use, kept until the process ends.
#pragma once

#include <memory>
#include <string>

#include "operation/backend.h"

namespace nc {

// The backend's table. Throws Error(NC_BACKEND_UNAVAILABLE) that says what was looked for, where, and what was wrong
// with it.
const nc_backend& load_backend(const std::string& name);

// The same, started: what it does once in a process has been done. Who makes groups keeps the pointer as long as there
// is one; what was started is ended when the process exits, unless a group is left then. Throws Error also for what the
// start says.
std::shared_ptr<const nc_backend> start_backend(const std::string& name);

// An empty path stands for the folder of this library.
void set_backend_directory(std::string path);

} // namespace nc
