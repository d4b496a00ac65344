// An RDMA device that a rank uses: opened, with its address, and what all connections on it share.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "jaccl/destination.h"
#include "jaccl/verbs_library.h"

namespace nc::jaccl {

// The port of a device that is used; Thunderbolt's have one.
constexpr std::uint8_t device_port = 1;

// Memory that a device may read and write, as long as this lives.
class Region {
public:
    Region(const VerbsLibrary& verbs, verbs::ProtectionDomain* domain, const std::string& device, void* address,
           std::size_t bytes);
    ~Region();
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;

    std::uint32_t key() const { return region_->lkey; }

private:
    const VerbsLibrary& verbs_;
    verbs::MemoryRegion* region_;
};

class Device {
public:
    // gid_index: of the address in the port's table; none: the first IPv4 one, of RoCE v2 if there is such a one.
    // Throws Error(NC_RENDEZVOUS_FAILED) that names the device and what it lacks.
    Device(const VerbsLibrary& verbs, std::string name, std::optional<int> gid_index = std::nullopt);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    const std::string& name() const { return name_; }
    const VerbsLibrary& verbs() const { return verbs_; }
    verbs::Context* context() const { return context_; }
    verbs::ProtectionDomain* domain() const { return domain_; }
    // Null where the library has none: completions are then asked for.
    verbs::CompletionChannel* channel() const { return channel_; }

    std::uint16_t lid() const { return lid_; }
    // Zero on InfiniBand, where the LID is the address.
    const verbs::Gid& gid() const { return gid_; }
    std::uint8_t gid_index() const { return gid_index_; }
    // What a rank of ours at the other end must know of the port.
    const PortTraits& traits() const { return traits_; }

    std::unique_ptr<Region> register_memory(void* address, std::size_t bytes) const;

    // Takes the events that have come through the channel. Never waits.
    void take_events() const;

private:
    void find_address(std::optional<int> gid_index);
    void use_gid(int index, const verbs::Gid& gid, GidType type);
    GidType type_of_gid(int index) const;
    void close();
    // Throws that the call failed.
    [[noreturn]] void fail(const char* call, int error) const;

    const VerbsLibrary& verbs_;
    const std::string name_;
    verbs::Context* context_ = nullptr;
    verbs::ProtectionDomain* domain_ = nullptr;
    verbs::CompletionChannel* channel_ = nullptr;
    std::uint16_t lid_ = 0;
    verbs::Gid gid_{};
    std::uint8_t gid_index_ = 0;
    PortTraits traits_;
};

// A call of the verbs that failed while a group was formed, with what is known of the reason.
Error forming_failure(const std::string& device, const char* call, int error);

} // namespace nc::jaccl
