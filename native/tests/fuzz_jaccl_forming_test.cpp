// A peer that lies while a jaccl group is formed, and on the lines that stay: in destination records, contacts,
// notices, and in how it calls rank 0.
#include <netinet/in.h>
#include <sys/socket.h>

#include <limits>

#include "lying_jaccl.h"

namespace nc::test {
namespace NC_FILE {

using namespace jaccl;

class FuzzJacclForming : public JacclTest {};
class UntrustedJacclPeer : public JacclTest {};

// What came of a rank's attempt: it fails with words that name a rank, or not at all.
bool is_clear(const nc_error& error, int ranks, std::initializer_list<nc_status> expected) {
    if (error.status == NC_OK) return false;
    const std::string what = text(status_name(error.status), ": ", error.message);
    EXPECT_TRUE(std::find(expected.begin(), expected.end(), error.status) != expected.end()) << what;
    EXPECT_NE(std::string(error.message).find("rank"), std::string::npos) << what;
    EXPECT_LT(error.peer, ranks) << what;
    EXPECT_GE(error.peer, -1) << what;
    return true;
}

// ---- Destination records --------------------------------------------------------------------------------------------

struct RecordField {
    std::string name;
    std::size_t place;
    std::size_t bytes;
};

const std::vector<RecordField>& record_fields() {
    static const std::vector<RecordField> fields{
        {"lid", offsetof(Destination, lid), 4},
        {"queue_pair", offsetof(Destination, queue_pair), 4},
        {"packet_sequence_number", offsetof(Destination, packet_sequence_number), 4},
        {"mark.letters", offsetof(Destination, mark), 2},
        {"mark.version", offsetof(Destination, mark) + offsetof(Mark, version), 1},
        {"mark.choices", offsetof(Destination, mark) + offsetof(Mark, choices), 1},
        {"gid's prefix", offsetof(Destination, gid), 8},
        {"gid's interface", offsetof(Destination, gid) + 8, 8}};
    return fields;
}

TEST_F(FuzzJacclForming, DestinationRecords) {
    nc::test::verbs().softverbs_print_violations(0);
    Fuzz fuzz("destination records of jaccl", 400);
    fuzz.run([](Dice& dice) {
        const Shape shape =
            dice.one_in(2) ? mesh_of(dice.between(2, 4)) : ring_of(dice.between(2, 4), dice.between(1, 2));
        const int n = shape.ranks;
        const int liar = static_cast<int>(dice.below(index(n)));
        const auto settings = settings_of(shape, dice.one_of({QueuePairType::Unreliable, QueuePairType::Reliable}));
        // A list is announced by its length; in a ring there are two.
        const int list = shape.ring ? static_cast<int>(dice.below(2)) : 0;
        const bool of_length = dice.one_in(8);
        const int records = shape.ring ? shape.wires : n;
        const RecordField& field = record_fields()[dice.below(record_fields().size())];
        const std::size_t place = of_length ? 0 : dice.below(index(records)) * sizeof(Destination) + field.place;
        const std::uint64_t value =
            dice.lie(of_length ? static_cast<std::uint64_t>(records) : 0, of_length ? 4 : field.bytes);
        SCOPED_TRACE(text(name_of(shape), ": rank ", liar, " says that its ",
                          of_length ? "number of records" : field.name, " is ", value, " (place ", place, ")"));
        LyingMeeting meeting(n, liar, 2 * list + (of_length ? 0 : 1),
                             {place, said({"", 0, of_length ? 4 : field.bytes, 0, false}, value)});

        std::vector<nc_error> errors(index(n), empty_error());
        std::vector<std::unique_ptr<JacclGroup>> groups(index(n));
        std::vector<std::unique_ptr<Loss>> losses;
        for (int rank = 0; rank < n; ++rank) losses.push_back(std::make_unique<Loss>());
        const MemoryWatch memory;
        on_all_ranks(n, [&](int rank) {
            const auto channel = meeting.channel(rank);
            const nc_status status = guarded(&errors[index(rank)], [&] {
                const auto matrix = DeviceMatrix::parse(matrix_json(shape), "the matrix");
                Fabric fabric = connect_ranks(VerbsLibrary::load(settings.library), matrix, rank,
                                              matrix.choose(shape.ring), settings, *channel, Log(nullptr, nullptr));
                nc_backend_options options{};
                losses[index(rank)]->listen(options);
                groups[index(rank)] = std::make_unique<JacclGroup>(rank, matrix, settings, std::move(fabric),
                                                                   std::vector<Connection>(), options);
            });
            if (status != NC_OK) meeting.give_up(rank);
        });
        EXPECT_LE(memory.peak(), std::size_t{4} << 20);
        bool is_refused = false;
        for (int rank = 0; rank < n; ++rank) is_refused |= is_clear(errors[index(rank)], n, {NC_RENDEZVOUS_FAILED});
        EXPECT_TRUE(is_refused || !of_length || !meeting.is_told()) << "nobody noticed";
        const bool all_formed =
            std::all_of(groups.begin(), groups.end(), [](const auto& group) { return group != nullptr; });
        if (!all_formed || !dice.one_in(8)) return std::string(is_refused ? "refused" : "formed");
        // What was formed works, or its first operation ends at the latest at its deadline and names a peer.
        const Ends ends = run_beside_liar<JacclGroup>(groups, losses, liar, [&](int rank, JacclGroup& group) {
            std::int32_t own = rank;
            group.execute(request_of(NC_ALL_REDUCE, NC_INT32, 1, &own, &own), call_within(150));
            EXPECT_EQ(own, n * (n - 1) / 2);
        });
        bool is_late = false;
        for (int rank = 0; rank < n; ++rank) {
            if (rank == liar || ends.status[index(rank)] == NC_OK) continue;
            is_late = true;
            EXPECT_NE(ends.message[index(rank)].find("rank "), std::string::npos) << ends.message[index(rank)];
            EXPECT_TRUE(ends.status[index(rank)] == NC_TIMEOUT || ends.status[index(rank)] == NC_PEER_LOST ||
                        ends.status[index(rank)] == NC_LIBRARY_ERROR)
                << ends.message[index(rank)];
        }
        for (const auto& group : groups) group->abort();
        return std::string(is_late ? "refused by the first operation" : "harmless");
    });
    forget_violations();
    nc::test::verbs().softverbs_print_violations(1);
}

// ---- Doors ----------------------------------------------------------------------------------------------------------

struct ContactField {
    std::string name;
    std::size_t place;
    std::size_t bytes;
};

const std::vector<ContactField>& door_fields() {
    constexpr std::size_t storage = offsetof(Contact, storage);
    static const std::vector<ContactField> fields{{"is_open", offsetof(Contact, is_open), 4},
                                                  {"address_bytes", offsetof(Contact, address_bytes), 4},
                                                  {"family", storage + offsetof(sockaddr_in, sin_family), 2},
                                                  {"port", storage + offsetof(sockaddr_in, sin_port), 2},
                                                  {"host", storage + offsetof(sockaddr_in, sin_addr), 4},
                                                  {"padding", storage + 8, 8},
                                                  {"padding", storage + 100, 4},
                                                  {"token", offsetof(Contact, token), 8}};
    return fields;
}

// Ports and hosts of this test alone: nobody else is to be called.
std::uint64_t lie_about(const ContactField& field, Dice& dice, const ReservedPorts& unused) {
    if (field.name == "port") return dice.one_of<std::uint16_t>({0, htons(unused[0].port()), htons(unused[1].port())});
    if (field.name == "host") return htonl(dice.one_of<std::uint32_t>({0x7f000002, 0x7fffff01, 0x7f000100}));
    return dice.lie(field.name == "is_open"         ? 1
                    : field.name == "family"        ? AF_INET
                    : field.name == "address_bytes" ? sizeof(sockaddr_in)
                                                    : 0,
                    field.bytes);
}

TEST_F(FuzzJacclForming, Doors) {
    const ReservedPorts unused(2);
    Fuzz fuzz("contacts of jaccl's lines", 300);
    fuzz.run(
        [&](Dice& dice) {
            const int n = dice.between(3, 4);
            const int liar = static_cast<int>(dice.below(index(n)));
            const bool of_joining = dice.one_in(10);
            const ContactField& field = door_fields()[dice.below(door_fields().size())];
            const std::uint64_t value = of_joining ? dice.lie(1, 4) : lie_about(field, dice, unused);
            SCOPED_TRACE(
                text("rank ", liar, " of ", n, " says that its ", of_joining ? "outcome" : field.name, " is ", value));
            LyingMeeting meeting(
                n, liar, of_joining ? 1 : 0,
                {of_joining ? 0 : field.place, said({"", 0, of_joining ? 4 : field.bytes, 0, false}, value)});
            Fabric fabric{};
            fabric.is_ours.assign(index(n), true);
            std::vector<nc_error> errors(index(n), empty_error());
            std::vector<std::vector<Connection>> lines(index(n));
            on_all_ranks(n, [&](int rank) {
                const auto channel = meeting.channel(rank, loopback(0));
                const Patience patience = Patience::of(100);
                const nc_status status = guarded(&errors[index(rank)], [&] {
                    lines[index(rank)] = connect_lifelines(*channel, fabric, rank, patience, Log(nullptr, nullptr));
                });
                if (status != NC_OK) meeting.give_up(rank);
            });
            bool is_refused = false;
            bool has_lines = false;
            for (int rank = 0; rank < n; ++rank) {
                is_refused |= is_clear(errors[index(rank)], n, {NC_RENDEZVOUS_FAILED});
                has_lines |= !lines[index(rank)].empty();
                for (const Connection& line : lines[index(rank)])
                    EXPECT_TRUE(line.peer >= 0 && line.peer < n && line.peer != rank) << line.peer;
            }
            return std::string(is_refused ? "refused" : has_lines ? "joined" : "left without lines");
        },
        8);
}

// ---- Notices on the lines -------------------------------------------------------------------------------------------

// As lifeline.cpp has it.
struct Notice {
    char letters[4] = {'N', 'C', 'J', 'L'};
    std::int32_t fate = 0;
    std::int32_t rank = 0;
    std::int32_t reserved = 0;
};

TEST_F(FuzzJacclForming, NoticesOnTheLines) {
    Fuzz fuzz("notices on jaccl's lines", 200);
    fuzz.run([](Dice& dice) {
        const int n = dice.between(2, 4);
        const int liar = static_cast<int>(dice.below(index(n)));
        Notice notice;
        notice.fate = dice.between(0, 3);
        notice.rank = static_cast<int>(dice.below(index(n)));
        const Notice truth = notice;
        switch (dice.below(4)) {
            case 0:
                notice.fate = static_cast<std::int32_t>(dice.lie(static_cast<std::uint64_t>(notice.fate), 4));
                break;
            case 1:
                notice.letters[dice.below(4)] = static_cast<char>(dice.below(256));
                break;
            case 2:
                notice.reserved = static_cast<std::int32_t>(dice.lie(0, 4));
                break;
            default:
                notice.rank = static_cast<std::int32_t>(dice.lie(static_cast<std::uint64_t>(notice.rank), 4));
        }
        const bool is_heard = std::memcmp(notice.letters, truth.letters, 4) == 0 && notice.fate >= 0 &&
                              notice.fate <= 3 && notice.rank >= 0 && notice.rank < n;
        SCOPED_TRACE(text("rank ", liar, " of ", n, " tells fate ", notice.fate, " of rank ", notice.rank));
        LyingJaccl ranks(mesh_of(n), liar);
        // One that believes it tells the others, who may have ended before they are told here.
        for (const Descriptor& line : ranks.lines_of_liar())
            (void)::send(line.get(), &notice, sizeof notice, MSG_NOSIGNAL);
        const Ends ends = ranks.run([&](int rank, JacclGroup& group) {
            std::int32_t own = rank;
            group.execute(request_of(NC_ALL_REDUCE, NC_INT32, 1, &own, &own), call_within(ample_ms));
            EXPECT_EQ(own, n * (n - 1) / 2);
        });
        bool is_believed = false;
        for (int rank = 0; rank < n; ++rank) {
            if (ends.status[index(rank)] == NC_OK || rank == liar) continue;
            is_believed = true;
            EXPECT_TRUE(is_heard) << ends.message[index(rank)];
            const bool is_mismatch = notice.fate == static_cast<std::int32_t>(Fate::Mismatched);
            EXPECT_EQ(ends.status[index(rank)], is_mismatch ? NC_MISMATCH : NC_PEER_LOST) << ends.message[index(rank)];
            EXPECT_TRUE(ends.peer[index(rank)] >= 0 && ends.peer[index(rank)] < n) << ends.peer[index(rank)];
        }
        return std::string(is_believed ? "believed" : "harmless");
    });
}

// Departures of ranks that there are not were kept for ever.
TEST_F(UntrustedJacclPeer, TellsOfManyRanksThatAreNone) {
    LyingJaccl ranks(mesh_of(2), 1);
    const MemoryWatch memory;
    std::vector<Notice> notices(20'000);
    for (std::size_t i = 0; i < notices.size(); ++i)
        notices[i] = {{'N', 'C', 'J', 'L'}, static_cast<std::int32_t>(Fate::Left), static_cast<std::int32_t>(i + 2), 0};
    const std::size_t own = notices.size() * sizeof notices[0];
    send_all(ranks.lines_of_liar().front(), notices.data(), own);
    // Of one that there is: behind it nothing more is read.
    const Notice last{{'N', 'C', 'J', 'L'}, static_cast<std::int32_t>(Fate::Lost), 1, 0};
    send_all(ranks.lines_of_liar().front(), &last, sizeof last);
    nc_error loss = empty_error();
    EXPECT_TRUE(soon([&] {
        ranks.take_loss(0, loss);
        return loss.status == NC_PEER_LOST;
    }));
    EXPECT_EQ(loss.peer, 1);
    EXPECT_LE(memory.peak(), own + 256 * 1024U);
}

// A notice of a rank that there is not was taken for one that ends the group, with a peer beyond its size.
TEST_F(UntrustedJacclPeer, TellsThatARankIsLostThatIsNone) {
    LyingJaccl ranks(mesh_of(2), 1);
    for (const std::int32_t rank : {2, 1000, -1, std::numeric_limits<std::int32_t>::min()}) {
        const Notice notice{{'N', 'C', 'J', 'L'}, static_cast<std::int32_t>(Fate::Lost), rank, 0};
        send_all(ranks.lines_of_liar().front(), &notice, sizeof notice);
    }
    const Notice fate{{'N', 'C', 'J', 'L'}, 77, 1, 0};
    send_all(ranks.lines_of_liar().front(), &fate, sizeof fate);
    const Notice last{{'N', 'C', 'J', 'L'}, static_cast<std::int32_t>(Fate::Lost), 1, 0};
    send_all(ranks.lines_of_liar().front(), &last, sizeof last);
    nc_error loss = empty_error();
    EXPECT_TRUE(soon([&] {
        ranks.take_loss(0, loss);
        return loss.status != NC_OK;
    }));
    EXPECT_EQ(loss.peer, 1) << loss.message;
    EXPECT_EQ(std::string(loss.message), "rank 1 is lost: its connection was reset");
}

// ---- Calling rank 0 -------------------------------------------------------------------------------------------------

StarPlan star_plan(int rank, int size, const Address& coordinator, const std::optional<Token>& token,
                   std::int64_t timeout_ms) {
    StarPlan plan{};
    plan.source = "the coordinator";
    plan.rank = rank;
    plan.size = size;
    plan.coordinator = coordinator;
    plan.token = token;
    plan.patience = Patience::of(timeout_ms);
    return plan;
}

TEST_F(FuzzJacclForming, CallsToRankZero) {
    Fuzz fuzz("calls to jaccl's rank 0", 300);
    fuzz.run(
        [](Dice& dice) {
            const int n = dice.between(2, 4);
            std::optional<Token> token;
            if (dice.one_in(2)) {
                token.emplace();
                for (std::uint8_t& byte : *token) byte = static_cast<std::uint8_t>(dice.below(256));
            }
            struct Call {
                std::vector<std::byte> hello;
                bool resets;
                bool leaves;
            };
            std::vector<Call> calls(1 + dice.below(3));
            bool claims_a_rank = false;
            for (Call& call : calls) {
                std::vector<std::byte> hello((token.has_value() ? sizeof(Token) : 0) + sizeof(std::int32_t));
                if (token.has_value()) std::memcpy(hello.data(), token->data(), sizeof(Token));
                const std::size_t lied_in = dice.below(hello.size());
                const auto rank = static_cast<std::int32_t>(dice.lie(1, 4));
                std::memcpy(hello.data() + hello.size() - 4, &rank, 4);
                if (token.has_value() && lied_in < sizeof(Token)) hello[lied_in] ^= std::byte{0x10};
                const std::size_t whole = hello.size();
                if (dice.one_in(3)) hello.resize(dice.below(whole));
                if (dice.one_in(3)) hello.resize(whole + dice.below(5000), std::byte{7});
                claims_a_rank |=
                    rank >= 1 && rank < n && hello.size() >= whole && (!token.has_value() || lied_in >= sizeof(Token));
                call = {std::move(hello), dice.one_in(3), dice.one_in(3)};
            }
            // Who claims to be a rank, and knows the token if there is one, may be it: then the rank itself comes too
            // late, at the latest at its deadline.
            const std::int64_t timeout_ms = claims_a_rank ? 300 * slowness : ample_ms;
            const ReservedPorts ports(1);
            std::vector<std::unique_ptr<SideChannel>> stars(index(n));
            std::vector<nc_error> errors(index(n), empty_error());
            const auto join = [&](int rank) {
                (void)guarded(&errors[index(rank)], [&] {
                    auto& star = stars[index(rank)];
                    star = make_star(star_plan(rank, n, ports[0], token, timeout_ms));
                    std::vector<int> all(index(n));
                    star->exchange(&rank, sizeof rank, all.data());
                    // Nothing is known of what an impostor says.
                    for (int i = 0; i < n && !claims_a_rank; ++i) EXPECT_EQ(all[index(i)], i);
                });
                // Those that wait get to know.
                if (errors[index(rank)].status != NC_OK) stars[index(rank)].reset();
            };
            std::thread zero([&] { join(0); });
            std::vector<Descriptor> liars;
            for (const Call& call : calls) {
                Descriptor liar =
                    liars.empty() && &call == &calls.front() ? connect_when_open(ports[0]) : connect_to(ports[0]);
                // Rank 0 may have ended, because of another one.
                if (!liar.is_open()) break;
                (void)::send(liar.get(), call.hello.data(), call.hello.size(), MSG_NOSIGNAL);
                if (call.resets) reset_on_close(liar, true);
                if (!call.leaves) liars.push_back(std::move(liar));
            }
            on_all_ranks(n - 1, [&](int other) { join(other + 1); });
            zero.join();
            bool is_refused = false;
            for (const nc_error& error : errors) is_refused |= is_clear(error, n, {NC_RENDEZVOUS_FAILED});
            EXPECT_TRUE(!is_refused || claims_a_rank)
                << "a stranger kept the ranks from meeting: " << errors[0].message;
            return std::string(is_refused ? "refused" : "met");
        },
        4);
}

// Whoever calls many times without a word takes no more of rank 0's descriptors than a few.
TEST_F(UntrustedJacclPeer, CallsRankZeroHundredsOfTimes) {
    const ReservedPorts ports(1);
    std::thread zero([&] {
        const auto star = make_star(star_plan(0, 2, ports[0], std::nullopt, ample_ms));
        std::vector<int> all(2);
        const int own = 5;
        star->exchange(&own, sizeof own, all.data());
        EXPECT_EQ(all[1], 6);
    });
    std::vector<Descriptor> callers;
    for (int i = 0; i < 300; ++i) callers.push_back(connect_when_open(ports[0]));
    const auto dropped = [&] {
        std::ptrdiff_t count = 0;
        for (const Descriptor& caller : callers) {
            const Pulse pulse = probe(caller);
            count += pulse == Pulse::Ended || pulse == Pulse::Broken ? 1 : 0;
        }
        return count;
    };
    EXPECT_TRUE(soon([&] { return dropped() >= 300 - 64; })) << dropped();
    const auto star = make_star(star_plan(1, 2, ports[0], std::nullopt, ample_ms));
    std::vector<int> all(2);
    const int own = 6;
    star->exchange(&own, sizeof own, all.data());
    EXPECT_EQ(all[0], 5);
    zero.join();
}

} // namespace NC_FILE
} // namespace nc::test
