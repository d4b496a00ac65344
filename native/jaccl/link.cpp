#include "jaccl/link.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "jaccl/exchange.h"

namespace nc::jaccl {
namespace {

// Source of these numbers: jaccl-wire.md, section 4.2.
constexpr int completion_entries = 64;
constexpr std::uint32_t queue_depth = 32;
// A reliable pair of ours: it waits for a receive as long as it takes (7: for ever), the group's deadlines end that; a
// peer that does not answer at all is given up after about a second (2^14 * 4.096 us, eight times).
constexpr std::uint8_t retry_for_ever = 7;
constexpr std::uint8_t retries = 7;
constexpr std::uint8_t retry_timeout = 14;
constexpr std::uint8_t receiver_pause = 1; // the shortest, 10 us

// MLX's, for a cable; between ranks of ours there may be routers. Thunderbolt has none.
constexpr std::uint8_t hop_limit_of_mlx = 1;
#ifdef __APPLE__
constexpr std::uint8_t hop_limit_of_ours = hop_limit_of_mlx;
#else
constexpr std::uint8_t hop_limit_of_ours = 64;
#endif

constexpr std::uint64_t id_send = 1;
constexpr std::uint64_t id_receive = 2;

std::uint64_t request_id(std::uint64_t type, int buffer, int tag) {
    return type << 16 | static_cast<std::uint64_t>(buffer) << 8 | static_cast<std::uint64_t>(tag);
}

std::uint64_t address(const std::byte* memory) {
    return reinterpret_cast<std::uint64_t>(memory);
}

} // namespace

SharedFrames::SharedFrames(std::span<const std::unique_ptr<Device>> devices, FramePolicy frames)
    : buffers_(pipeline_depth, frames) {
    for (const auto& device : devices)
        regions_.emplace_back(device.get(), device->register_memory(buffers_.data(), buffers_.bytes()));
}

std::uint32_t SharedFrames::key(const Device& device) const {
    return std::find_if(regions_.begin(), regions_.end(), [&](const auto& entry) { return entry.first == &device; })
        ->second->key();
}

Link::Link(const Device& device, int peer, int send_tag, int receive_tag, const Settings& settings,
           const SharedFrames* shared)
    : device_(device),
      api_(device.verbs().api()),
      peer_(peer),
      send_tag_(send_tag),
      receive_tag_(receive_tag),
      is_reliable_(settings.queue_pairs == QueuePairType::Reliable),
      buffers_(2 * pipeline_depth, settings.frames),
      region_(device.register_memory(buffers_.data(), buffers_.bytes())),
      shared_(shared),
      shared_key_(shared != nullptr ? shared->key(device) : 0) {
    errno = 0;
    completions_ = api_.create_cq(device.context(), completion_entries, nullptr, device.channel(), 0);
    if (completions_ == nullptr) fail("ibv_create_cq", errno);
    verbs::QueuePairInit init{};
    init.send_cq = completions_;
    init.recv_cq = completions_;
    init.cap = {queue_depth, queue_depth, 1, 1, 0};
    init.qp_type = is_reliable_ ? verbs::type_rc : verbs::type_uc;
    errno = 0;
    pair_ = api_.create_qp(device.domain(), &init);
    if (pair_ == nullptr) {
        const int error = errno;
        destroy();
        fail("ibv_create_qp", error);
    }
}

Link::~Link() {
    destroy();
}

void Link::destroy() {
    if (pair_ != nullptr) (void)api_.destroy_qp(pair_);
    if (completions_ != nullptr) (void)api_.destroy_cq(completions_);
}

void Link::fail(const char* call, int error) const {
    throw forming_failure(text(device_.name(), ", to rank ", peer_), call, error);
}

std::string Link::description() const {
    return text("rank ", peer_, " (", device_.name(), ")");
}

void Link::modify(verbs::QueuePairAttributes& attributes, int mask, const char* call) {
    errno = 0;
    const int error = api_.modify_qp(pair_, &attributes, mask);
    if (error != 0) fail(call, error > 0 ? error : errno);
}

void Link::initialize() {
    verbs::QueuePairAttributes attributes{};
    attributes.qp_state = verbs::state_init;
    attributes.port_num = device_port;
    attributes.qp_access_flags = verbs::access_local_write | verbs::access_remote_read | verbs::access_remote_write;
    modify(attributes, verbs::mask_state | verbs::mask_pkey_index | verbs::mask_port | verbs::mask_access_flags,
           "ibv_modify_qp to INIT");
}

Destination Link::destination(Mark mark) const {
    return {device_.lid(), static_cast<std::int32_t>(pair_->qp_num), first_packet, with_port(mark, device_.traits()),
            device_.gid()};
}

void Link::connect(const Destination& peer) {
    verbs::QueuePairAttributes attributes{};
    attributes.qp_state = verbs::state_rtr;
    // MLX always uses 1024 bytes. Both ends must use the same.
    const bool peer_is_ours = is_ours(peer.mark);
    attributes.path_mtu =
        peer_is_ours ? std::min(device_.traits().path_mtu, port_of(peer.mark).path_mtu) : verbs::mtu_1024;
    attributes.rq_psn = static_cast<std::uint32_t>(peer.packet_sequence_number);
    attributes.dest_qp_num = static_cast<std::uint32_t>(peer.queue_pair);
    attributes.ah_attr.dlid = static_cast<std::uint16_t>(peer.lid);
    attributes.ah_attr.port_num = device_port;
    if (peer.gid.global.interface_id != 0) {
        attributes.ah_attr.is_global = 1;
        attributes.ah_attr.grh.hop_limit = peer_is_ours ? hop_limit_of_ours : hop_limit_of_mlx;
        attributes.ah_attr.grh.dgid = peer.gid;
        attributes.ah_attr.grh.sgid_index = device_.gid_index();
    }
    int mask = verbs::mask_state | verbs::mask_av | verbs::mask_path_mtu | verbs::mask_dest_qpn | verbs::mask_rq_psn;
    if (is_reliable_) {
        attributes.max_dest_rd_atomic = 1;
        attributes.min_rnr_timer = receiver_pause;
        mask |= verbs::mask_max_dest_rd_atomic | verbs::mask_min_rnr_timer;
    }
    modify(attributes, mask, "ibv_modify_qp to RTR");

    attributes = {};
    attributes.qp_state = verbs::state_rts;
    attributes.sq_psn = first_packet;
    mask = verbs::mask_state | verbs::mask_sq_psn;
    if (is_reliable_) {
        attributes.timeout = retry_timeout;
        attributes.retry_cnt = retries;
        attributes.rnr_retry = retry_for_ever;
        attributes.max_rd_atomic = 1;
        mask |= verbs::mask_timeout | verbs::mask_retry_cnt | verbs::mask_rnr_retry | verbs::mask_max_rd_atomic;
    }
    modify(attributes, mask, "ibv_modify_qp to RTS");
}

void Link::post_send(int buffer, std::size_t bytes, bool is_shared) {
    verbs::ScatterGather piece{address(is_shared ? (*shared_)[buffer] : send_buffer(buffer)),
                               static_cast<std::uint32_t>(bytes), is_shared ? shared_key_ : region_->key()};
    verbs::SendRequest request{};
    request.wr_id = request_id(id_send, buffer, send_tag_);
    request.sg_list = &piece;
    request.num_sge = 1;
    request.opcode = verbs::opcode_send;
    request.send_flags = verbs::send_signaled;
    verbs::SendRequest* bad = nullptr;
    const int error = pair_->context->ops.post_send(pair_, &request, &bad);
    if (error != 0)
        throw Error(NC_LIBRARY_ERROR, text("ibv_post_send to ", description(), ": ", system_error_text(error)), peer_,
                    error);
    ++sends_on_their_way_;
}

void Link::post_receive(int buffer, std::size_t bytes) {
    verbs::ScatterGather piece{address(receive_buffer(buffer)), static_cast<std::uint32_t>(bytes), region_->key()};
    verbs::ReceiveRequest request{request_id(id_receive, buffer, receive_tag_), nullptr, &piece, 1};
    verbs::ReceiveRequest* bad = nullptr;
    const int error = pair_->context->ops.post_recv(pair_, &request, &bad);
    if (error != 0)
        throw Error(NC_LIBRARY_ERROR, text("ibv_post_recv from ", description(), ": ", system_error_text(error)), peer_,
                    error);
}

int Link::poll(std::span<Completion> completions) {
    std::array<verbs::WorkCompletion, 2 * pipeline_depth> polled{};
    const int room = static_cast<int>(std::min(polled.size(), completions.size()));
    const int count = completions_->context->ops.poll_cq(completions_, room, polled.data());
    if (count < 0) throw Error(NC_LIBRARY_ERROR, text("ibv_poll_cq for ", description(), " returned ", count), peer_);
    for (int i = 0; i < count; ++i) {
        const verbs::WorkCompletion& one = polled[static_cast<std::size_t>(i)];
        Completion& completion = completions[static_cast<std::size_t>(i)];
        completion = {one.wr_id >> 16 == id_send, static_cast<int>(one.wr_id >> 8 & 0xff), one.status, one.byte_len};
        if (completion.buffer >= pipeline_depth)
            throw Error(NC_INTERNAL_ERROR, text("a completion for ", description(), " has the unknown id ", one.wr_id),
                        peer_);
        if (completion.of_send) --sends_on_their_way_;
    }
    return count;
}

bool Link::awaits_peer() const {
    return incoming != nullptr || sends_on_their_way_ > 0 ||
           (outgoing != nullptr && outgoing->posted < outgoing->count);
}

void Link::arm() {
    const int error = completions_->context->ops.req_notify_cq(completions_, 0);
    if (error != 0)
        throw Error(NC_LIBRARY_ERROR, text("ibv_req_notify_cq for ", description(), ": ", system_error_text(error)),
                    peer_, error);
}

} // namespace nc::jaccl
