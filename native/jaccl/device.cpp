#include "jaccl/device.h"

#include <algorithm>
#include <cerrno>

#include "os/descriptor.h"
#include "os/small_file.h"

namespace nc::jaccl {
namespace {

// The kernel answers at once.
constexpr std::chrono::seconds sysfs_limit{1};
constexpr int access_to_memory =
    static_cast<int>(verbs::access_local_write | verbs::access_remote_read | verbs::access_remote_write);

// MLX's path MTU is right for Thunderbolt; elsewhere a port says what it can do.
int path_mtu_of(const verbs::PortAttributes& attributes) {
#ifdef __APPLE__
    (void)attributes;
    return verbs::mtu_1024;
#else
    return std::clamp(attributes.active_mtu, verbs::mtu_256, verbs::mtu_4096);
#endif
}

bool is_zero(const verbs::Gid& gid) {
    return gid.global.subnet_prefix == 0 && gid.global.interface_id == 0;
}

// What the kernel says, where the library is too old to tell.
GidType type_in_sysfs(const std::string& device, int index) {
    const std::string path =
        text("/sys/class/infiniband/", device, "/ports/", int{device_port}, "/gid_attrs/types/", index);
    std::string type;
    const auto read = [&] { type = read_small_file(path, path, Clock::now() + sysfs_limit, {}); };
    if (guarded(nullptr, read) != NC_OK) return GidType::Unknown;
    return type.starts_with("RoCE v2")      ? GidType::RoceV2
           : type.starts_with("IB/RoCE v1") ? GidType::RoceV1
                                            : GidType::Unknown;
}

bool is_ipv4_mapped(const verbs::Gid& gid) {
    return std::all_of(gid.raw, gid.raw + 10, [](std::uint8_t byte) { return byte == 0; }) && gid.raw[10] == 0xff &&
           gid.raw[11] == 0xff;
}

} // namespace

Error forming_failure(const std::string& device, const char* call, int error) {
    const char* hint = "";
    if (error == EBUSY) {
        hint =
            "; the device has no more queue pairs to give: other groups or programs hold them, or some that crashed "
            "never gave them back "
            "(Apple's driver has about 10 per device, and a restart frees lost ones)";
    } else if (error == ENOMEM) {
        hint =
            "; memory for RDMA cannot be locked (see ulimit -l), or the device has no room for more memory regions or "
            "queues";
    } else if (error == EINVAL) {
        hint =
            "; the device rejects what it was given: its address (GID) or the peer's may have changed, or it does not "
            "know this type of queue pair "
            "(the setting queue_pairs)";
    }
    return {NC_RENDEZVOUS_FAILED,
            text("the RDMA device ", device, ": ", call, ": ",
                 error != 0 ? system_error_text(error) : "it failed without a reason", hint),
            -1, error};
}

Region::Region(const VerbsLibrary& verbs, verbs::ProtectionDomain* domain, const std::string& device, void* address,
               std::size_t bytes)
    : verbs_(verbs) {
    errno = 0;
    region_ = verbs.api().reg_mr(domain, address, bytes, access_to_memory);
    if (region_ == nullptr) throw forming_failure(device, "ibv_reg_mr", errno);
}

Region::~Region() {
    (void)verbs_.api().dereg_mr(region_);
}

Device::Device(const VerbsLibrary& verbs, std::string name, std::optional<int> gid_index)
    : verbs_(verbs), name_(std::move(name)) {
    context_ = verbs.open(name_);
    try {
        const verbs::ContextOperations& operations = context_->ops;
        if (operations.post_send == nullptr || operations.post_recv == nullptr || operations.poll_cq == nullptr)
            fail_rendezvous(
                text("the RDMA device ", name_, ": its driver cannot send, receive or tell what has completed"));
        find_address(gid_index);
        errno = 0;
        domain_ = verbs.api().alloc_pd(context_);
        if (domain_ == nullptr) fail("ibv_alloc_pd", errno);
        if (verbs.api().create_comp_channel != nullptr && operations.req_notify_cq != nullptr)
            channel_ = verbs.api().create_comp_channel(context_);
        // take_events() must never wait; and a program that is started meanwhile has no use for the descriptor.
        if (channel_ != nullptr && guarded(nullptr, [this] { keep_to_ourselves(channel_->fd); }) != NC_OK) {
            (void)verbs.api().destroy_comp_channel(channel_);
            channel_ = nullptr;
        }
    } catch (...) {
        close();
        throw;
    }
}

Device::~Device() {
    close();
}

void Device::close() {
    if (channel_ != nullptr) (void)verbs_.api().destroy_comp_channel(channel_);
    if (domain_ != nullptr) (void)verbs_.api().dealloc_pd(domain_);
    (void)verbs_.api().close_device(context_);
}

void Device::fail(const char* call, int error) const {
    throw forming_failure(name_, call, error);
}

void Device::find_address(std::optional<int> gid_index) {
    verbs::PortAttributes attributes{};
    if (const int error = verbs_.api().query_port(context_, device_port, &attributes); error != 0)
        fail("ibv_query_port", error > 0 ? error : errno);
    if (attributes.state == verbs::port_down)
        fail_rendezvous(text("the port of the RDMA device ", name_,
                             " is down: nothing is connected to it, or the other end is off"));
    lid_ = attributes.lid;
    traits_.path_mtu = path_mtu_of(attributes);
    if (gid_index.has_value()) {
        verbs::Gid gid{};
        if (verbs_.api().query_gid(context_, device_port, *gid_index, &gid) != 0 || is_zero(gid))
            fail_rendezvous(text("the RDMA device ", name_, " has no GID at index ", *gid_index,
                                 ", which the setting gid_index names; its table has room for ",
                                 attributes.gid_tbl_len));
        return use_gid(*gid_index, gid, type_of_gid(*gid_index));
    }
    bool is_found = false;
    for (int index = 0; index < attributes.gid_tbl_len && index <= largest_gid_index; ++index) {
        verbs::Gid gid{};
        // An entry that is not set may be an error to ask for.
        if (verbs_.api().query_gid(context_, device_port, index, &gid) != 0 || !is_ipv4_mapped(gid)) continue;
        // Each address of a RoCE port is there twice, mostly v1 first, whose packets no router takes.
        const GidType type = type_of_gid(index);
        if (!is_found || type == GidType::RoceV2) use_gid(index, gid, type);
        is_found = true;
        if (type != GidType::RoceV1) return;
    }
    if (is_found) return;
    if (attributes.link_layer == verbs::link_layer_infiniband && lid_ != 0) return;
    fail_rendezvous(
        text("the RDMA device ", name_, " has no IPv4 address: none of its ", attributes.gid_tbl_len,
             " GIDs is IPv4-mapped; give the network interface that belongs to it an IPv4 address (on a Mac: "
             "its Thunderbolt "
             "port, outside of the Thunderbolt Bridge)"));
}

void Device::use_gid(int index, const verbs::Gid& gid, GidType type) {
    gid_ = gid;
    gid_index_ = static_cast<std::uint8_t>(index);
    traits_.gid_type = type;
}

GidType Device::type_of_gid(int index) const {
    verbs::GidEntry entry{};
    if (verbs_.api().query_gid_ex == nullptr) return type_in_sysfs(name_, index);
    if (verbs_.api().query_gid_ex(context_, device_port, static_cast<std::uint32_t>(index), &entry, 0, sizeof entry) !=
        0)
        return GidType::Unknown;
    switch (entry.gid_type) {
        case verbs::gid_type_roce_v1:
            return GidType::RoceV1;
        case verbs::gid_type_roce_v2:
            return GidType::RoceV2;
        default:
            return GidType::Unknown;
    }
}

std::unique_ptr<Region> Device::register_memory(void* address, std::size_t bytes) const {
    return std::make_unique<Region>(verbs_, domain_, name_, address, bytes);
}

void Device::take_events() const {
    verbs::CompletionQueue* queue = nullptr;
    void* context = nullptr;
    while (verbs_.api().get_cq_event(channel_, &queue, &context) == 0) verbs_.api().ack_cq_events(queue, 1);
}

} // namespace nc::jaccl
