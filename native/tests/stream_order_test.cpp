// The bytes on every connection, in each direction, against mlx-ring-wire.md: the worked examples of section 12 as they
// stand there, and other shapes against a simulation written from sections 5 to 7.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "bytes.h"
#include "half_reference.h"
#include "wire_ring.h"

namespace nc::test {
namespace NC_FILE {

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
    Bytes bytes(values.size() * sizeof(T));
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

std::vector<std::vector<float>> random_floats(int ranks, std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::vector<float>> values(static_cast<std::size_t>(ranks), std::vector<float>(count));
    for (auto& of_rank : values) {
        for (float& value : of_rank)
            value = std::ldexp(static_cast<float>(random()), static_cast<int>(random() % 40) - 50) *
                    (random() % 2 == 0 ? 1.0F : -1.0F);
    }
    return values;
}

// Sums in place on all ranks.
std::vector<Written> all_sum(WireRing& ring, std::vector<std::vector<float>>& values) {
    return ring.run([&](int rank) {
        auto& own = values[static_cast<std::size_t>(rank)];
        return request_of(NC_ALL_REDUCE, NC_FLOAT32, own.size(), own.data(), own.data());
    });
}

// Section 12.1.
TEST(StreamOrder, ThreeRanksSumTenFloats) {
    WireRing ring(3, 1);
    auto values = random_floats(3, 10, 121);
    const auto x = values;
    const std::vector<Written> written = all_sum(ring, values);

    const auto segment = [&](const std::vector<float>& from, int k) {
        return std::vector<float>(from.begin() + k * 4, from.begin() + std::min(k * 4 + 4, 10));
    };
    const auto sum = [](std::vector<float> own, const std::vector<float>& in) {
        for (std::size_t i = 0; i < own.size(); ++i) own[i] = own[i] + in[i];
        return own;
    };
    const auto total0 = sum(segment(x[1], 0), sum(segment(x[2], 0), segment(x[0], 0)));
    const auto total1 = sum(segment(x[2], 1), sum(segment(x[0], 1), segment(x[1], 1)));
    const auto total2 = sum(segment(x[0], 2), sum(segment(x[1], 2), segment(x[2], 2)));
    std::vector<float> total = total0;
    total.insert(total.end(), total1.begin(), total1.end());
    total.insert(total.end(), total2.begin(), total2.end());
    for (const auto& result : values) EXPECT_EQ(bytes_of(result), bytes_of(total));

    // rank 0 -> 2: own segment 0; segment 1 with 1's; the totals of 2 and 0. The others alike.
    const auto stream = [&](const std::vector<std::vector<float>>& parts) {
        Bytes bytes;
        for (const auto& part : parts) append(bytes, bytes_of(part));
        return bytes;
    };
    EXPECT_EQ(written[0].left[0], stream({segment(x[0], 0), sum(segment(x[0], 1), segment(x[1], 1)), total2, total0}));
    EXPECT_EQ(written[1].left[0], stream({segment(x[1], 1), sum(segment(x[1], 2), segment(x[2], 2)), total0, total1}));
    EXPECT_EQ(written[2].left[0], stream({segment(x[2], 2), sum(segment(x[2], 0), segment(x[0], 0)), total1, total2}));
    EXPECT_EQ(written[0].left[0].size(), 56U);
    EXPECT_EQ(written[1].left[0].size(), 56U);
    EXPECT_EQ(written[2].left[0].size(), 48U);
    for (const Written& of_rank : written) EXPECT_TRUE(of_rank.right[0].empty());
}

TEST(StreamOrder, FewerElementsThanRanksGoTheOtherWay) {
    WireRing ring(3, 1);
    auto values = random_floats(3, 2, 122);
    auto x = values;
    for (auto& of_rank : x) of_rank.push_back(0);
    const std::vector<Written> written = all_sum(ring, values);
    // Element k starts at rank k and travels up: k + 1 and then k + 2 add theirs.
    const auto at = [&](int rank, int k) {
        return x[static_cast<std::size_t>((rank + 3) % 3)][static_cast<std::size_t>((k + 3) % 3)];
    };
    const auto partial = [&](int k) { return at(k + 1, k) + at(k, k); };
    const auto total = [&](int k) { return at(k + 2, k) + partial(k); };
    for (int r = 0; r < 3; ++r) {
        const auto& of_rank = written[static_cast<std::size_t>(r)];
        EXPECT_EQ(of_rank.right[0],
                  bytes_of(std::vector<float>{at(r, r), partial((r + 2) % 3), total((r + 1) % 3), total(r)}))
            << r;
        EXPECT_TRUE(of_rank.left[0].empty());
    }
    for (const auto& result : values) EXPECT_EQ(result, (std::vector<float>{total(0), total(1)}));
}

TEST(StreamOrder, EvenNothingIsReducedOnTheWire) {
    WireRing ring(4, 2);
    std::vector<std::vector<float>> values(4);
    for (const Written& of_rank : all_sum(ring, values)) {
        EXPECT_EQ(of_rank.right[0], Bytes(24));
        EXPECT_TRUE(of_rank.right[1].empty() && of_rank.left[0].empty() && of_rank.left[1].empty());
    }
}

// Section 12.2.
TEST(StreamOrder, TwoRanksSumFourMebibytesOverTwoSockets) {
    WireRing ring(2, 2);
    auto values = random_floats(2, 1'048'576, 1220);
    const auto x = values;
    const std::vector<Written> written = all_sum(ring, values);
    std::vector<float> sums(x[0].size());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = x[0][i] + x[1][i];
    EXPECT_EQ(values[0], sums);
    EXPECT_EQ(values[1], sums);
    constexpr std::size_t k = 524'288;
    const Bytes own[2] = {bytes_of(x[0]), bytes_of(x[1])};
    const Bytes final = bytes_of(sums);
    const auto stream = [&](int rank, std::size_t first, std::size_t second) {
        Bytes bytes;
        append(bytes, own[rank], first * k, (first + 1) * k);
        append(bytes, final, second * k, (second + 1) * k);
        return bytes;
    };
    // a_i was opened by rank 0 (its right, rank 1's left), b_i by rank 1.
    EXPECT_TRUE(written[0].left[0] == stream(0, 0, 1)) << "b_0";
    EXPECT_TRUE(written[1].right[0] == stream(1, 3, 2)) << "b_0";
    EXPECT_TRUE(written[1].left[0] == stream(1, 1, 0)) << "a_0";
    EXPECT_TRUE(written[0].right[0] == stream(0, 2, 3)) << "a_0";
    EXPECT_TRUE(written[0].left[1] == stream(0, 4, 5)) << "b_1";
    EXPECT_TRUE(written[1].right[1] == stream(1, 7, 6)) << "b_1";
    EXPECT_TRUE(written[1].left[1] == stream(1, 5, 4)) << "a_1";
    EXPECT_TRUE(written[0].right[1] == stream(0, 6, 7)) << "a_1";
}

// Section 12.3.
TEST(StreamOrder, ThreeRanksGatherEightHundredThousandBytes) {
    WireRing ring(3, 2);
    const auto x = random_floats(3, 200'000, 123);
    std::vector<std::vector<float>> all(3, std::vector<float>(600'000));
    const std::vector<Written> written = ring.run([&](int rank) {
        const auto r = static_cast<std::size_t>(rank);
        return request_of(NC_ALL_GATHER, NC_FLOAT32, 200'000, x[r].data(), all[r].data());
    });
    Bytes block[3];
    Bytes expected;
    for (std::size_t r = 0; r < 3; ++r) {
        block[r] = bytes_of(x[r]);
        append(expected, block[r]);
    }
    for (const auto& result : all) EXPECT_TRUE(bytes_of(result) == expected);
    const auto stream = [&](std::size_t first, std::size_t second, std::size_t begin, std::size_t end) {
        Bytes bytes;
        append(bytes, block[first], begin, end);
        append(bytes, block[second], begin, end);
        return bytes;
    };
    EXPECT_TRUE(written[1].left[0] == stream(1, 2, 0, 266'667));
    EXPECT_TRUE(written[1].right[0] == stream(1, 0, 266'667, 533'334));
    EXPECT_TRUE(written[1].left[1] == stream(1, 2, 533'334, 800'000));
    EXPECT_TRUE(written[1].right[1].empty());
}

// A simulation of sections 5 and 6, step by step for all ranks at once, over 16-bit floats: their sums show every
// difference in the order of additions.
class Simulation {
public:
    Simulation(int ranks, int sockets)
        : n_(ranks), s_(static_cast<std::size_t>(sockets)), written(nothing_written(ranks, sockets)) {}

    void all_reduce(std::vector<std::vector<std::uint16_t>>& x, nc_reduce_op op) {
        const std::size_t count = x[0].size();
        const auto n = static_cast<std::size_t>(n_);
        if (count < n) {
            auto padded = x;
            for (auto& row : padded) row.resize(n);
            slice(padded, op, 0, n, 0, -1);
            for (std::size_t r = 0; r < n; ++r) std::copy_n(padded[r].begin(), count, x[r].begin());
            return;
        }
        const std::size_t m = std::max<std::size_t>(1, std::min(2 * s_, count * 2 / (n * 262'144)));
        const std::size_t step = (count + m - 1) / m;
        for (std::size_t i = 0; i < m; ++i)
            slice(x, op, std::min(i * step, count), std::min((i + 1) * step, count), i / 2, i % 2 == 0 ? 1 : -1);
    }

    void all_gather(const std::vector<Bytes>& blocks) {
        const std::size_t bytes = blocks[0].size();
        const std::size_t m = std::max<std::size_t>(1, std::min(2 * s_, bytes / 262'144));
        const std::size_t step = (bytes + m - 1) / m;
        for (std::size_t i = 0; i < m; ++i) {
            const int d = i % 2 == 0 ? 1 : -1;
            for (int t = 0; t <= n_ - 2; ++t) {
                for (int r = 0; r < n_; ++r)
                    append(stream(r, i / 2, d), blocks[index(r + d * t)], std::min(i * step, bytes),
                           std::min((i + 1) * step, bytes));
            }
        }
    }

private:
    std::size_t index(int rank) const { return static_cast<std::size_t>(((rank % n_) + n_) % n_); }
    Bytes& stream(int rank, std::size_t connection, int d) {
        return d == -1 ? written[index(rank)].right[connection] : written[index(rank)].left[connection];
    }

    // By their bits.
    static std::vector<float> all_values() {
        std::vector<float> values;
        for (std::uint32_t bits = 0; bits <= 0xffff; ++bits)
            values.push_back(static_cast<float>(value_of(binary16, bits)));
        return values;
    }

    static std::uint16_t combined(nc_reduce_op op, std::uint16_t own, std::uint16_t in) {
        static const std::vector<float> values = all_values();
        const float a = values[own];
        const float b = values[in];
        if (op == NC_SUM)
            return round_to(binary16, static_cast<float>(static_cast<double>(a) + static_cast<double>(b)));
        return op == NC_MAX ? (a < b ? in : own) : (b < a ? in : own);
    }

    void slice(std::vector<std::vector<std::uint16_t>>& x, nc_reduce_op op, std::size_t begin, std::size_t end,
               std::size_t connection, int d) {
        const std::size_t length = end - begin;
        const std::size_t seg = (length + static_cast<std::size_t>(n_) - 1) / static_cast<std::size_t>(n_);
        const auto from = [&](int k) { return begin + std::min(index(k) * seg, length); };
        const auto to = [&](int k) { return begin + std::min((index(k) + 1) * seg, length); };
        for (int t = 0; t <= 2 * n_ - 3; ++t) {
            std::vector<std::vector<std::uint16_t>> sent;
            for (int r = 0; r < n_; ++r) {
                const auto& row = x[index(r)];
                const int k = r + d * t;
                sent.emplace_back(row.begin() + static_cast<std::ptrdiff_t>(from(k)),
                                  row.begin() + static_cast<std::ptrdiff_t>(to(k)));
                const Bytes bytes = bytes_of(sent.back());
                append(stream(r, connection, d), bytes);
            }
            for (int r = 0; r < n_; ++r) {
                // d = -1 receives from the left, +1 from the right: from rank r + d.
                const auto& in = sent[index(r + d)];
                const int k = r + d * (t + 1);
                for (std::size_t e = from(k); e < to(k); ++e) {
                    std::uint16_t& own = x[index(r)][e];
                    own = t <= n_ - 2 ? combined(op, own, in[e - from(k)]) : in[e - from(k)];
                }
            }
        }
    }

    const int n_;
    const std::size_t s_;

public:
    std::vector<Written> written;
};

void expect_same(const std::vector<Written>& expected, const std::vector<Written>& actual, const std::string& what) {
    for (std::size_t r = 0; r < expected.size(); ++r) {
        for (std::size_t i = 0; i < expected[r].left.size(); ++i) {
            EXPECT_TRUE(expected[r].left[i] == actual[r].left[i])
                << what << ": rank " << r << " to its left, connection " << i << ", " << actual[r].left[i].size()
                << " bytes";
            EXPECT_TRUE(expected[r].right[i] == actual[r].right[i])
                << what << ": rank " << r << " to its right, connection " << i << ", " << actual[r].right[i].size()
                << " bytes";
        }
    }
}

class Shapes : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(Shapes, AllReduceWritesWhatTheSpecificationSaysAndGivesItsResults) {
    const auto [n, s] = GetParam();
    WireRing ring(n, s);
    std::mt19937 random(static_cast<unsigned>(n * 10 + s));
    const auto ranks = static_cast<std::size_t>(n);
    const std::size_t unit = ranks * 131'072; // elements of 256 KiB for each rank
    std::vector<std::size_t> counts{0, 1, ranks - 1, ranks, ranks + 1, 10, 1009, 2 * unit - 1, 2 * unit, 3 * unit + 1};
    for (const std::size_t count : counts) {
        if (slow_by_threads && count > 2000 && count != 2 * unit) continue;
        for (const nc_reduce_op op : {NC_SUM, NC_MAX, NC_MIN}) {
            if (op != NC_SUM && count > 2000) continue;
            for (const bool in_place : {true, false}) {
                if (!in_place && count > 2 * unit) continue;
                std::vector<std::vector<std::uint16_t>> x(ranks, std::vector<std::uint16_t>(count));
                for (auto& row : x) {
                    // All numbers, and in max and min also NaNs and infinities: which ranks see one, and in which role,
                    // is prescribed.
                    for (auto& bits : row)
                        bits = static_cast<std::uint16_t>(op == NC_SUM        ? random() & 0xbbff
                                                          : random() % 4 == 0 ? 0x7c00 | (random() & 0x8001)
                                                                              : random());
                }
                auto results =
                    in_place ? x : std::vector<std::vector<std::uint16_t>>(ranks, std::vector<std::uint16_t>(count));
                const auto before = x;
                const auto written = ring.run([&](int rank) {
                    const auto r = static_cast<std::size_t>(rank);
                    nc_request request = request_of(NC_ALL_REDUCE, NC_FLOAT16, count,
                                                    in_place ? results[r].data() : x[r].data(), results[r].data());
                    request.reduce_op = op;
                    return request;
                });
                EXPECT_TRUE(x == before) << "the input was changed";
                Simulation simulation(n, s);
                auto expected = x;
                simulation.all_reduce(expected, op);
                const std::string what = text("all-reduce ", op, " of ", count, in_place ? " in place" : "");
                expect_same(simulation.written, written, what);
                EXPECT_TRUE(results == expected) << what;
            }
        }
    }
}

TEST_P(Shapes, AllGatherWritesWhatTheSpecificationSays) {
    const auto [n, s] = GetParam();
    WireRing ring(n, s);
    const auto ranks = static_cast<std::size_t>(n);
    std::mt19937 random(7);
    for (const std::size_t bytes : {0, 1, 5, 1000, 2 * 262'144 - 1, 2 * 262'144, 3 * 262'144 + 5, 5 * 262'144}) {
        if (slow_by_threads && bytes > 2 * 262'144) continue;
        for (const bool in_place : {false, true}) {
            std::vector<Bytes> blocks;
            Bytes all;
            for (std::size_t rank = 0; rank < ranks; ++rank) {
                blocks.push_back(random_bytes(bytes, random));
                append(all, blocks.back());
            }
            std::vector<Bytes> results(ranks, Bytes(ranks * bytes));
            const auto written = ring.run([&](int rank) {
                const auto r = static_cast<std::size_t>(rank);
                std::byte* own = results[r].data() + r * bytes;
                if (in_place) std::copy(blocks[r].begin(), blocks[r].end(), own);
                return request_of(NC_ALL_GATHER, NC_UINT8, bytes, in_place ? own : blocks[r].data(), results[r].data());
            });
            Simulation simulation(n, s);
            simulation.all_gather(blocks);
            expect_same(simulation.written, written, text("all-gather of ", bytes));
            for (const Bytes& result : results) EXPECT_TRUE(result == all);
        }
    }
}

TEST_P(Shapes, MessagesGoOverTheConnectionsOfTheSpecification) {
    const auto [n, s] = GetParam();
    WireRing ring(n, s);
    const auto sockets = static_cast<std::size_t>(s);
    std::mt19937 random(8);
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, std::size_t{1023}, std::size_t{1024}, std::size_t{1025}, sockets * 1024 - 1,
          sockets * 1024, sockets * 1024 + 1, std::size_t{3'000'001}}) {
        for (const bool to_right : {true, false}) {
            // Only rank 0 sends; the others take part in what they are not asked for by receiving nothing.
            const Bytes message = random_bytes(bytes, random);
            Bytes got(bytes);
            const int peer = to_right ? 1 : n - 1;
            const auto written = ring.run([&](int rank) {
                nc_request request = request_of(rank == 0 ? NC_SEND : NC_RECEIVE, NC_UINT8, 0);
                request.peer = rank == 0 ? peer : (rank + n - 1) % n;
                if (rank == 0 || rank == peer) request.count = bytes;
                if (rank == 0) request.send_buffer = message.data();
                if (rank == peer) {
                    request.receive_buffer = got.data();
                    request.peer = 0;
                }
                return request;
            });
            EXPECT_TRUE(got == message);
            auto expected = nothing_written(n, s);
            const std::size_t seg = std::max<std::size_t>(1024, (bytes + sockets - 1) / sockets);
            for (std::size_t i = 0; i * seg < bytes; ++i)
                append(to_right || n == 2 ? expected[0].right[i] : expected[0].left[i], message, i * seg,
                       std::min((i + 1) * seg, bytes));
            expect_same(expected, written, text("message of ", bytes));
        }
    }
}

// What is written does not depend on the sanitizer: where that is slow, a few shapes, and the smallest count that makes
// several slices, have all the threads there are.
std::vector<std::pair<int, int>> shapes() {
    if (slow_by_threads) return {{2, 2}, {3, 2}, {4, 3}};
    return {{2, 1}, {2, 2}, {2, 3}, {3, 1}, {3, 2}, {4, 3}, {5, 1}};
}

INSTANTIATE_TEST_SUITE_P(StreamOrder, Shapes, ::testing::ValuesIn(shapes()), [](const auto& shape) {
    return text(shape.param.first, "Ranks", shape.param.second, "Sockets");
});

} // namespace NC_FILE
} // namespace nc::test
