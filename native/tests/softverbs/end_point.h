// One end of a connection: everything from the context to the queue pair, and a registered buffer.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "softverbs/opened.h"

namespace nc::test {

constexpr std::uint32_t verbs_frame = 4096;
constexpr int init_mask = IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS;
constexpr int uc_rtr_mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
constexpr int uc_rts_mask = IBV_QP_STATE | IBV_QP_SQ_PSN;
constexpr int rc_rtr_mask = uc_rtr_mask | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
constexpr int rc_rts_mask =
    uc_rts_mask | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
constexpr int all_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;

// What the other end has to know.
struct VerbsAddress {
    std::uint32_t queue_pair = 0;
    std::uint16_t lid = 0;
    ibv_gid gid{};
};

struct EndPointShape {
    std::string device = "soft0";
    ibv_qp_type type = IBV_QPT_UC;
    int entries = 64;
    std::uint32_t depth = 32;
    std::uint32_t pieces = 1;
    bool channel = false;
    bool all_signaled = false;
    std::size_t bytes = 16 * verbs_frame;
};

// Throws std::runtime_error if a call fails that makes it.
class EndPoint {
public:
    explicit EndPoint(EndPointShape shape = {}) : shape(std::move(shape)) {
        try {
            make();
        } catch (...) {
            destroy();
            throw;
        }
    }
    ~EndPoint() { destroy(); }
    EndPoint(const EndPoint&) = delete;
    EndPoint& operator=(const EndPoint&) = delete;

    // Opens a device by its name. Null if there is none, or it cannot be opened.
    static ibv_context* open(const std::string& device) {
        ibv_device** list = verbs().ibv_get_device_list(nullptr);
        ibv_context* opened = nullptr;
        for (ibv_device** entry = list; entry != nullptr && *entry != nullptr && opened == nullptr; ++entry) {
            if (device == verbs().ibv_get_device_name(*entry)) opened = verbs().ibv_open_device(*entry);
        }
        if (list != nullptr) verbs().ibv_free_device_list(list);
        return opened;
    }

    VerbsAddress address() const {
        VerbsAddress own;
        ibv_port_attr port{};
        verbs().ibv_query_port(context, 1, reinterpret_cast<_compat_ibv_port_attr*>(&port));
        verbs().ibv_query_gid(context, 1, 1, &own.gid);
        own.queue_pair = queue_pair->qp_num;
        own.lid = port.lid;
        return own;
    }

    static ibv_qp_attr init_attributes() {
        ibv_qp_attr attributes{};
        attributes.qp_state = IBV_QPS_INIT;
        attributes.port_num = 1;
        attributes.qp_access_flags = all_access;
        return attributes;
    }
    static ibv_qp_attr rtr_attributes(const VerbsAddress& peer) {
        ibv_qp_attr attributes{};
        attributes.qp_state = IBV_QPS_RTR;
        attributes.path_mtu = IBV_MTU_1024;
        attributes.rq_psn = 7;
        attributes.dest_qp_num = peer.queue_pair;
        attributes.ah_attr.dlid = peer.lid;
        attributes.ah_attr.port_num = 1;
        attributes.ah_attr.is_global = 1;
        attributes.ah_attr.grh.dgid = peer.gid;
        attributes.ah_attr.grh.hop_limit = 1;
        attributes.ah_attr.grh.sgid_index = 1;
        attributes.max_dest_rd_atomic = 1;
        attributes.min_rnr_timer = 12;
        return attributes;
    }
    static ibv_qp_attr rts_attributes() {
        ibv_qp_attr attributes{};
        attributes.qp_state = IBV_QPS_RTS;
        attributes.sq_psn = 7;
        attributes.timeout = 8;
        attributes.retry_cnt = 1;
        attributes.rnr_retry = 7;
        attributes.max_rd_atomic = 1;
        return attributes;
    }
    int rtr_mask() const { return shape.type == IBV_QPT_RC ? rc_rtr_mask : uc_rtr_mask; }
    int rts_mask() const { return shape.type == IBV_QPT_RC ? rc_rts_mask : uc_rts_mask; }

    int modify(ibv_qp_attr attributes, int mask) { return verbs().ibv_modify_qp(queue_pair, &attributes, mask); }
    int to_init() { return modify(init_attributes(), init_mask); }
    int to_rtr(const VerbsAddress& peer) { return modify(rtr_attributes(peer), rtr_mask()); }
    int to_rts() { return modify(rts_attributes(), rts_mask()); }
    // All three; the first failure.
    int connect(const VerbsAddress& peer) {
        if (const int error = to_init()) return error;
        if (const int error = to_rtr(peer)) return error;
        return to_rts();
    }

    ibv_sge piece(std::size_t offset, std::uint32_t length) const {
        return {reinterpret_cast<std::uint64_t>(buffer) + offset, length, region->lkey};
    }

    int send(std::uint64_t id, const ibv_sge& piece, unsigned flags = IBV_SEND_SIGNALED) {
        return send(id, std::vector{piece}, flags);
    }
    int send(std::uint64_t id, std::vector<ibv_sge> pieces, unsigned flags = IBV_SEND_SIGNALED) {
        ibv_send_wr request{};
        request.wr_id = id;
        request.sg_list = pieces.data();
        request.num_sge = static_cast<int>(pieces.size());
        request.opcode = IBV_WR_SEND;
        request.send_flags = flags;
        ibv_send_wr* bad = nullptr;
        return ibv_post_send(queue_pair, &request, &bad);
    }
    int receive(std::uint64_t id, const ibv_sge& piece) { return receive(id, std::vector{piece}); }
    int receive(std::uint64_t id, std::vector<ibv_sge> pieces) {
        ibv_recv_wr request{};
        request.wr_id = id;
        request.sg_list = pieces.data();
        request.num_sge = static_cast<int>(pieces.size());
        ibv_recv_wr* bad = nullptr;
        return ibv_post_recv(queue_pair, &request, &bad);
    }
    // The first frame of the buffer, and the second.
    int send(std::uint64_t id) { return send(id, piece(0, verbs_frame)); }
    int receive(std::uint64_t id) { return receive(id, piece(verbs_frame, verbs_frame)); }
    std::byte* sent() const { return buffer; }
    std::byte* received() const { return buffer + verbs_frame; }

    // What is there now.
    std::vector<ibv_wc> poll() {
        std::vector<ibv_wc> work(256);
        const int count = ibv_poll_cq(queue, static_cast<int>(work.size()), work.data());
        if (count < 0) throw std::runtime_error("ibv_poll_cq fails");
        work.resize(static_cast<std::size_t>(count));
        return work;
    }
    // Throws if fewer come in time.
    std::vector<ibv_wc> wait(std::size_t count, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
        const auto until = std::chrono::steady_clock::now() + limit;
        std::vector<ibv_wc> all;
        while (all.size() < count) {
            const auto some = poll();
            all.insert(all.end(), some.begin(), some.end());
            if (!some.empty()) continue;
            if (std::chrono::steady_clock::now() > until) throw std::runtime_error("completions do not come");
            std::this_thread::yield();
        }
        return all;
    }

    const EndPointShape shape;
    ibv_context* context = nullptr;
    ibv_pd* domain = nullptr;
    ibv_comp_channel* channel = nullptr;
    ibv_cq* queue = nullptr;
    ibv_qp* queue_pair = nullptr;
    std::byte* buffer = nullptr;
    ibv_mr* region = nullptr;

private:
    template <class Object>
    static Object* need(Object* object, const char* call) {
        if (object == nullptr) throw std::runtime_error(std::string(call) + " fails: " + std::strerror(errno));
        return object;
    }
    void make() {
        context = need(open(shape.device), "opening the device");
        domain = need(verbs().ibv_alloc_pd(context), "ibv_alloc_pd");
        if (shape.channel) channel = need(verbs().ibv_create_comp_channel(context), "ibv_create_comp_channel");
        queue = need(verbs().ibv_create_cq(context, shape.entries, this, channel, 0), "ibv_create_cq");
        ibv_qp_init_attr attributes{};
        attributes.send_cq = attributes.recv_cq = queue;
        attributes.cap = {shape.depth, shape.depth, shape.pieces, shape.pieces, 0};
        attributes.qp_type = shape.type;
        attributes.sq_sig_all = shape.all_signaled ? 1 : 0;
        queue_pair = need(verbs().ibv_create_qp(domain, &attributes), "ibv_create_qp");
        buffer = static_cast<std::byte*>(need(std::aligned_alloc(verbs_frame, shape.bytes), "aligned_alloc"));
        std::memset(buffer, 0, shape.bytes);
        region = need(verbs().ibv_reg_mr(domain, buffer, shape.bytes, all_access), "ibv_reg_mr");
    }
    void destroy() {
        if (queue_pair != nullptr) verbs().ibv_destroy_qp(queue_pair);
        if (region != nullptr) verbs().ibv_dereg_mr(region);
        if (queue != nullptr) verbs().ibv_destroy_cq(queue);
        if (channel != nullptr) verbs().ibv_destroy_comp_channel(channel);
        if (domain != nullptr) verbs().ibv_dealloc_pd(domain);
        if (context != nullptr) verbs().ibv_close_device(context);
        std::free(buffer);
    }
};

} // namespace nc::test
