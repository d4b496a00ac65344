#include "allocation_count.h"
#include "local_nccl_ranks.h"

namespace nc::test {
namespace NC_FILE {

class NcclAllocations : public ::testing::TestWithParam<std::size_t> {};

TEST_P(NcclAllocations, OfABlockingOperation) {
    if (!allocations_are_counted) GTEST_SKIP() << not_counted;
    for (const int n : {2, 3}) {
        LocalNcclRanks ranks(n);
        leave_out_allocations_of("doubles");
        expect_no_allocations(ranks, GetParam());
    }
}

INSTANTIATE_TEST_SUITE_P(Counts, NcclAllocations, allocation_counts);

} // namespace NC_FILE
} // namespace nc::test
