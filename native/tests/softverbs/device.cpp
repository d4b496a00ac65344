#include "softverbs/device.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "softverbs/record.h"

namespace nc::softverbs {
namespace {

std::uint64_t hash(const std::string& text) {
    std::uint64_t value = 0xcbf29ce484222325;
    for (const char character : text) value = (value ^ static_cast<unsigned char>(character)) * 0x100000001b3;
    // The last characters shall count in the upper bits too.
    value ^= value >> 29;
    value *= 0xbf58476d1ce4e5b9;
    return value ^ (value >> 32);
}

bool equal(const ibv_gid& one, const ibv_gid& other) {
    return std::memcmp(one.raw, other.raw, sizeof one.raw) == 0;
}

std::string name_of(const ibv_gid& gid) {
    return "gid-" + hex(gid.raw, sizeof gid.raw);
}
std::string name_of(std::uint16_t lid) {
    return "lid-" + std::to_string(lid);
}
std::string announcement_path(const std::string& name) {
    return Configuration::instance().fabric() + '/' + name;
}

// Two lines, host and device, under the name of each address: other processes learn from them whose it is.
void announce(const Socket& socket, const std::string& name) {
    const std::string path = announcement_path(name);
    const std::string draft = path + "." + std::to_string(::getpid());
    std::ofstream(draft) << socket.host << '\n' << socket.device << '\n';
    if (std::rename(draft.c_str(), path.c_str()) != 0)
        std::fprintf(stderr, "softverbs: %s cannot be written: %s\n", path.c_str(), std::strerror(errno));
}

std::optional<Socket> announced(const std::string& name) {
    if (Configuration::instance().fabric().empty()) return std::nullopt;
    std::ifstream file(announcement_path(name));
    Socket socket;
    if (!std::getline(file, socket.host) || !std::getline(file, socket.device)) return std::nullopt;
    return socket;
}

} // namespace

Address Address::of(const Socket& socket) {
    const std::uint64_t number = hash(socket.host + ':' + socket.device);
    Address address;
    address.link_local.raw[0] = 0xfe;
    address.link_local.raw[1] = 0x80;
    std::memcpy(address.link_local.raw + 8, &number, sizeof number);
    address.mapped.raw[10] = address.mapped.raw[11] = 0xff;
    std::memcpy(address.mapped.raw + 12, &number, 4);
    address.lid = static_cast<std::uint16_t>(1 + (number >> 32) % 0xbfff);
    return address;
}

bool Address::has(const ibv_gid& gid) const {
    return equal(gid, link_local) || equal(gid, mapped);
}

Device::Device(Socket socket) : ibv_device(), socket(std::move(socket)), address(Address::of(this->socket)) {
    node_type = IBV_NODE_CA;
    transport_type = IBV_TRANSPORT_IB;
    std::snprintf(name, sizeof name, "%s", this->socket.device.c_str());
    std::snprintf(dev_name, sizeof dev_name, "soft-%s", this->socket.device.c_str());
}

ibv_gid Device::gid(int index) const {
    const int mapped_index = Faults::instance().state("mapped_gid", subject()).value_or(1);
    if (index == mapped_index || index == Faults::instance().state("mapped_gid_v1", subject())) return address.mapped;
    return index == 0 ? address.link_local : ibv_gid{};
}

ibv_gid_type Device::gid_type(int index) const {
    if (Configuration::instance().is_infiniband()) return IBV_GID_TYPE_IB;
    return index == Faults::instance().state("mapped_gid_v1", subject()) ? IBV_GID_TYPE_ROCE_V1 : IBV_GID_TYPE_ROCE_V2;
}

ibv_mtu Device::active_mtu() const {
    switch (Faults::instance().state("active_mtu", subject()).value_or(4096)) {
        case 256:
            return IBV_MTU_256;
        case 512:
            return IBV_MTU_512;
        case 1024:
            return IBV_MTU_1024;
        case 2048:
            return IBV_MTU_2048;
        default:
            return IBV_MTU_4096;
    }
}

Devices& Devices::instance() {
    static auto& devices = *new Devices;
    return devices;
}

Device& Devices::get(const std::string& name) {
    auto& device = devices_[name];
    if (device == nullptr) {
        const Configuration& configuration = Configuration::instance();
        device = std::make_unique<Device>(Socket{configuration.host(), name});
        if (!configuration.fabric().empty()) {
            ::mkdir(configuration.fabric().c_str(), 0777);
            for (const std::string& address :
                 {name_of(device->address.link_local), name_of(device->address.mapped), name_of(device->address.lid)})
                announce(device->socket, address);
        }
    }
    return *device;
}

std::vector<Device*> Devices::listed() {
    const std::lock_guard lock(mutex_);
    std::vector<Device*> listed;
    for (const std::string& name : Configuration::instance().devices()) {
        Device& device = get(name);
        if (!Faults::instance().state("list", device.subject())) listed.push_back(&device);
    }
    return listed;
}

std::optional<Socket> Devices::find(const ibv_gid& gid) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, device] : devices_) {
            if (device->address.has(gid)) return device->socket;
        }
    }
    return announced(name_of(gid));
}

std::optional<Socket> Devices::find(std::uint16_t lid) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, device] : devices_) {
            if (device->address.lid == lid) return device->socket;
        }
    }
    return announced(name_of(lid));
}

} // namespace nc::softverbs
