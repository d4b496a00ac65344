// Every operation on every element type over real sockets, against references written here; ranks are threads.
#include <gtest/gtest.h>

#include "element_reference.h"
#include "local_ranks.h"

namespace nc::test {
namespace NC_FILE {

// Runs one operation on all ranks; in_place uses the in-place form, in which a rank's own part lies in the other
// buffer.
class Checked {
public:
    Checked(LocalRanks& ranks, const std::string& what) : ranks_(ranks), what_(what) {}

    void all_reduce(nc_data_type type, nc_reduce_op op, std::size_t count, bool in_place, std::mt19937& random) {
        const auto values = numbers(ranks_.size(), count, type, op, random);
        const Buffer expected = reduced(type, op, count, values);
        each([&](int rank, nc_group* group) {
            Buffer input = stored(type, count, values[index(rank)]);
            Buffer output(in_place ? 0 : input.size());
            nc_request request =
                request_of(NC_ALL_REDUCE, type, count, input.data(), in_place ? input.data() : output.data());
            request.reduce_op = op;
            succeed(group, request);
            check(in_place ? input : output, expected, rank);
            if (!in_place) check(input, stored(type, count, values[index(rank)]), rank);
        });
    }

    void reduce(nc_data_type type, nc_reduce_op op, std::size_t count, int root, bool in_place, std::mt19937& random) {
        const auto values = numbers(ranks_.size(), count, type, op, random);
        const Buffer expected = reduced(type, op, count, values);
        each([&](int rank, nc_group* group) {
            Buffer input = stored(type, count, values[index(rank)]);
            Buffer output(rank == root ? input.size() : 0);
            nc_request request = request_of(NC_REDUCE, type, count, input.data(),
                                            rank != root ? nullptr
                                            : in_place   ? input.data()
                                                         : output.data());
            request.reduce_op = op;
            request.peer = root;
            succeed(group, request);
            if (rank == root) check(in_place ? input : output, expected, rank);
            if (rank != root) check(input, stored(type, count, values[index(rank)]), rank);
        });
    }

    // lengths: elements of every rank's block; the uneven form if uneven.
    void reduce_scatter(nc_data_type type, nc_reduce_op op, const std::vector<std::uint64_t>& lengths, bool uneven,
                        bool in_place, std::mt19937& random) {
        const std::size_t item = data_type_size(type);
        const auto values = numbers(ranks_.size(), total(lengths), type, op, random);
        const Buffer expected = reduced(type, op, total(lengths), values);
        each([&](int rank, nc_group* group) {
            Buffer input = stored(type, total(lengths), values[index(rank)]);
            const std::size_t begin = offset(lengths, rank) * item;
            const std::size_t size = lengths[index(rank)] * item;
            Buffer output(in_place ? 0 : size);
            nc_request request = request_of(NC_REDUCE_SCATTER, type, lengths[index(rank)], input.data(),
                                            in_place ? input.data() + begin : output.data());
            request.reduce_op = op;
            request.flags = uneven ? NC_REQUEST_UNEVEN : 0;
            request.send_counts = uneven ? lengths.data() : nullptr;
            succeed(group, request);
            check(in_place ? slice_of(input, begin, size) : output, slice_of(expected, begin, size), rank);
        });
    }

    void broadcast(nc_data_type type, std::size_t count, int root, bool in_place, std::mt19937& random) {
        const Buffer data = random_elements(count * data_type_size(type), random);
        each([&](int rank, nc_group* group) {
            Buffer input = rank == root ? data : Buffer();
            Buffer output(data.size());
            nc_request request = request_of(NC_BROADCAST, type, count, rank == root ? input.data() : nullptr,
                                            rank == root && in_place ? nullptr : output.data());
            request.peer = root;
            succeed(group, request);
            if (!(rank == root && in_place)) check(output, data, rank);
        });
    }

    void gather(nc_operation operation, nc_data_type type, const std::vector<std::uint64_t>& lengths, int root,
                bool uneven, bool in_place, std::mt19937& random) {
        const std::size_t item = data_type_size(type);
        const Buffer all = random_elements(total(lengths) * item, random);
        each([&](int rank, nc_group* group) {
            const std::size_t begin = offset(lengths, rank) * item;
            const bool gathers = operation == NC_ALL_GATHER || rank == root;
            Buffer input = slice_of(all, begin, lengths[index(rank)] * item);
            const Buffer mine = input;
            Buffer output(gathers ? all.size() : 0);
            const bool place = in_place && gathers;
            if (place) std::copy(input.begin(), input.end(), output.begin() + static_cast<std::ptrdiff_t>(begin));
            nc_request request =
                request_of(operation, type, lengths[index(rank)], place ? output.data() + begin : input.data(),
                           gathers ? output.data() : nullptr);
            request.peer = root;
            request.flags = uneven ? NC_REQUEST_UNEVEN : 0;
            request.receive_counts = uneven && gathers ? lengths.data() : nullptr;
            succeed(group, request);
            if (gathers) check(output, all, rank);
            check(input, mine, rank);
        });
    }

    void scatter(nc_data_type type, const std::vector<std::uint64_t>& lengths, int root, bool uneven, bool in_place,
                 std::mt19937& random) {
        const std::size_t item = data_type_size(type);
        const Buffer all = random_elements(total(lengths) * item, random);
        each([&](int rank, nc_group* group) {
            const std::size_t begin = offset(lengths, rank) * item;
            const std::size_t size = lengths[index(rank)] * item;
            Buffer input = rank == root ? all : Buffer();
            Buffer output(size);
            const bool place = in_place && rank == root;
            nc_request request =
                request_of(NC_SCATTER, type, lengths[index(rank)], rank == root ? input.data() : nullptr,
                           place ? input.data() + begin : output.data());
            request.peer = root;
            request.flags = uneven ? NC_REQUEST_UNEVEN : 0;
            request.send_counts = uneven && rank == root ? lengths.data() : nullptr;
            succeed(group, request);
            check(place ? slice_of(input, begin, size) : output, slice_of(all, begin, size), rank);
        });
    }

    // lengths[i * n + j]: elements from i to j.
    void all_to_all(nc_data_type type, const std::vector<std::uint64_t>& lengths, bool uneven, std::mt19937& random) {
        const std::size_t item = data_type_size(type);
        const std::size_t n = index(ranks_.size());
        std::vector<Buffer> blocks;
        for (const std::uint64_t length : lengths) blocks.push_back(random_elements(length * item, random));
        each([&](int rank, nc_group* group) {
            Buffer input;
            Buffer expected;
            std::vector<std::uint64_t> sent;
            std::vector<std::uint64_t> received;
            for (std::size_t peer = 0; peer < n; ++peer) {
                append(input, blocks[index(rank) * n + peer]);
                append(expected, blocks[peer * n + index(rank)]);
                sent.push_back(lengths[index(rank) * n + peer]);
                received.push_back(lengths[peer * n + index(rank)]);
            }
            Buffer output(expected.size());
            nc_request request = request_of(NC_ALL_TO_ALL, type, uneven ? 0 : lengths[0], input.data(), output.data());
            request.flags = uneven ? NC_REQUEST_UNEVEN : 0;
            request.send_counts = uneven ? sent.data() : nullptr;
            request.receive_counts = uneven ? received.data() : nullptr;
            succeed(group, request);
            check(output, expected, rank);
        });
    }

    // Around the ring: everybody sends to the right, then receives from the left, as the buffers of the kernel allow or
    // not.
    void send_receive(nc_data_type type, std::size_t count, std::mt19937& random) {
        const int n = ranks_.size();
        std::vector<Buffer> messages;
        for (int rank = 0; rank < n; ++rank) messages.push_back(random_elements(count * data_type_size(type), random));
        each([&](int rank, nc_group* group) {
            nc_request request = request_of(NC_SEND, type, count, messages[index(rank)].data());
            request.peer = (rank + 1) % n;
            succeed(group, request);
            Buffer output(messages[0].size());
            request = request_of(NC_RECEIVE, type, count, nullptr, output.data());
            request.peer = (rank + n - 1) % n;
            succeed(group, request);
            check(output, messages[index(request.peer)], rank);
        });
    }

private:
    static std::uint64_t total(const std::vector<std::uint64_t>& lengths) {
        std::uint64_t sum = 0;
        for (const std::uint64_t length : lengths) sum += length;
        return sum;
    }
    static std::uint64_t offset(const std::vector<std::uint64_t>& lengths, int rank) {
        return total({lengths.begin(), lengths.begin() + rank});
    }

    void each(const std::function<void(int, nc_group*)>& body) { ranks_.each(body); }
    void succeed(nc_group* group, const nc_request& request) const {
        const Outcome outcome = execute(group, request);
        EXPECT_EQ(outcome.status, NC_OK) << what_ << ": " << outcome.message();
    }
    void check(const Buffer& actual, const Buffer& expected, int rank) const {
        EXPECT_TRUE(actual == expected) << what_ << " on rank " << rank;
    }

    LocalRanks& ranks_;
    std::string what_;
};

std::vector<std::uint64_t> uneven_lengths(std::size_t blocks, std::mt19937& random) {
    std::vector<std::uint64_t> lengths(blocks);
    for (std::uint64_t& length : lengths) length = random() % 3 == 0 ? 0 : random() % 40;
    return lengths;
}

void run_everything(LocalRanks& ranks, nc_data_type type, std::size_t count, std::mt19937& random) {
    const int n = ranks.size();
    const std::vector<std::uint64_t> equal(index(n), count);
    const int root = static_cast<int>(random() % index(n));
    for (const bool in_place : {false, true}) {
        const std::string what =
            text(data_type_name(type), " x ", count, " over ", n, " ranks, root ", root, in_place ? ", in place" : "");
        for (const nc_reduce_op op : {NC_SUM, NC_PRODUCT, NC_MAX, NC_MIN, NC_AVERAGE}) {
            if (op == NC_AVERAGE && type == NC_BOOL) continue;
            Checked(ranks, text("all-reduce ", op, ' ', what)).all_reduce(type, op, count, in_place, random);
            Checked(ranks, text("reduce ", op, ' ', what)).reduce(type, op, count, root, in_place, random);
            Checked(ranks, text("reduce-scatter ", op, ' ', what))
                .reduce_scatter(type, op, equal, false, in_place, random);
        }
        Checked(ranks, "broadcast " + what).broadcast(type, count, root, in_place, random);
        Checked(ranks, "all-gather " + what).gather(NC_ALL_GATHER, type, equal, 0, false, in_place, random);
        Checked(ranks, "gather " + what).gather(NC_GATHER, type, equal, root, false, in_place, random);
        Checked(ranks, "scatter " + what).scatter(type, equal, root, false, in_place, random);
        const auto lengths = uneven_lengths(index(n), random);
        Checked(ranks, "uneven all-gather " + what).gather(NC_ALL_GATHER, type, lengths, 0, true, in_place, random);
        Checked(ranks, "uneven gather " + what).gather(NC_GATHER, type, lengths, root, true, in_place, random);
        Checked(ranks, "uneven scatter " + what).scatter(type, lengths, root, true, in_place, random);
        Checked(ranks, "uneven reduce-scatter " + what).reduce_scatter(type, NC_SUM, lengths, true, in_place, random);
    }
    const std::string what = text(data_type_name(type), " x ", count, " over ", n, " ranks");
    Checked(ranks, "all-to-all " + what)
        .all_to_all(type, std::vector<std::uint64_t>(index(n * n), count), false, random);
    Checked(ranks, "uneven all-to-all " + what).all_to_all(type, uneven_lengths(index(n * n), random), true, random);
    Checked(ranks, "send and receive " + what).send_receive(type, count, random);
    ranks.each([](int, nc_group* group) { EXPECT_EQ(execute(group, request_of(NC_BARRIER)).status, NC_OK); });
}

class Sizes : public ::testing::TestWithParam<int> {};
class MuchData : public ::testing::TestWithParam<int> {};

TEST_P(Sizes, EveryOperationOnEveryType) {
    const int n = GetParam();
    LocalRanks ranks(n, n % 2 + 1);
    std::mt19937 random(static_cast<unsigned>(n));
    for (const nc_data_type type : all_types) run_everything(ranks, type, type % 2 == 0 ? 23 : 64, random);
}

TEST_P(Sizes, EveryOperationOnAwkwardCounts) {
    const int n = GetParam();
    LocalRanks ranks(n, 2);
    std::mt19937 random(static_cast<unsigned>(n) + 100);
    for (const std::size_t count :
         {std::size_t{0}, std::size_t{1}, index(n) - 1, index(n), index(n) + 1, std::size_t{1009}})
        run_everything(ranks, NC_INT16, count, random);
}

// Enough for several lanes, several slices and several rounds.
TEST_P(MuchData, EveryOperationOnSeveralLanes) {
    const int n = GetParam();
    LocalRanks ranks(n, 2);
    std::mt19937 random(static_cast<unsigned>(n) + 200);
    const std::size_t count = 300'001;
    const std::vector<std::uint64_t> equal(index(n), count);
    std::vector<std::uint64_t> uneven(index(n), 10'007);
    uneven[1] = 500'009;
    uneven[0] = 0;
    for (int root = 0; root < n; root += n - 1) {
        Checked(ranks, "reduce").reduce(NC_INT32, NC_AVERAGE, count, root, false, random);
        Checked(ranks, "broadcast").broadcast(NC_INT32, count, root, false, random);
        Checked(ranks, "gather").gather(NC_GATHER, NC_UINT16, equal, root, false, false, random);
        Checked(ranks, "scatter").scatter(NC_UINT16, equal, root, false, false, random);
        Checked(ranks, "uneven gather").gather(NC_GATHER, NC_UINT16, uneven, root, true, true, random);
        Checked(ranks, "uneven scatter").scatter(NC_UINT16, uneven, root, true, true, random);
    }
    Checked(ranks, "all-reduce").all_reduce(NC_FLOAT32, NC_SUM, count, true, random);
    Checked(ranks, "all-reduce").all_reduce(NC_INT32, NC_PRODUCT, count, false, random);
    Checked(ranks, "reduce-scatter").reduce_scatter(NC_INT32, NC_SUM, equal, false, true, random);
    Checked(ranks, "uneven reduce-scatter").reduce_scatter(NC_INT16, NC_SUM, uneven, true, false, random);
    Checked(ranks, "all-gather").gather(NC_ALL_GATHER, NC_INT64, equal, 0, false, true, random);
    Checked(ranks, "uneven all-gather").gather(NC_ALL_GATHER, NC_INT32, uneven, 0, true, false, random);
    Checked(ranks, "all-to-all").all_to_all(NC_INT32, std::vector<std::uint64_t>(index(n * n), 100'003), false, random);
    std::vector<std::uint64_t> lengths(index(n * n), 7);
    lengths[1] = 400'003;
    lengths[2] = 0;
    Checked(ranks, "uneven all-to-all").all_to_all(NC_INT16, lengths, true, random);
}

INSTANTIATE_TEST_SUITE_P(Collectives, Sizes,
                         ::testing::ValuesIn(slow_by_threads ? std::vector<int>{2, 3, 5}
                                                             : std::vector<int>{2, 3, 4, 5, 8}),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Collectives, MuchData,
                         ::testing::ValuesIn(slow_by_threads ? std::vector<int>{2, 3} : std::vector<int>{2, 3, 4, 5}),
                         ::testing::PrintToStringParamName());

// The kernel's buffers hold far less: a rank takes in what its neighbour sends although it was not asked for it yet.
TEST(SendReceive, AllRanksMaySendSixteenMebibytesBeforeTheyReceive) {
    for (const int n : {2, 3}) {
        LocalRanks ranks(n, 2);
        std::mt19937 random(1);
        Checked(ranks, "send before receive").send_receive(NC_UINT8, std::size_t{16} << 20, random);
        Checked(ranks, "and the group goes on").all_reduce(NC_INT32, NC_SUM, 1000, true, random);
    }
}

TEST(SendReceive, BothWaysBetweenTwoRanksAndInAnyNumberOfMessages) {
    LocalRanks ranks(2, 3);
    std::mt19937 random(2);
    std::vector<Buffer> messages;
    for (int i = 0; i < 40; ++i) messages.push_back(random_bytes(random() % 9000, random));
    ranks.each([&](int rank, nc_group* group) {
        for (const Buffer& message : messages) {
            nc_request request = request_of(NC_SEND, NC_UINT8, message.size(), message.data());
            request.peer = 1 - rank;
            ASSERT_EQ(execute(group, request).status, NC_OK);
        }
        for (const Buffer& message : messages) {
            Buffer got(message.size());
            nc_request request = request_of(NC_RECEIVE, NC_UINT8, message.size(), nullptr, got.data());
            request.peer = 1 - rank;
            ASSERT_EQ(execute(group, request).status, NC_OK);
            EXPECT_TRUE(got == message);
        }
    });
}

TEST(SendReceive, OnlyBetweenNeighboursAndTheGroupStaysUsable) {
    LocalRanks ranks(5);
    ranks.each([&](int rank, nc_group* group) {
        std::int32_t value = 1;
        for (const nc_operation operation : {NC_SEND, NC_RECEIVE}) {
            nc_request request = request_of(operation, NC_INT32, 1, &value, &value);
            request.peer = (rank + 2) % 5;
            const Outcome outcome = execute(group, request);
            EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED);
            EXPECT_EQ(outcome.error.operation, operation);
            EXPECT_EQ(outcome.error.rank, rank);
            EXPECT_EQ(outcome.error.earlier, 0);
            EXPECT_NE(outcome.message().find(text("rank ", request.peer)), std::string::npos) << outcome.message();
        }
        EXPECT_EQ(status_of(group).status, NC_OK);
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

} // namespace NC_FILE
} // namespace nc::test
