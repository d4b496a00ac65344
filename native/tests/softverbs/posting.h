// What is asked of a work request when it is posted.
#pragma once

#include <infiniband/verbs.h>

namespace nc::softverbs {

int post_send(ibv_qp* queue_pair, ibv_send_wr* requests, ibv_send_wr** bad);
int post_receive(ibv_qp* queue_pair, ibv_recv_wr* requests, ibv_recv_wr** bad);

} // namespace nc::softverbs
