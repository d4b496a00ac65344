// What the ranks agree on before an operation that MLX does not have, for the operations of any backend: these have
//   announce()          tells the others what this rank does, unless that has been announced
//   announce_lengths()  the same, and exchanges what lengths the ranks were given: see agreed_lengths()
#pragma once

#include "operation/announcement.h"
#include "operation/average.h"
#include "operation/blocks.h"
#include "operation/composition.h"

namespace nc {

// The blocks of an operation that has one per rank, announced. The lengths of a part have been agreed on.
template <class Operation>
Blocks announced_blocks(Operation& operation) {
    if (operation.is_uneven())
        return {operation.is_part() ? operation.request.send_counts : operation.announce_lengths().data(),
                operation.size, operation.item, operation.scratch()};
    operation.announce();
    return Blocks(operation.bytes());
}

// Those of an all-to-all, announced.
template <class Operation>
BlockMatrix announced_matrix(Operation& operation) {
    if (operation.is_uneven()) return {operation, operation.announce_lengths()};
    operation.announce();
    const auto n = static_cast<std::size_t>(operation.size);
    return {operation, ScratchVector<std::uint64_t>(n * n, operation.request.count, operation.scratch())};
}

// Runs the operation by its schedule, from a table in the order of nc_operation; of an average, or of what is composed
// of others, those of its parts.
template <class Operation, class Schedules>
void run(Operation& operation, const Schedules& schedules) {
    const bool composed = is_composed(operation.request);
    if (!composed && !operation.averages()) return schedules[operation.request.operation](operation);
    // MLX has none of these, so that every one can begin with an announcement.
    if (operation.is_uneven()) {
        (void)operation.announce_lengths();
    } else {
        operation.announce();
    }
    const auto run_part = [&](const nc_request& request) {
        Operation part(operation, request);
        schedules[request.operation](part);
    };
    if (composed) {
        compose(operation.request, operation.rank, operation.size, operation.scratch(), run_part);
    } else {
        average(operation.request, operation.rank, operation.size, Adder::Saturating, operation.scratch(), run_part);
    }
}

} // namespace nc
