// What operations should come to, computed by the rules of native_collectives.h without the code under test.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "bytes.h"
#include "half_reference.h"
#include "native_collectives.h"
#include "operation/data_type.h"

namespace nc::test {

using Buffer = Bytes;

constexpr nc_data_type all_types[] = {NC_BOOL,     NC_INT8,    NC_INT16,   NC_INT32,    NC_INT64,
                                      NC_UINT8,    NC_UINT16,  NC_UINT32,  NC_UINT64,   NC_FLOAT16,
                                      NC_BFLOAT16, NC_FLOAT32, NC_FLOAT64, NC_COMPLEX64};

inline std::size_t index(int i) {
    return static_cast<std::size_t>(i);
}

// Small whole numbers, which every type holds exactly, so that the order of combinations does not matter here
// (stream_order_test.cpp holds that).
struct Number {
    int real;
    int imaginary;
};

template <class T>
void put(std::byte* to, T value) {
    std::memcpy(to, &value, sizeof value);
}

// 2^n at most, as a type's bits.
inline void store(nc_data_type type, std::byte* to, double real, double imaginary) {
    switch (type) {
        case NC_BOOL:
            return put(to, static_cast<std::uint8_t>(real != 0));
        case NC_INT8:
            return put(to, static_cast<std::int8_t>(static_cast<std::int64_t>(real)));
        case NC_INT16:
            return put(to, static_cast<std::int16_t>(real));
        case NC_INT32:
            return put(to, static_cast<std::int32_t>(real));
        case NC_INT64:
            return put(to, static_cast<std::int64_t>(real));
        case NC_UINT8:
            return put(to, static_cast<std::uint8_t>(static_cast<std::int64_t>(real)));
        case NC_UINT16:
            return put(to, static_cast<std::uint16_t>(static_cast<std::int64_t>(real)));
        case NC_UINT32:
            return put(to, static_cast<std::uint32_t>(static_cast<std::int64_t>(real)));
        case NC_UINT64:
            return put(to, static_cast<std::uint64_t>(static_cast<std::int64_t>(real)));
        case NC_FLOAT16:
            return put(to, round_to(binary16, real));
        case NC_BFLOAT16:
            return put(to, round_to(bfloat16, real));
        case NC_FLOAT32:
            return put(to, static_cast<float>(real));
        case NC_FLOAT64:
            return put(to, real);
        case NC_COMPLEX64:
            put(to, static_cast<float>(real));
            return put(to + 4, static_cast<float>(imaginary));
    }
}

inline bool is_signed_integer(nc_data_type type) {
    return type >= NC_INT8 && type <= NC_INT64;
}
inline bool is_integer(nc_data_type type) {
    return type >= NC_INT8 && type <= NC_UINT64;
}

inline bool is_bitwise_operator(nc_reduce_op op) {
    return op == NC_BITWISE_AND || op == NC_BITWISE_OR || op == NC_BITWISE_XOR;
}

// Of whole numbers, or of truth values.
inline double bitwise(nc_reduce_op op, double a, double b) {
    const auto left = static_cast<std::int64_t>(a);
    const auto right = static_cast<std::int64_t>(b);
    return static_cast<double>(op == NC_BITWISE_AND ? left & right : op == NC_BITWISE_OR ? left | right : left ^ right);
}

// What order_sensitive() makes of two numbers: it neither commutes nor associates, so that every order of ranks and of
// combinations but the right one is seen.
inline double of_both_in_order(double a, double b) {
    return static_cast<double>((static_cast<std::int64_t>(a) * 3 + static_cast<std::int64_t>(b)) % 101);
}

// The values of one element on all ranks, combined.
inline void store_reduced(nc_data_type type, nc_reduce_op op, std::byte* to, const std::vector<Number>& of_ranks) {
    const double n = static_cast<double>(of_ranks.size());
    double real = of_ranks[0].real;
    double imaginary = of_ranks[0].imaginary;
    for (std::size_t i = 1; i < of_ranks.size(); ++i) {
        const double a = of_ranks[i].real;
        const double b = of_ranks[i].imaginary;
        const bool less = type == NC_COMPLEX64 ? real < a || (real == a && imaginary < b) : real < a;
        const bool more = type == NC_COMPLEX64 ? a < real || (a == real && b < imaginary) : a < real;
        switch (op) {
            case NC_SUM:
            case NC_AVERAGE:
                real += a;
                imaginary += b;
                break;
            case NC_PRODUCT: {
                if (type != NC_COMPLEX64) {
                    real *= a;
                    break;
                }
                const double product = real * a - imaginary * b;
                imaginary = real * b + imaginary * a;
                real = product;
                break;
            }
            case NC_MAX:
                if (less) real = a, imaginary = b;
                break;
            case NC_MIN:
                if (more) real = a, imaginary = b;
                break;
            case NC_BITWISE_AND:
            case NC_BITWISE_OR:
            case NC_BITWISE_XOR:
                real = bitwise(op, real, a);
                break;
            case NC_CUSTOM:
                real = of_both_in_order(real, a);
                break;
        }
    }
    if (op == NC_AVERAGE) {
        real = is_integer(type) ? std::trunc(real / n)
                                : static_cast<double>(type == NC_FLOAT64 ? real / n : static_cast<float>(real / n));
        imaginary /= n;
    }
    store(type, to, real, imaginary);
}

// Values of all ranks: numbers[rank][element], for as many elements as there are before they repeat themselves.
inline std::vector<std::vector<Number>> numbers(int ranks, std::size_t count, nc_data_type type, nc_reduce_op op,
                                                std::mt19937& random) {
    std::vector<std::vector<Number>> values(index(ranks),
                                            std::vector<Number>(std::min(count, elements_until_repeated)));
    for (auto& row : values) {
        for (Number& value : row) {
            if (type == NC_BOOL) {
                value = {static_cast<int>(random() % 2), 0};
            } else if (op == NC_PRODUCT) {
                value = {static_cast<int>(1 + random() % 2), type == NC_COMPLEX64 && random() % 4 == 0 ? 1 : 0};
            } else {
                const int low = is_signed_integer(type) || !is_integer(type) ? -10 : 0;
                value = {low + static_cast<int>(random() % 16), static_cast<int>(random() % 5) - 2};
            }
        }
    }
    return values;
}

// count elements; store_one stores one of those before they repeat themselves.
template <class StoreOne>
Buffer repeated(nc_data_type type, std::size_t count, std::size_t first, StoreOne&& store_one) {
    const std::size_t item = data_type_size(type);
    Buffer bytes(count * item);
    for (std::size_t i = 0; i < first; ++i) store_one(i, bytes.data() + i * item);
    repeat(bytes.data(), first * item, bytes.size());
    return bytes;
}

inline Buffer stored(nc_data_type type, std::size_t count, const std::vector<Number>& values) {
    return repeated(type, count, values.size(),
                    [&](std::size_t i, std::byte* to) { store(type, to, values[i].real, values[i].imaginary); });
}

inline Buffer reduced(nc_data_type type, nc_reduce_op op, std::size_t count,
                      const std::vector<std::vector<Number>>& values) {
    std::vector<Number> column(values.size());
    return repeated(type, count, values[0].size(), [&](std::size_t i, std::byte* to) {
        for (std::size_t rank = 0; rank < values.size(); ++rank) column[rank] = values[rank][i];
        store_reduced(type, op, to, column);
    });
}

// As bytes that are elements of any type, also of NC_BOOL.
inline Buffer random_elements(std::size_t size, std::mt19937& random) {
    return random_bytes(size, random, 2);
}

} // namespace nc::test
