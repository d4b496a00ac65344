#include "backend/average.h"

#include "backend/element.h"

namespace nc {
namespace {

Bool divided(Bool value, int) {
    return value;
}
Complex divided(Complex value, int divisor) {
    const auto by = static_cast<float>(divisor);
    return {value.real / by, value.imaginary / by};
}
template <SmallFloat T>
T divided(T value, int divisor) {
    return T::from(static_cast<float>(value) / static_cast<float>(divisor));
}
template <std::floating_point T>
T divided(T value, int divisor) {
    return value / static_cast<T>(divisor);
}
template <std::signed_integral T>
T divided(T value, int divisor) {
    return static_cast<T>(static_cast<std::int64_t>(value) / divisor);
}
template <std::unsigned_integral T>
T divided(T value, int divisor) {
    return static_cast<T>(static_cast<std::uint64_t>(value) / static_cast<std::uint64_t>(divisor));
}

} // namespace

void divide(nc_data_type type, void* elements, std::size_t count, int divisor) {
    with_element_type(type, [=](auto element) {
        auto* values = static_cast<decltype(element)*>(elements);
        for (std::size_t i = 0; i < count; ++i) values[i] = divided(values[i], divisor);
    });
}

} // namespace nc
