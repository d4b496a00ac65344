#include "softverbs/queue_pair.h"

namespace nc::softverbs {

QueuePair::QueuePair(ProtectionDomain& domain, const ibv_qp_init_attr& attributes)
    : ibv_qp(), cap(attributes.cap), all_signaled(attributes.sq_sig_all != 0) {
    context = domain.context;
    qp_context = attributes.qp_context;
    pd = &domain;
    send_cq = attributes.send_cq;
    recv_cq = attributes.recv_cq;
    qp_type = attributes.qp_type;
    state = IBV_QPS_RESET;
}

std::string QueuePair::title() const {
    return "queue pair " + std::to_string(qp_num) + " of " + device().socket.device;
}

} // namespace nc::softverbs
