#include <chrono>
#include <cstring>
#include <memory>

#include "softverbs/api.h"
#include "softverbs/completion_queue.h"
#include "softverbs/fabric.h"
#include "softverbs/posting.h"

namespace nc::softverbs {

Context::Context(Device& device) : ibv_context() {
    this->device = &device;
    cmd_fd = async_fd = -1;
    num_comp_vectors = 1;
    ops.post_send = [](ibv_qp* queue_pair, ibv_send_wr* requests, ibv_send_wr** bad) {
        return guarded([&] { return post_send(queue_pair, requests, bad); });
    };
    ops.post_recv = [](ibv_qp* queue_pair, ibv_recv_wr* requests, ibv_recv_wr** bad) {
        return guarded([&] { return post_receive(queue_pair, requests, bad); });
    };
    ops.poll_cq = [](ibv_cq* handle, int count, ibv_wc* work) {
        int polled = 0;
        const int error = guarded([&] {
            auto& queue = static_cast<CompletionQueue&>(*handle);
            if (const auto fault = Faults::instance().at("poll_cq", queue.owner().owner().subject())) return *fault;
            polled = queue.poll(count, work);
            if (polled != 0) return 0;
            Fabric::instance().provider.take_over(!queue.armed());
            polled = queue.poll(count, work);
            return 0;
        });
        if (error == 0) return polled;
        errno = error;
        return -1;
    };
    ops.req_notify_cq = [](ibv_cq* handle, int solicited_only) {
        return guarded([&] {
            auto& queue = static_cast<CompletionQueue&>(*handle);
            if (const auto error = Faults::instance().at("req_notify_cq", queue.owner().owner().subject()))
                return *error;
            queue.arm(solicited_only != 0);
            Fabric::instance().provider.attend();
            return 0;
        });
    };
}

} // namespace nc::softverbs

using namespace nc::softverbs;

NC_EXPORT ibv_device** ibv_get_device_list(int* count) {
    return made<ibv_device*>([&](ibv_device**& list) {
        Configuration& configuration = Configuration::instance();
        configuration.read_environment();
        if (const auto error = Faults::instance().at("get_device_list", {configuration.host(), ""})) return *error;
        const auto listed = Devices::instance().listed();
        list = new ibv_device*[listed.size() + 1]();
        std::copy(listed.begin(), listed.end(), list);
        if (count != nullptr) *count = static_cast<int>(listed.size());
        return 0;
    });
}

NC_EXPORT void ibv_free_device_list(ibv_device** list) {
    delete[] list;
}

NC_EXPORT const char* ibv_get_device_name(ibv_device* device) {
    return device->name;
}

NC_EXPORT ibv_context* ibv_open_device(ibv_device* handle) {
    return made<ibv_context>([&](ibv_context*& context) {
        auto& device = static_cast<Device&>(*handle);
        RecordLine line("open_device");
        begin(line, device);
        int error = Faults::instance().at("open_device", device.subject()).value_or(0);
        if (error == 0) error = Fabric::instance().enter();
        line.error(error);
        if (error != 0) return error;
        context = new Context(device);
        ++Fabric::instance().live_objects;
        return 0;
    });
}

NC_EXPORT int ibv_close_device(ibv_context* handle) {
    return guarded([&] {
        auto* context = static_cast<Context*>(handle);
        {
            RecordLine line("close_device");
            begin(line, context->owner());
            const Lock lock(Fabric::instance().mutex);
            if (context->users > 0) return line.error(EBUSY), violation(EBUSY, "a context is closed that is in use");
        }
        delete context;
        --Fabric::instance().live_objects;
        Fabric::instance().leave();
        return 0;
    });
}

// Writes nothing behind the members of the structure that callers of this symbol may have: it is older and shorter.
NC_EXPORT int ibv_query_port(ibv_context* handle, std::uint8_t port, _compat_ibv_port_attr* result) {
    return guarded([&] {
        const Device& device = static_cast<Context*>(handle)->owner();
        if (const auto error = Faults::instance().at("query_port", device.subject())) return *error;
        if (port != port_number) return EINVAL;
        auto& attributes = *reinterpret_cast<ibv_port_attr*>(result);
        const bool up = device.port_is_up();
        attributes.state = up ? IBV_PORT_ACTIVE : IBV_PORT_DOWN;
        attributes.max_mtu = IBV_MTU_4096;
        attributes.active_mtu = device.active_mtu();
        attributes.gid_tbl_len = gid_table_length;
        attributes.port_cap_flags = 0;
        attributes.max_msg_sz = max_message;
        attributes.bad_pkey_cntr = 0;
        attributes.qkey_viol_cntr = 0;
        attributes.pkey_tbl_len = 1;
        attributes.lid = device.address.lid;
        attributes.sm_lid = 0;
        attributes.lmc = 0;
        attributes.max_vl_num = 1;
        attributes.sm_sl = 0;
        attributes.subnet_timeout = 0;
        attributes.init_type_reply = 0;
        attributes.active_width = 2;
        attributes.active_speed = 32;
        attributes.phys_state = up ? 5 : 3;
        attributes.link_layer =
            Configuration::instance().is_infiniband() ? IBV_LINK_LAYER_INFINIBAND : IBV_LINK_LAYER_ETHERNET;
        return 0;
    });
}

NC_EXPORT int ibv_query_gid(ibv_context* handle, std::uint8_t port, int index, ibv_gid* gid) {
    const int error = guarded([&] {
        const Device& device = static_cast<Context*>(handle)->owner();
        if (const auto fault = Faults::instance().at("query_gid", device.subject())) return *fault;
        if (port != port_number || index < 0 || index >= gid_table_length) return EINVAL;
        *gid = device.gid(index);
        return 0;
    });
    if (error == 0) return 0;
    errno = error;
    return -1;
}

// What the header's ibv_query_gid_ex calls.
NC_EXPORT int _ibv_query_gid_ex(ibv_context* handle, std::uint32_t port, std::uint32_t index, ibv_gid_entry* entry,
                                std::uint32_t flags, std::size_t entry_size) {
    return guarded([&] {
        const Device& device = static_cast<Context*>(handle)->owner();
        if (const auto fault = Faults::instance().at("query_gid_ex", device.subject())) return *fault;
        if (port != port_number || flags != 0 || entry_size != sizeof *entry) return EINVAL;
        if (index >= static_cast<std::uint32_t>(gid_table_length)) return EINVAL;
        const ibv_gid gid = device.gid(static_cast<int>(index));
        if (gid.global.subnet_prefix == 0 && gid.global.interface_id == 0) return ENODATA;
        *entry = {gid, index, port, static_cast<std::uint32_t>(device.gid_type(static_cast<int>(index))), 0};
        return 0;
    });
}
