// Scans, and reductions by a function of the caller's: what no backend has an algorithm of its own for. They are made
// of gatherings and exchanges of blocks, after which every rank combines what it has got in the order of ranks. So the
// function need not commute, and everybody gets the same bits.
#pragma once

#include <cstddef>

#include "base/function_ref.h"
#include "native_collectives.h"
#include "operation/scratch.h"

namespace nc {

bool is_composed(const nc_request& request);

// Carries out such a request, which all ranks have agreed on: as several others of plain data, for which it calls move.
// All ranks call it equally often, with the same operation, root and count. The buffers are memory of this call's, and
// the request's send buffer is only read. Memory is bounded. Throws Error(NC_FUNCTION_FAILED).
void compose(const nc_request& request, int rank, int ranks, Scratch& scratch,
             FunctionRef<void(const nc_request& part)> move);

} // namespace nc
