// A peer on a ring that knows what ranks of ours tell each other before an operation, and lies in one number of it.
#include "fuzz_operations.h"
#include "lying_channel.h"
#include "net/tcp_channel.h"
#include "raw_peer.h"
#include "ring/ring_group.h"

namespace nc::test {
namespace {

// Both ends of a connection over TCP, which tells a reset from an end.
std::pair<Descriptor, Descriptor> tcp_pair(const Descriptor& listener) {
    Descriptor opened = connect_to(Address::local(listener.get()));
    Descriptor accepted = accept_one(listener);
    if (!opened.is_open() || !accepted.is_open()) throw std::runtime_error("no connection");
    return {std::move(opened), std::move(accepted)};
}

// Ranks of a ring, of which one lies on all its connections to the left, or all to the right.
class LyingRing {
public:
    LyingRing(int ranks, int liar, Lie& left, Lie& right) : liar_(liar), addresses_(index(ranks), std::vector<Address>{loopback(0)}) {
        const Descriptor listener = listen_on(loopback(0), 8);
        std::vector<ring::Connections> connections(index(ranks));
        for (int rank = 0; rank < ranks; ++rank) {
            const int next = (rank + 1) % ranks;
            auto [opened, accepted] = tcp_pair(listener);
            connections[index(rank)].right.push_back(link(std::move(opened), next, rank == liar ? &right : nullptr));
            connections[index(next)].left.push_back(link(std::move(accepted), rank, next == liar ? &left : nullptr));
        }
        for (int rank = 0; rank < ranks; ++rank) {
            nc_backend_options options{};
            losses_.push_back(std::make_unique<Loss>());
            losses_.back()->listen(options);
            groups_.push_back(std::make_unique<ring::RingGroup>(rank, addresses_, std::move(connections[index(rank)]), options));
        }
    }
    // Without an orderly end, which would keep ports busy for a minute.
    ~LyingRing() {
        for (const auto& group : groups_) group->abort();
    }

    ring::RingGroup& operator[](int rank) { return *groups_[index(rank)]; }

    Ends run(const std::function<void(int, ring::RingGroup&)>& body) { return run_beside_liar(groups_, losses_, liar_, body); }

private:
    static std::unique_ptr<ring::Link> link(Descriptor end, int peer, Lie* lie) {
        std::unique_ptr<Channel> channel = make_tcp_channel(std::move(end));
        if (lie != nullptr) channel = std::make_unique<LyingChannel>(std::move(channel), *lie);
        return std::make_unique<ring::Link>(std::move(channel), peer);
    }

    const int liar_;
    std::vector<std::vector<Address>> addresses_;
    std::vector<std::unique_ptr<Loss>> losses_;
    std::vector<std::unique_ptr<ring::RingGroup>> groups_;
};

// Header, the own row, and those of the ranks to the right, which are passed on.
std::vector<Field> fields_of(const std::vector<std::unique_ptr<FencedPart>>& parts, int liar, bool is_uneven) {
    const int n = static_cast<int>(parts.size());
    std::vector<Field> fields = header_fields(parts[index(liar)]->request());
    if (!is_uneven) return fields;
    std::size_t place = sizeof(Header);
    for (int hop = 0; hop < n - 1; ++hop) {
        const int origin = (liar + hop) % n;
        const std::vector<Field> row = length_fields(parts[index(origin)]->request(), origin, n, place);
        fields.insert(fields.end(), row.begin(), row.end());
        place += row.size() * sizeof(std::uint64_t);
    }
    return fields;
}

TEST(FuzzRing, AnnouncementsAndLengths) {
    Fuzz fuzz("what a peer announces on a ring", 3000);
    fuzz.run([](Dice& dice) {
        const int n = dice.between(2, 4);
        const int liar = static_cast<int>(dice.below(index(n)));
        const AnnouncedCase operation = announced_case(dice, n, Wire::Ring);
        std::vector<std::unique_ptr<FencedPart>> parts;
        for (const Part& part : operation.parts) parts.push_back(std::make_unique<FencedPart>(part));
        const std::vector<Field> fields = fields_of(parts, liar, operation.is_uneven);
        const Field& field = fields[operation.is_uneven && !dice.one_in(4) ? 8 + dice.below(fields.size() - 8) : dice.below(fields.size())];
        const std::uint64_t value = dice.lie(field.truth, field.bytes);
        SCOPED_TRACE(text(operation.what, ": rank ", liar, " says that ", field.name, " is ", value, ", not ", field.truth));

        const MemoryWatch memory;
        // Announcements travel to the left.
        Lie lie{field.place, said(field, value)};
        Lie none;
        LyingRing ranks(n, liar, lie, none);
        const Ends ends = ranks.run([&](int rank, ring::RingGroup& group) { group.execute(parts[index(rank)]->request(), call_within(ample_ms)); });
        EXPECT_LE(memory.peak(), bytes_of(operation) + (std::size_t{4} << 20));
        return judged(ends, parts, liar, field.must_be_noticed);
    });
}

} // namespace
} // namespace nc::test
