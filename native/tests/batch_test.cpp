// Batches over a ring, and what a batch may be.
#include "batch_cases.h"

namespace nc::test {
namespace NC_FILE {

bool any(nc_data_type, nc_reduce_op) {
    return true;
}

// Messages between ranks that are no neighbours are refused.
void keep_neighbours(std::vector<Case>& cases, int n) {
    std::erase_if(cases, [n](const Case& one) {
        for (int rank = 0; rank < n; ++rank) {
            const nc_request& request = one.parts[index(rank)].request;
            if (request.operation == NC_SEND && (request.peer - rank + n) % n != 1 &&
                (rank - request.peer + n) % n != 1)
                return true;
        }
        return false;
    });
}

class BatchShapes : public testing::TestWithParam<std::pair<int, int>> {};

TEST_P(BatchShapes, RanksThatAllSendFirstDoNotWaitForEachOther) {
    const auto [n, sockets] = GetParam();
    LocalRanks ranks(n, sockets);
    exchange_in_circles(ranks, {0, 1, 1000, std::size_t{1} << 20, 3});
}

TEST_P(BatchShapes, EveryOperationInOne) {
    const auto [n, sockets] = GetParam();
    LocalRanks ranks(n, sockets);
    std::vector<Case> cases = many_kinds(n, any);
    keep_neighbours(cases, n);
    run_in_one_batch(ranks, cases);
}

INSTANTIATE_TEST_SUITE_P(Rings, BatchShapes,
                         testing::Values(std::pair{2, 1}, std::pair{2, 2}, std::pair{3, 1}, std::pair{5, 2}));

TEST(Batch, OfNothingEndsWell) {
    LocalRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        EXPECT_EQ(execute_batch(group, {}).status, NC_OK);
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

TEST(Batch, AGroupOfOneCarriesItOut) {
    nc_group_options options{};
    options.size = sizeof options;
    nc_group* made = nullptr;
    ASSERT_EQ(nc_group_create(&options, &made, nullptr), NC_OK);
    const GroupPointer group(made);
    Maker maker(1, 4);
    std::vector<Case> cases;
    add_composed(cases, maker, 1, 5);
    add_reductions(cases, maker, 1, NC_FLOAT32, NC_AVERAGE, 5, false);
    PlacedParts all;
    for (const Case& one : cases) add_placed(all, one, 0);
    run_together(group.get(), all);
}

TEST(Batch, AMessageOfItMeetsOneByItself) {
    LocalRanks ranks(2);
    messages_meet_ones_by_themselves(ranks, 300'000, 5);
}

TEST(Batch, IssuedAndNotWaitedFor) {
    LocalRanks ranks(3);
    std::vector<Case> cases = many_kinds(3, any);
    ranks.each([&](int rank, nc_group* group) {
        PlacedParts all;
        for (const Case& one : cases) add_placed(all, one, rank);
        nc_work* work = nullptr;
        {
            // The requests need not live.
            std::vector<nc_request> copies;
            std::vector<const nc_request*> requests;
            for (const auto& placed : all) copies.push_back(placed->request());
            for (const nc_request& request : copies) requests.push_back(&request);
            ASSERT_EQ(nc_enqueue_batch(group, requests.data(), requests.size(), nullptr, nullptr, &work, nullptr),
                      NC_OK);
        }
        const WorkPointer owner(work);
        const Outcome outcome = wait_for(work);
        ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
        for (const auto& placed : all) placed->check();
    });
}

TEST(Batch, RanksWithDifferentOnesSaySo) {
    for (int kind = 0; kind < 4; ++kind) {
        LocalRanks ranks(2);
        expect_failure(ranks, NC_MISMATCH, [kind](int rank) {
            std::vector<Case> cases{sum_of(2, 10), sum_of(2, 20)};
            if (rank == 0) return cases;
            if (kind == 0) cases.pop_back();
            if (kind == 1) std::swap(cases[0], cases[1]);
            if (kind == 2) cases[1] = sum_of(2, 21);
            if (kind == 3) cases[1] = {"barrier-like", Maker(2, 1).all_to_all(NC_INT8, Lengths(4, 1), false)};
            return cases;
        });
    }
}

TEST(Batch, IsNoOtherOperation) {
    LocalRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        if (rank == 1) {
            EXPECT_EQ(execute(group, request_of(NC_BARRIER)).status, NC_MISMATCH);
            return;
        }
        const Case sum = sum_of(2, 10);
        const Placed placed(sum.parts[0], "sum");
        const Outcome outcome = execute_batch(group, {&placed.request()});
        EXPECT_EQ(outcome.status, NC_MISMATCH);
        EXPECT_TRUE(contains(outcome, "a batch of 1 collective operations")) << outcome.message();
    });
}

TEST(Batch, WhatItMayNotBeIsNamedByItsPlace) {
    LocalRanks ranks(4);
    ranks.each([](int rank, nc_group* group) {
        std::int32_t value = rank;
        nc_request good = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
        const auto expect = [&](nc_request bad, nc_status status, const std::string& words) {
            const Outcome outcome = execute_batch(group, {&good, &good, &bad});
            EXPECT_EQ(outcome.status, status) << words;
            EXPECT_EQ(outcome.error.index, 2) << words;
            EXPECT_TRUE(contains(outcome, words)) << outcome.message();
        };
        expect(request_of(NC_BARRIER), NC_INVALID_ARGUMENT, "a batch takes no barrier");
        nc_request split = request_of(NC_SPLIT);
        nc_group* part = nullptr;
        split.new_group = &part;
        expect(split, NC_INVALID_ARGUMENT, "a batch takes no split");
        nc_request without_buffer = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value);
        expect(without_buffer, NC_INVALID_ARGUMENT, "receive_buffer must not be null");
        nc_request far_away = request_of(NC_SEND, NC_INT32, 1, &value);
        far_away.peer = (rank + 2) % 4;
        expect(far_away, NC_NOT_SUPPORTED, "only between neighbours");
        nc_request tagged = far_away;
        tagged.peer = (rank + 1) % 4;
        tagged.tag = 7;
        expect(tagged, NC_NOT_SUPPORTED, "carries no tags");
        EXPECT_EQ(nc_execute_batch(group, nullptr, 1, nullptr), NC_INVALID_ARGUMENT);
        const nc_request* null = nullptr;
        EXPECT_EQ(nc_execute_batch(group, &null, 1, nullptr), NC_INVALID_ARGUMENT);
        EXPECT_EQ(nc_execute_batch(group, &null, std::uint64_t{1} << 40, nullptr), NC_INVALID_ARGUMENT);
        EXPECT_EQ(nc_execute_batch(nullptr, nullptr, 0, nullptr), NC_INVALID_ARGUMENT);
        // The group is as it was.
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

TEST(Batch, AMessageThatDoesNotComeIsNamedByItsPlace) {
    LocalRanks ranks(2);
    a_message_does_not_come(ranks);
}

TEST(Batch, ACollectiveThatFailsIsNamedByItsPlace) {
    LocalRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        std::int32_t value = 1;
        nc_request sum = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
        nc_request custom = sum;
        custom.reduce_op = NC_CUSTOM;
        custom.combine = [](void*, void*, const void*, std::uint64_t) { return std::int32_t{1}; };
        const Outcome outcome = execute_batch(group, {&sum, &custom, &sum});
        EXPECT_TRUE(outcome.status == NC_FUNCTION_FAILED || outcome.status == NC_PEER_LOST) << outcome.message();
        EXPECT_EQ(outcome.error.index, 1);
        EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
    });
}

} // namespace NC_FILE
} // namespace nc::test
