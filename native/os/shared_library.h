// A library of somebody else's that is looked for when it is needed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace nc {

// Where to look, in this order.
struct LibrarySearch {
    std::string name;                 // "libnccl.so.2", which the loader looks for on its path
    std::string setting;              // a path from the settings; if not empty, nothing else is tried
    std::string variable;             // an environment variable that may hold a path; if it does, nothing else is tried
    std::vector<std::string> folders; // where else it may lie
};

// Stays loaded until the process ends: such libraries have threads of their own.
class SharedLibrary {
public:
    // Throws Error(NC_BACKEND_UNAVAILABLE) that says where it was looked for.
    explicit SharedLibrary(const LibrarySearch& search);
    // That file; none, with the reason, if it cannot be loaded.
    static std::optional<SharedLibrary> open_file(const std::string& path, std::string& reason);
    // Gives back what turned out to be of no use.
    void close();

    const std::string& path() const { return path_; }

    // The function's address; false if the library has no such symbol.
    template <class Function>
    bool find(Function*& function, const char* symbol) const {
        function = reinterpret_cast<Function*>(address_of(symbol));
        return function != nullptr;
    }

    // Throws Error(NC_BACKEND_UNAVAILABLE) that names the symbol and the library.
    template <class Function>
    void require(Function*& function, const char* symbol) const {
        if (!find(function, symbol))
            throw Error(NC_BACKEND_UNAVAILABLE, text("the library ", path_, " has no symbol ", symbol));
    }

private:
    SharedLibrary() = default;
    bool open(const std::string& path, std::string& reason);
    void* address_of(const char* symbol) const;

    void* handle_ = nullptr;
    std::string path_;
};

// What names of library files end with.
extern const char* const library_suffix;

// The folder of the library that holds this function; "." if the system does not tell.
std::string own_library_folder();

// The folders that are there of those that a pattern with wildcards (as in a shell) stands for; a leading "~" is the
// user's home, "$NAME" a variable's value.
std::vector<std::string> folders_like(const std::string& pattern);

} // namespace nc
