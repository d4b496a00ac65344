// Conversions of the 16-bit floating-point formats against values computed from their definitions, for all bit
// patterns.
#include "operation/half.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "half_reference.h"

namespace nc {
namespace NC_FILE {

using test::Format;

TEST(Half, EveryBinary16IsTheNumberThatItsBitsSay) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const float value = float_from_half(static_cast<std::uint16_t>(bits));
        const double expected = test::value_of(test::binary16, bits);
        if (std::isnan(expected)) {
            EXPECT_TRUE(std::isnan(value)) << bits;
            EXPECT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
        } else {
            EXPECT_EQ(static_cast<double>(value), expected) << bits;
            EXPECT_EQ(std::signbit(value), std::signbit(expected)) << bits;
        }
    }
}

TEST(Half, EveryBfloat16IsTheNumberThatItsBitsSay) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const float value = float_from_bfloat(static_cast<std::uint16_t>(bits));
        const double expected = test::value_of(test::bfloat16, bits);
        if (std::isnan(expected)) {
            EXPECT_TRUE(std::isnan(value)) << bits;
        } else {
            EXPECT_EQ(static_cast<double>(value), expected) << bits;
            EXPECT_EQ(std::signbit(value), std::signbit(expected)) << bits;
        }
    }
}

TEST(Half, EveryNumberComesBackUnchangedAndNansBecomeCanonical) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const bool half_nan = (bits & 0x7fff) > 0x7c00;
        EXPECT_EQ(half_from_float(float_from_half(half)), half_nan ? (bits & 0x8000) | 0x7d00 : bits);
        const bool bfloat_nan = (bits & 0x7fff) > 0x7f80;
        EXPECT_EQ(bfloat_from_float(float_from_bfloat(half)), bfloat_nan ? 0x7fc0U : bits);
    }
}

// All binary32 that matter for rounding: around every representable number and every midpoint between two, and a sweep
// through all the others.
std::vector<float> interesting(const Format& format) {
    std::vector<float> values;
    const auto around = [&](double value) {
        const auto near = static_cast<float>(value);
        for (const float sign : {1.0F, -1.0F}) {
            values.push_back(sign * near);
            values.push_back(sign * std::nextafter(near, 0.0F));
            values.push_back(sign * std::nextafter(near, std::numeric_limits<float>::infinity()));
        }
    };
    const std::uint32_t infinity = test::infinity_of(format);
    for (std::uint32_t bits = 0; bits < infinity; ++bits) {
        const double low = test::value_of(format, bits);
        // Beyond the largest number comes what would be next if the exponent went on.
        const double high =
            bits + 1 < infinity ? test::value_of(format, bits + 1) : low + (low - test::value_of(format, bits - 1));
        around(low);
        around((low + high) / 2);
    }
    return values;
}

void check_all(const Format& format, std::uint16_t (*convert)(float)) {
    for (const float value : interesting(format)) {
        ASSERT_EQ(convert(value), test::round_to(format, value)) << std::hexfloat << value;
    }
    for (std::uint64_t bits = 0; bits <= 0xffffffffU; bits += 9973) {
        const float value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
        ASSERT_EQ(convert(value), test::round_to(format, value)) << std::hex << bits;
    }
}

TEST(Half, Binary32RoundsToBinary16ToNearestTiesToEven) {
    check_all(test::binary16, half_from_float);
}
TEST(Half, Binary32RoundsToBfloat16ToNearestTiesToEven) {
    check_all(test::bfloat16, bfloat_from_float);
}

TEST(Half, TheEdgesOfBinary16) {
    EXPECT_EQ(half_from_float(65504.0F), 0x7bff);
    EXPECT_EQ(half_from_float(std::nextafter(65520.0F, 0.0F)), 0x7bff);
    EXPECT_EQ(half_from_float(65520.0F), 0x7c00);
    EXPECT_EQ(half_from_float(0x1p-24F), 0x0001);
    EXPECT_EQ(half_from_float(0x1p-25F), 0x0000);
    EXPECT_EQ(half_from_float(std::nextafter(0x1p-25F, 1.0F)), 0x0001);
    EXPECT_EQ(half_from_float(-0x1p-25F), 0x8000);
    EXPECT_EQ(half_from_float(std::numeric_limits<float>::denorm_min()), 0x0000);
    EXPECT_EQ(half_from_float(-std::numeric_limits<float>::quiet_NaN()), 0xfd00);
    EXPECT_EQ(bfloat_from_float(std::numeric_limits<float>::max()), 0x7f80);
    EXPECT_EQ(bfloat_from_float(-std::numeric_limits<float>::quiet_NaN()), 0x7fc0);
    EXPECT_EQ(bfloat_from_float(std::bit_cast<float>(0x7fffffffU)), 0x7fc0);
}

} // namespace NC_FILE
} // namespace nc
