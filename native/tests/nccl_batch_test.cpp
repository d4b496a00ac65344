// Batches and composed operations over the double of NCCL.
#include "batch_cases.h"
#include "local_nccl_ranks.h"

namespace nc::test {
namespace NC_FILE {

bool is_supported(nc_data_type type, nc_reduce_op) {
    return type != NC_INT16 && type != NC_UINT16;
}

class NcclBatch : public NcclTest {};

TEST_F(NcclBatch, RanksThatAllSendFirstDoNotWaitForEachOther) {
    for (const std::string chunk : {"", "4096"}) {
        LocalNcclRanks ranks(3, {.staging_bytes = chunk});
        exchange_in_circles(ranks, {0, 1, 1000, std::size_t{1} << 18, 3});
    }
}

TEST_F(NcclBatch, EveryOperationInOne) {
    for (const std::string& version : {nccl_2_30, nccl_2_18}) {
        LocalNcclRanks ranks(3, {.version = version});
        run_in_one_batch(ranks, many_kinds(3, is_supported));
    }
}

TEST_F(NcclBatch, WhatIsComposedGivesWhatTheOrderOfRanksGives) {
    LocalNcclRanks ranks(3);
    Maker maker(3, 21);
    std::vector<Case> cases;
    for (const std::size_t count : {0, 1, 1000, 20'011}) add_composed(cases, maker, 3, count);
    add_bitwise(cases, maker, 3, 33);
    ranks.each([&](int rank, nc_group* group) {
        for (const Case& one : cases) run_on_host(group, one.parts[index(rank)], one.what);
    });
}

// The other end may be by itself, where every chunk of a long message is one of NCCL's.
TEST_F(NcclBatch, AMessageOfItMeetsOneByItself) {
    LocalNcclRanks ranks(2, {.staging_bytes = "4096"});
    messages_meet_ones_by_themselves(ranks, 30'000, 5000);
}

// Sends, receives and reductions on the device, at once and on a stream of the caller's.
TEST_F(NcclBatch, OnTheDevice) {
    LocalNcclRanks ranks(3);
    ranks.each([](int rank, nc_group* group) {
        const CallersStream stream(group);
        for (const bool on_stream : {false, true}) {
            for (const bool enqueued : {false, true}) {
                const int n = 3;
                const DeviceInts out(group, {rank, rank + 10});
                const DeviceInts in(group, {-1, -1});
                const DeviceInts sums(group, {rank, 1, 2});
                const DeviceInts averages(group, {3 * rank});
                const std::uint32_t flags = on_stream ? NC_REQUEST_DEVICE | NC_REQUEST_STREAM : NC_REQUEST_DEVICE;
                nc_request send = request_of(NC_SEND, NC_INT32, 2, out.get());
                send.peer = (rank + 1) % n;
                nc_request receive = request_of(NC_RECEIVE, NC_INT32, 2, nullptr, in.get());
                receive.peer = (rank + n - 1) % n;
                nc_request sum = request_of(NC_ALL_REDUCE, NC_INT32, 3, sums.get(), sums.get());
                nc_request average = request_of(NC_ALL_REDUCE, NC_INT32, 1, averages.get(), averages.get());
                average.reduce_op = NC_AVERAGE;
                nc_request nothing = request_of(NC_ALL_REDUCE, NC_INT32, 0);
                std::vector<const nc_request*> all;
                for (nc_request* request : {&send, &receive, &average, &sum, &nothing}) {
                    request->flags = flags;
                    request->stream = on_stream ? stream.get() : nullptr;
                    all.push_back(request);
                }
                Outcome outcome;
                if (enqueued) {
                    nc_work* work = nullptr;
                    outcome.status =
                        nc_enqueue_batch(group, all.data(), all.size(), nullptr, nullptr, &work, &outcome.error);
                    ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
                    outcome = wait_for(WorkPointer(work).get());
                } else {
                    outcome = execute_batch(group, all);
                    if (on_stream) stream.synchronize();
                }
                ASSERT_EQ(outcome.status, NC_OK) << outcome.message();
                const int left = (rank + n - 1) % n;
                EXPECT_EQ(in.values(), (std::vector<std::int32_t>{left, left + 10}));
                EXPECT_EQ(sums.values(), (std::vector<std::int32_t>{3, 3, 6}));
                EXPECT_EQ(averages.values(), (std::vector<std::int32_t>{3}));
            }
        }
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

TEST_F(NcclBatch, WhatTheDeviceCannotDoIsRefusedByItsPlace) {
    LocalNcclRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        const DeviceInts values(group, {1, 2});
        nc_request good = device_sum(values.get(), 2);
        const auto expect = [&](nc_request bad, const std::string& words) {
            const Outcome outcome = execute_batch(group, {&good, &bad});
            EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED) << outcome.message();
            EXPECT_EQ(outcome.error.index, 1);
            EXPECT_TRUE(contains(outcome, words)) << outcome.message();
            EXPECT_EQ(nc_group_supports(group, &bad, nullptr), NC_NOT_SUPPORTED);
            bad.flags = 0;
            EXPECT_EQ(nc_group_supports(group, &bad, nullptr), NC_OK);
        };
        EXPECT_EQ(nc_group_supports(group, &good, nullptr), NC_OK);
        nc_request scan = good;
        scan.operation = NC_SCAN;
        expect(scan, "no scan for device memory");
        nc_request bitwise = good;
        bitwise.reduce_op = NC_BITWISE_OR;
        expect(bitwise, "no bitwise or reduction for device memory");
        nc_request custom = good;
        custom.reduce_op = NC_CUSTOM;
        custom.combine = order_sensitive;
        expect(custom, "no custom reduction for device memory");
        std::int32_t value = 0;
        const nc_request on_host = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
        EXPECT_TRUE(contains(execute_batch(group, {&good, &on_host}), "all lie in host memory, or all on the device"));
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
}

} // namespace NC_FILE
} // namespace nc::test
