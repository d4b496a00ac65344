// Random sequences of operations of random sizes over random rings: all ranks agree on the seed, which is printed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <random>

#include "base/clock.h"
#include "local_ranks.h"

namespace nc::test {
namespace NC_FILE {

constexpr std::int64_t stress_ms = 4'000;

struct Step {
    nc_operation operation;
    std::size_t count;
    int root;
    bool enqueued;
};

Step random_step(int ranks, std::mt19937& random) {
    constexpr nc_operation operations[] = {NC_ALL_REDUCE, NC_ALL_GATHER, NC_REDUCE_SCATTER, NC_BROADCAST, NC_REDUCE,
                                           NC_GATHER,     NC_SCATTER,    NC_ALL_TO_ALL,     NC_BARRIER,   NC_SEND};
    constexpr std::size_t most[] = {2, 40, 3000, 200'000};
    return {operations[random() % std::size(operations)], random() % most[random() % std::size(most)],
            static_cast<int>(random() % static_cast<unsigned>(ranks)), random() % 2 == 0};
}

std::int64_t value(int rank, std::size_t i) {
    return static_cast<std::int64_t>(i % 1009) * (rank + 1) + rank;
}

// What rank r is to have after the step, for element i of its output; and where nothing is to be, nothing.
void check(const Step& step, int rank, int n, const std::vector<std::int64_t>& output) {
    const std::size_t count = step.count;
    const auto sum = [&](std::size_t i) {
        std::int64_t total = 0;
        for (int r = 0; r < n; ++r) total += value(r, i);
        return total;
    };
    for (std::size_t i = 0; i < output.size(); ++i) {
        std::int64_t expected = 0;
        const auto block = static_cast<int>(count == 0 ? 0 : i / count);
        const std::size_t within = count == 0 ? 0 : i % count;
        switch (step.operation) {
            case NC_ALL_REDUCE:
            case NC_REDUCE:
                expected = sum(i);
                break;
            case NC_REDUCE_SCATTER:
                expected = sum(i + static_cast<std::size_t>(rank) * count);
                break;
            case NC_ALL_GATHER:
            case NC_GATHER:
                expected = value(block, within);
                break;
            case NC_BROADCAST:
                expected = value(step.root, i);
                break;
            case NC_SCATTER:
                expected = value(step.root, i + static_cast<std::size_t>(rank) * count);
                break;
            case NC_ALL_TO_ALL:
                expected = value(block, within + static_cast<std::size_t>(rank) * count);
                break;
            case NC_SEND:
                expected = value((rank + n - 1) % n, i);
                break;
            default:
                break;
        }
        ASSERT_EQ(output[i], expected) << "operation " << step.operation << " of " << count << ", rank " << rank
                                       << " of " << n << ", element " << i;
    }
}

void run(const Step& step, int rank, int n, nc_group* group) {
    const bool at_root = rank == step.root;
    const auto ranks = static_cast<std::size_t>(n);
    std::size_t in = step.count;
    std::size_t out = step.count;
    if (step.operation == NC_REDUCE_SCATTER || step.operation == NC_ALL_TO_ALL ||
        (step.operation == NC_SCATTER && at_root))
        in *= ranks;
    if (step.operation == NC_ALL_GATHER || step.operation == NC_ALL_TO_ALL || (step.operation == NC_GATHER && at_root))
        out *= ranks;
    if ((step.operation == NC_SCATTER && !at_root) || (step.operation == NC_BROADCAST && !at_root) ||
        step.operation == NC_BARRIER)
        in = 0;
    if ((step.operation == NC_GATHER && !at_root) || (step.operation == NC_REDUCE && !at_root) ||
        step.operation == NC_BARRIER)
        out = 0;
    std::vector<std::int64_t> input(in);
    std::vector<std::int64_t> output(out);
    for (std::size_t i = 0; i < in; ++i) input[i] = value(rank, i);
    nc_request requests[2] = {request_of(step.operation, NC_INT64, step.count, input.data(), output.data()), {}};
    requests[0].peer = step.root;
    std::size_t issued = 1;
    if (step.operation == NC_SEND) {
        requests[0].peer = (rank + 1) % n;
        requests[1] = request_of(NC_RECEIVE, NC_INT64, step.count, nullptr, output.data());
        requests[1].peer = (rank + n - 1) % n;
        issued = 2;
    }
    std::vector<WorkPointer> works;
    for (std::size_t i = 0; i < issued; ++i) {
        if (!step.enqueued) {
            const Outcome outcome = execute(group, requests[i]);
            ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
            continue;
        }
        nc_work* work = nullptr;
        ASSERT_EQ(nc_enqueue(group, &requests[i], nullptr, nullptr, &work, nullptr), NC_OK);
        works.emplace_back(work);
    }
    for (const WorkPointer& work : works) {
        const Outcome outcome = wait_for(work.get());
        ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
    }
    check(step, rank, n, output);
}

TEST(Stress, RandomOperationsOverRandomRings) {
    const Deadline until = deadline_after(stress_ms);
    for (unsigned seed = 1; Clock::now() < until; ++seed) {
        std::mt19937 shape(seed);
        const int n = 2 + static_cast<int>(shape() % 4);
        const int sockets = 1 + static_cast<int>(shape() % 3);
        SCOPED_TRACE(text("seed ", seed, ": ", n, " ranks, ", sockets, " sockets"));
        LocalRanks ranks(n, sockets);
        ranks.each([&](int rank, nc_group* group) {
            std::mt19937 random(seed + 1000);
            for (int i = 0; i < 60; ++i) {
                const Step step = random_step(n, random);
                run(step, rank, n, group);
                if (::testing::Test::HasFailure()) {
                    std::printf("seed %u, step %d\n", seed, i);
                    return;
                }
            }
        });
        ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    }
}

// Operations of which the ranks are told to stop at a random moment: none hangs, and every rank gets to know.
TEST(Stress, AbortsAtRandomMoments) {
    const Deadline until = deadline_after(stress_ms);
    for (unsigned seed = 1; Clock::now() < until; ++seed) {
        std::mt19937 shape(seed);
        const int n = 2 + static_cast<int>(shape() % 3);
        const int leaver = static_cast<int>(shape() % static_cast<unsigned>(n));
        const int last = static_cast<int>(shape() % 20);
        const int way = static_cast<int>(shape() % 3);
        SCOPED_TRACE(text("seed ", seed));
        LocalRanks ranks(n, 1 + static_cast<int>(shape() % 2));
        ranks.each([&](int rank, nc_group* group) {
            std::mt19937 random(seed);
            for (int i = 0; i < 1000; ++i) {
                std::vector<std::int32_t> values(random() % 20'000, 1);
                if (rank == leaver && i == last) {
                    if (way == 0) nc_group_abort(group, "leaving");
                    if (way == 1) nc_group_close(group);
                    if (way == 2) ranks.destroy(rank);
                    return;
                }
                const Outcome outcome =
                    execute(group, request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data()));
                if (outcome.status == NC_OK) continue;
                EXPECT_EQ(outcome.status, NC_PEER_LOST) << "seed " << seed << ": " << outcome.message();
                return;
            }
            ADD_FAILURE() << "seed " << seed << ": rank " << rank << " never knew";
        });
    }
}

} // namespace NC_FILE
} // namespace nc::test
