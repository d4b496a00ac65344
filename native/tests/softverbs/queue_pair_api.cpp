#include <memory>
#include <utility>

#include "softverbs/api.h"
#include "softverbs/delivery.h"
#include "softverbs/fabric.h"
#include "softverbs/transition.h"

using namespace nc::softverbs;

namespace {

// Empty if such a queue pair can be.
std::string check(const ProtectionDomain& domain, const ibv_qp_init_attr& attributes) {
    const ibv_qp_cap& cap = attributes.cap;
    if (attributes.qp_type != IBV_QPT_RC && attributes.qp_type != IBV_QPT_UC)
        return "of type " + std::to_string(attributes.qp_type);
    if (attributes.srq != nullptr) return "with a shared receive queue";
    if (attributes.send_cq == nullptr || attributes.recv_cq == nullptr) return "without a completion queue";
    if (attributes.send_cq->context != domain.context || attributes.recv_cq->context != domain.context)
        return "with a completion queue of another context";
    if (cap.max_send_wr > max_work_requests || cap.max_recv_wr > max_work_requests)
        return "with too many work requests";
    if (cap.max_send_sge > max_sge || cap.max_recv_sge > max_sge) return "with too many gather or scatter elements";
    if (cap.max_inline_data > 0) return "with inline data";
    return "";
}

std::string fault_point(const ibv_qp_attr& attributes, int mask) {
    return (mask & IBV_QP_STATE) != 0 ? std::string("modify_qp:") + state_name(attributes.qp_state) : "modify_qp";
}

bool is_connected(ibv_qp_state state) {
    return state == IBV_QPS_RTR || state == IBV_QPS_RTS;
}

// What a change of state asks for beyond its attributes. 0, or an errno.
int admit(const QueuePair& queue_pair, const ibv_qp_attr& attributes, int mask) {
    Faults& faults = Faults::instance();
    const auto whole = faults.at("modify_qp", queue_pair.subject());
    const auto one =
        (mask & IBV_QP_STATE) != 0 ? faults.at(fault_point(attributes, mask), queue_pair.subject()) : std::nullopt;
    if (whole || one) return whole ? *whole : *one;
    if (const std::string wrong = check_transition(queue_pair, attributes, mask); !wrong.empty())
        return violation(EINVAL, queue_pair.title() + ": " + wrong);
    if (attributes.qp_state == IBV_QPS_RTR) {
        const auto limit = faults.state("queue_pairs:RTR", queue_pair.subject());
        if (limit && queue_pair.device().connected_queue_pairs >= *limit) return EBUSY;
        if (!queue_pair.device().port_is_up()) return ENETDOWN;
    }
    return 0;
}

void change_state(QueuePair& queue_pair, const ibv_qp_attr& attributes, int mask, Lock& lock) {
    Device& device = queue_pair.device();
    switch (attributes.qp_state) {
        case IBV_QPS_RESET:
            clear(queue_pair, lock);
            queue_pair.attributes = {};
            queue_pair.peer.reset();
            break;
        case IBV_QPS_RTR: {
            take_attributes(queue_pair, attributes, mask);
            const ibv_ah_attr& address = attributes.ah_attr;
            queue_pair.peer = address.is_global != 0 ? Devices::instance().find(address.grh.dgid)
                                                     : Devices::instance().find(address.dlid);
            break;
        }
        default:
            take_attributes(queue_pair, attributes, mask);
            break;
    }
    // One that failed by itself counts until it is reset or destroyed.
    if (attributes.qp_state == IBV_QPS_RTR && !std::exchange(queue_pair.counted, true)) ++device.connected_queue_pairs;
    if (attributes.qp_state == IBV_QPS_RESET && std::exchange(queue_pair.counted, false))
        --device.connected_queue_pairs;
    if (attributes.qp_state == IBV_QPS_ERR) {
        enter_error_state(queue_pair);
        return;
    }
    queue_pair.state = attributes.qp_state;
    if (is_connected(queue_pair.state)) deliver(queue_pair, lock);
}

} // namespace

NC_EXPORT ibv_qp* ibv_create_qp(ibv_pd* handle, ibv_qp_init_attr* attributes) {
    return made<ibv_qp>([&](ibv_qp*& result) {
        auto& domain = static_cast<ProtectionDomain&>(*handle);
        Device& device = domain.owner().owner();
        Fabric& fabric = Fabric::instance();
        const ibv_qp_cap& cap = attributes->cap;
        RecordLine line("create_qp");
        begin(line, device)
            .text("type", attributes->qp_type == IBV_QPT_UC   ? "UC"
                          : attributes->qp_type == IBV_QPT_RC ? "RC"
                                                              : "other");
        line.number("max_send_wr", cap.max_send_wr)
            .number("max_recv_wr", cap.max_recv_wr)
            .number("max_send_sge", cap.max_send_sge)
            .number("max_recv_sge", cap.max_recv_sge);
        line.number("max_inline", cap.max_inline_data).number("sq_sig_all", attributes->sq_sig_all != 0 ? 1 : 0);

        const Lock lock(fabric.mutex);
        int error = Faults::instance().at("create_qp", device.subject()).value_or(0);
        const std::string wrong = check(domain, *attributes);
        if (error == 0 && !wrong.empty()) error = violation(EINVAL, "a queue pair " + wrong + " is asked for");
        const auto limit = Faults::instance().state("queue_pairs", device.subject());
        if (error == 0 && limit && device.queue_pairs >= *limit) error = EBUSY;
        line.error(error);
        if (error != 0) return error;

        auto queue_pair = std::make_unique<QueuePair>(domain, *attributes);
        queue_pair->serial = queue_pair->epoch = fabric.next_serial++;
        queue_pair->qp_num = queue_pair->handle = fabric.number_for(*queue_pair);
        line.number("qp", queue_pair->qp_num);
        Faults::instance().queue_pair_created(queue_pair->subject());
        ++device.queue_pairs;
        ++domain.users;
        ++queue_pair->send_queue().users;
        ++queue_pair->receive_queue().users;
        ++fabric.live_objects;
        result = queue_pair.release();
        return 0;
    });
}

NC_EXPORT int ibv_modify_qp(ibv_qp* handle, ibv_qp_attr* attributes, int mask) {
    return guarded([&] {
        auto& queue_pair = static_cast<QueuePair&>(*handle);
        const Device& device = queue_pair.device();
        RecordLine line("modify_qp");
        begin(line, device).number("qp", queue_pair.qp_num);
        record_attributes(line, *attributes, mask);
        Lock lock(Fabric::instance().mutex);
        if (const int error = admit(queue_pair, *attributes, mask)) return line.error(error), error;
        change_state(queue_pair, *attributes, mask, lock);
        if (line.on() && attributes->qp_state == IBV_QPS_RTR && queue_pair.peer)
            line.text("peer_host", queue_pair.peer->host).text("peer_device", queue_pair.peer->device);
        return 0;
    });
}

NC_EXPORT int ibv_destroy_qp(ibv_qp* handle) {
    return guarded([&] {
        auto* queue_pair = static_cast<QueuePair*>(handle);
        Fabric& fabric = Fabric::instance();
        Device& device = queue_pair->device();
        RecordLine line("destroy_qp");
        begin(line, device).number("qp", queue_pair->qp_num);
        Lock lock(fabric.mutex);
        clear(*queue_pair, lock);
        fabric.queue_pairs.erase(queue_pair->qp_num);
        if (queue_pair->counted) --device.connected_queue_pairs;
        --device.queue_pairs;
        --static_cast<ProtectionDomain*>(queue_pair->pd)->users;
        --queue_pair->send_queue().users;
        --queue_pair->receive_queue().users;
        --fabric.live_objects;
        delete queue_pair;
        return 0;
    });
}
