// Groups made of groups.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <limits>
#include <thread>

#include "base/clock.h"
#include "raw_peer.h"
#include "ring/split.h"

namespace nc::test {
namespace NC_FILE {

nc_request split_request(int color, int key, nc_group** part) {
    nc_request request = request_of(NC_SPLIT);
    request.color = color;
    request.key = key;
    request.new_group = part;
    return request;
}

GroupPointer split(nc_group* group, int color, int key = -1) {
    nc_group* part = nullptr;
    const Outcome outcome = execute(group, split_request(color, key, &part));
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    return GroupPointer(part);
}

TEST(Split, MakesGroupsOfEqualColor) {
    LocalRanks ranks(5, 2);
    ranks.each([](int rank, nc_group* group) {
        const GroupPointer part = split(group, rank % 2);
        ASSERT_NE(part, nullptr);
        EXPECT_EQ(nc_group_size(part.get()), rank % 2 == 0 ? 3 : 2);
        EXPECT_EQ(nc_group_rank(part.get()), rank / 2);
        EXPECT_STREQ(nc_group_backend(part.get()), "ring");
        EXPECT_EQ(all_sum_works(part.get()).status, NC_OK);
        EXPECT_EQ(all_sum_works(group).status, NC_OK) << "the old group goes on";
        EXPECT_EQ(all_sum_works(part.get()).status, NC_OK);
    });
}

TEST(Split, OrdersByKeyThenByOldRank) {
    LocalRanks ranks(4);
    ranks.each([](int rank, nc_group* group) {
        const GroupPointer reversed = split(group, 0, 100 - rank);
        EXPECT_EQ(nc_group_rank(reversed.get()), 3 - rank);
        EXPECT_EQ(all_sum_works(reversed.get()).status, NC_OK);
        const GroupPointer equal = split(group, 7, 5);
        EXPECT_EQ(nc_group_rank(equal.get()), rank);
        // A negative key stands for the old rank: 0, 1 (key 1), 2, 3 (key 0).
        const int key = rank == 3 ? 0 : rank == 1 ? 1 : -1;
        const GroupPointer mixed = split(group, std::numeric_limits<int>::max(), key);
        const int expected[4] = {0, 2, 3, 1};
        EXPECT_EQ(nc_group_rank(mixed.get()), expected[rank]);
        EXPECT_EQ(all_sum_works(mixed.get()).status, NC_OK);
    });
}

TEST(Split, LeavesOutNegativeColorsAndMakesGroupsOfOne) {
    LocalRanks ranks(4);
    ranks.each([](int rank, nc_group* group) {
        const int colors[4] = {-1, 5, 6, 6};
        const GroupPointer part = split(group, colors[rank]);
        if (rank == 0) {
            EXPECT_EQ(part, nullptr);
        } else {
            ASSERT_NE(part, nullptr);
            EXPECT_EQ(nc_group_size(part.get()), rank == 1 ? 1 : 2);
            EXPECT_EQ(all_sum_works(part.get()).status, NC_OK);
            const GroupPointer again = split(part.get(), 0);
            EXPECT_EQ(nc_group_size(again.get()), rank == 1 ? 1 : 2);
            EXPECT_EQ(all_sum_works(again.get()).status, NC_OK);
        }
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

TEST(Split, OfSplitsOfSplitsOutlivesThem) {
    LocalRanks ranks(8);
    ranks.each([](int rank, nc_group* group) {
        GroupPointer half = split(group, rank / 4);
        GroupPointer quarter = split(half.get(), nc_group_rank(half.get()) / 2, -nc_group_rank(half.get()));
        half.reset();
        EXPECT_EQ(nc_group_size(quarter.get()), 2);
        EXPECT_EQ(all_sum_works(quarter.get()).status, NC_OK);
        const GroupPointer everybody = split(group, 0);
        EXPECT_EQ(nc_group_size(everybody.get()), 8);
        EXPECT_EQ(all_sum_works(everybody.get()).status, NC_OK);
    });
}

TEST(Split, IsEnqueuedLikeAnyOther) {
    LocalRanks ranks(3);
    ranks.each([](int rank, nc_group* group) {
        nc_group* parts[2] = {nullptr, nullptr};
        nc_work* works[2] = {nullptr, nullptr};
        for (int i = 0; i < 2; ++i) {
            const nc_request request = split_request(i, i == 0 ? rank : -rank, &parts[i]);
            ASSERT_EQ(nc_enqueue(group, &request, nullptr, nullptr, &works[i], nullptr), NC_OK);
        }
        for (nc_work* work : works) {
            EXPECT_EQ(wait_for(work).status, NC_OK);
            nc_work_release(work);
        }
        for (nc_group* part : parts) {
            EXPECT_EQ(all_sum_works(part).status, NC_OK);
            nc_group_destroy(part);
        }
    });
}

TEST(Split, PartsFailByThemselves) {
    LocalRanks ranks(4);
    ranks.each([](int rank, nc_group* group) {
        const GroupPointer part = split(group, rank % 2);
        if (rank == 0) nc_group_abort(part.get(), nullptr);
        if (rank % 2 == 0) {
            const Outcome outcome = execute(part.get(), request_of(NC_BARRIER));
            EXPECT_EQ(outcome.status, rank == 0 ? NC_ABORTED : NC_PEER_LOST) << outcome.message();
        } else {
            EXPECT_EQ(all_sum_works(part.get()).status, NC_OK);
        }
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

// What a rank of ours sends at a split.
struct Announced {
    Header header;
    ring::SplitAnnouncement own;
    std::uint16_t port;
};
constexpr std::size_t announced_size = offsetof(Announced, port) + sizeof(std::uint16_t);

// A peer that agrees to split and then does not come.
class StoppedPeer {
public:
    StoppedPeer() : nowhere_(1), listener_(listen_on(nowhere_[0], 4)) {
        nc_request request = request_of(NC_SPLIT);
        Announced announced{};
        announced.header = header_of(request);
        announced.own.listens = 1;
        announced.port = nowhere_[0].port();
        send_all(peer.left, &announced, announced_size);
    }
    RawPeer peer;

    // Until the other rank has sent its own, and forms.
    void until_forming() {
        EXPECT_TRUE(receive_all(peer.right, &announced_, announced_size));
        accepted_ = accept_one(listener_);
        EXPECT_TRUE(accepted_.is_open());
    }

    Address port_of_rank_0() const { return loopback(announced_.port); }

    // Says over the old ring that it could not join, after its connections of the new one are gone.
    void give_up() {
        reset_on_close(accepted_, true);
        accepted_.close();
        say(ring::SplitOutcome::Failed);
    }

    // Joins as a rank of ours does.
    void join() {
        connected_ = connect_to(port_of_rank_0());
        EXPECT_TRUE(connected_.is_open());
        send_all(connected_, announced_.own.password.data(), announced_.own.password.size());
        say(ring::SplitOutcome::Joined);
    }

private:
    void say(ring::SplitOutcome outcome) {
        const Header header = header_of(request_of(NC_SPLIT));
        send_all(peer.left, &header, sizeof header);
        send_all(peer.left, &outcome, sizeof outcome);
    }

    Announced announced_{};
    Descriptor connected_;
    ReservedPorts nowhere_;
    Descriptor listener_;
    Descriptor accepted_;
};

TEST(Split, IsEndedByAbort) {
    StoppedPeer stopped;
    nc_group* part = nullptr;
    nc_request request = split_request(0, 0, &part);
    request.timeout_ms = 15'000;
    nc_work* work = nullptr;
    ASSERT_EQ(nc_enqueue(stopped.peer.group.get(), &request, nullptr, nullptr, &work, nullptr), NC_OK);
    const WorkPointer owner(work);
    stopped.until_forming();
    nc_group_abort(stopped.peer.group.get(), "enough");
    const Outcome outcome = wait_for(work, soon_ms);
    EXPECT_EQ(outcome.status, NC_ABORTED) << outcome.message();
    EXPECT_EQ(part, nullptr);
}

TEST(Split, DoesNotDelayDestroy) {
    StoppedPeer stopped;
    nc_group* part = nullptr;
    nc_request request = split_request(0, 0, &part);
    request.timeout_ms = 15'000;
    nc_work* work = nullptr;
    ASSERT_EQ(nc_enqueue(stopped.peer.group.get(), &request, nullptr, nullptr, &work, nullptr), NC_OK);
    const WorkPointer owner(work);
    stopped.until_forming();
    EXPECT_LT(milliseconds_of([&] { stopped.peer.group.reset(); }), soon_ms);
    EXPECT_EQ(wait_for(work, 0).status, NC_CLOSED);
}

// The peer has said nothing more, so nobody knows what it has done: the old group cannot go on.
TEST(Split, WithARankThatIsStoppedEndsTheGroupAtItsDeadline) {
    StoppedPeer stopped;
    nc_group* part = nullptr;
    nc_request request = split_request(0, 0, &part);
    request.timeout_ms = 500;
    Outcome outcome;
    EXPECT_LT(milliseconds_of([&] { outcome = execute(stopped.peer.group.get(), request); }), 500 + soon_ms);
    EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
    EXPECT_NE(outcome.message().find("did not connect"), std::string::npos) << "and why: " << outcome.message();
    EXPECT_EQ(part, nullptr);
    EXPECT_EQ(status_of(stopped.peer.group.get()).status, NC_TIMEOUT);
}

// A rank that knows that it cannot join says so, and both go on.
TEST(Split, ThatAPeerCannotJoinLeavesTheGroupUsable) {
    StoppedPeer stopped;
    nc_group* part = nullptr;
    nc_request request = split_request(0, 0, &part);
    nc_work* work = nullptr;
    ASSERT_EQ(nc_enqueue(stopped.peer.group.get(), &request, nullptr, nullptr, &work, nullptr), NC_OK);
    const WorkPointer owner(work);
    stopped.until_forming();
    stopped.give_up();
    const Outcome outcome = wait_for(work);
    EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED) << outcome.message();
    EXPECT_NE(outcome.message().find("rank 1 gave it up: it "), std::string::npos) << outcome.message();
    EXPECT_NE(outcome.message().find(" to its address 127.0.0.1:"), std::string::npos) << outcome.message();
    EXPECT_EQ(outcome.error.peer, 1);
    EXPECT_EQ(part, nullptr);
    EXPECT_EQ(status_of(stopped.peer.group.get()).status, NC_OK);
}

// Somebody calls at the port that a split has opened, from wherever, and says little or nothing.
TEST(Split, IsNotDelayedBySilentStrangers) {
    for (const char* from : {"127.0.0.1", "127.0.0.9"}) {
        for (const std::size_t said : {0U, 5U, 16U, 40U}) {
            StoppedPeer stopped;
            nc_group* part = nullptr;
            nc_request request = split_request(0, 0, &part);
            nc_work* work = nullptr;
            ASSERT_EQ(nc_enqueue(stopped.peer.group.get(), &request, nullptr, nullptr, &work, nullptr), NC_OK);
            const WorkPointer owner(work);
            stopped.until_forming();
            std::vector<Descriptor> strangers;
            // More than are kept.
            for (int i = 0; i < 80; ++i) {
                strangers.push_back(connect_to(stopped.port_of_rank_0(), loopback(0, from)));
                ASSERT_TRUE(strangers.back().is_open());
                const std::vector<char> noise(said, 'x');
                if (said > 0) send_all(strangers.back(), noise.data(), noise.size());
            }
            stopped.join();
            const Outcome outcome = wait_for(work);
            EXPECT_EQ(outcome.status, NC_OK) << from << ", " << said << " bytes: " << outcome.message();
            ASSERT_NE(part, nullptr);
            EXPECT_EQ(nc_group_size(part), 2);
            nc_group_destroy(part);
            EXPECT_EQ(status_of(stopped.peer.group.get()).status, NC_OK);
        }
    }
}

// A rank that cannot listen has not said a word yet: unless it tells the others, or its group ends, what it sends next
// is taken for its part of the split.
TEST(Split, OfARankThatCannotListenDoesNotPutTheRanksOutOfStep) {
    LocalRanks ranks(2);
    nc_group* part = nullptr;
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlimit none = limit;
    // Descriptors above those that are open cannot be had.
    none.rlim_cur = static_cast<rlim_t>(::dup(0));
    ::close(static_cast<int>(none.rlim_cur));
    Outcome first;
    Outcome second;
    std::vector<std::int32_t> values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    std::thread other;
    if (setrlimit(RLIMIT_NOFILE, &none) == 0) {
        nc_request request = split_request(0, 0, &part);
        request.timeout_ms = 2000;
        std::vector<std::int32_t> tried = values;
        // Rank 1 fails at once, or waits for rank 0, which comes when there are descriptors again.
        nc_work* work = nullptr;
        nc_enqueue(ranks[1], &request, nullptr, nullptr, &work, nullptr);
        const WorkPointer owner(work);
        first = wait_for(work, 200);
        setrlimit(RLIMIT_NOFILE, &limit);
        nc_group* other_part = nullptr;
        other = std::thread([&] {
            nc_request theirs = split_request(0, 0, &other_part);
            theirs.timeout_ms = 2000;
            second = execute(ranks[0], theirs);
        });
        if (first.error.operation == NC_OPERATION_NONE) first = wait_for(work);
        nc_request sum = request_of(NC_ALL_REDUCE, NC_INT32, tried.size(), tried.data(), tried.data());
        sum.timeout_ms = 1000;
        const Outcome next = execute(ranks[1], sum);
        other.join();
        EXPECT_NE(first.status, NC_OK) << "there were descriptors after all";
        EXPECT_NE(second.status, NC_OK);
        // Rank 0 has issued no sum: rank 1 cannot have got one.
        EXPECT_NE(next.status, NC_OK) << "rank 1 took rank 0's announcement for its numbers: " << tried[0] << ", "
                                      << tried[7];
        nc_group_destroy(other_part);
    }
    nc_group_destroy(part);
}

} // namespace NC_FILE
} // namespace nc::test
