#include "operation/reduction.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/enumeration.h"
#include "operation/element.h"

// Lets the compiler vectorize although result may be the same array as own.
#if defined(__clang__)
#define NC_INDEPENDENT_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define NC_INDEPENDENT_LOOP _Pragma("GCC ivdep")
#endif

namespace nc {
namespace {

// Integers wrap, which only unsigned arithmetic may do; unsigned short would be promoted to int, hence at least
// unsigned int.
template <std::integral T>
using Wrapping = std::common_type_t<std::make_unsigned_t<T>, unsigned>;

bool less(Complex a, Complex b) {
    return a.real < b.real || (a.real == b.real && a.imaginary < b.imaginary);
}

template <SmallFloat T>
bool less(T a, T b) {
    return static_cast<float>(a) < static_cast<float>(b);
}

template <class T>
requires std::is_arithmetic_v<T> bool less(T a, T b) {
    return a < b;
}

struct Sum {
    static Bool apply(Bool own, Bool in) { return {static_cast<std::uint8_t>((own.value | in.value) != 0)}; }
    static Complex apply(Complex own, Complex in) { return {own.real + in.real, own.imaginary + in.imaginary}; }
    template <SmallFloat T>
    static T apply(T own, T in) {
        return T::from(static_cast<float>(own) + static_cast<float>(in));
    }
    template <std::integral T>
    static T apply(T own, T in) {
        return static_cast<T>(static_cast<Wrapping<T>>(own) + static_cast<Wrapping<T>>(in));
    }
    template <std::floating_point T>
    static T apply(T own, T in) {
        return own + in;
    }
};

// A sum that stops at the largest finite number if both operands are finite. Without branches, so that loops over it
// vectorize.
struct SaturatingSum {
    static Bool apply(Bool own, Bool in) { return Sum::apply(own, in); }
    static Complex apply(Complex own, Complex in) {
        return {apply(own.real, in.real), apply(own.imaginary, in.imaginary)};
    }
    template <SmallFloat T>
    static T apply(T own, T in) {
        const T sum = Sum::apply(own, in);
        const bool is_finite = (own.bits & 0x7fff) < T::infinity && (in.bits & 0x7fff) < T::infinity;
        const bool overflows = is_finite && (sum.bits & 0x7fff) == T::infinity;
        return {static_cast<std::uint16_t>(sum.bits - (overflows ? 1 : 0))};
    }
    template <std::integral T>
    static T apply(T own, T in) {
        return Sum::apply(own, in);
    }
    template <std::floating_point T>
    static T apply(T own, T in) {
        constexpr T most = std::numeric_limits<T>::max();
        const T sum = own + in;
        const bool overflows =
            (int{std::fabs(sum) > most} & int{std::fabs(own) <= most} & int{std::fabs(in) <= most}) != 0;
        return overflows ? std::copysign(most, own) : sum;
    }
};

struct Product {
    static Bool apply(Bool own, Bool in) { return {static_cast<std::uint8_t>((own.value != 0) & (in.value != 0))}; }
    static Complex apply(Complex own, Complex in) {
        return {own.real * in.real - own.imaginary * in.imaginary, own.real * in.imaginary + own.imaginary * in.real};
    }
    template <SmallFloat T>
    static T apply(T own, T in) {
        return T::from(static_cast<float>(own) * static_cast<float>(in));
    }
    template <std::integral T>
    static T apply(T own, T in) {
        return static_cast<T>(static_cast<Wrapping<T>>(own) * static_cast<Wrapping<T>>(in));
    }
    template <std::floating_point T>
    static T apply(T own, T in) {
        return own * in;
    }
};

struct Max {
    static Bool apply(Bool own, Bool in) { return Sum::apply(own, in); }
    template <class T>
    static T apply(T own, T in) {
        return less(own, in) ? in : own;
    }
};

struct Min {
    static Bool apply(Bool own, Bool in) { return Product::apply(own, in); }
    template <class T>
    static T apply(T own, T in) {
        return less(in, own) ? in : own;
    }
};

template <class T>
concept HasBits = std::integral<T> || std::same_as<T, Bool>;

struct BitwiseAnd {
    static Bool apply(Bool own, Bool in) { return Product::apply(own, in); }
    template <std::integral T>
    static T apply(T own, T in) {
        return static_cast<T>(own & in);
    }
};

struct BitwiseOr {
    static Bool apply(Bool own, Bool in) { return Sum::apply(own, in); }
    template <std::integral T>
    static T apply(T own, T in) {
        return static_cast<T>(own | in);
    }
};

struct BitwiseXor {
    static Bool apply(Bool own, Bool in) { return {static_cast<std::uint8_t>((own.value != 0) != (in.value != 0))}; }
    template <std::integral T>
    static T apply(T own, T in) {
        return static_cast<T>(own ^ in);
    }
};

template <class T>
concept HasNan = std::floating_point<T> || SmallFloat<T> || std::same_as<T, Complex>;

// Which of two operands a maximum or minimum takes where neither is a NaN: the own one of equals. keep: whether it is
// the own one.
template <std::floating_point T>
T with_nan(T own, T in, bool keep) {
    const T number = keep ? own : in; // the incoming one if the two are unordered
    return own != own ? own : number;
}
template <SmallFloat T>
T with_nan(T own, T in, bool keep) {
    const T number = keep ? own : in;
    const bool is_nan = (own.bits & 0x7fff) > T::infinity || (in.bits & 0x7fff) > T::infinity;
    return {is_nan ? T::nan : number.bits};
}
inline bool is_nan(Complex value) {
    return value.real != value.real || value.imaginary != value.imaginary;
}

struct MaxOrNan {
    template <class T>
    static T apply(T own, T in) {
        return with_nan(own, in, own >= in);
    }
    template <SmallFloat T>
    static T apply(T own, T in) {
        return with_nan(own, in, static_cast<float>(own) >= static_cast<float>(in));
    }
    static Complex apply(Complex own, Complex in) { return is_nan(own) || (!is_nan(in) && !less(own, in)) ? own : in; }
};

struct MinOrNan {
    template <class T>
    static T apply(T own, T in) {
        return with_nan(own, in, own <= in);
    }
    template <SmallFloat T>
    static T apply(T own, T in) {
        return with_nan(own, in, static_cast<float>(own) <= static_cast<float>(in));
    }
    static Complex apply(Complex own, Complex in) { return is_nan(own) || (!is_nan(in) && !less(in, own)) ? own : in; }
};

template <class T, class Op>
void combine(void* result, const void* own, const void* incoming, std::size_t count) {
    auto* out = static_cast<T*>(result);
    const auto* left = static_cast<const T*>(own);
    const auto* right = static_cast<const T*>(incoming);
    NC_INDEPENDENT_LOOP
    for (std::size_t i = 0; i < count; ++i) out[i] = Op::apply(left[i], right[i]);
}

} // namespace

Combine combine_function(nc_data_type type, nc_reduce_op op, NanRule rule) {
    return with_element_type(type, [op, rule](auto element) -> Combine {
        using T = decltype(element);
        if constexpr (HasNan<T>) {
            if (rule == NanRule::Wins && op == NC_MAX) return combine<T, MaxOrNan>;
            if (rule == NanRule::Wins && op == NC_MIN) return combine<T, MinOrNan>;
        }
        if constexpr (HasBits<T>) {
            if (op == NC_BITWISE_AND) return combine<T, BitwiseAnd>;
            if (op == NC_BITWISE_OR) return combine<T, BitwiseOr>;
            if (op == NC_BITWISE_XOR) return combine<T, BitwiseXor>;
        }
        switch (op) {
            case NC_SUM:
                return combine<T, Sum>;
            case NC_AVERAGE:
                return combine<T, SaturatingSum>;
            case NC_PRODUCT:
                return combine<T, Product>;
            case NC_MAX:
                return combine<T, Max>;
            case NC_MIN:
                return combine<T, Min>;
            default:
                return nullptr;
        }
    });
}

const char* reduce_op_name(nc_reduce_op op) {
    static constexpr std::array names{"sum",         "product",    "max",         "min",   "average",
                                      "bitwise and", "bitwise or", "bitwise xor", "custom"};
    static_assert(NC_SUM == 0 && NC_PRODUCT == 1 && NC_MAX == 2 && NC_MIN == 3 && NC_AVERAGE == 4 &&
                  NC_BITWISE_AND == 5 && NC_BITWISE_OR == 6 && NC_BITWISE_XOR == 7 && NC_CUSTOM == 8);
    static_assert(names.size() == reduce_op_count);
    const std::uint32_t index = number(op);
    return index < names.size() ? names[index] : "unknown";
}

} // namespace nc
