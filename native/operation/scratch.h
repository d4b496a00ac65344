// An operation's memory: taken piece by piece, given back all at once, and kept by the group for its next operation. So
// one that has run before asks the system for nothing, and touches no fresh pages.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace nc {

// For one thread at a time.
class Scratch {
public:
    Scratch() = default;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    // Aligned for every type; not initialized. Throws std::bad_alloc.
    std::byte* take(std::size_t bytes) {
        const std::size_t length = (bytes + alignment - 1) / alignment * alignment;
        if (length < bytes) throw std::bad_alloc();
        for (; current_ < parts_.size(); ++current_, used_ = 0) {
            if (length <= parts_[current_].bytes - used_) break;
        }
        if (current_ == parts_.size()) add(std::max(length, smallest_part));
        std::byte* memory = parts_[current_].memory.get() + used_;
        used_ += length;
        return memory;
    }

    // Keeps a function object, which is never destroyed: nothing that it holds may need that.
    template <class Function>
    Function& keep(Function function) {
        static_assert(alignof(Function) <= alignment);
        return *new (take(sizeof(Function))) Function(std::move(function));
    }

    // What is taken from now on is given back by rewind().
    struct Mark {
        std::size_t part;
        std::size_t used;
    };
    Mark mark() const { return {current_, used_}; }
    void rewind(Mark mark) {
        current_ = mark.part;
        used_ = mark.used;
    }

    // Gives everything back. What has come in several parts is one from now on.
    void clear() {
        rewind({0, 0});
        if (parts_.size() <= 1) return;
        std::size_t total = 0;
        for (const Part& part : parts_) total += part.bytes;
        parts_.clear();
        add(total);
    }

private:
    static constexpr std::size_t alignment = alignof(std::max_align_t);
    static constexpr std::size_t smallest_part = 4096;

    struct Part {
        std::unique_ptr<std::byte[]> memory;
        std::size_t bytes;
    };

    void add(std::size_t bytes) { parts_.push_back({std::make_unique_for_overwrite<std::byte[]>(bytes), bytes}); }

    std::vector<Part> parts_;
    std::size_t current_ = 0;
    std::size_t used_ = 0; // of the current part
};

// For containers of the standard library that live no longer than the operation.
template <class T>
struct ScratchAllocator {
    using value_type = T;
    ScratchAllocator(Scratch& from) : scratch(&from) {}
    template <class Other>
    ScratchAllocator(const ScratchAllocator<Other>& other) : scratch(other.scratch) {}
    T* allocate(std::size_t count) {
        if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_alloc();
        return reinterpret_cast<T*>(scratch->take(count * sizeof(T)));
    }
    void deallocate(T*, std::size_t) noexcept {}
    template <class Other>
    bool operator==(const ScratchAllocator<Other>& other) const {
        return scratch == other.scratch;
    }
    Scratch* scratch;
};

template <class T>
using ScratchVector = std::vector<T, ScratchAllocator<T>>;

} // namespace nc
