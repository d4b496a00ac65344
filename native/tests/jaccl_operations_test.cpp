// Every operation on every element type over RDMA, in meshes and rings, against references.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "local_jaccl_ranks.h"
#include "operation_cases.h"
#include "softverbs/opened.h"

namespace nc::test {
namespace NC_FILE {

class JacclOperations : public JacclTest {};
class JacclShapes : public JacclTest, public ::testing::WithParamInterface<Shape> {};

// In a ring data can be sent to neighbours only.
bool is_possible(const Shape& shape, const Case& each) {
    for (int rank = 0; rank < shape.ranks; ++rank) {
        const nc_request& request = each.parts[index(rank)].request;
        if (!shape.ring || request.operation != NC_SEND) continue;
        const int distance = (request.peer - rank + shape.ranks) % shape.ranks;
        if (distance != 1 && distance != shape.ranks - 1) return false;
    }
    return true;
}

// Runs the cases one behind the other on all ranks.
void run_all(FormedRanks& ranks, const Shape& shape, const std::vector<Case>& cases) {
    ranks.each([&](int rank, nc_group* group) {
        for (const Case& each : cases) {
            if (!is_possible(shape, each)) continue;
            run_on_host(group, each.parts[index(rank)], text(each.what, ", rank ", rank));
            if (::testing::Test::HasFatalFailure()) return;
        }
        EXPECT_EQ(execute(group, request_of(NC_BARRIER)).status, NC_OK);
    });
}

// A bit of everything, with sizes up to so many elements.
std::vector<Case> some_cases(int n, unsigned seed, std::initializer_list<std::size_t> counts,
                             std::initializer_list<nc_data_type> types) {
    Maker maker(n, seed);
    std::vector<Case> cases;
    for (const std::size_t count : counts) {
        for (const nc_data_type type : types) {
            const nc_reduce_op op = all_ops[(count + type) % 5];
            add_reductions(cases, maker, n, type, type == NC_BOOL ? NC_MAX : op, count, count % 2 == 0);
            add_moves(cases, maker, n, type, count);
        }
    }
    return cases;
}

TEST_F(JacclOperations, OfEveryTypeAndOperator) {
    for (const Shape& shape : {mesh_of(3), ring_of(3, 2)}) {
        LocalJacclRanks ranks(shape);
        Maker maker(shape.ranks, 1);
        std::vector<Case> cases;
        for (const nc_data_type type : all_types) {
            for (const nc_reduce_op op : all_ops) {
                // One that is reduced at once and one way, and one that takes several ways.
                add_reductions(cases, maker, shape.ranks, type, op, 13, op % 2 == 0);
                const std::size_t count = 33'000 / data_type_size(type) + 2;
                if (type == NC_BOOL && op == NC_AVERAGE) continue;
                cases.push_back({text("all-reduce, ", reduce_op_name(op), " of ", count, ' ', data_type_name(type)),
                                 maker.all_reduce(type, op, count, op % 2 != 0)});
            }
            add_moves(cases, maker, shape.ranks, type, 5);
        }
        run_all(ranks, shape, cases);
    }
}

TEST_P(JacclShapes, EveryOperationOfFewElements) {
    const Shape& shape = GetParam();
    LocalJacclRanks ranks(shape);
    const auto n = index(shape.ranks);
    run_all(ranks, shape, some_cases(shape.ranks, 2, {0, 1, n - 1, n, n + 1, 1009}, {NC_FLOAT32, NC_INT8}));
}

// Around the sizes at which other ways are taken, and other frames.
TEST_P(JacclShapes, ReductionsAroundEveryThreshold) {
    const Shape& shape = GetParam();
    LocalJacclRanks ranks(shape);
    Maker maker(shape.ranks, 3);
    std::vector<Case> cases;
    for (const std::size_t bytes : {4096, 8192, 32'768, 65'536}) {
        for (const std::size_t count : {bytes / 4 - 1, bytes / 4, bytes / 4 + 1}) {
            cases.push_back({text("all-reduce of ", count), maker.all_reduce(NC_INT32, NC_SUM, count, count % 2 == 0)});
            cases.push_back(
                {text("reduce-scatter of ", count),
                 maker.reduce_scatter(NC_INT32, NC_SUM, Lengths(index(shape.ranks), count), false, count % 2 == 0)});
        }
    }
    const std::size_t fewest = 2 * index(shape.ranks) * index(shape.wires);
    for (const std::size_t count : {fewest - 1, fewest, fewest + 1}) {
        cases.push_back({text("all-reduce of ", count), maker.all_reduce(NC_COMPLEX64, NC_PRODUCT, count, false)});
        cases.push_back({text("reduce-scatter of ", count),
                         maker.reduce_scatter(NC_UINT16, NC_MAX, Lengths(index(shape.ranks), count), false, true)});
    }
    run_all(ranks, shape, cases);
}

// Blocks over several frames and, in a ring, over all of its wires.
TEST_P(JacclShapes, EveryOperationOfManyElements) {
    const Shape& shape = GetParam();
    const bool is_large = shape.ranks > 4 || slow_by_threads;
    for (const char* frames : {"large", "small"}) {
        LocalJacclRanks ranks(shape, {{{"frames", frames}}});
        run_all(ranks, shape, some_cases(shape.ranks, 4, {is_large ? 5'003U : 20'011U}, {NC_INT16, NC_INT64}));
    }
}

// A few shapes have all the code there is; where threads are watched, which takes long, they do.
std::vector<Shape> shapes() {
    if (slow_by_threads) return {mesh_of(3), mesh_of(4), ring_of(2, 2), ring_of(3, 2)};
    return {mesh_of(2), mesh_of(3),    mesh_of(4),    mesh_of(8), ring_of(2),    ring_of(2, 2), ring_of(2, 4),
            ring_of(3), ring_of(3, 2), ring_of(3, 4), ring_of(5), ring_of(5, 2), ring_of(5, 4)};
}

INSTANTIATE_TEST_SUITE_P(Jaccl, JacclShapes, ::testing::ValuesIn(shapes()),
                         [](const auto& test) { return name_of(test.param); });

// More than two of the largest frames everywhere.
TEST_F(JacclOperations, OfMuchMemory) {
    for (const Shape& shape : {mesh_of(2), mesh_of(3), ring_of(3, 2)}) {
        if (slow_by_threads && shape.ranks == 3) continue;
        const int n = shape.ranks;
        LocalJacclRanks ranks(shape);
        Maker maker(n, 5);
        std::vector<Case> cases;
        // The largest frames are of 512 KiB.
        const std::size_t in_slice = 400'001;
        const std::size_t slices = shape.ring ? 2 * index(shape.wires) : 1;
        cases.push_back({"all-reduce", maker.all_reduce(NC_UINT32, NC_SUM,
                                                        in_slice * (shape.ring ? slices * index(n) / 2 : 1), true)});
        cases.push_back(
            {"all-gather", maker.gather(NC_ALL_GATHER, NC_INT64, Lengths(index(n), 300'000), 0, false, false)});
        Lengths lengths(index(n * n), 10);
        lengths[1] = 700'000;
        lengths[2] = 0;
        cases.push_back({"all-to-all", maker.all_to_all(NC_INT16, lengths, true)});
        cases.push_back({"broadcast", maker.broadcast(NC_BOOL, 3'000'000, n - 1, true, false)});
        cases.push_back({"send", maker.send(NC_BOOL, 3'000'001, 0, 1)});
        run_all(ranks, shape, cases);
    }
}

struct Variant {
    const char* name;
    Changes settings;
    const char* completion = "matched";
    const char* no_channel = "0";
    std::string faults = "";
};

// What the fabric and the settings leave open makes no difference.
TEST_F(JacclOperations, UnderEveryCircumstance) {
    const Variant variants[] = {
        {"unreliable", {{"queue_pairs", "uc"}}},
        {"reliable", {{"queue_pairs", "rc"}}},
        {"unreliable, completed when posted", {{"queue_pairs", "uc"}}, "posted"},
        {"reliable, completed when posted", {{"queue_pairs", "rc"}}, "posted"},
        {"without a completion channel", {}, "matched", "1"},
        {"small frames, without a completion channel", {{"frames", "small"}}, "matched", "1"},
        {"reordered completions", {}, "matched", "0", "reorder=300"},
        {"a slow peer", {}, "matched", "0", "device=r1:slow=200;device=r1L0:slow=200;device=r1R0:slow=200"},
    };
    for (const Shape& shape : {mesh_of(3), ring_of(3, 2)}) {
        const std::vector<Case> cases = some_cases(shape.ranks, 6, {11, 9'001}, {NC_INT32});
        for (const Variant& variant : variants) {
            SCOPED_TRACE(text(name_of(shape), ", ", variant.name));
            ASSERT_EQ(verbs().softverbs_set_completion(variant.completion), 0);
            ASSERT_EQ(verbs().softverbs_set_no_channel(variant.no_channel), 0);
            const FaultsOfVerbs faults(variant.faults);
            LocalJacclRanks ranks(shape, {variant.settings});
            run_all(ranks, shape, cases);
        }
    }
}

// In place, with a peer that takes what it is sent late, while its own data comes early: nothing may be overwritten
// that is still to be sent.
TEST_F(JacclOperations, InPlaceWithASlowPeer) {
    for (const Shape& shape : {mesh_of(2), mesh_of(3), ring_of(3)}) {
        for (int slow = 0; slow < shape.ranks; ++slow) {
            const FaultsOfVerbs faults(
                text("device=r", slow, ":slow=3000;device=r", slow, "L0:slow=3000;device=r", slow, "R0:slow=3000"));
            LocalJacclRanks ranks(shape, {{{"frames", "small"}}});
            Maker maker(shape.ranks, 8);
            // Of several messages, as a mesh reduces them at once.
            run_all(ranks, shape,
                    {{text("rank ", slow, " is slow"), maker.all_reduce(NC_INT32, NC_SUM, 8'192, true)},
                     {text("rank ", slow, " is slow"),
                      maker.reduce_scatter(NC_INT32, NC_SUM, Lengths(index(shape.ranks), 8'192), false, true)}});
        }
    }
}

// A device for each peer, as Macs have, and one name more than a mesh uses.
TEST_F(JacclOperations, OverADeviceForEveryPeer) {
    const std::string matrix = R"([[null, ["r0L0", "r0"], "r0L1"], ["r1L0", [], "r1L1"], [["r2L0"], ["r2L1"], null]])";
    LocalJacclRanks ranks(mesh_of(3), {{{"devices", matrix}}});
    run_all(ranks, mesh_of(3), some_cases(3, 7, {1'000}, {NC_FLOAT64}));
}

// Both topologies fit; it is a ring only if that is preferred. A ring knows neighbours only.
TEST_F(JacclOperations, InTheTopologyThatIsChosen) {
    for (const bool prefers_ring : {false, true}) {
        LocalJacclRanks ranks(mesh_of(4), {{{"prefer_ring", prefers_ring ? "true" : "false"}}});
        ranks.each([prefers_ring](int rank, nc_group* group) {
            std::int32_t value = rank;
            nc_request request = request_of(rank < 2 ? NC_SEND : NC_RECEIVE, NC_INT32, 1, &value, &value);
            request.peer = (rank + 2) % 4;
            const Outcome outcome = execute(group, request);
            EXPECT_EQ(outcome.status, prefers_ring ? NC_NOT_SUPPORTED : NC_OK) << outcome.message();
            EXPECT_EQ(all_sum_works(group).status, NC_OK);
        });
    }
}

// ---- In which order, and which operand is which ---------------------------------------------------------------------

using Fold = std::function<float(float a, float b)>;

// Section 7 of the wire's specification. a == a: a NaN makes every comparison false.
float larger(float a, float b) {
    return a > b ? a : b;
}
float smaller(float a, float b) {
    return a < b ? a : b;
}
float added(float a, float b) {
    return a + b;
}

// Where no rank is MLX's: a NaN wins, the second one of two.
float larger_or_nan(float a, float b) {
    return std::isnan(b) || !(std::isnan(a) || a > b) ? b : a;
}
float smaller_or_nan(float a, float b) {
    return std::isnan(b) || !(std::isnan(a) || a < b) ? b : a;
}

struct Operator {
    nc_reduce_op op;
    Fold fold;
    Fold fold_of_mlx;
};
const Operator operators[] = {
    {NC_MAX, larger_or_nan, larger}, {NC_MIN, smaller_or_nan, smaller}, {NC_SUM, added, added}};

// Numbers for which the order matters: of all magnitudes, both zeros, infinities and, unless they are to be added, NaNs
// of several kinds.
std::vector<std::vector<float>> difficult(int n, std::size_t count, bool with_nans, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::vector<float>> values(index(n), std::vector<float>(count));
    for (auto& row : values) {
        for (float& value : row) {
            const unsigned kind = random() % 8;
            value =
                std::ldexp(static_cast<float>(random() % 1'000'000) - 500'000.0F, static_cast<int>(random() % 40) - 20);
            if (kind == 0) value = 0.0F;
            if (kind == 1) value = -0.0F;
            if (kind == 2 && with_nans) {
                const auto bits = static_cast<std::uint32_t>(0x7fc00000U | (random() % 2 << 31) | random() % 1000);
                std::memcpy(&value, &bits, sizeof value);
            }
        }
    }
    return values;
}

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
    std::vector<std::uint32_t> bits(values.size());
    std::memcpy(bits.data(), values.data(), values.size() * sizeof(float));
    return bits;
}

std::vector<float> reduced_on(nc_group* group, nc_operation operation, const std::vector<float>& own, nc_reduce_op op,
                              std::size_t result, int root = -1) {
    std::vector<float> output(result, 77.0F);
    nc_request request = request_of(operation, NC_FLOAT32, operation == NC_REDUCE_SCATTER ? result : own.size(),
                                    own.data(), output.data());
    request.reduce_op = op;
    request.peer = root;
    const Outcome outcome = execute(group, request);
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    return output;
}

// In the order of the ranks, the accumulated value being the first operand.
TEST_F(JacclOperations, InAMeshCombineInTheOrderOfTheRanks) {
    for (const auto& [n, with_mlx] : {std::pair{2, false}, {3, false}, {4, false}, {3, true}}) {
        const std::size_t count = n == 2 ? 20'000 : 8'192;
        Meeting meeting(n);
        LocalJacclRanks ranks(
            mesh_of(n),
            {.settings = {{"frames", n == 3 ? "small" : "large"}}, .meeting = &meeting, .with_mlx = with_mlx});
        const FaultsOfVerbs faults("reorder=200");
        for (const Operator& combined : operators) {
            const auto values = difficult(n, count, combined.op != NC_SUM, static_cast<unsigned>(n));
            // All-reduce is MLX's operation, reduce is not.
            const auto folded = [&](const Fold& fold) {
                std::vector<float> result = values[0];
                for (std::size_t i = 0; i < count; ++i) {
                    for (int rank = 1; rank < n; ++rank) result[i] = fold(result[i], values[index(rank)][i]);
                }
                return result;
            };
            const std::vector<float> expected = folded(with_mlx ? combined.fold_of_mlx : combined.fold);
            const std::vector<float> expected_of_reduce = folded(combined.fold);
            ranks.each([&](int rank, nc_group* group) {
                EXPECT_TRUE(bits_of(reduced_on(group, NC_ALL_REDUCE, values[index(rank)], combined.op, count)) ==
                            bits_of(expected))
                    << "all-reduce, " << reduce_op_name(combined.op) << " over " << n;
                for (int root = 0; root < n; ++root) {
                    const std::vector<float> result =
                        reduced_on(group, NC_REDUCE, values[index(rank)], combined.op, count, root);
                    EXPECT_TRUE(rank != root || bits_of(result) == bits_of(expected_of_reduce))
                        << "reduce, " << reduce_op_name(combined.op) << " to " << root;
                }
            });
        }
    }
}

// In two phases: a rank's own value first, then those of the others as they come. With two NaN-free values of each peer
// that comes to the same for any order of max and min; and one rank computes each element, so that all have the same.
TEST_F(JacclOperations, InAMeshInTwoPhasesGiveAllRanksTheSame) {
    constexpr int n = 4;
    constexpr std::size_t count = 30'003;
    LocalJacclRanks ranks(mesh_of(n));
    const FaultsOfVerbs faults("reorder=200");
    const auto values = difficult(n, count, false, 9);
    for (const Operator& combined : operators) {
        std::vector<std::vector<float>> results(n);
        ranks.each([&](int rank, nc_group* group) {
            results[index(rank)] = reduced_on(group, NC_ALL_REDUCE, values[index(rank)], combined.op, count);
        });
        for (int rank = 1; rank < n; ++rank)
            EXPECT_TRUE(bits_of(results[index(rank)]) == bits_of(results[0])) << reduce_op_name(combined.op);
    }
}

// Sections 9.1 and 9.2: where an element lies decides in which direction it travels, and so in which order it is
// combined.
TEST_F(JacclOperations, InARingCombineInTheOrderOfTravel) {
    for (const auto& [shape, with_mlx] : {std::pair{ring_of(2), false},
                                          {ring_of(3), false},
                                          {ring_of(4, 2), false},
                                          {ring_of(3, 3), false},
                                          {ring_of(3, 2), true}}) {
        const int n = shape.ranks;
        Meeting meeting(n);
        LocalJacclRanks ranks(shape, {.settings = {}, .meeting = &meeting, .with_mlx = with_mlx});
        const FaultsOfVerbs faults("reorder=200");
        for (const std::size_t count : {std::size_t{5}, std::size_t{8'192}, std::size_t{8'193}, std::size_t{60'000}}) {
            for (const Operator& combined : operators) {
                const auto values = difficult(n, count, combined.op != NC_SUM, static_cast<unsigned>(count));
                const auto value = [&](int rank, std::size_t i) { return values[index((rank % n + n) % n)][i]; };
                // All-reduce: chunk c begins with rank c's value; own is the first operand.
                const bool one_way = count * 4 <= 32'768 || count < 2 * index(n) * index(shape.wires);
                const std::size_t chunk = (count + index(n) - 1) / index(n);
                const std::size_t lanes = one_way ? 1 : 2 * index(shape.wires);
                const std::size_t slice = (chunk + lanes - 1) / lanes;
                std::vector<float> expected(count);
                const Fold& fold = with_mlx ? combined.fold_of_mlx : combined.fold;
                for (std::size_t i = 0; i < count; ++i) {
                    const auto first = static_cast<int>(i / chunk);
                    const bool upwards = one_way || i % chunk / slice < lanes / 2;
                    expected[i] = value(first, i);
                    for (int hop = 1; hop < n; ++hop)
                        expected[i] = fold(value(upwards ? first + hop : first - hop, i), expected[i]);
                }
                // Reduce-scatter: rank r's block comes to it at last; what arrives is the first operand.
                const std::size_t block = count / index(n);
                const bool one_wire = block * 4 <= 65'536 || index(n) * block < 2 * index(n) * index(shape.wires);
                const std::size_t ways = one_wire ? 2 : 2 * index(shape.wires);
                const std::size_t part = (block + ways - 1) / ways;
                ranks.each([&](int rank, nc_group* group) {
                    EXPECT_TRUE(bits_of(reduced_on(group, NC_ALL_REDUCE, values[index(rank)], combined.op, count)) ==
                                bits_of(expected))
                        << "all-reduce, " << reduce_op_name(combined.op) << " of " << count << ", " << name_of(shape);
                    std::vector<float> own = values[index(rank)];
                    own.resize(block * index(n));
                    std::vector<float> mine(block);
                    for (std::size_t i = 0; i < block; ++i) {
                        const std::size_t at = index(rank) * block + i;
                        const int way = i / part < ways / 2 ? 1 : -1;
                        mine[i] = value(rank + way, at);
                        for (int hop = 2; hop <= n; ++hop)
                            mine[i] = combined.fold(mine[i], value(rank + way * hop, at));
                    }
                    if (block == 0) return;
                    EXPECT_TRUE(bits_of(reduced_on(group, NC_REDUCE_SCATTER, own, combined.op, block)) == bits_of(mine))
                        << "reduce-scatter, " << reduce_op_name(combined.op) << " of " << count << ", "
                        << name_of(shape);
                });
            }
        }
    }
}

// ---- Sending and splitting ------------------------------------------------------------------------------------------

TEST_F(JacclOperations, SendBetweenAnyTwoRanksOfAMesh) {
    constexpr int n = 4;
    LocalJacclRanks ranks(mesh_of(n));
    Maker maker(n, 3);
    std::vector<Case> cases;
    for (int from = 0; from < n; ++from) {
        for (int to = 0; to < n; ++to) {
            if (from == to) continue;
            for (const std::size_t count : {0, 1, 1024, 5000})
                cases.push_back({text("from ", from, " to ", to), maker.send(NC_INT32, count, from, to)});
        }
    }
    run_all(ranks, mesh_of(n), cases);
}

TEST_F(JacclOperations, SendBetweenNeighboursOfARingOnly) {
    for (const Shape& shape : {ring_of(2, 2), ring_of(5, 2)}) {
        LocalJacclRanks ranks(shape);
        Maker maker(shape.ranks, 3);
        std::vector<Case> cases;
        for (int from = 0; from < shape.ranks; ++from) {
            for (const int to : {(from + 1) % shape.ranks, (from + shape.ranks - 1) % shape.ranks}) {
                for (const std::size_t count : {1, 3, 1024, 50'001})
                    cases.push_back({text("from ", from, " to ", to), maker.send(NC_INT8, count, from, to)});
            }
        }
        run_all(ranks, shape, cases);
    }
    LocalJacclRanks ranks(ring_of(5));
    ranks.each([](int rank, nc_group* group) {
        std::int32_t value = 0;
        for (const nc_operation operation : {NC_SEND, NC_RECEIVE}) {
            nc_request request = request_of(operation, NC_INT32, 1, &value, &value);
            request.peer = (rank + 2) % 5;
            const Outcome outcome = execute(group, request);
            EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED);
            EXPECT_TRUE(contains(outcome, text("not ", request.peer))) << outcome.message();
            EXPECT_TRUE(contains(outcome, text((rank + 4) % 5, " and ", (rank + 1) % 5))) << outcome.message();
        }
        EXPECT_EQ(status_of(group).status, NC_OK);
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

Outcome split(nc_group* group, int color, int key, GroupPointer& part) {
    nc_group* made = nullptr;
    nc_request request = request_of(NC_SPLIT);
    request.color = color;
    request.key = key;
    request.new_group = &made;
    const Outcome outcome = execute(group, request);
    part.reset(made);
    return outcome;
}

TEST_F(JacclOperations, SplitAMeshIntoAnyParts) {
    LocalJacclRanks ranks(mesh_of(4));
    ranks.each([](int rank, nc_group* group) {
        GroupPointer half;
        Outcome outcome = split(group, rank % 2, -1, half);
        ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_EQ(nc_group_size(half.get()), 2);
        EXPECT_EQ(nc_group_rank(half.get()), rank / 2);
        EXPECT_EQ(all_sum_works(half.get()).status, NC_OK);

        // Both work side by side.
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
        EXPECT_EQ(all_sum_works(half.get()).status, NC_OK);

        // Part of a part.
        GroupPointer alone;
        outcome = split(half.get(), nc_group_rank(half.get()), 0, alone);
        ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_EQ(nc_group_size(alone.get()), 1);
        EXPECT_EQ(all_sum_works(alone.get()).status, NC_OK);

        // All, the other way around.
        GroupPointer reversed;
        outcome = split(group, 7, 10 - rank, reversed);
        ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_EQ(nc_group_rank(reversed.get()), 3 - rank);
        EXPECT_EQ(all_sum_works(reversed.get()).status, NC_OK);

        // Without the last, which leaves everything at once.
        GroupPointer three;
        outcome = split(group, rank == 3 ? -1 : 0, 0, three);
        ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_EQ(three == nullptr, rank == 3);
        if (rank == 3) return;
        EXPECT_EQ(nc_group_size(three.get()), 3);
        EXPECT_EQ(all_sum_works(three.get()).status, NC_OK);
    });
}

TEST_F(JacclOperations, SplitARingIntoNeighbours) {
    for (const int wires : {1, 2}) {
        LocalJacclRanks ranks(ring_of(4, wires));
        ranks.each([](int rank, nc_group* group) {
            GroupPointer half;
            Outcome outcome = split(group, rank / 2, -1, half);
            ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
            EXPECT_EQ(nc_group_size(half.get()), 2);
            EXPECT_EQ(all_sum_works(half.get()).status, NC_OK);

            GroupPointer reversed;
            outcome = split(group, 0, 9 - rank, reversed);
            ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
            EXPECT_EQ(nc_group_rank(reversed.get()), 3 - rank);
            EXPECT_EQ(all_sum_works(reversed.get()).status, NC_OK);

            // No cable joins these, and nothing is broken by asking.
            GroupPointer impossible;
            outcome = split(group, rank % 2, -1, impossible);
            EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED);
            EXPECT_TRUE(contains(outcome, "neither a mesh nor a ring")) << outcome.message();
            EXPECT_EQ(impossible, nullptr);
            EXPECT_EQ(status_of(group).status, NC_OK);
            EXPECT_EQ(all_sum_works(group).status, NC_OK);

            GroupPointer alone;
            outcome = split(group, rank, 0, alone);
            ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
            EXPECT_EQ(nc_group_size(alone.get()), 1);
        });
    }
}

// A group that met by the program's own side channel works and can be split, although nothing but that channel and the
// cables joins its ranks.
TEST_F(JacclOperations, OfRanksThatMetByTheirOwnSideChannel) {
    for (const Shape& shape : {mesh_of(3), ring_of(3, 2)}) {
        Meeting meeting(shape.ranks);
        JacclSetup setup;
        setup.meeting = &meeting;
        LocalJacclRanks ranks(shape, setup);
        // Section 3.3: nothing but these.
        const auto w = static_cast<std::uint64_t>(shape.wires);
        EXPECT_EQ(meeting.rounds(), shape.ring ? std::vector<std::uint64_t>({4, 32 * w, 4, 32 * w, 4, 4})
                                               : std::vector<std::uint64_t>({4, 96, 4, 4}));
        ranks.each([](int rank, nc_group* group) {
            EXPECT_EQ(all_sum_works(group).status, NC_OK);
            GroupPointer part;
            const Outcome outcome = split(group, rank == 0 ? 3 : 0, 10 - rank, part);
            ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
            EXPECT_EQ(nc_group_size(part.get()), rank == 0 ? 1 : 2);
            EXPECT_EQ(nc_group_rank(part.get()), rank == 1 ? 1 : 0);
            EXPECT_EQ(all_sum_works(part.get()).status, NC_OK);
            EXPECT_EQ(all_sum_works(group).status, NC_OK);
        });
    }
}

// ---- Stress ---------------------------------------------------------------------------------------------------------

TEST_F(JacclOperations, ManyOfRandomSizes) {
    for (const Shape& shape : {mesh_of(4), ring_of(4, 2)}) {
        for (const char* faults : {"", "reorder=150;device=r2:slow=50;device=r2L0:slow=50"}) {
            const FaultsOfVerbs set(faults);
            LocalJacclRanks ranks(shape, {{{"frames", faults[0] == '\0' ? "large" : "small"}}});
            std::mt19937 random(11);
            Maker maker(shape.ranks, 12);
            std::vector<Case> cases;
            for (int round = 0; round < 4; ++round) {
                const std::size_t count = random() % (random() % 2 == 0 ? 50 : 12'000);
                const nc_data_type type = all_types[random() % std::size(all_types)];
                add_reductions(cases, maker, shape.ranks, type, all_ops[random() % 4], count, random() % 2 == 0);
                add_moves(cases, maker, shape.ranks, type, count);
            }
            std::shuffle(cases.begin(), cases.end(), random);
            run_all(ranks, shape, cases);
        }
    }
}

} // namespace NC_FILE
} // namespace nc::test
