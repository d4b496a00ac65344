#include "softverbs/transition.h"

#include <cstring>
#include <optional>

namespace nc::softverbs {
namespace {

struct Masks {
    int required;
    int optional;
};

std::optional<Masks> masks_of(ibv_qp_type type, ibv_qp_state from, ibv_qp_state to) {
    const bool reliable = type == IBV_QPT_RC;
    if (to == IBV_QPS_RESET || to == IBV_QPS_ERR) return Masks{IBV_QP_STATE, IBV_QP_CUR_STATE};
    if (from == IBV_QPS_RESET && to == IBV_QPS_INIT)
        return Masks{IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS, 0};
    if (from == IBV_QPS_INIT && to == IBV_QPS_INIT)
        return Masks{IBV_QP_STATE, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS};
    if (from == IBV_QPS_INIT && to == IBV_QPS_RTR) {
        return Masks{IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                         (reliable ? IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER : 0),
                     IBV_QP_PKEY_INDEX | IBV_QP_ACCESS_FLAGS};
    }
    if (from == IBV_QPS_RTR && to == IBV_QPS_RTS) {
        return Masks{
            IBV_QP_STATE | IBV_QP_SQ_PSN |
                (reliable ? IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC : 0),
            IBV_QP_CUR_STATE | IBV_QP_ACCESS_FLAGS | (reliable ? IBV_QP_MIN_RNR_TIMER : 0)};
    }
    if (from == IBV_QPS_RTS && to == IBV_QPS_RTS)
        return Masks{IBV_QP_STATE, IBV_QP_CUR_STATE | IBV_QP_ACCESS_FLAGS | (reliable ? IBV_QP_MIN_RNR_TIMER : 0)};
    return std::nullopt;
}

bool is_zero(const ibv_gid& gid) {
    const ibv_gid zero{};
    return std::memcmp(gid.raw, zero.raw, sizeof zero.raw) == 0;
}

std::string check_address(const QueuePair& queue_pair, const ibv_ah_attr& address) {
    if (address.port_num != port_number)
        return "the address vector's port " + std::to_string(address.port_num) + " does not exist";
    if (address.is_global == 0) return address.dlid == 0 ? "the address is neither global nor does it have a LID" : "";
    if (address.grh.sgid_index >= gid_table_length || is_zero(queue_pair.device().gid(address.grh.sgid_index)))
        return "the GID table has no entry " + std::to_string(address.grh.sgid_index) + ", which sgid_index names";
    if (is_zero(address.grh.dgid)) return "the peer's GID is zero";
    if (address.grh.hop_limit == 0) return "the hop limit is 0";
    return "";
}

constexpr unsigned known_access =
    IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC;
constexpr std::uint32_t largest_24_bits = 0xffffff;

} // namespace

const char* state_name(ibv_qp_state state) {
    switch (state) {
        case IBV_QPS_RESET:
            return "RESET";
        case IBV_QPS_INIT:
            return "INIT";
        case IBV_QPS_RTR:
            return "RTR";
        case IBV_QPS_RTS:
            return "RTS";
        case IBV_QPS_SQD:
            return "SQD";
        case IBV_QPS_SQE:
            return "SQE";
        case IBV_QPS_ERR:
            return "ERR";
        default:
            return "UNKNOWN";
    }
}

std::string check_transition(const QueuePair& queue_pair, const ibv_qp_attr& attributes, int mask) {
    const ibv_qp_state from = queue_pair.state;
    const ibv_qp_state to = (mask & IBV_QP_STATE) != 0 ? attributes.qp_state : from;
    const std::string change = std::string(state_name(from)) + " to " + state_name(to);
    if ((mask & IBV_QP_STATE) == 0) return "the mask does not name the state";
    if ((mask & IBV_QP_CUR_STATE) != 0 && attributes.cur_qp_state != from)
        return "its state is " + std::string(state_name(from)) + ", not what cur_qp_state says";
    const auto masks = masks_of(queue_pair.qp_type, from, to);
    if (!masks) return "there is no way from " + change;
    const auto bits = [](int value) {
        return hex(std::data({static_cast<unsigned char>(value >> 16), static_cast<unsigned char>(value >> 8),
                              static_cast<unsigned char>(value)}),
                   3);
    };
    if (const int missing = masks->required & ~mask) return "from " + change + " the mask lacks 0x" + bits(missing);
    if (const int unexpected = mask & ~(masks->required | masks->optional))
        return "from " + change + " the mask has 0x" + bits(unexpected) + " in excess";

    const auto named = [mask](int bit) { return (mask & bit) != 0; };
    if (named(IBV_QP_PORT) && attributes.port_num != port_number)
        return "port " + std::to_string(attributes.port_num) + " does not exist";
    if (named(IBV_QP_PKEY_INDEX) && attributes.pkey_index != 0)
        return "there is no pkey " + std::to_string(attributes.pkey_index);
    if (named(IBV_QP_ACCESS_FLAGS) && (attributes.qp_access_flags & ~known_access) != 0) return "unknown access flags";
    if (named(IBV_QP_PATH_MTU) && (attributes.path_mtu < IBV_MTU_256 || attributes.path_mtu > IBV_MTU_4096))
        return "there is no path MTU " + std::to_string(attributes.path_mtu);
    if (named(IBV_QP_PATH_MTU) && attributes.path_mtu > queue_pair.device().active_mtu())
        return "the path MTU " + std::to_string(attributes.path_mtu) + " is larger than the port's, " +
               std::to_string(queue_pair.device().active_mtu());
    if (named(IBV_QP_DEST_QPN) && (attributes.dest_qp_num < 2 || attributes.dest_qp_num > largest_24_bits))
        return "there is no queue pair " + std::to_string(attributes.dest_qp_num);
    if (named(IBV_QP_RQ_PSN) && attributes.rq_psn > largest_24_bits) return "rq_psn has more than 24 bits";
    if (named(IBV_QP_SQ_PSN) && attributes.sq_psn > largest_24_bits) return "sq_psn has more than 24 bits";
    if (named(IBV_QP_TIMEOUT) && attributes.timeout > 31) return "the timeout has more than 5 bits";
    if (named(IBV_QP_MIN_RNR_TIMER) && attributes.min_rnr_timer > 31) return "min_rnr_timer has more than 5 bits";
    if (named(IBV_QP_RETRY_CNT) && attributes.retry_cnt > 7) return "retry_cnt has more than 3 bits";
    if (named(IBV_QP_RNR_RETRY) && attributes.rnr_retry > 7) return "rnr_retry has more than 3 bits";
    return named(IBV_QP_AV) ? check_address(queue_pair, attributes.ah_attr) : "";
}

void take_attributes(QueuePair& queue_pair, const ibv_qp_attr& attributes, int mask) {
    ibv_qp_attr& own = queue_pair.attributes;
    const auto take = [&](int bit, auto member) {
        if ((mask & bit) != 0) own.*member = attributes.*member;
    };
    take(IBV_QP_PORT, &ibv_qp_attr::port_num);
    take(IBV_QP_PKEY_INDEX, &ibv_qp_attr::pkey_index);
    take(IBV_QP_ACCESS_FLAGS, &ibv_qp_attr::qp_access_flags);
    take(IBV_QP_AV, &ibv_qp_attr::ah_attr);
    take(IBV_QP_PATH_MTU, &ibv_qp_attr::path_mtu);
    take(IBV_QP_DEST_QPN, &ibv_qp_attr::dest_qp_num);
    take(IBV_QP_RQ_PSN, &ibv_qp_attr::rq_psn);
    take(IBV_QP_SQ_PSN, &ibv_qp_attr::sq_psn);
    take(IBV_QP_MAX_DEST_RD_ATOMIC, &ibv_qp_attr::max_dest_rd_atomic);
    take(IBV_QP_MAX_QP_RD_ATOMIC, &ibv_qp_attr::max_rd_atomic);
    take(IBV_QP_MIN_RNR_TIMER, &ibv_qp_attr::min_rnr_timer);
    take(IBV_QP_TIMEOUT, &ibv_qp_attr::timeout);
    take(IBV_QP_RETRY_CNT, &ibv_qp_attr::retry_cnt);
    take(IBV_QP_RNR_RETRY, &ibv_qp_attr::rnr_retry);
}

void record_attributes(RecordLine& line, const ibv_qp_attr& attributes, int mask) {
    if (!line.on()) return;
    const auto number = [&](int bit, const char* name, std::uint64_t value) {
        if ((mask & bit) != 0) line.number(name, value);
    };
    if ((mask & IBV_QP_STATE) != 0) line.text("state", state_name(attributes.qp_state));
    line.number("mask", static_cast<std::uint32_t>(mask));
    number(IBV_QP_PORT, "port", attributes.port_num);
    number(IBV_QP_PKEY_INDEX, "pkey_index", attributes.pkey_index);
    number(IBV_QP_ACCESS_FLAGS, "access", attributes.qp_access_flags);
    number(IBV_QP_PATH_MTU, "path_mtu", attributes.path_mtu);
    number(IBV_QP_DEST_QPN, "dest_qp_num", attributes.dest_qp_num);
    number(IBV_QP_RQ_PSN, "rq_psn", attributes.rq_psn);
    number(IBV_QP_SQ_PSN, "sq_psn", attributes.sq_psn);
    number(IBV_QP_MAX_DEST_RD_ATOMIC, "max_dest_rd_atomic", attributes.max_dest_rd_atomic);
    number(IBV_QP_MAX_QP_RD_ATOMIC, "max_rd_atomic", attributes.max_rd_atomic);
    number(IBV_QP_MIN_RNR_TIMER, "min_rnr_timer", attributes.min_rnr_timer);
    number(IBV_QP_TIMEOUT, "timeout", attributes.timeout);
    number(IBV_QP_RETRY_CNT, "retry_cnt", attributes.retry_cnt);
    number(IBV_QP_RNR_RETRY, "rnr_retry", attributes.rnr_retry);
    if ((mask & IBV_QP_AV) == 0) return;
    const ibv_ah_attr& address = attributes.ah_attr;
    line.number("dlid", address.dlid)
        .number("sl", address.sl)
        .number("src_path_bits", address.src_path_bits)
        .number("ah_port", address.port_num);
    line.number("is_global", address.is_global);
    if (address.is_global == 0) return;
    line.number("sgid_index", address.grh.sgid_index)
        .number("hop_limit", address.grh.hop_limit)
        .number("flow_label", address.grh.flow_label);
    line.number("traffic_class", address.grh.traffic_class)
        .hex("dgid", address.grh.dgid.raw, sizeof address.grh.dgid.raw);
}

} // namespace nc::softverbs
