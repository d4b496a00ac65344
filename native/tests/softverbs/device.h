// Devices of this host, and how they are addressed on the fabric.
#pragma once

#include <infiniband/verbs.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "softverbs/configuration.h"
#include "softverbs/faults.h"

namespace nc::softverbs {

constexpr int gid_table_length = 8;
constexpr std::uint8_t port_number = 1;
constexpr int max_sge = 4;
constexpr int max_work_requests = 16384;
constexpr int max_completions = 65536;
constexpr std::uint32_t max_message = 1U << 30;
// What the hardware counts messages in.
constexpr std::uint32_t frame_size = 4096;

// One port of one device: unique on the fabric.
struct Address {
    ibv_gid link_local{};
    ibv_gid mapped{};
    std::uint16_t lid = 0;

    static Address of(const Socket& socket);
    bool has(const ibv_gid& gid) const;
};

// Lives as long as the process, as do the names that callers have of it.
struct Device : ibv_device {
    explicit Device(Socket socket);

    const Socket socket;
    const Address address;
    // Guarded by the fabric's lock.
    int queue_pairs = 0;
    int connected_queue_pairs = 0;

    Subject subject(std::uint64_t queue_pair = 0) const { return {socket.host, socket.device, queue_pair}; }
    bool port_is_up() const { return !Faults::instance().state("port", subject()); }
    // All zero where the table has no entry.
    ibv_gid gid(int index) const;
    ibv_gid_type gid_type(int index) const;
    ibv_mtu active_mtu() const;
};

class Devices {
public:
    static Devices& instance();

    // What this host shows now.
    std::vector<Device*> listed();
    // Whose address that is, if anybody on the fabric has announced it.
    std::optional<Socket> find(const ibv_gid& gid);
    std::optional<Socket> find(std::uint16_t lid);

private:
    Device& get(const std::string& name);

    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<Device>> devices_;
};

struct Context : ibv_context {
    explicit Context(Device& device);
    Device& owner() const { return static_cast<Device&>(*device); }

    // Guarded by the fabric's lock.
    int users = 0;
};

} // namespace nc::softverbs
