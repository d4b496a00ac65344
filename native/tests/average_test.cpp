// Averages of simulated ranks against exact ones: integers to the last bit, floats within as many units in the last
// place as there are ranks, and nothing that can be represented overflows.
#include "operation/average.h"

#include <gtest/gtest.h>

#include <barrier>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "base/error.h"
#include "element_reference.h"
#include "operation/data_type.h"
#include "operation/element.h"
#include "operation/reduction.h"
#include "operation/traits.h"

namespace nc::test {
namespace NC_FILE {

constexpr int all_sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 128};
constexpr Adder all_adders[] = {Adder::Saturating, Adder::Plain};

// What the ranks' elements come to: each contributes, the addends are combined one after the other, and one finishes.
template <class T>
std::vector<T> averaged(nc_data_type type, Adder adder, const std::vector<std::vector<T>>& ranks) {
    const std::size_t count = ranks[0].size() * sizeof(T) / data_type_size(type);
    const Average average(type, static_cast<int>(ranks.size()), adder);
    const Combine combine = combine_function(average.addend_type(), average.addend_op(), NanRule::Wins);
    const std::size_t addends = count * average.factor();
    std::vector<std::byte> sum(addends * data_type_size(average.addend_type()));
    std::vector<std::byte> own(sum.size());
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
        average.contribute(rank == 0 ? sum.data() : own.data(), ranks[rank].data(), count);
        if (rank > 0) combine(sum.data(), own.data(), sum.data(), addends);
    }
    std::vector<T> result(ranks[0].size());
    average.finish(result.data(), sum.data(), count);
    return result;
}

// The same of one number of each rank.
template <class T>
T average_of(nc_data_type type, Adder adder, const std::vector<T>& ranks) {
    std::vector<std::vector<T>> single;
    for (const T& value : ranks) single.push_back({value});
    return averaged(type, adder, single)[0];
}

std::uint16_t half(double value) {
    return round_to(binary16, value);
}

template <class T>
void check_integers(nc_data_type type) {
    std::mt19937_64 random(type);
    constexpr T least = std::numeric_limits<T>::min();
    constexpr T most = std::numeric_limits<T>::max();
    const T edges[] = {least, static_cast<T>(least + 1), static_cast<T>(-1), 0, 1, 7, static_cast<T>(most - 1), most};
    for (const int n : all_sizes) {
        std::vector<std::vector<T>> ranks(static_cast<std::size_t>(n), std::vector<T>(2000));
        for (std::size_t i = 0; i < 2000; ++i) {
            // All at one edge, each at any edge, anything, and small numbers of both signs.
            const T same = edges[i % 8];
            for (auto& rank : ranks) {
                const T any = static_cast<T>(random());
                rank[i] = i < 8 ? same : i < 700 ? edges[random() % 8] : i < 1400 ? any : static_cast<T>(any % 10);
            }
        }
        for (const Adder adder : all_adders) {
            const std::vector<T> actual = averaged(type, adder, ranks);
            for (std::size_t i = 0; i < actual.size(); ++i) {
                __extension__ typedef __int128 Wide;
                Wide sum = 0;
                for (const auto& rank : ranks) sum += rank[i];
                ASSERT_EQ(actual[i], static_cast<T>(sum / n))
                    << data_type_name(type) << " of " << n << " ranks, element " << i;
            }
        }
    }
}

TEST(Average, OfIntegersIsExactAndTruncatedTowardZero) {
    check_integers<std::int8_t>(NC_INT8);
    check_integers<std::int16_t>(NC_INT16);
    check_integers<std::int32_t>(NC_INT32);
    check_integers<std::int64_t>(NC_INT64);
    check_integers<std::uint8_t>(NC_UINT8);
    check_integers<std::uint16_t>(NC_UINT16);
    check_integers<std::uint32_t>(NC_UINT32);
    check_integers<std::uint64_t>(NC_UINT64);
}

TEST(Average, OfWhatOverflowedBefore) {
    for (const Adder adder : all_adders) {
        EXPECT_EQ(average_of<std::uint8_t>(NC_UINT8, adder, {200, 200, 200}), 200);
        EXPECT_EQ(average_of<std::int32_t>(NC_INT32, adder, {INT32_MIN, INT32_MIN}), INT32_MIN);
        EXPECT_EQ(average_of<std::uint64_t>(NC_UINT64, adder, {UINT64_MAX, UINT64_MAX, UINT64_MAX}), UINT64_MAX);
        EXPECT_EQ(average_of<std::uint16_t>(NC_FLOAT16, adder, {half(40000), half(40000)}), half(40000));
        EXPECT_EQ(average_of<float>(NC_FLOAT32, adder, {3e38F, 3e38F}), 3e38F);
        EXPECT_EQ(average_of<double>(NC_FLOAT64, adder, {1.5e308, 1.5e308, 1.5e308, -1.5e308}), 0.75e308);
        const std::vector<float> complex = averaged<float>(NC_COMPLEX64, adder, {{3e38F, -3e38F}, {3e38F, -3e38F}});
        EXPECT_EQ(complex, (std::vector<float>{3e38F, -3e38F}));
    }
}

// A floating-point type: how to read and write it, and what a unit in the last place of a number is.
struct Float {
    nc_data_type type;
    std::size_t parts; // numbers in an element
    int precision;
    int least_exponent; // of the smallest normal number
    long double most;
};
constexpr Float floats[] = {
    {NC_FLOAT16, 1, 11, -14, 65504.0L},
    {NC_BFLOAT16, 1, 8, -126, 0x1.fep127L},
    {NC_FLOAT32, 1, 24, -126, 0x1.fffffep127L},
    {NC_COMPLEX64, 2, 24, -126, 0x1.fffffep127L},
    {NC_FLOAT64, 1, 53, -1022, 0x1.fffffffffffffp1023L},
};

long double unit(const Float& format, long double value) {
    int exponent = format.least_exponent;
    if (value != 0) exponent = std::max(exponent, std::ilogb(value));
    return std::ldexp(1.0L, exponent - format.precision + 1);
}

std::vector<std::byte> bytes_of(const Float& format, const std::vector<double>& numbers) {
    const std::size_t item = data_type_size(format.type) / format.parts;
    std::vector<std::byte> bytes(numbers.size() * item);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        store(format.type == NC_COMPLEX64 ? NC_FLOAT32 : format.type, bytes.data() + i * item, numbers[i], 0);
    }
    return bytes;
}

double number_in(const Float& format, const std::vector<std::byte>& bytes, std::size_t i) {
    const std::size_t item = data_type_size(format.type) / format.parts;
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * item, item);
    switch (format.type) {
        case NC_FLOAT16:
            return value_of(binary16, static_cast<std::uint32_t>(bits));
        case NC_BFLOAT16:
            return value_of(bfloat16, static_cast<std::uint32_t>(bits));
        case NC_FLOAT64:
            return std::bit_cast<double>(bits);
        default:
            return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    }
}

// Elements whose numbers make(i) gives, once for each rank.
template <class Make>
void check_floats(const Float& format, int n, Adder adder, bool of_one_sign, Make&& make) {
    constexpr std::size_t count = 600;
    std::vector<std::vector<std::byte>> ranks;
    for (int rank = 0; rank < n; ++rank) {
        std::vector<double> numbers;
        for (std::size_t i = 0; i < count; ++i) numbers.push_back(make(i));
        ranks.push_back(bytes_of(format, numbers));
    }
    const std::vector<std::byte> actual = averaged(format.type, adder, ranks);
    for (std::size_t i = 0; i < count; ++i) {
        long double sum = 0;
        long double largest = 0;
        for (const auto& rank : ranks) {
            const long double value = number_in(format, rank, i);
            sum += value / n;
            largest = std::max(largest, std::fabs(value));
        }
        const double result = number_in(format, actual, i);
        // Where NCCL adds doubles they make room with one bit more.
        const bool is_tiny =
            format.type == NC_FLOAT64 && adder == Adder::Plain && largest < std::ldexp(4.0L * n, format.least_exponent);
        const long double allowed = (is_tiny ? 2 : 1) * n * unit(format, of_one_sign ? sum : largest);
        ASSERT_LE(std::fabs(result - sum), allowed) << data_type_name(format.type) << " of " << n << " ranks, element "
                                                    << i << ": " << result << " for " << static_cast<double>(sum);
    }
}

TEST(Average, OfFloatsIsWithinAsManyUnitsInTheLastPlaceAsThereAreRanks) {
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> fraction(0.5, 1);
    for (const Float& format : floats) {
        const int top = std::ilogb(format.most);
        const auto anywhere = [&] {
            return format.least_exponent +
                   static_cast<int>(random() % static_cast<unsigned>(top - format.least_exponent));
        };
        const auto sign = [&] { return random() % 2 == 0 ? 1.0 : -1.0; };
        const int subnormals = format.least_exponent - format.precision + 1;
        for (const int n : all_sizes) {
            for (const Adder adder : all_adders) {
                const auto check = [&](bool of_one_sign, auto&& make) {
                    check_floats(format, n, adder, of_one_sign, make);
                };
                check(true, [&](std::size_t) { return std::ldexp(fraction(random), 3); });
                check(true, [&](std::size_t i) {
                    return i == 0 ? static_cast<double>(format.most) : std::ldexp(fraction(random), top + 1) * 0.99;
                });
                check(false, [&](std::size_t) { return sign() * std::ldexp(fraction(random), anywhere()); });
                check(false, [&](std::size_t) { return sign() * static_cast<double>(format.most); });
                check(true,
                      [&](std::size_t i) { return std::ldexp(static_cast<double>(i % 9 + random() % 3), subnormals); });
                check(false, [&](std::size_t i) {
                    return sign() * std::ldexp(static_cast<double>(random() % 600 * (i % 3)), subnormals);
                });
            }
        }
    }
}

TEST(Average, OfEqualFloatsThatAreNotTinyIsTheSame) {
    std::mt19937_64 random(8);
    for (const int n : {1, 2, 4, 8, 128}) {
        for (const Float& format : floats) {
            const double value = std::ldexp(1.0 + static_cast<double>(random() % 8) / 8, 2);
            const std::vector<std::vector<std::byte>> ranks(static_cast<std::size_t>(n),
                                                            bytes_of(format, {value, -value}));
            for (const Adder adder : all_adders) EXPECT_EQ(averaged(format.type, adder, ranks), ranks[0]);
        }
    }
}

// However often it was rounded up on the way.
TEST(Average, OfLargestNumbersIsFinite) {
    for (const Float& format : floats) {
        for (int n = 1; n <= 200; ++n) {
            const double most = static_cast<double>(format.most);
            const std::vector<std::vector<std::byte>> ranks(static_cast<std::size_t>(n),
                                                            bytes_of(format, {most, -most}));
            for (const Adder adder : all_adders) {
                const std::vector<std::byte> result = averaged(format.type, adder, ranks);
                ASSERT_TRUE(std::isfinite(number_in(format, result, 0))) << data_type_name(format.type) << " of " << n;
                ASSERT_TRUE(std::isfinite(number_in(format, result, 1))) << data_type_name(format.type) << " of " << n;
            }
        }
    }
}

TEST(Average, OfInfinitiesAndNansIsThatOfTheSum) {
    const double inf = std::numeric_limits<double>::infinity();
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const Float& format : floats) {
        const double most = static_cast<double>(format.most);
        const std::vector<std::vector<std::byte>> ranks{bytes_of(format, {inf, -inf, inf, nan, 1.0, most}),
                                                        bytes_of(format, {most, -1.0, -inf, inf, nan, inf}),
                                                        bytes_of(format, {-most, 0.0, 1.0, 2.0, 3.0, -most})};
        for (const Adder adder : all_adders) {
            const std::vector<std::byte> result = averaged(format.type, adder, ranks);
            EXPECT_EQ(number_in(format, result, 0), inf);
            EXPECT_EQ(number_in(format, result, 1), -inf);
            for (const std::size_t i : {2U, 3U, 4U})
                EXPECT_TRUE(std::isnan(number_in(format, result, i))) << data_type_name(format.type) << ' ' << i;
            EXPECT_EQ(number_in(format, result, 5), inf);
        }
    }
}

// ---- whole operations -----------------------------------------------------------------------------------------------

// Sums what ranks, which are threads, bring to it.
class Meeting {
public:
    explicit Meeting(int ranks) : parts_(static_cast<std::size_t>(ranks)), barrier_(ranks) {}

    // Like a backend: of a reduction or scatter each rank gets its own part only.
    void reduce(const nc_request& part, int rank) {
        parts_[static_cast<std::size_t>(rank)] = &part;
        barrier_.arrive_and_wait();
        const std::size_t item = data_type_size(part.data_type);
        std::size_t skipped = 0;
        if (part.operation == NC_REDUCE_SCATTER) {
            for (int i = 0; i < rank; ++i) skipped += part.send_counts != nullptr ? part.send_counts[i] : part.count;
        }
        std::vector<std::byte> sum(part.count * item);
        const Combine combine = combine_function(part.data_type, part.reduce_op, NanRule::Wins);
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            const std::byte* const theirs = static_cast<const std::byte*>(parts_[i]->send_buffer) + skipped * item;
            if (i == 0) {
                std::copy_n(theirs, sum.size(), sum.begin());
            } else {
                combine(sum.data(), sum.data(), theirs, part.count);
            }
        }
        barrier_.arrive_and_wait();
        if (part.operation != NC_REDUCE || part.peer == rank)
            std::copy(sum.begin(), sum.end(), static_cast<std::byte*>(part.receive_buffer));
        if (rank == 0) ++parts_done;
        barrier_.arrive_and_wait();
    }

    int parts_done = 0;

private:
    std::vector<const nc_request*> parts_;
    std::barrier<> barrier_;
};

struct Whole {
    nc_operation operation;
    nc_data_type type;
    std::vector<std::uint64_t> lengths; // of the blocks of a reduce-scatter, or one
    bool uneven;
    bool in_place;
    int parts;
};

void check_whole(const Whole& whole) {
    constexpr int n = 3;
    constexpr int root = 1;
    const std::size_t item = data_type_size(whole.type);
    const bool scatters = whole.operation == NC_REDUCE_SCATTER;
    std::size_t total = 0;
    for (const std::uint64_t length : whole.lengths) total += length;
    std::mt19937 random(5);
    const auto values = numbers(n, total, whole.type, NC_AVERAGE, random);
    const Buffer expected = reduced(whole.type, NC_AVERAGE, total, values);
    Meeting meeting(n);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < n; ++rank) {
        threads.emplace_back([&, rank] {
            const Buffer given = stored(whole.type, total, values[index(rank)]);
            Buffer input = given;
            const std::size_t own = scatters ? index(rank) : 0;
            std::size_t begin = 0;
            for (std::size_t i = 0; i < own; ++i) begin += whole.lengths[i] * item;
            const std::size_t bytes = whole.lengths[own] * item;
            Buffer apart(bytes, std::byte{0x55});
            nc_request request{};
            request.operation = whole.operation;
            request.data_type = whole.type;
            request.reduce_op = NC_AVERAGE;
            request.peer = root;
            request.count = whole.lengths[own];
            request.flags = whole.uneven ? NC_REQUEST_UNEVEN : 0;
            request.send_counts = whole.uneven ? whole.lengths.data() : nullptr;
            request.send_buffer = input.data();
            request.receive_buffer = whole.in_place ? input.data() + begin : apart.data();
            Scratch scratch;
            const auto reduce_part = [&](const nc_request& part) { meeting.reduce(part, rank); };
            average(request, rank, n, Adder::Saturating, scratch, reduce_part);
            const std::string what = std::string(operation_name(whole.operation)) + " of " + data_type_name(whole.type);
            const bool receives = whole.operation != NC_REDUCE || rank == root;
            if (receives) {
                const Buffer result = whole.in_place ? slice_of(input, begin, bytes) : apart;
                EXPECT_TRUE(result == slice_of(expected, begin, bytes)) << what << ", rank " << rank;
            }
            // What is not the result is as it was.
            if (!whole.in_place || !receives) {
                EXPECT_TRUE(input == given) << what << " changed the input of rank " << rank;
            }
            if (whole.in_place) {
                EXPECT_TRUE(slice_of(input, 0, begin) == slice_of(given, 0, begin));
                EXPECT_TRUE(slice_of(input, begin + bytes, input.size() - begin - bytes) ==
                            slice_of(given, begin + bytes, given.size() - begin - bytes));
            }
            if (!receives) {
                EXPECT_EQ(apart, Buffer(bytes, std::byte{0x55}));
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(meeting.parts_done, whole.parts)
        << operation_name(whole.operation) << " of " << data_type_name(whole.type);
}

TEST(Average, OfWholeOperationsOfEveryType) {
    for (const nc_data_type type : all_types) {
        if (type == NC_BOOL) continue;
        for (const bool in_place : {false, true}) {
            check_whole({NC_ALL_REDUCE, type, {67}, false, in_place, 1});
            check_whole({NC_ALL_REDUCE, type, {0}, false, in_place, 1});
            check_whole({NC_REDUCE, type, {67}, false, in_place, 1});
            check_whole({NC_REDUCE_SCATTER, type, {9, 9, 9}, false, in_place, 1});
            check_whole({NC_REDUCE_SCATTER, type, {0, 13, 5}, true, in_place, 1});
        }
    }
}

// Each part is 4 MiB of addends.
TEST(Average, OfManyElementsGoesOverThemInParts) {
    check_whole({NC_ALL_REDUCE, NC_INT32, {1'050'000}, false, true, 3});
    check_whole({NC_ALL_REDUCE, NC_FLOAT64, {600'000}, false, false, 1});
    check_whole({NC_REDUCE, NC_UINT8, {524'289}, false, false, 2});
    check_whole({NC_REDUCE_SCATTER, NC_BFLOAT16, {700'000, 700'000, 700'000}, false, true, 2});
    check_whole({NC_REDUCE_SCATTER, NC_UINT64, {100'000, 0, 87'382}, true, true, 2});
}

} // namespace NC_FILE
} // namespace nc::test
