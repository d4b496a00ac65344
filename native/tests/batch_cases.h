// Batches, for the tests of any backend.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "operation_cases.h"

namespace nc::test {

using PlacedParts = std::vector<std::unique_ptr<Placed>>;

inline void add_placed(PlacedParts& all, const Case& one, int rank) {
    const Part& part = one.parts[index(rank)];
    if (part.request.operation != NC_OPERATION_NONE) all.push_back(std::make_unique<Placed>(part, one.what));
}

// All ranks carry out all cases, in one batch.
inline void run_in_one_batch(FormedRanks& ranks, const std::vector<Case>& cases) {
    ranks.each([&](int rank, nc_group* group) {
        PlacedParts all;
        for (const Case& one : cases) add_placed(all, one, rank);
        run_together(group, all);
    });
}

// Everybody sends to both neighbours before anybody receives, several messages of such lengths.
inline std::vector<Case> circles(int ranks, const std::vector<std::size_t>& counts) {
    std::vector<Case> cases;
    Maker maker(ranks, 5);
    for (const std::size_t count : counts) {
        for (int rank = 0; rank < ranks; ++rank) {
            cases.push_back(
                {text(count, " from ", rank, " to the right"), maker.send(NC_INT32, count, rank, (rank + 1) % ranks)});
            cases.push_back({text(count, " from ", rank, " to the left"),
                             maker.send(NC_UINT16, count, rank, (rank + ranks - 1) % ranks)});
        }
    }
    return cases;
}

// Sends first: the order in which a program deadlocks.
inline void exchange_in_circles(FormedRanks& ranks, const std::vector<std::size_t>& counts) {
    const std::vector<Case> cases = circles(ranks.size(), counts);
    ranks.each([&](int rank, nc_group* group) {
        PlacedParts all;
        for (const nc_operation operation : {NC_SEND, NC_RECEIVE}) {
            for (const Case& one : cases) {
                if (one.parts[index(rank)].request.operation == operation) add_placed(all, one, rank);
            }
        }
        run_together(group, all);
    });
}

// Operations of many kinds and lengths, of which some are joined.
inline std::vector<Case> many_kinds(int n, const std::function<bool(nc_data_type, nc_reduce_op)>& is_supported) {
    Maker maker(n, 11);
    std::vector<Case> cases;
    for (const std::size_t count : {std::size_t{7}, std::size_t{3000}}) {
        for (const nc_data_type type : {NC_INT32, NC_FLOAT32, NC_BFLOAT16, NC_UINT8, NC_INT16}) {
            for (const nc_reduce_op op : {NC_SUM, NC_SUM, NC_AVERAGE, NC_MAX}) {
                if (is_supported(type, op))
                    cases.push_back({text("all-reduce, ", reduce_op_name(op), " of ", count, ' ', data_type_name(type)),
                                     maker.all_reduce(type, op, count, count == 7)});
            }
            add_moves(cases, maker, n, type, count);
        }
        add_composed(cases, maker, n, count);
        // Of one kind, to be joined in whatever operation it is.
        const auto three = [&](const char* what, auto make) {
            for (int i = 0; i < 3; ++i) cases.push_back({text(what, " to be joined, ", count, " and ", i), make(i)});
        };
        const Lengths equal(index(n), count);
        three("reduce-scatter", [&](int i) {
            return maker.reduce_scatter(NC_INT64, NC_SUM, Lengths(index(n), count + index(i)), false, i == 1);
        });
        three("all-gather", [&](int i) {
            return maker.gather(NC_ALL_GATHER, i == 1 ? NC_UINT8 : NC_FLOAT64, equal, 0, false, i == 2);
        });
        three("gather", [&](int i) { return maker.gather(NC_GATHER, NC_INT8, equal, n - 1, false, i == 2); });
        three("scatter", [&](int i) { return maker.scatter(NC_UINT16, equal, 0, false, i == 2); });
        three("broadcast", [&](int i) { return maker.broadcast(NC_INT32, count, n - 1, i == 1, i == 2); });
        three("reduce", [&](int i) { return maker.reduction(NC_REDUCE, NC_INT32, NC_MIN, count, 0, i == 1); });
        three("all-to-all", [&](int) { return maker.all_to_all(NC_FLOAT32, Lengths(index(n * n), count), false); });
    }
    return cases;
}

// Whether every rank gets such an error for its batch.
inline void expect_failure(FormedRanks& ranks, nc_status status,
                           const std::function<std::vector<Case>(int rank)>& cases) {
    ranks.each([&](int rank, nc_group* group) {
        const std::vector<Case> own = cases(rank);
        PlacedParts all;
        for (const Case& one : own) add_placed(all, one, rank);
        std::vector<const nc_request*> requests;
        for (const auto& placed : all) requests.push_back(&placed->request());
        const Outcome outcome = execute_batch(group, requests);
        EXPECT_EQ(outcome.status, status) << "rank " << rank << ": " << outcome.message();
    });
}

inline Case sum_of(int n, std::size_t count) {
    return {text("sum of ", count), Maker(n, 3).all_reduce(NC_INT32, NC_SUM, count, false)};
}

} // namespace nc::test
