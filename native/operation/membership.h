// Who joins whom when a group is split.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace nc {

// What a rank asked for; a negative key stands for its old rank.
struct SplitChoice {
    int color;
    int key;
};

// The ranks of one color, in their new order: by key, then by old rank.
class Membership {
public:
    // choices: of all ranks of the group that is split, in rank order.
    Membership(std::span<const SplitChoice> choices, int color);

    int size() const { return static_cast<int>(old_ranks_.size()); }
    const std::vector<int>& old_ranks() const { return old_ranks_; }
    // For nc_backend_options.
    void tell(std::int32_t* parent_ranks) const {
        if (parent_ranks != nullptr) std::ranges::copy(old_ranks_, parent_ranks);
    }
    int old_rank(int rank) const { return old_ranks_[static_cast<std::size_t>(rank)]; }
    // The new rank; -1 if that rank is not of this color.
    int rank_of(int old_rank) const;
    bool has(int old_rank) const { return rank_of(old_rank) >= 0; }
    // A peer of the part as the group that is split knows it; -1 if there is no such rank.
    int old_peer(int rank) const { return rank >= 0 && rank < size() ? old_rank(rank) : -1; }
    // The same for a failure's.
    Error of_the_old_group(const Error& failure) const {
        return {failure.status, failure.what(), old_peer(failure.peer), failure.system_error};
    }
    // "split into color 1 (ranks 0, 2 of 4)", for messages.
    const std::string& name() const { return name_; }

private:
    std::vector<int> old_ranks_;
    std::string name_;
};

} // namespace nc
