// Groups over the C ABI: groups of one, checks of arguments, loading of backends, and that nothing is left behind.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>

#include "local_ranks.h"
#include "operation/data_type.h"
#include "operation/traits.h"

namespace nc::test {
namespace NC_FILE {

Outcome create(const nc_group_options& options, nc_group** group) {
    Outcome outcome;
    outcome.status = nc_group_create(&options, group, &outcome.error);
    return outcome;
}

GroupPointer group_of_one() {
    nc_group_options options{};
    options.size = sizeof options;
    nc_group* group = nullptr;
    EXPECT_EQ(create(options, &group).status, NC_OK);
    return GroupPointer(group);
}

TEST(Library, SaysWhatItIs) {
    EXPECT_STREQ(nc_version(), NC_VERSION);
    EXPECT_EQ(nc_abi_version(), static_cast<std::uint32_t>(NC_ABI_VERSION));
    EXPECT_STREQ(nc_status_name(NC_OK), "ok");
    for (int status = 0; status <= NC_FUNCTION_FAILED; ++status)
        EXPECT_STRNE(nc_status_name(static_cast<nc_status>(status)), "unknown");
    nc_status none{};
    const std::uint32_t number = NC_FUNCTION_FAILED + 1;
    std::memcpy(&none, &number, sizeof number);
    EXPECT_STREQ(nc_status_name(none), "unknown");
}

TEST(Library, TakesNullWhereAHandleIsMissing) {
    EXPECT_EQ(nc_group_rank(nullptr), -1);
    EXPECT_EQ(nc_group_size(nullptr), 0);
    EXPECT_STREQ(nc_group_backend(nullptr), "");
    EXPECT_EQ(nc_group_status(nullptr, nullptr), NC_INVALID_ARGUMENT);
    nc_group_abort(nullptr, nullptr);
    nc_group_close(nullptr);
    nc_group_destroy(nullptr);
    nc_work_cancel(nullptr);
    nc_work_release(nullptr);
    EXPECT_EQ(nc_work_wait(nullptr, 0, nullptr), NC_INVALID_ARGUMENT);
    std::int32_t completed = 0;
    EXPECT_EQ(nc_work_test(nullptr, &completed, nullptr), NC_INVALID_ARGUMENT);
    const nc_request request = request_of(NC_BARRIER);
    EXPECT_EQ(nc_execute(nullptr, &request, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_enqueue(nullptr, &request, nullptr, nullptr, nullptr, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_group_create(nullptr, nullptr, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_backend_available(nullptr, nullptr, 0, nullptr), NC_INVALID_ARGUMENT);
}

TEST(GroupOfOne, IsTheIdentityForEveryCollectiveAndType) {
    const GroupPointer group = group_of_one();
    EXPECT_EQ(nc_group_rank(group.get()), 0);
    EXPECT_EQ(nc_group_size(group.get()), 1);
    EXPECT_STREQ(nc_group_backend(group.get()), "self");
    for (int type = 0; type < data_type_count; ++type) {
        const auto data_type = static_cast<nc_data_type>(type);
        std::vector<std::uint8_t> input(24 * data_type_size(data_type));
        for (std::size_t i = 0; i < input.size(); ++i)
            input[i] = static_cast<std::uint8_t>(type == NC_BOOL ? i % 2 : i);
        for (const nc_operation operation : {NC_ALL_REDUCE, NC_ALL_GATHER, NC_REDUCE_SCATTER, NC_BROADCAST, NC_REDUCE,
                                             NC_GATHER, NC_SCATTER, NC_ALL_TO_ALL}) {
            for (const nc_reduce_op op : {NC_SUM, NC_PRODUCT, NC_MAX, NC_MIN, NC_AVERAGE}) {
                if (op == NC_AVERAGE && data_type == NC_BOOL) continue;
                std::vector<std::uint8_t> output(input.size(), 0xee);
                nc_request request = request_of(operation, data_type, 24, input.data(), output.data());
                request.reduce_op = op;
                const Outcome outcome = execute(group.get(), request);
                ASSERT_EQ(outcome.status, NC_OK) << operation << ' ' << outcome.message();
                EXPECT_TRUE(output == input) << "operation " << operation << " type " << type;
                request.send_buffer = output.data();
                EXPECT_EQ(execute(group.get(), request).status, NC_OK) << "in place";
                EXPECT_TRUE(output == input) << "operation " << operation << " type " << type << " in place";
            }
        }
    }
    EXPECT_EQ(execute(group.get(), request_of(NC_BARRIER)).status, NC_OK);
}

TEST(GroupOfOne, TakesNullForNothing) {
    const GroupPointer group = group_of_one();
    for (const nc_operation operation : {NC_ALL_REDUCE, NC_ALL_GATHER, NC_REDUCE_SCATTER, NC_BROADCAST, NC_REDUCE,
                                         NC_GATHER, NC_SCATTER, NC_ALL_TO_ALL}) {
        EXPECT_EQ(execute(group.get(), request_of(operation)).status, NC_OK) << operation;
    }
    std::int32_t value = 7;
    EXPECT_EQ(execute(group.get(), request_of(NC_BROADCAST, NC_INT32, 1, &value, nullptr)).status, NC_OK);
}

TEST(GroupOfOne, HasUnevenBlocksToo) {
    const GroupPointer group = group_of_one();
    const std::uint64_t three = 3;
    const std::uint64_t two = 2;
    for (const nc_operation operation : {NC_ALL_GATHER, NC_REDUCE_SCATTER, NC_GATHER, NC_SCATTER, NC_ALL_TO_ALL}) {
        const std::int32_t input[3] = {1, 2, 3};
        std::int32_t output[3] = {};
        nc_request request = request_of(operation, NC_INT32, 3, input, output);
        request.flags = NC_REQUEST_UNEVEN;
        request.send_counts = &three;
        request.receive_counts = &three;
        EXPECT_EQ(execute(group.get(), request).status, NC_OK) << operation;
        EXPECT_EQ(std::memcmp(input, output, sizeof input), 0) << operation;
        request.receive_counts = &two;
        request.send_counts = &two;
        if (operation == NC_ALL_TO_ALL) request.send_counts = &three;
        EXPECT_EQ(execute(group.get(), request).status, NC_INVALID_ARGUMENT) << operation;
    }
    EXPECT_EQ(status_of(group.get()).status, NC_OK);
}

TEST(GroupOfOne, SplitsIntoItselfOrNothing) {
    const GroupPointer group = group_of_one();
    nc_group* part = nullptr;
    nc_request request = request_of(NC_SPLIT);
    request.new_group = &part;
    request.color = 3;
    ASSERT_EQ(execute(group.get(), request).status, NC_OK);
    ASSERT_NE(part, nullptr);
    EXPECT_EQ(nc_group_size(part), 1);
    nc_group_destroy(part);
    request.color = -1;
    part = group.get();
    ASSERT_EQ(execute(group.get(), request).status, NC_OK);
    EXPECT_EQ(part, nullptr);
}

TEST(GroupOfOne, ClosesAndAborts) {
    GroupPointer group = group_of_one();
    nc_group_close(group.get());
    Outcome outcome = execute(group.get(), request_of(NC_BARRIER));
    EXPECT_EQ(outcome.status, NC_CLOSED);
    EXPECT_EQ(outcome.error.earlier, 1);
    EXPECT_EQ(outcome.error.operation, NC_BARRIER);
    nc_group_abort(group.get(), "too late");
    EXPECT_EQ(status_of(group.get()).status, NC_CLOSED) << "the first cause stays";
    group = group_of_one();
    nc_group_abort(group.get(), "because");
    outcome = execute(group.get(), request_of(NC_BARRIER));
    EXPECT_EQ(outcome.status, NC_ABORTED);
    EXPECT_NE(outcome.message().find("because"), std::string::npos) << outcome.message();
    nc_work* work = nullptr;
    const nc_request request = request_of(NC_BARRIER);
    EXPECT_EQ(nc_enqueue(group.get(), &request, nullptr, nullptr, &work, nullptr), NC_ABORTED);
    EXPECT_EQ(work, nullptr);
}

TEST(Options, AreChecked) {
    nc_group* group = nullptr;
    nc_group_options options{};
    EXPECT_EQ(create(options, &group).status, NC_INVALID_ARGUMENT) << "size";
    options.size = sizeof options;
    EXPECT_EQ(nc_group_create(&options, nullptr, nullptr), NC_INVALID_ARGUMENT);
    options.forming_timeout_ms = -1;
    EXPECT_EQ(create(options, &group).status, NC_INVALID_ARGUMENT);
    options.forming_timeout_ms = 0;
    options.operation_timeout_ms = -1;
    EXPECT_EQ(create(options, &group).status, NC_INVALID_ARGUMENT);
    options.operation_timeout_ms = 0;
    options.setting_count = 1;
    EXPECT_EQ(create(options, &group).status, NC_INVALID_ARGUMENT);
    nc_setting setting{"hosts", nullptr};
    options.settings = &setting;
    EXPECT_EQ(create(options, &group).status, NC_INVALID_ARGUMENT);
    setting = {nullptr, "x"};
    EXPECT_EQ(create(options, &group).status, NC_INVALID_ARGUMENT);
    EXPECT_EQ(group, nullptr);
}

TEST(Options, OfTheRingAreChecked) {
    const auto outcome_of = [](int rank, std::vector<nc_setting> settings) {
        nc_group_options options{};
        options.size = sizeof options;
        options.rank = rank;
        options.backend = "ring";
        options.settings = settings.data();
        options.setting_count = settings.size();
        options.forming_timeout_ms = ample_ms;
        nc_group* group = nullptr;
        const Outcome outcome = create(options, &group);
        nc_group_destroy(group);
        return outcome;
    };
    EXPECT_EQ(outcome_of(0, {}).status, NC_NOT_CONFIGURED);
    const Outcome unknown = outcome_of(0, {{"hots", "[]"}});
    EXPECT_EQ(unknown.status, NC_INVALID_ARGUMENT);
    EXPECT_NE(unknown.message().find("hots"), std::string::npos);
    EXPECT_EQ(outcome_of(0, {{"hosts", "[]"}, {"hostfile", "x"}}).status, NC_INVALID_ARGUMENT);
    EXPECT_EQ(outcome_of(0, {{"hosts", "[]"}}).status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(outcome_of(0, {{"hostfile", "/nowhere/hosts.json"}}).status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(outcome_of(0, {{"hosts", ""}}).status, NC_OK) << "a blank hostfile is a group of one";
    EXPECT_EQ(outcome_of(0, {{"hosts", R"([["127.0.0.1:1"]])"}}).status, NC_OK);
    EXPECT_EQ(outcome_of(1, {{"hosts", ""}}).status, NC_RENDEZVOUS_FAILED);
    const Outcome rank = outcome_of(2, {{"hosts", R"([["127.0.0.1:1"],["127.0.0.1:2"]])"}});
    EXPECT_EQ(rank.status, NC_RENDEZVOUS_FAILED);
    EXPECT_NE(rank.message().find("[0, 2)"), std::string::npos) << rank.message();
    EXPECT_EQ(outcome_of(-1, {{"hosts", R"([["127.0.0.1:1"],["127.0.0.1:2"]])"}}).status, NC_RENDEZVOUS_FAILED);
    const Outcome twice = outcome_of(0, {{"hosts", R"([["127.0.0.1:1"],["127.0.0.1:1"]])"}});
    EXPECT_EQ(twice.status, NC_RENDEZVOUS_FAILED);
    EXPECT_NE(twice.message().find("and for rank 1"), std::string::npos) << twice.message();
    const Outcome own = outcome_of(0, {{"hosts", R"([["127.0.0.1:1","127.0.0.1:1"],["127.0.0.1:2","127.0.0.1:3"]])"}});
    EXPECT_NE(own.message().find("twice"), std::string::npos) << own.message();
}

// Every rule of core/request_check.cpp, for a rank of three.
TEST(Request, IsCheckedBeforeAnyByteMoves) {
    LocalRanks ranks(3);
    std::vector<std::int32_t> in(16);
    std::vector<std::int32_t> out(16);
    const std::uint64_t counts[3] = {1, 2, 3};
    const std::uint64_t huge_counts[3] = {std::uint64_t{1} << 62, std::uint64_t{1} << 62, std::uint64_t{1} << 62};
    nc_group* group = ranks[1];
    const auto invalid = [&](const char* what, const std::function<void(nc_request&)>& change) {
        nc_request request = request_of(NC_ALL_REDUCE, NC_INT32, 4, in.data(), out.data());
        change(request);
        const Outcome outcome = execute(group, request);
        EXPECT_EQ(outcome.status, NC_INVALID_ARGUMENT) << what << ": " << outcome.message();
        EXPECT_EQ(outcome.error.status, NC_INVALID_ARGUMENT) << what;
        EXPECT_FALSE(outcome.message().empty()) << what;
        EXPECT_EQ(outcome.error.earlier, 0);
        nc_work* work = nullptr;
        EXPECT_EQ(nc_enqueue(group, &request, nullptr, nullptr, &work, nullptr), NC_INVALID_ARGUMENT) << what;
        EXPECT_EQ(work, nullptr);
    };
    EXPECT_EQ(nc_execute(group, nullptr, nullptr), NC_INVALID_ARGUMENT);
    invalid("size", [](nc_request& r) { r.size -= 1; });
    invalid("no operation", [](nc_request& r) { r.operation = NC_OPERATION_NONE; });
    invalid("unknown operation", [](nc_request& r) { r.operation = static_cast<nc_operation>(operation_count); });
    invalid("negative timeout", [](nc_request& r) { r.timeout_ms = -1; });
    invalid("unknown type", [](nc_request& r) { r.data_type = static_cast<nc_data_type>(NC_COMPLEX64 + 1); });
    invalid("unknown operator", [](nc_request& r) { r.reduce_op = static_cast<nc_reduce_op>(NC_CUSTOM + 1); });
    invalid("average of bool", [](nc_request& r) {
        r.data_type = NC_BOOL;
        r.reduce_op = NC_AVERAGE;
    });
    invalid("unknown flags", [](nc_request& r) { r.flags = 8; });
    invalid("unknown flags besides a known one", [](nc_request& r) { r.flags = NC_REQUEST_DEVICE | 8; });
    invalid("a stream without device memory", [](nc_request& r) { r.flags = NC_REQUEST_STREAM; });
    invalid("uneven all-reduce", [](nc_request& r) { r.flags = NC_REQUEST_UNEVEN; });
    invalid("null input", [](nc_request& r) { r.send_buffer = nullptr; });
    invalid("null output", [](nc_request& r) { r.receive_buffer = nullptr; });
    invalid("too many", [](nc_request& r) { r.count = std::numeric_limits<std::uint64_t>::max(); });
    invalid("too many for all ranks", [](nc_request& r) {
        r.operation = NC_ALL_GATHER;
        r.count = std::numeric_limits<std::int64_t>::max() / 4 / 2;
    });
    for (const nc_operation operation : {NC_BROADCAST, NC_REDUCE, NC_GATHER, NC_SCATTER, NC_SEND, NC_RECEIVE}) {
        invalid("peer below", [&](nc_request& r) { r.operation = operation, r.peer = -1; });
        invalid("peer beyond", [&](nc_request& r) { r.operation = operation, r.peer = 3; });
    }
    for (const nc_operation operation : {NC_SEND, NC_RECEIVE})
        invalid("peer self", [&](nc_request& r) { r.operation = operation, r.peer = 1; });
    invalid("send null", [](nc_request& r) { r.operation = NC_SEND, r.peer = 0, r.send_buffer = nullptr; });
    invalid("receive null", [](nc_request& r) { r.operation = NC_RECEIVE, r.peer = 0, r.receive_buffer = nullptr; });
    invalid("broadcast null at root",
            [](nc_request& r) { r.operation = NC_BROADCAST, r.peer = 1, r.send_buffer = nullptr; });
    invalid("broadcast null elsewhere",
            [](nc_request& r) { r.operation = NC_BROADCAST, r.peer = 0, r.receive_buffer = nullptr; });
    invalid("reduce null at root",
            [](nc_request& r) { r.operation = NC_REDUCE, r.peer = 1, r.receive_buffer = nullptr; });
    invalid("gather null at root",
            [](nc_request& r) { r.operation = NC_GATHER, r.peer = 1, r.receive_buffer = nullptr; });
    invalid("gather null elsewhere",
            [](nc_request& r) { r.operation = NC_GATHER, r.peer = 0, r.send_buffer = nullptr; });
    invalid("scatter null at root",
            [](nc_request& r) { r.operation = NC_SCATTER, r.peer = 1, r.send_buffer = nullptr; });
    invalid("scatter null elsewhere",
            [](nc_request& r) { r.operation = NC_SCATTER, r.peer = 0, r.receive_buffer = nullptr; });
    for (const nc_operation operation : {NC_BROADCAST, NC_REDUCE, NC_SEND, NC_RECEIVE}) {
        invalid("cannot be uneven",
                [&](nc_request& r) { r.operation = operation, r.peer = 0, r.flags = NC_REQUEST_UNEVEN; });
    }
    const auto uneven = [&](nc_operation operation, nc_request& r) {
        r.operation = operation;
        r.peer = 1;
        r.flags = NC_REQUEST_UNEVEN;
        r.count = 2;
        r.send_counts = r.receive_counts = counts;
    };
    for (const nc_operation operation : {NC_ALL_GATHER, NC_GATHER, NC_ALL_TO_ALL}) {
        invalid("null receive_counts", [&](nc_request& r) { uneven(operation, r), r.receive_counts = nullptr; });
        invalid("huge receive_counts", [&](nc_request& r) { uneven(operation, r), r.receive_counts = huge_counts; });
        invalid("uneven null output", [&](nc_request& r) { uneven(operation, r), r.receive_buffer = nullptr; });
    }
    for (const nc_operation operation : {NC_REDUCE_SCATTER, NC_SCATTER, NC_ALL_TO_ALL}) {
        invalid("null send_counts", [&](nc_request& r) { uneven(operation, r), r.send_counts = nullptr; });
        invalid("huge send_counts", [&](nc_request& r) { uneven(operation, r), r.send_counts = huge_counts; });
        invalid("uneven null input", [&](nc_request& r) { uneven(operation, r), r.send_buffer = nullptr; });
    }
    for (const nc_operation operation : {NC_ALL_GATHER, NC_GATHER, NC_REDUCE_SCATTER, NC_SCATTER}) {
        invalid("own count differs", [&](nc_request& r) { uneven(operation, r), r.count = 3; });
    }
    invalid("split without new_group", [](nc_request& r) { r.operation = NC_SPLIT; });
    nc_group* part = nullptr;
    for (const nc_operation operation : {NC_BARRIER, NC_SPLIT}) {
        for (const std::uint32_t flags :
             {NC_REQUEST_UNEVEN, NC_REQUEST_DEVICE, NC_REQUEST_DEVICE | NC_REQUEST_STREAM, NC_REQUEST_STREAM, 8U})
            invalid("flags where nothing moves",
                    [&](nc_request& r) { r.operation = operation, r.flags = flags, r.new_group = &part; });
    }
    invalid("device memory, and another mistake",
            [](nc_request& r) { r.flags = NC_REQUEST_DEVICE, r.send_buffer = nullptr; });
    const nc_request barrier = request_of(NC_BARRIER);
    EXPECT_EQ(nc_enqueue(group, &barrier, nullptr, nullptr, nullptr, nullptr), NC_INVALID_ARGUMENT)
        << "neither completion nor work";
    ranks.each([](int, nc_group* each) { EXPECT_EQ(all_sum_works(each).status, NC_OK); });
}

// Callers that were compiled with an older or a newer header than the library.
TEST(Request, OfAnotherSizeIsTakenAsFarAsItIsKnown) {
    const GroupPointer group = group_of_one();
    struct Larger {
        nc_request request;
        std::uint64_t unknown[2];
    };
    std::int32_t value = 7;
    std::int32_t result = 0;
    Larger larger{request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &result), {}};
    nc_request& request = larger.request;
    const auto run = [&] { return execute(group.get(), request); };

    // What lies behind an older one is not looked at.
    request.size = offsetof(nc_request, tag);
    request.tag = 99;
    EXPECT_EQ(run().status, NC_OK);
    EXPECT_EQ(std::exchange(result, 0), 7);
    request.size = offsetof(nc_request, combine);
    EXPECT_TRUE(contains(run(), "takes no tag")) << "a field of version 4";
    request.tag = 0;
    EXPECT_EQ(run().status, NC_OK);

    request.size = sizeof larger;
    EXPECT_EQ(run().status, NC_OK);
    larger.unknown[1] = 1;
    const Outcome outcome = run();
    EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED);
    EXPECT_TRUE(contains(outcome, "does not know")) << outcome.message();
    const nc_request* all[] = {&request};
    EXPECT_EQ(nc_execute_batch(group.get(), all, 1, nullptr), NC_NOT_SUPPORTED);

    for (const std::uint32_t size :
         {std::uint32_t{0}, std::uint32_t{offsetof(nc_request, tag) - 8}, std::uint32_t{sizeof(nc_request) - 1},
          std::uint32_t{1} << 20, ~std::uint32_t{0}}) {
        request.size = size;
        EXPECT_EQ(run().status, NC_INVALID_ARGUMENT) << size;
    }
}

TEST(Group, IsMadeByOptionsOfANewerHeader) {
    struct Larger {
        nc_group_options options;
        std::uint64_t unknown;
    };
    Larger larger{};
    larger.options.size = sizeof larger;
    nc_group* group = nullptr;
    ASSERT_EQ(create(larger.options, &group).status, NC_OK);
    const GroupPointer owner(group);
    larger.unknown = 1;
    EXPECT_EQ(create(larger.options, &group).status, NC_NOT_SUPPORTED);
    larger.options.size = ~std::uint32_t{7};
    EXPECT_EQ(create(larger.options, &group).status, NC_INVALID_ARGUMENT);
}

TEST(Group, TellsOfItsFaultOnce) {
    LocalRanks ranks(2);
    struct Told {
        std::atomic<int> times{0};
        nc_error error = empty_error();
        static void of(void* context, const nc_error* error) {
            auto* told = static_cast<Told*>(context);
            told->error = *error;
            ++told->times;
        }
    };
    Told before;
    Told after;
    ASSERT_EQ(nc_group_on_fault(ranks[0], Told::of, &before, nullptr), NC_OK);
    EXPECT_EQ(nc_group_on_fault(ranks[0], Told::of, &after, nullptr), NC_INVALID_ARGUMENT) << "a second one";
    EXPECT_EQ(nc_group_on_fault(ranks[0], nullptr, nullptr, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_group_on_fault(nullptr, Told::of, &after, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(before.times, 0);
    nc_group_abort(ranks[0], "enough");
    EXPECT_EQ(before.times, 1);
    EXPECT_STREQ(before.error.message, "the group was aborted: enough");
    nc_group_abort(ranks[0], "again");
    EXPECT_EQ(before.times, 1);
    // The peer's group ends by that; who asks later is told at once.
    EXPECT_TRUE(soon([&] { return status_of(ranks[1]).status != NC_OK; }));
    ASSERT_EQ(nc_group_on_fault(ranks[1], Told::of, &after, nullptr), NC_OK);
    EXPECT_EQ(after.times, 1);
    EXPECT_EQ(after.error.status, NC_PEER_LOST);

    const GroupPointer closed = group_of_one();
    Told of_close;
    ASSERT_EQ(nc_group_on_fault(closed.get(), Told::of, &of_close, nullptr), NC_OK);
    nc_group_close(closed.get());
    EXPECT_EQ(of_close.times, 0);
}

TEST(Group, KnowsWhatRanksAre) {
    LocalRanks ranks(4);
    ranks.each([](int rank, nc_group* group) {
        nc_rank_info info{};
        info.size = sizeof info;
        ASSERT_EQ(nc_group_rank_info(group, 2, &info, nullptr), NC_OK);
        EXPECT_EQ(info.parent_rank, -1);
        EXPECT_EQ(info.local_rank, 2);
        EXPECT_EQ(info.local_size, 4);
        EXPECT_STREQ(info.host_name, "127.0.0.1");
        nc_request split = request_of(NC_SPLIT);
        nc_group* part = nullptr;
        split.new_group = &part;
        split.color = rank % 2;
        split.key = 10 - rank;
        ASSERT_EQ(execute(group, split).status, NC_OK);
        const GroupPointer owner(part);
        for (int i = 0; i < 2; ++i) {
            ASSERT_EQ(nc_group_rank_info(part, i, &info, nullptr), NC_OK);
            EXPECT_EQ(info.parent_rank, rank % 2 + (i == 0 ? 2 : 0));
        }
        EXPECT_EQ(nc_group_rank_info(group, 4, &info, nullptr), NC_INVALID_ARGUMENT);
        EXPECT_EQ(nc_group_rank_info(group, -1, &info, nullptr), NC_INVALID_ARGUMENT);
        EXPECT_EQ(nc_group_rank_info(group, 0, nullptr, nullptr), NC_INVALID_ARGUMENT);
        info.size = 4;
        EXPECT_EQ(nc_group_rank_info(group, 0, &info, nullptr), NC_INVALID_ARGUMENT);
    });
}

// Groups without a device say so of requests that are otherwise right, and stay usable.
TEST(Request, OfDeviceMemoryNeedsADevice) {
    LocalRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        EXPECT_EQ(nc_group_device(group), -1);
        std::int32_t value = 0;
        nc_request request = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
        for (const std::uint32_t flags : {NC_REQUEST_DEVICE, NC_REQUEST_DEVICE | NC_REQUEST_STREAM}) {
            request.flags = flags;
            const Outcome outcome = execute(group, request);
            EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED);
            EXPECT_NE(outcome.message().find("host memory only"), std::string::npos) << outcome.message();
            nc_work* work = nullptr;
            EXPECT_EQ(nc_enqueue(group, &request, nullptr, nullptr, &work, nullptr), NC_NOT_SUPPORTED);
            EXPECT_EQ(work, nullptr);
        }
        EXPECT_EQ(all_sum_works(group).status, NC_OK);
    });
    const GroupPointer alone = group_of_one();
    EXPECT_EQ(nc_group_device(alone.get()), -1);
    std::int32_t value = 0;
    nc_request request = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
    request.flags = NC_REQUEST_DEVICE;
    EXPECT_EQ(execute(alone.get(), request).status, NC_NOT_SUPPORTED);
    EXPECT_EQ(nc_group_device(nullptr), -1);
}

TEST(Backend, WithoutDevicesSaysSo) {
    std::int32_t count = 0;
    void* address = &count;
    Outcome outcome;
    EXPECT_EQ(nc_device_count("ring", &count, &outcome.error), NC_NOT_SUPPORTED);
    EXPECT_NE(outcome.message().find("ring"), std::string::npos) << outcome.message();
    EXPECT_EQ(nc_device_allocate("ring", 0, 1, &address, nullptr), NC_NOT_SUPPORTED);
    EXPECT_EQ(address, nullptr);
    EXPECT_EQ(nc_device_free("ring", 0, &count, nullptr), NC_NOT_SUPPORTED);
    EXPECT_EQ(nc_device_free("ring", 0, nullptr, nullptr), NC_OK);
    EXPECT_EQ(nc_device_copy("ring", 0, &count, &count, 1, NC_HOST_TO_DEVICE, nullptr), NC_NOT_SUPPORTED);
    EXPECT_EQ(nc_device_count("nonesuch", &count, nullptr), NC_BACKEND_UNAVAILABLE);
    EXPECT_EQ(nc_device_count(nullptr, &count, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_device_count("ring", nullptr, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_device_allocate("ring", 0, 1, nullptr, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_device_copy("ring", 0, nullptr, &count, 1, NC_HOST_TO_DEVICE, nullptr), NC_INVALID_ARGUMENT);
    std::uint8_t id[NC_ID_SIZE] = {};
    EXPECT_EQ(nc_backend_create_id("ring", nullptr, 0, id, &outcome.error), NC_NOT_SUPPORTED);
    EXPECT_NE(outcome.message().find("ring"), std::string::npos) << outcome.message();
    EXPECT_EQ(nc_backend_create_id("ring", nullptr, 0, nullptr, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_backend_create_id("ring", nullptr, 1, id, nullptr), NC_INVALID_ARGUMENT);
    EXPECT_EQ(nc_backend_available("ring", nullptr, 1, nullptr), NC_INVALID_ARGUMENT);
}

// A caller that is not C++ may put any number into an enumeration; that must be refused like any other mistake.
TEST(Request, EnumerationsMayHoldAnyNumber) {
    const GroupPointer group = group_of_one();
    std::int32_t value = 0;
    nc_request request = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
    const std::uint32_t wild = 0xdeadbeef;
    std::memcpy(&request.operation, &wild, sizeof wild);
    EXPECT_EQ(execute(group.get(), request).status, NC_INVALID_ARGUMENT);
    request = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
    std::memcpy(&request.data_type, &wild, sizeof wild);
    EXPECT_EQ(execute(group.get(), request).status, NC_INVALID_ARGUMENT);
    request = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
    std::memcpy(&request.reduce_op, &wild, sizeof wild);
    EXPECT_EQ(execute(group.get(), request).status, NC_INVALID_ARGUMENT);
}

TEST(ErrorStruct, IsFilledAsFarAsItsSizeSays) {
    const GroupPointer group = group_of_one();
    const nc_request bad = request_of(NC_SEND);
    nc_error error = empty_error();
    std::memset(error.message, 'x', sizeof error.message);
    error.size = offsetof(nc_error, message) + 8;
    EXPECT_EQ(nc_execute(group.get(), &bad, &error), NC_INVALID_ARGUMENT);
    EXPECT_EQ(error.size, offsetof(nc_error, message) + 8);
    EXPECT_EQ(std::strlen(error.message), 7U);
    EXPECT_EQ(error.message[8], 'x');
    error = empty_error();
    error.size = 0;
    EXPECT_EQ(nc_execute(group.get(), &bad, &error), NC_INVALID_ARGUMENT);
    EXPECT_EQ(error.status, NC_OK) << "written although its size is unknown";
    EXPECT_EQ(nc_execute(group.get(), &bad, nullptr), NC_INVALID_ARGUMENT);
}

TEST(Backend, IsLoadedFromTheFolderOfTheLibrary) {
    Outcome outcome;
    EXPECT_EQ(nc_backend_available("ring", nullptr, 0, &outcome.error), NC_OK) << outcome.message();
}

TEST(Backend, ThatDoesNotExistIsAnErrorThatSaysWhereItWasLookedFor) {
    Outcome outcome;
    EXPECT_EQ(nc_backend_available("nonesuch", nullptr, 0, &outcome.error), NC_BACKEND_UNAVAILABLE);
    EXPECT_NE(outcome.message().find("libnative_collectives_nonesuch"), std::string::npos) << outcome.message();
    const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    EXPECT_NE(outcome.message().find(here.string()), std::string::npos) << outcome.message();
    const nc_setting elsewhere{"backend_directory", "/nowhere/at/all"};
    EXPECT_EQ(nc_backend_available("ring", &elsewhere, 1, &outcome.error), NC_BACKEND_UNAVAILABLE);
    EXPECT_NE(outcome.message().find("/nowhere/at/all/libnative_collectives_ring"), std::string::npos)
        << outcome.message();
    RingOptions ring(0, "");
    ring.options.settings = &elsewhere;
    ring.options.setting_count = 1;
    nc_group* group = nullptr;
    EXPECT_EQ(create(ring.options, &group).status, NC_BACKEND_UNAVAILABLE);
    EXPECT_EQ(nc_backend_available("ring", nullptr, 0, nullptr), NC_OK) << "it holds for the call only";
}

TEST(Backend, NamesAreNotPaths) {
    for (const char* name : {"", "../ring", "Ring", "ring/", "ri ng", "ring.so", "r\xc3\xa4ng"})
        EXPECT_EQ(nc_backend_available(name, nullptr, 0, nullptr), NC_INVALID_ARGUMENT) << name;
}

TEST(Backend, ALibraryThatIsNoneIsRefused) {
    char pattern[] = "/tmp/nc_backend_XXXXXX";
    const std::filesystem::path folder = ::mkdtemp(pattern);
    std::ofstream(folder / "libnative_collectives_garbage.so") << "this is no library";
    // One that can be loaded but is no backend: the core itself.
    const std::filesystem::path core =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libnative_collectives.so";
    std::filesystem::copy(core, folder / "libnative_collectives_core.so");
    {
        const std::string path = folder.string();
        const nc_setting there{"backend_directory", path.c_str()};
        Outcome outcome;
        EXPECT_EQ(nc_backend_available("garbage", &there, 1, &outcome.error), NC_BACKEND_UNAVAILABLE);
        EXPECT_NE(outcome.message().find("garbage.so"), std::string::npos) << outcome.message();
        EXPECT_EQ(nc_backend_available("core", &there, 1, &outcome.error), NC_BACKEND_UNAVAILABLE);
        EXPECT_NE(outcome.message().find("nc_backend_entry"), std::string::npos) << outcome.message();
    }
    std::filesystem::remove_all(folder);
}

TEST(Group, IsMadeAndDestroyedTwoHundredTimesWithoutLeaks) {
    const ReservedPorts ports(4);
    const std::string hosts = hosts_json(ports, 2, 2);
    for (int round = 0; round < 200; ++round) {
        std::atomic<int> working{0};
        on_all_ranks(2, [&](int rank) {
            RingOptions ring(rank, hosts);
            nc_group* group = nullptr;
            const Outcome outcome = create(ring.options, &group);
            ASSERT_EQ(outcome.status, NC_OK) << "round " << round << ": " << outcome.message();
            if (round % 3 == 0) {
                // Also with a worker.
                nc_work* work = nullptr;
                const nc_request request = request_of(NC_BARRIER);
                EXPECT_EQ(nc_enqueue(group, &request, nullptr, nullptr, &work, nullptr), NC_OK);
                EXPECT_EQ(wait_for(work).status, NC_OK);
                nc_work_release(work);
            }
            const Outcome sum = all_sum_works(group);
            EXPECT_EQ(sum.status, NC_OK) << sum.message();
            if (sum.status == NC_OK) ++working;
            nc_group_destroy(group);
        });
        ASSERT_EQ(working, 2) << "round " << round;
    }
}

TEST(Group, ThatCannotBeFormedLeavesNothing) {
    const ReservedPorts ports(2);
    const std::string hosts = hosts_json(ports, 2, 1);
    for (int round = 0; round < 20; ++round) {
        RingOptions ring(0, hosts);
        ring.options.forming_timeout_ms = 20;
        nc_group* group = nullptr;
        const Outcome outcome = create(ring.options, &group);
        EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
        EXPECT_EQ(outcome.error.peer, 1);
        EXPECT_EQ(group, nullptr);
    }
}

TEST(Group, TellsItsProgressToTheLog) {
    const ReservedPorts ports(2);
    const std::string hosts = hosts_json(ports, 2, 1);
    std::vector<std::vector<std::string>> messages(2);
    on_all_ranks(2, [&](int rank) {
        RingOptions ring(rank, hosts);
        ring.options.log = [](void* context, nc_log_level, const char* message) {
            static_cast<std::vector<std::string>*>(context)->push_back(message);
        };
        ring.options.log_context = &messages[static_cast<std::size_t>(rank)];
        nc_group* group = nullptr;
        EXPECT_EQ(create(ring.options, &group).status, NC_OK);
        nc_group_destroy(group);
    });
    for (const auto& of_rank : messages) {
        const bool formed = std::any_of(of_rank.begin(), of_rank.end(), [](const std::string& message) {
            return message.find("formed in") != std::string::npos;
        });
        EXPECT_TRUE(formed);
    }
}

} // namespace NC_FILE
} // namespace nc::test
