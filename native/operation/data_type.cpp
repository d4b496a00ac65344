#include "operation/data_type.h"

#include <array>

namespace nc {
namespace {

struct DataType {
    std::size_t size;
    const char* name;
};

constexpr std::array<DataType, data_type_count> data_types{{
    {1, "bool"},
    {1, "int8"},
    {2, "int16"},
    {4, "int32"},
    {8, "int64"},
    {1, "uint8"},
    {2, "uint16"},
    {4, "uint32"},
    {8, "uint64"},
    {2, "float16"},
    {2, "bfloat16"},
    {4, "float32"},
    {8, "float64"},
    {8, "complex64"},
}};

const DataType* find(nc_data_type type) {
    const auto index = static_cast<std::size_t>(type);
    return index < data_types.size() ? &data_types[index] : nullptr;
}

} // namespace

std::size_t data_type_size(nc_data_type type) {
    const DataType* found = find(type);
    return found != nullptr ? found->size : 0;
}

const char* data_type_name(nc_data_type type) {
    const DataType* found = find(type);
    return found != nullptr ? found->name : "unknown";
}

} // namespace nc
