#include "os/shared_library.h"

#include <dlfcn.h>
#include <glob.h>
#include <sys/stat.h>

#include <cstdlib>
#include <utility>

namespace nc {
namespace {

std::string environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? value : "";
}

bool exists(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
}

} // namespace

SharedLibrary::SharedLibrary(const LibrarySearch& search) {
    std::string reason;
    const std::string named = environment(search.variable);
    const std::string& given = !search.setting.empty() ? search.setting : named;
    if (!given.empty()) {
        if (open(given, reason)) return;
        throw Error(
            NC_BACKEND_UNAVAILABLE,
            text(search.name, " cannot be loaded from ", given,
                 !search.setting.empty() ? " (a setting)" : text(" (the environment variable ", search.variable, ")"),
                 ": ", reason));
    }
    if (open(search.name, reason)) return;
    std::string others;
    for (const std::string& folder : search.folders) {
        const std::string candidate = folder + "/" + search.name;
        if (!exists(candidate)) continue;
        std::string failure;
        if (open(candidate, failure)) return;
        others += "; " + failure;
    }
    throw Error(NC_BACKEND_UNAVAILABLE, text(search.name, " was not found on the loader's path (", reason, ") nor in ",
                                             search.folders.size(), " other folders where packages put it", others,
                                             "; the environment variable ", search.variable, " can name it"));
}

bool SharedLibrary::open(const std::string& path, std::string& reason) {
    handle_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) {
        const char* text = ::dlerror();
        reason = text != nullptr ? text : "unknown reason";
        return false;
    }
    path_ = path;
    return true;
}

void* SharedLibrary::address_of(const char* symbol) const {
    return ::dlsym(handle_, symbol);
}

std::optional<SharedLibrary> SharedLibrary::open_file(const std::string& path, std::string& reason) {
    SharedLibrary library;
    if (!library.open(path, reason)) return std::nullopt;
    return library;
}

void SharedLibrary::close() {
    if (handle_ != nullptr) ::dlclose(std::exchange(handle_, nullptr));
}

#if defined(__APPLE__)
const char* const library_suffix = ".dylib";
#else
const char* const library_suffix = ".so";
#endif

std::string own_library_folder() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&own_library_folder), &info) == 0 || info.dli_fname == nullptr)
        return ".";
    const std::string path = info.dli_fname;
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::vector<std::string> folders_like(const std::string& pattern) {
    std::string expanded = pattern;
    if (expanded.starts_with("~")) {
        const std::string home = environment("HOME");
        if (home.empty()) return {};
        expanded = home + expanded.substr(1);
    } else if (expanded.starts_with("$")) {
        const std::size_t slash = expanded.find('/');
        const std::string value = environment(expanded.substr(1, slash - 1));
        if (value.empty()) return {};
        expanded = value + (slash == std::string::npos ? "" : expanded.substr(slash));
    }
    std::vector<std::string> found;
    glob_t matches{};
    if (::glob(expanded.c_str(), 0, nullptr, &matches) == 0) {
        for (std::size_t i = 0; i < matches.gl_pathc; ++i) found.emplace_back(matches.gl_pathv[i]);
    }
    ::globfree(&matches);
    return found;
}

} // namespace nc
