// What ranks are told when something goes wrong, and that none of them hangs: deadlines, lost peers, ranks that are out
// of step.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "operation/announcement.h"
#include "raw_peer.h"
#include "wire_ring.h"

namespace nc::test {
namespace NC_FILE {

void until_ended(nc_group* group) {
    const Deadline until = deadline_after(soon_ms);
    while (status_of(group).status == NC_OK && Clock::now() < until) std::this_thread::yield();
}

TEST(Timeout, OfARankThatIsLeftAlone) {
    LocalRanks ranks(3);
    std::vector<std::int32_t> values(10);
    nc_request request = request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data());
    request.timeout_ms = 300;
    Outcome outcome;
    const std::int64_t took = milliseconds_of([&] { outcome = execute(ranks[0], request); });
    EXPECT_EQ(outcome.status, NC_TIMEOUT);
    EXPECT_GE(took, 299);
    EXPECT_LT(took, 300 + soon_ms);
    EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
    EXPECT_EQ(outcome.error.rank, 0);
    EXPECT_EQ(outcome.error.peer, 1) << "a single slice comes from the right";
    EXPECT_EQ(outcome.error.sequence, 1U);
    EXPECT_EQ(outcome.error.earlier, 0);
    EXPECT_NE(outcome.message().find("300 ms"), std::string::npos) << outcome.message();
    EXPECT_NE(outcome.message().find("rank 1"), std::string::npos) << outcome.message();
    // And that stays the cause of everything.
    const Outcome next = execute(ranks[0], request_of(NC_BARRIER));
    EXPECT_EQ(next.status, NC_TIMEOUT);
    EXPECT_EQ(next.error.earlier, 1);
    EXPECT_EQ(next.error.operation, NC_ALL_REDUCE);
    EXPECT_EQ(next.error.sequence, 1U);
    nc_group_abort(ranks[0], "later");
    EXPECT_EQ(status_of(ranks[0]).status, NC_TIMEOUT);
    EXPECT_NE(status_of(ranks[0]).message().find("300 ms"), std::string::npos);
}

// One rank does not come; the others wait for it together, and whoever gives up first must not look like the culprit.
TEST(Timeout, OfSeveralRanksIsATimeoutForAllOfThem) {
    for (int round = 0; round < 5; ++round) {
        LocalRanks ranks(4);
        ranks.each([&](int rank, nc_group* group) {
            if (rank == 3) return;
            nc_request request = request_of(NC_BARRIER);
            request.timeout_ms = 400;
            const Outcome outcome = execute(group, request);
            EXPECT_EQ(outcome.status, NC_TIMEOUT) << rank << ": " << outcome.message();
            // Gone at once, which resets what the others wait on.
            nc_group_abort(group, nullptr);
        });
    }
}

TEST(Timeout, DoesNotHideAPeerThatIsLostLongBefore) {
    LocalRanks ranks(2, 1, 20'000);
    std::thread leaver([&] { nc_group_abort(ranks[1], nullptr); });
    const Outcome outcome = execute(ranks[0], request_of(NC_BARRIER));
    EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
    EXPECT_EQ(outcome.error.peer, 1);
    leaver.join();
}

TEST(Timeout, OfTheGroupIsTheDefault) {
    LocalRanks ranks(2, 1, 200);
    std::int32_t value = 0;
    nc_request request = request_of(NC_RECEIVE, NC_INT32, 1, nullptr, &value);
    request.peer = 1;
    const Outcome outcome = execute(ranks[0], request);
    EXPECT_EQ(outcome.status, NC_TIMEOUT);
    EXPECT_NE(outcome.message().find("200 ms"), std::string::npos) << outcome.message();
}

TEST(PeerLost, WhenItLeavesWithinAnOperation) {
    for (int leaver = 0; leaver < 3; ++leaver) {
        LocalRanks ranks(3);
        ranks.each([&](int rank, nc_group* group) {
            if (rank == leaver) return nc_group_close(group);
            std::vector<std::int32_t> values(100'000);
            const Outcome outcome =
                execute(group, request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data()));
            EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
            EXPECT_NE(outcome.error.peer, rank);
            EXPECT_GE(outcome.error.peer, 0);
            EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
            EXPECT_EQ(status_of(group).status, NC_PEER_LOST);
        });
    }
}

// Both the operation and the watching thread may find a broken connection; whoever is first, the reason must not get
// lost.
TEST(PeerLost, SaysWhatTheSystemSaid) {
    int reset = 0;
    constexpr int rounds = 20;
    for (int round = 0; round < rounds; ++round) {
        LocalRanks ranks(2);
        std::atomic<bool> go{false};
        std::thread leaver([&] {
            while (!go) std::this_thread::yield();
            nc_group_abort(ranks[1], nullptr);
        });
        std::int32_t value = 0;
        nc_request request = request_of(NC_RECEIVE, NC_INT32, 1, nullptr, &value);
        request.peer = 1;
        go = true;
        const Outcome outcome = execute(ranks[0], request);
        EXPECT_EQ(outcome.status, NC_PEER_LOST);
        EXPECT_EQ(outcome.error.peer, 1);
        if (outcome.error.system_error == ECONNRESET) ++reset;
        leaver.join();
    }
    EXPECT_EQ(reset, rounds) << "a reset connection was called an orderly end";
}

TEST(PeerLost, KeepsTheFirstCause) {
    LocalRanks ranks(2);
    const Outcome working = execute(ranks[0], request_of(NC_ALL_GATHER));
    EXPECT_EQ(working.status, NC_OK);
    nc_group_abort(ranks[1], nullptr);
    until_ended(ranks[0]);
    const Outcome first = status_of(ranks[0]);
    EXPECT_EQ(first.status, NC_PEER_LOST);
    EXPECT_EQ(first.error.rank, 0);
    EXPECT_EQ(first.error.peer, 1);
    EXPECT_EQ(first.error.sequence, 0U) << "found while nothing ran";
    for (int i = 0; i < 3; ++i) {
        const Outcome outcome = execute(ranks[0], request_of(NC_BARRIER));
        EXPECT_EQ(outcome.status, NC_PEER_LOST);
        EXPECT_EQ(outcome.error.earlier, 1);
        EXPECT_EQ(outcome.error.operation, NC_BARRIER);
        EXPECT_EQ(outcome.message(), first.message());
    }
}

// A send that has to wait takes in what arrives meanwhile. A neighbour that has ended its stream has nothing more to
// say, and must not keep the waiting rank busy.
TEST(Waiting, CostsNoProcessorTimeWhenTheOtherNeighbourHasLeft) {
    LocalRanks ranks(3);
    ranks.destroy(2);
    const std::vector<std::byte> data(std::size_t{64} << 20);
    nc_request request = request_of(NC_SEND, NC_UINT8, data.size(), data.data());
    request.peer = 1;
    request.timeout_ms = 1000;
    const double before = processor_seconds();
    const Outcome outcome = execute(ranks[0], request);
    EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
    EXPECT_LT(processor_seconds() - before, 0.4) << "of one second";
}

TEST(Waiting, CostsNoProcessorTime) {
    LocalRanks ranks(2);
    nc_request request = request_of(NC_BARRIER);
    request.timeout_ms = 1000;
    const double before = processor_seconds();
    EXPECT_EQ(execute(ranks[0], request).status, NC_TIMEOUT);
    EXPECT_LT(processor_seconds() - before, 0.2) << "of one second";
}

struct Mismatch {
    const char* what;
    void (*change)(nc_request& request);
};

// All ranks issue an operation of ours, but one issues it differently: somebody finds out, and nobody hangs or gets
// wrong data in silence.
TEST(Mismatch, IsFoundAndEndsAllRanks) {
    const Mismatch mismatches[] = {
        {"type", [](nc_request& r) { r.data_type = NC_FLOAT32; }},
        {"count", [](nc_request& r) { r.count = 7; }},
        {"root", [](nc_request& r) { r.peer = 1; }},
        {"operator", [](nc_request& r) { r.reduce_op = NC_MAX; }},
        {"operation", [](nc_request& r) { r.operation = r.operation == NC_BARRIER ? NC_GATHER : NC_BARRIER; }},
    };
    for (const int n : {2, 3, 4}) {
        for (const nc_operation operation :
             {NC_REDUCE_SCATTER, NC_BROADCAST, NC_REDUCE, NC_GATHER, NC_SCATTER, NC_ALL_TO_ALL, NC_BARRIER}) {
            for (const Mismatch& mismatch : mismatches) {
                const bool rooted = operation == NC_BROADCAST || operation == NC_REDUCE || operation == NC_GATHER ||
                                    operation == NC_SCATTER;
                const bool reduces = operation == NC_REDUCE_SCATTER || operation == NC_REDUCE;
                if (std::strcmp(mismatch.what, "root") == 0 && !rooted) continue;
                if (std::strcmp(mismatch.what, "operator") == 0 && !reduces) continue;
                if (operation == NC_BARRIER && std::strcmp(mismatch.what, "operation") != 0) continue;
                LocalRanks ranks(n);
                std::atomic<int> found{0};
                const std::int64_t took = milliseconds_of([&] {
                    ranks.each([&](int rank, nc_group* group) {
                        std::vector<std::int32_t> in(64);
                        std::vector<std::int32_t> out(64);
                        nc_request request = request_of(operation, NC_INT32, 8, in.data(), out.data());
                        if (rank == n - 1) mismatch.change(request);
                        const Outcome outcome = execute(group, request);
                        if (outcome.status == NC_MISMATCH) ++found;
                        EXPECT_TRUE(outcome.status == NC_MISMATCH || outcome.status == NC_PEER_LOST ||
                                    outcome.status == NC_OK)
                            << outcome.message();
                        if (outcome.status == NC_MISMATCH) {
                            EXPECT_GE(outcome.error.peer, 0);
                            EXPECT_NE(outcome.message().find("rank "), std::string::npos);
                        }
                    });
                });
                EXPECT_GE(found, 1) << n << " ranks, operation " << operation << ", " << mismatch.what;
                EXPECT_LT(took, soon_ms) << n << " ranks, operation " << operation << ", " << mismatch.what;
                for (int rank = 0; rank < n; ++rank) {
                    until_ended(ranks[rank]);
                    EXPECT_NE(status_of(ranks[rank]).status, NC_OK)
                        << "rank " << rank << " does not know, operation " << operation << ", " << mismatch.what;
                }
            }
        }
    }
}

TEST(Mismatch, OfProductAndAverageAllReduce) {
    LocalRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        std::vector<float> values(100, 1.0F);
        nc_request request = request_of(NC_ALL_REDUCE, NC_FLOAT32, values.size(), values.data(), values.data());
        request.reduce_op = rank == 0 ? NC_PRODUCT : NC_AVERAGE;
        const Outcome outcome = execute(group, request);
        EXPECT_TRUE(outcome.status == NC_MISMATCH || outcome.status == NC_PEER_LOST) << outcome.message();
        EXPECT_TRUE(outcome.status != NC_MISMATCH || outcome.message().find("product") != std::string::npos)
            << outcome.message();
    });
}

TEST(Mismatch, OfUnevenLengthsIsFoundByAllRanks) {
    for (const nc_operation operation : {NC_ALL_GATHER, NC_REDUCE_SCATTER, NC_GATHER, NC_SCATTER, NC_ALL_TO_ALL}) {
        LocalRanks ranks(3);
        std::atomic<int> found{0};
        ranks.each([&](int rank, nc_group* group) {
            std::vector<std::int32_t> in(64);
            std::vector<std::int32_t> out(64);
            // Rank 2 contributes another length than the others think.
            const std::uint64_t counts[3] = {4, 5, rank == 2 ? 7U : 6U};
            nc_request request = request_of(operation, NC_INT32, counts[rank], in.data(), out.data());
            request.flags = NC_REQUEST_UNEVEN;
            request.send_counts = request.receive_counts = counts;
            std::uint64_t symmetric[3] = {4, 4, 4};
            if (operation == NC_ALL_TO_ALL) {
                if (rank == 2) symmetric[0] = 5;
                request.send_counts = request.receive_counts = symmetric;
            }
            const Outcome outcome = execute(group, request);
            EXPECT_TRUE(outcome.status == NC_MISMATCH || outcome.status == NC_PEER_LOST)
                << operation << ": " << outcome.message();
            if (outcome.status == NC_MISMATCH) ++found;
        });
        EXPECT_GE(found, 1);
    }
}

// One rank's all-gather is MLX's, which says nothing of itself; the other's begins with a header.
TEST(Mismatch, OfAnEvenAndAnUnevenAllGatherIsToldToBothRanks) {
    for (const std::size_t count : {4U, 1'000'000U}) {
        for (const int uneven : {0, 1}) {
            LocalRanks ranks(2);
            ranks.each([&](int rank, nc_group* group) {
                std::vector<std::int32_t> in(count);
                std::vector<std::int32_t> out(2 * count);
                const std::uint64_t counts[2] = {count, count};
                nc_request request = request_of(NC_ALL_GATHER, NC_INT32, count, in.data(), out.data());
                request.timeout_ms = 4000;
                if (rank == uneven) {
                    request.flags = NC_REQUEST_UNEVEN;
                    request.receive_counts = counts;
                }
                const Outcome outcome = execute(group, request);
                EXPECT_EQ(outcome.status, NC_MISMATCH) << rank << ", " << count << ": " << outcome.message();
                EXPECT_EQ(outcome.error.peer, 1 - rank);
            });
        }
    }
}

TEST(Mismatch, NeverSaysThatBothRanksIssuedTheSame) {
    RawPeer peer;
    Header theirs = header_of(request_of(NC_BARRIER));
    theirs.count = 3;
    send_all(peer.left, &theirs, sizeof theirs);
    const Outcome outcome = execute(peer.group.get(), request_of(NC_BARRIER));
    EXPECT_EQ(outcome.status, NC_MISMATCH);
    EXPECT_EQ(outcome.message().find("issued barrier, but rank 1 issued barrier"), std::string::npos)
        << outcome.message();
    EXPECT_NE(outcome.message().find("different releases"), std::string::npos) << outcome.message();
}

// Ranks that all send more than is held for them wait for each other, and are told what to do.
TEST(Timeout, OfRanksThatAllSendTooMuchSaysWhatToDo) {
    WireRing ring(2, 1, std::size_t{64} << 10);
    const std::vector<std::byte> data(std::size_t{8} << 20);
    try {
        (void)ring.run(
            [&](int rank) {
                nc_request request = request_of(NC_SEND, NC_UINT8, data.size(), data.data());
                request.peer = 1 - rank;
                return request;
            },
            1000);
        FAIL() << "so much was held";
    } catch (const std::runtime_error& failure) {
        const std::string message = failure.what();
        EXPECT_NE(message.find("that are held until this rank receives them"), std::string::npos) << message;
        EXPECT_NE(message.find("send and receive in one batch"), std::string::npos) << message;
    }
}

// Operations from two threads at once are legal; that they may be out of order is said once.
TEST(Threads, ThatIssueOperationsAtTheSameTimeAreWarnedOfOnce) {
    struct Said {
        std::mutex mutex;
        std::vector<std::string> warnings;
    } said;
    nc_group_options options{};
    options.size = sizeof options;
    options.log_context = &said;
    options.log = [](void* context, nc_log_level level, const char* message) {
        if (level != NC_LOG_WARNING) return;
        auto& to = *static_cast<Said*>(context);
        const std::lock_guard lock(to.mutex);
        to.warnings.emplace_back(message);
    };
    nc_group* made = nullptr;
    ASSERT_EQ(nc_group_create(&options, &made, nullptr), NC_OK);
    const GroupPointer group(made);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(all_sum_works(made).status, NC_OK);
    EXPECT_TRUE(said.warnings.empty());
    const Deadline until = deadline_after(ample_ms);
    const auto warned = [&] {
        const std::lock_guard lock(said.mutex);
        return !said.warnings.empty();
    };
    on_all_ranks(2, [&](int) {
        std::vector<std::int32_t> in(100'000);
        std::vector<std::int32_t> out(in.size());
        for (int i = 0; i < 10 || (!warned() && Clock::now() < until); ++i) {
            const nc_request request = request_of(NC_ALL_REDUCE, NC_INT32, in.size(), in.data(), out.data());
            EXPECT_EQ(execute(made, request).status, NC_OK);
        }
    });
    ASSERT_EQ(said.warnings.size(), 1U);
    EXPECT_NE(said.warnings.front().find("two threads issue operations"), std::string::npos);
}

// What was sent before an orderly end arrives, also where the rank that ended had not received everything itself.
TEST(Leaving, KeepsWhatWasSentBefore) {
    for (const std::size_t bytes : {std::size_t{1000}, std::size_t{4} << 20}) {
        LocalRanks ranks(2);
        std::vector<std::uint8_t> sent(bytes);
        for (std::size_t i = 0; i < bytes; ++i) sent[i] = static_cast<std::uint8_t>(i * 31);
        std::vector<std::uint8_t> unread(100);
        nc_request first = request_of(NC_SEND, NC_UINT8, unread.size(), unread.data());
        first.peer = 0;
        ASSERT_EQ(execute(ranks[1], first).status, NC_OK);
        std::thread leaver([&] {
            nc_request request = request_of(NC_SEND, NC_UINT8, bytes, sent.data());
            request.peer = 1;
            const Outcome outcome = execute(ranks[0], request);
            EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
            ranks.destroy(0);
        });
        std::vector<std::uint8_t> got(bytes);
        // All but what the kernel holds in any case, while the other rank is still there or on its way out.
        const std::size_t late = std::min(bytes / 2, std::size_t{128} << 10);
        nc_request part = request_of(NC_RECEIVE, NC_UINT8, bytes - late, nullptr, got.data());
        part.peer = 0;
        EXPECT_EQ(execute(ranks[1], part).status, NC_OK);
        leaver.join();
        // More for a rank that does not listen any more.
        (void)execute(ranks[1], first);
        part = request_of(NC_RECEIVE, NC_UINT8, late, nullptr, got.data() + (bytes - late));
        part.peer = 0;
        const Outcome rest = execute(ranks[1], part);
        EXPECT_EQ(rest.status, NC_OK) << bytes << ": " << rest.message();
        EXPECT_EQ(got, sent);
        // And then it is over.
        nc_request none = request_of(NC_RECEIVE, NC_UINT8, 1, nullptr, got.data());
        none.peer = 0;
        EXPECT_EQ(execute(ranks[1], none).status, NC_PEER_LOST);
    }
}

// A rank that has left takes nothing any more. Who sends to it, and waits for a third rank that has not come, is told.
TEST(Leaving, IsNoticedByWhoStillHasSomethingToSend) {
    for (int round = 0; round < 20; ++round) {
        LocalRanks ranks(3);
        ranks.destroy(0);
        std::vector<std::int32_t> values(10'000);
        Outcome outcome;
        const std::int64_t took = milliseconds_of([&] {
            outcome =
                execute(ranks[1], request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data()));
        });
        EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
        EXPECT_EQ(outcome.error.peer, 0);
        EXPECT_LT(took, soon_ms);
    }
}

TEST(Mismatch, OfBytesThatAreNoHeaderAtAll) {
    RawPeer peer;
    const std::vector<char> noise(100, 'z');
    send_all(peer.left, noise.data(), noise.size());
    const Outcome outcome = execute(peer.group.get(), request_of(NC_BARRIER));
    EXPECT_EQ(outcome.status, NC_MISMATCH);
    EXPECT_EQ(outcome.error.peer, 1);
    // The peer is told by a reset.
    char byte = 0;
    EXPECT_FALSE(receive_all(peer.right, &byte, 1) && receive_all(peer.right, std::vector<char>(64).data(), 64));
}

TEST(Peer, ThatEndsItsStreamWithinAnElementIsLost) {
    RawPeer peer;
    const char part[] = {1, 2, 3};
    send_all(peer.left, part, sizeof part);
    ::shutdown(peer.left.get(), SHUT_WR);
    std::vector<std::int32_t> values(2, 1);
    const Outcome outcome =
        execute(peer.group.get(), request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data()));
    EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
}

TEST(Peer, MaySendItsBytesOneByOne) {
    RawPeer peer;
    // Two complex numbers or floats, or bytes: an element arrives in parts. n = 2, one slice: its segment 1 is
    // combined, then its total of segment 0 is taken.
    const float theirs[4] = {10, 20, 30, 40};
    float ours[4] = {1, 2, 3, 4};
    std::thread sender([&] {
        const float stream[4] = {theirs[2], theirs[3], theirs[0] + 1, theirs[1] + 2};
        for (std::size_t i = 0; i < sizeof stream; ++i)
            send_all(peer.left, reinterpret_cast<const char*>(stream) + i, 1);
    });
    const Outcome outcome = execute(peer.group.get(), request_of(NC_ALL_REDUCE, NC_COMPLEX64, 2, ours, ours));
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    sender.join();
    EXPECT_EQ(std::vector<float>(ours, ours + 4), (std::vector<float>{11, 22, 33, 44}));
}

bool is_utf8(const std::string& text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80                   ? 1
                                   : lead >= 0xc2 && lead < 0xe0 ? 2
                                   : lead >= 0xe0 && lead < 0xf0 ? 3
                                   : lead >= 0xf0 && lead < 0xf5 ? 4
                                                                 : 0;
        if (length == 0 || i + length > text.size()) return false;
        for (std::size_t k = 1; k < length; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
        }
        i += length;
    }
    return true;
}

TEST(Message, IsUtf8AlsoWhereItIsCutOff) {
    for (std::size_t shift = 0; shift < 4; ++shift) {
        nc_group_options options{};
        options.size = sizeof options;
        nc_group* group = nullptr;
        ASSERT_EQ(nc_group_create(&options, &group, nullptr), NC_OK);
        std::string reason(shift, 'x');
        while (reason.size() < 2 * NC_MESSAGE_SIZE) reason += "\xe2\x82\xac";
        nc_group_abort(group, reason.c_str());
        EXPECT_TRUE(is_utf8(status_of(group).message())) << shift;
        nc_group_destroy(group);
    }
}

} // namespace NC_FILE
} // namespace nc::test
