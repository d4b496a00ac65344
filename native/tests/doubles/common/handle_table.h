// Handles that callers hold. They are numbers, not addresses: none is ever used twice, so one that has been destroyed
// is recognised for ever, and none can be dereferenced. Not safe for threads: the owner's lock guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "doubles/common/violation.h"

namespace nc::doubles {

template <class Object>
class HandleTable {
public:
    // kind is the word for the objects in messages; number tells the handles of one table from those of another.
    HandleTable(const char* kind, std::uintptr_t number)
        : kind_(kind), first_(not_an_address + (number << 32)), next_(first_) {}

    void* add(std::shared_ptr<Object> object) {
        void* const handle = reinterpret_cast<void*>(next_);
        objects_.emplace(next_, std::move(object));
        next_ += step;
        return handle;
    }

    // Null for what is not alive.
    std::shared_ptr<Object> find(const void* handle) const {
        const auto found = objects_.find(reinterpret_cast<std::uintptr_t>(handle));
        return found != objects_.end() ? found->second : nullptr;
    }

    std::shared_ptr<Object> get(const void* handle) const {
        if (auto object = find(handle)) return object;
        const auto number = reinterpret_cast<std::uintptr_t>(handle);
        const bool existed = number >= first_ && number < next_ && (number - first_) % step == 0;
        throw Violation(text(kind_, ' ', handle, existed ? " has been destroyed" : " does not exist"));
    }

    std::shared_ptr<Object> take(const void* handle) {
        auto object = get(handle);
        objects_.erase(reinterpret_cast<std::uintptr_t>(handle));
        return object;
    }

    std::size_t size() const { return objects_.size(); }
    auto begin() const { return objects_.begin(); }
    auto end() const { return objects_.end(); }

private:
    // No address of a process looks like this on a 64-bit machine.
    static constexpr std::uintptr_t not_an_address = std::uintptr_t{0x00c0} << 48;
    static constexpr std::uintptr_t step = 64;

    const char* kind_;
    std::uintptr_t first_;
    std::uintptr_t next_;
    std::map<std::uintptr_t, std::shared_ptr<Object>> objects_;
};

} // namespace nc::doubles
