// Scans, bitwise operators and reductions by a function of the caller's, over a ring.
#include "operation_cases.h"

namespace nc::test {
namespace NC_FILE {

class CompositionShapes : public testing::TestWithParam<std::pair<int, int>> {};

TEST_P(CompositionShapes, GivesWhatTheOrderOfRanksGives) {
    const auto [n, sockets] = GetParam();
    LocalRanks ranks(n, sockets);
    Maker maker(n, 21);
    std::vector<Case> cases;
    for (const std::size_t count : {0, 1, 5, 1000}) add_composed(cases, maker, n, count);
    // More than is gathered, not a multiple of the ranks; and more than one part.
    add_composed(cases, maker, n, 20'011);
    add_reductions(cases, maker, n, NC_INT32, NC_CUSTOM, is_sanitized ? 700'001 : 3'000'001, false);
    cases.push_back(
        {"a long scan", maker.scan(NC_SCAN, NC_INT32, NC_CUSTOM, is_sanitized ? 700'001 : 3'000'001, true)});
    add_bitwise(cases, maker, n, 33);
    ranks.each([&](int rank, nc_group* group) {
        for (const Case& one : cases) run_on_host(group, one.parts[index(rank)], one.what);
    });
}

INSTANTIATE_TEST_SUITE_P(Rings, CompositionShapes, testing::Values(std::pair{2, 1}, std::pair{3, 2}, std::pair{5, 1}));

TEST(Composition, AFunctionThatFailsEndsTheGroup) {
    LocalRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        std::int32_t value = rank;
        nc_request request = request_of(NC_REDUCE, NC_INT32, 1, &value, &value);
        request.peer = 1;
        request.reduce_op = NC_CUSTOM;
        request.combine = [](void*, void*, const void*, std::uint64_t) { return std::int32_t{1}; };
        const Outcome outcome = execute(group, request);
        if (rank == 0) {
            // It has done its part.
            EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
            EXPECT_TRUE(soon([&] { return status_of(group).status != NC_OK; }));
            return;
        }
        EXPECT_EQ(outcome.status, NC_FUNCTION_FAILED);
        EXPECT_TRUE(contains(outcome, "the reduction's function failed on rank 1")) << outcome.message();
        EXPECT_EQ(status_of(group).status, NC_FUNCTION_FAILED);
    });
}

TEST(Composition, OperatorsThatAreNoneOfTheTypeAreRefused) {
    LocalRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        double value = 1;
        nc_request request = request_of(NC_ALL_REDUCE, NC_FLOAT64, 1, &value, &value);
        request.reduce_op = NC_BITWISE_XOR;
        EXPECT_TRUE(contains(execute(group, request), "bitwise xor is of integers and bool, not of float64"));
        request.reduce_op = NC_CUSTOM;
        EXPECT_TRUE(contains(execute(group, request), "combine must not be null"));
        request.operation = NC_SCAN;
        request.reduce_op = NC_AVERAGE;
        EXPECT_TRUE(contains(execute(group, request), "a scan has no averages"));
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

TEST(Composition, TheFirstRankOfAnExclusiveScanNeedsNoBuffer) {
    LocalRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        std::int32_t value = 5;
        std::int32_t result = -1;
        const Outcome outcome =
            execute(group, request_of(NC_EXCLUSIVE_SCAN, NC_INT32, 1, &value, rank == 0 ? nullptr : &result));
        EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_EQ(result, rank == 0 ? -1 : 5);
    });
}

} // namespace NC_FILE
} // namespace nc::test
