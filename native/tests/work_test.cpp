// Enqueued operations: their order, completions, waiting, cancelling, and what closing and destroying a group does to
// them.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <random>
#include <thread>

#include "enqueued.h"

namespace nc::test {
namespace NC_FILE {

// A receive that nobody answers: it runs until something ends it.
nc_request endless(int rank, int size, std::int32_t* value) {
    nc_request request = request_of(NC_RECEIVE, NC_INT32, 1, nullptr, value);
    request.peer = (rank + 1) % size;
    return request;
}

// A send of more than the kernel's buffers hold: it runs until the peer has received it all. The wire has no messages:
// a peer that could receive the first bytes knows that the send is running.
struct LongSend {
    static constexpr std::size_t first = 1000;
    std::vector<std::byte> data = std::vector<std::byte>(std::size_t{64} << 20, std::byte{3});
    std::vector<std::byte> got = std::vector<std::byte>(data.size());

    nc_request request(int peer) const {
        nc_request request = request_of(NC_SEND, NC_UINT8, data.size(), data.data());
        request.peer = peer;
        return request;
    }
    void until_running(nc_group* group, int peer) {
        nc_request request = request_of(NC_RECEIVE, NC_UINT8, first, nullptr, got.data());
        request.peer = peer;
        const Outcome outcome = execute(group, request);
        EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    }
    void receive_rest(nc_group* group, int peer) {
        nc_request request = request_of(NC_RECEIVE, NC_UINT8, data.size() - first, nullptr, got.data() + first);
        request.peer = peer;
        const Outcome outcome = execute(group, request);
        EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_TRUE(got == data);
    }
};

TEST(Work, RunsInTheOrderOfIssue) {
    LocalRanks ranks(3);
    constexpr std::size_t count = 200;
    ranks.each([](int rank, nc_group* group) {
        std::vector<std::int64_t> values(count);
        std::vector<WorkPointer> works;
        std::vector<std::int64_t> results(count);
        Journal journal;
        for (std::size_t i = 0; i < count; ++i) {
            values[i] = static_cast<std::int64_t>(i) * (rank + 1);
            if (i % 5 == 4) {
                // A blocking one in between waits for its turn.
                const Outcome outcome = execute(group, request_of(NC_ALL_REDUCE, NC_INT64, 1, &values[i], &results[i]));
                EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
                EXPECT_GE(journal.count() + 1, works.size())
                    << "those before have ended; the last one's completion may be running";
            } else {
                works.push_back(enqueue(group, request_of(NC_ALL_REDUCE, NC_INT64, 1, &values[i], &results[i]),
                                        Journal::write, &journal));
            }
        }
        for (const WorkPointer& work : works) EXPECT_EQ(wait_for(work.get()).status, NC_OK);
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(results[i], static_cast<std::int64_t>(i) * 6);
    });
}

TEST(Work, OfManyThreadsRunsOneByOne) {
    LocalRanks ranks(2);
    // Any order will do as long as both ranks have the same: all the operations are alike.
    ranks.each([](int, nc_group* group) {
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([group, t] {
                for (int i = 0; i < 50; ++i) {
                    std::vector<std::int32_t> values(100, 1);
                    const nc_request request =
                        request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data());
                    if ((t + i) % 2 == 0) {
                        EXPECT_EQ(execute(group, request).status, NC_OK);
                    } else {
                        EXPECT_EQ(wait_for(enqueue(group, request).get()).status, NC_OK);
                    }
                    for (const std::int32_t value : values) EXPECT_EQ(value, 2);
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
    });
}

TEST(Work, IsTestedAndWaitedForWithALimit) {
    LocalRanks ranks(2);
    std::int32_t got = 0;
    const WorkPointer work = enqueue(ranks[0], endless(0, 2, &got));
    std::int32_t completed = 1;
    nc_error error = empty_error();
    EXPECT_EQ(nc_work_test(work.get(), &completed, &error), NC_OK);
    EXPECT_EQ(completed, 0);
    const Outcome outcome = wait_for(work.get(), 20);
    EXPECT_EQ(outcome.status, NC_TIMEOUT);
    EXPECT_EQ(outcome.error.operation, NC_OPERATION_NONE) << "the wait has ended, the operation has not";
    EXPECT_EQ(wait_for(work.get(), -5).status, NC_TIMEOUT);
    const std::int32_t sent = 42;
    nc_request request = request_of(NC_SEND, NC_INT32, 1, &sent);
    EXPECT_EQ(execute(ranks[1], request).status, NC_OK);
    EXPECT_EQ(wait_for(work.get()).status, NC_OK);
    EXPECT_EQ(nc_work_test(work.get(), &completed, nullptr), NC_OK);
    EXPECT_EQ(completed, 1);
    EXPECT_EQ(wait_for(work.get()).status, NC_OK) << "also again";
    EXPECT_EQ(got, 42);
}

TEST(Work, CompletionsMayEnqueueMore) {
    LocalRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        struct Chain {
            nc_group* group;
            int left = 100;
            Flag done;
            static void next(void* context, const nc_error* error) {
                auto& chain = *static_cast<Chain*>(context);
                EXPECT_EQ(error, nullptr);
                if (--chain.left == 0) return chain.done.set();
                const nc_request request = request_of(NC_BARRIER);
                EXPECT_EQ(nc_enqueue(chain.group, &request, next, context, nullptr, nullptr), NC_OK);
            }
        } chain{group, 100, {}};
        const nc_request request = request_of(NC_BARRIER);
        EXPECT_EQ(nc_enqueue(group, &request, Chain::next, &chain, nullptr, nullptr), NC_OK);
        EXPECT_TRUE(chain.done.wait());
    });
}

TEST(Work, OutlivesItsHandleAndItsGroup) {
    LocalRanks ranks(2);
    Journal journal;
    std::int32_t got = 0;
    { const WorkPointer released = enqueue(ranks[0], endless(0, 2, &got), Journal::write, &journal); }
    const std::int32_t sent = 9;
    EXPECT_EQ(execute(ranks[1], request_of(NC_SEND, NC_INT32, 1, &sent)).status, NC_OK);
    const WorkPointer second = enqueue(ranks[0], endless(0, 2, &got), Journal::write, &journal);
    ranks.destroy(0);
    EXPECT_EQ(journal.count(), 2U) << "destroying the group ended what was pending, and said so";
    const Outcome outcome = wait_for(second.get(), 0);
    EXPECT_EQ(outcome.status, NC_CLOSED) << outcome.message();
    nc_work_cancel(second.get());
    EXPECT_EQ(wait_for(second.get(), 0).status, NC_CLOSED);
}

TEST(Cancel, OfAWaitingOperationTakesItOutOfTheOrder) {
    LocalRanks ranks(2);
    std::int32_t got = 0;
    Journal journal;
    const WorkPointer running = enqueue(ranks[0], endless(0, 2, &got));
    std::vector<std::int32_t> values{1, 2, 3};
    const WorkPointer waiting = enqueue(ranks[0], request_of(NC_ALL_REDUCE, NC_INT32, 3, values.data(), values.data()),
                                        Journal::write, &journal);
    nc_work_cancel(waiting.get());
    const Outcome outcome = wait_for(waiting.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CANCELLED);
    EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
    EXPECT_EQ(outcome.error.sequence, 2U);
    EXPECT_EQ(outcome.error.rank, 0);
    ASSERT_EQ(journal.count(), 1U);
    EXPECT_EQ(journal.entries[0], (std::pair<std::uint64_t, nc_status>{2, NC_CANCELLED}));
    const std::int32_t sent = 5;
    EXPECT_EQ(execute(ranks[1], request_of(NC_SEND, NC_INT32, 1, &sent)).status, NC_OK);
    EXPECT_EQ(wait_for(running.get()).status, NC_OK);
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
    nc_work_cancel(waiting.get());
    EXPECT_EQ(journal.count(), 1U) << "a completion is called once";
}

// The cancelled one's deadline means nothing any more.
TEST(Cancel, OfAWaitingOperationTakesItsDeadlineOutAsWell) {
    LocalRanks ranks(2);
    LongSend send;
    std::thread blocked([&] { EXPECT_EQ(execute(ranks[0], send.request(1)).status, NC_OK); });
    send.until_running(ranks[1], 0);
    nc_request request = request_of(NC_BARRIER);
    request.timeout_ms = 200;
    const WorkPointer waiting = enqueue(ranks[0], request);
    nc_work_cancel(waiting.get());
    EXPECT_EQ(wait_for(waiting.get(), soon_ms).status, NC_CANCELLED);
    const Deadline until = deadline_after(600);
    while (status_of(ranks[0]).status == NC_OK && Clock::now() < until) std::this_thread::yield();
    EXPECT_EQ(status_of(ranks[0]).status, NC_OK)
        << "a cancelled operation ended the group: " << status_of(ranks[0]).message();
    send.receive_rest(ranks[1], 0);
    blocked.join();
}

TEST(Cancel, OfARunningOperationEndsTheGroupOnBothSides) {
    LocalRanks ranks(2);
    LongSend send;
    const WorkPointer running = enqueue(ranks[0], send.request(1));
    send.until_running(ranks[1], 0);
    nc_work_cancel(running.get());
    const Outcome outcome = wait_for(running.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
    EXPECT_EQ(outcome.error.operation, NC_SEND);
    EXPECT_EQ(outcome.error.sequence, 1U);
    EXPECT_EQ(outcome.error.rank, 0);
    EXPECT_EQ(status_of(ranks[0]).status, NC_ABORTED);
    const Outcome next = execute(ranks[0], request_of(NC_BARRIER));
    EXPECT_EQ(next.status, NC_ABORTED);
    EXPECT_EQ(next.error.earlier, 1);
    EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
}

// Whatever the moment, a cancelled operation ends soon and its completion is called once. Either the cancellation came
// too late: the operation ended well and the group is usable. Or the operation is cancelled. Never did it end well and
// end the group.
TEST(Cancel, ComesTooLateOrCancelsTheOperation) {
    constexpr int rounds = 600 / slowness;
    std::minstd_rand random(11);
    // Seeks the moment of the operation's end, wherever that is on this machine.
    double delay_us = 50;
    std::unique_ptr<LocalRanks> ranks;
    int too_late = 0;
    int before = 0;
    int running = 0;
    for (int round = 0; round < rounds; ++round) {
        SCOPED_TRACE(text("round ", round));
        if (ranks == nullptr) ranks = std::make_unique<LocalRanks>(2);
        std::vector<std::int32_t> own(round % 3 == 0 ? 50'000 : 1, 1);
        std::vector<std::int32_t> others = own;
        Journal journal;
        const WorkPointer peer =
            enqueue((*ranks)[1], request_of(NC_ALL_REDUCE, NC_INT32, others.size(), others.data(), others.data()));
        const WorkPointer work =
            enqueue((*ranks)[0], request_of(NC_ALL_REDUCE, NC_INT32, own.size(), own.data(), own.data()),
                    Journal::write, &journal);
        const auto jittered = static_cast<std::int64_t>(delay_us * (500 + static_cast<double>(random() % 1000)));
        const Deadline moment = Clock::now() + std::chrono::nanoseconds(jittered);
        while (Clock::now() < moment) std::this_thread::yield();
        nc_work_cancel(work.get());
        const Outcome outcome = wait_for(work.get(), soon_ms);
        const nc_status state = status_of((*ranks)[0]).status;
        if (outcome.status == NC_OK) {
            ++too_late;
            delay_us = std::max(delay_us / 1.2, 1.0);
            EXPECT_EQ(state, NC_OK) << "the operation ended well, and the group was ended: "
                                    << status_of((*ranks)[0]).message();
            EXPECT_EQ(wait_for(peer.get()).status, NC_OK);
            ranks->each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
        } else {
            ASSERT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
            EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
            EXPECT_EQ(outcome.error.rank, 0);
            ++(state == NC_OK ? before : running);
            delay_us = std::min(delay_us * 1.2, 10'000.0);
            EXPECT_TRUE(state == NC_OK || state == NC_ABORTED) << status_of((*ranks)[0]).message();
            // Either way the ranks are no longer in step.
            ranks.reset();
        }
        EXPECT_EQ(wait_for(work.get(), soon_ms).status, outcome.status);
        const Deadline until = deadline_after(soon_ms);
        while (journal.count() == 0 && Clock::now() < until) std::this_thread::yield();
        EXPECT_EQ(journal.count(), 1U);
        if (HasFailure()) return;
    }
    std::printf("%d rounds: %d too late, %d before the operation started, %d while it was running\n", rounds, too_late,
                before, running);
}

// An operation that its backend ends well although it was aborted meanwhile.
struct LateGroup {
    Flag running;
    Flag destroyed;
    GroupPointer group;
    LateGroup() {
        const std::string folder = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "stubs";
        nc_group_options options{};
        options.size = sizeof options;
        options.backend = "late";
        options.log = [](void* context, nc_log_level, const char* message) {
            auto& late = *static_cast<LateGroup*>(context);
            if (message == std::string("running")) late.running.set();
            if (message == std::string("destroyed")) late.destroyed.set();
        };
        options.log_context = this;
        const nc_setting directory{"backend_directory", folder.c_str()};
        options.settings = &directory;
        options.setting_count = 1;
        nc_group* made = nullptr;
        nc_error error = empty_error();
        EXPECT_EQ(nc_group_create(&options, &made, &error), NC_OK) << error.message;
        group.reset(made);
    }
};

// The other backends' wires have none.
TEST(Tags, CanBeHadWhereABackendHasThem) {
    LateGroup late;
    std::int32_t value = 1;
    nc_request request = request_of(NC_SEND, NC_INT32, 1, &value);
    request.peer = 1;
    request.tag = 7;
    EXPECT_EQ(nc_group_supports(late.group.get(), &request, nullptr), NC_OK);
    request.operation = NC_ALL_REDUCE;
    EXPECT_EQ(nc_group_supports(late.group.get(), &request, nullptr), NC_INVALID_ARGUMENT);
}

TEST(Cancel, OfAnOperationThatEndsWellAllTheSameIsACancellation) {
    LateGroup late;
    std::int32_t value = 0;
    Journal journal;
    const WorkPointer work =
        enqueue(late.group.get(), request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value), Journal::write, &journal);
    ASSERT_TRUE(late.running.wait());
    nc_work_cancel(work.get());
    const Outcome outcome = wait_for(work.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
    EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
    EXPECT_EQ(outcome.error.sequence, 1U);
    EXPECT_EQ(outcome.message(), "the group was aborted: all-reduce number 1 was cancelled while it was running");
    EXPECT_EQ(status_of(late.group.get()).status, NC_ABORTED);
    late.group.reset();
    ASSERT_EQ(journal.count(), 1U);
    EXPECT_EQ(journal.entries[0], (std::pair<std::uint64_t, nc_status>{1, NC_CANCELLED}));
}

// Nobody gets the group that such a split has made: it must not stay.
TEST(Cancel, OfASplitThatEndsWellAllTheSameLeavesNoGroupBehind) {
    LateGroup late;
    nc_group* part = nullptr;
    nc_request request = request_of(NC_SPLIT);
    request.new_group = &part;
    const WorkPointer work = enqueue(late.group.get(), request);
    ASSERT_TRUE(late.running.wait());
    nc_work_cancel(work.get());
    const Outcome outcome = wait_for(work.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
    EXPECT_EQ(part, nullptr);
    EXPECT_TRUE(late.destroyed.wait());
}

// Aborting a group is no cancellation: what ended well all the same has ended well.
TEST(Cancel, IsNotWhatAnAbortIs) {
    LateGroup late;
    std::int32_t value = 0;
    const WorkPointer work = enqueue(late.group.get(), request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value));
    ASSERT_TRUE(late.running.wait());
    nc_group_abort(late.group.get(), nullptr);
    EXPECT_EQ(wait_for(work.get(), soon_ms).status, NC_OK);
}

TEST(Close, EndsWhatIsPendingWithClosed) {
    LocalRanks ranks(2);
    std::int32_t got = 0;
    const WorkPointer running = enqueue(ranks[0], endless(0, 2, &got));
    const WorkPointer waiting = enqueue(ranks[0], request_of(NC_BARRIER));
    EXPECT_LT(milliseconds_of([&] { nc_group_close(ranks[0]); }), soon_ms);
    EXPECT_EQ(wait_for(running.get(), soon_ms).status, NC_CLOSED);
    const Outcome outcome = wait_for(waiting.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CLOSED);
    EXPECT_EQ(outcome.error.operation, NC_BARRIER);
    EXPECT_EQ(execute(ranks[0], request_of(NC_BARRIER)).status, NC_CLOSED);
    EXPECT_EQ(status_of(ranks[0]).status, NC_CLOSED);
    nc_group_close(ranks[0]);
}

TEST(Close, OfABlockingCallFromAnotherThread) {
    LocalRanks ranks(2);
    LongSend send;
    std::thread blocked([&] {
        const Outcome outcome = execute(ranks[0], send.request(1));
        EXPECT_EQ(outcome.status, NC_CLOSED) << outcome.message();
        EXPECT_EQ(outcome.error.earlier, 0) << "it was running";
    });
    send.until_running(ranks[1], 0);
    EXPECT_LT(milliseconds_of([&] { nc_group_close(ranks[0]); }), soon_ms);
    EXPECT_LT(milliseconds_of([&] { blocked.join(); }), soon_ms);
}

TEST(Close, LetsPeersReceiveEverythingThatWasSent) {
    LocalRanks ranks(2);
    std::vector<std::byte> message(300'000, std::byte{7});
    on_all_ranks(2, [&](int rank) {
        if (rank == 0) {
            nc_request request = request_of(NC_SEND, NC_UINT8, message.size(), message.data());
            request.peer = 1;
            EXPECT_EQ(execute(ranks[0], request).status, NC_OK);
            ranks.destroy(0);
            return;
        }
        std::vector<std::byte> got(message.size());
        const Outcome outcome = execute(ranks[1], request_of(NC_RECEIVE, NC_UINT8, got.size(), nullptr, got.data()));
        EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_TRUE(got == message);
        // An orderly end is no failure until something is asked of the peer.
        EXPECT_EQ(status_of(ranks[1]).status, NC_OK);
        EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
    });
}

TEST(Destroy, FromACompletion) {
    for (const int pending : {0, 3}) {
        LocalRanks ranks(2);
        struct Context {
            nc_group* group;
            Flag destroyed;
        } context{ranks.release(0), {}};
        Journal journal;
        const nc_request request = request_of(NC_BARRIER);
        const auto destroy = [](void* pointer, const nc_error*) {
            auto& here = *static_cast<Context*>(pointer);
            nc_group_destroy(here.group);
            here.destroyed.set();
        };
        // Both are issued before the first can complete, as the peer has not come yet.
        EXPECT_EQ(nc_enqueue(context.group, &request, destroy, &context, nullptr, nullptr), NC_OK);
        for (int i = 0; i < pending; ++i)
            EXPECT_EQ(nc_enqueue(context.group, &request, Journal::write, &journal, nullptr, nullptr), NC_OK);
        EXPECT_EQ(execute(ranks[1], request).status, NC_OK);
        EXPECT_TRUE(context.destroyed.wait());
        const Deadline until = deadline_after(soon_ms);
        while (journal.count() < static_cast<std::size_t>(pending) && Clock::now() < until) std::this_thread::yield();
        ASSERT_EQ(journal.count(), static_cast<std::size_t>(pending));
        for (const auto& entry : journal.entries) EXPECT_EQ(entry.second, NC_CLOSED);
    }
}

TEST(Destroy, WhileAnEnqueuedOperationRuns) {
    LocalRanks ranks(2);
    LongSend send;
    Journal journal;
    const WorkPointer work = enqueue(ranks[0], send.request(1), Journal::write, &journal);
    send.until_running(ranks[1], 0);
    EXPECT_LT(milliseconds_of([&] { ranks.destroy(0); }), soon_ms);
    EXPECT_EQ(journal.count(), 1U);
    EXPECT_EQ(wait_for(work.get(), 0).status, NC_CLOSED);
    EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
}

TEST(Destroy, AtAnyMomentOfAnEnqueuedOperation) {
    for (int round = 0; round < 20; ++round) {
        LocalRanks ranks(3);
        std::vector<std::int32_t> values(100'000);
        Journal journal;
        const WorkPointer work =
            enqueue(ranks[0], request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data()),
                    Journal::write, &journal);
        EXPECT_LT(milliseconds_of([&] { ranks.destroy(0); }), soon_ms);
        EXPECT_EQ(journal.count(), 1U);
        EXPECT_EQ(wait_for(work.get(), 0).status, NC_CLOSED);
        EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
    }
}

// "Never blocks on a peer", also when the group has ended before.
TEST(Destroy, DoesNotWaitForARunningOperationOfAGroupThatHasTimedOut) {
    LocalRanks ranks(2, 1, 12'000);
    std::int32_t got = 0;
    Journal journal;
    const WorkPointer running = enqueue(ranks[0], endless(0, 2, &got), Journal::write, &journal);
    nc_request request = request_of(NC_BARRIER);
    request.timeout_ms = 100;
    const Outcome outcome = execute(ranks[0], request);
    EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
    EXPECT_LT(milliseconds_of([&] { ranks.destroy(0); }), soon_ms);
    EXPECT_EQ(journal.count(), 1U);
}

TEST(Abort, FromAnotherThreadEndsEverythingAtOnce) {
    LocalRanks ranks(3);
    std::int32_t got = 0;
    const WorkPointer running = enqueue(ranks[0], endless(0, 3, &got));
    const WorkPointer waiting = enqueue(ranks[0], request_of(NC_BARRIER));
    std::thread aborter([&] { nc_group_abort(ranks[0], "the user wants no more"); });
    const Outcome outcome = wait_for(running.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_ABORTED);
    EXPECT_NE(outcome.message().find("wants no more"), std::string::npos) << outcome.message();
    EXPECT_EQ(wait_for(waiting.get(), soon_ms).status, NC_ABORTED);
    aborter.join();
    // The news runs around the ring without anybody asking.
    for (const int rank : {1, 2}) {
        const Deadline until = deadline_after(soon_ms);
        while (status_of(ranks[rank]).status == NC_OK && Clock::now() < until) std::this_thread::yield();
        const Outcome status = status_of(ranks[rank]);
        EXPECT_EQ(status.status, NC_PEER_LOST) << rank;
        EXPECT_EQ(execute(ranks[rank], request_of(NC_BARRIER)).error.earlier, 1);
    }
}

TEST(Abort, OfAnIdleGroupReachesAllRanksAtOnce) {
    LocalRanks ranks(5);
    nc_group_abort(ranks[2], nullptr);
    for (const int rank : {0, 1, 3, 4}) {
        const Deadline until = deadline_after(soon_ms);
        while (status_of(ranks[rank]).status == NC_OK && Clock::now() < until) std::this_thread::yield();
        EXPECT_EQ(status_of(ranks[rank]).status, NC_PEER_LOST) << rank;
    }
    EXPECT_EQ(status_of(ranks[2]).status, NC_ABORTED);
}

TEST(Abort, DuringAnOperationOfAllRanks) {
    for (int round = 0; round < 10; ++round) {
        LocalRanks ranks(3, 2);
        std::thread aborter;
        ranks.each([&](int rank, nc_group* group) {
            std::vector<float> values(3'000'000, 1.0F);
            if (rank == 1) aborter = std::thread([&] { nc_group_abort(ranks[1], "midway"); });
            const Outcome outcome =
                execute(group, request_of(NC_ALL_REDUCE, NC_FLOAT32, values.size(), values.data(), values.data()));
            EXPECT_TRUE(outcome.status == (rank == 1 ? NC_ABORTED : NC_PEER_LOST) || outcome.status == NC_OK)
                << rank << ": " << outcome.message();
        });
        aborter.join();
    }
}

} // namespace NC_FILE
} // namespace nc::test
