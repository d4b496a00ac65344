// A peer on a ring that knows what ranks of ours tell each other before an operation, and lies in one number of it.
#include "fuzz_operations.h"
#include "lying_endpoint.h"
#include "raw_peer.h"
#include "ring/ring_group.h"
#include "ring/split.h"
#include "transport/tcp_endpoint.h"
#include "wire_ring.h"

namespace nc::test {
namespace NC_FILE {

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
    LyingRing(int ranks, int liar, Lie& left, Lie& right) : liar_(liar), addresses_(loopback_addresses(ranks, 1)) {
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
            groups_.push_back(
                std::make_unique<ring::RingGroup>(rank, addresses_, std::move(connections[index(rank)]), options));
        }
    }
    // Without an orderly end, which would keep ports busy for a minute.
    ~LyingRing() {
        for (const auto& group : groups_) group->abort();
    }

    ring::RingGroup& operator[](int rank) { return *groups_[index(rank)]; }

    Ends run(const std::function<void(int, ring::RingGroup&)>& body) {
        return run_beside_liar(groups_, losses_, liar_, body);
    }

private:
    static std::unique_ptr<ring::Link> link(Descriptor end, int peer, Lie* lie) {
        std::unique_ptr<Endpoint> endpoint = make_tcp_endpoint(std::move(end));
        if (lie != nullptr) endpoint = std::make_unique<LyingEndpoint>(std::move(endpoint), *lie);
        return std::make_unique<ring::Link>(std::move(endpoint), peer);
    }

    const int liar_;
    ring::RankAddresses addresses_;
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
    Fuzz fuzz("what a peer announces on a ring", 3000, 5000);
    fuzz.run([](Dice& dice) {
        const int n = dice.between(2, 4);
        const int liar = static_cast<int>(dice.below(index(n)));
        const AnnouncedCase operation = announced_case(dice, n, Wire::Ring);
        std::vector<std::unique_ptr<FencedPart>> parts;
        for (const Part& part : operation.parts) parts.push_back(std::make_unique<FencedPart>(part));
        const std::vector<Field> fields = fields_of(parts, liar, operation.is_uneven);
        const Field& field = fields[operation.is_uneven && !dice.one_in(4) ? 8 + dice.below(fields.size() - 8)
                                                                           : dice.below(fields.size())];
        const std::uint64_t value = dice.lie(field.truth, field.bytes);
        SCOPED_TRACE(
            text(operation.what, ": rank ", liar, " says that ", field.name, " is ", value, ", not ", field.truth));

        const MemoryWatch memory;
        // Announcements travel to the left.
        Lie lie{field.place, said(field, value)};
        Lie none;
        LyingRing ranks(n, liar, lie, none);
        const Ends ends = ranks.run([&](int rank, ring::RingGroup& group) {
            group.execute(parts[index(rank)]->request(), call_within(ample_ms));
        });
        EXPECT_LE(memory.peak(), bytes_of(operation) + (std::size_t{4} << 20));
        return judged(ends, parts, liar, field.must_be_noticed);
    });
}

// The announcement of a split, the rows that are passed on, and the outcomes at its end.
TEST(FuzzRing, AnnouncementsOfASplit) {
    using ring::SplitAnnouncement;
    const ReservedPorts unused(2);
    Fuzz fuzz("what a peer announces in a split of a ring", 200);
    fuzz.run(
        [&](Dice& dice) {
            const int n = dice.between(2, 4);
            const int liar = static_cast<int>(dice.below(index(n)));
            constexpr std::size_t row = sizeof(SplitAnnouncement) + sizeof(std::uint16_t);
            std::vector<Field> fields = header_fields(request_of(NC_SPLIT));
            std::size_t place = sizeof(Header);
            for (int hop = 0; hop < n - 1; ++hop, place += row) {
                fields.push_back({"color", place + offsetof(SplitAnnouncement, color), 4, 0, false});
                fields.push_back({"key", place + offsetof(SplitAnnouncement, key), 4, 0, false});
                fields.push_back({"listens", place + offsetof(SplitAnnouncement, listens), 4, 1, false});
                fields.push_back(
                    {"password", place + offsetof(SplitAnnouncement, password) + dice.below(8), 8, 0, false});
                fields.push_back({"port", place + sizeof(SplitAnnouncement), 2, 0, false});
            }
            place += sizeof(Header);
            for (int hop = 0; hop < n - 1; ++hop) fields.push_back({"outcome", place + index(hop), 1, 0, false});
            const Field& field = fields[dice.below(fields.size())];
            // Nobody else's port is to be called.
            const std::uint64_t value = field.name == "port"
                                            ? dice.one_of<std::uint16_t>({0, unused[0].port(), unused[1].port()})
                                            : dice.lie(field.truth, field.bytes);
            SCOPED_TRACE(text("rank ", liar, " of ", n, " says that ", field.name, " at ", field.place, " is ", value));
            Lie lie{field.place, said(field, value)};
            Lie none;
            LyingRing ranks(n, liar, lie, none);
            std::vector<nc_backend_group> made(index(n));
            const Ends ends = ranks.run([&](int rank, ring::RingGroup& group) {
                nc_backend_options options{};
                options.forming_timeout_ms = 300 * slowness;
                options.fault = [](void*, const nc_error*) {};
                nc_group* new_group = nullptr;
                nc_request request = request_of(NC_SPLIT);
                request.new_group = &new_group;
                made[index(rank)] = group.split(request, call_within(ample_ms), options);
            });
            bool is_refused = false;
            bool is_noticed = false;
            for (int rank = 0; rank < n; ++rank) {
                const nc_backend_group& part = made[index(rank)];
                if (part.handle != nullptr) {
                    static_cast<ring::RingGroup*>(part.handle)->abort();
                    delete static_cast<ring::RingGroup*>(part.handle);
                }
                if (rank == liar) continue;
                const nc_status status = ends.status[index(rank)];
                if (status == NC_OK) {
                    EXPECT_TRUE(part.size >= 1 && part.size <= n && part.rank >= 0 && part.rank < part.size)
                        << part.rank << " of " << part.size;
                    continue;
                }
                const std::string what =
                    text("rank ", rank, ": ", status_name(status), ": ", ends.message[index(rank)]);
                is_refused = true;
                is_noticed |= status == NC_MISMATCH;
                EXPECT_TRUE(status == NC_RENDEZVOUS_FAILED || status == NC_PEER_LOST || status == NC_MISMATCH) << what;
                EXPECT_NE(ends.message[index(rank)].find("rank "), std::string::npos) << what;
                EXPECT_LT(ends.peer[index(rank)], n) << what;
            }
            EXPECT_TRUE(is_noticed || !field.must_be_noticed) << "nobody noticed";
            return std::string(is_refused ? "refused" : "harmless");
        },
        4);
}

} // namespace NC_FILE
} // namespace nc::test
