// NCCL, found at run time.
#pragma once

#include <string>

#include "base/error.h"
#include "nccl/nccl_api.h"
#include "os/loaded_libraries.h"
#include "os/shared_library.h"

namespace nc::nccl {

class NcclLibrary {
public:
    // The library at that path, or wherever it is found if the path is empty. Loaded once. Throws
    // Error(NC_BACKEND_UNAVAILABLE) that says what is missing or too old.
    static const NcclLibrary& load(const std::string& path);

    const NcclFunctions& api() const { return functions_; }
    const std::string& path() const { return library_.path(); }
    // Such as "2.30.7".
    const std::string& version() const { return version_text_; }

    // A configuration as this library knows it: non-blocking, so that every wait is ours.
    Config config() const;

    // Such as "ncclAllReduce: internal error (3): the library's own words on what went wrong last". comm may be null.
    std::string explain(Result result, const char* call, Comm comm) const;

    // A new unique id. Throws Error(NC_RENDEZVOUS_FAILED).
    UniqueId make_id() const;

private:
    friend class LoadedLibraries<NcclLibrary>;
    explicit NcclLibrary(const std::string& path);

    SharedLibrary library_;
    NcclFunctions functions_{};
    int version_ = 0;
    std::string version_text_;
};

} // namespace nc::nccl
