// Messages on a backend that takes them beside collective operations and beside each other (memory_backend.cpp), and
// the same on one that does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <random>
#include <thread>

#include "allocation_count.h"
#include "enqueued.h"

namespace nc::test {
namespace NC_FILE {

constexpr const char* concurrent = "memory";
constexpr const char* in_turn = "memory_in_turn";

// What a rank has logged.
class LogBook {
public:
    static void write(void* context, nc_log_level, const char* message) {
        auto& book = *static_cast<LogBook*>(context);
        const std::lock_guard lock(book.mutex_);
        book.lines_.emplace_back(message);
    }
    std::ptrdiff_t count(const std::string& part) {
        const std::lock_guard lock(mutex_);
        return std::ranges::count_if(lines_,
                                     [&part](const std::string& line) { return line.find(part) != std::string::npos; });
    }

private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
};

class MemoryRanks : public FormedRanks {
public:
    explicit MemoryRanks(int ranks, const char* backend = concurrent)
        : FormedRanks(ranks), logs_(static_cast<std::size_t>(ranks)) {
        static std::atomic<int> worlds{0};
        const std::string world = std::to_string(++worlds);
        const std::string size = std::to_string(ranks);
        const std::string folder = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "stubs";
        form([&](int rank, nc_group** group, nc_error* error) {
            const nc_setting settings[] = {
                {"world", world.c_str()}, {"size", size.c_str()}, {"backend_directory", folder.c_str()}};
            nc_group_options options{};
            options.size = sizeof options;
            options.rank = rank;
            options.backend = backend;
            options.settings = settings;
            options.setting_count = std::size(settings);
            options.operation_timeout_ms = ample_ms;
            options.log = LogBook::write;
            options.log_context = &log(rank);
            return nc_group_create(&options, group, error);
        });
    }
    ~MemoryRanks() {
        // The logs outlive the groups.
        for (int rank = 0; rank < size(); ++rank) destroy(rank);
    }
    MemoryRanks(const MemoryRanks&) = delete;
    MemoryRanks& operator=(const MemoryRanks&) = delete;

    LogBook& log(int rank) { return logs_[static_cast<std::size_t>(rank)]; }
    // Whether the backend has so many calls of that rank that wait.
    bool waits(int rank, std::ptrdiff_t calls = 1) {
        return soon([&] { return log(rank).count("waiting") >= calls; });
    }

private:
    std::vector<LogBook> logs_;
};

nc_request send_of(const std::int32_t* value, int to, std::int64_t tag = 0) {
    nc_request request = request_of(NC_SEND, NC_INT32, 1, value);
    request.peer = to;
    request.tag = tag;
    return request;
}

nc_request receive_of(std::int32_t* value, int from, std::int64_t tag = 0) {
    nc_request request = request_of(NC_RECEIVE, NC_INT32, 1, nullptr, value);
    request.peer = from;
    request.tag = tag;
    return request;
}

nc_request sum_of(std::int32_t* value) {
    return request_of(NC_ALL_REDUCE, NC_INT32, 1, value, value);
}

void run(nc_group* group, const nc_request& request) {
    const Outcome outcome = execute(group, request);
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
}

WorkPointer enqueue_batch(nc_group* group, const std::vector<const nc_request*>& requests,
                          nc_completion completion = nullptr, void* context = nullptr) {
    nc_work* work = nullptr;
    nc_error error = empty_error();
    EXPECT_EQ(nc_enqueue_batch(group, requests.data(), requests.size(), completion, context, &work, &error), NC_OK)
        << error.message;
    return WorkPointer(work);
}

bool is_completed(const WorkPointer& work) {
    std::int32_t completed = 0;
    (void)nc_work_test(work.get(), &completed, nullptr);
    return completed == 1;
}

void expect_well(const WorkPointer& work) {
    const Outcome outcome = wait_for(work.get());
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
}

TEST(ConcurrentMessages, AWaitingReceiveHoldsUpNothing) {
    MemoryRanks ranks(3);
    std::int32_t enqueued = 0;
    std::int32_t blocking = 0;
    const WorkPointer waiting = enqueue(ranks[0], receive_of(&enqueued, 1, 1));
    std::thread receiver([&] { run(ranks[0], receive_of(&blocking, 1, 2)); });
    EXPECT_TRUE(ranks.waits(0));
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
    ranks.each([](int, nc_group* group) {
        std::int32_t value = 2;
        expect_well(enqueue(group, sum_of(&value)));
        EXPECT_EQ(value, 6);
    });
    const std::int32_t sent = 5;
    std::int32_t got = 0;
    std::thread third([&] { run(ranks[2], receive_of(&got, 0)); });
    run(ranks[0], send_of(&sent, 2));
    third.join();
    EXPECT_EQ(got, 5);
    EXPECT_FALSE(is_completed(waiting));
    const std::int32_t values[] = {7, 8};
    run(ranks[1], send_of(&values[1], 0, 2));
    receiver.join();
    EXPECT_FALSE(is_completed(waiting));
    run(ranks[1], send_of(&values[0], 0, 1));
    expect_well(waiting);
    EXPECT_EQ(enqueued, 7);
    EXPECT_EQ(blocking, 8);
    EXPECT_EQ(ranks.log(0).count("two threads"), 0) << "messages may be issued by several threads";
}

TEST(ConcurrentMessages, AMessageRunsWhileACollectiveOperationWaits) {
    MemoryRanks ranks(2);
    std::int32_t values[] = {1, 2};
    const WorkPointer early = enqueue(ranks[0], sum_of(&values[0]));
    EXPECT_TRUE(ranks.waits(0));
    std::int32_t got = 0;
    const std::int32_t sent = 4;
    const WorkPointer receive = enqueue(ranks[1], receive_of(&got, 0));
    run(ranks[0], send_of(&sent, 1));
    expect_well(receive);
    EXPECT_EQ(got, 4);
    EXPECT_FALSE(is_completed(early));
    run(ranks[1], sum_of(&values[1]));
    expect_well(early);
    EXPECT_EQ(values[0], 3);
}

// The same without the flag: the collective operation has not started, so that its cancellation ends nothing.
TEST(MessagesInTurn, HoldUpWhatWasIssuedAfterThem) {
    MemoryRanks ranks(2, in_turn);
    std::int32_t got = 0;
    std::int32_t value = 1;
    const WorkPointer receive = enqueue(ranks[0], receive_of(&got, 1));
    const WorkPointer sum = enqueue(ranks[0], sum_of(&value));
    EXPECT_TRUE(ranks.waits(0));
    nc_work_cancel(sum.get());
    const Outcome outcome = wait_for(sum.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CANCELLED);
    EXPECT_EQ(outcome.message(), "the operation was cancelled before it started");
    EXPECT_EQ(outcome.error.sequence, 2U) << "all operations are numbered together";
    const std::int32_t sent = 3;
    run(ranks[1], send_of(&sent, 0));
    expect_well(receive);
    EXPECT_EQ(got, 3);
    EXPECT_EQ(status_of(ranks[0]).status, NC_OK);
}

// One program on both.
class OnBothBackends : public ::testing::TestWithParam<const char*> {};

TEST_P(OnBothBackends, OperationsCompleteInTheOrderOfAPeerAndTag) {
    constexpr int rounds = 300;
    MemoryRanks ranks(2, GetParam());
    std::vector<std::int32_t> got(rounds * 5);
    Journal journal;
    ranks.each([&](int rank, nc_group* group) {
        std::vector<std::int32_t> sent(got.size());
        for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::int32_t>(i);
        const auto message = [&](std::size_t i) { return rank == 0 ? send_of(&sent[i], 1) : receive_of(&got[i], 0); };
        std::vector<std::int32_t> sums(rounds, 1);
        std::vector<WorkPointer> works;
        for (std::size_t round = 0; round < rounds; ++round) {
            const std::size_t first = round * 5;
            works.push_back(enqueue(group, message(first), Journal::write, &journal));
            const nc_request second = message(first + 1);
            const nc_request third = message(first + 2);
            const nc_request sum = sum_of(&sums[round]);
            works.push_back(enqueue_batch(group, {&second, &sum, &third}));
            // Comes after the messages of the batch, whose turn has perhaps not come.
            works.push_back(enqueue(group, message(first + 3)));
            run(group, message(first + 4));
        }
        for (const WorkPointer& work : works) expect_well(work);
        for (const std::int32_t each : sums) EXPECT_EQ(each, 2);
    });
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], static_cast<std::int32_t>(i));
    EXPECT_EQ(journal.count(), 2U * rounds);
}

TEST_P(OnBothBackends, BatchesMixMessagesAndCollectiveOperations) {
    MemoryRanks ranks(3, GetParam());
    ranks.each([](int rank, nc_group* group) {
        for (std::int32_t round = 0; round < 50; ++round) {
            const std::int32_t sent = 10 * rank + round;
            std::int32_t got = -1;
            std::int32_t sums[] = {1, rank};
            const nc_request first = sum_of(&sums[0]);
            const nc_request send = send_of(&sent, (rank + 1) % 3);
            const nc_request second = sum_of(&sums[1]);
            const nc_request receive = receive_of(&got, (rank + 2) % 3);
            const Outcome outcome = execute_batch(group, {&first, &send, &second, &receive});
            EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
            EXPECT_EQ(got, 10 * ((rank + 2) % 3) + round);
            EXPECT_EQ(sums[0], 3);
            EXPECT_EQ(sums[1], 3);
        }
    });
}

TEST_P(OnBothBackends, AFailureOfABatchNamesItsRequest) {
    MemoryRanks ranks(2, GetParam());
    std::int32_t value = 1;
    std::int32_t got[] = {0, 0};
    const std::int32_t sent = 1;
    nc_request sum = sum_of(&value);
    nc_request refused = receive_of(&got[1], 1, -1);
    const nc_request fine = receive_of(&got[0], 1);
    const bool beside = GetParam() == std::string(concurrent);
    // Not supported: the messages are not begun. Their collective operation is another call where they run beside it.
    std::thread peer([&] {
        std::int32_t own = 1;
        if (beside) run(ranks[1], sum_of(&own));
    });
    Outcome outcome = execute_batch(ranks[0], {&fine, &sum, &refused});
    peer.join();
    EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED) << outcome.message();
    EXPECT_EQ(outcome.error.index, 2);
    EXPECT_EQ(outcome.error.operation, NC_RECEIVE);
    EXPECT_EQ(status_of(ranks[0]).status, NC_OK);
    outcome = execute(ranks[0], refused);
    EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED);
    EXPECT_EQ(outcome.error.index, -1);
    // Late.
    const nc_request send = send_of(&sent, 0);
    peer = std::thread([&] {
        std::int32_t own = 1;
        const nc_request peer_sum = sum_of(&own);
        (void)execute_batch(ranks[1], {&send, &peer_sum});
    });
    nc_request late = receive_of(&got[1], 1, 7);
    late.timeout_ms = 300 * slowness;
    outcome = execute_batch(ranks[0], {&sum, &fine, &late});
    EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
    EXPECT_EQ(outcome.error.index, beside ? 2 : 1);
    EXPECT_EQ(outcome.error.operation, NC_RECEIVE);
    EXPECT_EQ(status_of(ranks[0]).status, NC_TIMEOUT);
    ranks.destroy(0);
    nc_group_abort(ranks[1], nullptr);
    peer.join();
}

INSTANTIATE_TEST_SUITE_P(Backends, OnBothBackends, ::testing::Values(concurrent, in_turn),
                         [](const auto& backend) { return std::string(backend.param); });

TEST(ConcurrentMessages, TagsHaveNoOrderAmongThem) {
    constexpr std::int32_t tags = 50;
    MemoryRanks ranks(2);
    std::vector<std::int32_t> sent(tags);
    std::vector<WorkPointer> sends;
    for (std::int32_t tag = 0; tag < tags; ++tag) {
        sent[static_cast<std::size_t>(tag)] = tag;
        sends.push_back(enqueue(ranks[0], send_of(&sent[static_cast<std::size_t>(tag)], 1, tag)));
    }
    for (std::int32_t tag = tags - 1; tag >= 0; --tag) {
        std::int32_t got = -1;
        run(ranks[1], receive_of(&got, 0, tag));
        EXPECT_EQ(got, tag);
    }
    for (const WorkPointer& work : sends) expect_well(work);
}

// All ranks receive before they send.
TEST(ConcurrentMessages, AThousandAtOnceNeedNoThreadsOfTheirOwn) {
    constexpr std::size_t count = 1000;
    MemoryRanks ranks(3);
    const auto threads = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                             std::filesystem::directory_iterator());
    };
    const std::ptrdiff_t before = threads();
    Journal journal;
    ranks.each([&](int rank, nc_group* group) {
        std::vector<std::int32_t> sent(count);
        std::vector<std::int32_t> got(count);
        std::vector<WorkPointer> works;
        for (std::size_t i = 0; i < count; ++i)
            works.push_back(enqueue(group, receive_of(&got[i], (rank + 2) % 3), Journal::write, &journal));
        EXPECT_LE(threads(), before + 3) << "those of the test";
        for (std::size_t i = 0; i < count; ++i) {
            sent[i] = static_cast<std::int32_t>(i) * 10 + rank;
            works.push_back(enqueue(group, send_of(&sent[i], (rank + 1) % 3), Journal::write, &journal));
        }
        for (const WorkPointer& work : works) expect_well(work);
        for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(got[i], static_cast<std::int32_t>(i) * 10 + (rank + 2) % 3);
    });
    for (int rank = 0; rank < 3; ++rank) ranks.destroy(rank);
    EXPECT_EQ(journal.count(), 6 * count) << "each completes once";
}

TEST(ConcurrentMessages, CompletionsMayIssueMore) {
    MemoryRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        struct Chain {
            nc_group* group;
            int rank;
            std::int32_t value = 0;
            int left = 200;
            Flag done{};
            void issue() {
                const bool sends = (left + rank) % 2 == 0;
                const nc_request request = sends ? send_of(&value, 1 - rank) : receive_of(&value, 1 - rank);
                EXPECT_EQ(nc_enqueue(group, &request, next, this, nullptr, nullptr), NC_OK);
            }
            static void next(void* context, const nc_error* error) {
                auto& chain = *static_cast<Chain*>(context);
                EXPECT_EQ(error, nullptr);
                ++chain.value;
                if (--chain.left == 0) return chain.done.set();
                chain.issue();
            }
        } chain{group, rank};
        chain.issue();
        EXPECT_TRUE(chain.done.wait());
        EXPECT_EQ(chain.value, 200);
    });
}

TEST(ConcurrentMessages, DestroyWhileCompletionsIssueMore) {
    for (int round = 0; round < 100 / slowness; ++round) {
        MemoryRanks ranks(2);
        struct Chain {
            nc_group* group;
            int rank;
            std::int32_t value = 0;
            std::atomic<int> links{0};
            Flag done{};
            void issue() {
                const nc_request request = rank == 0 ? send_of(&value, 1) : receive_of(&value, 0);
                if (nc_enqueue(group, &request, next, this, nullptr, nullptr) != NC_OK) done.set();
            }
            static void next(void* context, const nc_error* error) {
                auto& chain = *static_cast<Chain*>(context);
                ++chain.links;
                if (error != nullptr) return chain.done.set();
                chain.issue();
            }
        };
        Chain chains[] = {{ranks[0], 0}, {ranks[1], 1}};
        for (Chain& chain : chains) chain.issue();
        EXPECT_TRUE(soon([&] { return chains[0].links > round; }));
        const int first = round % 2;
        EXPECT_LT(milliseconds_of([&] { ranks.destroy(first); }), soon_ms);
        EXPECT_TRUE(chains[first].done.wait());
        ranks.destroy(1 - first);
        EXPECT_TRUE(chains[1 - first].done.wait());
    }
}

TEST(ConcurrentMessages, ABatchOfMessagesRunsBesideToo) {
    MemoryRanks ranks(2);
    std::int32_t got[] = {0, 0};
    const std::int32_t sent[] = {1, 2, 3};
    const nc_request receives[] = {receive_of(&got[0], 1), receive_of(&got[1], 1)};
    const nc_request send = send_of(&sent[2], 1, 4);
    const WorkPointer batch = enqueue_batch(ranks[0], {&receives[0], &send, &receives[1]});
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
    std::int32_t other = 0;
    run(ranks[1], receive_of(&other, 0, 4));
    EXPECT_EQ(other, 3);
    EXPECT_FALSE(is_completed(batch));
    const nc_request sends[] = {send_of(&sent[0], 0), send_of(&sent[1], 0)};
    const Outcome outcome = execute_batch(ranks[1], {&sends[0], &sends[1]});
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    expect_well(batch);
    EXPECT_EQ(got[0], 1);
    EXPECT_EQ(got[1], 2);
}

// The backend compares the numbers of collective operations.
TEST(ConcurrentMessages, AreNumberedApart) {
    MemoryRanks ranks(2);
    const std::int32_t sent[] = {1, 2};
    std::int32_t got[] = {0, 0};
    std::thread receiver([&] {
        run(ranks[1], receive_of(&got[0], 0));
        run(ranks[1], receive_of(&got[1], 0));
        EXPECT_EQ(execute_batch(ranks[1], {}).status, NC_OK);
        expect_well(enqueue_batch(ranks[1], {}));
    });
    const nc_request sends[] = {send_of(&sent[0], 1), send_of(&sent[1], 1)};
    EXPECT_EQ(execute_batch(ranks[0], {&sends[0], &sends[1]}).status, NC_OK);
    receiver.join();
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
    nc_request late = receive_of(&got[0], 1);
    late.timeout_ms = 20;
    Outcome outcome = execute(ranks[0], late);
    EXPECT_EQ(outcome.status, NC_TIMEOUT);
    EXPECT_EQ(outcome.error.operation, NC_RECEIVE);
    EXPECT_EQ(outcome.error.sequence, 2U);
    outcome = execute(ranks[0], late);
    EXPECT_EQ(outcome.error.earlier, 1);
    EXPECT_EQ(outcome.error.sequence, 2U) << "the first cause's";
    nc_group_abort(ranks[1], nullptr);
    outcome = execute(ranks[1], receive_of(&got[0], 0));
    EXPECT_EQ(outcome.status, NC_ABORTED);
    EXPECT_EQ(outcome.error.sequence, 5U) << "the next message's";
    outcome = execute(ranks[1], request_of(NC_BARRIER));
    EXPECT_EQ(outcome.error.sequence, 2U) << "the next collective operation's";
}

TEST(ConcurrentMessages, ACancelledOneEndsTheGroup) {
    MemoryRanks ranks(2);
    Journal journal;
    std::int32_t got[] = {0, 0, 0, 0};
    std::int32_t value = 1;
    const WorkPointer sum = enqueue(ranks[0], sum_of(&value), Journal::write, &journal);
    EXPECT_TRUE(ranks.waits(0));
    const WorkPointer cancelled = enqueue(ranks[0], receive_of(&got[0], 1), Journal::write, &journal);
    const WorkPointer other = enqueue(ranks[0], receive_of(&got[1], 1), Journal::write, &journal);
    std::thread blocked([&] { EXPECT_EQ(execute(ranks[0], receive_of(&got[2], 1)).status, NC_ABORTED); });
    EXPECT_TRUE(ranks.waits(0, 2));
    const WorkPointer peers = enqueue(ranks[1], receive_of(&got[3], 0));
    nc_work_cancel(cancelled.get());
    const Outcome outcome = wait_for(cancelled.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
    EXPECT_EQ(outcome.error.operation, NC_RECEIVE);
    EXPECT_EQ(outcome.error.sequence, 1U);
    EXPECT_EQ(outcome.message(), "the group was aborted: receive number 1 was cancelled while it was running");
    const Outcome next = wait_for(other.get(), soon_ms);
    EXPECT_EQ(next.status, NC_ABORTED);
    EXPECT_EQ(next.error.sequence, 2U);
    EXPECT_EQ(next.message(), outcome.message());
    EXPECT_EQ(wait_for(sum.get(), soon_ms).status, NC_ABORTED) << "it has the same number, but was not cancelled";
    blocked.join();
    EXPECT_EQ(wait_for(peers.get(), soon_ms).status, NC_PEER_LOST);
    EXPECT_EQ(status_of(ranks[0]).status, NC_ABORTED);
    EXPECT_TRUE(soon([&] { return status_of(ranks[1]).status == NC_PEER_LOST; }));
    ranks.destroy(0);
    EXPECT_EQ(journal.count(), 3U);
}

TEST(ConcurrentMessages, CancellationOfOneThatHasEndedIsTooLate) {
    MemoryRanks ranks(2);
    const std::int32_t sent = 1;
    std::int32_t got = 0;
    const WorkPointer send = enqueue(ranks[0], send_of(&sent, 1));
    run(ranks[1], receive_of(&got, 0));
    expect_well(send);
    nc_work_cancel(send.get());
    EXPECT_EQ(wait_for(send.get()).status, NC_OK);
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
}

// Its messages are under way, although its collective operation has not started.
TEST(ConcurrentMessages, ACancelledMixedBatchEndsTheGroup) {
    MemoryRanks ranks(2);
    Journal journal;
    std::int32_t values[] = {1, 1};
    std::int32_t got = 0;
    const WorkPointer first = enqueue(ranks[0], sum_of(&values[0]));
    const nc_request sum = sum_of(&values[1]);
    const nc_request receive = receive_of(&got, 1);
    const WorkPointer batch = enqueue_batch(ranks[0], {&sum, &receive}, Journal::write, &journal);
    nc_work_cancel(batch.get());
    const Outcome outcome = wait_for(batch.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
    EXPECT_EQ(wait_for(first.get(), soon_ms).status, NC_ABORTED);
    EXPECT_EQ(status_of(ranks[0]).status, NC_ABORTED);
    ranks.destroy(0);
    EXPECT_EQ(journal.count(), 1U);
}

// A timeout ends the group, and nothing else that is under way: that may end well here and there.
TEST(ConcurrentMessages, ALateOneEndsTheGroup) {
    MemoryRanks ranks(2);
    Journal journal;
    std::int32_t got[] = {0, 0, 0};
    std::int32_t values[] = {1, 2};
    const WorkPointer sum = enqueue(ranks[0], sum_of(&values[0]), Journal::write, &journal);
    EXPECT_TRUE(ranks.waits(0));
    nc_request request = receive_of(&got[0], 1, 1);
    request.timeout_ms = 50;
    const WorkPointer fine = enqueue(ranks[0], receive_of(&got[1], 1, 2), Journal::write, &journal);
    const WorkPointer never = enqueue(ranks[0], receive_of(&got[2], 1, 3), Journal::write, &journal);
    const WorkPointer late = enqueue(ranks[0], request, Journal::write, &journal);
    const Outcome outcome = wait_for(late.get());
    EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
    EXPECT_EQ(outcome.error.operation, NC_RECEIVE);
    EXPECT_EQ(outcome.error.sequence, 3U);
    EXPECT_EQ(status_of(ranks[0]).status, NC_TIMEOUT);
    EXPECT_EQ(execute(ranks[0], request).error.earlier, 1);
    nc_work* none = nullptr;
    EXPECT_EQ(nc_enqueue(ranks[0], &request, nullptr, nullptr, &none, nullptr), NC_TIMEOUT);
    EXPECT_EQ(none, nullptr);
    EXPECT_EQ(status_of(ranks[1]).status, NC_OK) << "it is to notice its own timeout";
    const std::int32_t sent = 9;
    run(ranks[1], send_of(&sent, 0, 2));
    expect_well(fine);
    EXPECT_EQ(got[1], 9);
    run(ranks[1], sum_of(&values[1]));
    expect_well(sum);
    EXPECT_EQ(values[0], 3);
    EXPECT_FALSE(is_completed(never));
    EXPECT_LT(milliseconds_of([&] { nc_group_close(ranks[0]); }), soon_ms);
    const Outcome ended = wait_for(never.get(), soon_ms);
    EXPECT_EQ(ended.status, NC_TIMEOUT) << "the cause";
    EXPECT_EQ(ended.message(), outcome.message());
    EXPECT_EQ(ended.error.sequence, 2U);
    ranks.destroy(0);
    EXPECT_EQ(journal.count(), 4U);
}

TEST(ConcurrentMessages, ALostPeerEndsAllThatAreUnderWay) {
    constexpr std::size_t count = 100;
    MemoryRanks ranks(3);
    Journal journal;
    std::vector<std::int32_t> got(count);
    std::vector<WorkPointer> works;
    for (std::size_t i = 0; i < count; ++i)
        works.push_back(enqueue(ranks[0], receive_of(&got[i], i % 2 == 0 ? 1 : 2), Journal::write, &journal));
    std::int32_t value = 0;
    std::thread blocked([&] {
        const Outcome outcome = execute(ranks[0], receive_of(&value, 2, 5));
        EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
        EXPECT_EQ(outcome.error.peer, 1);
    });
    EXPECT_TRUE(ranks.waits(0));
    nc_group_abort(ranks[1], nullptr);
    for (const WorkPointer& work : works) {
        const Outcome outcome = wait_for(work.get(), soon_ms);
        EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
        EXPECT_EQ(outcome.error.peer, 1);
        EXPECT_EQ(outcome.error.rank, 0);
    }
    blocked.join();
    EXPECT_EQ(execute(ranks[0], receive_of(&value, 2)).error.earlier, 1);
    ranks.destroy(0);
    EXPECT_EQ(journal.count(), count);
}

TEST(ConcurrentMessages, AreEndedByAnAbortFromAnotherThread) {
    MemoryRanks ranks(2);
    std::int32_t got = 0;
    const WorkPointer work = enqueue(ranks[0], receive_of(&got, 1));
    std::thread aborter([&] { nc_group_abort(ranks[0], "enough"); });
    const Outcome outcome = wait_for(work.get(), soon_ms);
    aborter.join();
    EXPECT_EQ(outcome.status, NC_ABORTED);
    EXPECT_EQ(outcome.message(), "the group was aborted: enough");
    EXPECT_EQ(outcome.error.operation, NC_RECEIVE);
}

TEST(ConcurrentMessages, CloseEndsThemWithClosed) {
    MemoryRanks ranks(2);
    Journal journal;
    std::int32_t got[] = {0, 0, 0};
    const WorkPointer work = enqueue(ranks[0], receive_of(&got[0], 1), Journal::write, &journal);
    const nc_request receive = receive_of(&got[1], 1);
    std::int32_t value = 1;
    const nc_request sum = sum_of(&value);
    const WorkPointer batch = enqueue_batch(ranks[0], {&receive, &sum}, Journal::write, &journal);
    std::thread blocked([&] {
        const Outcome outcome = execute(ranks[0], receive_of(&got[2], 1));
        EXPECT_EQ(outcome.status, NC_CLOSED) << outcome.message();
        EXPECT_EQ(outcome.error.earlier, 0) << "it was running";
    });
    EXPECT_TRUE(ranks.waits(0, 2)) << "the batch's collective operation, and the blocking receive";
    EXPECT_LT(milliseconds_of([&] { nc_group_close(ranks[0]); }), soon_ms);
    blocked.join();
    EXPECT_EQ(wait_for(work.get(), soon_ms).status, NC_CLOSED);
    EXPECT_EQ(wait_for(batch.get(), soon_ms).status, NC_CLOSED);
    EXPECT_EQ(execute(ranks[0], receive).status, NC_CLOSED);
    ranks.destroy(0);
    EXPECT_EQ(journal.count(), 2U);
    EXPECT_TRUE(soon([&] { return status_of(ranks[1]).status == NC_PEER_LOST; })) << "something was pending";
}

TEST(ConcurrentMessages, CloseAfterTheyHaveEndedDisturbsNobody) {
    MemoryRanks ranks(2);
    const std::int32_t sent = 1;
    std::int32_t got = 0;
    const WorkPointer send = enqueue(ranks[0], send_of(&sent, 1));
    run(ranks[1], receive_of(&got, 0));
    expect_well(send);
    nc_group_close(ranks[0]);
    ranks.destroy(0);
    EXPECT_EQ(status_of(ranks[1]).status, NC_OK);
}

// Perhaps while the call that has issued it is still in the backend.
TEST(ConcurrentMessages, ACompletionMayCloseTheGroup) {
    for (int round = 0; round < 200 / slowness; ++round) {
        MemoryRanks ranks(2);
        std::int32_t value = 1;
        std::int32_t got = 0;
        const WorkPointer receive = enqueue(ranks[1], receive_of(&got, 0));
        struct Context {
            nc_group* group;
            Flag closed;
        } context{ranks[0], {}};
        const auto close = [](void* pointer, const nc_error*) {
            auto& here = *static_cast<Context*>(pointer);
            nc_group_close(here.group);
            here.closed.set();
        };
        const WorkPointer send = enqueue(ranks[0], send_of(&value, 1), close, &context);
        expect_well(send);
        expect_well(receive);
        EXPECT_TRUE(context.closed.wait());
        EXPECT_EQ(status_of(ranks[0]).status, NC_CLOSED);
        ranks.destroy(0);
        EXPECT_EQ(status_of(ranks[1]).status, NC_OK) << "nothing was pending";
    }
}

TEST(ConcurrentMessages, OutliveTheirHandleAndTheirGroup) {
    MemoryRanks ranks(2);
    Journal journal;
    std::int32_t got[] = {0, 0};
    { const WorkPointer released = enqueue(ranks[0], receive_of(&got[0], 1), Journal::write, &journal); }
    const WorkPointer kept = enqueue(ranks[0], receive_of(&got[1], 1), Journal::write, &journal);
    ranks.destroy(0);
    EXPECT_EQ(journal.count(), 2U) << "destroying the group ended what was under way, and said so";
    EXPECT_EQ(wait_for(kept.get(), 0).status, NC_CLOSED);
    nc_work_cancel(kept.get());
    EXPECT_EQ(wait_for(kept.get(), 0).status, NC_CLOSED);
}

TEST(ConcurrentMessages, ACompletionMayDestroyTheGroup) {
    for (int round = 0; round < 20; ++round) {
        MemoryRanks ranks(2);
        Journal journal;
        struct Context {
            nc_group* group;
            Flag destroyed;
        } context{ranks.release(0), {}};
        const auto destroy = [](void* pointer, const nc_error*) {
            auto& here = *static_cast<Context*>(pointer);
            nc_group_destroy(here.group);
            here.destroyed.set();
        };
        std::int32_t got[] = {0, 0, 0};
        std::int32_t value = 0;
        const nc_request receive = receive_of(&got[2], 1, 3);
        const nc_request sum = sum_of(&value);
        const nc_request* batch[] = {&receive, &sum};
        const nc_request pending = receive_of(&got[1], 1, 2);
        EXPECT_EQ(nc_enqueue(context.group, &pending, Journal::write, &journal, nullptr, nullptr), NC_OK);
        EXPECT_EQ(nc_enqueue_batch(context.group, batch, 2, Journal::write, &journal, nullptr, nullptr), NC_OK);
        const nc_request last = receive_of(&got[0], 1, 1);
        EXPECT_EQ(nc_enqueue(context.group, &last, destroy, &context, nullptr, nullptr), NC_OK);
        const std::int32_t sent = 1;
        EXPECT_EQ(execute(ranks[1], send_of(&sent, 0, 1)).status, NC_OK);
        EXPECT_TRUE(context.destroyed.wait());
        ASSERT_EQ(journal.count(), 2U);
        for (const auto& entry : journal.entries) EXPECT_EQ(entry.second, NC_CLOSED);
    }
}

// Whatever ends the group, and whenever: every operation completes once, and nothing hangs.
TEST(ConcurrentMessages, EndOnceAtAnyMoment) {
    constexpr int rounds = 300 / slowness;
    constexpr std::size_t count = 20;
    std::minstd_rand random(5);
    for (int round = 0; round < rounds; ++round) {
        SCOPED_TRACE(text("round ", round));
        MemoryRanks ranks(2);
        Journal journals[2];
        const auto moment = std::chrono::microseconds(random() % 400);
        const int ending = static_cast<int>(random() % 4);
        std::atomic<bool> go{false};
        nc_group* const victim = ranks[0];
        std::vector<WorkPointer> works[2];
        std::int32_t values[2][count] = {};
        std::int32_t sums[2][count] = {};
        std::thread ender([&] {
            while (!go) std::this_thread::yield();
            const Deadline until = Clock::now() + moment;
            while (Clock::now() < until) std::this_thread::yield();
            if (ending == 0) nc_group_abort(victim, nullptr);
            if (ending == 1) nc_group_close(victim);
            if (ending == 2) nc_group_abort(ranks[1], nullptr);
        });
        ranks.each([&](int rank, nc_group* group) {
            go = true;
            for (std::size_t i = 0; i < count; ++i) {
                std::int32_t* const value = &values[rank][i];
                const nc_request message = rank == 0 ? send_of(value, 1) : receive_of(value, 0);
                const nc_request sum = sum_of(&sums[rank][i]);
                const nc_request* batch[] = {&message, &sum};
                nc_work* work = nullptr;
                const nc_status status =
                    i % 3 == 0 ? nc_enqueue_batch(group, batch, 2, Journal::write, &journals[rank], &work, nullptr)
                               : nc_enqueue(group, &message, Journal::write, &journals[rank], &work, nullptr);
                if (status != NC_OK) break;
                works[rank].emplace_back(work);
            }
        });
        if (ending == 3 && !works[0].empty()) nc_work_cancel(works[0][random() % works[0].size()].get());
        ender.join();
        for (int rank = 0; rank < 2; ++rank) {
            const std::size_t issued = works[rank].size();
            // The peer of a group that was closed in order is not told.
            for (const WorkPointer& work : works[0]) EXPECT_TRUE(soon([&] { return is_completed(work); }));
            ranks.destroy(rank);
            EXPECT_EQ(journals[rank].count(), issued);
        }
        if (HasFailure()) return;
    }
}

TEST(ConcurrentMessages, ThreadsMayIssueThemAtTheSameTime) {
    constexpr int threads = 4;
    constexpr std::int32_t count = 200 / slowness;
    MemoryRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        std::vector<std::thread> all;
        for (int tag = 0; tag < threads; ++tag) {
            all.emplace_back([rank, group, tag] {
                for (std::int32_t i = 0; i < count; ++i) {
                    std::int32_t value = rank == 0 ? i : -1;
                    const nc_request request = rank == 0 ? send_of(&value, 1, tag) : receive_of(&value, 0, tag);
                    if (i % 2 == 0) {
                        run(group, request);
                    } else {
                        expect_well(enqueue(group, request));
                    }
                    EXPECT_EQ(value, i);
                }
            });
        }
        for (std::int32_t i = 0; i < count; ++i) EXPECT_EQ(all_sum_works(group).status, NC_OK);
        for (std::thread& thread : all) thread.join();
    });
    for (int rank = 0; rank < 2; ++rank) EXPECT_EQ(ranks.log(rank).count("two threads"), 0);
}

TEST(ConcurrentMessages, ABlockingOneAsksForNoMemoryInTheCore) {
    if (!allocations_are_counted) GTEST_SKIP() << not_counted;
    MemoryRanks ranks(2);
    leave_out_allocations_of("native_collectives_memory");
    for (const int rank : {0, 1}) {
        std::int32_t values[] = {1, 1};
        const nc_request own = rank == 0 ? send_of(&values[0], 1) : receive_of(&values[0], 0);
        const nc_request peers = rank == 0 ? receive_of(&values[1], 0) : send_of(&values[1], 1);
        std::uint64_t fewest = static_cast<std::uint64_t>(-1);
        for (int round = 0; round < 5; ++round) {
            const WorkPointer other_end = enqueue(ranks[1 - rank], peers);
            const std::uint64_t before = allocations();
            run(ranks[rank], own);
            fewest = std::min(fewest, allocations() - before);
            expect_well(other_end);
        }
        EXPECT_EQ(fewest, 0U) << "rank " << rank;
    }
}

TEST(ConcurrentMessages, AreAskedForAsAnyOther) {
    MemoryRanks ranks(2);
    std::int32_t value = 0;
    nc_request request = receive_of(&value, 1, 12);
    const WorkPointer work = enqueue(ranks[0], receive_of(&value, 1));
    EXPECT_EQ(nc_group_supports(ranks[0], &request, nullptr), NC_OK) << "also while messages are under way";
    request.peer = 0;
    EXPECT_EQ(nc_group_supports(ranks[0], &request, nullptr), NC_INVALID_ARGUMENT);
}

} // namespace NC_FILE
} // namespace nc::test
