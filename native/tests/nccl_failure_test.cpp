// What becomes of a group when NCCL, the driver, a peer or the caller ends it: statuses, words, deadlines, and that
// nothing hangs or is left behind.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "enqueued.h"
#include "local_nccl_ranks.h"

namespace nc::test {
namespace NC_FILE {

class NcclErrors : public NcclTest {};
class NcclDeadlines : public NcclTest {};
class NcclAbort : public NcclTest {};
class NcclFaults : public NcclTest {};

nc_request split_request(nc_group** part, int color = 0) {
    nc_request request = request_of(NC_SPLIT);
    request.color = color;
    request.key = -1;
    request.new_group = part;
    return request;
}

// The ways in which an operation is run.
enum class Way { Host, Device, Stream, Enqueued };
constexpr Way all_ways[] = {Way::Host, Way::Device, Way::Stream, Way::Enqueued};
constexpr const char* way_names[] = {"host", "device", "stream", "enqueued on a stream"};

// One rank's all-sum, in any of the ways.
class Sum {
public:
    explicit Sum(nc_group* group) : group_(group), stream_(group), device_(group, {1, 1}) {}

    // How it ended; of one on a stream that nobody waits for, how the group is once the stream has passed it.
    Outcome run(Way way, std::int64_t timeout_ms = 0) {
        nc_request request = way == Way::Host     ? request_of(NC_ALL_REDUCE, NC_INT32, 2, host_, host_)
                             : way == Way::Device ? device_sum(device_.get(), 2)
                                                  : stream_sum(device_, 2, stream_);
        request.timeout_ms = timeout_ms;
        return run(way, request);
    }
    // The uneven all-gather, which is a group of calls.
    Outcome run_grouped(Way way) {
        static const std::uint64_t counts[] = {2};
        nc_request request = request_of(NC_ALL_GATHER, NC_INT32, 2, host_, host_);
        if (way != Way::Host) request.send_buffer = request.receive_buffer = device_.get();
        request.flags = NC_REQUEST_UNEVEN | (way == Way::Host ? 0 : NC_REQUEST_DEVICE) |
                        (way >= Way::Stream ? NC_REQUEST_STREAM : 0);
        request.receive_counts = counts;
        if (way >= Way::Stream) request.stream = stream_.get();
        return run(way, request);
    }
    bool idle() const { return stream_.idle(); }

private:
    Outcome run(Way way, const nc_request& request) {
        Outcome outcome;
        if (way == Way::Enqueued) {
            nc_work* issued = nullptr;
            outcome.status = nc_enqueue(group_, &request, nullptr, nullptr, &issued, &outcome.error);
            const WorkPointer work(issued);
            return outcome.status == NC_OK ? wait_for(work.get()) : outcome;
        }
        outcome = execute(group_, request);
        if (way != Way::Stream || outcome.status != NC_OK) return outcome;
        // What has failed, and what has not, both are known some time after the call.
        (void)soon([&] { return stream_.idle() || status_of(group_).status != NC_OK; });
        return status_of(group_);
    }

    nc_group* group_;
    CallersStream stream_;
    DeviceInts device_;
    std::int32_t host_[2] = {1, 1};
};

// ---- NCCL's errors --------------------------------------------------------------------------------------------------

struct Code {
    const char* name;
    int number;
    nc_status status;
};
constexpr Code codes[] = {
    {"ncclUnhandledCudaError", 1, NC_LIBRARY_ERROR},
    {"ncclSystemError", 2, NC_LIBRARY_ERROR},
    {"ncclInternalError", 3, NC_LIBRARY_ERROR},
    {"ncclInvalidArgument", 4, NC_LIBRARY_ERROR},
    {"ncclInvalidUsage", 5, NC_LIBRARY_ERROR},
    {"ncclRemoteError", 6, NC_PEER_LOST},
    {"ncclTimeout", 8, NC_TIMEOUT},
};

void expect_failure(const Outcome& outcome, const Code& code, nc_status status) {
    EXPECT_EQ(outcome.status, status) << outcome.message();
    EXPECT_EQ(outcome.error.status, status);
    EXPECT_TRUE(contains(outcome, "the library's own words")) << outcome.message();
    EXPECT_TRUE(contains(outcome, text('(', code.number, ')'))) << outcome.message();
    EXPECT_EQ(outcome.error.sequence, 1U);
    EXPECT_EQ(outcome.error.rank, 0);
    EXPECT_EQ(outcome.error.earlier, 0);
}

void expect_ended(nc_group* group, nc_status status) {
    const Outcome cause = status_of(group);
    EXPECT_EQ(cause.status, status) << cause.message();
    EXPECT_TRUE(contains(cause, "the library's own words")) << cause.message();
    const Outcome next = execute(group, request_of(NC_BARRIER));
    EXPECT_EQ(next.status, status);
    EXPECT_EQ(next.error.earlier, 1);
}

TEST_F(NcclErrors, OfACallEndTheGroupWithTheirWords) {
    for (const Code& code : codes) {
        for (const Way way : all_ways) {
            SCOPED_TRACE(text(code.name, ", ", way_names[static_cast<int>(way)]));
            const GroupPointer group = nccl_group_of_one();
            Sum sum(group.get());
            const FaultsOfNccl fault(text("ncclAllReduce@1=", code.name, "(the library's own words)"));
            const Outcome outcome = sum.run(way);
            EXPECT_TRUE(contains(outcome, "ncclAllReduce: ")) << outcome.message();
            EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
            // What NCCL finds wrong before anything is launched leaves everything as it was.
            if (code.number == 4) {
                expect_failure(outcome, code, NC_INVALID_ARGUMENT);
                EXPECT_EQ(status_of(group.get()).status, NC_OK);
                EXPECT_EQ(sum.run(way).status, NC_OK);
                continue;
            }
            expect_failure(outcome, code, code.status);
            expect_ended(group.get(), code.status);
            EXPECT_TRUE(sum.idle());
        }
    }
}

TEST_F(NcclErrors, OfAGroupOfCallsEndTheGroupToo) {
    for (const Code& code : codes) {
        for (const char* call : {"ncclGroupStart", "ncclBroadcast", "ncclGroupEnd"}) {
            SCOPED_TRACE(text(code.name, " of ", call));
            const GroupPointer group = nccl_group_of_one();
            Sum sum(group.get());
            const FaultsOfNccl fault(text(call, "@1=", code.name, "(the library's own words)"));
            const Outcome outcome = sum.run_grouped(Way::Host);
            EXPECT_EQ(outcome.error.operation, NC_ALL_GATHER);
            EXPECT_EQ(outcome.status, code.number == 4 ? NC_INVALID_ARGUMENT : code.status) << outcome.message();
            EXPECT_TRUE(contains(outcome, text('(', code.number, ')'))) << outcome.message();
            EXPECT_EQ(status_of(group.get()).status, code.number == 4 ? NC_OK : code.status);
            if (code.number != 4) continue;
            const Outcome again = sum.run_grouped(Way::Device);
            EXPECT_EQ(again.status, NC_OK) << again.message();
        }
    }
}

// The group goes on, and so do the buffers: nothing has been written to them.
TEST_F(NcclErrors, ThatAreHarmlessLeaveTheBuffersAsTheyWere) {
    const GroupPointer group = nccl_group_of_one({nccl_2_18, ""});
    const DeviceInts from(group.get(), {1, 2});
    const DeviceInts to(group.get(), {7, 8});
    for (const nc_operation operation : {NC_GATHER, NC_SCATTER, NC_ALL_TO_ALL}) {
        const FaultsOfNccl fault("ncclGroupEnd@1=ncclInvalidArgument", nccl_2_18);
        nc_request request = request_of(operation, NC_INT32, 2, from.get(), to.get());
        request.flags = NC_REQUEST_DEVICE;
        EXPECT_EQ(execute(group.get(), request).status, NC_INVALID_ARGUMENT);
        EXPECT_EQ(to.values(), std::vector<std::int32_t>({7, 8}));
    }
    EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
}

// After the first chunk of an operation the ranks are out of step, whatever it is that is wrong with the next.
TEST_F(NcclErrors, OfALaterChunkEndTheGroup) {
    for (const int chunk : {1, 2, 3, 4}) {
        SCOPED_TRACE(chunk);
        const GroupPointer group = nccl_group_of_one({nccl_2_30, "40"});
        std::vector<std::int32_t> values(37);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
        const std::vector<std::int32_t> given = values;
        const nc_request request = request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data());
        {
            const FaultsOfNccl fault(text("ncclAllReduce@", chunk, "=ncclInvalidArgument(the library's own words)"));
            const Outcome outcome = execute(group.get(), request);
            EXPECT_EQ(outcome.status, chunk == 1 ? NC_INVALID_ARGUMENT : NC_LIBRARY_ERROR) << outcome.message();
            EXPECT_TRUE(contains(outcome, "the library's own words")) << outcome.message();
        }
        if (chunk > 1) {
            expect_ended(group.get(), NC_LIBRARY_ERROR);
            continue;
        }
        // What the operation had copied on its way is in nobody's way.
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(execute(group.get(), request).status, NC_OK);
            EXPECT_EQ(values, given);
        }
    }
}

// Noticed while the call is being done in the background, and while the operation is on the device.
TEST_F(NcclErrors, ThatComeLaterAreNoticed) {
    for (const Code& code : codes) {
        for (const char* when : {"ncclAllReduce@1=later:", "async@1="}) {
            for (const Way way : all_ways) {
                SCOPED_TRACE(text(when, code.name, ", ", way_names[static_cast<int>(way)]));
                const GroupPointer group = nccl_group_of_one();
                Sum sum(group.get());
                const FaultsOfNccl fault(text(when, code.name, "(the library's own words)"));
                const Outcome outcome = sum.run(way);
                EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
                expect_failure(outcome, code, code.status);
                expect_ended(group.get(), code.status);
                EXPECT_TRUE(soon([&] { return sum.idle(); })) << "the stream goes on";
            }
        }
    }
}

TEST_F(NcclErrors, OfABarrierAndOfASplitEndTheGroup) {
    for (const Code& code : codes) {
        SCOPED_TRACE(code.name);
        {
            const GroupPointer group = nccl_group_of_one();
            const FaultsOfNccl fault(text("ncclAllReduce@1=", code.name, "(the library's own words)"));
            const Outcome outcome = execute(group.get(), request_of(NC_BARRIER));
            expect_failure(outcome, code, code.status);
            EXPECT_EQ(outcome.error.operation, NC_BARRIER);
            expect_ended(group.get(), code.status);
        }
        for (const char* when : {"", "later:"}) {
            const GroupPointer group = nccl_group_of_one();
            const FaultsOfNccl fault(text("ncclCommSplit@1=", when, code.name, "(the library's own words)"));
            nc_group* part = nullptr;
            const Outcome outcome = execute(group.get(), split_request(&part));
            expect_failure(outcome, code, code.status);
            EXPECT_EQ(outcome.error.operation, NC_SPLIT);
            EXPECT_TRUE(contains(outcome, "ncclCommSplit")) << outcome.message();
            EXPECT_EQ(part, nullptr);
            expect_ended(group.get(), code.status);
        }
    }
}

TEST_F(NcclErrors, OfFormingAreARendezvousThatFailed) {
    for (const Code& code : codes) {
        for (const char* when :
             {"ncclCommInitRankConfig@1=", "ncclCommInitRankConfig@1=later:", "ncclGetUniqueId@1="}) {
            SCOPED_TRACE(text(when, code.name));
            const FaultsOfNccl fault(text(when, code.name, "(the library's own words)"));
            GroupPointer group;
            const Outcome outcome = NcclOptions(0, 1).create(group);
            EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED) << outcome.message();
            EXPECT_TRUE(contains(outcome, "the library's own words")) << outcome.message();
            EXPECT_TRUE(contains(outcome, text('(', code.number, ')'))) << outcome.message();
            EXPECT_EQ(group, nullptr);
        }
    }
}

// While nothing is under way, too.
TEST_F(NcclErrors, OfAnIdleCommunicatorAreNoticed) {
    LocalNcclRanks ranks(3);
    nc_group_abort(ranks[1], "gone");
    for (const int rank : {0, 2}) {
        EXPECT_TRUE(soon([&] { return status_of(ranks[rank]).status != NC_OK; }));
        const Outcome cause = status_of(ranks[rank]);
        EXPECT_EQ(cause.status, NC_PEER_LOST);
        EXPECT_EQ(cause.error.operation, NC_OPERATION_NONE);
        EXPECT_EQ(cause.error.rank, rank);
        EXPECT_TRUE(contains(cause, "rank 1 is gone")) << "NCCL's own words: " << cause.message();
        const Outcome next = execute(ranks[rank], request_of(NC_BARRIER));
        EXPECT_EQ(next.status, NC_PEER_LOST);
        EXPECT_EQ(next.error.earlier, 1);
    }
}

TEST_F(NcclErrors, ReachTheRanksThatWait) {
    for (const Way way : all_ways) {
        SCOPED_TRACE(way_names[static_cast<int>(way)]);
        LocalNcclRanks ranks(3);
        const FaultsOfNccl fault("rank=1:ncclAllReduce@1=ncclInternalError(the library's own words)");
        ranks.each([&](int rank, nc_group* group) {
            Sum sum(group);
            const Outcome outcome = sum.run(way);
            EXPECT_EQ(outcome.status, rank == 1 ? NC_LIBRARY_ERROR : NC_PEER_LOST) << rank << ": " << outcome.message();
            EXPECT_TRUE(soon([&] { return sum.idle(); }));
        });
    }
}

// One group's failure is nobody else's.
TEST_F(NcclErrors, StayWithTheirGroup) {
    LocalNcclRanks failing(2);
    LocalNcclRanks other(2);
    nc_group_abort(failing[0], nullptr);
    EXPECT_TRUE(soon([&] { return status_of(failing[1]).status == NC_PEER_LOST; }));
    other.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
}

TEST_F(NcclErrors, OfASplitOnOneRankReachTheOthers) {
    for (const char* when : {"", "later:"}) {
        SCOPED_TRACE(when);
        LocalNcclRanks ranks(3);
        const FaultsOfNccl fault(text("rank=1:ncclCommSplit@1=", when, "ncclSystemError(the library's own words)"));
        ranks.each([&](int rank, nc_group* group) {
            nc_group* made = nullptr;
            const Outcome outcome = execute(group, split_request(&made));
            const GroupPointer part(made);
            if (rank == 1) {
                EXPECT_EQ(outcome.status, NC_LIBRARY_ERROR) << outcome.message();
                EXPECT_EQ(part, nullptr);
                return;
            }
            // Whether the others have a part of their own or not, they hear of it.
            EXPECT_TRUE(outcome.status == NC_OK || outcome.status == NC_PEER_LOST) << outcome.message();
            EXPECT_TRUE(part == nullptr || execute(part.get(), request_of(NC_BARRIER)).status == NC_PEER_LOST);
            EXPECT_EQ(execute(group, request_of(NC_BARRIER)).status, NC_PEER_LOST);
        });
    }
}

// ---- deadlines ------------------------------------------------------------------------------------------------------

// A rank whose peer does not come.
TEST_F(NcclDeadlines, OfOperationsAreKept) {
    for (const Way way : all_ways) {
        SCOPED_TRACE(way_names[static_cast<int>(way)]);
        LocalNcclRanks ranks(2);
        Outcome outcome;
        {
            Sum sum(ranks[0]);
            EXPECT_LT(milliseconds_of([&] { outcome = sum.run(way, 80); }), soon_ms);
            EXPECT_TRUE(soon([&] { return sum.idle(); }));
        }
        EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
        EXPECT_TRUE(contains(outcome, "all-reduce did not complete within 80 ms")) << outcome.message();
        EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
        EXPECT_EQ(status_of(ranks[0]).status, NC_TIMEOUT);
        EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST)
            << "it is told, as NCCL has no other way";
    }
}

// Whatever it is in NCCL or on the device that does not end.
TEST_F(NcclDeadlines, AreKeptWhateverHangs) {
    for (const char* rule : {"ncclAllReduce@*=never", "async@*=never"}) {
        for (const Way way : all_ways) {
            SCOPED_TRACE(text(rule, ", ", way_names[static_cast<int>(way)]));
            const GroupPointer group = nccl_group_of_one();
            Sum sum(group.get());
            const FaultsOfNccl fault(rule);
            Outcome outcome;
            EXPECT_LT(milliseconds_of([&] { outcome = sum.run(way, 50); }), soon_ms);
            EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
            EXPECT_TRUE(soon([&] { return sum.idle(); }));
        }
    }
}

// A copy to the device that hangs: the device is beyond help, but the caller is not.
TEST_F(NcclDeadlines, AreKeptWhenTheDeviceDoesNotAnswer) {
    GroupPointer group = nccl_group_of_one();
    Outcome outcome;
    {
        const CudaFaults fault("cuMemcpyHtoDAsync_v2@1=never");
        Sum sum(group.get());
        EXPECT_LT(milliseconds_of([&] { outcome = sum.run(Way::Host, 50); }), soon_ms + 3000);
        EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
    }
    EXPECT_LT(milliseconds_of([&] { group.reset(); }), soon_ms + 3000);
}

TEST_F(NcclDeadlines, OfSplitsAreKept) {
    {
        LocalNcclRanks ranks(2);
        nc_group* part = nullptr;
        nc_request request = split_request(&part);
        request.timeout_ms = 80;
        const Outcome outcome = execute(ranks[0], request);
        EXPECT_EQ(outcome.status, NC_TIMEOUT) << outcome.message();
        EXPECT_TRUE(contains(outcome, "split did not complete within 80 ms")) << outcome.message();
        EXPECT_EQ(part, nullptr);
        EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
    }
    LocalNcclRanks ranks(2);
    const FaultsOfNccl fault("rank=0:ncclCommSplit@1=never");
    ranks.each([](int, nc_group* group) {
        nc_group* made = nullptr;
        nc_request request = split_request(&made);
        request.timeout_ms = 100;
        const Outcome outcome = execute(group, request);
        const GroupPointer part(made);
        EXPECT_TRUE(outcome.status == NC_TIMEOUT || outcome.status == NC_PEER_LOST || outcome.status == NC_OK)
            << outcome.message();
    });
}

TEST_F(NcclDeadlines, OfFormingAreKeptWhateverHangs) {
    const FaultsOfNccl fault("ncclCommInitRankConfig@1=never");
    NcclOptions options(0, 1);
    options.options.forming_timeout_ms = 80;
    GroupPointer group;
    Outcome outcome;
    EXPECT_LT(milliseconds_of([&] { outcome = options.create(group); }), soon_ms);
    EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED) << outcome.message();
    EXPECT_TRUE(contains(outcome, "80 ms")) << outcome.message();
}

struct Messages {
    std::mutex mutex;
    std::vector<std::string> warnings;
    static void write(void* context, nc_log_level level, const char* message) {
        auto& messages = *static_cast<Messages*>(context);
        const std::lock_guard lock(messages.mutex);
        if (level >= NC_LOG_WARNING) messages.warnings.emplace_back(message);
    }
};

// Destroying takes a bounded time whatever NCCL does, and says when it was not in order.
TEST_F(NcclDeadlines, OfLeavingAreKept) {
    for (const char* rule : {"ncclCommFinalize@1=never", "ncclCommFinalize@1=ncclSystemError",
                             "ncclCommFinalize@1=later:ncclRemoteError"}) {
        SCOPED_TRACE(rule);
        Messages messages;
        NcclOptions options(0, 1);
        options.options.log = Messages::write;
        options.options.log_context = &messages;
        GroupPointer group;
        EXPECT_EQ(options.create(group).status, NC_OK);
        EXPECT_EQ(all_sum_works(group.get()).status, NC_OK);
        const FaultsOfNccl fault(rule);
        EXPECT_LT(milliseconds_of([&] { group.reset(); }), soon_ms + 2000);
        ASSERT_EQ(messages.warnings.size(), 1U);
        EXPECT_NE(messages.warnings[0].find("could not be left in order"), std::string::npos) << messages.warnings[0];
    }
}

// ---- aborts ---------------------------------------------------------------------------------------------------------

// An aborted operation never looks like one that has succeeded, whenever the abort comes.
TEST_F(NcclAbort, FromAnotherThreadEndsAnOperation) {
    for (int round = 0; round < 5; ++round) {
        for (const Way way : all_ways) {
            SCOPED_TRACE(text(round, ", ", way_names[static_cast<int>(way)]));
            LocalNcclRanks ranks(2);
            Sum sum(ranks[0]);
            const std::uint64_t before = nccl().nc_double_nccl_calls("ncclAllReduce");
            std::thread aborter([&] {
                EXPECT_TRUE(soon([&] { return nccl().nc_double_nccl_calls("ncclAllReduce") > before; }));
                nc_group_abort(ranks[0], "the user wants no more");
            });
            Outcome outcome;
            EXPECT_LT(milliseconds_of([&] { outcome = sum.run(way); }), soon_ms);
            aborter.join();
            EXPECT_EQ(outcome.status, NC_ABORTED) << outcome.message();
            EXPECT_TRUE(contains(outcome, "wants no more")) << outcome.message();
            EXPECT_TRUE(soon([&] { return sum.idle(); }));
            EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
        }
    }
}

// The abort comes while the device is being asked, which then has nothing to do any more.
TEST_F(NcclAbort, WhileTheDeviceIsAskedIsNoSuccess) {
    for (const Way way : {Way::Host, Way::Device}) {
        SCOPED_TRACE(way_names[static_cast<int>(way)]);
        LocalNcclRanks ranks(2);
        Sum sum(ranks[0]);
        const char* question = way == Way::Host ? "cuEventQuery" : "cuStreamQuery";
        const CudaFaults slow(text(question, "@*=delay:5").c_str());
        const std::uint64_t before = cuda().nc_double_cuda_calls(question);
        std::thread aborter([&] {
            EXPECT_TRUE(soon([&] { return cuda().nc_double_cuda_calls(question) > before + 3; }));
            nc_group_abort(ranks[0], nullptr);
        });
        const Outcome outcome = sum.run(way);
        aborter.join();
        EXPECT_EQ(outcome.status, NC_ABORTED) << outcome.message();
    }
}

// One half has come through when the abort comes.
TEST_F(NcclAbort, InTheMiddleOfManyChunksEndsTheOperation) {
    for (int round = 0; round < 6; ++round) {
        LocalNcclRanks ranks(2, {nccl_2_30, "256"});
        const std::uint64_t before = nccl().nc_double_nccl_calls("ncclAllReduce");
        std::thread aborter([&] {
            EXPECT_TRUE(
                soon([&] { return nccl().nc_double_nccl_calls("ncclAllReduce") > before + 2 + 20 * index(round); }));
            nc_group_abort(ranks[0], "midway");
        });
        ranks.each([](int rank, nc_group* group) {
            std::vector<float> values(200'000, 1.0F);
            const Outcome outcome =
                execute(group, request_of(NC_ALL_REDUCE, NC_FLOAT32, values.size(), values.data(), values.data()));
            EXPECT_EQ(outcome.status, rank == 0 ? NC_ABORTED : NC_PEER_LOST) << outcome.message();
        });
        aborter.join();
    }
}

TEST_F(NcclAbort, FromAnotherThreadEndsASplitAndABarrier) {
    for (const nc_operation operation : {NC_SPLIT, NC_BARRIER}) {
        LocalNcclRanks ranks(2);
        const char* call = operation == NC_SPLIT ? "ncclCommSplit" : "ncclAllReduce";
        const std::uint64_t before = nccl().nc_double_nccl_calls(call);
        std::thread aborter([&] {
            EXPECT_TRUE(soon([&] { return nccl().nc_double_nccl_calls(call) > before; }));
            nc_group_abort(ranks[0], nullptr);
        });
        nc_group* part = nullptr;
        nc_request request = request_of(operation);
        request.new_group = &part;
        Outcome outcome;
        EXPECT_LT(milliseconds_of([&] { outcome = execute(ranks[0], request); }), soon_ms);
        aborter.join();
        EXPECT_EQ(outcome.status, NC_ABORTED) << outcome.message();
        EXPECT_EQ(part, nullptr);
    }
}

TEST_F(NcclAbort, ClosingAndDestroyingFromAnotherThreadEndAnOperation) {
    for (const Way way : all_ways) {
        SCOPED_TRACE(way_names[static_cast<int>(way)]);
        LocalNcclRanks ranks(2);
        Sum sum(ranks[0]);
        const std::uint64_t before = nccl().nc_double_nccl_calls("ncclAllReduce");
        std::thread closer([&] {
            EXPECT_TRUE(soon([&] { return nccl().nc_double_nccl_calls("ncclAllReduce") > before; }));
            nc_group_close(ranks[0]);
        });
        const Outcome outcome = sum.run(way);
        closer.join();
        EXPECT_EQ(outcome.status, NC_CLOSED) << outcome.message();
        EXPECT_TRUE(soon([&] { return sum.idle(); }));
    }
}

TEST_F(NcclAbort, OfAnEnqueuedHostOperationWhenItsGroupIsDestroyed) {
    LocalNcclRanks ranks(2);
    std::int32_t values[2] = {1, 1};
    Journal journal;
    std::vector<WorkPointer> works;
    for (int i = 0; i < 3; ++i)
        works.push_back(
            enqueue(ranks[0], request_of(NC_ALL_REDUCE, NC_INT32, 2, values, values), Journal::write, &journal));
    EXPECT_LT(milliseconds_of([&] { ranks.destroy(0); }), soon_ms);
    EXPECT_EQ(journal.count(), 3U);
    for (const WorkPointer& work : works) EXPECT_EQ(wait_for(work.get(), 0).status, NC_CLOSED);
    EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
}

TEST_F(NcclAbort, MayComeManyTimesFromManyThreads) {
    for (int round = 0; round < 10; ++round) {
        LocalNcclRanks ranks(2);
        on_all_ranks(6, [&](int thread) {
            nc_group* const group = ranks[thread % 2];
            if (thread < 2) {
                for (int i = 0; i < 20; ++i) (void)all_sum_works(group);
            } else if (thread < 4) {
                nc_group_abort(group, "one of many");
            } else {
                while (status_of(group).status == NC_OK) std::this_thread::yield();
                nc_group_close(group);
            }
        });
        for (int rank = 0; rank < 2; ++rank) EXPECT_NE(status_of(ranks[rank]).status, NC_OK);
    }
}

// ---- single faults --------------------------------------------------------------------------------------------------

TEST_F(NcclFaults, MemoryThatRunsOutWhileStagingEndsTheGroup) {
    for (const char* call : {"cuMemAlloc_v2", "cuMemHostAlloc"}) {
        SCOPED_TRACE(call);
        LocalNcclRanks ranks(2);
        const CudaFaults fault(text(call, "@1=CUDA_ERROR_OUT_OF_MEMORY").c_str());
        std::atomic<int> without_memory{0};
        ranks.each([&](int, nc_group* group) {
            std::int32_t values[2] = {1, 1};
            const Outcome outcome = execute(group, request_of(NC_ALL_REDUCE, NC_INT32, 2, values, values));
            if (outcome.status == NC_OUT_OF_MEMORY) {
                ++without_memory;
                EXPECT_TRUE(contains(outcome, "CUDA_ERROR_OUT_OF_MEMORY")) << outcome.message();
                EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
            } else {
                EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
            }
            EXPECT_NE(status_of(group).status, NC_OK);
        });
        EXPECT_EQ(without_memory, 1);
    }
}

// Memory for a later chunk, when others are under way.
TEST_F(NcclFaults, MemoryThatRunsOutBetweenChunksEndsTheGroup) {
    for (int at = 1; at <= 6; ++at) {
        for (const char* call : {"cuMemAlloc_v2", "cuMemHostAlloc"}) {
            SCOPED_TRACE(text(call, ' ', at));
            const GroupPointer group = nccl_group_of_one({nccl_2_30, "1000000"});
            std::vector<std::byte> values(3'000'000);
            const CudaFaults fault(text(call, '@', at, "=CUDA_ERROR_OUT_OF_MEMORY").c_str());
            const Outcome outcome =
                execute(group.get(), request_of(NC_ALL_GATHER, NC_UINT8, values.size(), values.data(), values.data()));
            EXPECT_TRUE(outcome.status == NC_OUT_OF_MEMORY || outcome.status == NC_OK) << outcome.message();
            EXPECT_TRUE(outcome.status == NC_OUT_OF_MEMORY || at > 2) << "there are so many allocations at least";
        }
    }
}

TEST_F(NcclFaults, AStreamThatCannotBeMadeEndsForming) {
    const std::string id = new_id();
    const CudaFaults fault("cuStreamCreate@1=CUDA_ERROR_UNKNOWN");
    std::atomic<int> without_stream{0};
    on_all_ranks(2, [&](int rank) {
        NcclOptions options(rank, 2);
        GroupPointer group;
        const Outcome outcome = options.set("id", id).create(group);
        if (outcome.status == NC_OK || outcome.status == NC_RENDEZVOUS_FAILED) {
            // The other rank has a group without a peer, or has none.
            EXPECT_EQ(group == nullptr, outcome.status != NC_OK);
            EXPECT_TRUE(group == nullptr || execute(group.get(), request_of(NC_BARRIER)).status == NC_PEER_LOST);
            return;
        }
        ++without_stream;
        EXPECT_EQ(outcome.status, NC_LIBRARY_ERROR);
        EXPECT_TRUE(contains(outcome, "cuStreamCreate: CUDA_ERROR_UNKNOWN")) << outcome.message();
        EXPECT_EQ(group, nullptr);
    });
    EXPECT_EQ(without_stream, 1);
}

TEST_F(NcclFaults, AnEventThatCannotBeRecordedEndsTheOperation) {
    for (const Way way : {Way::Host, Way::Stream, Way::Enqueued}) {
        SCOPED_TRACE(way_names[static_cast<int>(way)]);
        const GroupPointer group = nccl_group_of_one();
        Sum sum(group.get());
        const CudaFaults fault("cuEventRecord@1=CUDA_ERROR_LAUNCH_FAILED");
        const Outcome outcome = sum.run(way);
        EXPECT_EQ(outcome.status, NC_LIBRARY_ERROR) << outcome.message();
        EXPECT_TRUE(contains(outcome, "cuEventRecord: CUDA_ERROR_LAUNCH_FAILED")) << outcome.message();
        EXPECT_TRUE(sum.idle()) << "the operation is off the stream";
    }
}

TEST_F(NcclFaults, ADeviceThatFailsIsNoticedByTheWatchingThread) {
    LocalNcclRanks ranks(2);
    const CallersStream stream(ranks[0]);
    const DeviceInts values(ranks[0], {1});
    const WorkPointer work = enqueue(ranks[0], stream_sum(values, 1, stream));
    const CudaFaults fault("cuEventQuery@1=CUDA_ERROR_ILLEGAL_ADDRESS");
    const Outcome outcome = wait_for(work.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_LIBRARY_ERROR) << outcome.message();
    EXPECT_TRUE(contains(outcome, "CUDA_ERROR_ILLEGAL_ADDRESS")) << outcome.message();
    EXPECT_EQ(status_of(ranks[0]).status, NC_LIBRARY_ERROR);
}

TEST_F(NcclFaults, AWatchingThreadWithoutAContextEndsTheGroup) {
    // The first is the one that forms the group.
    const CudaFaults fault("cuCtxPushCurrent_v2@2=CUDA_ERROR_UNKNOWN");
    GroupPointer group;
    EXPECT_EQ(NcclOptions(0, 1).create(group).status, NC_OK);
    EXPECT_TRUE(soon([&] { return status_of(group.get()).status != NC_OK; }));
    EXPECT_EQ(status_of(group.get()).status, NC_LIBRARY_ERROR);
    EXPECT_TRUE(contains(status_of(group.get()), "cuCtxPushCurrent")) << status_of(group.get()).message();
    EXPECT_EQ(execute(group.get(), request_of(NC_BARRIER)).status, NC_LIBRARY_ERROR);
}

// Every call that is made in a group's life fails once, each in a life of its own: nothing hangs, nothing crashes,
// nothing is left, and nobody is told of success where there was none.
void live(const DeviceInts& values, const CallersStream& stream) {
    Outcome first;
    const auto expect = [&](const Outcome& outcome) {
        EXPECT_TRUE(outcome.status == NC_OK || first.status == NC_OK || outcome.error.earlier == 1)
            << "the second failure: " << outcome.message();
        EXPECT_TRUE(outcome.status == NC_OK || !outcome.message().empty());
        if (first.status == NC_OK) first = outcome;
        return outcome.status == NC_OK;
    };
    GroupPointer group;
    NcclOptions options(0, 1);
    if (options.set("staging_bytes", "64").create(group).status != NC_OK) return;
    std::vector<std::int32_t> host(40, 3);
    const bool summed =
        expect(execute(group.get(), request_of(NC_ALL_REDUCE, NC_INT32, host.size(), host.data(), host.data())));
    EXPECT_TRUE(!summed || host == std::vector<std::int32_t>(40, 3));
    (void)expect(execute(group.get(), device_sum(values.get(), 1)));
    nc_work* issued = nullptr;
    Outcome outcome;
    const nc_request on_stream = stream_sum(values, 1, stream);
    outcome.status = nc_enqueue(group.get(), &on_stream, nullptr, nullptr, &issued, &outcome.error);
    const WorkPointer work(issued);
    if (outcome.status == NC_OK) outcome = wait_for(work.get());
    (void)expect(outcome);
    nc_group* part = nullptr;
    if (expect(execute(group.get(), split_request(&part)))) {
        EXPECT_NE(part, nullptr);
        (void)execute(part, request_of(NC_BARRIER));
    }
    nc_group_destroy(part);
    (void)expect(execute(group.get(), on_stream));
    (void)expect(execute(group.get(), request_of(NC_BARRIER)));
}

TEST_F(NcclFaults, OfEveryCallOfTheDriverAreSurvived) {
    const GroupPointer owner = nccl_group_of_one();
    const CallersStream stream(owner.get());
    const DeviceInts values(owner.get(), {1});
    std::size_t faults = 0;
    for (const char* call :
         {"cuDeviceGet", "cuDeviceGetName", "cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2", "cuStreamCreate",
          "cuStreamQuery", "cuStreamWaitEvent", "cuEventCreate", "cuEventRecord", "cuEventQuery", "cuMemAlloc_v2",
          "cuMemHostAlloc", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuPointerGetAttribute"}) {
        const std::uint64_t before = cuda().nc_double_cuda_calls(call);
        live(values, stream);
        const std::uint64_t made = cuda().nc_double_cuda_calls(call) - before;
        EXPECT_GT(made, 0U) << call;
        // Of many alike, the first ones are enough.
        for (std::uint64_t at = 1; at <= std::min<std::uint64_t>(made, 8); ++at, ++faults) {
            SCOPED_TRACE(text("the call of ", call, " number ", at));
            std::int64_t took = 0;
            {
                const CudaFaults fault(text(call, '@', at, "=CUDA_ERROR_LAUNCH_FAILED").c_str());
                took = milliseconds_of([&] { live(values, stream); });
            }
            EXPECT_LT(took, soon_ms);
        }
    }
    EXPECT_GT(faults, 50U);
}

TEST_F(NcclFaults, OfEveryCallOfNcclAreSurvived) {
    const GroupPointer owner = nccl_group_of_one();
    const CallersStream stream(owner.get());
    const DeviceInts values(owner.get(), {1});
    for (const char* call : {"ncclGetUniqueId", "ncclCommInitRankConfig", "ncclCommGetAsyncError", "ncclCommUserRank",
                             "ncclCommCount", "ncclAllReduce", "ncclCommSplit", "ncclCommFinalize"}) {
        const std::uint64_t before = nccl().nc_double_nccl_calls(call);
        live(values, stream);
        const std::uint64_t made = nccl().nc_double_nccl_calls(call) - before;
        EXPECT_GT(made, 0U) << call;
        for (std::uint64_t at = 1; at <= std::min<std::uint64_t>(made, 8); ++at) {
            for (const char* action : {"ncclInternalError", "later:ncclSystemError", "ncclInvalidArgument"}) {
                SCOPED_TRACE(text("the call of ", call, " number ", at, ": ", action));
                std::int64_t took = 0;
                {
                    const FaultsOfNccl fault(text(call, '@', at, '=', action));
                    took = milliseconds_of([&] { live(values, stream); });
                }
                EXPECT_LT(took, soon_ms);
            }
        }
    }
}

} // namespace NC_FILE
} // namespace nc::test
