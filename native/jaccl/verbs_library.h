// The library of the verbs API, found at run time.
#pragma once

#include <string>
#include <vector>

#include "jaccl/verbs_api.h"
#include "os/loaded_libraries.h"
#include "os/shared_library.h"

namespace nc::jaccl {

class VerbsLibrary {
public:
    // The library at that path, or the system's if the path is empty. Loaded once. Throws Error(NC_BACKEND_UNAVAILABLE)
    // that says what is missing.
    static const VerbsLibrary& load(const std::string& path);

    const verbs::Functions& api() const { return functions_; }
    const std::string& path() const { return library_.path(); }

    // The names of this machine's RDMA devices. Throws Error(NC_BACKEND_UNAVAILABLE).
    std::vector<std::string> device_names() const;
    // Opens the device of that name. Throws Error(NC_RENDEZVOUS_FAILED) that lists those there are.
    verbs::Context* open(const std::string& name) const;

    // A completion status in words.
    std::string explain(int status) const;

private:
    friend class LoadedLibraries<VerbsLibrary>;
    explicit VerbsLibrary(const std::string& path);

    SharedLibrary library_;
    verbs::Functions functions_{};
};

} // namespace nc::jaccl
