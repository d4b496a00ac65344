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

// Rank 0 sends two messages in a batch, which rank 1 receives by themselves.
inline void messages_meet_ones_by_themselves(FormedRanks& ranks, std::size_t count, std::size_t next_count) {
    Maker maker(2, 6);
    const Case first{"first", maker.send(NC_INT32, count, 0, 1)};
    const Case second{"second", maker.send(NC_FLOAT64, next_count, 0, 1)};
    ranks.each([&](int rank, nc_group* group) {
        if (rank == 0) {
            PlacedParts all;
            add_placed(all, first, 0);
            add_placed(all, second, 0);
            run_together(group, all);
        } else {
            run_on_host(group, first.parts[1], first.what);
            run_on_host(group, second.parts[1], second.what);
        }
    });
}

// Rank 0 waits in its batch for a second message from rank 1, which sends one only.
inline void a_message_does_not_come(FormedRanks& ranks) {
    ranks.each([](int rank, nc_group* group) {
        std::vector<std::int32_t> out(1000, rank);
        std::vector<std::int32_t> in(1000);
        std::vector<std::int32_t> more(1000);
        nc_request send = request_of(NC_SEND, NC_INT32, out.size(), out.data());
        nc_request receive = request_of(NC_RECEIVE, NC_INT32, in.size(), nullptr, in.data());
        send.peer = receive.peer = 1 - rank;
        if (rank == 1) {
            EXPECT_EQ(execute_batch(group, {&send, &receive}).status, NC_OK);
            return;
        }
        nc_request late = receive;
        late.receive_buffer = more.data();
        late.timeout_ms = 300 * slowness;
        const Outcome outcome = execute_batch(group, {&send, &receive, &late});
        EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
        EXPECT_EQ(outcome.error.index, 2) << outcome.message();
        EXPECT_EQ(outcome.error.operation, NC_RECEIVE);
        EXPECT_EQ(outcome.error.peer, 1);
        EXPECT_TRUE(contains(outcome, "batch did not complete")) << outcome.message();
    });
}

inline Case sum_of(int n, std::size_t count) {
    return {text("sum of ", count), Maker(n, 3).all_reduce(NC_INT32, NC_SUM, count, false)};
}

} // namespace nc::test
