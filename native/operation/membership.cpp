#include "operation/membership.h"

#include "base/text.h"

namespace nc {

Membership::Membership(std::span<const SplitChoice> choices, int color) {
    const auto key_of = [&](int rank) {
        const int key = choices[static_cast<std::size_t>(rank)].key;
        return key < 0 ? rank : key;
    };
    for (int rank = 0; rank < static_cast<int>(choices.size()); ++rank) {
        if (choices[static_cast<std::size_t>(rank)].color == color) old_ranks_.push_back(rank);
    }
    std::ranges::stable_sort(old_ranks_, {}, key_of);
    std::string ranks;
    for (const int rank : old_ranks_) ranks += text(ranks.empty() ? "" : ", ", rank);
    name_ = text("split into color ", color, " (ranks ", ranks, " of ", choices.size(), ")");
}

int Membership::rank_of(int old_rank) const {
    const auto found = std::ranges::find(old_ranks_, old_rank);
    return found == old_ranks_.end() ? -1 : static_cast<int>(found - old_ranks_.begin());
}

} // namespace nc
