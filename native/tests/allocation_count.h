// How often a thread asks for memory, in whatever library: the test program's malloc comes before the C library's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "local_ranks.h"
#include "operation_cases.h"

namespace nc::test {

// False where malloc is a sanitizer's, or another system's.
extern const bool allocations_are_counted;
inline const char* const not_counted = "malloc is a sanitizer's, or another system's";

// Of the calling thread, so far; without those of libraries whose path holds one of the names.
std::uint64_t allocations();
void leave_out_allocations_of(const std::string& name);

// Of one rank, while its part of an operation runs: the fewest of several times, as buffers may still grow where what
// peers send comes in another order.
inline std::uint64_t allocations_of(nc_group* group, const Part& part) {
    if (part.request.operation == NC_OPERATION_NONE) return 0;
    Layout layout(part);
    nc_request request = part.request;
    request.send_counts = part.send_counts.empty() ? nullptr : part.send_counts.data();
    request.receive_counts = part.receive_counts.empty() ? nullptr : part.receive_counts.data();
    place_buffers(request, part, layout.first.data(), layout.second.data());
    nc_error error = empty_error();
    std::uint64_t fewest = static_cast<std::uint64_t>(-1);
    for (int run = 0; run < 5; ++run) {
        const std::uint64_t before = allocations();
        EXPECT_EQ(nc_execute(group, &request, &error), NC_OK) << error.message;
        fewest = std::min(fewest, allocations() - before);
    }
    return fewest;
}

// A blocking operation that has run before asks for no memory: every one, on so many elements.
inline void expect_no_allocations(FormedRanks& ranks, std::size_t count) {
    const int n = ranks.size();
    Maker maker(n, 1);
    std::vector<Case> cases;
    for (const nc_reduce_op op : {NC_SUM, NC_AVERAGE}) {
        for (const nc_data_type type : {NC_FLOAT32, NC_INT32}) add_reductions(cases, maker, n, type, op, count, false);
    }
    add_moves(cases, maker, n, NC_FLOAT32, count);
    cases.push_back({"barrier", Parts(index(n))});
    for (Part& part : cases.back().parts) part.request = request_of(NC_BARRIER);
    for (const Case& next : cases) {
        std::vector<std::uint64_t> counts(index(n));
        ranks.each(
            [&](int rank, nc_group* group) { counts[index(rank)] = allocations_of(group, next.parts[index(rank)]); });
        EXPECT_EQ(counts, std::vector<std::uint64_t>(index(n))) << next.what;
    }
}

inline const auto allocation_counts = ::testing::Values<std::size_t>(5, 40'001);

} // namespace nc::test
