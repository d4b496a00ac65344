// How data of any size is cut, without having it.
#include <gtest/gtest.h>

#include "jaccl/frames.h"
#include "jaccl/ring/message_list.h"
#include "local_jaccl_ranks.h"
#include "operation/blocks.h"

namespace nc::test {
namespace NC_FILE {

using namespace jaccl;

constexpr std::size_t gib = std::size_t{1} << 30;

class JacclArithmetic : public JacclTest {};

TEST_F(JacclArithmetic, PiecesTileWhateverTheyAreCutFrom) {
    for (const std::size_t total :
         {std::size_t{0}, std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{4097}, 5 * gib + 3}) {
        for (const std::size_t length : {std::size_t{1} << 20, largest_frame, 3 * gib + 1}) {
            std::size_t at = 0;
            for (std::size_t k = 0; k < ceil_div(total, length); ++k) {
                const Range part = piece(total, length, k);
                ASSERT_EQ(part.begin, at);
                ASSERT_GT(part.size, 0U);
                at = part.end();
            }
            EXPECT_EQ(at, total);
            EXPECT_EQ(piece(total, length, ceil_div(total, length)), (Range{total, 0}));
            EXPECT_EQ(piece(total, length, ~std::size_t{0}), (Range{total, 0}));
        }
        EXPECT_EQ(piece(total, 0, 0), (Range{total, 0}));
    }
    EXPECT_EQ(ceil_div(~std::size_t{0}, 2), std::size_t{1} << 63);
    EXPECT_EQ(ceil_div(0, 5), 0U);
}

TEST_F(JacclArithmetic, BlocksBeginWhereTheOnesBeforeEnd) {
    const Blocks even(3 * gib);
    for (int rank = 0; rank < 8; ++rank)
        EXPECT_EQ(even[rank], (Range{static_cast<std::size_t>(rank) * 3 * gib, 3 * gib}));
    EXPECT_EQ(even.largest(), 3 * gib);
    const std::uint64_t lengths[] = {gib, 0, 3, 2 * gib + 1};
    Scratch scratch;
    const Blocks uneven(lengths, 4, 8, scratch);
    EXPECT_EQ(uneven[0], (Range{0, 8 * gib}));
    EXPECT_EQ(uneven[1], (Range{8 * gib, 0}));
    EXPECT_EQ(uneven[2], (Range{8 * gib, 24}));
    EXPECT_EQ(uneven[3], (Range{8 * gib + 24, 16 * gib + 8}));
    EXPECT_EQ(uneven.largest(), 16 * gib + 8);
}

// A member of a ring, beneath the C ABI.
class Member {
public:
    Member(int rank, const Shape& shape, Meeting& meeting) {
        const std::string matrix = matrix_json(shape);
        const std::string library = verbs_library_path();
        const nc_setting settings[] = {
            {"devices", matrix.c_str()}, {"prefer_ring", "true"}, {"verbs_library", library.c_str()}};
        nc_backend_options options{};
        options.rank = rank;
        options.side_channel = Meeting::exchange;
        options.side_channel_context = &meeting;
        options.fault = [](void*, const nc_error*) {};
        const jaccl::Settings read = read_settings(settings, 3);
        DeviceMatrix parsed = DeviceMatrix::parse(matrix, "the matrix");
        const auto channel = make_custom_channel(options, shape.ranks, deadline_after(ample_ms));
        Fabric fabric = connect_ranks(VerbsLibrary::load(library), parsed, rank, parsed.choose(true), read, *channel,
                                      Log(nullptr, nullptr));
        group.emplace(rank, std::move(parsed), read, std::move(fabric), std::vector<Connection>(), options);
    }

    std::optional<JacclGroup> group;
};

// What the lanes of a ring carry of a block, message by message, tiles it.
TEST_F(JacclArithmetic, SlicesTileBlocksOfAnySize) {
    const Shape shape = ring_of(2, 3);
    Meeting meeting(2);
    on_all_ranks(2, [&](int rank) {
        Member member(rank, shape, meeting);
        if (rank != 0) return;
        for (const nc_data_type type : {NC_INT8, NC_FLOAT32, NC_COMPLEX64}) {
            const std::size_t item = data_type_size(type);
            for (const std::size_t count : {std::size_t{0}, std::size_t{5}, 32'768 / item, 32'768 / item + 1,
                                            std::size_t{100'003}, 5 * gib / item + 1}) {
                const nc_request request = request_of(NC_BROADCAST, type, count);
                const nc_call call{};
                const Operation operation(*member.group, request, call);
                EXPECT_EQ(operation.bytes(), count * item);
                const jaccl::ring::Slices slices(operation, operation.bytes());
                EXPECT_EQ(slices.ways(), operation.bytes() > 32'768 ? 6U : 1U);
                const std::size_t messages = slices.messages(operation.bytes());
                EXPECT_LE(slices.frame(), largest_frame);
                std::size_t at = 0;
                for (std::size_t lane = 0; lane < slices.ways(); ++lane) {
                    // Behind another block, as in a gather.
                    jaccl::ring::MessageList list(slices, lane, operation.scratch());
                    list.add({0, 0});
                    list.add({7 * gib, operation.bytes()});
                    list.add({9 * gib, 0});
                    ASSERT_EQ(list.count(), messages);
                    for (std::size_t message = 0; message < messages; ++message) {
                        const Range part = slices.part(operation.bytes(), lane, message);
                        ASSERT_LE(part.size, slices.frame());
                        ASSERT_EQ(part.begin % item, 0U);
                        ASSERT_EQ(list.part(message), (Range{7 * gib + part.begin, part.size}));
                        if (part.size == 0) continue;
                        ASSERT_EQ(part.begin, at);
                        at = part.end();
                    }
                }
                EXPECT_EQ(at, operation.bytes());
            }
        }
    });
}

} // namespace NC_FILE
} // namespace nc::test
