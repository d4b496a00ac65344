// Every operation on every element type through NCCL, on host memory, on device memory and on streams of the caller's,
// against references.
#include <gtest/gtest.h>

#include <cstring>

#include "enqueued.h"
#include "local_nccl_ranks.h"
#include "operation_cases.h"

namespace nc::test {
namespace NC_FILE {

// How a rank runs its part.
enum class Mode { Host, Device, Stream };
constexpr const char* mode_names[] = {"host", "device", "stream"};

// A rank's memory on its device, of which one part after the other uses some; and what else the modes need.
class Arena {
public:
    explicit Arena(nc_group* group, std::size_t bytes)
        : stream_(group), first_(nc_group_device(group), bytes), second_(nc_group_device(group), bytes) {
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
                place_buffers(request, part, layout.first.data(), layout.second.data());
                outcome = execute(group, request);
                break;
            case Mode::Device:
                request.flags |= NC_REQUEST_DEVICE;
                first_.write(0, layout.first);
                second_.write(0, layout.second);
                place_buffers(request, part, first_.get(), second_.get());
                outcome = execute(group, request);
                layout.first = first_.read(0, layout.first.size());
                layout.second = second_.read(0, layout.second.size());
                break;
            case Mode::Stream:
                outcome = on_stream(group, request, part, layout, number % 2 == 0);
                break;
        }
        ASSERT_EQ(outcome.status, NC_OK) << what << ": " << outcome.message();
        check_outcome(part, given, layout, what);
    }

private:
    // Copies in, the operation and copies out all go onto the stream, and nothing waits in between.
    Outcome on_stream(nc_group* group, nc_request request, const Part& part, Layout& layout, bool enqueued) {
        request.flags |= NC_REQUEST_DEVICE | NC_REQUEST_STREAM;
        request.stream = stream_.get();
        place_buffers(request, part, first_.get(), second_.get());
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

    CallersStream stream_;
    DeviceBytes first_;
    DeviceBytes second_;
    void* pinned_ = nullptr;
};

bool is_supported(nc_data_type type, nc_reduce_op op) {
    if (type == NC_BOOL) return op != NC_AVERAGE;
    if (type == NC_COMPLEX64) return op == NC_SUM || op == NC_AVERAGE;
    return type != NC_INT16 && type != NC_UINT16;
}

// Runs the cases one behind the other on all ranks, each of them in all the modes.
void run_all(LocalNcclRanks& ranks, const std::vector<Case>& cases, const std::vector<Mode>& modes) {
    std::size_t largest = 0;
    for (const Case& each : cases) {
        for (const Part& part : each.parts)
            largest = std::max({largest, part.send.size(), part.expected.has_value() ? part.expected->size() : 0});
    }
    ranks.each([&](int rank, nc_group* group) {
        Arena arena(group, largest + margin);
        unsigned number = 0;
        for (const Case& each : cases) {
            for (const Mode mode : modes) {
                arena.run(group, mode, each.parts[index(rank)],
                          text(each.what, ", ", mode_names[static_cast<int>(mode)], ", rank ", rank), number++);
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
        for (const nc_reduce_op op : all_ops) {
            if (is_supported(type, op)) add_reductions(cases, maker, n, type, op, 5, op % 2 == 0);
        }
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
        if (is_supported(type, NC_SUM)) {
            add_reductions(cases, maker, n, type, NC_SUM, 4, true);
            add_reductions(cases, maker, n, type, NC_SUM, 1, false);
        }
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

INSTANTIATE_TEST_SUITE_P(Nccl, NcclSizes,
                         ::testing::Combine(::testing::Values(1, 2, 3, 4), ::testing::Values(nccl_2_30, nccl_2_18)),
                         [](const auto& test) {
                             return text(std::get<0>(test.param),
                                         std::get<1>(test.param) == nccl_2_18 ? "_of_2_18" : "_of_2_30");
                         });

// More than all the pinned memory that there is for copies, in each direction, in several chunks and in one.
TEST_F(NcclOperations, OfMuchHostMemory) {
    constexpr int n = 2;
    Maker maker(n, 5);
    std::vector<Case> cases;
    cases.push_back({"all-reduce", maker.all_reduce(NC_FLOAT64, NC_SUM, 1'200'001, true)});
    cases.push_back({"gather", maker.gather(NC_GATHER, NC_COMPLEX64, {1'200'000, 150'000}, 1, true, false)});
    cases.push_back({"all-to-all", maker.all_to_all(NC_FLOAT64, {10, 1'300'000, 0, 90'000}, true)});
    for (const char* staging_bytes : {"0", ""}) {
        if (slow_by_threads && *staging_bytes == '\0') continue;
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
                arena.run(group, mode, each.parts[index(rank)],
                          text(each.what, ", rank ", rank, ", ", mode_names[static_cast<int>(mode)]), turn);
            }
        }
    });
}

// The library averages integers itself; NCCL would overflow. All ranks do so alike, whatever memory they use.
TEST_F(NcclOperations, AverageIntegersWithoutOverflowWhereverTheyAre) {
    constexpr int n = 3;
    LocalNcclRanks ranks(n);
    Maker maker(n, 6);
    std::vector<Case> cases;
    add_reductions(cases, maker, n, NC_UINT8, NC_AVERAGE, 7, false);
    add_reductions(cases, maker, n, NC_UINT64, NC_AVERAGE, 7, true);
    for (Case& each : cases) {
        for (Part& part : each.parts) {
            std::fill(part.send.begin(), part.send.end(), std::byte{0xf8});
            if (part.expected.has_value()) std::fill(part.expected->begin(), part.expected->end(), std::byte{0xf8});
        }
    }
    run_all(ranks, cases, every_mode);
    ranks.each([&](int rank, nc_group* group) {
        Arena arena(group, 4096);
        for (const Case& each : cases)
            arena.run(group, static_cast<Mode>(rank), each.parts[index(rank)], text(each.what, ", mixed, rank ", rank),
                      0);
    });
}

// Floats in host memory are averaged by the library as well.
TEST_F(NcclOperations, AverageFloatsOfTheHostWithoutOverflow) {
    constexpr int n = 3;
    LocalNcclRanks ranks(n);
    ranks.each([](int, nc_group* group) {
        std::vector<std::uint16_t> halves(5, round_to(binary16, 40000));
        nc_request request = request_of(NC_ALL_REDUCE, NC_FLOAT16, halves.size(), halves.data(), halves.data());
        request.reduce_op = NC_AVERAGE;
        EXPECT_EQ(execute(group, request).status, NC_OK);
        EXPECT_EQ(halves, std::vector<std::uint16_t>(5, round_to(binary16, 40000)));
        std::vector<double> doubles(5, 1.5e308);
        request = request_of(NC_ALL_REDUCE, NC_FLOAT64, doubles.size(), doubles.data(), doubles.data());
        request.reduce_op = NC_AVERAGE;
        EXPECT_EQ(execute(group, request).status, NC_OK);
        for (const double value : doubles) EXPECT_NEAR(value, 1.5e308, 1e293);
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
                        if (on_device)
                            request.flags = NC_REQUEST_DEVICE,
                            request.send_buffer = request.receive_buffer = memory.get();
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
        for (std::size_t i = 0; i < 3; ++i)
            EXPECT_EQ(library.nc_double_nccl_calls(names[i].c_str()) - before[i], own) << names[i];
        EXPECT_EQ(library.nc_double_nccl_calls("ncclGroupEnd") - before[4], own == 1 ? 0U : 3U);
    }
}

} // namespace NC_FILE
} // namespace nc::test
