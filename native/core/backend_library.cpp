#include "core/backend_library.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "os/shared_library.h"

namespace nc {
namespace {

struct Backend {
    const nc_backend* table;
    std::shared_ptr<const nc_backend> started; // null before; nobody else has it if there is no group
};

// The one piece of global state: which backends are loaded.
struct Loaded {
    std::mutex mutex;
    std::map<std::string, Backend> by_path;
};

Loaded& loaded() {
    // Never destroyed: at exit, threads may still be in here.
    static Loaded& instance = *new Loaded;
    return instance;
}

// Names become part of a file name: nothing but lower-case letters, digits and underscores.
bool is_backend_name(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
    });
}

const nc_backend* open_backend(const std::string& name, const std::string& path) {
    std::string reason;
    std::optional<SharedLibrary> library = SharedLibrary::open_file(path, reason);
    if (!library.has_value())
        throw Error(NC_BACKEND_UNAVAILABLE, text("the backend ", name, " cannot be loaded from ", path, ": ", reason));
    const auto refuse = [&](const std::string& why) {
        library->close();
        return Error(NC_BACKEND_UNAVAILABLE, text("the library ", path, why));
    };
    std::remove_pointer_t<nc_backend_entry_function>* entry = nullptr;
    if (!library->find(entry, NC_BACKEND_ENTRY)) throw refuse(" is not a backend: it has no symbol " NC_BACKEND_ENTRY);
    const nc_backend* backend = entry();
    if (backend == nullptr || backend->version != NC_BACKEND_VERSION) {
        const std::uint32_t version = backend != nullptr ? backend->version : 0;
        throw refuse(text(" is of another release: it has backend interface ", version, ", this library needs ",
                          NC_BACKEND_VERSION));
    }
    return backend;
}

std::string file_of(const std::string& name) {
    if (!is_backend_name(name)) throw Error(NC_INVALID_ARGUMENT, text("'", name, "' is not a backend's name"));
    return text("/libnative_collectives_", name, library_suffix);
}

// With the table's lock held.
Backend& backend_of(Loaded& table, const std::string& name, const std::string& directory) {
    const std::string file = file_of(name);
    const std::string path = (directory.empty() ? own_library_folder() : directory) + file;
    const auto known = table.by_path.find(path);
    if (known != table.by_path.end()) return known->second;
    return table.by_path.emplace(path, Backend{open_backend(name, path), nullptr}).first->second;
}

// When the process exits. Other threads may still be at work, in a group or in a start: nobody waits for them, and what
// such a backend has started stays.
void end_backends() {
    Loaded& table = loaded();
    const std::unique_lock lock(table.mutex, std::try_to_lock);
    if (!lock.owns_lock()) return;
    for (auto& [path, backend] : table.by_path) {
        if (backend.started.use_count() != 1) continue;
        backend.started.reset();
        if (backend.table->end != nullptr) backend.table->end();
    }
}

} // namespace

BackendSettings::BackendSettings(const nc_setting* settings, std::uint64_t count) {
    others.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        if (std::string_view(settings[i].name) == "backend_directory")
            directory = settings[i].value;
        else
            others.push_back(settings[i]);
    }
}

const nc_backend& load_backend(const std::string& name, const std::string& directory) {
    Loaded& table = loaded();
    const std::lock_guard lock(table.mutex);
    return *backend_of(table, name, directory).table;
}

const nc_backend& loaded_backend(const std::string& name) {
    Loaded& table = loaded();
    const std::lock_guard lock(table.mutex);
    const std::string file = file_of(name);
    for (const auto& [path, backend] : table.by_path) {
        const bool is_it = path.size() > file.size() && path.compare(path.size() - file.size(), file.size(), file) == 0;
        if (is_it) return *backend.table;
    }
    return *backend_of(table, name, "").table;
}

std::shared_ptr<const nc_backend> start_backend(const std::string& name, const std::string& directory) {
    Loaded& table = loaded();
    const std::lock_guard lock(table.mutex);
    Backend& backend = backend_of(table, name, directory);
    if (backend.started != nullptr) return backend.started;
    if (backend.table->start != nullptr) {
        nc_error error = empty_error();
        const nc_status status = backend.table->start(&error);
        if (status != NC_OK) throw Error(status, error.message, error.peer, error.system_error);
    }
    static const int registered = std::atexit(end_backends);
    (void)registered;
    // The table belongs to the library, which is never unloaded.
    backend.started = std::shared_ptr<const nc_backend>(backend.table, [](const nc_backend*) {});
    return backend.started;
}

} // namespace nc
