// Slice and segment arithmetic against the worked examples of mlx-ring-wire.md, section 12.
#include "ring/slices.h"

#include <gtest/gtest.h>

namespace nc::ring {
namespace {

TEST(Slices, FourMebibytesOverTwoRanksAndTwoSocketsMakeFourSlices) {
    EXPECT_EQ(all_reduce_slices(4 * 1024 * 1024, 2, 2), 4U);
    const std::size_t count = 1'048'576;
    EXPECT_EQ(piece(count, ceil_div(count, 4), 1), (Range{262'144, 262'144}));
    EXPECT_EQ(slice_socket(3), 1);
    EXPECT_EQ(slice_direction(3), Direction::Up);
    EXPECT_EQ(slice_direction(0), Direction::Down);
}

}  // namespace
}  // namespace nc::ring
