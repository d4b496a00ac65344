// How element types and operators are expressed in NCCL's: every type and operator against a table.
#include <gtest/gtest.h>

#include <optional>

#include "base/error.h"
#include "nccl/element_mapping.h"
#include "operation/data_type.h"

namespace nc::test {
namespace NC_FILE {

using nccl::Mapping;
using nccl::Reduction;
using nccl::Type;

struct Row {
    nc_data_type type;
    Type moved;
    std::size_t factor; // when moved
    std::size_t item;   // when moved
    bool has_own;       // reductions are NCCL's own
};

constexpr Row rows[] = {
    {NC_BOOL, Type::Uint8, 1, 1, false},       {NC_INT8, Type::Int8, 1, 1, true},
    {NC_INT16, Type::Uint8, 2, 1, false},      {NC_INT32, Type::Int32, 1, 4, true},
    {NC_INT64, Type::Int64, 1, 8, true},       {NC_UINT8, Type::Uint8, 1, 1, true},
    {NC_UINT16, Type::Uint8, 2, 1, false},     {NC_UINT32, Type::Uint32, 1, 4, true},
    {NC_UINT64, Type::Uint64, 1, 8, true},     {NC_FLOAT16, Type::Float16, 1, 2, true},
    {NC_BFLOAT16, Type::Bfloat16, 1, 2, true}, {NC_FLOAT32, Type::Float32, 1, 4, true},
    {NC_FLOAT64, Type::Float64, 1, 8, true},   {NC_COMPLEX64, Type::Uint8, 8, 1, false},
};
static_assert(std::size(rows) == data_type_count);

constexpr nc_reduce_op all_ops[] = {NC_SUM, NC_PRODUCT, NC_MAX, NC_MIN, NC_AVERAGE};

std::optional<Mapping> reduced(nc_data_type type, nc_reduce_op op) {
    try {
        return nccl::map_reduced(type, op);
    } catch (const Error& error) {
        EXPECT_EQ(error.status, NC_NOT_SUPPORTED) << error.what();
        EXPECT_NE(std::string(error.what()).find(data_type_name(type)), std::string::npos) << error.what();
        return std::nullopt;
    }
}

void expect_mapping(const Mapping& mapping, Type type, std::size_t factor, std::size_t item) {
    EXPECT_EQ(mapping.type, type);
    EXPECT_EQ(mapping.factor, factor);
    EXPECT_EQ(mapping.item, item);
}

TEST(NcclElementMapping, MovesEveryType) {
    for (const Row& row : rows) {
        SCOPED_TRACE(data_type_name(row.type));
        const Mapping mapping = nccl::map_moved(row.type);
        expect_mapping(mapping, row.moved, row.factor, row.item);
        EXPECT_EQ(mapping.factor * mapping.item, data_type_size(row.type));
    }
}

TEST(NcclElementMapping, ReducesNcclsOwnTypesAsTheyAre) {
    constexpr Reduction own[] = {Reduction::Sum, Reduction::Product, Reduction::Max, Reduction::Min,
                                 Reduction::Average};
    for (const Row& row : rows) {
        if (!row.has_own) continue;
        SCOPED_TRACE(data_type_name(row.type));
        for (const nc_reduce_op op : all_ops) {
            const auto mapping = reduced(row.type, op);
            ASSERT_TRUE(mapping.has_value()) << op;
            expect_mapping(*mapping, row.moved, 1, row.item);
            EXPECT_EQ(mapping->reduction, own[op]) << op;
        }
    }
}

TEST(NcclElementMapping, ReducesBoolAsBytes) {
    for (const auto& [op, reduction] : {std::pair{NC_SUM, Reduction::Max},
                                        {NC_MAX, Reduction::Max},
                                        {NC_PRODUCT, Reduction::Min},
                                        {NC_MIN, Reduction::Min}}) {
        const auto mapping = reduced(NC_BOOL, op);
        ASSERT_TRUE(mapping.has_value()) << op;
        expect_mapping(*mapping, Type::Uint8, 1, 1);
        EXPECT_EQ(mapping->reduction, reduction) << op;
    }
    EXPECT_FALSE(reduced(NC_BOOL, NC_AVERAGE).has_value());
}

TEST(NcclElementMapping, SumsComplexNumbersAsPairs) {
    for (const auto& [op, reduction] : {std::pair{NC_SUM, Reduction::Sum}, {NC_AVERAGE, Reduction::Average}}) {
        const auto mapping = reduced(NC_COMPLEX64, op);
        ASSERT_TRUE(mapping.has_value()) << op;
        expect_mapping(*mapping, Type::Float32, 2, 4);
        EXPECT_EQ(mapping->reduction, reduction) << op;
    }
    for (const nc_reduce_op op : {NC_PRODUCT, NC_MAX, NC_MIN})
        EXPECT_FALSE(reduced(NC_COMPLEX64, op).has_value()) << op;
}

TEST(NcclElementMapping, RefusesWhatIsNotExact) {
    for (const nc_data_type type : {NC_INT16, NC_UINT16}) {
        for (const nc_reduce_op op : all_ops) EXPECT_FALSE(reduced(type, op).has_value()) << type << ' ' << op;
    }
}

} // namespace NC_FILE
} // namespace nc::test
