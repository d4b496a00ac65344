// Slice, segment and message arithmetic against mlx-ring-wire.md, sections 5 to 7 and 12.
#include "ring/slices.h"

#include <gtest/gtest.h>

#include <limits>

namespace nc::ring {
namespace NC_FILE {

constexpr std::size_t kib = 1024;

TEST(Slices, ThreeRanksAndTenFloatsMakeOneSliceOfThreeSegments) { // 12.1
    EXPECT_EQ(all_reduce_slices(40, 3, 1), 1U);
    EXPECT_EQ(slice_direction(0), Direction::Down);
    EXPECT_EQ(slice_socket(0), 0);
    const std::size_t segment = ceil_div(10, 3);
    EXPECT_EQ(segment, 4U);
    EXPECT_EQ(piece(10, segment, 0), (Range{0, 4}));
    EXPECT_EQ(piece(10, segment, 1), (Range{4, 4}));
    EXPECT_EQ(piece(10, segment, 2), (Range{8, 2}));
}

TEST(Slices, FourMebibytesOverTwoRanksAndTwoSocketsMakeFourSlices) { // 12.2
    EXPECT_EQ(all_reduce_slices(4 * kib * kib, 2, 2), 4U);
    const std::size_t count = 1'048'576;
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(piece(count, ceil_div(count, 4), i), (Range{i * 262'144, 262'144}));
    EXPECT_EQ(ceil_div(262'144, 2), 131'072U);
    EXPECT_EQ(slice_socket(1), 0);
    EXPECT_EQ(slice_socket(2), 1);
    EXPECT_EQ(slice_socket(3), 1);
    EXPECT_EQ(slice_direction(1), Direction::Up);
    EXPECT_EQ(slice_direction(2), Direction::Down);
    EXPECT_EQ(slice_direction(3), Direction::Up);
}

TEST(Slices, AnAllGatherOfEightHundredThousandBytesMakesThreeUnalignedSlices) { // 12.3
    EXPECT_EQ(all_gather_slices(800'000, 2), 3U);
    EXPECT_EQ(ceil_div(800'000, 3), 266'667U);
    EXPECT_EQ(piece(800'000, 266'667, 0), (Range{0, 266'667}));
    EXPECT_EQ(piece(800'000, 266'667, 1), (Range{266'667, 266'667}));
    EXPECT_EQ(piece(800'000, 266'667, 2), (Range{533'334, 266'666}));
}

TEST(Slices, AnAllReduceGetsAnotherSliceWithEvery256KibibytesPerRank) { // 5.2
    for (int n = 2; n <= 9; ++n) {
        const std::size_t unit = static_cast<std::size_t>(n) * 256 * kib;
        EXPECT_EQ(all_reduce_slices(0, n, 4), 1U);
        for (std::size_t m = 2; m <= 8; ++m) {
            EXPECT_EQ(all_reduce_slices(m * unit - 1, n, 4), m - 1) << n;
            EXPECT_EQ(all_reduce_slices(m * unit, n, 4), m) << n;
        }
        EXPECT_EQ(all_reduce_slices(1000 * unit, n, 4), 8U);
        EXPECT_EQ(all_reduce_slices(1000 * unit, n, 1), 2U);
        EXPECT_EQ(all_reduce_slices(1000 * unit, n, 3), 6U);
    }
}

TEST(Slices, AnAllGatherCountsTheBytesOfOneRank) { // 6
    EXPECT_EQ(all_gather_slices(0, 2), 1U);
    EXPECT_EQ(all_gather_slices(2 * 256 * kib - 1, 2), 1U);
    EXPECT_EQ(all_gather_slices(2 * 256 * kib, 2), 2U);
    EXPECT_EQ(all_gather_slices(3 * 256 * kib - 1, 2), 2U);
    EXPECT_EQ(all_gather_slices(std::size_t{1} << 40, 2), 4U);
    EXPECT_EQ(all_gather_slices(std::size_t{1} << 40, 1), 2U);
}

TEST(Slices, MessagesAreCutIntoPiecesOfAtLeast1024Bytes) { // 7
    EXPECT_EQ(message_piece(0, 3, 0).size, 0U);
    EXPECT_EQ(message_piece(1, 3, 0), (Range{0, 1}));
    EXPECT_EQ(message_piece(1, 3, 1).size, 0U);
    EXPECT_EQ(message_piece(1024, 3, 0), (Range{0, 1024}));
    EXPECT_EQ(message_piece(1024, 3, 1).size, 0U);
    EXPECT_EQ(message_piece(1025, 3, 1), (Range{1024, 1}));
    EXPECT_EQ(message_piece(1025, 3, 2).size, 0U);
    EXPECT_EQ(message_piece(3 * 1024, 3, 2), (Range{2048, 1024}));
    EXPECT_EQ(message_piece(3 * 1024 + 1, 3, 0), (Range{0, 1025}));
    EXPECT_EQ(message_piece(3 * 1024 + 1, 3, 2), (Range{2050, 1023}));
    EXPECT_EQ(message_piece(3 * 1024 - 1, 3, 2), (Range{2048, 1023}));
    EXPECT_EQ(message_piece(4'000'000'000, 1, 0), (Range{0, 4'000'000'000}));
}

TEST(Slices, PiecesCoverTheWholeWithoutGapsWhateverTheirNumber) {
    for (std::size_t total = 0; total < 70; ++total) {
        for (std::size_t parts = 1; parts < 12; ++parts) {
            const std::size_t length = ceil_div(total, parts);
            std::size_t covered = 0;
            for (std::size_t k = 0; k < parts; ++k) {
                const Range range = piece(total, length, k);
                // min(k * length, total) to min((k + 1) * length, total), as the specification has it.
                EXPECT_EQ(range.begin, std::min(k * length, total));
                EXPECT_EQ(range.end(), std::min((k + 1) * length, total));
                covered += range.size;
            }
            EXPECT_EQ(covered, total);
        }
    }
}

TEST(Slices, PiecesOfTheLargestSizesDoNotOverflow) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    EXPECT_EQ(ceil_div(most, 2), most / 2 + 1);
    EXPECT_EQ(piece(most, most / 2 + 1, 1), (Range{most / 2 + 1, most / 2}));
    EXPECT_EQ(piece(most, most / 2 + 1, 2).size, 0U);
    EXPECT_EQ(piece(most, most, 1).size, 0U);
}

TEST(Slices, RanksWrapAround) {
    EXPECT_EQ(wrap(-1, 5), 4);
    EXPECT_EQ(wrap(-11, 5), 4);
    EXPECT_EQ(wrap(5, 5), 0);
    EXPECT_EQ(wrap(12, 5), 2);
    static_assert(step(Direction::Up) == -1 && step(Direction::Down) == +1);
}

} // namespace NC_FILE
} // namespace nc::ring
