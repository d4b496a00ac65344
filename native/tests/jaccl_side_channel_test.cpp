// The side channel of jaccl over TCP, byte for byte, with peers as MLX's and strangers as they come. Facts:
// jaccl-wire.md, section 3.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <numeric>
#include <optional>
#include <thread>

#include "jaccl/star.h"
#include "raw_peer.h"

namespace nc::test {
namespace NC_FILE {

using namespace jaccl;
using Bytes = std::vector<std::uint8_t>;

StarPlan plan_of(int rank, int size, const Address& coordinator, std::int64_t timeout_ms = ample_ms,
                 const std::int32_t* cancel = nullptr) {
    StarPlan plan{};
    plan.source = "the coordinator";
    plan.rank = rank;
    plan.size = size;
    plan.coordinator = coordinator;
    plan.patience = Patience::of(timeout_ms, Cancellation(cancel));
    return plan;
}

// What body throws.
std::optional<Error> failure_of(const std::function<void()>& body) {
    try {
        body();
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

void expect_failure(const std::optional<Error>& failure, nc_status status, std::initializer_list<std::string> words) {
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->status, status) << failure->what();
    for (const std::string& word : words)
        EXPECT_NE(std::string(failure->what()).find(word), std::string::npos)
            << word << " is missing in: " << failure->what();
}

Bytes exchanged(SideChannel& channel, int size, const Bytes& own) {
    Bytes all(own.size() * static_cast<std::size_t>(size), 0xee);
    channel.exchange(own.data(), own.size(), all.data());
    return all;
}

Bytes heard(const Descriptor& from, std::size_t size) {
    Bytes bytes(size);
    EXPECT_TRUE(receive_all(from, bytes.data(), size));
    return bytes;
}

void say(const Descriptor& to, const Bytes& bytes) {
    send_all(to, bytes.data(), bytes.size());
}

// A rank of MLX: it connects and says its number.
Descriptor call_as(std::int32_t rank, const Address& coordinator) {
    Descriptor socket = connect_when_open(coordinator);
    send_all(socket, &rank, sizeof rank);
    return socket;
}

void set(std::int32_t& flag) {
    __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
}

// A rank on a thread of its own. What it makes stays until the test ends, as its connections do in a group.
class Rank {
public:
    explicit Rank(StarPlan plan, const std::function<void(SideChannel&)>& body = {})
        : thread_([this, body, held = std::make_shared<StarPlan>(std::move(plan))] {
              failure = failure_of([&] {
                  star_ = make_star(std::move(*held));
                  if (body) body(*star_);
              });
          }) {}
    ~Rank() { join(); }
    void join() {
        if (thread_.joinable()) thread_.join();
    }
    void expect_success() {
        join();
        EXPECT_FALSE(failure.has_value()) << failure->what();
    }

    std::optional<Error> failure;

private:
    std::unique_ptr<SideChannel> star_;
    std::thread thread_;
};

TEST(JacclSideChannel, GathersTheBytesOfAll) {
    const ReservedPorts ports(1);
    std::vector<std::unique_ptr<SideChannel>> stars(5);
    on_all_ranks(5, [&](int rank) {
        auto& star = stars[static_cast<std::size_t>(rank)];
        star = make_star(plan_of(rank, 5, ports[0]));
        for (const std::size_t size : {1U, 4U, 160U, 100'000U}) {
            Bytes own(size, static_cast<std::uint8_t>(rank + 1));
            own[size / 2] = 77;
            const Bytes all = exchanged(*star, 5, own);
            for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i % size == size / 2 ? 77 : i / size + 1);
        }
    });
    for (std::size_t rank = 0; rank < 5; ++rank) {
        const std::vector<Connection> line = stars[rank]->take_connections();
        EXPECT_EQ(line.size(), rank == 0 ? 4U : 1U);
        for (std::size_t i = 0; i < line.size(); ++i) EXPECT_EQ(line[i].peer, rank == 0 ? static_cast<int>(i) + 1 : 0);
    }
}

// Ranks of MLX call in any order; rank 0 hears rank 1 first, and answers with the table.
TEST(JacclSideChannel, AsRankZeroSpeaksAsMlx) {
    const ReservedPorts ports(1);
    Rank zero(plan_of(0, 3, ports[0]), [&](SideChannel& star) {
        EXPECT_EQ(exchanged(star, 3, {1, 2, 3, 4}), Bytes({1, 2, 3, 4, 10, 11, 12, 13, 20, 21, 22, 23}));
        EXPECT_EQ(exchanged(star, 3, {5}), Bytes({5, 15, 25}));
    });
    const Descriptor two = call_as(2, ports[0]);
    say(two, {20, 21});
    say(two, {22, 23});
    EXPECT_FALSE(ready(two.get(), POLLIN, 50)) << "it answered before all had spoken";
    const Descriptor one = call_as(1, ports[0]);
    // Also the next round's word, at once.
    say(one, {10, 11, 12, 13});
    const Bytes table{1, 2, 3, 4, 10, 11, 12, 13, 20, 21, 22, 23};
    EXPECT_EQ(heard(one, 12), table);
    EXPECT_EQ(heard(two, 12), table);
    say(one, {15});
    say(two, {25});
    EXPECT_EQ(heard(one, 3), Bytes({5, 15, 25}));
    EXPECT_EQ(heard(two, 3), Bytes({5, 15, 25}));
    zero.expect_success();
}

TEST(JacclSideChannel, AsAnotherRankSpeaksAsMlx) {
    const ReservedPorts ports(1);
    const Descriptor listener = listen_on(ports[0], 4);
    Rank other(plan_of(258, 300, ports[0]), [&](SideChannel& star) {
        Bytes expected(600);
        std::iota(expected.begin(), expected.end(), std::uint8_t{0});
        EXPECT_EQ(exchanged(star, 300, {8, 9}), expected);
    });
    const Descriptor connection = accept_one(listener);
    EXPECT_EQ(heard(connection, 4), Bytes({2, 1, 0, 0})) << "the rank, as a little-endian int32";
    EXPECT_EQ(heard(connection, 2), Bytes({8, 9}));
    EXPECT_FALSE(ready(connection.get(), POLLIN, 20)) << "it said more";
    Bytes table(600);
    std::iota(table.begin(), table.end(), std::uint8_t{0});
    say(connection, Bytes(table.begin(), table.begin() + 7));
    say(connection, Bytes(table.begin() + 7, table.end()));
    other.expect_success();
}

TEST(JacclSideChannel, WaitsForALateRankZero) {
    const ReservedPorts ports(1);
    Rank one(plan_of(1, 2, ports[0]));
    // Late enough for it to have been refused, most of the time.
    std::this_thread::yield();
    Rank zero(plan_of(0, 2, ports[0]));
    one.expect_success();
    zero.expect_success();
}

TEST(JacclSideChannel, TurnsStrangersAway) {
    const ReservedPorts ports(1);
    Rank zero(plan_of(0, 2, ports[0]), [&](SideChannel& star) { EXPECT_EQ(exchanged(star, 2, {1}), Bytes({1, 2})); });
    const Descriptor silent = connect_when_open(ports[0]);
    const Descriptor brief = connect_when_open(ports[0]);
    say(brief, {1, 0});
    { const Descriptor hung_up = connect_when_open(ports[0]); }
    {
        const Descriptor reset = connect_when_open(ports[0]);
        reset_on_close(reset, true);
    }
    for (const std::int32_t rank : {0, 2, -1, 1'000'000}) {
        const Descriptor stranger = call_as(rank, ports[0]);
        EXPECT_TRUE(ready(stranger.get(), POLLIN)) << rank;
        char byte = 0;
        EXPECT_LE(::recv(stranger.get(), &byte, 1, 0), 0) << "rank " << rank << " was answered";
    }
    const Descriptor talker = connect_when_open(ports[0]);
    say(talker, Bytes(1000, 'G'));
    const Descriptor one = call_as(1, ports[0]);
    say(one, {2});
    EXPECT_EQ(heard(one, 2), Bytes({1, 2}));
    zero.expect_success();
}

// Whoever has named itself and goes has failed. Rank 0 stays until the others have called, so that they learn it at
// once.
TEST(JacclSideChannel, EndsWhenARankGoesBeforeAllHaveCome) {
    for (const bool by_reset : {false, true}) {
        const ReservedPorts ports(1);
        Rank zero(plan_of(0, 4, ports[0]));
        Descriptor one = call_as(1, ports[0]);
        reset_on_close(one, by_reset);
        one.close();
        const Descriptor two = call_as(2, ports[0]);
        const Descriptor three = call_as(3, ports[0]);
        EXPECT_LT(milliseconds_of([&] { zero.join(); }), soon_ms);
        expect_failure(zero.failure, NC_RENDEZVOUS_FAILED, {"rank 0 of 4", "rank 1 gave up"});
        char byte = 0;
        EXPECT_FALSE(receive_all(two, &byte, 1));
        EXPECT_FALSE(receive_all(three, &byte, 1));
    }
}

TEST(JacclSideChannel, RefusesTwoProcessesOfOneRank) {
    const ReservedPorts ports(1);
    Rank zero(plan_of(0, 3, ports[0]));
    const Descriptor one = call_as(1, ports[0]);
    const Descriptor another = call_as(1, ports[0]);
    zero.join();
    expect_failure(zero.failure, NC_RENDEZVOUS_FAILED,
                   {"two processes call themselves rank 1", Address::local(one.get()).text(),
                    Address::local(another.get()).text()});
    EXPECT_EQ(zero.failure->peer, 1);
    // All get to know at once.
    char byte = 0;
    EXPECT_FALSE(receive_all(one, &byte, 1));
    EXPECT_FALSE(receive_all(another, &byte, 1));
}

TEST(JacclSideChannel, SaysWhoDidNotCome) {
    const ReservedPorts ports(2);
    Rank zero(plan_of(0, 4, ports[0], 400 * slowness));
    const Descriptor two = call_as(2, ports[0]);
    const Descriptor stranger = call_as(9, ports[0]);
    zero.join();
    expect_failure(zero.failure, NC_RENDEZVOUS_FAILED,
                   {"rank 0 of 4", ports[0].text(), "rank 1, 3", "turned away", "calls itself rank 9",
                    text(400 * slowness, " ms")});
    EXPECT_EQ(zero.failure->peer, 1);

    const auto failure = failure_of([&] { (void)make_star(plan_of(1, 4, ports[1], 60)); });
    expect_failure(failure, NC_RENDEZVOUS_FAILED, {"rank 1 of 4", "rank 0 to listen at " + ports[1].text(), "refused"});
    EXPECT_EQ(failure->peer, 0);
}

TEST(JacclSideChannel, SaysWhyItCannotListen) {
    const ReservedPorts ports(1);
    const Descriptor other = listen_on(ports[0], 1);
    const auto in_use = failure_of([&] { (void)make_star(plan_of(0, 2, ports[0])); });
    expect_failure(in_use, NC_RENDEZVOUS_FAILED, {ports[0].text(), "in use"});
    EXPECT_EQ(in_use->system_error, EADDRINUSE);
    expect_failure(failure_of([&] { (void)make_star(plan_of(0, 2, loopback(1, "203.0.113.7"))); }),
                   NC_RENDEZVOUS_FAILED, {"not one of this machine", "203.0.113.7"});
}

TEST(JacclSideChannel, NoticesARankThatGivesUp) {
    const ReservedPorts ports(1);
    for (const bool has_spoken : {false, true}) {
        SCOPED_TRACE(has_spoken);
        Rank zero(plan_of(0, 3, ports[0]), [](SideChannel& star) {
            (void)exchanged(star, 3, {1});
            (void)exchanged(star, 3, {1});
        });
        const Descriptor one = call_as(1, ports[0]);
        Descriptor two = call_as(2, ports[0]);
        for (const Descriptor* rank : std::initializer_list<const Descriptor*>{&one, &two}) say(*rank, {2});
        for (const Descriptor* rank : std::initializer_list<const Descriptor*>{&one, &two}) (void)heard(*rank, 3);
        // While another is awaited.
        if (has_spoken) say(two, {3});
        reset_on_close(two, true);
        two.close();
        EXPECT_LT(milliseconds_of([&] { zero.join(); }), soon_ms);
        expect_failure(zero.failure, NC_RENDEZVOUS_FAILED, {"rank 0 of 3", "rank 2 gave up"});
        EXPECT_EQ(zero.failure->peer, 2);
    }
    // The other way around.
    const Descriptor listener = listen_on(ports[0], 4);
    Rank one(plan_of(1, 3, ports[0]), [](SideChannel& star) { (void)exchanged(star, 3, {1}); });
    {
        const Descriptor connection = accept_one(listener);
        EXPECT_EQ(heard(connection, 5), Bytes({1, 0, 0, 0, 1}));
        say(connection, {1, 1});
    }
    one.join();
    expect_failure(one.failure, NC_RENDEZVOUS_FAILED, {"rank 1 of 3", "rank 0 gave up"});
}

// Rank 0 answers the last round, and leaves before the others have looked.
TEST(JacclSideChannel, TakesTheAnswerOfARankZeroThatHasLeft) {
    const ReservedPorts ports(1);
    const Descriptor listener = listen_on(ports[0], 4);
    Rank one(plan_of(1, 2, ports[0]), [](SideChannel& star) {
        for (int round = 0; round < 2; ++round) EXPECT_EQ(exchanged(star, 2, {1}), Bytes({5, 6}));
    });
    const Descriptor connection = accept_one(listener);
    EXPECT_EQ(heard(connection, 5), Bytes({1, 0, 0, 0, 1}));
    // Both rounds and its end, at once.
    say(connection, {5, 6, 5, 6});
    ::shutdown(connection.get(), SHUT_WR);
    one.expect_success();
}

TEST(JacclSideChannel, IsBoundedAndCancelledInEveryPhase) {
    enum class Phase { NobodyListens, NobodyCalls, NobodySpeaks, NobodyAnswers };
    for (const Phase phase : {Phase::NobodyListens, Phase::NobodyCalls, Phase::NobodySpeaks, Phase::NobodyAnswers}) {
        for (const bool is_cancelled : {false, true}) {
            SCOPED_TRACE(text(static_cast<int>(phase), is_cancelled ? ", cancelled" : ", late"));
            const ReservedPorts ports(1);
            std::int32_t cancel = 0;
            const bool is_zero = phase == Phase::NobodyCalls || phase == Phase::NobodySpeaks;
            Descriptor listener;
            if (phase == Phase::NobodyAnswers) listener = listen_on(ports[0], 4);
            Rank rank(plan_of(is_zero ? 0 : 1, 2, ports[0], is_cancelled ? ample_ms : 200, &cancel),
                      [](SideChannel& star) { (void)exchanged(star, 2, {1}); });
            Descriptor peer;
            if (phase == Phase::NobodySpeaks) peer = call_as(1, ports[0]);
            if (phase == Phase::NobodyAnswers) {
                peer = accept_one(listener);
                (void)heard(peer, 5);
            }
            if (is_cancelled) set(cancel);
            EXPECT_LT(milliseconds_of([&] { rank.join(); }), soon_ms);
            if (is_cancelled) {
                expect_failure(rank.failure, NC_CANCELLED, {"cancelled"});
            } else {
                expect_failure(rank.failure, NC_RENDEZVOUS_FAILED,
                               {"200 ms", phase == Phase::NobodySpeaks ? "rank 1 to take part"
                                          : is_zero                    ? "rank 1"
                                                                       : "rank 0"});
            }
        }
    }
}

TEST(JacclSideChannel, IsEndedByWhateverEndsTheGroupItIsFor) {
    const ReservedPorts ports(1);
    Interruption interruption;
    StarPlan plan = plan_of(0, 2, ports[0]);
    plan.patience.interruption = &interruption;
    Rank zero(std::move(plan));
    // A departure is no end.
    interruption.lose(Error(NC_PEER_LOST, "rank 1 is lost", 1));
    zero.join();
    expect_failure(zero.failure, NC_PEER_LOST, {"rank 1 is lost"});
}

// The parts of a split group know their callers.
TEST(JacclSideChannel, AsksForTheToken) {
    const ReservedPorts ports(1);
    const Token token{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    const auto with_token = [&](int rank, const Token& known) {
        StarPlan plan = plan_of(rank, 2, ports[0], rank == 0 ? ample_ms : 300);
        plan.token = known;
        return plan;
    };
    Rank zero(with_token(0, token), [&](SideChannel& star) { EXPECT_EQ(exchanged(star, 2, {1}), Bytes({1, 2})); });
    const Descriptor plain = call_as(1, ports[0]);
    Token other = token;
    other[15] = 0;
    EXPECT_TRUE(failure_of([&] {
                    const auto star = make_star(with_token(1, other));
                    (void)exchanged(*star, 2, {9});
                }).has_value());
    const auto star = make_star(with_token(1, token));
    EXPECT_EQ(exchanged(*star, 2, {2}), Bytes({1, 2}));
    zero.expect_success();
}

} // namespace NC_FILE
} // namespace nc::test
