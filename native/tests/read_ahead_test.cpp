// Bytes that are held for a later operation: their order, and the memory that they take.
#include "ring/read_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "local_ranks.h"

namespace nc::ring {
namespace NC_FILE {

// Puts so many bytes in, numbered from first on, as reads that give less than there is room for.
std::size_t fill(ReadAhead& held, std::size_t bytes, std::uint8_t first) {
    std::size_t put = 0;
    while (put < bytes && !held.is_full()) {
        const ReadAhead::Room room = held.room();
        const std::size_t part = std::min({bytes - put, room.bytes, std::size_t{50'000}});
        for (std::size_t i = 0; i < part; ++i) room.begin[i] = static_cast<std::byte>(first + put + i);
        held.filled(part);
        put += part;
    }
    return put;
}

TEST(ReadAhead, GivesBytesBackInTheirOrder) {
    std::mt19937 random(7);
    ReadAhead held(std::size_t{1} << 20);
    std::size_t in = 0;
    std::size_t out = 0;
    std::vector<std::byte> taken(200'000);
    for (int round = 0; round < 2000 / test::slowness; ++round) {
        in += fill(held, random() % 150'000, static_cast<std::uint8_t>(in));
        std::byte seen{};
        if (held.peek(&seen, 1) == 1) {
            ASSERT_EQ(seen, static_cast<std::byte>(out));
        }
        const std::size_t got = held.take(taken.data(), random() % taken.size());
        for (std::size_t i = 0; i < got; ++i) ASSERT_EQ(taken[i], static_cast<std::byte>(out + i));
        out += got;
        ASSERT_EQ(held.is_empty(), in == out);
    }
}

// A rank in the middle of a pipeline: something is always held, and yet no more than the limit is ever kept.
TEST(ReadAhead, IsBoundedWhateverThePattern) {
    constexpr std::size_t limit = 4 * ReadAhead::chunk_size;
    ReadAhead held(limit);
    std::vector<std::byte> taken(1000);
    std::size_t in = fill(held, 10, 0);
    std::size_t out = 0;
    for (int round = 0; round < 100'000; ++round) {
        in += fill(held, 1000, static_cast<std::uint8_t>(in));
        out += held.take(taken.data(), taken.size());
        ASSERT_LE(in - out, limit);
        ASSERT_FALSE(held.is_full()) << "what was taken still takes room, round " << round;
    }
    in += fill(held, 10 * limit, static_cast<std::uint8_t>(in));
    EXPECT_TRUE(held.is_full());
    EXPECT_LE(in - out, limit);
    EXPECT_GE(in - out, limit - ReadAhead::chunk_size);
}

TEST(ReadAhead, ALookThatFindsNothingHoldsNothing) {
    ReadAhead held(1);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(held.room().bytes, ReadAhead::chunk_size);
        held.filled(0);
        EXPECT_TRUE(held.is_empty());
    }
    EXPECT_EQ(held.take(nullptr, 0), 0U);
    EXPECT_EQ(held.peek(nullptr, 0), 0U);
}

} // namespace NC_FILE
} // namespace nc::ring
