// A CUDA device, and what is made on it. Everything here is freed with its device's context current; errors of
// freeing are dropped.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "nccl/cuda_library.h"

namespace nc::nccl {

// Keeps the device's primary context, which it shares with the CUDA runtime and every library in the process.
class Device {
public:
    // Throws Error.
    Device(const CudaLibrary& cuda, int ordinal);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    const CudaLibrary& cuda() const { return cuda_; }
    const CudaFunctions& api() const { return cuda_.api(); }
    int ordinal() const { return ordinal_; }
    std::string name() const;

    // Makes the context the thread's current one, for as long as it lives; the caller's own comes back afterwards.
    class Scope {
    public:
        explicit Scope(const Device& device);
        ~Scope();
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        const Device& device_;
    };

    // Throws Error(NC_INVALID_ARGUMENT) unless the address is one of this device's: what a kernel cannot reach ends the
    // whole context.
    void require_own(const char* name, const void* address) const;

    // Whether the stream has done everything that it was given; null is the default stream. Throws Error if the device
    // failed.
    bool is_idle(CudaStream stream) const;

private:
    const CudaLibrary& cuda_;
    const int ordinal_;
    CudaDevice device_ = 0;
    CudaContext context_ = nullptr;
};

inline CudaAddress device_address(const void* pointer) {
    return reinterpret_cast<CudaAddress>(pointer);
}

// A stream that has no implicit order with the default one.
class Stream {
public:
    explicit Stream(const Device& device);
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    CudaStream get() const { return stream_; }

private:
    const Device& device_;
    CudaStream stream_ = nullptr;
};

class Event {
public:
    explicit Event(const Device& device);
    ~Event();
    Event(Event&& other) noexcept : device_(other.device_), event_(std::exchange(other.event_, nullptr)) {}
    Event& operator=(Event&&) = delete;

    void record(CudaStream stream);
    // What the stream is given from now on starts after what was recorded last.
    void hold(CudaStream stream) const;
    // Whether the device has passed what was recorded last. Throws Error if the device failed.
    bool passed() const;

private:
    const Device& device_;
    CudaEvent event_ = nullptr;
};

// Memory of the device. Whoever lets go of it waits for nobody: see reclaimer.h.
class DeviceMemory {
public:
    DeviceMemory(const Device& device, std::size_t bytes);
    ~DeviceMemory();
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;
    std::byte* get() const { return reinterpret_cast<std::byte*>(address_); }
    std::size_t bytes() const { return bytes_; }

private:
    const Device& device_;
    CudaAddress address_ = 0;
    std::size_t bytes_;
};

// Memory of the host that the device reads and writes by itself. The same holds.
class PinnedMemory {
public:
    PinnedMemory(const Device& device, std::size_t bytes);
    ~PinnedMemory();
    PinnedMemory(const PinnedMemory&) = delete;
    PinnedMemory& operator=(const PinnedMemory&) = delete;
    std::byte* get() const { return static_cast<std::byte*>(address_); }

private:
    const Device& device_;
    void* address_ = nullptr;
};

} // namespace nc::nccl
