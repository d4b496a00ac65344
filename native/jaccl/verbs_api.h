// What we use of the verbs API, declared here so that no header of anybody else's is needed to build.
//
// Layouts and values are those of rdma-core's <infiniband/verbs.h>, which Apple's librdma shares; verbs_layout_test.cpp
// compares them. Source: jaccl-wire.md, section 11.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/system_mutex.h"

namespace nc::jaccl::verbs {

struct DeviceHandle;
struct ProtectionDomain;
struct SharedReceiveQueue;
struct CompletionQueue;
struct QueuePair;
struct SendRequest;
struct ReceiveRequest;
struct WorkCompletion;

union Gid {
    std::uint8_t raw[16];
    struct {
        std::uint64_t subnet_prefix;
        std::uint64_t interface_id;
    } global;
};

// An entry of the table of GIDs, with its type.
struct GidEntry {
    Gid gid;
    std::uint32_t gid_index;
    std::uint32_t port_num;
    std::uint32_t gid_type;
    std::uint32_t ndev_ifindex;
};

using Unused = void* (*)();

// Dispatch table of the data path. Calls that are not ours keep their places only.
struct ContextOperations {
    Unused before_poll[11];
    int (*poll_cq)(CompletionQueue* queue, int entries, WorkCompletion* completions);
    int (*req_notify_cq)(CompletionQueue* queue, int solicited_only);
    Unused before_post[12];
    int (*post_send)(QueuePair* pair, SendRequest* request, SendRequest** bad);
    int (*post_recv)(QueuePair* pair, ReceiveRequest* request, ReceiveRequest** bad);
    Unused after_post[5];
};

struct Context {
    DeviceHandle* device;
    ContextOperations ops;
    int cmd_fd;
    int async_fd;
    int num_comp_vectors;
    SystemMutex mutex;
    void* abi_compat;
};

struct CompletionChannel {
    Context* context;
    int fd;
    int refcnt;
};

struct CompletionQueue {
    Context* context;
    CompletionChannel* channel;
    void* cq_context;
    std::uint32_t handle;
    int cqe;
};

struct QueuePair {
    Context* context;
    void* qp_context;
    ProtectionDomain* pd;
    CompletionQueue* send_cq;
    CompletionQueue* recv_cq;
    SharedReceiveQueue* srq;
    std::uint32_t handle;
    std::uint32_t qp_num;
};

struct MemoryRegion {
    Context* context;
    ProtectionDomain* pd;
    void* addr;
    std::size_t length;
    std::uint32_t handle;
    std::uint32_t lkey;
    std::uint32_t rkey;
};

struct PortAttributes {
    int state;
    int max_mtu;
    int active_mtu;
    int gid_tbl_len;
    std::uint32_t port_cap_flags;
    std::uint32_t max_msg_sz;
    std::uint32_t bad_pkey_cntr;
    std::uint32_t qkey_viol_cntr;
    std::uint16_t pkey_tbl_len;
    std::uint16_t lid;
    std::uint16_t sm_lid;
    std::uint8_t lmc;
    std::uint8_t max_vl_num;
    std::uint8_t sm_sl;
    std::uint8_t subnet_timeout;
    std::uint8_t init_type_reply;
    std::uint8_t active_width;
    std::uint8_t active_speed;
    std::uint8_t phys_state;
    std::uint8_t link_layer;
    std::uint8_t flags;
    std::uint16_t port_cap_flags2;
    std::uint8_t room_for_newer_fields[64];
};

struct QueuePairCapabilities {
    std::uint32_t max_send_wr;
    std::uint32_t max_recv_wr;
    std::uint32_t max_send_sge;
    std::uint32_t max_recv_sge;
    std::uint32_t max_inline_data;
};

struct QueuePairInit {
    void* qp_context;
    CompletionQueue* send_cq;
    CompletionQueue* recv_cq;
    SharedReceiveQueue* srq;
    QueuePairCapabilities cap;
    int qp_type;
    int sq_sig_all;
};

struct GlobalRoute {
    Gid dgid;
    std::uint32_t flow_label;
    std::uint8_t sgid_index;
    std::uint8_t hop_limit;
    std::uint8_t traffic_class;
};

struct AddressHandle {
    GlobalRoute grh;
    std::uint16_t dlid;
    std::uint8_t sl;
    std::uint8_t src_path_bits;
    std::uint8_t static_rate;
    std::uint8_t is_global;
    std::uint8_t port_num;
};

struct QueuePairAttributes {
    int qp_state;
    int cur_qp_state;
    int path_mtu;
    int path_mig_state;
    std::uint32_t qkey;
    std::uint32_t rq_psn;
    std::uint32_t sq_psn;
    std::uint32_t dest_qp_num;
    unsigned qp_access_flags;
    QueuePairCapabilities cap;
    AddressHandle ah_attr;
    AddressHandle alt_ah_attr;
    std::uint16_t pkey_index;
    std::uint16_t alt_pkey_index;
    std::uint8_t en_sqd_async_notify;
    std::uint8_t sq_draining;
    std::uint8_t max_rd_atomic;
    std::uint8_t max_dest_rd_atomic;
    std::uint8_t min_rnr_timer;
    std::uint8_t port_num;
    std::uint8_t timeout;
    std::uint8_t retry_cnt;
    std::uint8_t rnr_retry;
    std::uint8_t alt_port_num;
    std::uint8_t alt_timeout;
    std::uint32_t rate_limit;
};

struct ScatterGather {
    std::uint64_t addr;
    std::uint32_t length;
    std::uint32_t lkey;
};

struct SendRequest {
    std::uint64_t wr_id;
    SendRequest* next;
    ScatterGather* sg_list;
    int num_sge;
    int opcode;
    unsigned send_flags;
    std::uint32_t imm_data;
    std::uint64_t for_other_operations[11];
};

struct ReceiveRequest {
    std::uint64_t wr_id;
    ReceiveRequest* next;
    ScatterGather* sg_list;
    int num_sge;
};

struct WorkCompletion {
    std::uint64_t wr_id;
    int status;
    int opcode;
    std::uint32_t vendor_err;
    std::uint32_t byte_len;
    std::uint32_t imm_data;
    std::uint32_t qp_num;
    std::uint32_t src_qp;
    unsigned wc_flags;
    std::uint16_t pkey_index;
    std::uint16_t slid;
    std::uint8_t sl;
    std::uint8_t dlid_path_bits;
};

constexpr int type_rc = 2;
constexpr int type_uc = 3;

constexpr int state_init = 1;
constexpr int state_rtr = 2;
constexpr int state_rts = 3;

constexpr int mtu_256 = 1;
constexpr int mtu_1024 = 3;
constexpr int mtu_4096 = 5;

constexpr std::uint32_t gid_type_roce_v1 = 1;
constexpr std::uint32_t gid_type_roce_v2 = 2;

constexpr int mask_state = 1 << 0;
constexpr int mask_access_flags = 1 << 3;
constexpr int mask_pkey_index = 1 << 4;
constexpr int mask_port = 1 << 5;
constexpr int mask_av = 1 << 7;
constexpr int mask_path_mtu = 1 << 8;
constexpr int mask_timeout = 1 << 9;
constexpr int mask_retry_cnt = 1 << 10;
constexpr int mask_rnr_retry = 1 << 11;
constexpr int mask_rq_psn = 1 << 12;
constexpr int mask_max_rd_atomic = 1 << 13;
constexpr int mask_min_rnr_timer = 1 << 15;
constexpr int mask_sq_psn = 1 << 16;
constexpr int mask_max_dest_rd_atomic = 1 << 17;
constexpr int mask_dest_qpn = 1 << 20;

constexpr unsigned access_local_write = 1;
constexpr unsigned access_remote_write = 2;
constexpr unsigned access_remote_read = 4;

constexpr int opcode_send = 2;
constexpr unsigned send_signaled = 2;

constexpr int status_success = 0;
constexpr int status_local_length_error = 1;
constexpr int status_flushed = 5;
constexpr int status_remote_invalid_request = 9;
constexpr int status_retries_exceeded = 12;

constexpr int port_down = 1;
constexpr std::uint8_t link_layer_infiniband = 1;

// What a library offers; the last two groups may be absent, and are null then.
struct Functions {
    DeviceHandle** (*get_device_list)(int* count);
    void (*free_device_list)(DeviceHandle** list);
    const char* (*get_device_name)(DeviceHandle* device);
    Context* (*open_device)(DeviceHandle* device);
    int (*close_device)(Context* context);
    ProtectionDomain* (*alloc_pd)(Context* context);
    int (*dealloc_pd)(ProtectionDomain* domain);
    int (*query_port)(Context* context, std::uint8_t port, PortAttributes* attributes);
    int (*query_gid)(Context* context, std::uint8_t port, int index, Gid* gid);
    MemoryRegion* (*reg_mr)(ProtectionDomain* domain, void* address, std::size_t length, int access);
    int (*dereg_mr)(MemoryRegion* region);
    CompletionQueue* (*create_cq)(Context* context, int entries, void* cq_context, CompletionChannel* channel,
                                  int vector);
    int (*destroy_cq)(CompletionQueue* queue);
    QueuePair* (*create_qp)(ProtectionDomain* domain, QueuePairInit* init);
    int (*modify_qp)(QueuePair* pair, QueuePairAttributes* attributes, int mask);
    int (*destroy_qp)(QueuePair* pair);

    CompletionChannel* (*create_comp_channel)(Context* context);
    int (*destroy_comp_channel)(CompletionChannel* channel);
    int (*get_cq_event)(CompletionChannel* channel, CompletionQueue** queue, void** cq_context);
    void (*ack_cq_events)(CompletionQueue* queue, unsigned events);
    const char* (*wc_status_str)(int status);

    int (*query_gid_ex)(Context* context, std::uint32_t port, std::uint32_t index, GidEntry* entry, std::uint32_t flags,
                        std::size_t entry_size);
};

} // namespace nc::jaccl::verbs
