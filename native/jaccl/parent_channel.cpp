#include "jaccl/parent_channel.h"

#include <cstring>

#include "operation/split_attempt.h"

namespace nc::jaccl {
namespace {

// As many as forming a ring takes, which takes more than forming a mesh.
constexpr int rounds = 6;
constexpr std::size_t most_records = most_mesh_ranks > most_wires ? most_mesh_ranks : most_wires;

} // namespace

// What a rank says in a round.
struct ParentChannel::Slot {
    std::int32_t takes_part; // not any more, if it has failed
    std::byte said[most_records * sizeof(Destination)];
};

ParentChannel::ParentChannel(const Operation& split, const std::vector<int>& members)
    : split_(split), members_(members) {}

std::vector<ParentChannel::Slot> ParentChannel::gather(const Slot& own) {
    try {
        std::vector<Slot> slots(static_cast<std::size_t>(split_.size));
        ++rounds_;
        split_.gather_bytes(&own, sizeof own, slots.data());
        return slots;
    } catch (...) {
        broken_ = std::current_exception();
        throw;
    }
}

void ParentChannel::exchange(const void* own, std::size_t bytes, void* all) {
    Slot slot{1, {}};
    std::memcpy(slot.said, own, bytes);
    const std::vector<Slot> slots = gather(slot);
    auto* table = static_cast<std::byte*>(all);
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const int member = members_[i];
        const Slot& theirs = slots[static_cast<std::size_t>(member)];
        if (theirs.takes_part != 1) throw could_not_join(member, static_cast<int>(i));
        std::memcpy(table + i * bytes, theirs.said, bytes);
    }
}

void ParentChannel::finish() {
    while (broken_ == nullptr && rounds_ < rounds) (void)gather(Slot{});
    if (broken_ != nullptr) std::rethrow_exception(broken_);
}

} // namespace nc::jaccl
