// Batches and composed operations over verbs in software.
#include "batch_cases.h"
#include "local_jaccl_ranks.h"

namespace nc::test {
namespace NC_FILE {

class JacclBatchShapes : public JacclTest, public testing::WithParamInterface<Shape> {};

bool any(nc_data_type, nc_reduce_op) {
    return true;
}

TEST_P(JacclBatchShapes, RanksThatAllSendFirstDoNotWaitForEachOther) {
    LocalJacclRanks ranks(GetParam());
    exchange_in_circles(ranks, {0, 1, 1000, std::size_t{1} << 18, 3});
}

TEST_P(JacclBatchShapes, EveryOperationInOne) {
    LocalJacclRanks ranks(GetParam());
    run_in_one_batch(ranks, many_kinds(GetParam().ranks, any));
}

TEST_P(JacclBatchShapes, WhatIsComposedGivesWhatTheOrderOfRanksGives) {
    const int n = GetParam().ranks;
    LocalJacclRanks ranks(GetParam());
    Maker maker(n, 21);
    std::vector<Case> cases;
    for (const std::size_t count : {1, 1000, 20'011}) add_composed(cases, maker, n, count);
    add_bitwise(cases, maker, n, 33);
    ranks.each([&](int rank, nc_group* group) {
        for (const Case& one : cases) run_on_host(group, one.parts[index(rank)], one.what);
    });
}

INSTANTIATE_TEST_SUITE_P(Jaccl, JacclBatchShapes, testing::Values(mesh_of(2), mesh_of(3), ring_of(2), ring_of(3, 2)),
                         [](const auto& shape) { return name_of(shape.param); });

class JacclBatch : public JacclTest {};

TEST_F(JacclBatch, RanksWithDifferentOnesSaySo) {
    for (const bool longer : {false, true}) {
        LocalJacclRanks ranks(mesh_of(2));
        expect_failure(ranks, NC_MISMATCH, [longer](int rank) {
            std::vector<Case> cases{sum_of(2, 10), sum_of(2, 20)};
            if (rank == 1 && longer) cases.push_back(sum_of(2, 1));
            if (rank == 1 && !longer) std::swap(cases[0], cases[1]);
            return cases;
        });
    }
}

TEST_F(JacclBatch, AMessageThatDoesNotComeIsNamedByItsPlace) {
    LocalJacclRanks ranks(mesh_of(2));
    a_message_does_not_come(ranks);
}

TEST_F(JacclBatch, MessagesToRanksThatAreNoNeighboursAreRefused) {
    LocalJacclRanks ranks(ring_of(4));
    ranks.each([](int rank, nc_group* group) {
        std::int32_t value = 0;
        nc_request near = request_of(NC_SEND, NC_INT32, 1, &value);
        nc_request far_away = near;
        near.peer = (rank + 1) % 4;
        far_away.peer = (rank + 2) % 4;
        const Outcome outcome = execute_batch(group, {&near, &far_away});
        EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED);
        EXPECT_EQ(outcome.error.index, 1);
        EXPECT_EQ(nc_group_supports(group, &near, nullptr), NC_OK);
        EXPECT_EQ(nc_group_supports(group, &far_away, nullptr), NC_NOT_SUPPORTED);
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

} // namespace NC_FILE
} // namespace nc::test
