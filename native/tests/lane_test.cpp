// What orders a lane's bytes: what is passed on follows what has come in, and what only passes through gives its memory
// to the next.
#include "ring/lane.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "bytes.h"
#include "local_ranks.h"
#include "scripted_endpoint.h"

namespace nc::test {
namespace NC_FILE {

using ring::Lane;
using ring::Link;

Bytes counting(std::size_t bytes, int from) {
    Bytes made(bytes);
    for (std::size_t i = 0; i < bytes; ++i) made[i] = static_cast<std::byte>(from + static_cast<int>(i));
    return made;
}

// A lane between two recordings.
struct Between {
    Between() : Between(std::make_unique<ScriptedEndpoint>(), std::make_unique<ScriptedEndpoint>()) {}
    Between(std::unique_ptr<ScriptedEndpoint> to, std::unique_ptr<ScriptedEndpoint> from)
        : sent(*to), heard(*from), out(std::move(to), 1), in(std::move(from), 2) {
        lane.open(out, in);
    }

    void arrive(const Bytes& bytes) { heard.arrived.insert(heard.arrived.end(), bytes.begin(), bytes.end()); }
    void make_room(std::size_t bytes) {
        sent.room += bytes;
        out.unblock();
    }
    void run() {
        while (lane.progress()) {}
    }

    ScriptedEndpoint& sent;
    ScriptedEndpoint& heard;
    Link out;
    Link in;
    Lane lane;
};

TEST(RingLane, PassesOnNoMoreThanHasArrived) {
    Between between;
    Bytes own = counting(3, 10);
    Bytes result(4);
    between.lane.send(own.data(), own.size());
    between.lane.forward(between.lane.receive(result.data(), result.size()));
    between.make_room(100);
    between.run();
    EXPECT_EQ(between.sent.written, own);
    EXPECT_FALSE(between.lane.wants_to_write());
    between.arrive(counting(2, 1));
    between.run();
    EXPECT_EQ(between.sent.written.size(), 5U);
    between.arrive(counting(2, 3));
    between.run();
    EXPECT_TRUE(between.lane.done());
    EXPECT_EQ(result, counting(4, 1));
}

TEST(RingLane, WhatPassesThroughDoesNotOvertakeTheItemBefore) {
    Between between;
    Bytes own = counting(4, 100);
    Bytes transit(4);
    between.lane.send(own.data(), own.size());
    for (int item = 0; item < 2; ++item) between.lane.pass(transit.data(), nullptr, transit.size());
    between.arrive(counting(8, 0));
    between.run();
    // The first item is in its memory; the second one waits for that.
    EXPECT_EQ(between.heard.arrived.size(), 4U);
    EXPECT_FALSE(between.lane.wants_to_read());
    between.make_room(4);
    between.run();
    EXPECT_EQ(between.heard.arrived.size(), 4U);
    between.make_room(1);
    between.run();
    EXPECT_EQ(between.heard.arrived.size(), 3U);
    between.make_room(7);
    between.run();
    EXPECT_TRUE(between.lane.done());
    Bytes expected = own;
    for (const std::byte byte : counting(8, 0)) expected.push_back(byte);
    EXPECT_EQ(between.sent.written, expected);
}

TEST(RingLane, ABlockedConnectionIsNotTriedAgainBeforeThereIsRoom) {
    Between between;
    Bytes own = counting(4, 0);
    between.lane.send(own.data(), own.size());
    between.run();
    EXPECT_EQ(between.sent.writes, 1);
    between.run();
    EXPECT_EQ(between.sent.writes, 1);
    between.make_room(3);
    between.run();
    // Where three of four bytes find room, the next one does not.
    EXPECT_EQ(between.sent.writes, 2);
    between.make_room(1);
    between.run();
    EXPECT_TRUE(between.lane.done());
}

void add(void* result, const void* own, const void* other, std::size_t elements) {
    for (std::size_t i = 0; i < elements; ++i)
        static_cast<std::uint32_t*>(result)[i] =
            static_cast<const std::uint32_t*>(own)[i] + static_cast<const std::uint32_t*>(other)[i];
}

// Items of different lengths, arriving and leaving in whatever portions.
TEST(RingLane, SumsThatPassThroughAreRightInWhateverPortionsTheyCome) {
    std::mt19937 numbers(11);
    const auto random = [&] { return static_cast<std::uint32_t>(numbers()); };
    for (int trial = 0; trial < 300; ++trial) {
        const std::size_t longest = 1 + random() % 40;
        std::vector<std::uint32_t> own(longest);
        std::vector<std::uint32_t> transit(longest);
        for (auto& element : own) element = random();
        Between between;
        between.lane.open(between.out, between.in, add, sizeof(std::uint32_t));
        between.lane.send(own.data(), longest * sizeof own[0]);
        std::vector<std::uint32_t> coming;
        std::vector<std::uint32_t> expected = own;
        for (int item = 0; item < 4; ++item) {
            const std::size_t elements = random() % (longest + 1);
            between.lane.pass(transit.data(), own.data(), elements * sizeof own[0]);
            for (std::size_t i = 0; i < elements; ++i) {
                coming.push_back(random());
                expected.push_back(own[i] + coming.back());
            }
        }
        const auto* bytes = reinterpret_cast<const std::byte*>(coming.data());
        std::size_t arrived = 0;
        while (!between.lane.done()) {
            const std::size_t part = std::min<std::size_t>(random() % 50, coming.size() * 4 - arrived);
            between.arrive(Bytes(bytes + arrived, bytes + arrived + part));
            arrived += part;
            between.make_room(random() % 50);
            between.run();
        }
        ASSERT_EQ(between.sent.written.size(), expected.size() * sizeof expected[0]) << "trial " << trial;
        ASSERT_EQ(std::memcmp(between.sent.written.data(), expected.data(), between.sent.written.size()), 0);
    }
}

} // namespace NC_FILE
} // namespace nc::test
