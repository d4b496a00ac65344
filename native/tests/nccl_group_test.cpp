// Groups of the nccl backend over the C ABI: what is said of a machine, how groups are formed and split, their devices
// and device memory, and that nothing is left behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "enqueued.h"
#include "local_nccl_ranks.h"
#include "raw_peer.h"

namespace nc::test {
namespace NC_FILE {

class NcclBackend : public NcclTest {};
class NcclForming : public NcclTest {};
class NcclSplit : public NcclTest {};
class NcclDevice : public NcclTest {};

// An environment variable for as long as it lives; no group may be there.
struct Variable {
    Variable(const char* variable, const std::string& value) : name(variable) { ::setenv(name, value.c_str(), 1); }
    ~Variable() { ::unsetenv(name); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    const char* name;
};

Outcome available(const std::vector<std::pair<std::string, std::string>>& settings) {
    std::vector<nc_setting> list;
    for (const auto& [name, value] : settings) list.push_back({name.c_str(), value.c_str()});
    Outcome outcome;
    outcome.status = nc_backend_available("nccl", list.data(), list.size(), &outcome.error);
    return outcome;
}

// ---- the machine ----------------------------------------------------------------------------------------------------

TEST_F(NcclBackend, IsAvailableWithBothLibraries) {
    const Outcome outcome =
        available({{"nccl_library", double_path(nccl_2_30)}, {"cuda_library", double_path("libcuda.so.1")}});
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    EXPECT_EQ(available({{"nccl_library", double_path("no_split/libnccl.so.2")},
                         {"cuda_library", double_path("libcuda.so.1")}})
                  .status,
              NC_OK);
}

TEST_F(NcclBackend, SaysEverythingThatIsMissing) {
    Outcome outcome = available(
        {{"nccl_library", "/nowhere/libnccl.so.2"}, {"cuda_library", double_path("no_devices/libcuda.so.1")}});
    EXPECT_EQ(outcome.status, NC_BACKEND_UNAVAILABLE);
    EXPECT_TRUE(contains(outcome, "/nowhere/libnccl.so.2")) << outcome.message();
    EXPECT_TRUE(contains(outcome, "knows no device")) << outcome.message();
    outcome =
        available({{"nccl_library", double_path("2.17/libnccl.so.2")}, {"cuda_library", double_path("libcuda.so.1")}});
    EXPECT_EQ(outcome.status, NC_BACKEND_UNAVAILABLE);
    EXPECT_TRUE(contains(outcome, "2.17.1")) << outcome.message();
    outcome =
        available({{"nccl_library", double_path(nccl_2_30)}, {"cuda_library", double_path("no_driver/libcuda.so.1")}});
    EXPECT_EQ(outcome.status, NC_BACKEND_UNAVAILABLE);
    EXPECT_TRUE(contains(outcome, "no_driver")) << outcome.message();
    EXPECT_EQ(nc_backend_available("nccl", nullptr, 1, nullptr), NC_INVALID_ARGUMENT);
}

TEST_F(NcclBackend, MakesIds) {
    EXPECT_NE(new_id(), new_id());
    std::uint8_t id[NC_ID_SIZE] = {};
    Outcome outcome;
    const std::string path = double_path(nccl_2_30);
    const nc_setting library{"nccl_library", path.c_str()};
    EXPECT_EQ(nc_backend_create_id("nccl", &library, 1, nullptr, &outcome.error), NC_INVALID_ARGUMENT);
    const nc_setting missing{"nccl_library", "/nowhere/libnccl.so.2"};
    EXPECT_EQ(nc_backend_create_id("nccl", &missing, 1, id, &outcome.error), NC_BACKEND_UNAVAILABLE)
        << outcome.message();
    const FaultsOfNccl faults("ncclGetUniqueId@1=ncclSystemError(no network here)");
    EXPECT_EQ(nc_backend_create_id("nccl", &library, 1, id, &outcome.error), NC_RENDEZVOUS_FAILED);
    EXPECT_TRUE(contains(outcome, "no network here")) << outcome.message();
}

// ---- forming --------------------------------------------------------------------------------------------------------

TEST_F(NcclForming, ByAnId) {
    LocalNcclRanks ranks(3);
    ranks.each([](int rank, nc_group* group) {
        EXPECT_EQ(nc_group_rank(group), rank);
        EXPECT_EQ(nc_group_size(group), 3);
        EXPECT_STREQ(nc_group_backend(group), "nccl");
        EXPECT_EQ(nc_group_device(group), rank % 2) << "rank modulo devices";
        EXPECT_EQ(status_of(group).status, NC_OK);
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

TEST_F(NcclForming, ByARendezvousWhateverTheOrderOfTheRanks) {
    for (const int first : {0, 1}) {
        const ReservedPorts ports(1);
        std::atomic<int> gone{0};
        on_all_ranks(3, [&](int rank) {
            // The first is really trying before the others come: it has logged so, or, if it is rank 0, listens.
            if (rank != first && first == 0) (void)connect_when_open(ports[0]);
            NcclOptions options(rank, 3);
            options.set("rendezvous", ports[0].text());
            GroupPointer group;
            const Outcome outcome = options.create(group);
            ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
            EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
            ++gone;
        });
        EXPECT_EQ(gone, 3);
    }
}

// MLX's ranks do not know our server: they connect, read 128 bytes, and give them to NCCL.
TEST_F(NcclForming, HandsItsIdToARankOfMlxs) {
    const ReservedPorts ports(1);
    std::string id;
    std::thread mlx([&] {
        const Descriptor connection = connect_when_open(ports[0]);
        std::uint8_t bytes[NC_ID_SIZE] = {};
        EXPECT_TRUE(receive_all(connection, bytes, sizeof bytes));
        for (const std::uint8_t byte : bytes) id += text("0123456789abcdef"[byte / 16], "0123456789abcdef"[byte % 16]);
        NcclOptions options(1, 2);
        options.set("id", id);
        GroupPointer group;
        EXPECT_EQ(options.create(group).status, NC_OK);
        EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
    });
    NcclOptions options(0, 2);
    options.set("rendezvous", ports[0].text());
    GroupPointer group;
    const Outcome outcome = options.create(group);
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
    mlx.join();
}

TEST_F(NcclForming, ByNcclsOwnEnvironmentVariable) {
    NcclOptions alone(0, 2);
    alone.set("comm_id", "environment");
    GroupPointer none;
    const Outcome outcome = alone.create(none);
    EXPECT_EQ(outcome.status, NC_NOT_CONFIGURED);
    EXPECT_TRUE(contains(outcome, "NCCL_COMM_ID")) << outcome.message();

    const ReservedPorts ports(1);
    const Variable variable("NCCL_COMM_ID", ports[0].text());
    on_all_ranks(2, [&](int rank) {
        NcclOptions options(rank, 2);
        options.set("comm_id", "environment");
        GroupPointer group;
        const Outcome formed = options.create(group);
        ASSERT_EQ(formed.status, NC_OK) << formed.message();
        EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
    });
}

TEST_F(NcclForming, OfOneRankNeedsNothingToMeet) {
    NcclOptions options(0, 1);
    GroupPointer group;
    const Outcome outcome = options.create(group);
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
    EXPECT_EQ(execute(group.get(), request_of(NC_BARRIER)).status, NC_OK);
}

TEST_F(NcclForming, OnTheDeviceThatWasChosen) {
    struct Row {
        const char* device;
        const char* local_rank;
        int expected;
    };
    for (const Row& row :
         {Row{"1", nullptr, 1}, {nullptr, "1", 1}, {nullptr, "5", 1}, {"0", "1", 0}, {nullptr, nullptr, 0}}) {
        NcclOptions options(0, 1);
        if (row.device != nullptr) options.set("device", row.device);
        if (row.local_rank != nullptr) options.set("local_rank", row.local_rank);
        GroupPointer group;
        EXPECT_EQ(options.create(group).status, NC_OK);
        EXPECT_EQ(nc_group_device(group.get()), row.expected);
        EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
    }
    NcclOptions options(0, 1);
    GroupPointer group;
    const Outcome outcome = options.set("device", "2").create(group);
    EXPECT_EQ(outcome.status, NC_INVALID_ARGUMENT);
    EXPECT_TRUE(contains(outcome, "[0, 2)")) << outcome.message();
}

TEST_F(NcclForming, RefusesWhatCannotBe) {
    GroupPointer group;
    for (const int rank : {-1, 2, 7}) {
        const Outcome outcome = NcclOptions(rank, 2).set("id", new_id()).create(group);
        EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
        EXPECT_TRUE(contains(outcome, text("[0, 2), but is ", rank))) << outcome.message();
    }
    EXPECT_EQ(NcclOptions(0, 2).create(group).status, NC_NOT_CONFIGURED);
    EXPECT_EQ(NcclOptions(0, 1).set("siez", "1").create(group).status, NC_INVALID_ARGUMENT);
    EXPECT_EQ(NcclOptions(0, 2).set("rendezvous", "nonsense").create(group).status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(NcclOptions(0, 1).set("nccl_library", "/nowhere/libnccl.so.2").create(group).status,
              NC_BACKEND_UNAVAILABLE);
    EXPECT_EQ(NcclOptions(0, 1).set("cuda_library", double_path("no_driver/libcuda.so.1")).create(group).status,
              NC_BACKEND_UNAVAILABLE);
    EXPECT_EQ(group, nullptr);
}

TEST_F(NcclForming, RefusesALibraryThatBlocks) {
    const std::uint64_t before = nccl().nc_double_nccl_calls("ncclCommInitRankConfig");
    const Variable variable("NCCL_COMM_BLOCKING", "1");
    GroupPointer group;
    const Outcome outcome = NcclOptions(0, 1).create(group);
    EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
    EXPECT_TRUE(contains(outcome, "NCCL_COMM_BLOCKING")) << outcome.message();
    EXPECT_EQ(nccl().nc_double_nccl_calls("ncclCommInitRankConfig"), before) << "NCCL was asked nevertheless";
    const Variable harmless("NCCL_COMM_BLOCKING", "0");
    EXPECT_EQ(NcclOptions(0, 1).create(group).status, NC_OK);
}

TEST_F(NcclForming, EndsAtItsDeadline) {
    const ReservedPorts ports(1);
    GroupPointer group;
    struct Row {
        int rank;
        const char* way;
        std::string value;
        std::vector<std::string> words;
    };
    for (const Row& row : {Row{0, "id", new_id(), {"did not all join", "150 ms"}},
                           {0, "rendezvous", ports[0].text(), {"did not all join", "of the 2 other ranks 0 had asked"}},
                           {1, "rendezvous", ports[0].text(), {"rank 0 did not hand out", "150 ms", "refused"}}}) {
        NcclOptions options(row.rank, 3);
        options.set(row.way, row.value);
        options.options.forming_timeout_ms = 150;
        const Outcome outcome = options.create(group);
        EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED) << outcome.message();
        for (const std::string& word : row.words) EXPECT_TRUE(contains(outcome, word)) << outcome.message();
        EXPECT_EQ(group, nullptr);
    }
}

TEST_F(NcclForming, IsCancelled) {
    for (const char* way : {"id", "rendezvous"}) {
        const ReservedPorts ports(1);
        std::int32_t cancel = 0;
        NcclOptions options(0, 2);
        options.set(way, std::string(way) == "id" ? new_id() : ports[0].text());
        options.options.cancel = &cancel;
        const std::uint64_t before = nccl().nc_double_nccl_calls("ncclCommGetAsyncError");
        std::thread canceller([&] {
            // It is under way.
            EXPECT_TRUE(soon([&] { return nccl().nc_double_nccl_calls("ncclCommGetAsyncError") > before; }));
            __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
        });
        GroupPointer group;
        const Outcome outcome = options.create(group);
        canceller.join();
        EXPECT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
        EXPECT_EQ(group, nullptr);
    }
}

TEST_F(NcclForming, TellsItsProgressToTheLog) {
    std::vector<std::string> messages;
    NcclOptions options(0, 1);
    options.options.log = [](void* context, nc_log_level, const char* message) {
        static_cast<std::vector<std::string>*>(context)->push_back(message);
    };
    options.options.log_context = &messages;
    GroupPointer group;
    EXPECT_EQ(options.create(group).status, NC_OK);
    ASSERT_FALSE(messages.empty());
    EXPECT_NE(messages[0].find("2.30.7"), std::string::npos) << messages[0];
    EXPECT_NE(messages[0].find(double_path(nccl_2_30)), std::string::npos) << messages[0];
    group.reset();
    EXPECT_EQ(messages.size(), 1U) << "leaving in order is nothing to tell: " << messages.back();
}

TEST_F(NcclForming, AndLeavingManyTimesLeavesNothing) {
    for (int round = 0; round < 25; ++round) {
        LocalNcclRanks ranks(2, {round % 2 == 0 ? nccl_2_30 : nccl_2_18, ""});
        if (round % 3 == 0) ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
        // In any order, also not at once.
        ranks.destroy(round % 2);
        ranks.destroy(1 - round % 2);
    }
}

// What was sent before a group was closed is received.
TEST_F(NcclForming, ClosingLetsPeersReceiveWhatWasSent) {
    LocalNcclRanks ranks(2);
    Flag closed;
    ranks.each([&](int rank, nc_group* group) {
        std::vector<std::int32_t> values(50'000, 7);
        if (rank == 0) {
            const DeviceInts sent(group, values);
            {
                const CallersStream stream(group);
                nc_request request = request_of(NC_SEND, NC_INT32, values.size(), sent.get());
                request.flags = NC_REQUEST_DEVICE | NC_REQUEST_STREAM;
                request.stream = stream.get();
                request.peer = 1;
                EXPECT_EQ(execute(group, request).status, NC_OK);
                closed.set();
                nc_group_close(group);
                stream.synchronize();
            }
            EXPECT_EQ(status_of(group).status, NC_CLOSED);
            EXPECT_EQ(execute(group, request_of(NC_BARRIER)).status, NC_CLOSED);
            return;
        }
        EXPECT_TRUE(closed.wait());
        std::vector<std::int32_t> got(values.size());
        const Outcome outcome = execute(group, request_of(NC_RECEIVE, NC_INT32, got.size(), nullptr, got.data()));
        EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_TRUE(got == values);
    });
}

// ---- splits ---------------------------------------------------------------------------------------------------------

GroupPointer split(nc_group* group, int color, int key = -1) {
    nc_group* part = nullptr;
    nc_request request = request_of(NC_SPLIT);
    request.color = color;
    request.key = key;
    request.new_group = &part;
    const Outcome outcome = execute(group, request);
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    return GroupPointer(part);
}

TEST_F(NcclSplit, MakesGroupsOfEqualColor) {
    LocalNcclRanks ranks(4);
    ranks.each([](int rank, nc_group* group) {
        const GroupPointer part = split(group, rank % 2);
        ASSERT_NE(part, nullptr);
        EXPECT_EQ(nc_group_size(part.get()), 2);
        EXPECT_EQ(nc_group_rank(part.get()), rank / 2);
        EXPECT_STREQ(nc_group_backend(part.get()), "nccl");
        EXPECT_EQ(nc_group_device(part.get()), nc_group_device(group));
        EXPECT_EQ(all_sum_works(part.get()).status, NC_OK);
        EXPECT_EQ(all_sum_works(group).status, NC_OK) << "the old group goes on";
        EXPECT_EQ(all_sum_works(part.get()).status, NC_OK);
    });
}

TEST_F(NcclSplit, OrdersByKeyThenByOldRank) {
    LocalNcclRanks ranks(4);
    ranks.each([](int rank, nc_group* group) {
        EXPECT_EQ(nc_group_rank(split(group, 0, 100 - rank).get()), 3 - rank);
        EXPECT_EQ(nc_group_rank(split(group, 7, 5).get()), rank);
        // A negative key stands for the old rank: 0, 1 (key 1), 2, 3 (key 0).
        const int key = rank == 3 ? 0 : rank == 1 ? 1 : -1;
        const GroupPointer mixed = split(group, std::numeric_limits<int>::max(), key);
        const int expected[4] = {0, 2, 3, 1};
        EXPECT_EQ(nc_group_rank(mixed.get()), expected[rank]);
        EXPECT_EQ(all_sum_works(mixed.get()).status, NC_OK);
    });
}

TEST_F(NcclSplit, LeavesOutNegativeColorsAndMakesGroupsOfOne) {
    LocalNcclRanks ranks(4);
    ranks.each([](int rank, nc_group* group) {
        const int colors[4] = {-1, 5, 6, 6};
        const GroupPointer part = split(group, rank == 0 ? std::numeric_limits<int>::min() : colors[rank]);
        if (rank == 0) {
            EXPECT_EQ(part, nullptr);
        } else {
            ASSERT_NE(part, nullptr);
            EXPECT_EQ(nc_group_size(part.get()), rank == 1 ? 1 : 2);
            EXPECT_EQ(all_sum_works(part.get()).status, NC_OK);
        }
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
        EXPECT_EQ(split(group, -1), nullptr) << "all of them";
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

TEST_F(NcclSplit, OfASplitOutlivesTheOthers) {
    LocalNcclRanks ranks(4);
    ranks.each([&](int rank, nc_group* group) {
        GroupPointer half = split(group, rank / 2);
        const GroupPointer again = split(half.get(), 0, -nc_group_rank(half.get()));
        const GroupPointer own = split(again.get(), nc_group_rank(again.get()));
        half.reset();
        ranks.destroy(rank);
        EXPECT_EQ(nc_group_size(again.get()), 2);
        EXPECT_EQ(all_sum_works(again.get()).status, NC_OK);
        EXPECT_EQ(nc_group_size(own.get()), 1);
        EXPECT_EQ(all_sum_works(own.get()).status, NC_OK);
    });
}

TEST_F(NcclSplit, IsEnqueuedInOrder) {
    LocalNcclRanks ranks(3);
    ranks.each([](int, nc_group* group) {
        std::int32_t value = 1;
        nc_group* part = nullptr;
        nc_request request = request_of(NC_SPLIT);
        request.new_group = &part;
        const WorkPointer before = enqueue(group, request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value));
        const WorkPointer work = enqueue(group, request);
        EXPECT_EQ(wait_for(work.get()).status, NC_OK);
        EXPECT_EQ(value, 3);
        EXPECT_EQ(all_sum_works(part).status, NC_OK);
        nc_group_destroy(part);
    });
}

TEST_F(NcclSplit, WaitsForWhatIsOnStreams) {
    LocalNcclRanks ranks(2);
    const CudaFaults delay("cuMemcpyHtoDAsync_v2@*=delay:30");
    ranks.each([](int rank, nc_group* group) {
        const CallersStream stream(group);
        const DeviceInts values(group, {0});
        void* pinned = nullptr;
        EXPECT_EQ(cuda().cuMemHostAlloc(&pinned, 4, 0), CUDA_SUCCESS);
        const std::int32_t given = rank + 1;
        std::memcpy(pinned, &given, sizeof given);
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(reinterpret_cast<CUdeviceptr>(values.get()), pinned, 4,
                                              static_cast<CUstream>(stream.get())),
                  CUDA_SUCCESS);
        EXPECT_EQ(execute(group, stream_sum(values, 1, stream)).status, NC_OK);
        const GroupPointer part = split(group, 0);
        EXPECT_TRUE(stream.idle());
        EXPECT_EQ(values.values(), std::vector<std::int32_t>({3}));
        EXPECT_EQ(cuda().cuMemFreeHost(pinned), CUDA_SUCCESS);
    });
}

TEST_F(NcclSplit, IsNotSupportedByALibraryWithoutIt) {
    NcclOptions options(0, 1, "no_split/libnccl.so.2");
    GroupPointer group;
    ASSERT_EQ(options.create(group).status, NC_OK);
    nc_group* part = nullptr;
    nc_request request = request_of(NC_SPLIT);
    request.new_group = &part;
    const Outcome outcome = execute(group.get(), request);
    EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED);
    EXPECT_TRUE(contains(outcome, "ncclCommSplit")) << outcome.message();
    EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
}

// ---- devices --------------------------------------------------------------------------------------------------------

TEST_F(NcclDevice, MemoryIsAllocatedCopiedAndFreed) {
    std::int32_t count = 0;
    EXPECT_EQ(nc_device_count("nccl", &count, nullptr), NC_OK);
    EXPECT_EQ(count, 2);
    for (int device = 0; device < 2; ++device) {
        const DeviceBytes a(device, 1000);
        DeviceBytes b(device, 1000);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.get()) % 256, 0U);
        std::mt19937 random(1);
        const Buffer bytes = random_bytes(990, random);
        b.write(10, bytes);
        nc_error error = empty_error();
        EXPECT_EQ(nc_device_copy("nccl", device, a.get(), b.get() + 10, 990, NC_DEVICE_TO_DEVICE, &error), NC_OK)
            << error.message;
        EXPECT_TRUE(a.read(0, 990) == bytes);
    }
    void* address = &count;
    EXPECT_EQ(nc_device_allocate("nccl", 0, 0, &address, nullptr), NC_OK);
    EXPECT_EQ(address, nullptr) << "for nothing";
    EXPECT_EQ(nc_device_free("nccl", 0, nullptr, nullptr), NC_OK);
    EXPECT_EQ(nc_device_copy("nccl", 0, nullptr, nullptr, 0, NC_DEVICE_TO_DEVICE, nullptr), NC_OK);
}

// A copy has ended when it returns, whatever the driver's own call does.
TEST_F(NcclDevice, CopiesHaveEndedWhenTheyReturn) {
    for (const int direction : {NC_HOST_TO_DEVICE, NC_DEVICE_TO_DEVICE}) {
        DeviceBytes a(0, 8);
        DeviceBytes b(0, 8);
        a.write(0, Buffer(8, std::byte{1}));
        b.write(0, Buffer(8, std::byte{2}));
        const CurrentDevice current(0);
        const DeviceStream stream;
        const CudaFaults late("cuMemcpyHtoD_v2@*=delay:30; cuMemcpyDtoD_v2@*=delay:30");
        const Buffer ones(8, std::byte{1});
        const void* from = direction == NC_HOST_TO_DEVICE ? static_cast<const void*>(ones.data()) : a.get();
        EXPECT_EQ(nc_device_copy("nccl", 0, b.get(), from, 8, static_cast<nc_copy_direction>(direction), nullptr),
                  NC_OK);
        // A stream without an order with the default one sees it.
        std::vector<std::byte> seen(8);
        EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(seen.data(), reinterpret_cast<CUdeviceptr>(b.get()), 8, stream),
                  CUDA_SUCCESS);
        EXPECT_TRUE(seen == ones) << direction;
    }
}

TEST_F(NcclDevice, MistakesAreRefused) {
    std::int32_t value = 0;
    void* address = &value;
    Outcome outcome;
    EXPECT_EQ(nc_device_count("nccl", nullptr, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_device_count(nullptr, &value, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_device_allocate("nccl", 0, 1, nullptr, nullptr), NC_INVALID_ARGUMENT);
    for (const int device : {-1, 2}) {
        EXPECT_EQ(nc_device_allocate("nccl", device, 1, &address, &outcome.error), NC_INVALID_ARGUMENT);
        EXPECT_TRUE(contains(outcome, "[0, 2)")) << outcome.message();
        EXPECT_EQ(address, nullptr);
        EXPECT_EQ(nc_device_free("nccl", device, &value, nullptr), NC_INVALID_ARGUMENT);
        EXPECT_EQ(nc_device_copy("nccl", device, &value, &value, 1, NC_HOST_TO_DEVICE, nullptr), NC_INVALID_ARGUMENT);
    }
    EXPECT_EQ(nc_device_copy("nccl", 0, nullptr, &value, 1, NC_HOST_TO_DEVICE, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_device_copy("nccl", 0, &value, nullptr, 1, NC_HOST_TO_DEVICE, nullptr), NC_INVALID_ARGUMENT);
    nc_copy_direction wild{};
    for (const std::uint32_t number : {3U, 0xdeadbeefU}) {
        std::memcpy(&wild, &number, sizeof number);
        EXPECT_EQ(nc_device_copy("nccl", 0, &value, &value, 1, wild, nullptr), NC_INVALID_ARGUMENT) << number;
    }
    EXPECT_EQ(nc_device_allocate("nccl", 0, std::uint64_t{1} << 60, &address, &outcome.error), NC_OUT_OF_MEMORY)
        << outcome.message();
    const CudaFaults faults("cuMemFree_v2@1=CUDA_ERROR_INVALID_VALUE; cuMemcpyHtoD_v2@1=CUDA_ERROR_ILLEGAL_ADDRESS");
    EXPECT_EQ(nc_device_free("nccl", 0, &value, &outcome.error), NC_INVALID_ARGUMENT);
    EXPECT_TRUE(contains(outcome, "no address in device memory")) << outcome.message();
    EXPECT_EQ(nc_device_copy("nccl", 0, &value, &value, 1, NC_HOST_TO_DEVICE, &outcome.error), NC_LIBRARY_ERROR);
    EXPECT_TRUE(contains(outcome, "CUDA_ERROR_ILLEGAL_ADDRESS")) << outcome.message();
}

// The caller's own current context stays, whatever the library does in between.
TEST_F(NcclDevice, OfTheCallersThreadStaysCurrent) {
    const CurrentDevice own(1);
    const GroupPointer group = [] {
        NcclOptions options(0, 1);
        GroupPointer made;
        EXPECT_EQ(options.set("device", "0").create(made).status, NC_OK);
        return made;
    }();
    const auto current = [] {
        CUcontext context = nullptr;
        EXPECT_EQ(cuda().cuCtxGetCurrent(&context), CUDA_SUCCESS);
        return context;
    };
    EXPECT_EQ(current(), own.context());
    EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
    const DeviceInts values(group.get(), {1});
    EXPECT_EQ(execute(group.get(), device_sum(values.get(), 1)).status, NC_OK);
    std::int32_t host = 0;
    EXPECT_EQ(execute(group.get(), device_sum(&host, 1)).status, NC_INVALID_ARGUMENT);
    EXPECT_EQ(split(group.get(), -1), nullptr);
    EXPECT_EQ(current(), own.context());
}

// ---- requests -------------------------------------------------------------------------------------------------------

TEST_F(NcclBackend, ChecksRequestsBeforeAnythingMoves) {
    LocalNcclRanks ranks(2);
    nc_group* group = ranks[0];
    const DeviceInts values(group, {1, 2, 3, 4});
    std::vector<std::int32_t> host(4);
    const std::uint64_t before = nccl().nc_double_nccl_calls("ncclAllReduce");
    const auto invalid = [&](const char* what, const std::function<void(nc_request&)>& change) {
        nc_request request = device_sum(values.get(), 2);
        change(request);
        const Outcome outcome = execute(group, request);
        EXPECT_EQ(outcome.status, NC_INVALID_ARGUMENT) << what << ": " << outcome.message();
        EXPECT_FALSE(outcome.message().empty()) << what;
        nc_work* work = nullptr;
        // Where the addresses point is looked at when the operation has its turn: on the worker that is later.
        const bool looked_at_later = request.flags == NC_REQUEST_DEVICE && request.operation == NC_ALL_REDUCE;
        if (!looked_at_later) {
            EXPECT_EQ(nc_enqueue(group, &request, nullptr, nullptr, &work, nullptr), NC_INVALID_ARGUMENT) << what;
            EXPECT_EQ(work, nullptr) << what;
        } else {
            const WorkPointer issued = enqueue(group, request);
            EXPECT_EQ(wait_for(issued.get()).status, NC_INVALID_ARGUMENT) << what;
        }
    };
    for (const nc_operation operation : {NC_BARRIER, NC_SPLIT}) {
        for (const std::uint32_t flag :
             {NC_REQUEST_DEVICE, NC_REQUEST_DEVICE | NC_REQUEST_STREAM, NC_REQUEST_UNEVEN, 8U}) {
            nc_group* part = nullptr;
            invalid("flags of one that moves nothing",
                    [&](nc_request& r) { r.operation = operation, r.flags = flag, r.new_group = &part; });
        }
    }
    invalid("a stream without device memory", [](nc_request& r) { r.flags = NC_REQUEST_STREAM; });
    invalid("an unknown flag", [](nc_request& r) { r.flags |= 8; });
    invalid("a uneven all-reduce", [](nc_request& r) { r.flags |= NC_REQUEST_UNEVEN; });
    invalid("a root beyond", [](nc_request& r) { r.operation = NC_BROADCAST, r.peer = 2; });
    invalid("a source below", [](nc_request& r) { r.operation = NC_RECEIVE, r.peer = -1; });
    invalid("itself", [](nc_request& r) { r.operation = NC_SEND, r.peer = 0; });
    for (const std::uint32_t flags : {NC_REQUEST_DEVICE, NC_REQUEST_DEVICE | NC_REQUEST_STREAM}) {
        invalid("a send buffer on the host", [&](nc_request& r) { r.send_buffer = host.data(), r.flags = flags; });
        invalid("a receive buffer on the host",
                [&](nc_request& r) { r.receive_buffer = host.data(), r.flags = flags; });
    }
    nc_request request = device_sum(values.get(), 2);
    request.receive_buffer = host.data();
    Outcome outcome = execute(group, request);
    EXPECT_TRUE(contains(outcome, "the receive buffer")) << outcome.message();
    // Memory of another device is none of the group's either.
    const DeviceInts elsewhere(ranks[1], {1, 2});
    request.receive_buffer = elsewhere.get();
    outcome = execute(group, request);
    EXPECT_EQ(outcome.status, NC_INVALID_ARGUMENT);
    EXPECT_TRUE(contains(outcome, "device 1")) << outcome.message();
    request.receive_buffer = host.data();
    request.flags |= NC_REQUEST_STREAM;
    Journal journal;
    EXPECT_EQ(nc_enqueue(group, &request, Journal::write, &journal, nullptr, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(journal.count(), 0U) << "nothing was issued";
    EXPECT_EQ(nccl().nc_double_nccl_calls("ncclAllReduce"), before);
    ranks.each([](int, nc_group* each) { EXPECT_EQ(all_sum_works(each).status, NC_OK); });
}

// Buffers that an operation does not use may be anything.
TEST_F(NcclBackend, DoesNotLookAtBuffersThatAreNotUsed) {
    LocalNcclRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        const DeviceInts values(group, {5, 6, 0, 0});
        std::int32_t host = 0;
        for (const nc_operation operation : {NC_BROADCAST, NC_REDUCE, NC_GATHER, NC_SCATTER}) {
            nc_request request = request_of(operation, NC_INT32, 1, values.get(), values.get() + 2);
            request.flags = NC_REQUEST_DEVICE;
            if (rank == 1 && (operation == NC_BROADCAST || operation == NC_SCATTER)) request.send_buffer = &host;
            if (rank == 1 && (operation == NC_REDUCE || operation == NC_GATHER)) request.receive_buffer = &host;
            const Outcome outcome = execute(group, request);
            EXPECT_EQ(outcome.status, NC_OK) << operation << ": " << outcome.message();
        }
        // Nothing at all is in no memory.
        nc_request nothing = request_of(NC_ALL_REDUCE, NC_INT32, 0, &host, &host);
        nothing.flags = NC_REQUEST_DEVICE;
        EXPECT_EQ(execute(group, nothing).status, NC_OK);
    });
}

} // namespace NC_FILE
} // namespace nc::test
