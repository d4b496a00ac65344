#include "operation/average.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "operation/blocks.h"
#include "operation/data_type.h"
#include "operation/element.h"

namespace nc {
namespace {

// Addends of one part take at most about this much memory.
constexpr std::size_t largest_part = std::size_t{4} << 20;

template <class T>
concept WideInteger = std::integral<T> && sizeof(T) == 8;

// What an element type's averages are made with.
template <class T>
struct Addends;

template <std::integral T>
struct Addends<T> {
    using Type = std::int64_t;
};
template <WideInteger T>
struct Addends<T> {
    using Type = T;
};
template <>
struct Addends<Bool> {
    using Type = Bool;
};
template <>
struct Addends<Half> {
    using Type = float;
};
template <>
struct Addends<BFloat> {
    using Type = BFloat;
    using Wide = float;
};
template <>
struct Addends<float> {
    using Type = float;
    using Wide = double;
};
template <>
struct Addends<double> {
    using Type = double;
};

template <class T>
constexpr nc_data_type type_of() {
    if constexpr (std::same_as<T, Bool>) return NC_BOOL;
    if constexpr (std::same_as<T, std::int64_t>) return NC_INT64;
    if constexpr (std::same_as<T, std::uint64_t>) return NC_UINT64;
    if constexpr (std::same_as<T, BFloat>) return NC_BFLOAT16;
    if constexpr (std::same_as<T, float>) return NC_FLOAT32;
    return NC_FLOAT64;
}

// The type in which a floating-point addend is computed.
template <class T>
using Computed = std::conditional_t<std::same_as<T, double>, double, float>;

template <class T, class From>
T stored(From value) {
    if constexpr (SmallFloat<T>) {
        return T::from(static_cast<float>(value));
    } else {
        return static_cast<T>(value);
    }
}

template <class T>
T largest() {
    if constexpr (SmallFloat<T>) {
        return {static_cast<std::uint16_t>(T::infinity - 1)};
    } else {
        return std::numeric_limits<T>::max();
    }
}

// For count numbers that are elements of floating-point types, or the parts of complex ones.
template <class Addend, class T>
void contribute_floats(void* addends, const void* elements, std::size_t count, double scale) {
    auto* to = static_cast<Addend*>(addends);
    const auto* from = static_cast<const T*>(elements);
    const auto by = static_cast<Computed<Addend>>(scale);
    for (std::size_t i = 0; i < count; ++i) to[i] = stored<Addend>(static_cast<Computed<Addend>>(from[i]) * by);
}

// divisor is exact in the type: a number of ranks, or one times a power of two.
template <class T, class Addend>
void finish_floats(void* elements, const void* addends, std::size_t count, double divisor) {
    auto* to = static_cast<T*>(elements);
    const auto* from = static_cast<const Addend*>(addends);
    const auto by = static_cast<Computed<Addend>>(divisor);
    const auto most = static_cast<Computed<Addend>>(largest<T>());
    const auto most_sum = static_cast<Computed<Addend>>(largest<Addend>());
    for (std::size_t i = 0; i < count; ++i) {
        const auto sum = static_cast<Computed<Addend>>(from[i]);
        const auto quotient = sum / by;
        // Only rounding brings the average of finite numbers above the largest.
        const bool overflows = (int{std::fabs(sum) <= most_sum} & int{std::fabs(quotient) > most}) != 0;
        to[i] = stored<T>(overflows ? std::copysign(most, sum) : quotient);
    }
}

template <std::integral T>
void contribute_integers(void* addends, const void* elements, std::size_t count, int ranks) {
    const auto* from = static_cast<const T*>(elements);
    if constexpr (WideInteger<T>) {
        auto* to = static_cast<T*>(addends);
        const auto n = static_cast<T>(ranks);
        for (std::size_t i = 0; i < count; ++i) {
            const T value = from[i];
            to[2 * i] = value / n;
            to[2 * i + 1] = value % n;
        }
    } else {
        auto* to = static_cast<std::int64_t*>(addends);
        for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<std::int64_t>(from[i]);
    }
}

// (ranks * quotients + remainders) / ranks.
template <WideInteger T>
T joined(T quotients, T remainders, T ranks) {
    T quotient = quotients + remainders / ranks;
    if constexpr (std::is_signed_v<T>) {
        // Truncation is toward zero: what is left must not have the other sign.
        const T rest = remainders % ranks;
        if (quotient > 0 && rest < 0) --quotient;
        if (quotient < 0 && rest > 0) ++quotient;
    }
    return quotient;
}

template <std::integral T>
void finish_integers(void* elements, const void* addends, std::size_t count, int ranks) {
    auto* to = static_cast<T*>(elements);
    if constexpr (WideInteger<T>) {
        const auto* from = static_cast<const T*>(addends);
        for (std::size_t i = 0; i < count; ++i) to[i] = joined(from[2 * i], from[2 * i + 1], static_cast<T>(ranks));
    } else {
        const auto* from = static_cast<const std::int64_t*>(addends);
        for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i] / ranks);
    }
}

// Calls function with values of the element's type and of its addends' (of a complex number: of its parts'), and how
// many numbers make an element.
template <class Function>
void with_addends(nc_data_type type, nc_data_type addend_type, Function&& function) {
    with_element_type(type, [&](auto element) {
        using Element = decltype(element);
        constexpr bool is_complex = std::same_as<Element, Complex>;
        using T = std::conditional_t<is_complex, float, Element>;
        if constexpr (!std::same_as<T, Bool>) {
            using Own = typename Addends<T>::Type;
            constexpr std::size_t numbers = is_complex ? 2 : 1;
            if (addend_type == type_of<Own>()) return function(T{}, Own{}, numbers);
            if constexpr (requires { typename Addends<T>::Wide; }) function(T{}, typename Addends<T>::Wide{}, numbers);
        }
    });
}

} // namespace

// The scale keeps the sum of addends within the type. A plain adder's partial sums may be rounded up again and again,
// so that they need one more bit of room; the wider types have plenty.
Average::Average(nc_data_type type, int ranks, Adder adder)
    : type_(type), addend_type_(type), addend_op_(NC_SUM), factor_(1), ranks_(ranks), scale_(1) {
    const auto set = [&]<class T>(T) {
        using Own = typename Addends<T>::Type;
        const bool is_floating = std::floating_point<T> || SmallFloat<T>;
        addend_type_ = type_of<Own>();
        if (WideInteger<T>) factor_ = 2;
        if (!is_floating || std::same_as<T, Half>) return;
        const int bits = std::bit_width(static_cast<unsigned>(ranks) - 1);
        scale_ = std::ldexp(1.0, -bits);
        if (adder == Adder::Saturating) {
            addend_op_ = NC_AVERAGE;
        } else if constexpr (requires { typename Addends<T>::Wide; }) {
            addend_type_ = type_of<typename Addends<T>::Wide>();
        } else {
            scale_ /= 2;
        }
    };
    if (type == NC_COMPLEX64) {
        set(float{});
        factor_ = 2;
        return;
    }
    with_element_type(type, [&](auto element) {
        if constexpr (!std::same_as<decltype(element), Complex>) set(element);
    });
}

void Average::contribute(void* addends, const void* elements, std::size_t count) const {
    with_addends(type_, addend_type_, [&]<class T, class Addend>(T, Addend, std::size_t numbers) {
        if constexpr (std::integral<T>) {
            contribute_integers<T>(addends, elements, count, ranks_);
        } else {
            contribute_floats<Addend, T>(addends, elements, numbers * count, scale_);
        }
    });
}

void Average::finish(void* elements, const void* addends, std::size_t count) const {
    with_addends(type_, addend_type_, [&]<class T, class Addend>(T, Addend, std::size_t numbers) {
        if constexpr (std::integral<T>) {
            finish_integers<T>(elements, addends, count, ranks_);
        } else {
            finish_floats<T, Addend>(elements, addends, numbers * count, ranks_ * scale_);
        }
    });
}

void average(const nc_request& request, int rank, int ranks, Adder adder, Scratch& scratch,
             FunctionRef<void(const nc_request& part)> reduce) {
    const Average average(request.data_type, ranks, adder);
    const std::size_t item = data_type_size(request.data_type);
    nc_request part = request;
    part.data_type = average.addend_type();
    part.reduce_op = average.addend_op();
    const std::size_t factor = average.factor();
    const std::size_t addends_of_element = factor * data_type_size(part.data_type);
    auto* const output = static_cast<std::byte*>(request.receive_buffer);
    const auto* const input = static_cast<const std::byte*>(request.send_buffer);
    if (request.operation == NC_ALL_REDUCE && addends_of_element == item) {
        // The output holds the addends as well.
        average.contribute(output, input, request.count);
        part.send_buffer = output;
        part.count = request.count * factor;
        reduce(part);
        average.finish(output, output, request.count);
        return;
    }
    const bool scatters = request.operation == NC_REDUCE_SCATTER;
    const bool is_uneven = (request.flags & NC_REQUEST_UNEVEN) != 0;
    const bool receives = request.operation != NC_REDUCE || request.peer == rank;
    // The request's blocks, in elements, and a part's.
    ScratchVector<std::uint64_t> lengths(scatters ? static_cast<std::size_t>(ranks) : 1, request.count, scratch);
    if (scatters && is_uneven) std::copy_n(request.send_counts, lengths.size(), lengths.begin());
    const std::size_t own = scatters ? static_cast<std::size_t>(rank) : 0;
    const std::size_t longest = *std::max_element(lengths.begin(), lengths.end());
    const std::size_t most = std::max<std::size_t>(largest_part / (lengths.size() * addends_of_element), 1);
    ScratchVector<std::uint64_t> counts(lengths.size(), 0, scratch);
    std::byte* addends = nullptr;
    for (std::size_t p = 0; p < std::max<std::size_t>(ceil_div(longest, most), 1); ++p) {
        std::size_t total = 0;
        for (const std::uint64_t length : lengths) total += piece(length, most, p).size;
        // The first part is the largest.
        if (p == 0) addends = scratch.take(total * addends_of_element);
        std::byte* next = addends;
        std::byte* own_addends = nullptr;
        std::size_t begin = 0; // of the block in the input
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            const Range range = piece(lengths[i], most, p);
            if (i == own) own_addends = next;
            average.contribute(next, input + (begin + range.begin) * item, range.size);
            counts[i] = range.size * factor;
            next += range.size * addends_of_element;
            begin += lengths[i];
        }
        const Range mine = piece(lengths[own], most, p);
        part.send_buffer = addends;
        part.receive_buffer = own_addends;
        part.count = counts[own];
        part.send_counts = scatters && is_uneven ? counts.data() : nullptr;
        const Scratch::Mark mark = scratch.mark();
        reduce(part);
        scratch.rewind(mark);
        if (receives) average.finish(output + mine.begin * item, own_addends, mine.size);
    }
}

} // namespace nc
