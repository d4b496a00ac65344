// Every operation on every element type through NCCL, on host memory, on device memory and on streams of the caller's, against references.
#include <gtest/gtest.h>

#include <cstring>
#include <optional>

#include "backend/reduction.h"
#include "enqueued.h"
#include "local_nccl_ranks.h"

namespace nc::test {
namespace {

using Lengths = std::vector<std::uint64_t>;

// Where the shorter of a rank's two buffers lies.
enum class Place { Apart, SendInReceive, ReceiveInSend };

// What one rank gives to an operation, and what is to come of it.
struct Part {
    nc_request request{};
    Buffer send;
    std::optional<Buffer> expected; // none: this rank receives nothing
    Place place = Place::Apart;
    std::size_t offset = 0; // in bytes, of the one buffer in the other
    Lengths send_counts;
    Lengths receive_counts;
};
using Parts = std::vector<Part>; // of all ranks

std::uint64_t total(const Lengths& lengths, int end) {
    std::uint64_t sum = 0;
    for (int i = 0; i < end; ++i) sum += lengths[index(i)];
    return sum;
}
std::uint64_t total(const Lengths& lengths) {
    return total(lengths, static_cast<int>(lengths.size()));
}

// Makes the parts of one operation after the other.
class Maker {
public:
    Maker(int ranks, unsigned seed) : n_(ranks), random_(seed) {}

    Parts all_reduce(nc_data_type type, nc_reduce_op op, std::size_t count, bool in_place) { return reduction(NC_ALL_REDUCE, type, op, count, -1, in_place); }

    Parts reduction(nc_operation operation, nc_data_type type, nc_reduce_op op, std::size_t count, int root, bool in_place) {
        const auto values = numbers(n_, count, type, op, random_);
        Parts parts = made(operation, type, root);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.reduce_op = op;
            part.request.count = count;
            part.send = stored(type, values[index(rank)]);
            if (root >= 0 && rank != root) continue;
            part.expected = reduced(type, op, values);
            if (in_place) part.place = Place::ReceiveInSend;
        }
        return parts;
    }

    Parts reduce_scatter(nc_data_type type, nc_reduce_op op, const Lengths& lengths, bool uneven, bool in_place) {
        const auto values = numbers(n_, total(lengths), type, op, random_);
        const Buffer result = reduced(type, op, values);
        Parts parts = made(NC_REDUCE_SCATTER, type, -1, uneven);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.reduce_op = op;
            part.request.count = lengths[index(rank)];
            part.send = stored(type, values[index(rank)]);
            part.offset = total(lengths, rank) * data_type_size(type);
            part.expected = slice_of(result, part.offset, lengths[index(rank)] * data_type_size(type));
            if (in_place) part.place = Place::ReceiveInSend;
            if (uneven) part.send_counts = lengths;
        }
        return parts;
    }

    // null: the root gives no receive buffer; otherwise in_place: it gives the same.
    Parts broadcast(nc_data_type type, std::size_t count, int root, bool in_place, bool null) {
        const Buffer data = random_bytes(count * data_type_size(type), random_);
        Parts parts = made(NC_BROADCAST, type, root);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.count = count;
            if (rank == root) part.send = data;
            if (rank != root || !null) part.expected = data;
            if (rank == root && in_place && !null) part.place = Place::ReceiveInSend;
        }
        return parts;
    }

    Parts gather(nc_operation operation, nc_data_type type, const Lengths& lengths, int root, bool uneven, bool in_place) {
        const std::size_t item = data_type_size(type);
        const Buffer all = random_bytes(total(lengths) * item, random_);
        Parts parts = made(operation, type, root, uneven);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.count = lengths[index(rank)];
            part.offset = total(lengths, rank) * item;
            part.send = slice_of(all, part.offset, lengths[index(rank)] * item);
            if (operation == NC_GATHER && rank != root) continue;
            part.expected = all;
            if (in_place) part.place = Place::SendInReceive;
            if (uneven) part.receive_counts = lengths;
        }
        return parts;
    }

    Parts scatter(nc_data_type type, const Lengths& lengths, int root, bool uneven, bool in_place) {
        const std::size_t item = data_type_size(type);
        const Buffer all = random_bytes(total(lengths) * item, random_);
        Parts parts = made(NC_SCATTER, type, root, uneven);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.count = lengths[index(rank)];
            part.expected = slice_of(all, total(lengths, rank) * item, lengths[index(rank)] * item);
            if (rank != root) continue;
            part.send = all;
            part.offset = total(lengths, rank) * item;
            if (in_place) part.place = Place::ReceiveInSend;
            if (uneven) part.send_counts = lengths;
        }
        return parts;
    }

    // lengths[i * n + j]: elements from i to j.
    Parts all_to_all(nc_data_type type, const Lengths& lengths, bool uneven) {
        const std::size_t n = index(n_);
        std::vector<Buffer> blocks;
        for (const std::uint64_t length : lengths) blocks.push_back(random_bytes(length * data_type_size(type), random_));
        Parts parts = made(NC_ALL_TO_ALL, type, -1, uneven);
        for (std::size_t rank = 0; rank < n; ++rank) {
            Part& part = parts[rank];
            part.request.count = uneven ? 0 : lengths[0];
            part.expected.emplace();
            for (std::size_t peer = 0; peer < n; ++peer) {
                append(part.send, blocks[rank * n + peer]);
                append(*part.expected, blocks[peer * n + rank]);
                if (!uneven) continue;
                part.send_counts.push_back(lengths[rank * n + peer]);
                part.receive_counts.push_back(lengths[peer * n + rank]);
            }
        }
        return parts;
    }

    // From one rank to another; the others have nothing to do.
    Parts send(nc_data_type type, std::size_t count, int from, int to) {
        Parts parts = made(NC_SEND, type, to);
        const Buffer message = random_bytes(count * data_type_size(type), random_);
        for (int rank = 0; rank < n_; ++rank) {
            Part& part = parts[index(rank)];
            part.request.count = count;
            if (rank == from) {
                part.send = message;
            } else if (rank == to) {
                part.request.operation = NC_RECEIVE;
                part.request.peer = from;
                part.expected = message;
            } else {
                part.request.operation = NC_OPERATION_NONE;
            }
        }
        return parts;
    }

    Lengths uneven_lengths(std::size_t blocks, unsigned longest) {
        Lengths lengths(blocks);
        for (std::uint64_t& length : lengths) length = random_() % 3 == 0 ? 0 : random_() % longest;
        return lengths;
    }

    int any_rank() { return static_cast<int>(random_() % index(n_)); }

private:
    Parts made(nc_operation operation, nc_data_type type, int root, bool uneven = false) const {
        Parts parts(index(n_));
        for (Part& part : parts) {
            part.request = request_of(operation, type);
            part.request.peer = root;
            part.request.flags = uneven ? NC_REQUEST_UNEVEN : 0;
        }
        return parts;
    }

    int n_;
    std::mt19937 random_;
};

// How a rank runs its part.
enum class Mode { Host, Device, Stream };
constexpr const char* mode_names[] = {"host", "device", "stream"};

constexpr std::byte filler{0xee};
constexpr std::size_t margin = 64; // behind both buffers, which nobody may write to

// The two buffers as they lie in memory.
struct Layout {
    explicit Layout(const Part& part) {
        const std::size_t received = part.expected.has_value() ? part.expected->size() : 0;
        Buffer& sent_to = part.place == Place::SendInReceive ? second : first;
        first.assign(part.place == Place::SendInReceive ? 0 : part.send.size(), filler);
        second.assign(part.place == Place::ReceiveInSend ? 0 : received, filler);
        std::copy(part.send.begin(), part.send.end(), sent_to.begin() + static_cast<std::ptrdiff_t>(part.place == Place::SendInReceive ? part.offset : 0));
        first.insert(first.end(), margin, filler);
        second.insert(second.end(), margin, filler);
    }
    Buffer first;  // begins with what is sent
    Buffer second; // begins with what is received
};

// A rank's memory on its device, of which one part after the other uses some; and what else the modes need.
class Arena {
public:
    explicit Arena(nc_group* group, std::size_t bytes) : stream_(group), first_(nc_group_device(group), bytes), second_(nc_group_device(group), bytes) {
        EXPECT_EQ(cuda().cuMemHostAlloc(&pinned_, 2 * bytes, 0), CUDA_SUCCESS);
    }
    ~Arena() { EXPECT_EQ(cuda().cuMemFreeHost(pinned_), CUDA_SUCCESS); }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    void run(nc_group* group, Mode mode, const Part& part, const std::string& what, unsigned number) {
        if (part.request.operation == NC_OPERATION_NONE) return;
        Layout layout(part);
        nc_request request = part.request;
        request.send_counts = part.send_counts.empty() ? nullptr : part.send_counts.data();
        request.receive_counts = part.receive_counts.empty() ? nullptr : part.receive_counts.data();
        const Buffer given = layout.first;
        Outcome outcome;
        switch (mode) {
            case Mode::Host:
                place(request, part, layout.first.data(), layout.second.data());
                outcome = execute(group, request);
                break;
            case Mode::Device:
                request.flags |= NC_REQUEST_DEVICE;
                first_.write(0, layout.first);
                second_.write(0, layout.second);
                place(request, part, first_.get(), second_.get());
                outcome = execute(group, request);
                layout.first = first_.read(0, layout.first.size());
                layout.second = second_.read(0, layout.second.size());
                break;
            case Mode::Stream:
                outcome = on_stream(group, request, part, layout, number % 2 == 0);
                break;
        }
        ASSERT_EQ(outcome.status, NC_OK) << what << ": " << outcome.message();
        check(part, given, layout, what);
    }

private:
    static void place(nc_request& request, const Part& part, std::byte* first, std::byte* second) {
        request.send_buffer = part.send.empty() ? nullptr : part.place == Place::SendInReceive ? second + part.offset : first;
        if (!part.expected.has_value() || part.expected->empty()) return;
        request.receive_buffer = part.place == Place::ReceiveInSend ? first + part.offset : second;
    }

    // Copies in, the operation and copies out all go onto the stream, and nothing waits in between.
    Outcome on_stream(nc_group* group, nc_request request, const Part& part, Layout& layout, bool enqueued) {
        request.flags |= NC_REQUEST_DEVICE | NC_REQUEST_STREAM;
        request.stream = stream_.get();
        place(request, part, first_.get(), second_.get());
        auto* const pinned = static_cast<std::byte*>(pinned_);
        const std::size_t sizes[] = {layout.first.size(), layout.second.size()};
        std::memcpy(pinned, layout.first.data(), sizes[0]);
        std::memcpy(pinned + sizes[0], layout.second.data(), sizes[1]);
        const auto address = [](const DeviceBytes& memory) { return reinterpret_cast<CUdeviceptr>(memory.get()); };
        const auto stream = static_cast<CUstream>(stream_.get());
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(address(first_), pinned, sizes[0], stream), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(address(second_), pinned + sizes[0], sizes[1], stream), CUDA_SUCCESS);
        Outcome outcome;
        WorkPointer work;
        if (enqueued) {
            nc_work* issued = nullptr;
            outcome.status = nc_enqueue(group, &request, nullptr, nullptr, &issued, &outcome.error);
            work.reset(issued);
        } else {
            outcome = execute(group, request);
        }
        EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(pinned, address(first_), sizes[0], stream), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(pinned + sizes[0], address(second_), sizes[1], stream), CUDA_SUCCESS);
        stream_.synchronize();
        if (work != nullptr) outcome = wait_for(work.get());
        std::memcpy(layout.first.data(), pinned, sizes[0]);
        std::memcpy(layout.second.data(), pinned + sizes[0], sizes[1]);
        return outcome;
    }

    static void check(const Part& part, const Buffer& given, const Layout& layout, const std::string& what) {
        const Buffer untouched(margin, filler);
        EXPECT_TRUE(slice_of(layout.first, layout.first.size() - margin, margin) == untouched) << what << ": behind the send buffer";
        EXPECT_TRUE(slice_of(layout.second, layout.second.size() - margin, margin) == untouched) << what << ": behind the receive buffer";
        EXPECT_TRUE(part.place == Place::ReceiveInSend || layout.first == given) << what << ": the send buffer was written to";
        if (!part.expected.has_value()) return;
        const Buffer& from = part.place == Place::ReceiveInSend ? layout.first : layout.second;
        EXPECT_TRUE(slice_of(from, part.place == Place::ReceiveInSend ? part.offset : 0, part.expected->size()) == *part.expected) << what;
    }

    CallersStream stream_;
    DeviceBytes first_;
    DeviceBytes second_;
    void* pinned_ = nullptr;
};

struct Case {
    std::string what;
    Parts parts;
};

bool is_supported(nc_data_type type, nc_reduce_op op) {
    if (type == NC_BOOL) return op != NC_AVERAGE;
    if (type == NC_COMPLEX64) return op == NC_SUM || op == NC_AVERAGE;
    return type != NC_INT16 && type != NC_UINT16;
}

constexpr nc_reduce_op all_ops[] = {NC_SUM, NC_PRODUCT, NC_MAX, NC_MIN, NC_AVERAGE};

void add_reductions(std::vector<Case>& cases, Maker& maker, int n, nc_data_type type, nc_reduce_op op, std::size_t count, bool in_place) {
    if (!is_supported(type, op)) return;
    const int root = maker.any_rank();
    const std::string what =
        text(reduce_op_name(op), " of ", count, ' ', data_type_name(type), " over ", n, " ranks, root ", root, in_place ? ", in place" : "");
    cases.push_back({"all-reduce, " + what, maker.all_reduce(type, op, count, in_place)});
    cases.push_back({"reduce, " + what, maker.reduction(NC_REDUCE, type, op, count, root, in_place)});
    cases.push_back({"reduce-scatter, " + what, maker.reduce_scatter(type, op, Lengths(index(n), count), false, in_place)});
    cases.push_back({"uneven reduce-scatter, " + what,
                     maker.reduce_scatter(type, op, maker.uneven_lengths(index(n), 2 * static_cast<unsigned>(count) + 1), true, in_place)});
}

void add_moves(std::vector<Case>& cases, Maker& maker, int n, nc_data_type type, std::size_t count) {
    const auto longest = 2 * static_cast<unsigned>(count) + 1;
    const Lengths equal(index(n), count);
    for (const bool in_place : {false, true}) {
        const int root = maker.any_rank();
        const std::string what = text(count, ' ', data_type_name(type), " over ", n, " ranks, root ", root, in_place ? ", in place" : "");
        const Lengths lengths = maker.uneven_lengths(index(n), longest);
        cases.push_back({"broadcast, " + what, maker.broadcast(type, count, root, in_place, false)});
        cases.push_back({"all-gather, " + what, maker.gather(NC_ALL_GATHER, type, equal, 0, false, in_place)});
        cases.push_back({"gather, " + what, maker.gather(NC_GATHER, type, equal, root, false, in_place)});
        cases.push_back({"scatter, " + what, maker.scatter(type, equal, root, false, in_place)});
        cases.push_back({"uneven all-gather, " + what, maker.gather(NC_ALL_GATHER, type, lengths, 0, true, in_place)});
        cases.push_back({"uneven gather, " + what, maker.gather(NC_GATHER, type, lengths, root, true, in_place)});
        cases.push_back({"uneven scatter, " + what, maker.scatter(type, lengths, root, true, in_place)});
    }
    const int from = maker.any_rank();
    const std::string what = text(count, ' ', data_type_name(type), " over ", n, " ranks, root ", from);
    cases.push_back({"broadcast without the root's receive buffer, " + what, maker.broadcast(type, count, from, true, true)});
    cases.push_back({"all-to-all, " + what, maker.all_to_all(type, Lengths(index(n * n), count), false)});
    cases.push_back({"uneven all-to-all, " + what, maker.all_to_all(type, maker.uneven_lengths(index(n * n), longest), true)});
    if (n > 1) cases.push_back({"send, " + what, maker.send(type, count, from, (from + 1 + static_cast<int>(maker.any_rank()) % (n - 1)) % n)});
}

// Runs the cases one behind the other on all ranks, each of them in all the modes.
void run_all(LocalNcclRanks& ranks, const std::vector<Case>& cases, const std::vector<Mode>& modes) {
    std::size_t largest = 0;
    for (const Case& each : cases) {
        for (const Part& part : each.parts) largest = std::max({largest, part.send.size(), part.expected.has_value() ? part.expected->size() : 0});
    }
    ranks.each([&](int rank, nc_group* group) {
        Arena arena(group, largest + margin);
        unsigned number = 0;
        for (const Case& each : cases) {
            for (const Mode mode : modes) {
                arena.run(group, mode, each.parts[index(rank)], text(each.what, ", ", mode_names[static_cast<int>(mode)], ", rank ", rank), number++);
                if (::testing::Test::HasFatalFailure()) return;
            }
        }
        EXPECT_EQ(execute(group, request_of(NC_BARRIER)).status, NC_OK);
    });
}

class NcclOperations : public NcclTest {};
class NcclSizes : public NcclTest, public ::testing::WithParamInterface<std::tuple<int, std::string>> {};

const std::vector<Mode> every_mode{Mode::Host, Mode::Device, Mode::Stream};

TEST_F(NcclOperations, OfEveryTypeInEveryMode) {
    constexpr int n = 3;
    LocalNcclRanks ranks(n);
    Maker maker(n, 1);
    std::vector<Case> cases;
    for (const nc_data_type type : all_types) {
        for (const nc_reduce_op op : all_ops) add_reductions(cases, maker, n, type, op, 5, op % 2 == 0);
        add_moves(cases, maker, n, type, 5);
    }
    run_all(ranks, cases, every_mode);
}

// Every path of the shim, on few types: own, as bytes, as pairs of floats.
TEST_P(NcclSizes, EveryOperationInEveryMode) {
    const auto& [n, version] = GetParam();
    LocalNcclRanks ranks(n, {version, ""});
    Maker maker(n, static_cast<unsigned>(n));
    std::vector<Case> cases;
    for (const nc_data_type type : {NC_BOOL, NC_UINT16, NC_FLOAT32, NC_COMPLEX64}) {
        add_reductions(cases, maker, n, type, NC_SUM, 4, true);
        add_reductions(cases, maker, n, type, NC_SUM, 1, false);
        add_moves(cases, maker, n, type, 3);
    }
    // Nothing, in all the ways in which there can be nothing.
    add_reductions(cases, maker, n, NC_INT32, NC_SUM, 0, false);
    add_moves(cases, maker, n, NC_INT32, 0);
    run_all(ranks, cases, every_mode);
}

// Many chunks, and blocks that end in different ones; everything at once.
TEST_P(NcclSizes, EveryOperationOnHostMemoryInChunks) {
    const auto& [n, version] = GetParam();
    for (const char* staging_bytes : {"1", "200", "0"}) {
        LocalNcclRanks ranks(n, {version, staging_bytes});
        Maker maker(n, static_cast<unsigned>(n) + 10);
        std::vector<Case> cases;
        const bool by_element = std::string(staging_bytes) == "1";
        const std::size_t count = by_element ? 4 : 61;
        for (const nc_data_type type : by_element ? std::vector{NC_COMPLEX64} : std::vector{NC_INT8, NC_COMPLEX64}) {
            for (const bool in_place : {false, true}) add_reductions(cases, maker, n, type, NC_SUM, count, in_place);
            add_moves(cases, maker, n, type, count);
        }
        run_all(ranks, cases, {Mode::Host});
    }
}

INSTANTIATE_TEST_SUITE_P(Nccl, NcclSizes, ::testing::Combine(::testing::Values(1, 2, 3, 4), ::testing::Values(nccl_2_30, nccl_2_18)),
                         [](const auto& test) { return text(std::get<0>(test.param), std::get<1>(test.param) == nccl_2_18 ? "_of_2_18" : "_of_2_30"); });

// More than all the pinned memory that there is for copies, in each direction, in several chunks and in one.
TEST_F(NcclOperations, OfMuchHostMemory) {
    constexpr int n = 2;
    Maker maker(n, 5);
    std::vector<Case> cases;
    cases.push_back({"all-reduce", maker.all_reduce(NC_FLOAT64, NC_SUM, 1'200'001, true)});
    cases.push_back({"gather", maker.gather(NC_GATHER, NC_COMPLEX64, {1'200'000, 150'000}, 1, true, false)});
    cases.push_back({"all-to-all", maker.all_to_all(NC_FLOAT64, {10, 1'300'000, 0, 90'000}, true)});
    for (const char* staging_bytes : {"", "0"}) {
        LocalNcclRanks ranks(n, {nccl_2_30, staging_bytes});
        run_all(ranks, cases, {Mode::Host});
    }
}

TEST_F(NcclOperations, SendBetweenAnyTwoRanksInAnyOrder) {
    constexpr int n = 4;
    LocalNcclRanks ranks(n);
    Maker maker(n, 3);
    std::vector<Case> cases;
    for (int from = 0; from < n; ++from) {
        for (int to = 0; to < n; ++to) {
            if (from != to) cases.push_back({text("from ", from, " to ", to), maker.send(NC_INT32, 7, from, to)});
        }
    }
    run_all(ranks, cases, every_mode);
}

// Each rank of a collective may have its memory somewhere else.
TEST_F(NcclOperations, MixHostAndDeviceMemory) {
    constexpr int n = 3;
    LocalNcclRanks ranks(n);
    Maker maker(n, 4);
    std::vector<Case> cases;
    add_reductions(cases, maker, n, NC_FLOAT32, NC_SUM, 6, false);
    add_moves(cases, maker, n, NC_FLOAT32, 6);
    ranks.each([&](int rank, nc_group* group) {
        Arena arena(group, 4096);
        for (const Case& each : cases) {
            for (unsigned turn = 0; turn < 3; ++turn) {
                const auto mode = static_cast<Mode>((turn + static_cast<unsigned>(rank)) % 3);
                arena.run(group, mode, each.parts[index(rank)], text(each.what, ", rank ", rank, ", ", mode_names[static_cast<int>(mode)]), turn);
            }
        }
    });
}

TEST_F(NcclOperations, ThatNcclCannotDoAreRefusedAndLeaveTheGroupUsable) {
    LocalNcclRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        std::vector<std::byte> values(64);
        const DeviceBytes memory(group, values);
        for (const nc_data_type type : all_types) {
            for (const nc_reduce_op op : all_ops) {
                if (is_supported(type, op) || (type == NC_BOOL && op == NC_AVERAGE)) continue;
                for (const nc_operation operation : {NC_ALL_REDUCE, NC_REDUCE, NC_REDUCE_SCATTER}) {
                    nc_request request = request_of(operation, type, 1, values.data(), values.data());
                    request.reduce_op = op;
                    for (const bool on_device : {false, true}) {
                        if (on_device) request.flags = NC_REQUEST_DEVICE, request.send_buffer = request.receive_buffer = memory.get();
                        const Outcome outcome = execute(group, request);
                        EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED) << outcome.message();
                        EXPECT_NE(outcome.message().find(data_type_name(type)), std::string::npos) << outcome.message();
                        EXPECT_EQ(outcome.error.operation, operation);
                    }
                }
            }
        }
        EXPECT_EQ(status_of(group).status, NC_OK);
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

TEST_F(NcclOperations, OfAGroupOfOneRunOnItsDevice) {
    const GroupPointer group = nccl_group_of_one();
    EXPECT_EQ(nc_group_size(group.get()), 1);
    EXPECT_EQ(nc_group_device(group.get()), 0);
    const std::uint64_t before = nccl().nc_double_nccl_calls("ncclAllReduce");
    const DeviceInts values(group.get(), {1, 2, 3});
    EXPECT_EQ(execute(group.get(), device_sum(values.get(), 3)).status, NC_OK);
    EXPECT_EQ(values.values(), std::vector<std::int32_t>({1, 2, 3}));
    EXPECT_EQ(nccl().nc_double_nccl_calls("ncclAllReduce"), before + 1);
}

// Where the library has a call for an operation, it is that call that is made.
TEST_F(NcclOperations, UseNcclsOwnCallsWhereItHasThem) {
    for (const std::string& version : {nccl_2_30, nccl_2_18}) {
        const NcclDouble& library = double_of(version);
        const std::string names[] = {"ncclAlltoAll", "ncclGather", "ncclScatter", "ncclSend", "ncclGroupEnd"};
        std::vector<std::uint64_t> before;
        for (const std::string& name : names) before.push_back(library.nc_double_nccl_calls(name.c_str()));
        const GroupPointer group = nccl_group_of_one({version, ""});
        std::int32_t from = 5;
        for (const nc_operation operation : {NC_ALL_TO_ALL, NC_GATHER, NC_SCATTER}) {
            std::int32_t to = 0;
            EXPECT_EQ(execute(group.get(), request_of(operation, NC_INT32, 1, &from, &to)).status, NC_OK);
            EXPECT_EQ(to, 5);
        }
        const std::uint64_t own = version == nccl_2_30 ? 1 : 0;
        for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(library.nc_double_nccl_calls(names[i].c_str()) - before[i], own) << names[i];
        EXPECT_EQ(library.nc_double_nccl_calls("ncclGroupEnd") - before[4], own == 1 ? 0U : 3U);
    }
}

} // namespace
} // namespace nc::test
