// The 16-bit floating-point formats by their definitions: exact values, and rounding to nearest, ties to even, without
// the tricks of backend/half.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace nc::test {

struct Format {
    int fraction_bits;
    int exponent_bits;
    std::uint32_t canonical_nan;
    bool nan_keeps_sign;
};
constexpr Format binary16{10, 5, 0x7d00, true};
constexpr Format bfloat16{7, 8, 0x7fc0, false};

constexpr std::uint32_t infinity_of(const Format& format) {
    return ((1U << format.exponent_bits) - 1) << format.fraction_bits;
}
constexpr int bias_of(const Format& format) {
    return (1 << (format.exponent_bits - 1)) - 1;
}

inline double value_of(const Format& format, std::uint32_t bits) {
    const double sign = (bits & 0x8000U) != 0 ? -1.0 : 1.0;
    const std::uint32_t magnitude = bits & 0x7fffU;
    const auto exponent = static_cast<int>(magnitude >> format.fraction_bits);
    const std::uint32_t fraction = magnitude & ((1U << format.fraction_bits) - 1);
    if (magnitude > infinity_of(format)) return std::numeric_limits<double>::quiet_NaN();
    if (magnitude == infinity_of(format)) return sign * std::numeric_limits<double>::infinity();
    if (exponent == 0)
        return sign * std::ldexp(static_cast<double>(fraction), 1 - bias_of(format) - format.fraction_bits);
    return sign * std::ldexp(static_cast<double>(fraction + (1U << format.fraction_bits)),
                             exponent - bias_of(format) - format.fraction_bits);
}

inline std::uint16_t round_to(const Format& format, double value) {
    const std::uint32_t sign = std::signbit(value) ? 0x8000U : 0U;
    if (std::isnan(value)) return static_cast<std::uint16_t>(format.canonical_nan | (format.nan_keeps_sign ? sign : 0));
    const double magnitude = std::fabs(value);
    if (std::isinf(magnitude)) return static_cast<std::uint16_t>(sign | infinity_of(format));
    const int smallest_exponent = 1 - bias_of(format);
    int exponent = magnitude > 0 ? std::ilogb(magnitude) : smallest_exponent;
    exponent = std::max(exponent, smallest_exponent);
    // How many units of the last place: exact, as only the exponent changes.
    const double units = std::ldexp(magnitude, format.fraction_bits - exponent);
    const double whole = std::floor(units);
    const double rest = units - whole;
    auto rounded = static_cast<std::uint32_t>(whole);
    if (rest > 0.5 || (rest == 0.5 && rounded % 2 == 1)) ++rounded;
    // A carry runs into the exponent by itself; so does an overflow into infinity.
    const std::uint32_t biased = static_cast<std::uint32_t>(exponent - smallest_exponent) << format.fraction_bits;
    const std::uint32_t result = biased + rounded;
    return static_cast<std::uint16_t>(sign | std::min(result, infinity_of(format)));
}

} // namespace nc::test
