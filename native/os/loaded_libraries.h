// The libraries of one kind that this process has found: each is loaded once, and stays.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace nc {

// Library is made from the path that is asked for; it throws if that cannot be, and is tried again the next time.
template <class Library>
class LoadedLibraries {
public:
    static const Library& load(const std::string& path) { return load(path, path); }
    // key: what the path stands for, where that can change.
    static const Library& load(const std::string& key, const std::string& path) {
        LoadedLibraries& all = instance();
        const std::lock_guard lock(all.mutex_);
        const auto known = all.by_key_.find(key);
        if (known != all.by_key_.end()) return *known->second;
        std::unique_ptr<const Library> library(new Library(path));
        const Library& loaded = *all.by_key_.emplace(key, std::move(library)).first->second;
        if (all.first_ == nullptr) all.first_ = &loaded;
        return loaded;
    }

    // The one that was loaded first; null if there is none.
    static const Library* first() {
        LoadedLibraries& all = instance();
        const std::lock_guard lock(all.mutex_);
        return all.first_;
    }

private:
    // Never destroyed: what uses a library may do so as late as in the process's last moments.
    static LoadedLibraries& instance() {
        static auto* const all = new LoadedLibraries;
        return *all;
    }

    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<const Library>> by_key_;
    const Library* first_ = nullptr;
};

} // namespace nc
