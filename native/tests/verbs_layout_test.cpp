// Our declarations of the verbs against those of <infiniband/verbs.h>: every structure, member and value that we use.
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

#include <type_traits>

#include "jaccl/verbs_api.h"

// The header makes macros of functions that are exported as well.
#undef ibv_query_port
#undef ibv_reg_mr

namespace nc::test {
namespace NC_FILE {

namespace ours = jaccl::verbs;

#define NC_SAME_MEMBER(our, my_member, their, their_member)                         \
    static_assert(offsetof(ours::our, my_member) == offsetof(their, their_member)); \
    static_assert(sizeof(std::declval<ours::our>().my_member) == sizeof(std::declval<their>().their_member))
#define NC_SAME_SIZE(our, their)                       \
    static_assert(sizeof(ours::our) == sizeof(their)); \
    static_assert(alignof(ours::our) == alignof(their))

NC_SAME_SIZE(Gid, ibv_gid);
NC_SAME_MEMBER(Gid, raw, ibv_gid, raw);
NC_SAME_MEMBER(Gid, global.subnet_prefix, ibv_gid, global.subnet_prefix);
NC_SAME_MEMBER(Gid, global.interface_id, ibv_gid, global.interface_id);

NC_SAME_SIZE(GidEntry, ibv_gid_entry);
NC_SAME_MEMBER(GidEntry, gid, ibv_gid_entry, gid);
NC_SAME_MEMBER(GidEntry, gid_index, ibv_gid_entry, gid_index);
NC_SAME_MEMBER(GidEntry, gid_type, ibv_gid_entry, gid_type);

NC_SAME_SIZE(ContextOperations, ibv_context_ops);
NC_SAME_MEMBER(ContextOperations, poll_cq, ibv_context_ops, poll_cq);
NC_SAME_MEMBER(ContextOperations, req_notify_cq, ibv_context_ops, req_notify_cq);
NC_SAME_MEMBER(ContextOperations, post_send, ibv_context_ops, post_send);
NC_SAME_MEMBER(ContextOperations, post_recv, ibv_context_ops, post_recv);

NC_SAME_SIZE(Context, ibv_context);
NC_SAME_MEMBER(Context, device, ibv_context, device);
NC_SAME_MEMBER(Context, ops, ibv_context, ops);
NC_SAME_MEMBER(Context, cmd_fd, ibv_context, cmd_fd);
NC_SAME_MEMBER(Context, async_fd, ibv_context, async_fd);
NC_SAME_MEMBER(Context, num_comp_vectors, ibv_context, num_comp_vectors);
NC_SAME_MEMBER(Context, mutex, ibv_context, mutex);

NC_SAME_SIZE(CompletionChannel, ibv_comp_channel);
NC_SAME_MEMBER(CompletionChannel, context, ibv_comp_channel, context);
NC_SAME_MEMBER(CompletionChannel, fd, ibv_comp_channel, fd);

// Of these the library makes more than we declare: only what we read has to be where it is.
NC_SAME_MEMBER(CompletionQueue, context, ibv_cq, context);
NC_SAME_MEMBER(CompletionQueue, channel, ibv_cq, channel);
NC_SAME_MEMBER(CompletionQueue, cq_context, ibv_cq, cq_context);
NC_SAME_MEMBER(CompletionQueue, handle, ibv_cq, handle);
NC_SAME_MEMBER(CompletionQueue, cqe, ibv_cq, cqe);
NC_SAME_MEMBER(QueuePair, context, ibv_qp, context);
NC_SAME_MEMBER(QueuePair, qp_context, ibv_qp, qp_context);
NC_SAME_MEMBER(QueuePair, pd, ibv_qp, pd);
NC_SAME_MEMBER(QueuePair, send_cq, ibv_qp, send_cq);
NC_SAME_MEMBER(QueuePair, recv_cq, ibv_qp, recv_cq);
NC_SAME_MEMBER(QueuePair, srq, ibv_qp, srq);
NC_SAME_MEMBER(QueuePair, handle, ibv_qp, handle);
NC_SAME_MEMBER(QueuePair, qp_num, ibv_qp, qp_num);
NC_SAME_SIZE(MemoryRegion, ibv_mr);
NC_SAME_MEMBER(MemoryRegion, addr, ibv_mr, addr);
NC_SAME_MEMBER(MemoryRegion, length, ibv_mr, length);
NC_SAME_MEMBER(MemoryRegion, lkey, ibv_mr, lkey);
NC_SAME_MEMBER(MemoryRegion, rkey, ibv_mr, rkey);

// What a library newer than the header writes behind its end must have room.
static_assert(sizeof(ours::PortAttributes) >= sizeof(ibv_port_attr));
NC_SAME_MEMBER(PortAttributes, state, ibv_port_attr, state);
NC_SAME_MEMBER(PortAttributes, active_mtu, ibv_port_attr, active_mtu);
NC_SAME_MEMBER(PortAttributes, gid_tbl_len, ibv_port_attr, gid_tbl_len);
NC_SAME_MEMBER(PortAttributes, max_msg_sz, ibv_port_attr, max_msg_sz);
NC_SAME_MEMBER(PortAttributes, pkey_tbl_len, ibv_port_attr, pkey_tbl_len);
NC_SAME_MEMBER(PortAttributes, lid, ibv_port_attr, lid);
NC_SAME_MEMBER(PortAttributes, link_layer, ibv_port_attr, link_layer);
NC_SAME_MEMBER(PortAttributes, port_cap_flags2, ibv_port_attr, port_cap_flags2);

NC_SAME_SIZE(QueuePairCapabilities, ibv_qp_cap);
NC_SAME_MEMBER(QueuePairCapabilities, max_send_wr, ibv_qp_cap, max_send_wr);
NC_SAME_MEMBER(QueuePairCapabilities, max_recv_wr, ibv_qp_cap, max_recv_wr);
NC_SAME_MEMBER(QueuePairCapabilities, max_send_sge, ibv_qp_cap, max_send_sge);
NC_SAME_MEMBER(QueuePairCapabilities, max_recv_sge, ibv_qp_cap, max_recv_sge);
NC_SAME_MEMBER(QueuePairCapabilities, max_inline_data, ibv_qp_cap, max_inline_data);

NC_SAME_SIZE(QueuePairInit, ibv_qp_init_attr);
NC_SAME_MEMBER(QueuePairInit, send_cq, ibv_qp_init_attr, send_cq);
NC_SAME_MEMBER(QueuePairInit, recv_cq, ibv_qp_init_attr, recv_cq);
NC_SAME_MEMBER(QueuePairInit, srq, ibv_qp_init_attr, srq);
NC_SAME_MEMBER(QueuePairInit, cap, ibv_qp_init_attr, cap);
NC_SAME_MEMBER(QueuePairInit, qp_type, ibv_qp_init_attr, qp_type);
NC_SAME_MEMBER(QueuePairInit, sq_sig_all, ibv_qp_init_attr, sq_sig_all);

NC_SAME_SIZE(GlobalRoute, ibv_global_route);
NC_SAME_MEMBER(GlobalRoute, dgid, ibv_global_route, dgid);
NC_SAME_MEMBER(GlobalRoute, flow_label, ibv_global_route, flow_label);
NC_SAME_MEMBER(GlobalRoute, sgid_index, ibv_global_route, sgid_index);
NC_SAME_MEMBER(GlobalRoute, hop_limit, ibv_global_route, hop_limit);
NC_SAME_MEMBER(GlobalRoute, traffic_class, ibv_global_route, traffic_class);

NC_SAME_SIZE(AddressHandle, ibv_ah_attr);
NC_SAME_MEMBER(AddressHandle, grh, ibv_ah_attr, grh);
NC_SAME_MEMBER(AddressHandle, dlid, ibv_ah_attr, dlid);
NC_SAME_MEMBER(AddressHandle, sl, ibv_ah_attr, sl);
NC_SAME_MEMBER(AddressHandle, src_path_bits, ibv_ah_attr, src_path_bits);
NC_SAME_MEMBER(AddressHandle, static_rate, ibv_ah_attr, static_rate);
NC_SAME_MEMBER(AddressHandle, is_global, ibv_ah_attr, is_global);
NC_SAME_MEMBER(AddressHandle, port_num, ibv_ah_attr, port_num);

NC_SAME_SIZE(QueuePairAttributes, ibv_qp_attr);
NC_SAME_MEMBER(QueuePairAttributes, qp_state, ibv_qp_attr, qp_state);
NC_SAME_MEMBER(QueuePairAttributes, path_mtu, ibv_qp_attr, path_mtu);
NC_SAME_MEMBER(QueuePairAttributes, rq_psn, ibv_qp_attr, rq_psn);
NC_SAME_MEMBER(QueuePairAttributes, sq_psn, ibv_qp_attr, sq_psn);
NC_SAME_MEMBER(QueuePairAttributes, dest_qp_num, ibv_qp_attr, dest_qp_num);
NC_SAME_MEMBER(QueuePairAttributes, qp_access_flags, ibv_qp_attr, qp_access_flags);
NC_SAME_MEMBER(QueuePairAttributes, ah_attr, ibv_qp_attr, ah_attr);
NC_SAME_MEMBER(QueuePairAttributes, pkey_index, ibv_qp_attr, pkey_index);
NC_SAME_MEMBER(QueuePairAttributes, max_rd_atomic, ibv_qp_attr, max_rd_atomic);
NC_SAME_MEMBER(QueuePairAttributes, max_dest_rd_atomic, ibv_qp_attr, max_dest_rd_atomic);
NC_SAME_MEMBER(QueuePairAttributes, min_rnr_timer, ibv_qp_attr, min_rnr_timer);
NC_SAME_MEMBER(QueuePairAttributes, port_num, ibv_qp_attr, port_num);
NC_SAME_MEMBER(QueuePairAttributes, timeout, ibv_qp_attr, timeout);
NC_SAME_MEMBER(QueuePairAttributes, retry_cnt, ibv_qp_attr, retry_cnt);
NC_SAME_MEMBER(QueuePairAttributes, rnr_retry, ibv_qp_attr, rnr_retry);

NC_SAME_SIZE(ScatterGather, ibv_sge);
NC_SAME_MEMBER(ScatterGather, addr, ibv_sge, addr);
NC_SAME_MEMBER(ScatterGather, length, ibv_sge, length);
NC_SAME_MEMBER(ScatterGather, lkey, ibv_sge, lkey);

NC_SAME_SIZE(SendRequest, ibv_send_wr);
NC_SAME_MEMBER(SendRequest, wr_id, ibv_send_wr, wr_id);
NC_SAME_MEMBER(SendRequest, next, ibv_send_wr, next);
NC_SAME_MEMBER(SendRequest, sg_list, ibv_send_wr, sg_list);
NC_SAME_MEMBER(SendRequest, num_sge, ibv_send_wr, num_sge);
NC_SAME_MEMBER(SendRequest, opcode, ibv_send_wr, opcode);
NC_SAME_MEMBER(SendRequest, send_flags, ibv_send_wr, send_flags);

NC_SAME_SIZE(ReceiveRequest, ibv_recv_wr);
NC_SAME_MEMBER(ReceiveRequest, wr_id, ibv_recv_wr, wr_id);
NC_SAME_MEMBER(ReceiveRequest, next, ibv_recv_wr, next);
NC_SAME_MEMBER(ReceiveRequest, sg_list, ibv_recv_wr, sg_list);
NC_SAME_MEMBER(ReceiveRequest, num_sge, ibv_recv_wr, num_sge);

NC_SAME_SIZE(WorkCompletion, ibv_wc);
NC_SAME_MEMBER(WorkCompletion, wr_id, ibv_wc, wr_id);
NC_SAME_MEMBER(WorkCompletion, status, ibv_wc, status);
NC_SAME_MEMBER(WorkCompletion, opcode, ibv_wc, opcode);
NC_SAME_MEMBER(WorkCompletion, byte_len, ibv_wc, byte_len);
NC_SAME_MEMBER(WorkCompletion, qp_num, ibv_wc, qp_num);

#undef NC_SAME_MEMBER
#undef NC_SAME_SIZE

static_assert(ours::type_rc == IBV_QPT_RC && ours::type_uc == IBV_QPT_UC);
static_assert(ours::state_init == IBV_QPS_INIT && ours::state_rtr == IBV_QPS_RTR && ours::state_rts == IBV_QPS_RTS);
static_assert(ours::mtu_256 == IBV_MTU_256 && ours::mtu_1024 == IBV_MTU_1024 && ours::mtu_4096 == IBV_MTU_4096);
static_assert(ours::gid_type_roce_v1 == IBV_GID_TYPE_ROCE_V1 && ours::gid_type_roce_v2 == IBV_GID_TYPE_ROCE_V2);
static_assert(ours::mask_state == IBV_QP_STATE && ours::mask_access_flags == IBV_QP_ACCESS_FLAGS &&
              ours::mask_pkey_index == IBV_QP_PKEY_INDEX);
static_assert(ours::mask_port == IBV_QP_PORT && ours::mask_av == IBV_QP_AV && ours::mask_path_mtu == IBV_QP_PATH_MTU);
static_assert(ours::mask_timeout == IBV_QP_TIMEOUT && ours::mask_retry_cnt == IBV_QP_RETRY_CNT &&
              ours::mask_rnr_retry == IBV_QP_RNR_RETRY);
static_assert(ours::mask_rq_psn == IBV_QP_RQ_PSN && ours::mask_sq_psn == IBV_QP_SQ_PSN &&
              ours::mask_dest_qpn == IBV_QP_DEST_QPN);
static_assert(ours::mask_max_rd_atomic == IBV_QP_MAX_QP_RD_ATOMIC &&
              ours::mask_max_dest_rd_atomic == IBV_QP_MAX_DEST_RD_ATOMIC);
static_assert(ours::mask_min_rnr_timer == IBV_QP_MIN_RNR_TIMER);
static_assert(ours::access_local_write == IBV_ACCESS_LOCAL_WRITE &&
              ours::access_remote_write == IBV_ACCESS_REMOTE_WRITE);
static_assert(ours::access_remote_read == IBV_ACCESS_REMOTE_READ);
static_assert(static_cast<int>(ours::opcode_send) == static_cast<int>(IBV_WR_SEND) &&
              static_cast<int>(ours::send_signaled) == static_cast<int>(IBV_SEND_SIGNALED));
static_assert(ours::status_success == IBV_WC_SUCCESS && ours::status_local_length_error == IBV_WC_LOC_LEN_ERR &&
              ours::status_flushed == IBV_WC_WR_FLUSH_ERR);
static_assert(ours::status_remote_invalid_request == IBV_WC_REM_INV_REQ_ERR &&
              ours::status_retries_exceeded == IBV_WC_RETRY_EXC_ERR);
static_assert(ours::link_layer_infiniband == IBV_LINK_LAYER_INFINIBAND);
static_assert(ours::port_down == IBV_PORT_DOWN);

// Two functions take what the header takes: the same number of arguments, each as wide.
template <class Ours, class Theirs>
struct SameShape : std::false_type {};
template <class R, class... A, class S, class... B>
requires(sizeof...(A) == sizeof...(B)) struct SameShape<R (*)(A...), S (*)(B...)> {
    template <class T>
    static constexpr std::size_t width() {
        if constexpr (std::is_void_v<T>)
            return 0;
        else
            return sizeof(T);
    }
    static constexpr bool value = width<R>() == width<S>() && ((sizeof(A) == sizeof(B)) && ...);
};
template <class Ours, class Theirs>
constexpr bool same_shape = SameShape<Ours, Theirs>::value;

TEST(VerbsLayout, FunctionsTakeWhatTheHeaderSays) {
    using F = ours::Functions;
    EXPECT_TRUE((same_shape<decltype(F::get_device_list), decltype(&ibv_get_device_list)>));
    EXPECT_TRUE((same_shape<decltype(F::free_device_list), decltype(&ibv_free_device_list)>));
    EXPECT_TRUE((same_shape<decltype(F::get_device_name), decltype(&ibv_get_device_name)>));
    EXPECT_TRUE((same_shape<decltype(F::open_device), decltype(&ibv_open_device)>));
    EXPECT_TRUE((same_shape<decltype(F::close_device), decltype(&ibv_close_device)>));
    EXPECT_TRUE((same_shape<decltype(F::alloc_pd), decltype(&ibv_alloc_pd)>));
    EXPECT_TRUE((same_shape<decltype(F::dealloc_pd), decltype(&ibv_dealloc_pd)>));
    EXPECT_TRUE((same_shape<decltype(F::query_gid), decltype(&ibv_query_gid)>));
    EXPECT_TRUE((same_shape<decltype(F::query_gid_ex), decltype(&_ibv_query_gid_ex)>));
    EXPECT_TRUE((same_shape<decltype(F::reg_mr), decltype(&ibv_reg_mr)>));
    EXPECT_TRUE((same_shape<decltype(F::dereg_mr), decltype(&ibv_dereg_mr)>));
    EXPECT_TRUE((same_shape<decltype(F::create_cq), decltype(&ibv_create_cq)>));
    EXPECT_TRUE((same_shape<decltype(F::destroy_cq), decltype(&ibv_destroy_cq)>));
    EXPECT_TRUE((same_shape<decltype(F::create_qp), decltype(&ibv_create_qp)>));
    EXPECT_TRUE((same_shape<decltype(F::modify_qp), decltype(&ibv_modify_qp)>));
    EXPECT_TRUE((same_shape<decltype(F::destroy_qp), decltype(&ibv_destroy_qp)>));
    EXPECT_TRUE((same_shape<decltype(F::create_comp_channel), decltype(&ibv_create_comp_channel)>));
    EXPECT_TRUE((same_shape<decltype(F::destroy_comp_channel), decltype(&ibv_destroy_comp_channel)>));
    EXPECT_TRUE((same_shape<decltype(F::get_cq_event), decltype(&ibv_get_cq_event)>));
    EXPECT_TRUE((same_shape<decltype(F::ack_cq_events), decltype(&ibv_ack_cq_events)>));
}

} // namespace NC_FILE
} // namespace nc::test
