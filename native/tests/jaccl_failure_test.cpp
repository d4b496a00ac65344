// What becomes of a jaccl group when devices, cables, peers or the program fail it: statuses, words, deadlines, and
// that nothing hangs or is left behind.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "enqueued.h"
#include "local_jaccl_ranks.h"
#include "operation_cases.h"
#include "softverbs/opened.h"

namespace nc::test {
namespace NC_FILE {

class JacclAvailability : public JacclTest {};
class JacclForming : public JacclTest {};
class JacclFailure : public JacclTest {};
class JacclMismatch : public JacclTest {};

void expect_words(const Outcome& outcome, std::initializer_list<std::string> words) {
    for (const std::string& word : words)
        EXPECT_TRUE(contains(outcome, word)) << '"' << word << "\" is missing in: " << outcome.message();
}

nc_request sum_of(std::vector<float>& values) {
    return request_of(NC_ALL_REDUCE, NC_FLOAT32, values.size(), values.data(), values.data());
}

// ---- Whether it can be used at all ----------------------------------------------------------------------------------

Outcome available(const std::string& library) {
    const nc_setting setting{"verbs_library", library.c_str()};
    Outcome outcome;
    outcome.status = nc_backend_available("jaccl", &setting, 1, &outcome.error);
    return outcome;
}

TEST_F(JacclAvailability, NeedsALibraryAndADevice) {
    EXPECT_EQ(available(verbs_library_path()).status, NC_OK);
    ASSERT_EQ(verbs().softverbs_set_devices(""), 0);
    const Outcome none = available(verbs_library_path());
    EXPECT_EQ(none.status, NC_BACKEND_UNAVAILABLE);
    expect_words(none, {"no RDMA device", verbs_library_path()});
}

TEST_F(JacclAvailability, SaysWhatIsMissing) {
    const Outcome nowhere = available("/nowhere/libibverbs.so.1");
    EXPECT_EQ(nowhere.status, NC_BACKEND_UNAVAILABLE);
    expect_words(nowhere, {"/nowhere/libibverbs.so.1"});
    // Some other library.
    const std::string other = (softverbs_folder().parent_path() / "libnative_collectives.so").string();
    const Outcome wrong = available(other);
    EXPECT_EQ(wrong.status, NC_BACKEND_UNAVAILABLE);
    expect_words(wrong, {other, "ibv_get_device_list"});
    const FaultsOfVerbs faults("get_device_list=EPERM");
    const Outcome forbidden = available(verbs_library_path());
    EXPECT_EQ(forbidden.status, NC_BACKEND_UNAVAILABLE);
    expect_words(forbidden, {"ibv_get_device_list", "Operation not permitted"});
}

// ---- Forming: what is asked for -------------------------------------------------------------------------------------

Outcome create_alone(const std::function<void(JacclOptions&)>& change, int rank = 0) {
    const ReservedPorts ports(1);
    JacclOptions options(rank, mesh_of(2), ports[0]);
    change(options);
    GroupPointer group;
    return options.create(group);
}

TEST_F(JacclForming, RefusesWhatMakesNoSense) {
    const struct {
        nc_status status;
        std::initializer_list<std::string> words;
        std::function<void(JacclOptions&)> change;
    } wrong[] = {
        {NC_NOT_CONFIGURED,
         {"coordinator", "side channel"},
         [](JacclOptions& options) { options.remove("coordinator"); }},
        {NC_NOT_CONFIGURED, {"devices", "device_file"}, [](JacclOptions& options) { options.remove("devices"); }},
        {NC_RENDEZVOUS_FAILED,
         {"no port", "nowhere"},
         [](JacclOptions& options) { options.set("coordinator", "nowhere"); }},
        {NC_RENDEZVOUS_FAILED, {"2 ranks", "is 2"}, [](JacclOptions& options) { options.options.rank = 2; }},
        {NC_RENDEZVOUS_FAILED, {"2 ranks", "is -1"}, [](JacclOptions& options) { options.options.rank = -1; }},
        {NC_RENDEZVOUS_FAILED,
         {"neither a mesh nor a ring"},
         [](JacclOptions& options) { options.set("devices", "[[null, null], [null, null]]"); }},
        {NC_RENDEZVOUS_FAILED,
         {"/nowhere/matrix.json", "No such file"},
         [](JacclOptions& options) { options.remove("devices").set("device_file", "/nowhere/matrix.json"); }},
        {NC_BACKEND_UNAVAILABLE,
         {"/nowhere/libibverbs.so.1"},
         [](JacclOptions& options) { options.set("verbs_library", "/nowhere/libibverbs.so.1"); }},
        {NC_INVALID_ARGUMENT, {"frames", "'medium'"}, [](JacclOptions& options) { options.set("frames", "medium"); }},
    };
    for (const auto& [status, words, change] : wrong) {
        const Outcome outcome = create_alone(change);
        EXPECT_EQ(outcome.status, status) << outcome.message();
        expect_words(outcome, words);
    }
}

TEST_F(JacclForming, IsBoundedAndCancelled) {
    for (const int rank : {0, 1}) {
        Outcome outcome = create_alone([](JacclOptions& options) { options.options.forming_timeout_ms = 60; }, rank);
        EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
        expect_words(outcome, {text("rank ", rank, " of 2"), text("rank ", 1 - rank), "60 ms"});
        std::int32_t cancel = 1;
        outcome = create_alone([&](JacclOptions& options) { options.options.cancel = &cancel; }, rank);
        EXPECT_EQ(outcome.status, NC_CANCELLED);
    }
}

// One rank fails, with these words; the others soon know that it did.
void expect_failure_of(int failing, const Formation& formation, nc_status status,
                       std::initializer_list<std::string> words) {
    for (std::size_t rank = 0; rank < formation.outcomes.size(); ++rank) {
        const Outcome& outcome = formation.outcomes[rank];
        EXPECT_EQ(formation.groups[rank], nullptr);
        if (static_cast<int>(rank) == failing) {
            EXPECT_EQ(outcome.status, status) << outcome.message();
            expect_words(outcome, words);
        } else {
            EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED) << outcome.message();
            expect_words(outcome, {"gave up"});
        }
    }
}

TEST_F(JacclForming, SaysWhatADeviceLacks) {
    const struct {
        const char* faults;
        std::initializer_list<std::string> words;
        int error;
    } devices[] = {
        {"device=r1:list=missing", {"no RDMA device named r1", "it has ", "r0"}, 0},
        {"device=r1:open_device=EACCES", {"r1", "cannot be opened", "Permission denied"}, EACCES},
        {"device=r1:mapped_gid=none", {"r1", "no IPv4 address", "8 GIDs"}, 0},
        {"device=r1:port=down", {"r1", "down"}, 0},
        {"device=r1:query_port=EIO", {"r1", "ibv_query_port"}, EIO},
        {"device=r1:alloc_pd=ENOMEM", {"r1", "ibv_alloc_pd", "memory"}, ENOMEM},
        {"device=r1:reg_mr=ENOMEM", {"r1", "ibv_reg_mr", "ulimit -l"}, ENOMEM},
        {"device=r1:queue_pairs=1", {"r1", "ibv_create_qp", "no more queue pairs", "restart"}, EBUSY},
        {"device=r1:queue_pairs:RTR=1", {"r1", "to rank 2", "RTR", "no more queue pairs"}, EBUSY},
        {"device=r1:modify_qp:RTR=EINVAL", {"r1", "RTR", "rejects"}, EINVAL},
    };
    for (const auto& [rules, words, error] : devices) {
        SCOPED_TRACE(rules);
        const FaultsOfVerbs faults(rules);
        std::optional<Formation> formation;
        EXPECT_LT(milliseconds_of([&] { formation.emplace(mesh_of(3)); }), soon_ms);
        expect_failure_of(1, *formation, NC_RENDEZVOUS_FAILED, words);
        EXPECT_EQ(formation->outcomes[1].error.system_error, error);
        expect_nothing_left();
    }
}

TEST_F(JacclForming, FindsTheAddressWhereverItIs) {
    for (const char* rules : {"mapped_gid=0", "mapped_gid=5", "device=r1:mapped_gid=7"}) {
        const FaultsOfVerbs faults(rules);
        LocalJacclRanks ranks(mesh_of(2));
        ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
    }
    // InfiniBand has LIDs.
    ASSERT_EQ(verbs().softverbs_set_link_layer("infiniband"), 0);
    for (const char* rules : {"", "mapped_gid=none"}) {
        const FaultsOfVerbs faults(rules);
        LocalJacclRanks ranks(ring_of(2));
        ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
    }
}

// Every call of the verbs that a rank makes meanwhile fails once: it does not crash, says what failed, and leaves
// nothing behind.
TEST_F(JacclForming, SurvivesTheFailureOfEveryCall) {
    const struct {
        const char* call;
        int most;
    } calls[] = {{"get_device_list", 5}, {"open_device", 5},         {"query_port", 2},    {"query_gid", 3},
                 {"alloc_pd", 2},        {"create_comp_channel", 2}, {"reg_mr", 6},        {"create_cq", 5},
                 {"create_qp", 5},       {"modify_qp:INIT", 5},      {"modify_qp:RTR", 5}, {"modify_qp:RTS", 5}};
    for (const Shape& shape : {mesh_of(3), ring_of(3, 2)}) {
        for (const auto& [call, most] : calls) {
            int failed = 0;
            for (int use = 1; use <= most; ++use) {
                SCOPED_TRACE(text(name_of(shape), ", ", call, " number ", use));
                const FaultsOfVerbs faults(text(call, '@', use, "=EIO"));
                Formation formation(shape);
                int successes = 0;
                bool is_named = false;
                for (const Outcome& outcome : formation.outcomes) {
                    if (outcome.status == NC_OK) {
                        ++successes;
                        continue;
                    }
                    EXPECT_TRUE(outcome.status == NC_RENDEZVOUS_FAILED || outcome.status == NC_BACKEND_UNAVAILABLE)
                        << outcome.message();
                    is_named =
                        is_named || contains(outcome, "Input/output error") || contains(outcome, "no IPv4 address");
                }
                if (successes < shape.ranks) {
                    ++failed;
                    EXPECT_TRUE(is_named) << formation.outcomes[0].message() << '\n'
                                          << formation.outcomes[1].message() << '\n'
                                          << formation.outcomes[2].message();
                } else {
                    on_all_ranks(shape.ranks, [&](int rank) {
                        EXPECT_EQ(all_sum_works(formation.groups[index(rank)].get()).status, NC_OK);
                    });
                }
                formation.groups.clear();
                expect_nothing_left();
            }
            // This is not needed.
            EXPECT_TRUE(failed > 0 || std::string(call) == "create_comp_channel") << call << " was not called";
        }
    }
}

// A failure of the last rank to come, and one that nobody else can see.
TEST_F(JacclForming, EndsForAllWhenTheSideChannelOfTheProgramFails) {
    std::vector<Outcome> outcomes(2);
    Meeting meeting(2);
    on_all_ranks(2, [&](int rank) {
        JacclOptions options(rank, mesh_of(2), loopback(1));
        options.remove("coordinator");
        options.options.forming_timeout_ms = 300;
        options.options.side_channel_context = &meeting;
        options.options.side_channel = Meeting::exchange;
        if (rank == 1) {
            options.options.side_channel = [](void*, std::int32_t, std::int32_t, const void*, std::uint64_t, void*,
                                              std::int64_t, nc_error* error) {
                fill(error, NC_RENDEZVOUS_FAILED, "the postman is ill", 0, 7);
                return NC_RENDEZVOUS_FAILED;
            };
        }
        GroupPointer group;
        outcomes[index(rank)] = options.create(group);
    });
    EXPECT_EQ(outcomes[0].status, NC_RENDEZVOUS_FAILED);
    expect_words(outcomes[0], {"nobody else came"});
    EXPECT_EQ(outcomes[1].status, NC_RENDEZVOUS_FAILED);
    expect_words(outcomes[1], {"the postman is ill"});
    EXPECT_EQ(outcomes[1].error.system_error, 7);
}

TEST_F(JacclForming, ThatIsFollowedByLeavingAtOnceIsNoFailure) {
    for (const Shape& shape : {mesh_of(2), ring_of(3)}) {
        for (int round = 0; round < 15; ++round) {
            const ReservedPorts ports(1);
            on_all_ranks(shape.ranks, [&](int rank) {
                JacclOptions options(rank, shape, ports[0]);
                GroupPointer group;
                const Outcome outcome = options.create(group);
                EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
            });
        }
    }
}

// ---- Ranks that do not agree ----------------------------------------------------------------------------------------

TEST_F(JacclMismatch, OfSettingsIsFoundWhileForming) {
    const struct {
        const char* setting;
        const char* value;
        std::initializer_list<std::string> words;
    } settings[] = {
        {"frames", "small", {"large frames", "small frames"}},
        {"queue_pairs", "uc", {"reliable queue pairs", "unreliable queue pairs"}},
    };
    for (const Shape& shape : {mesh_of(3), ring_of(3)}) {
        for (const auto& [setting, value, words] : settings) {
            SCOPED_TRACE(text(name_of(shape), ", ", setting));
            const Formation formation(shape, [&, setting = setting, value = value](int rank, JacclOptions& options) {
                if (rank == 1) options.set(setting, value);
            });
            for (const Outcome& outcome : formation.outcomes) {
                EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
                expect_words(outcome, words);
            }
        }
    }
    // Two ranks may disagree on the topology without having other records to tell, and with as many.
    for (const Shape& shape : {mesh_of(2), mesh_of(3), ring_of(2, 2)}) {
        SCOPED_TRACE(name_of(shape));
        const Formation formation(
            shape, [&](int rank, JacclOptions& options) { options.set("prefer_ring", rank == 1 ? "true" : "false"); });
        for (const Outcome& outcome : formation.outcomes) {
            EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
            EXPECT_TRUE(contains(outcome, "topology") || contains(outcome, "preference for the ring") ||
                        contains(outcome, "gave up"))
                << outcome.message();
        }
        EXPECT_TRUE(contains(formation.outcomes[0], "ring")) << formation.outcomes[0].message();
    }
    const Formation wires(ring_of(3, 2), [](int rank, JacclOptions& options) {
        if (rank == 2) options.set("devices", matrix_json(ring_of(3, 1)));
    });
    for (const Outcome& outcome : wires.outcomes) {
        EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
        EXPECT_TRUE(contains(outcome, "same device matrix") || contains(outcome, "gave up")) << outcome.message();
    }
}

// One rank's request differs. Every rank's operation ends, and those that can tell say how they differ.
void expect_mismatch(const Shape& shape, const nc_request& of_most, const nc_request& of_one,
                     std::initializer_list<std::string> words) {
    LocalJacclRanks ranks(shape);
    std::vector<Outcome> outcomes(index(shape.ranks));
    EXPECT_LT(milliseconds_of([&] {
                  ranks.each([&](int rank, nc_group* group) {
                      std::vector<std::int64_t> input(400'000);
                      std::vector<std::int64_t> output(400'000);
                      nc_request request = rank == 1 ? of_one : of_most;
                      request.send_buffer = input.data();
                      request.receive_buffer = output.data();
                      outcomes[index(rank)] = execute(group, request);
                  });
              }),
              2 * soon_ms);
    bool is_told = false;
    for (const Outcome& outcome : outcomes) {
        EXPECT_TRUE(outcome.status == NC_MISMATCH || outcome.status == NC_PEER_LOST)
            << outcome.status << ": " << outcome.message();
        // Who hears it of another rank first does not know what differs.
        if (outcome.status != NC_MISMATCH || contains(outcome, "found that the ranks issued different operations"))
            continue;
        is_told = true;
        expect_words(outcome, words);
    }
    EXPECT_TRUE(is_told);
}

TEST_F(JacclMismatch, OfOperationsThatAreAnnouncedIsDescribed) {
    const auto with_root = [](nc_request request, int root, nc_reduce_op op = NC_SUM) {
        request.peer = root;
        request.reduce_op = op;
        return request;
    };
    const nc_request broadcast = with_root(request_of(NC_BROADCAST, NC_FLOAT32, 10), 0);
    const std::uint64_t even[] = {2, 2, 2};
    const std::uint64_t uneven[] = {2, 2, 3};
    nc_request gather = request_of(NC_ALL_GATHER, NC_INT32, 2);
    gather.flags = NC_REQUEST_UNEVEN;
    gather.receive_counts = even;
    nc_request other_gather = gather;
    other_gather.receive_counts = uneven;
    for (const Shape& shape : {mesh_of(3), ring_of(3)}) {
        SCOPED_TRACE(name_of(shape));
        expect_mismatch(shape, broadcast, with_root(request_of(NC_BROADCAST, NC_FLOAT32, 11), 0),
                        {"broadcast of 10 float32", "broadcast of 11 float32"});
        expect_mismatch(shape, broadcast, with_root(request_of(NC_BROADCAST, NC_INT8, 10), 0), {"float32", "int8"});
        expect_mismatch(shape, broadcast, with_root(request_of(NC_BROADCAST, NC_FLOAT32, 10), 2), {"root 0", "root 2"});
        expect_mismatch(shape, broadcast, request_of(NC_ALL_TO_ALL, NC_FLOAT32, 10), {"broadcast", "all-to-all"});
        expect_mismatch(shape, with_root(request_of(NC_REDUCE, NC_INT32, 5), 1),
                        with_root(request_of(NC_REDUCE, NC_INT32, 5), 1, NC_MAX), {"reduce sum", "reduce max"});
        expect_mismatch(shape, gather, other_gather, {"uneven all-gather", "block 2"});
    }
}

// One rank's all-gather is MLX's, which says nothing of itself; the others' begins with a header, or the other way
// round.
TEST_F(JacclMismatch, OfAnEvenAndAnUnevenAllGatherIsToldToAllRanks) {
    for (const Shape& shape : {mesh_of(2), mesh_of(3), ring_of(2), ring_of(3), ring_of(2, 2)}) {
        for (const bool is_rank_1_uneven : {true, false}) {
            for (const std::size_t count : {1U, 4U, 300U}) {
                // Who passes a block on passes no more on than it has.
                if (count == 1 && shape.ring && shape.ranks > 2) continue;
                SCOPED_TRACE(text(name_of(shape), ", ", count, is_rank_1_uneven ? ", rank 1 uneven" : ", rank 1 even"));
                LocalJacclRanks ranks(shape);
                ranks.each([&](int rank, nc_group* group) {
                    std::vector<std::int32_t> in(count, 7);
                    std::vector<std::int32_t> out(count * index(shape.ranks));
                    const std::vector<std::uint64_t> counts(index(shape.ranks), count);
                    nc_request request = request_of(NC_ALL_GATHER, NC_INT32, count, in.data(), out.data());
                    if ((rank == 1) == is_rank_1_uneven) {
                        request.flags = NC_REQUEST_UNEVEN;
                        request.receive_counts = counts.data();
                    }
                    const Outcome outcome = execute(group, request);
                    EXPECT_EQ(outcome.status, NC_MISMATCH) << rank << ": " << outcome.message();
                });
            }
        }
    }
}

// One of the ranks issues an operation that MLX has too, and so does not announce it.
TEST_F(JacclMismatch, OfAnOperationThatIsNotAnnouncedIsSeenByThoseThatAnnounceTheirs) {
    LocalJacclRanks ranks(mesh_of(3));
    ranks.each([](int rank, nc_group* group) {
        float value = 0;
        nc_request request =
            request_of(rank == 1 ? NC_BARRIER : NC_BROADCAST, NC_FLOAT32, rank == 1 ? 0 : 1, &value, &value);
        const Outcome outcome = execute(group, request);
        if (rank == 1) return;
        EXPECT_TRUE(outcome.status == NC_MISMATCH || outcome.status == NC_PEER_LOST) << outcome.message();
        if (outcome.status == NC_MISMATCH)
            expect_words(outcome, {"rank 1 did not begin the same operation, broadcast of 1 float32"});
    });
}

// What is not announced shows only where messages differ in length.
TEST_F(JacclMismatch, OfLengthsIsFoundWhereMessagesDiffer) {
    for (const Shape& shape : {mesh_of(2), mesh_of(3), ring_of(3, 2)}) {
        SCOPED_TRACE(name_of(shape));
        expect_mismatch(shape, request_of(NC_ALL_REDUCE, NC_FLOAT32, 3), request_of(NC_ALL_REDUCE, NC_FLOAT32, 100'000),
                        {"messages of different lengths"});
        if (shape.ranks == 2)
            expect_mismatch(shape, request_of(NC_ALL_GATHER, NC_FLOAT32, 3),
                            request_of(NC_ALL_GATHER, NC_FLOAT32, 100'000), {"messages of different lengths"});
        forget_violations();
    }
}

// ---- Operations that fail -------------------------------------------------------------------------------------------

// All ranks add numbers, again and again, until that fails on all of them.
std::vector<Outcome> run_until_all_fail(FormedRanks& ranks, std::size_t count = 3000) {
    std::vector<Outcome> outcomes(index(ranks.size()));
    ranks.each([&](int rank, nc_group* group) {
        std::vector<float> values(count);
        for (int round = 0; round < 1000; ++round) {
            outcomes[index(rank)] = execute(group, sum_of(values));
            if (outcomes[index(rank)].status != NC_OK) return;
        }
    });
    return outcomes;
}

TEST_F(JacclFailure, OfACallEndsTheGroupForAll) {
    for (const Shape& shape : {mesh_of(3), ring_of(3, 2)}) {
        for (const char* call : {"post_send", "post_recv", "poll_cq"}) {
            for (const int use : {1, 4}) {
                SCOPED_TRACE(text(name_of(shape), ", ", call, " number ", use));
                LocalJacclRanks ranks(shape);
                const FaultsOfVerbs faults(text("device=r1", shape.ring ? "R0" : "", ':', call, '@', use, "=EIO"));
                // Of a size that a ring moves both ways.
                const std::vector<Outcome> outcomes = run_until_all_fail(ranks, 30'000);
                EXPECT_EQ(outcomes[1].status, NC_LIBRARY_ERROR) << outcomes[1].message();
                expect_words(outcomes[1], {text("ibv_", call), shape.ring ? "r1R0" : "r1"});
                EXPECT_EQ(outcomes[1].error.operation, NC_ALL_REDUCE);
                for (const std::size_t other : {0U, 2U}) {
                    EXPECT_EQ(outcomes[other].status, NC_PEER_LOST) << outcomes[other].message();
                    EXPECT_EQ(outcomes[other].error.peer, 1) << outcomes[other].message();
                    expect_words(outcomes[other], {"rank 1 gave the group up"});
                }
            }
        }
    }
}

// A rank that has to wait for long asks to be woken.
TEST_F(JacclFailure, OfTheCallThatAsksToBeWokenEndsTheGroupForAll) {
    LocalJacclRanks ranks(mesh_of(3));
    const FaultsOfVerbs faults("req_notify_cq=EIO");
    const Outcome outcome = execute(ranks[1], request_of(NC_BARRIER));
    EXPECT_EQ(outcome.status, NC_LIBRARY_ERROR);
    expect_words(outcome, {"ibv_req_notify_cq", "Input/output error"});
    for (const int other : {0, 2}) {
        EXPECT_TRUE(soon([&] { return status_of(ranks[other]).status == NC_PEER_LOST; }));
        expect_words(status_of(ranks[other]), {"rank 1 gave the group up"});
    }
}

TEST_F(JacclFailure, OfARequestSaysWhatTheDeviceSaid) {
    const struct {
        const char* fault;
        nc_status status;
        std::initializer_list<std::string> words;
    } requests[] = {
        {"send@3=IBV_WC_GENERAL_ERR", NC_LIBRARY_ERROR, {"a send to rank", "(status 21)"}},
        {"send@2=IBV_WC_LOC_PROT_ERR", NC_LIBRARY_ERROR, {"a send to rank", "(status 4)"}},
        {"send@1=IBV_WC_RETRY_EXC_ERR", NC_PEER_LOST, {"does not answer", "(status 12)"}},
        {"recv@3=IBV_WC_LOC_QP_OP_ERR", NC_LIBRARY_ERROR, {"a receive from rank", "(status 2)"}},
        {"recv@1=IBV_WC_LOC_LEN_ERR", NC_MISMATCH, {"a receive from rank", "different lengths", "(status 1)"}},
    };
    for (const char* queue_pairs : {"uc", "rc"}) {
        for (const auto& [fault, status, words] : requests) {
            // The type of the queue pairs makes no difference to the failing end, save for time.
            if (std::string(queue_pairs) == "uc" && status == NC_LIBRARY_ERROR) continue;
            SCOPED_TRACE(text(queue_pairs, ", ", fault));
            LocalJacclRanks ranks(mesh_of(2), {{{"queue_pairs", queue_pairs}}});
            const FaultsOfVerbs faults(text("device=r1:", fault));
            const std::vector<Outcome> outcomes = run_until_all_fail(ranks);
            // With reliable queue pairs the other end fails too, and either may be the first to tell.
            if (outcomes[1].status != NC_PEER_LOST || status == NC_PEER_LOST) {
                EXPECT_EQ(outcomes[1].status, status) << outcomes[1].message();
                expect_words(outcomes[1], words);
                EXPECT_TRUE(outcomes[1].error.peer == 0) << outcomes[1].error.peer;
            } else {
                EXPECT_EQ(std::string(queue_pairs), "rc");
            }
            EXPECT_NE(outcomes[0].status, NC_OK);
        }
    }
}

// Section 10: nobody tells an unreliable pair that its messages are lost.
TEST_F(JacclFailure, OfACableIsNoticedByTheDeadline) {
    for (const Shape& shape : {mesh_of(3), ring_of(3)}) {
        JacclSetup setup{{{"queue_pairs", "uc"}}, 400 * slowness};
        LocalJacclRanks ranks(shape, setup);
        ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
        const FaultsOfVerbs faults(text("device=", shape.ring ? "r1L0" : "r1", ":link@2=down"));
        std::vector<Outcome> outcomes;
        EXPECT_LT(milliseconds_of([&] { outcomes = run_until_all_fail(ranks); }), 400 * slowness + soon_ms);
        for (const Outcome& outcome : outcomes)
            EXPECT_TRUE(outcome.status == NC_TIMEOUT || outcome.status == NC_PEER_LOST) << outcome.message();
        EXPECT_TRUE(outcomes[0].status == NC_TIMEOUT || outcomes[1].status == NC_TIMEOUT)
            << outcomes[0].message() << '\n'
            << outcomes[1].message();
        for (const Outcome& outcome : outcomes) {
            if (outcome.status == NC_TIMEOUT)
                expect_words(outcome, {"all-reduce", text(400 * slowness, " ms"), "waits for rank"});
        }
    }
}

TEST_F(JacclFailure, OfACableIsNoticedByReliablePairs) {
    LocalJacclRanks ranks(mesh_of(2), {{{"queue_pairs", "rc"}}});
    const FaultsOfVerbs faults("device=r1:link@3=down");
    const std::vector<Outcome> outcomes = run_until_all_fail(ranks);
    for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
    EXPECT_TRUE(contains(outcomes[0], "does not answer") || contains(outcomes[1], "does not answer"))
        << outcomes[0].message() << '\n'
        << outcomes[1].message();
}

TEST_F(JacclFailure, OfAPeerThatDoesNotComeIsNoticedByTheDeadline) {
    for (const char* no_channel : {"0", "1"}) {
        for (const Shape& shape : {mesh_of(3), ring_of(3)}) {
            ASSERT_EQ(verbs().softverbs_set_no_channel(no_channel), 0);
            LocalJacclRanks ranks(shape);
            for (const nc_operation operation : {NC_BARRIER, NC_BROADCAST}) {
                if (status_of(ranks[0]).status != NC_OK) continue;
                float value = 1;
                nc_request request = request_of(operation, NC_FLOAT32, operation == NC_BARRIER ? 0 : 1, &value, &value);
                request.timeout_ms = 120;
                Outcome outcome;
                const std::int64_t took = milliseconds_of([&] { outcome = execute(ranks[0], request); });
                EXPECT_EQ(outcome.status, NC_TIMEOUT);
                EXPECT_GE(took, 119);
                EXPECT_LT(took, 120 + soon_ms);
                expect_words(outcome, {"120 ms", "rank", operation == NC_BARRIER ? "barrier" : "broadcast"});
                EXPECT_TRUE(outcome.error.peer == 1 || outcome.error.peer == 2);
            }
            // The others are told when it leaves.
            ranks.destroy(0);
            const Outcome outcome = execute(ranks[1], request_of(NC_BARRIER));
            EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
            EXPECT_EQ(outcome.error.peer, 0);
        }
    }
}

// ---- Ranks that go --------------------------------------------------------------------------------------------------

TEST_F(JacclFailure, AbortEndsWhatRunsHereAndElsewhere) {
    for (const char* no_channel : {"0", "1"}) {
        for (const Shape& shape : {mesh_of(3), ring_of(3, 2)}) {
            for (const int who : {0, 2}) {
                SCOPED_TRACE(text(name_of(shape), ", rank ", who, ", no channel: ", no_channel));
                ASSERT_EQ(verbs().softverbs_set_no_channel(no_channel), 0);
                LocalJacclRanks ranks(shape);
                std::vector<Outcome> outcomes(3);
                const std::int64_t took = milliseconds_of([&] {
                    ranks.each([&](int rank, nc_group* group) {
                        // All but one come, which aborts.
                        if (rank == 1) return nc_group_abort(ranks[who], "enough");
                        outcomes[index(rank)] = execute(group, request_of(NC_BARRIER));
                    });
                    outcomes[1] = execute(ranks[1], request_of(NC_BARRIER));
                    // What the others had sent before may come before the news, and is enough for one.
                    if (outcomes[1].status == NC_OK) outcomes[1] = execute(ranks[1], request_of(NC_BARRIER));
                });
                EXPECT_LT(took, soon_ms);
                for (int rank = 0; rank < 3; ++rank) {
                    const Outcome& outcome = outcomes[index(rank)];
                    EXPECT_EQ(outcome.status, rank == who ? NC_ABORTED : NC_PEER_LOST) << outcome.message();
                    if (rank == who) {
                        expect_words(outcome, {"enough"});
                    } else {
                        EXPECT_EQ(outcome.error.peer, who);
                        expect_words(outcome, {text("rank ", who, " gave the group up")});
                    }
                }
            }
        }
    }
}

// News come also while nothing runs.
TEST_F(JacclFailure, OfAPeerIsKnownBetweenOperations) {
    LocalJacclRanks ranks(mesh_of(3));
    nc_group_abort(ranks[2], nullptr);
    for (const int rank : {0, 1}) {
        EXPECT_TRUE(soon([&] { return status_of(ranks[rank]).status == NC_PEER_LOST; }));
        const Outcome outcome = execute(ranks[rank], request_of(NC_BARRIER));
        EXPECT_EQ(outcome.status, NC_PEER_LOST);
        EXPECT_EQ(outcome.error.earlier, 1);
        EXPECT_EQ(outcome.error.peer, 2);
    }
}

TEST_F(JacclFailure, OfThoseWhoNeedARankThatHasLeft) {
    for (const Shape& shape : {mesh_of(3), ring_of(3)}) {
        for (const int who : {0, 1, 2}) {
            if (shape.ring && who == 2) continue;
            SCOPED_TRACE(text(name_of(shape), ", rank ", who));
            LocalJacclRanks ranks(shape);
            ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
            std::vector<Outcome> outcomes(3);
            const std::int64_t took = milliseconds_of([&] {
                ranks.each([&](int rank, nc_group* group) {
                    if (rank == who) return ranks.destroy(who);
                    outcomes[index(rank)] = execute(group, request_of(NC_BARRIER));
                });
            });
            EXPECT_LT(took, soon_ms);
            for (int rank = 0; rank < 3; ++rank) {
                if (rank == who) continue;
                EXPECT_EQ(outcomes[index(rank)].status, NC_PEER_LOST) << outcomes[index(rank)].message();
                EXPECT_EQ(outcomes[index(rank)].error.peer, who) << outcomes[index(rank)].message();
            }
        }
    }
}

TEST_F(JacclFailure, OfARankThatIsNotNeededAnyMoreIsNone) {
    for (const int who : {0, 1, 2}) {
        SCOPED_TRACE(who);
        LocalJacclRanks ranks(mesh_of(3));
        ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
        ranks.destroy(who);
        const int first = who == 0 ? 1 : 0;
        const int second = who == 2 ? 1 : 2;
        ranks.each([&](int rank, nc_group* group) {
            if (rank == who) return;
            std::vector<float> values(100'000, static_cast<float>(rank));
            for (int round = 0; round < 3; ++round) {
                nc_request request = request_of(rank == first ? NC_SEND : NC_RECEIVE, NC_FLOAT32, values.size(),
                                                values.data(), values.data());
                request.peer = rank == first ? second : first;
                const Outcome outcome = execute(group, request);
                EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
                EXPECT_EQ(values.back(), static_cast<float>(first));
            }
            EXPECT_EQ(status_of(group).status, NC_OK);
        });
    }
}

// A rank that has all it needs leaves, while the root still waits for a slow one: what the leaving rank was sent has
// arrived.
TEST_F(JacclFailure, OfARankThatLeavesBeforeASlowerOneIsNone) {
    const FaultsOfVerbs faults("device=r2:slow=350000");
    LocalJacclRanks ranks(mesh_of(3));
    ranks.each([&](int rank, nc_group* group) {
        std::vector<float> values(1000, static_cast<float>(rank));
        nc_request request = request_of(NC_BROADCAST, NC_FLOAT32, values.size(), values.data(), values.data());
        request.peer = 0;
        const Outcome outcome = execute(group, request);
        EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
        EXPECT_EQ(values[999], 0.0F);
        if (rank == 1) ranks.destroy(rank);
    });
}

// Whatever the peers are doing.
TEST_F(JacclFailure, DestroyNeverWaitsForAPeer) {
    for (const Shape& shape : {mesh_of(3), ring_of(3, 2)}) {
        LocalJacclRanks ranks(shape);
        std::vector<float> values(500'000);
        // Enqueued operations run on in the background; nobody else comes.
        const WorkPointer work = enqueue(ranks[1], sum_of(values));
        EXPECT_LT(milliseconds_of([&] { ranks.destroy(1); }), soon_ms);
        EXPECT_EQ(wait_for(work.get()).status, NC_CLOSED);
        for (const int rank : {0, 2}) EXPECT_LT(milliseconds_of([&] { ranks.destroy(rank); }), soon_ms);
    }
}

// ---- Splitting ------------------------------------------------------------------------------------------------------

// Ranks cannot connect anew: all of the part learn it, and the group works on.
TEST_F(JacclFailure, OfASplitLeavesTheGroupUsable) {
    for (const bool over_meeting : {false, true}) {
        for (const char* rules :
             {"device=r1:queue_pairs=2", "device=r1:open_device=EBUSY", "device=r2:modify_qp:RTR=EBUSY",
              "device=r0:reg_mr=ENOMEM", "get_device_list@2=EIO"}) {
            SCOPED_TRACE(text(rules, over_meeting ? ", met by the program's side channel" : ""));
            Meeting meeting(3);
            JacclSetup setup;
            if (over_meeting) setup.meeting = &meeting;
            LocalJacclRanks ranks(mesh_of(3), setup);
            std::atomic<int> named{0};
            {
                const FaultsOfVerbs faults(rules);
                ranks.each([&](int, nc_group* group) {
                    nc_group* part = nullptr;
                    nc_request request = request_of(NC_SPLIT);
                    request.key = -1;
                    request.new_group = &part;
                    const Outcome outcome = execute(group, request);
                    const GroupPointer made(part);
                    EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED) << outcome.message();
                    EXPECT_EQ(made, nullptr);
                    if (contains(outcome, "busy") || contains(outcome, "memory") || contains(outcome, "Input/output"))
                        ++named;
                });
            }
            EXPECT_GE(named, 1);
            ranks.each([](int, nc_group* group) {
                EXPECT_EQ(status_of(group).status, NC_OK);
                EXPECT_EQ(all_sum_works(group).status, NC_OK);
            });
        }
    }
}

// The parent of a group goes first, or the part does; neither harms the other.
TEST_F(JacclFailure, OfAGroupIsNoFailureOfItsPart) {
    LocalJacclRanks ranks(mesh_of(3));
    ranks.each([&](int rank, nc_group* group) {
        nc_group* part = nullptr;
        nc_request request = request_of(NC_SPLIT);
        request.key = -1;
        request.new_group = &part;
        ASSERT_EQ(execute(group, request).status, NC_OK);
        const GroupPointer made(part);
        ranks.destroy(rank);
        for (int round = 0; round < 5; ++round) EXPECT_EQ(all_sum_works(made.get()).status, NC_OK);
    });
}

} // namespace NC_FILE
} // namespace nc::test
