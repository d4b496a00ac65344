// Barrier: a byte goes from rank to rank once around; a rank passes one on for every one that it got, and after n - 1
// of them it has heard from all.
#include "ring/operation.h"

namespace nc::ring {

void barrier(Operation& operation) {
    std::vector<std::byte> tokens(static_cast<std::size_t>(operation.size));
    gather_bytes(operation, tokens.data(), 1, tokens.data());
}

} // namespace nc::ring
