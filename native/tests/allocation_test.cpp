#include "allocation_count.h"

namespace nc::test {
namespace NC_FILE {

class RingAllocations : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RingAllocations, OfABlockingOperation) {
    if (!allocations_are_counted) GTEST_SKIP() << not_counted;
    for (const int n : {2, 3}) {
        LocalRanks ranks(n, 2);
        expect_no_allocations(ranks, GetParam());
    }
}

INSTANTIATE_TEST_SUITE_P(Counts, RingAllocations, allocation_counts);

} // namespace NC_FILE
} // namespace nc::test
