// What outside trials found in jaccl, case by case: splits that fail or lack something, ports of RoCE, MLX's all-gather
// in a ring, and what a group has of the process.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "jaccl/destination.h"
#include "jaccl/frame_buffers.h"
#include "local_jaccl_ranks.h"
#include "operation_cases.h"
#include "softverbs/opened.h"
#include "thread_signals.h"

namespace nc::test {
namespace NC_FILE {

class JacclSplit : public JacclTest {};
class JacclPorts : public JacclTest {};
class JacclBesideMlx : public JacclTest {};
class JacclProcess : public JacclTest {};

void expect_words(const Outcome& outcome, std::initializer_list<std::string> words) {
    for (const std::string& word : words)
        EXPECT_TRUE(contains(outcome, word)) << '"' << word << "\" is missing in: " << outcome.message();
}

struct Split {
    Outcome outcome;
    GroupPointer part;
};

Split split(nc_group* group, int color = 0, std::int64_t timeout_ms = 0) {
    nc_group* part = nullptr;
    nc_request request = request_of(NC_SPLIT);
    request.color = color;
    request.key = -1;
    request.new_group = &part;
    request.timeout_ms = timeout_ms;
    Split result;
    result.outcome = execute(group, request);
    result.part.reset(part);
    return result;
}

void expect_usable(FormedRanks& ranks) {
    ranks.each([](int, nc_group* group) {
        EXPECT_EQ(status_of(group).status, NC_OK) << status_of(group).message();
        const Outcome outcome = all_sum_works(group);
        EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    });
}

// ---- Splits ---------------------------------------------------------------------------------------------------------

// The messages of a split go over the group itself where a side channel of the program's joined it. When they stop in
// the middle, the group is over: they are under way, and the next operation would take them for its own.
TEST_F(JacclSplit, ThatStallsOverTheGroupItselfEndsTheGroup) {
    for (const int first_lost : {1, 5, 9, 13, 29}) {
        SCOPED_TRACE(first_lost);
        Meeting meeting(3);
        JacclSetup setup;
        setup.settings = {{"queue_pairs", "uc"}};
        setup.meeting = &meeting;
        LocalJacclRanks ranks(mesh_of(3), setup);
        const FaultsOfVerbs faults(text("device=r2:link@", first_lost, "=down"));
        ranks.each([&](int, nc_group* group) {
            const Split result = split(group, 0, 300 * slowness);
            EXPECT_EQ(result.outcome.status, NC_TIMEOUT) << result.outcome.message();
            EXPECT_EQ(result.part, nullptr);
            EXPECT_EQ(status_of(group).status, NC_TIMEOUT);
            const Outcome later = all_sum_works(group);
            EXPECT_EQ(later.status, NC_TIMEOUT);
            EXPECT_EQ(later.error.earlier, 1);
        });
    }
}

// The same where ranks meet over TCP: only the agreement goes over the group.
TEST_F(JacclSplit, ThatStallsInItsAgreementEndsTheGroup) {
    JacclSetup setup;
    setup.settings = {{"queue_pairs", "uc"}};
    LocalJacclRanks ranks(mesh_of(3), setup);
    const FaultsOfVerbs faults("device=r2:link@9=down");
    std::atomic<int> late{0};
    ranks.each([&](int, nc_group* group) {
        const Split result = split(group, 0, 600 * slowness);
        EXPECT_TRUE(result.outcome.status == NC_TIMEOUT || result.outcome.status == NC_PEER_LOST)
            << result.outcome.message();
        EXPECT_EQ(status_of(group).status, result.outcome.status);
        EXPECT_EQ(result.part, nullptr);
        if (result.outcome.status == NC_TIMEOUT) ++late;
    });
    EXPECT_GE(late.load(), 1);
}

// One part cannot be formed: its members all know, the others have theirs, and all have the group.
TEST_F(JacclSplit, FailsForThePartThatCannotBeFormedOnly) {
    constexpr int colors[] = {0, 1, 0, 1, -1};
    for (const bool over_meeting : {false, true}) {
        for (const char* rules :
             {"device=r2:open_device=EBUSY", "device=r0:modify_qp:RTR=ENOMEM", "device=r2:create_qp=EMFILE"}) {
            SCOPED_TRACE(text(rules, over_meeting ? ", met by the program's side channel" : ""));
            Meeting meeting(5);
            JacclSetup setup;
            if (over_meeting) setup.meeting = &meeting;
            LocalJacclRanks ranks(mesh_of(5), setup);
            {
                const FaultsOfVerbs faults(rules);
                ranks.each([&](int rank, nc_group* group) {
                    Split result = split(group, colors[rank]);
                    EXPECT_EQ(result.outcome.status, colors[rank] == 0 ? NC_RENDEZVOUS_FAILED : NC_OK)
                        << rank << ": " << result.outcome.message();
                    EXPECT_EQ(result.part != nullptr, colors[rank] == 1);
                    if (result.part == nullptr) return;
                    EXPECT_EQ(nc_group_size(result.part.get()), 2);
                    EXPECT_EQ(all_sum_works(result.part.get()).status, NC_OK);
                });
            }
            expect_usable(ranks);
        }
    }
}

// A part for which there are no cables, beside one for which there are.
TEST_F(JacclSplit, WithoutCablesIsNotSupportedAndLeavesTheGroupUsable) {
    for (const bool over_meeting : {false, true}) {
        Meeting meeting(4);
        JacclSetup setup;
        if (over_meeting) setup.meeting = &meeting;
        LocalJacclRanks ranks(ring_of(4), setup);
        ranks.each([&](int rank, nc_group* group) {
            const Split result = split(group, rank % 2);
            EXPECT_EQ(result.outcome.status, NC_NOT_SUPPORTED) << result.outcome.message();
        });
        expect_usable(ranks);
        ranks.each([&](int rank, nc_group* group) {
            const Split result = split(group, rank / 2);
            EXPECT_EQ(result.outcome.status, NC_OK) << result.outcome.message();
        });
        expect_usable(ranks);
    }
}

// ---- Descriptors ----------------------------------------------------------------------------------------------------

// The limit under which this process can open so many more.
rlim_t limit_for(rlim_t more) {
    rlim_t limit = 0;
    for (rlim_t free = 0; free < more; ++limit) {
        if (::fcntl(static_cast<int>(limit), F_GETFD) < 0) ++free;
    }
    // poll takes no more entries than that.
    return std::max<rlim_t>(limit, 24);
}

class DescriptorLimit {
public:
    explicit DescriptorLimit(rlim_t more) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit lower = before_;
        lower.rlim_cur = std::min<rlim_t>(limit_for(more), before_.rlim_cur);
        ::setrlimit(RLIMIT_NOFILE, &lower);
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

// In a process of its own: each descriptor that a split needs is the one that is missing, once. Ends with 0 if all was
// well.
[[noreturn]] void split_with_ever_more_descriptors(bool over_meeting) {
    int code = 0;
    {
        verbs().softverbs_set_devices("r0,r1,r2");
        Meeting meeting(3);
        JacclSetup setup;
        if (over_meeting) setup.meeting = &meeting;
        LocalJacclRanks ranks(mesh_of(3), setup);
        bool is_named = false;
        bool enough = false;
        for (rlim_t more = 0; more < 200 && !enough; ++more) {
            std::vector<Split> splits(3);
            {
                const DescriptorLimit limit(more);
                ranks.each([&](int rank, nc_group* group) { splits[static_cast<std::size_t>(rank)] = split(group); });
                // What has failed is over, and the group needs no descriptor to go on.
                ranks.each([&](int, nc_group* group) {
                    if (all_sum_works(group).status != NC_OK) code = 2;
                });
            }
            enough = splits[0].outcome.status == NC_OK;
            for (const Split& one : splits) {
                const nc_status expected = enough ? NC_OK : NC_RENDEZVOUS_FAILED;
                is_named = is_named || one.outcome.error.system_error == EMFILE;
                if (one.outcome.status == expected) continue;
                std::fprintf(stderr, "%d more descriptors: status %d: %s\n", static_cast<int>(more), one.outcome.status,
                             one.outcome.message().c_str());
                code = 3;
            }
        }
        if (!enough || !is_named) code = 4;
    }
    std::_Exit(code);
}

[[noreturn]] void form_with_ever_more_descriptors() {
    verbs().softverbs_set_devices("r0,r1,r2");
    int code = 0;
    {
        // The library is loaded, and stays so.
        const Formation first(mesh_of(3));
    }
    bool is_named = false;
    bool enough = false;
    for (rlim_t more = 2; more < 200 && !enough; ++more) {
        std::unique_ptr<Formation> formation;
        {
            const DescriptorLimit limit(more);
            formation = std::make_unique<Formation>(
                mesh_of(3), [](int, JacclOptions& options) { options.options.forming_timeout_ms = soon_ms; });
        }
        enough = true;
        for (const Outcome& outcome : formation->outcomes) {
            enough = enough && outcome.status == NC_OK;
            is_named = is_named || outcome.error.system_error == EMFILE;
            // A device list is not even to be had.
            if (outcome.status == NC_OK || outcome.status == NC_RENDEZVOUS_FAILED ||
                outcome.status == NC_BACKEND_UNAVAILABLE)
                continue;
            std::fprintf(stderr, "%d more descriptors: status %d: %s\n", static_cast<int>(more), outcome.status,
                         outcome.message().c_str());
            code = 3;
        }
    }
    std::_Exit(enough && is_named ? code : 4);
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool needs_descriptors = true;
#else
constexpr bool needs_descriptors = false;
#endif
constexpr const char* why_not =
    "UndefinedBehaviorSanitizer asks the system by a pipe what may be read: without "
    "descriptors it reports what is right";

TEST_F(JacclSplit, WithoutDescriptorsIsARendezvousThatFailed) {
    if (needs_descriptors) GTEST_SKIP() << why_not;
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(split_with_ever_more_descriptors(false), ::testing::ExitedWithCode(0), "");
    EXPECT_EXIT(split_with_ever_more_descriptors(true), ::testing::ExitedWithCode(0), "");
}

TEST_F(JacclProcess, WithoutDescriptorsFormingIsARendezvousThatFailed) {
    if (needs_descriptors) GTEST_SKIP() << why_not;
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(form_with_ever_more_descriptors(), ::testing::ExitedWithCode(0), "");
}

// ---- What a group has of the process --------------------------------------------------------------------------------

std::set<int> descriptors() {
    std::set<int> open;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        open.insert(std::stoi(entry.path().filename().string()));
    return open;
}

TEST_F(JacclProcess, HasNoDescriptorThatAStartedProgramInherits) {
    const std::set<int> before = descriptors();
    LocalJacclRanks ranks(mesh_of(3));
    const Split part = [&] {
        std::vector<Split> splits(3);
        ranks.each([&](int rank, nc_group* group) { splits[static_cast<std::size_t>(rank)] = split(group); });
        return std::move(splits[0]);
    }();
    int seen = 0;
    for (const int descriptor : descriptors()) {
        if (before.contains(descriptor)) continue;
        const int flags = ::fcntl(descriptor, F_GETFD);
        if (flags < 0) continue; // the directory's
        ++seen;
        std::error_code error;
        const auto target = std::filesystem::read_symlink(text("/proc/self/fd/", descriptor), error);
        // The ports that the tests keep for themselves are no concern of the group's.
        EXPECT_NE(flags & FD_CLOEXEC, 0) << descriptor << ": " << target;
    }
    EXPECT_GT(seen, 10);
}

TEST_F(JacclProcess, HasThreadsWithNamesThatTakeNoSignals) {
    LocalJacclRanks ranks(mesh_of(3));
    expect_threads_without_signals("nc jaccl watch", 3);
}

// The pages a device writes to stay those that this process sees, also after a fork.
TEST_F(JacclProcess, HasFramesThatAForkDoesNotCopy) {
    const jaccl::FrameBuffers buffers(2, jaccl::FramePolicy::Small);
    const auto address = reinterpret_cast<std::uintptr_t>(buffers.data());
    std::ifstream maps("/proc/self/smaps");
    bool is_inside = false;
    bool is_found = false;
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) is_inside = begin <= address && address < end;
        if (!is_inside || !line.starts_with("VmFlags:")) continue;
        is_found = true;
        EXPECT_NE((line + ' ').find(" dc "), std::string::npos) << line;
    }
    if (!is_found) GTEST_SKIP() << "this kernel does not tell the flags of memory";
}

// ---- Ports ----------------------------------------------------------------------------------------------------------

// What the provider recorded of each queue pair that got ready to receive: "device:member=number".
class Recorded {
public:
    Recorded() { EXPECT_EQ(verbs().softverbs_set_record(path_.c_str()), 0); }
    ~Recorded() {
        (void)verbs().softverbs_set_record(nullptr);
        std::filesystem::remove(path_);
    }
    Recorded(const Recorded&) = delete;
    Recorded& operator=(const Recorded&) = delete;

    // Of the queue pairs of that device, in the order of their creation.
    std::vector<int> ready(const std::string& device, const std::string& member) const {
        std::vector<int> values;
        std::ifstream file(path_);
        for (std::string line; std::getline(file, line);) {
            if (line.find("\"RTR\"") == std::string::npos ||
                line.find("\"device\":\"" + device + '"') == std::string::npos)
                continue;
            const std::size_t at = line.find('"' + member + "\":");
            if (at != std::string::npos) values.push_back(std::atoi(line.c_str() + at + member.size() + 3));
        }
        return values;
    }

private:
    const std::string path_ = (std::filesystem::temp_directory_path() / text("nc-record-", ::getpid())).string();
};

TEST_F(JacclPorts, UseRoceV2WhereThereIsIt) {
    const struct {
        const char* faults;
        int index;
    } tables[] = {
        {"", 1},
        {"mapped_gid_v1=2", 1},
        {"mapped_gid_v1=1;mapped_gid=2", 2},
        {"mapped_gid_v1=0;mapped_gid=7", 7},
        {"mapped_gid_v1=3;mapped_gid=none", 3},
        // A library that does not tell types, or cannot: the first, as MLX.
        {"mapped_gid_v1=1;mapped_gid=2;query_gid_ex=EOPNOTSUPP", 1},
    };
    for (const auto& [rules, index] : tables) {
        SCOPED_TRACE(rules);
        const FaultsOfVerbs faults(rules);
        const Recorded record;
        LocalJacclRanks ranks(mesh_of(3));
        expect_usable(ranks);
        EXPECT_EQ(record.ready("r0", "sgid_index"), std::vector<int>({index, index}));
        // There may be routers between ranks of ours.
        EXPECT_EQ(record.ready("r0", "hop_limit"), std::vector<int>({64, 64}));
    }
}

TEST_F(JacclPorts, UseTheGidThatIsAskedFor) {
    const FaultsOfVerbs faults("mapped_gid_v1=1;mapped_gid=2");
    for (const char* index : {"0", "1", "2"}) {
        const Recorded record;
        LocalJacclRanks ranks(ring_of(2), {{{"gid_index", index}}});
        expect_usable(ranks);
        EXPECT_EQ(record.ready("r0R0", "sgid_index"), std::vector<int>({std::atoi(index), std::atoi(index)}));
    }
    for (const char* index : {"3", "8", "255"}) {
        const Formation formation(mesh_of(2), [&](int rank, JacclOptions& options) {
            if (rank == 1) options.set("gid_index", index);
        });
        EXPECT_EQ(formation.outcomes[1].status, NC_RENDEZVOUS_FAILED);
        expect_words(formation.outcomes[1], {"r1", text("no GID at index ", index), "gid_index", "8"});
    }
}

// Each would send packets that the other's port does not know.
TEST_F(JacclPorts, OfDifferentVersionsOfRoceAreToldApart) {
    const FaultsOfVerbs faults("mapped_gid_v1=1;mapped_gid=2");
    const Formation formation(mesh_of(2), [](int rank, JacclOptions& options) {
        if (rank == 1) options.set("gid_index", "1");
    });
    EXPECT_EQ(formation.outcomes[0].status, NC_RENDEZVOUS_FAILED);
    expect_words(formation.outcomes[0], {"device r0", "RoCE v2", "rank 1", "RoCE v1", "gid_index"});
    EXPECT_EQ(formation.outcomes[1].status, NC_RENDEZVOUS_FAILED);
}

TEST_F(JacclPorts, UseTheLargestMtuThatBothHave) {
    for (const char* link_layer : {"ethernet", "infiniband"}) {
        ASSERT_EQ(verbs().softverbs_set_link_layer(link_layer), 0);
        const FaultsOfVerbs faults("device=r1:active_mtu=1024;device=r2:active_mtu=2048");
        const Recorded record;
        LocalJacclRanks ranks(mesh_of(4));
        expect_usable(ranks);
        EXPECT_EQ(record.ready("r0", "path_mtu"), std::vector<int>({3, 4, 5}));
        EXPECT_EQ(record.ready("r1", "path_mtu"), std::vector<int>({3, 3, 3}));
        EXPECT_EQ(record.ready("r2", "path_mtu"), std::vector<int>({4, 3, 4}));
    }
}

TEST(JacclMark, TellsOfThePort) {
    using namespace jaccl;
    const Mark mark = mark_of(Topology::Ring, FramePolicy::Small, QueuePairType::Reliable);
    // An older rank of ours, one of MLX, and one that tells nonsense.
    for (const Mark& other : {mark, Mark{{1, 2}, 3, 0xff}, Mark{{'N', 'C'}, 1, 0xff}}) {
        EXPECT_EQ(port_of(other).path_mtu, verbs::mtu_1024);
        EXPECT_EQ(port_of(other).gid_type, GidType::Unknown);
    }
    for (int mtu = verbs::mtu_256; mtu <= verbs::mtu_4096; ++mtu) {
        for (const GidType type : {GidType::Unknown, GidType::RoceV1, GidType::RoceV2}) {
            const Mark told = with_port(mark, {mtu, type});
            EXPECT_EQ(port_of(told).path_mtu, mtu);
            EXPECT_EQ(port_of(told).gid_type, type);
            EXPECT_TRUE(is_ours(told));
            EXPECT_NO_THROW(check_mark(mark, told, 1));
        }
    }
}

// ---- Ranks of MLX ---------------------------------------------------------------------------------------------------

// A side channel in which one rank looks like one of MLX's to the others, and they to it.
struct ForeignMeeting {
    explicit ForeignMeeting(int ranks, int foreign) : meeting(ranks), foreign(foreign) {}

    static nc_status exchange(void* context, std::int32_t rank, std::int32_t ranks, const void* own,
                              std::uint64_t bytes, void* all, std::int64_t timeout_ms, nc_error* error) {
        auto& self = *static_cast<ForeignMeeting*>(context);
        const nc_status status = Meeting::exchange(&self.meeting, rank, ranks, own, bytes, all, timeout_ms, error);
        if (status != NC_OK || bytes % sizeof(jaccl::Destination) != 0) return status;
        for (std::size_t i = 0; i < bytes * static_cast<std::size_t>(ranks); i += sizeof(jaccl::Destination)) {
            const int owner = static_cast<int>(i / bytes);
            const bool hidden = rank == self.foreign ? owner != rank : owner == self.foreign;
            if (hidden)
                std::memset(static_cast<std::byte*>(all) + i + offsetof(jaccl::Destination, mark), 0xee,
                            sizeof(jaccl::Mark));
        }
        return status;
    }

    Meeting meeting;
    const int foreign;
};

Formation beside_mlx(const Shape& shape, ForeignMeeting& meeting, const char* all_gather_works) {
    return Formation(shape, [&](int rank, JacclOptions& options) {
        options.remove("coordinator");
        options.options.side_channel_context = &meeting;
        options.options.side_channel = ForeignMeeting::exchange;
        options.set("mlx_ring_all_gather", rank == meeting.foreign ? "true" : all_gather_works);
    });
}

nc_request gather_of(const std::vector<std::int32_t>& own, std::vector<std::int32_t>& all) {
    return request_of(NC_ALL_GATHER, NC_INT32, own.size(), own.data(), all.data());
}

TEST_F(JacclBesideMlx, AllGatherInARingIsRefused) {
    for (const Shape& shape : {ring_of(3), ring_of(2, 2)}) {
        ForeignMeeting meeting(shape.ranks, 1);
        Formation formation = beside_mlx(shape, meeting, "false");
        on_all_ranks(shape.ranks, [&](int rank) {
            nc_group* group = formation.groups[index(rank)].get();
            ASSERT_NE(group, nullptr) << formation.outcomes[index(rank)].message();
            if (rank != meeting.foreign) {
                const std::vector<std::int32_t> own(100, rank);
                std::vector<std::int32_t> all(own.size() * index(shape.ranks), -1);
                const Outcome outcome = execute(group, gather_of(own, all));
                EXPECT_EQ(outcome.status, NC_NOT_SUPPORTED) << outcome.message();
                expect_words(outcome, {"rank 1", "v0.32.1", "v0.32.2", "mlx_ring_all_gather", "MlxRingAllGather"});
                EXPECT_EQ(outcome.error.peer, 1);
                EXPECT_EQ(all, std::vector<std::int32_t>(all.size(), -1));
                EXPECT_EQ(status_of(group).status, NC_OK);
                // Of nothing, nothing is sent: a rank of MLX that took part would end with SIGFPE.
                const std::vector<std::int32_t> none;
                EXPECT_EQ(execute(group, gather_of(none, all)).status, NC_OK);
            }
            // No frame is under way.
            const Outcome outcome = all_sum_works(group);
            EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
        });
    }
}

TEST_F(JacclBesideMlx, AllGatherIsForPeersThatAreRepairedAndInAMesh) {
    for (const Shape& shape : {ring_of(3), mesh_of(3)}) {
        ForeignMeeting meeting(3, 2);
        Formation formation = beside_mlx(shape, meeting, shape.ring ? "true" : "false");
        on_all_ranks(3, [&](int rank) {
            nc_group* group = formation.groups[index(rank)].get();
            ASSERT_NE(group, nullptr) << formation.outcomes[index(rank)].message();
            const std::vector<std::int32_t> own(1009, rank);
            std::vector<std::int32_t> all(3 * own.size(), -1);
            const Outcome outcome = execute(group, gather_of(own, all));
            EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
            for (std::size_t i = 0; i < all.size(); ++i)
                ASSERT_EQ(all[i], static_cast<std::int32_t>(i / own.size())) << i;
        });
    }
}

// Everything else in a ring of nothing is done without a message too: nobody else takes part here.
TEST_F(JacclBesideMlx, NothingIsDoneWithoutAMessage) {
    for (const Shape& shape : {ring_of(3, 2), mesh_of(3)}) {
        ForeignMeeting meeting(3, 1);
        Formation formation = beside_mlx(shape, meeting, "false");
        ASSERT_NE(formation.groups[0], nullptr) << formation.outcomes[0].message();
        float nothing = 0;
        for (const nc_operation operation : {NC_ALL_REDUCE, NC_ALL_GATHER, NC_REDUCE_SCATTER, NC_SEND, NC_RECEIVE}) {
            nc_request request = request_of(operation, NC_FLOAT32, 0, &nothing, &nothing);
            request.peer = 1;
            request.timeout_ms = soon_ms;
            const Outcome outcome = execute(formation.groups[0].get(), request);
            EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
        }
        on_all_ranks(3, [&](int rank) { EXPECT_EQ(all_sum_works(formation.groups[index(rank)].get()).status, NC_OK); });
    }
}

// MLX's own path MTU and hop limit towards its ranks.
TEST_F(JacclBesideMlx, ConnectionsAreAsMlxMakesThem) {
    ForeignMeeting meeting(3, 2);
    const Recorded record;
    Formation formation = beside_mlx(mesh_of(3), meeting, "false");
    for (const Outcome& outcome : formation.outcomes) EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    EXPECT_EQ(record.ready("r0", "path_mtu"), std::vector<int>({5, 3}));
    EXPECT_EQ(record.ready("r0", "hop_limit"), std::vector<int>({64, 1}));
}

} // namespace NC_FILE
} // namespace nc::test
