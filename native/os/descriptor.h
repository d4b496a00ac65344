// What the system names by a number: sockets, pipes, files.
#pragma once

#include <utility>

namespace nc {

// Owns a descriptor.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            close();
            descriptor_ = std::exchange(other.descriptor_, -1);
        }
        return *this;
    }

    int get() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    void close();

private:
    int descriptor_ = -1;
};

// Calls on it never wait, and programs that this process starts do not inherit it. Throws Error(NC_SYSTEM_ERROR).
void keep_to_ourselves(int descriptor);

} // namespace nc
