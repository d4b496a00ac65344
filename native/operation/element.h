// How the element types are computed with: each has a stored form, and 16-bit floats a wider one in which they are
// combined.
#pragma once

#include <concepts>
#include <cstdint>

#include "native_collectives.h"
#include "operation/half.h"

namespace nc {

struct Bool {
    std::uint8_t value;
};

// The largest finite number of a 16-bit format is the one before its infinity. A computed NaN is the format's canonical
// one, a computed infinity has its sign.
struct Half {
    static constexpr std::uint16_t infinity = 0x7c00;
    static constexpr std::uint16_t nan = 0x7d00;
    std::uint16_t bits;
    explicit operator float() const { return float_from_half(bits); }
    static Half from(float value) { return {half_from_float(value)}; }
};

struct BFloat {
    static constexpr std::uint16_t infinity = 0x7f80;
    static constexpr std::uint16_t nan = 0x7fc0;
    std::uint16_t bits;
    explicit operator float() const { return float_from_bfloat(bits); }
    static BFloat from(float value) { return {bfloat_from_float(value)}; }
};

struct Complex {
    float real;
    float imaginary;
};

template <class T>
concept SmallFloat = std::same_as<T, Half> || std::same_as<T, BFloat>;

// Calls function with a value of the type that stores an element; the value itself means nothing.
template <class Function>
auto with_element_type(nc_data_type type, Function&& function) {
    switch (type) {
        case NC_BOOL:
            return function(Bool{});
        case NC_INT8:
            return function(std::int8_t{});
        case NC_INT16:
            return function(std::int16_t{});
        case NC_INT32:
            return function(std::int32_t{});
        case NC_INT64:
            return function(std::int64_t{});
        case NC_UINT8:
            return function(std::uint8_t{});
        case NC_UINT16:
            return function(std::uint16_t{});
        case NC_UINT32:
            return function(std::uint32_t{});
        case NC_UINT64:
            return function(std::uint64_t{});
        case NC_FLOAT16:
            return function(Half{});
        case NC_BFLOAT16:
            return function(BFloat{});
        case NC_FLOAT32:
            return function(float{});
        case NC_FLOAT64:
            return function(double{});
        case NC_COMPLEX64:
            return function(Complex{});
    }
    using Result = decltype(function(std::uint8_t{}));
    return Result();
}

} // namespace nc
