#include "jaccl/parent_channel.h"

#include <cstring>

namespace nc::jaccl {
namespace {

// As many as forming a ring takes, which takes more than forming a mesh, and one for the outcome.
constexpr int rounds = 7;
constexpr std::size_t most_records = most_mesh_ranks > most_wires ? most_mesh_ranks : most_wires;

} // namespace

// What a rank says in a round.
struct ParentChannel::Slot {
    std::int32_t failed;
    std::byte said[most_records * sizeof(Destination)];
};

ParentChannel::ParentChannel(const Operation& split, std::vector<int> members) : split_(split), members_(std::move(members)) {}

std::vector<ParentChannel::Slot> ParentChannel::gather(const Slot& own) {
    ++rounds_;
    std::vector<Slot> slots(static_cast<std::size_t>(split_.size));
    split_.gather_bytes(&own, sizeof own, slots.data());
    return slots;
}

void ParentChannel::check(const std::vector<Slot>& slots) const {
    for (const int member : members_) {
        if (slots[static_cast<std::size_t>(member)].failed != 0 && member != split_.rank)
            throw Error(NC_RENDEZVOUS_FAILED, text("rank ", member, " could not join its part of the group; its own error says why"), member);
    }
}

void ParentChannel::exchange(const void* own, std::size_t bytes, void* all) {
    Slot slot{};
    std::memcpy(slot.said, own, bytes);
    const std::vector<Slot> slots = gather(slot);
    check(slots);
    auto* table = static_cast<std::byte*>(all);
    for (std::size_t i = 0; i < members_.size(); ++i) std::memcpy(table + i * bytes, slots[static_cast<std::size_t>(members_[i])].said, bytes);
}

void ParentChannel::finish(bool joined) {
    Slot slot{};
    slot.failed = joined ? 0 : 1;
    std::vector<Slot> slots;
    while (rounds_ < rounds) slots = gather(slot);
    check(slots);
}

} // namespace nc::jaccl
