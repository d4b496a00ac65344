// A side channel over the group that is being split, where nothing else joins the ranks: every exchange is a gather among all ranks of that group, whatever part they are in.
#pragma once

#include <vector>

#include "jaccl/operation.h"
#include "jaccl/side_channel.h"

namespace nc::jaccl {

class ParentChannel final : public SideChannel {
public:
    // members: the ranks of this rank's part in the old group, in their new order; empty if it joins none.
    ParentChannel(const Operation& split, std::vector<int> members);

    void exchange(const void* own, std::size_t bytes, void* all) override;
    // Takes part in what is left of the exchanges, of which all ranks do the same number, and tells whether this rank has joined. Throws Error(NC_RENDEZVOUS_FAILED) if
    // another member has not.
    void finish(bool joined);

private:
    struct Slot;
    std::vector<Slot> gather(const Slot& own);
    void check(const std::vector<Slot>& slots) const;

    const Operation& split_;
    const std::vector<int> members_;
    int rounds_ = 0;
};

} // namespace nc::jaccl
