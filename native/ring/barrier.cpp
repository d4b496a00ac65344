// Barrier: a byte goes from rank to rank once around; a rank passes one on for every one that it got, and after n - 1
// of them it has heard from all.
#include <algorithm>

#include "ring/operation.h"

namespace nc::ring {

void barrier(Operation& operation) {
    const auto ranks = static_cast<std::size_t>(operation.size);
    std::byte* tokens = operation.scratch().take(ranks);
    std::fill_n(tokens, ranks, std::byte{0});
    gather_bytes(operation, tokens, 1, tokens);
}

} // namespace nc::ring
