// The combining kernels against references written from the rules (mlx-ring-wire.md, section 9, and
// native_collectives.h), for every element type and operator.
#include "operation/reduction.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "half_reference.h"
#include "local_ranks.h"
#include "operation/data_type.h"

namespace nc {
namespace NC_FILE {

constexpr nc_reduce_op all_operators[] = {NC_SUM, NC_PRODUCT, NC_MAX, NC_MIN, NC_AVERAGE};
constexpr NanRule all_rules[] = {NanRule::Wins, NanRule::OfMlx};
constexpr nc_data_type all_types[] = {NC_BOOL,     NC_INT8,    NC_INT16,   NC_INT32,    NC_INT64,
                                      NC_UINT8,    NC_UINT16,  NC_UINT32,  NC_UINT64,   NC_FLOAT16,
                                      NC_BFLOAT16, NC_FLOAT32, NC_FLOAT64, NC_COMPLEX64};

// An element of any type by its bits.
using Bits = std::uint64_t;

bool is_signed(nc_data_type type) {
    return type >= NC_INT8 && type <= NC_INT64;
}

Bits masked(nc_data_type type, Bits bits) {
    const std::size_t size = data_type_size(type);
    return size == 8 ? bits : bits & ((Bits{1} << (8 * size)) - 1);
}

std::int64_t sign_extended(nc_data_type type, Bits bits) {
    const std::size_t shift = 64 - 8 * data_type_size(type);
    return static_cast<std::int64_t>(bits << shift) >> shift;
}

float real_of(Bits bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
}
float imaginary_of(Bits bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits >> 32));
}
Bits complex_of(float real, float imaginary) {
    return std::bit_cast<std::uint32_t>(real) | static_cast<Bits>(std::bit_cast<std::uint32_t>(imaginary)) << 32;
}

// A binary32 result of one operation, from the exact (or innocuously rounded) binary64 one.
float float_sum(float a, float b) {
    return static_cast<float>(static_cast<double>(a) + static_cast<double>(b));
}
float float_product(float a, float b) {
    return static_cast<float>(static_cast<double>(a) * static_cast<double>(b));
}

const test::Format& format_of(nc_data_type type) {
    return type == NC_FLOAT16 ? test::binary16 : test::bfloat16;
}

bool less(nc_data_type type, Bits a, Bits b) {
    switch (type) {
        case NC_FLOAT16:
        case NC_BFLOAT16:
            return test::value_of(format_of(type), static_cast<std::uint32_t>(a)) <
                   test::value_of(format_of(type), static_cast<std::uint32_t>(b));
        case NC_FLOAT32:
            return real_of(a) < real_of(b);
        case NC_FLOAT64:
            return std::bit_cast<double>(a) < std::bit_cast<double>(b);
        case NC_COMPLEX64:
            if (real_of(a) < real_of(b)) return true;
            return real_of(a) == real_of(b) && imaginary_of(a) < imaginary_of(b);
        default:
            return is_signed(type) ? sign_extended(type, a) < sign_extended(type, b) : a < b;
    }
}

Bits arithmetic(nc_data_type type, bool product, Bits own, Bits in) {
    switch (type) {
        case NC_FLOAT16:
        case NC_BFLOAT16: {
            const auto a = static_cast<float>(test::value_of(format_of(type), static_cast<std::uint32_t>(own)));
            const auto b = static_cast<float>(test::value_of(format_of(type), static_cast<std::uint32_t>(in)));
            return test::round_to(format_of(type), product ? float_product(a, b) : float_sum(a, b));
        }
        case NC_FLOAT32:
            return std::bit_cast<std::uint32_t>(product ? float_product(real_of(own), real_of(in))
                                                        : float_sum(real_of(own), real_of(in)));
        case NC_FLOAT64: {
            const volatile double a = std::bit_cast<double>(own);
            const volatile double b = std::bit_cast<double>(in);
            return std::bit_cast<Bits>(product ? a * b : a + b);
        }
        case NC_COMPLEX64: {
            const float a = real_of(own), b = imaginary_of(own), c = real_of(in), d = imaginary_of(in);
            if (!product) return complex_of(float_sum(a, c), float_sum(b, d));
            const float bd = float_product(b, d), bc = float_product(b, c);
            return complex_of(float_sum(float_product(a, c), -bd), float_sum(float_product(a, d), bc));
        }
        default:
            return masked(type, product ? own * in : own + in);
    }
}

bool is_nan(nc_data_type type, Bits bits) {
    switch (type) {
        case NC_FLOAT16:
        case NC_BFLOAT16:
            return (bits & 0x7fff) > test::infinity_of(format_of(type));
        case NC_FLOAT32:
            return std::isnan(real_of(bits));
        case NC_FLOAT64:
            return std::isnan(std::bit_cast<double>(bits));
        case NC_COMPLEX64:
            return std::isnan(real_of(bits)) || std::isnan(imaginary_of(bits));
        default:
            return false;
    }
}

// A sum that stops at the largest finite number.
float limited(float sum, float a, float b) {
    return std::isinf(sum) && std::isfinite(a) && std::isfinite(b)
               ? std::copysign(std::numeric_limits<float>::max(), sum)
               : sum;
}
Bits limited_sum(nc_data_type type, Bits own, Bits in) {
    const Bits sum = arithmetic(type, false, own, in);
    switch (type) {
        case NC_FLOAT16:
        case NC_BFLOAT16: {
            const Bits infinity = test::infinity_of(format_of(type));
            return (sum & 0x7fff) == infinity && (own & 0x7fff) < infinity && (in & 0x7fff) < infinity ? sum - 1 : sum;
        }
        case NC_FLOAT32:
            return std::bit_cast<std::uint32_t>(limited(real_of(sum), real_of(own), real_of(in)));
        case NC_FLOAT64: {
            const bool is_finite =
                std::isfinite(std::bit_cast<double>(own)) && std::isfinite(std::bit_cast<double>(in));
            return std::isinf(std::bit_cast<double>(sum)) && is_finite ? sum - 1 : sum;
        }
        case NC_COMPLEX64:
            return complex_of(limited(real_of(sum), real_of(own), real_of(in)),
                              limited(imaginary_of(sum), imaginary_of(own), imaginary_of(in)));
        default:
            return sum;
    }
}

Bits reference(nc_data_type type, nc_reduce_op op, NanRule rule, Bits own, Bits in) {
    if (type == NC_BOOL)
        return op == NC_SUM || op == NC_AVERAGE || op == NC_MAX ? (own != 0 || in != 0) : (own != 0 && in != 0);
    if ((op == NC_MAX || op == NC_MIN) && rule == NanRule::Wins && (is_nan(type, own) || is_nan(type, in))) {
        if (type == NC_FLOAT16 || type == NC_BFLOAT16) return format_of(type).canonical_nan;
        return is_nan(type, own) ? own : in;
    }
    if (op == NC_AVERAGE) return limited_sum(type, own, in);
    if (op == NC_MAX) return less(type, own, in) ? in : own;
    if (op == NC_MIN) return less(type, in, own) ? in : own;
    return arithmetic(type, op == NC_PRODUCT, own, in);
}

// Whether a computed element is the expected one: bit for bit, save for what a computed NaN carries, which the hardware
// chooses.
bool matches(nc_data_type type, nc_reduce_op op, Bits expected, Bits actual) {
    if (expected == actual) return true;
    if (op == NC_MAX || op == NC_MIN) return false;
    switch (type) {
        case NC_FLOAT16:
            return (expected & 0x7fff) == 0x7d00 && (actual & 0x7fff) == 0x7d00;
        case NC_FLOAT32:
            return std::isnan(real_of(expected)) && std::isnan(real_of(actual));
        case NC_FLOAT64:
            return std::isnan(std::bit_cast<double>(expected)) && std::isnan(std::bit_cast<double>(actual));
        case NC_COMPLEX64: {
            const auto part = [](float a, float b) {
                return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
                       (std::isnan(a) && std::isnan(b));
            };
            return part(real_of(expected), real_of(actual)) && part(imaginary_of(expected), imaginary_of(actual));
        }
        default:
            return false;
    }
}

std::vector<std::byte> stored(nc_data_type type, const std::vector<Bits>& elements) {
    const std::size_t size = data_type_size(type);
    std::vector<std::byte> bytes(elements.size() * size);
    for (std::size_t i = 0; i < elements.size(); ++i) std::memcpy(bytes.data() + i * size, &elements[i], size);
    return bytes;
}

Bits element(nc_data_type type, const std::byte* bytes, std::size_t i) {
    Bits bits = 0;
    std::memcpy(&bits, bytes + i * data_type_size(type), data_type_size(type));
    return bits;
}

void check(nc_data_type type, nc_reduce_op op, NanRule rule, const std::vector<Bits>& own,
           const std::vector<Bits>& in) {
    const auto left = stored(type, own);
    const auto right = stored(type, in);
    std::vector<std::byte> result(left.size(), std::byte{0xa5});
    combine_function(type, op, rule)(result.data(), left.data(), right.data(), own.size());
    for (std::size_t i = 0; i < own.size(); ++i) {
        const Bits expected = reference(type, op, rule, own[i], in[i]);
        const Bits actual = element(type, result.data(), i);
        ASSERT_TRUE(matches(type, op, expected, actual))
            << data_type_name(type) << ' ' << reduce_op_name(op) << std::hex << " own " << own[i] << " incoming "
            << in[i] << " expected " << expected << " actual " << actual;
    }
    // In place.
    auto place = left;
    combine_function(type, op, rule)(place.data(), place.data(), right.data(), own.size());
    ASSERT_EQ(std::memcmp(place.data(), result.data(), result.size()), 0)
        << data_type_name(type) << ' ' << reduce_op_name(op) << " in place";
}

std::vector<Bits> interesting(nc_data_type type) {
    std::vector<Bits> values;
    const auto float_values = [] {
        constexpr float inf = std::numeric_limits<float>::infinity();
        constexpr float least = std::numeric_limits<float>::denorm_min();
        constexpr float small = std::numeric_limits<float>::min();
        constexpr float big = std::numeric_limits<float>::max();
        std::vector<float> list;
        for (const float value : {0.0F, least, 3 * least, small, small - least, 1.0F, 1.5F, 2.0F, 3.0F, 0x1p-24F,
                                  0x1.fffffep-1F, 1e10F, 0x1p24F, 0x1p64F, big / 2, big, inf}) {
            list.push_back(value);
            list.push_back(-value);
        }
        return list;
    }();
    const std::uint32_t float_nans[] = {0x7fc00000, 0xffc00000, 0x7fc12345, 0x7f800001, 0xff80beef, 0x7fffffff};
    switch (type) {
        case NC_BOOL:
            return {0, 1, 2, 3, 0x80, 0xff};
        case NC_FLOAT32:
            for (const float value : float_values) values.push_back(std::bit_cast<std::uint32_t>(value));
            values.insert(values.end(), std::begin(float_nans), std::end(float_nans));
            return values;
        case NC_FLOAT64: {
            constexpr double inf = std::numeric_limits<double>::infinity();
            constexpr double least = std::numeric_limits<double>::denorm_min();
            constexpr double big = std::numeric_limits<double>::max();
            for (const double value : {0.0, least, std::numeric_limits<double>::min(), 1.0, 0x1.fffffffffffffp-1,
                                       0x1p-53, 3.0, 0x1p53, 1e300, big, inf}) {
                values.push_back(std::bit_cast<Bits>(value));
                values.push_back(std::bit_cast<Bits>(-value));
            }
            for (const Bits nan : {Bits{0x7ff8000000000000}, Bits{0xfff8000000000001}, Bits{0x7ff0000000000001}})
                values.push_back(nan);
            return values;
        }
        case NC_COMPLEX64: {
            constexpr float nan = std::numeric_limits<float>::quiet_NaN();
            constexpr float inf = std::numeric_limits<float>::infinity();
            for (const float real : {0.0F, -0.0F, 1.0F, -1.0F, 2.5F, inf, -inf, nan, 1e30F}) {
                for (const float imaginary : {0.0F, -0.0F, 1.0F, -3.0F, inf, nan, 1e-30F})
                    values.push_back(complex_of(real, imaginary));
            }
            return values;
        }
        case NC_FLOAT16:
        case NC_BFLOAT16: {
            const Bits infinity = test::infinity_of(format_of(type));
            const Bits one = test::round_to(format_of(type), 1.0);
            for (const Bits magnitude :
                 {Bits{0}, Bits{1}, Bits{2}, Bits{3}, infinity - 1, infinity, infinity + 1, Bits{0x7fff}, one, one + 1,
                  one - 1, one / 2, one + one / 2, Bits{test::round_to(format_of(type), 0x1p-11)},
                  Bits{test::round_to(format_of(type), 0x1p-8)}, Bits{test::round_to(format_of(type), 3 * 0x1p-12)}}) {
                values.push_back(magnitude);
                values.push_back(magnitude | 0x8000);
            }
            return values;
        }
        default: {
            const Bits top = Bits{1} << (8 * data_type_size(type) - 1);
            for (const Bits value : {Bits{0}, Bits{1}, Bits{2}, Bits{3}, Bits{100}, top, top - 1, top + 1, top / 2,
                                     top / 2 + 1, ~Bits{0}, ~Bits{1}, ~Bits{100}, Bits{0x5deece66d}}) {
                values.push_back(masked(type, value));
            }
            return values;
        }
    }
}

void check(nc_data_type type, nc_reduce_op op, const std::vector<Bits>& own, const std::vector<Bits>& in) {
    for (const NanRule rule : all_rules) check(type, op, rule, own, in);
}

void check_pairs(nc_data_type type, nc_reduce_op op, const std::vector<Bits>& lefts, const std::vector<Bits>& rights) {
    std::vector<Bits> own;
    std::vector<Bits> in;
    for (const Bits left : lefts) {
        for (const Bits right : rights) {
            own.push_back(left);
            in.push_back(right);
        }
    }
    check(type, op, own, in);
}

TEST(Reduction, EveryTypeAndOperatorOnInterestingOperands) {
    for (const nc_data_type type : all_types) {
        for (const nc_reduce_op op : all_operators) check_pairs(type, op, interesting(type), interesting(type));
    }
}

TEST(Reduction, EveryTypeAndOperatorOnRandomBits) {
    std::mt19937_64 random(1);
    for (const nc_data_type type : all_types) {
        std::vector<Bits> own(20'000);
        std::vector<Bits> in(own.size());
        for (Bits& bits : own) bits = masked(type, random());
        for (Bits& bits : in) bits = masked(type, random());
        for (const nc_reduce_op op : all_operators) check(type, op, own, in);
    }
}

TEST(Reduction, EveryPairOfBytes) {
    std::vector<Bits> all(256);
    for (Bits i = 0; i < 256; ++i) all[i] = i;
    for (const nc_data_type type : {NC_BOOL, NC_INT8, NC_UINT8}) {
        for (const nc_reduce_op op : all_operators) check_pairs(type, op, all, all);
    }
}

TEST(Reduction, EverySixteenBitFloatWithInterestingOperandsInBothRoles) {
    // All of them where code runs at full speed; the sanitizers have little to find here.
    constexpr Bits stride = test::is_sanitized ? 7 : 1;
    std::vector<Bits> all;
    for (Bits i = 0; i < 0x10000; i += stride) all.push_back(i);
    for (const nc_data_type type : {NC_FLOAT16, NC_BFLOAT16}) {
        for (const nc_reduce_op op : all_operators) {
            check_pairs(type, op, all, interesting(type));
            check_pairs(type, op, interesting(type), all);
        }
    }
}

// Values in between, where sums of operands of different size are rounded.
TEST(Reduction, SixteenBitFloatsRoundTiesToEven) {
    std::mt19937_64 random(2);
    for (const nc_data_type type : {NC_FLOAT16, NC_BFLOAT16}) {
        std::vector<Bits> own(200'000);
        std::vector<Bits> in(own.size());
        for (std::size_t i = 0; i < own.size(); ++i) {
            own[i] = random() & 0x7fff;
            // An exponent so far below that the sum falls on a tie or beside it.
            const Bits apart = Bits{type == NC_FLOAT16 ? 11U : 8U} << (type == NC_FLOAT16 ? 10 : 7);
            in[i] = own[i] > apart ? (own[i] - apart + random() % 3 - 1) ^ (random() & 0x8000) : random() & 0x7fff;
        }
        check(type, NC_SUM, own, in);
        check(type, NC_PRODUCT, own, in);
    }
}

TEST(Reduction, ANanWinsInMaxAndMinWhereverItIs) {
    const float nan = std::bit_cast<float>(0x7fc12345U);
    const float other = std::bit_cast<float>(0xff812345U);
    for (const nc_reduce_op op : {NC_MAX, NC_MIN}) {
        const float own[4] = {nan, 1.0F, nan, other};
        const float in[4] = {1.0F, nan, other, nan};
        float result[4] = {};
        combine_function(NC_FLOAT32, op, NanRule::Wins)(result, own, in, 4);
        const std::uint32_t expected[4] = {0x7fc12345, 0x7fc12345, 0x7fc12345, 0xff812345};
        for (int i = 0; i < 4; ++i) EXPECT_EQ(std::bit_cast<std::uint32_t>(result[i]), expected[i]) << i;
        // A complex number is one if either part is, even where the real parts are in order.
        const float left[6] = {1.0F, nan, 5.0F, 0.0F, nan, 7.0F};
        const float right[6] = {5.0F, 0.0F, 1.0F, nan, 1.0F, 2.0F};
        float pairs[6] = {};
        combine_function(NC_COMPLEX64, op, NanRule::Wins)(pairs, left, right, 3);
        EXPECT_EQ(std::memcmp(pairs, left, 8), 0);
        EXPECT_EQ(std::memcmp(pairs + 2, right + 2, 8), 0);
        EXPECT_EQ(std::memcmp(pairs + 4, left + 4, 8), 0);
    }
}

TEST(Reduction, ByMlxsRuleAnIncomingNanIsDroppedByMaxAndMinAndAnOwnOneStaysBitForBit) {
    const float nan = std::bit_cast<float>(0x7fc12345U);
    for (const nc_reduce_op op : {NC_MAX, NC_MIN}) {
        const float own[2] = {nan, 1.0F};
        const float in[2] = {1.0F, nan};
        float result[2] = {};
        combine_function(NC_FLOAT32, op, NanRule::OfMlx)(result, own, in, 2);
        EXPECT_EQ(std::bit_cast<std::uint32_t>(result[0]), 0x7fc12345U);
        EXPECT_EQ(result[1], 1.0F);
    }
}

TEST(Reduction, OfEqualOperandsTheOwnStays) {
    for (const nc_reduce_op op : {NC_MAX, NC_MIN}) {
        for (const NanRule rule : all_rules) {
            const float own[2] = {0.0F, -0.0F};
            const float in[2] = {-0.0F, 0.0F};
            float result[2] = {};
            combine_function(NC_FLOAT32, op, rule)(result, own, in, 2);
            EXPECT_FALSE(std::signbit(result[0]));
            EXPECT_TRUE(std::signbit(result[1]));
        }
    }
}

// Vectorized loops have a beginning and an end of their own: all short counts, at all distances from a vector's
// boundary.
TEST(Reduction, AnyCountAtAnyElementOfABuffer) {
    std::mt19937_64 random(3);
    for (const nc_data_type type : all_types) {
        const std::size_t size = data_type_size(type);
        for (const nc_reduce_op op : all_operators) {
            for (std::size_t count = 0; count <= 67; count += count < 20 ? 1 : 7) {
                const std::size_t shift = random() % 9;
                const std::size_t other_shift = random() % 9;
                const std::size_t result_shift = random() % 9;
                std::vector<Bits> own(count + 9);
                std::vector<Bits> in(count + 9);
                for (Bits& bits : own) bits = masked(type, random());
                for (Bits& bits : in) bits = masked(type, random());
                const auto left = stored(type, own);
                const auto right = stored(type, in);
                std::vector<std::byte> result((count + 18) * size, std::byte{0x5a});
                const NanRule rule = all_rules[count % 2];
                combine_function(type, op, rule)(result.data() + result_shift * size, left.data() + shift * size,
                                                 right.data() + other_shift * size, count);
                for (std::size_t i = 0; i < count; ++i) {
                    ASSERT_TRUE(matches(type, op, reference(type, op, rule, own[i + shift], in[i + other_shift]),
                                        element(type, result.data() + result_shift * size, i)))
                        << data_type_name(type) << ' ' << reduce_op_name(op) << " count " << count << " element " << i;
                }
                for (std::size_t i = 0; i < result.size(); ++i) {
                    const bool inside = i >= result_shift * size && i < (result_shift + count) * size;
                    ASSERT_TRUE(inside || result[i] == std::byte{0x5a}) << "wrote outside the result";
                }
            }
        }
    }
}

TEST(Reduction, AnUnknownTypeOrOperatorHasNoFunction) {
    EXPECT_EQ(combine_function(static_cast<nc_data_type>(NC_COMPLEX64 + 1), NC_SUM, NanRule::Wins), nullptr);
    EXPECT_EQ(combine_function(NC_INT32, NC_CUSTOM, NanRule::Wins), nullptr);
    EXPECT_EQ(combine_function(NC_FLOAT32, NC_BITWISE_OR, NanRule::Wins), nullptr);
}

TEST(DataType, SizesAndNames) {
    const std::size_t sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8};
    for (const nc_data_type type : all_types) {
        EXPECT_EQ(data_type_size(type), sizes[type]);
        EXPECT_EQ(nc_data_type_size(type), sizes[type]);
    }
    EXPECT_EQ(data_type_size(static_cast<nc_data_type>(14)), 0U);
    EXPECT_STREQ(data_type_name(NC_BFLOAT16), "bfloat16");
    EXPECT_STREQ(data_type_name(static_cast<nc_data_type>(15)), "unknown");
}

} // namespace NC_FILE
} // namespace nc
