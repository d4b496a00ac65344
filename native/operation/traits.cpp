#include "operation/traits.h"

#include <array>

#include "base/enumeration.h"

namespace nc {
namespace {

constexpr Sides none{Holds::Nothing, Holds::Nothing};
constexpr Sides own_in{Holds::Own, Holds::Nothing};
constexpr Sides own_out{Holds::Nothing, Holds::Own};
constexpr Sides own_both{Holds::Own, Holds::Own};
constexpr Sides collecting{Holds::Own, Holds::Blocks};
constexpr Sides spreading{Holds::Blocks, Holds::Own};
constexpr Sides exchanging{Holds::Blocks, Holds::Blocks};

// In the order of nc_operation.
// clang-format off
constexpr std::array<Traits, operation_count> table{{
    // name            reduces root   to peer root or all others
    {"none",           false,  false, false,  none,       none},
    {"all-reduce",     true,   false, false,  own_both,   own_both},
    {"all-gather",     false,  false, false,  collecting, collecting},
    {"reduce-scatter", true,   false, false,  spreading,  spreading},
    {"broadcast",      false,  true,  false,  own_in,     own_out},
    {"reduce",         true,   true,  false,  own_both,   own_in},
    {"gather",         false,  true,  false,  collecting, own_in},
    {"scatter",        false,  true,  false,  spreading,  own_out},
    {"all-to-all",     false,  false, false,  exchanging, exchanging},
    {"barrier",        false,  false, false,  none,       none},
    {"send",           false,  false, true,   own_in,     own_in},
    {"receive",        false,  false, true,   own_out,    own_out},
    {"split",          false,  false, false,  none,       none},
    {"scan",           true,   false, false,  own_both,   own_both},
    {"exclusive scan", true,   false, false,  own_both,   own_both},
}};
// clang-format on
static_assert(NC_ALL_REDUCE == 1 && NC_ALL_GATHER == 2 && NC_REDUCE_SCATTER == 3 && NC_BROADCAST == 4 &&
              NC_REDUCE == 5 && NC_GATHER == 6 && NC_SCATTER == 7 && NC_ALL_TO_ALL == 8 && NC_BARRIER == 9 &&
              NC_SEND == 10 && NC_RECEIVE == 11 && NC_SPLIT == 12 && NC_SCAN == 13 && NC_EXCLUSIVE_SCAN == 14);

constexpr Traits batch{"batch", false, false, false, none, none};
constexpr Traits unknown{"unknown", false, false, false, none, none};

} // namespace

bool is_operation(const nc_operation& operation) {
    return number(operation) > NC_OPERATION_NONE && number(operation) < operation_count;
}

const Traits& traits_of(nc_operation operation) {
    const std::uint32_t index = number(operation);
    if (index == NC_BATCH) return batch;
    return index < table.size() ? table[index] : unknown;
}

const char* operation_name(nc_operation operation) {
    return traits_of(operation).name;
}

} // namespace nc
