// What outside trials found in nccl, case by case: splits in which a rank lacks something, and the threads of a group.
#include <atomic>

#include "local_nccl_ranks.h"
#include "thread_signals.h"

namespace nc::test {
namespace NC_FILE {

class NcclSplitTrial : public NcclTest {};
class NcclProcessTrial : public NcclTest {};

struct Split {
    Outcome outcome;
    GroupPointer part;
};

Split split(nc_group* group, int color = 0) {
    nc_group* part = nullptr;
    nc_request request = request_of(NC_SPLIT);
    request.color = color;
    request.key = -1;
    request.new_group = &part;
    Split result;
    result.outcome = execute(group, request);
    result.part.reset(part);
    return result;
}

// NCCL has split its communicator everywhere, but one rank has no stream, event or memory for its part: all ranks of
// the part know, and the group they are split from goes on.
TEST_F(NcclSplitTrial, InWhichARankLacksSomethingLeavesTheGroupUsable) {
    for (const char* fault : {"cuStreamCreate@1=CUDA_ERROR_OUT_OF_MEMORY", "cuStreamCreate@3=CUDA_ERROR_OUT_OF_MEMORY",
                              "cuEventCreate@2=CUDA_ERROR_OUT_OF_MEMORY", "cuMemAlloc_v2@2=CUDA_ERROR_OUT_OF_MEMORY"}) {
        SCOPED_TRACE(fault);
        LocalNcclRanks ranks(3);
        // What the agreement needs is there.
        ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
        std::atomic<int> named{0};
        {
            const CudaFaults faults(fault);
            ranks.each([&](int, nc_group* group) {
                const Split result = split(group);
                EXPECT_EQ(result.outcome.status, NC_RENDEZVOUS_FAILED) << result.outcome.message();
                EXPECT_EQ(result.part, nullptr);
                if (contains(result.outcome, "OUT_OF_MEMORY")) {
                    ++named;
                } else {
                    EXPECT_TRUE(contains(result.outcome, "could not join its part")) << result.outcome.message();
                }
            });
        }
        EXPECT_EQ(named.load(), 1);
        ranks.each([](int, nc_group* group) {
            EXPECT_EQ(status_of(group).status, NC_OK) << status_of(group).message();
            EXPECT_EQ(all_sum_works(group).status, NC_OK);
            const Split again = split(group);
            EXPECT_EQ(again.outcome.status, NC_OK) << again.outcome.message();
            EXPECT_EQ(all_sum_works(again.part.get()).status, NC_OK);
        });
    }
}

// Ranks of other colors have their parts.
TEST_F(NcclSplitTrial, FailsForThePartThatLacksSomethingOnly) {
    LocalNcclRanks ranks(4);
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
    std::vector<Split> splits(4);
    {
        const CudaFaults faults("cuStreamCreate@1=CUDA_ERROR_OUT_OF_MEMORY");
        // One of them, whichever comes first.
        constexpr int colors[] = {0, 1, 0, -1};
        ranks.each(
            [&](int rank, nc_group* group) { splits[static_cast<std::size_t>(rank)] = split(group, colors[rank]); });
    }
    EXPECT_EQ(splits[3].outcome.status, NC_OK) << splits[3].outcome.message();
    EXPECT_EQ(splits[0].outcome.status, splits[2].outcome.status);
    EXPECT_NE(splits[0].outcome.status == NC_OK, splits[1].outcome.status == NC_OK);
    for (const Split& one : splits) {
        EXPECT_TRUE(one.outcome.status == NC_OK || one.outcome.status == NC_RENDEZVOUS_FAILED) << one.outcome.message();
        EXPECT_EQ(one.part != nullptr, one.outcome.status == NC_OK && &one != &splits[3]);
    }
    if (splits[1].part != nullptr) {
        EXPECT_EQ(all_sum_works(splits[1].part.get()).status, NC_OK);
    }
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
}

// What NCCL cannot prove harmless ends the group for all.
TEST_F(NcclSplitTrial, ThatNcclFailsToDoEndsTheGroup) {
    for (const char* rule : {"rank=1:ncclCommSplit@1=ncclInvalidArgument", "rank=1:ncclCommSplit@1=ncclSystemError",
                             "rank=1:ncclCommSplit@1=later:ncclSystemError"}) {
        SCOPED_TRACE(rule);
        LocalNcclRanks ranks(3);
        const FaultsOfNccl faults(rule);
        ranks.each([&](int rank, nc_group* group) {
            const Split result = split(group);
            EXPECT_TRUE(result.outcome.status == NC_LIBRARY_ERROR || result.outcome.status == NC_PEER_LOST)
                << result.outcome.message();
            if (rank == 1) {
                EXPECT_EQ(result.outcome.status, NC_LIBRARY_ERROR) << result.outcome.message();
            }
            EXPECT_EQ(result.part, nullptr);
            EXPECT_NE(status_of(group).status, NC_OK);
        });
    }
}

TEST_F(NcclProcessTrial, HasThreadsWithNamesThatTakeNoSignals) {
    LocalNcclRanks ranks(2);
    expect_threads_without_signals("nc nccl watch", 2);
}

} // namespace NC_FILE
} // namespace nc::test
