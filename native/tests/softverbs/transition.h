// The states of a queue pair, and the attributes that each change of state asks for.
#pragma once

#include <infiniband/verbs.h>

#include <string>

#include "softverbs/queue_pair.h"
#include "softverbs/record.h"

namespace nc::softverbs {

const char* state_name(ibv_qp_state state);

// What is wrong with a change of state, or empty.
std::string check_transition(const QueuePair& queue_pair, const ibv_qp_attr& attributes, int mask);
// Takes over what the mask names. The state is left to the caller.
void take_attributes(QueuePair& queue_pair, const ibv_qp_attr& attributes, int mask);
void record_attributes(RecordLine& line, const ibv_qp_attr& attributes, int mask);

} // namespace nc::softverbs
