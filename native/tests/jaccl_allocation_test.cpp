#include "allocation_count.h"
#include "local_jaccl_ranks.h"

namespace nc::test {
namespace NC_FILE {

class JacclAllocations : public JacclTest, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(JacclAllocations, OfABlockingOperation) {
    if (!allocations_are_counted) GTEST_SKIP() << not_counted;
    for (const Shape& shape : {mesh_of(2), mesh_of(3), ring_of(3, 2)}) {
        LocalJacclRanks ranks(shape);
        leave_out_allocations_of("softverbs");
        expect_no_allocations(ranks, GetParam());
    }
}

INSTANTIATE_TEST_SUITE_P(Counts, JacclAllocations, allocation_counts);

} // namespace NC_FILE
} // namespace nc::test
