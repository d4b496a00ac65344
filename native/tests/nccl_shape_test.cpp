// Which elements of a rank's buffers an operation is about, and the pieces they are cut into.
#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "local_ranks.h"
#include "nccl/shape.h"
#include "operation/traits.h"

namespace nc::nccl {

static bool operator==(const Block& a, const Block& b) {
    return a.offset == b.offset && a.count == b.count;
}

static void PrintTo(const Block& block, std::ostream* stream) {
    *stream << block.count << " at " << block.offset;
}

} // namespace nc::nccl

namespace nc::test {
namespace NC_FILE {

using nccl::Block;
using nccl::Shape;
using Blocks = std::vector<Block>;

Scratch scratch;

Blocks list(std::span<const Block> blocks) {
    return {blocks.begin(), blocks.end()};
}

constexpr int size = 3;
constexpr int rank = 1;

// The buffers only tell whether they are there, and whether they are the same.
int input;
int output;

Shape shape(nc_operation operation, nc_data_type type, std::uint64_t count, int root) {
    nc_request request = request_of(operation, type, count, &input, &output);
    request.peer = root;
    return nccl::shape_of(request, rank, size, scratch);
}

Shape uneven(nc_operation operation, nc_data_type type, const std::vector<std::uint64_t>& send,
             const std::vector<std::uint64_t>& receive, int root = 0) {
    nc_request request = request_of(operation, type, (send.empty() ? receive : send)[rank], &input, &output);
    request.peer = root;
    request.flags = NC_REQUEST_UNEVEN;
    request.send_counts = send.empty() ? nullptr : send.data();
    request.receive_counts = receive.empty() ? nullptr : receive.data();
    return nccl::shape_of(request, rank, size, scratch);
}

TEST(NcclShape, OfEveryOperationAtTheRootAndElsewhere) {
    const Blocks none;
    const Blocks own{{0, 4}};
    const Blocks all{{0, 4}, {4, 4}, {8, 4}};
    struct Row {
        nc_operation operation;
        Blocks send_at_root;
        Blocks receive_at_root;
        Blocks send_elsewhere;
        Blocks receive_elsewhere;
    };
    const Row rows[] = {
        {NC_ALL_REDUCE, own, own, own, own},     {NC_ALL_GATHER, own, all, own, all},
        {NC_REDUCE_SCATTER, all, own, all, own}, {NC_BROADCAST, own, own, none, own},
        {NC_REDUCE, own, own, own, none},        {NC_GATHER, own, all, own, none},
        {NC_SCATTER, all, own, none, own},       {NC_ALL_TO_ALL, all, all, all, all},
        {NC_SEND, own, none, own, none},         {NC_RECEIVE, none, own, none, own},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(operation_name(row.operation));
        const Shape root = shape(row.operation, NC_INT32, 4, rank);
        EXPECT_EQ(root.operation, row.operation);
        EXPECT_EQ(root.root, rank);
        EXPECT_TRUE(root.even);
        EXPECT_EQ(list(root.send), row.send_at_root);
        EXPECT_EQ(list(root.receive), row.receive_at_root);
        EXPECT_EQ(root.longest(), 4U);
        for (const int other : {0, 2}) {
            const Shape elsewhere = shape(row.operation, NC_INT32, 4, other);
            EXPECT_EQ(elsewhere.root, other);
            EXPECT_EQ(list(elsewhere.send), row.send_elsewhere);
            EXPECT_EQ(list(elsewhere.receive), row.receive_elsewhere);
        }
        EXPECT_EQ(shape(row.operation, NC_INT32, 0, rank).longest(), 0U);
    }
}

TEST(NcclShape, OfABroadcastHasNoReceiveBlockWhereTheRootKeepsItsOwnCopy) {
    nc_request request = request_of(NC_BROADCAST, NC_INT32, 4, &input, nullptr);
    request.peer = rank;
    EXPECT_EQ(list(nccl::shape_of(request, rank, size, scratch).receive), Blocks());
    request.receive_buffer = &input;
    EXPECT_EQ(list(nccl::shape_of(request, rank, size, scratch).receive), Blocks());
    request.receive_buffer = &output;
    EXPECT_EQ(list(nccl::shape_of(request, rank, size, scratch).receive), Blocks({{0, 4}}));
}

TEST(NcclShape, CountsInElementsOfNccls) {
    EXPECT_EQ(list(shape(NC_ALL_GATHER, NC_COMPLEX64, 2, 0).receive), Blocks({{0, 16}, {16, 16}, {32, 16}}))
        << "moved as bytes";
    EXPECT_EQ(list(shape(NC_ALL_REDUCE, NC_COMPLEX64, 2, 0).send), Blocks({{0, 4}})) << "summed as floats";
    EXPECT_EQ(list(shape(NC_SEND, NC_INT16, 3, 0).send), Blocks({{0, 6}}));
    EXPECT_EQ(list(uneven(NC_ALL_GATHER, NC_UINT16, {}, {1, 0, 3}).receive), Blocks({{0, 2}, {2, 0}, {2, 6}}));
}

TEST(NcclShape, ThatNcclCannotReduceIsRefused) {
    for (const nc_operation operation : {NC_ALL_REDUCE, NC_REDUCE, NC_REDUCE_SCATTER}) {
        try {
            (void)shape(operation, NC_INT16, 1, 0);
            ADD_FAILURE() << operation;
        } catch (const Error& error) {
            EXPECT_EQ(error.status, NC_NOT_SUPPORTED);
        }
    }
}

TEST(NcclShape, OfUnevenBlocks) {
    const Blocks own{{0, 5}};
    const Blocks all{{0, 2}, {2, 5}, {7, 0}};
    const std::vector<std::uint64_t> counts{2, 5, 0};
    for (const int root : {rank, 0}) {
        const bool at_root = root == rank;
        SCOPED_TRACE(root);
        Shape found = uneven(NC_ALL_GATHER, NC_INT8, {}, counts, root);
        EXPECT_FALSE(found.even);
        EXPECT_EQ(list(found.send), own);
        EXPECT_EQ(list(found.receive), all);
        found = uneven(NC_REDUCE_SCATTER, NC_INT8, counts, {}, root);
        EXPECT_EQ(list(found.send), all);
        EXPECT_EQ(list(found.receive), own);
        found = uneven(NC_GATHER, NC_INT8, {}, counts, root);
        EXPECT_EQ(list(found.send), own);
        EXPECT_EQ(list(found.receive), at_root ? all : Blocks());
        found = uneven(NC_SCATTER, NC_INT8, counts, {}, root);
        EXPECT_EQ(list(found.send), at_root ? all : Blocks());
        EXPECT_EQ(list(found.receive), own);
        EXPECT_EQ(found.longest(), 5U);
    }
    const Shape exchanged = uneven(NC_ALL_TO_ALL, NC_INT8, {1, 2, 3}, {4, 2, 0});
    EXPECT_EQ(list(exchanged.send), Blocks({{0, 1}, {1, 2}, {3, 3}}));
    EXPECT_EQ(list(exchanged.receive), Blocks({{0, 4}, {4, 2}, {6, 0}}));
    EXPECT_EQ(exchanged.longest(), 4U);
}

// Parts of all lengths, put one behind the other, are the whole.
TEST(NcclShape, IsCutIntoPartsThatAreTheWhole) {
    const Shape whole = uneven(NC_ALL_TO_ALL, NC_INT32, {7, 0, 3}, {1, 0, 10});
    for (std::size_t most = 1; most <= 12; ++most) {
        SCOPED_TRACE(most);
        std::vector<std::size_t> sent(size);
        std::vector<std::size_t> received(size);
        const auto follow = [&](std::span<const Block> part, std::span<const Block> of_whole,
                                std::vector<std::size_t>& done) {
            ASSERT_EQ(part.size(), of_whole.size());
            for (std::size_t i = 0; i < part.size(); ++i) {
                EXPECT_LE(part[i].count, most);
                EXPECT_TRUE(part[i].count == 0 || part[i].offset == of_whole[i].offset + done[i]) << i;
                done[i] += part[i].count;
            }
        };
        for (std::size_t first = 0; first < whole.longest(); first += most) {
            const Shape part = whole.part(first, most);
            EXPECT_EQ(part.operation, whole.operation);
            EXPECT_FALSE(part.even);
            follow(part.send, whole.send, sent);
            follow(part.receive, whole.receive, received);
        }
        EXPECT_EQ(sent, std::vector<std::size_t>({7, 0, 3}));
        EXPECT_EQ(received, std::vector<std::size_t>({1, 0, 10}));
    }
    EXPECT_EQ(list(whole.part(0, static_cast<std::size_t>(-1)).receive), list(whole.receive));
    EXPECT_EQ(whole.part(20, 5).longest(), 0U);
}

TEST(NcclShape, IsPackedWithoutGaps) {
    const Shape packed = uneven(NC_ALL_TO_ALL, NC_INT32, {7, 0, 3}, {1, 0, 10}).part(2, 4).packed();
    EXPECT_EQ(list(packed.send), Blocks({{0, 4}, {4, 0}, {4, 1}}));
    EXPECT_EQ(list(packed.receive), Blocks({{0, 0}, {0, 0}, {0, 4}}));
    EXPECT_EQ(nccl::extent(packed.send), 5U);
    EXPECT_EQ(nccl::extent(packed.receive), 4U);
    EXPECT_EQ(nccl::extent({}), 0U);
}

} // namespace NC_FILE
} // namespace nc::test
