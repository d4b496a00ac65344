// A side channel over the group that is being split, where nothing else joins the ranks: every exchange is a gather
// among all ranks of that group, whatever part they are in.
#pragma once

#include <exception>
#include <vector>

#include "jaccl/operation.h"
#include "jaccl/side_channel.h"

namespace nc::jaccl {

class ParentChannel final : public SideChannel {
public:
    // members: the ranks of this rank's part in the old group, in their new order; empty if it joins none.
    ParentChannel(const Operation& split, const std::vector<int>& members);

    void exchange(const void* own, std::size_t bytes, void* all) override;
    // Takes part in what is left of the exchanges, of which all ranks do the same number. Throws what the group that is
    // split failed with, now or in an exchange: its messages are under way then, and it cannot be used any more.
    void finish();

private:
    struct Slot;
    std::vector<Slot> gather(const Slot& own);

    const Operation& split_;
    const std::vector<int>& members_;
    int rounds_ = 0;
    std::exception_ptr broken_; // what the group that is split failed with
};

} // namespace nc::jaccl
