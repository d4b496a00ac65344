// The software provider of the verbs: softverbs/README.md. In one process messages are delivered inside the calls that
// make it possible, so most of what is expected is there at once.
#if defined(__linux__)

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "softverbs/end_point.h"

extern char** environ;

namespace nc::test {
namespace NC_FILE {

std::string violations() {
    std::array<char, 16384> text{};
    verbs().softverbs_violations(text.data(), text.size());
    return text.data();
}
std::size_t violation_count() {
    return verbs().softverbs_violations(nullptr, 0);
}

std::vector<std::uint64_t> ids(const std::vector<ibv_wc>& work) {
    std::vector<std::uint64_t> ids;
    for (const ibv_wc& one : work) ids.push_back(one.wr_id);
    return ids;
}
std::vector<ibv_wc_status> statuses(const std::vector<ibv_wc>& work) {
    std::vector<ibv_wc_status> statuses;
    for (const ibv_wc& one : work) statuses.push_back(one.status);
    return statuses;
}
using Ids = std::vector<std::uint64_t>;
using Statuses = std::vector<ibv_wc_status>;

EndPointShape on(const std::string& device, ibv_qp_type type = IBV_QPT_UC) {
    EndPointShape shape;
    shape.device = device;
    shape.type = type;
    return shape;
}

struct Pair {
    explicit Pair(EndPointShape left_shape, EndPointShape right_shape)
        : left(std::move(left_shape)), right(std::move(right_shape)) {
        const int failure = left.connect(right.address()) | right.connect(left.address());
        if (failure != 0) throw std::runtime_error("connecting fails with errno " + std::to_string(failure));
    }
    explicit Pair(ibv_qp_type type = IBV_QPT_UC) : Pair(on("soft0", type), on("soft1", type)) {}

    EndPoint left, right;
};

std::string cable(const std::string& one, const std::string& other) {
    const std::string host = std::to_string(::getpid());
    return host + ':' + one + '-' + host + ':' + other;
}

class SoftverbsTest : public ::testing::Test {
protected:
    void SetUp() override {
        verbs().softverbs_reset();
        ASSERT_EQ(verbs().softverbs_set_devices("soft0,soft1,soft2,soft3"), 0);
    }
    void TearDown() override {
        EXPECT_EQ(verbs().softverbs_live_objects(), 0U);
        EXPECT_EQ(violations(), "");
        verbs().softverbs_reset();
    }
    // Whatever was done wrong on purpose is forgotten.
    static void expect_violation(const std::string& part) {
        EXPECT_NE(violations().find(part), std::string::npos) << violations();
        verbs().softverbs_clear_violations();
    }
    static void faults(const std::string& rules) { ASSERT_EQ(verbs().softverbs_set_faults(rules.c_str()), 0) << rules; }
};

class SoftverbsOfBothTypes : public SoftverbsTest, public ::testing::WithParamInterface<ibv_qp_type> {};
INSTANTIATE_TEST_SUITE_P(Types, SoftverbsOfBothTypes, ::testing::Values(IBV_QPT_UC, IBV_QPT_RC),
                         [](const auto& type) { return type.param == IBV_QPT_UC ? "UC" : "RC"; });

// ---- devices ----

TEST_F(SoftverbsTest, ListsItsDevices) {
    int count = 0;
    ibv_device** list = verbs().ibv_get_device_list(&count);
    ASSERT_EQ(count, 4);
    EXPECT_STREQ(verbs().ibv_get_device_name(list[0]), "soft0");
    EXPECT_STREQ(verbs().ibv_get_device_name(list[3]), "soft3");
    EXPECT_EQ(list[4], nullptr);
    verbs().ibv_free_device_list(list);
}

TEST_F(SoftverbsTest, CanBeAMachineWithoutDevices) {
    verbs().softverbs_set_devices("");
    int count = -1;
    ibv_device** list = verbs().ibv_get_device_list(&count);
    ASSERT_NE(list, nullptr);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(list[0], nullptr);
    verbs().ibv_free_device_list(list);
}

TEST_F(SoftverbsTest, DevicesCanBeMissingOrRefuseToOpen) {
    faults("device=soft1:list=missing;device=soft2:open_device=ENODEV");
    int count = 0;
    verbs().ibv_free_device_list(verbs().ibv_get_device_list(&count));
    EXPECT_EQ(count, 3);
    EXPECT_EQ(EndPoint::open("soft1"), nullptr);
    EXPECT_EQ(EndPoint::open("soft2"), nullptr);
    EXPECT_EQ(errno, ENODEV);
    const EndPoint works(on("soft0"));
}

TEST_F(SoftverbsTest, EachDeviceHasAMappedGidAndALid) {
    std::set<std::string> gids;
    for (const char* name : {"soft0", "soft1", "soft2"}) {
        const EndPoint end(on(name));
        const VerbsAddress address = end.address();
        EXPECT_TRUE(std::all_of(address.gid.raw, address.gid.raw + 10, [](std::uint8_t byte) { return byte == 0; }));
        EXPECT_EQ(address.gid.raw[10], 0xff);
        EXPECT_EQ(address.gid.raw[11], 0xff);
        EXPECT_NE(address.lid, 0);
        gids.insert(std::string(reinterpret_cast<const char*>(address.gid.raw), sizeof address.gid.raw));
    }
    EXPECT_EQ(gids.size(), 3U);
}

TEST_F(SoftverbsTest, TellsOfItsPort) {
    const EndPoint end(on("soft0"));
    ibv_port_attr port;
    std::memset(&port, 0xee, sizeof port);
    ASSERT_EQ(verbs().ibv_query_port(end.context, 1, reinterpret_cast<_compat_ibv_port_attr*>(&port)), 0);
    EXPECT_EQ(port.state, IBV_PORT_ACTIVE);
    EXPECT_EQ(port.link_layer, IBV_LINK_LAYER_ETHERNET);
    EXPECT_GT(port.gid_tbl_len, 1);
    EXPECT_EQ(port.port_cap_flags2, 0xeeee) << "the shorter structure of the exported symbol ends before";
    EXPECT_EQ(verbs().ibv_query_port(end.context, 2, reinterpret_cast<_compat_ibv_port_attr*>(&port)), EINVAL);
    ibv_gid gid;
    EXPECT_EQ(verbs().ibv_query_gid(end.context, 1, port.gid_tbl_len, &gid), -1);

    faults("port=down");
    ASSERT_EQ(verbs().ibv_query_port(end.context, 1, reinterpret_cast<_compat_ibv_port_attr*>(&port)), 0);
    EXPECT_EQ(port.state, IBV_PORT_DOWN);
}

TEST_F(SoftverbsTest, TheMappedGidCanBeElsewhereOrNowhere) {
    const ibv_gid none{};
    EndPoint left(on("soft0")), right(on("soft1"));
    const ibv_gid mapped = right.address().gid;
    faults("mapped_gid=2");
    ibv_gid gid;
    ASSERT_EQ(verbs().ibv_query_gid(right.context, 1, 2, &gid), 0);
    EXPECT_EQ(std::memcmp(&gid, &mapped, sizeof gid), 0);
    ASSERT_EQ(verbs().ibv_query_gid(right.context, 1, 1, &gid), 0);
    EXPECT_EQ(std::memcmp(&gid, &none, sizeof gid), 0);

    // An index without an entry is refused.
    ibv_qp_attr attributes = EndPoint::rtr_attributes(right.address());
    attributes.ah_attr.grh.dgid = mapped;
    ASSERT_EQ(left.to_init(), 0);
    EXPECT_EQ(left.modify(attributes, uc_rtr_mask), EINVAL);
    expect_violation("sgid_index");
    attributes.ah_attr.grh.sgid_index = 2;
    EXPECT_EQ(left.modify(attributes, uc_rtr_mask), 0);

    faults("mapped_gid=none");
    for (int index = 0; index < 8; ++index) {
        ASSERT_EQ(verbs().ibv_query_gid(right.context, 1, index, &gid), 0);
        EXPECT_FALSE(gid.raw[10] == 0xff && gid.raw[11] == 0xff);
    }
}

// ---- messages ----

TEST_P(SoftverbsOfBothTypes, DeliversToAReceiveThatWaits) {
    Pair pair(GetParam());
    std::memset(pair.left.sent(), 0x5a, verbs_frame);
    ASSERT_EQ(pair.right.receive(21), 0);
    ASSERT_EQ(pair.left.send(11), 0);
    const auto received = pair.right.wait(1);
    EXPECT_EQ(received[0].wr_id, 21U);
    EXPECT_EQ(received[0].status, IBV_WC_SUCCESS);
    EXPECT_EQ(received[0].opcode, IBV_WC_RECV);
    EXPECT_EQ(received[0].byte_len, verbs_frame);
    EXPECT_EQ(received[0].qp_num, pair.right.queue_pair->qp_num);
    EXPECT_EQ(std::memcmp(pair.right.received(), pair.left.sent(), verbs_frame), 0);
    const auto sent = pair.left.wait(1);
    EXPECT_EQ(sent[0].wr_id, 11U);
    EXPECT_EQ(sent[0].opcode, IBV_WC_SEND);
}

TEST_P(SoftverbsOfBothTypes, ASendWaitsForItsReceive) {
    Pair pair(GetParam());
    std::memset(pair.left.sent(), 0x5b, verbs_frame);
    ASSERT_EQ(pair.left.send(11), 0);
    EXPECT_TRUE(pair.left.poll().empty());
    ASSERT_EQ(pair.right.receive(21), 0);
    EXPECT_EQ(ids(pair.right.wait(1)), Ids{21});
    EXPECT_EQ(ids(pair.left.wait(1)), Ids{11});
    EXPECT_EQ(std::memcmp(pair.right.received(), pair.left.sent(), verbs_frame), 0);
}

TEST_P(SoftverbsOfBothTypes, ASendWaitsUntilItsPeerIsReady) {
    EndPoint left(on("soft0", GetParam())), right(on("soft1", GetParam()));
    ASSERT_EQ(left.connect(right.address()), 0);
    ASSERT_EQ(left.send(11), 0);
    ASSERT_EQ(right.to_init(), 0);
    ASSERT_EQ(right.receive(21), 0);
    EXPECT_TRUE(left.poll().empty());
    ASSERT_EQ(right.to_rtr(left.address()), 0);
    EXPECT_EQ(ids(right.wait(1)), Ids{21});
    EXPECT_EQ(ids(left.wait(1)), Ids{11});
}

TEST_P(SoftverbsOfBothTypes, APostedSendLeavesItsBufferAtOnce) {
    verbs().softverbs_set_completion("posted");
    Pair pair(GetParam());
    std::memset(pair.left.sent(), 1, verbs_frame);
    ASSERT_EQ(pair.left.send(11), 0);
    EXPECT_EQ(ids(pair.left.wait(1)), Ids{11});
    std::memset(pair.left.sent(), 2, verbs_frame);
    ASSERT_EQ(pair.left.send(12), 0);
    ASSERT_EQ(pair.right.receive(21), 0);
    EXPECT_EQ(ids(pair.right.wait(1)), Ids{21});
    EXPECT_EQ(std::to_integer<int>(pair.right.received()[4095]), 1);
}

TEST_P(SoftverbsOfBothTypes, KeepsTheOrder) {
    Pair pair(GetParam());
    for (std::uint32_t i = 0; i < 7; ++i) {
        std::memset(pair.left.buffer + i * verbs_frame, static_cast<int>(i), verbs_frame);
        ASSERT_EQ(pair.left.send(i, pair.left.piece(i * verbs_frame, verbs_frame)), 0);
    }
    for (std::uint32_t i = 0; i < 7; ++i)
        ASSERT_EQ(pair.right.receive(i, pair.right.piece(i * verbs_frame, verbs_frame)), 0);
    const Ids expected{0, 1, 2, 3, 4, 5, 6};
    EXPECT_EQ(ids(pair.right.wait(7)), expected);
    EXPECT_EQ(ids(pair.left.wait(7)), expected);
    for (std::uint32_t i = 0; i < 7; ++i)
        EXPECT_EQ(std::to_integer<std::uint32_t>(pair.right.buffer[i * verbs_frame + 7]), i);
}

TEST_F(SoftverbsTest, UcCanDropWhatNobodyWaitsFor) {
    verbs().softverbs_set_uc("drop");
    Pair pair;
    ASSERT_EQ(pair.left.send(11), 0);
    EXPECT_EQ(ids(pair.left.wait(1)), Ids{11});
    ASSERT_EQ(pair.right.receive(21), 0);
    EXPECT_TRUE(pair.right.poll().empty());
    ASSERT_EQ(pair.left.send(12), 0);
    EXPECT_EQ(ids(pair.right.wait(1)), Ids{21});

    Pair reliable(IBV_QPT_RC);
    ASSERT_EQ(reliable.left.send(11), 0);
    ASSERT_EQ(reliable.right.receive(21), 0);
    EXPECT_EQ(ids(reliable.right.wait(1)), Ids{21});
}

TEST_F(SoftverbsTest, GathersAndScatters) {
    EndPointShape left = on("soft0"), right = on("soft1");
    left.pieces = right.pieces = 3;
    Pair pair(left, right);
    for (std::size_t i = 0; i < 3 * verbs_frame; ++i) pair.left.buffer[i] = static_cast<std::byte>(i * 31 / 7);
    ASSERT_EQ(pair.right.receive(21, {pair.right.piece(0, 100), pair.right.piece(100, 2 * verbs_frame - 100)}), 0);
    ASSERT_EQ(pair.left.send(11, {pair.left.piece(0, 4000), pair.left.piece(4000, 192), pair.left.piece(4192, 4000)}),
              0);
    EXPECT_EQ(statuses(pair.right.wait(1)), Statuses{IBV_WC_SUCCESS});
    EXPECT_EQ(std::memcmp(pair.left.buffer, pair.right.buffer, 2 * verbs_frame), 0);
}

TEST_F(SoftverbsTest, SendsWithoutASignalCompleteSilently) {
    EndPointShape left = on("soft0");
    left.depth = 2;
    Pair pair(left, on("soft1"));
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_EQ(pair.right.receive(i), 0);
    ASSERT_EQ(pair.left.send(1, pair.left.piece(0, verbs_frame), 0), 0);
    EXPECT_TRUE(pair.left.poll().empty());
    ASSERT_EQ(pair.left.send(2), 0);
    EXPECT_EQ(pair.left.send(3), ENOMEM) << "the silent one's place is free only once a completion behind it is polled";
    expect_violation("outstanding already");
    EXPECT_EQ(ids(pair.left.wait(1)), Ids{2});
    EXPECT_EQ(pair.left.send(3), 0);

    EndPointShape signaled = on("soft2");
    signaled.all_signaled = true;
    Pair all(signaled, on("soft3"));
    ASSERT_EQ(all.right.receive(1), 0);
    ASSERT_EQ(all.left.send(1, all.left.piece(0, verbs_frame), 0), 0);
    EXPECT_EQ(ids(all.left.wait(1)), Ids{1});
}

TEST_F(SoftverbsTest, TwoQueuePairsOnOnePairOfDevices) {
    Pair one, other;
    ASSERT_EQ(one.right.receive(1), 0);
    ASSERT_EQ(other.right.receive(2), 0);
    ASSERT_EQ(other.left.send(4), 0);
    EXPECT_TRUE(one.right.poll().empty());
    EXPECT_EQ(ids(other.right.wait(1)), Ids{2});
    ASSERT_EQ(one.left.send(3), 0);
    EXPECT_EQ(ids(one.right.wait(1)), Ids{1});
}

TEST_F(SoftverbsTest, CanBeAddressedByLid) {
    EndPoint left(on("soft0")), right(on("soft1"));
    const auto connect = [](EndPoint& end, const VerbsAddress& peer) {
        ibv_qp_attr attributes = EndPoint::rtr_attributes(peer);
        attributes.ah_attr.is_global = 0;
        attributes.ah_attr.grh = {};
        return end.to_init() | end.modify(attributes, uc_rtr_mask) | end.to_rts();
    };
    ASSERT_EQ(connect(left, right.address()), 0);
    ASSERT_EQ(connect(right, left.address()), 0);
    ASSERT_EQ(right.receive(21), 0);
    ASSERT_EQ(left.send(11), 0);
    EXPECT_EQ(ids(right.wait(1)), Ids{21});
}

TEST_F(SoftverbsTest, RanksThatAreThreadsReachEachOther) {
    constexpr int ranks = 4, rounds = 200;
    // [i][j]: of rank i, to rank j.
    std::array<std::array<std::unique_ptr<EndPoint>, ranks>, ranks> ends;
    for (int i = 0; i < ranks; ++i) {
        for (int j = 0; j < ranks; ++j) {
            if (i != j)
                ends[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] =
                    std::make_unique<EndPoint>(on("soft" + std::to_string(i), i + j > 3 ? IBV_QPT_RC : IBV_QPT_UC));
        }
    }
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < ranks; ++i) {
        threads.emplace_back([&, i] {
            try {
                for (std::size_t j = 0; j < ranks; ++j) {
                    if (i != j && ends[i][j]->connect(ends[j][i]->address()) != 0) ++wrong;
                }
                for (int round = 0; round < rounds; ++round) {
                    for (std::size_t j = 0; j < ranks; ++j) {
                        if (i == j) continue;
                        std::memset(ends[i][j]->sent(), static_cast<int>(i) + round, verbs_frame);
                        if (ends[i][j]->receive(1) != 0 || ends[i][j]->send(2) != 0) ++wrong;
                    }
                    for (std::size_t j = 0; j < ranks; ++j) {
                        if (i == j) continue;
                        for (const ibv_wc& work : ends[i][j]->wait(2)) wrong += work.status != IBV_WC_SUCCESS;
                        wrong += ends[i][j]->received()[99] != static_cast<std::byte>(static_cast<int>(j) + round);
                    }
                }
            } catch (const std::exception&) {
                ++wrong;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

// ---- strictness ----

TEST_F(SoftverbsTest, LengthsThatDifferFailUc) {
    Pair pair;
    ASSERT_EQ(pair.right.receive(21, pair.right.piece(0, 2 * verbs_frame)), 0);
    ASSERT_EQ(pair.right.receive(22), 0);
    ASSERT_EQ(pair.left.send(11), 0);
    const auto received = pair.right.wait(2);
    EXPECT_EQ(ids(received), (Ids{21, 22}));
    EXPECT_EQ(statuses(received), (Statuses{IBV_WC_LOC_LEN_ERR, IBV_WC_WR_FLUSH_ERR}));
    EXPECT_EQ(statuses(pair.left.wait(1)), Statuses{IBV_WC_SUCCESS}) << "nobody tells a UC sender";
    expect_violation("a SEND of 4096 bytes met a RECV of 8192 bytes");
}

TEST_F(SoftverbsTest, LengthsThatDifferFailRc) {
    Pair pair(IBV_QPT_RC);
    ASSERT_EQ(pair.left.send(11, pair.left.piece(0, 2 * verbs_frame)), 0);
    ASSERT_EQ(pair.left.send(12), 0);
    ASSERT_EQ(pair.right.receive(21), 0);
    EXPECT_EQ(statuses(pair.right.wait(1)), Statuses{IBV_WC_LOC_LEN_ERR});
    EXPECT_EQ(statuses(pair.left.wait(2)), (Statuses{IBV_WC_REM_INV_REQ_ERR, IBV_WC_WR_FLUSH_ERR}));
    expect_violation("a SEND of 8192 bytes met a RECV of 4096 bytes");
}

TEST_P(SoftverbsOfBothTypes, LengthsAreMultiplesOfFrames) {
    Pair sending(GetParam());
    ASSERT_EQ(sending.left.send(11, sending.left.piece(0, 5000)), 0);
    ASSERT_EQ(sending.left.send(12), 0);
    EXPECT_EQ(statuses(sending.left.wait(2)), (Statuses{IBV_WC_LOC_LEN_ERR, IBV_WC_WR_FLUSH_ERR}));
    expect_violation("5000 bytes are no multiple");
    Pair receiving(GetParam());
    ASSERT_EQ(receiving.right.receive(21, receiving.right.piece(0, 100)), 0);
    EXPECT_EQ(statuses(receiving.right.wait(1)), Statuses{IBV_WC_LOC_LEN_ERR});
    expect_violation("100 bytes are no multiple");
}

TEST_P(SoftverbsOfBothTypes, DepthsAreKept) {
    EndPointShape shape = on("soft0", GetParam());
    shape.depth = 2;
    Pair pair(shape, on("soft1", GetParam()));
    for (std::uint64_t i = 0; i < 2; ++i) {
        ASSERT_EQ(pair.left.send(i), 0);
        ASSERT_EQ(pair.left.receive(10 + i), 0);
    }
    EXPECT_EQ(pair.left.send(3), ENOMEM);
    EXPECT_EQ(pair.left.receive(13), ENOMEM);
    ASSERT_EQ(pair.right.receive(20), 0);
    EXPECT_EQ(pair.left.send(3), ENOMEM) << "it has completed, but the completion has not been polled";
    EXPECT_EQ(violation_count(), 3U);
    EXPECT_EQ(ids(pair.left.wait(1)), Ids{0});
    EXPECT_EQ(pair.left.send(3), 0);
    expect_violation("2 are outstanding already");
}

TEST_P(SoftverbsOfBothTypes, StatesAndMasksAreChecked) {
    EndPoint end(on("soft0", GetParam()));
    const VerbsAddress peer = end.address();
    EXPECT_EQ(end.send(1), EINVAL);
    EXPECT_EQ(end.receive(2), EINVAL);
    expect_violation("the state is RESET");
    EXPECT_EQ(end.to_rtr(peer), EINVAL);
    EXPECT_EQ(end.to_rts(), EINVAL);
    expect_violation("there is no way from RESET to RT");

    for (const int bit : {IBV_QP_PKEY_INDEX, IBV_QP_PORT, IBV_QP_ACCESS_FLAGS, IBV_QP_STATE})
        EXPECT_EQ(end.modify(EndPoint::init_attributes(), init_mask & ~bit), EINVAL);
    EXPECT_EQ(end.modify(EndPoint::init_attributes(), init_mask | IBV_QP_SQ_PSN), EINVAL);
    ASSERT_EQ(end.to_init(), 0);
    EXPECT_EQ(end.send(1), EINVAL);
    EXPECT_EQ(end.receive(2), 0);

    for (int bit = 2; bit <= IBV_QP_DEST_QPN; bit *= 2) {
        if ((end.rtr_mask() & bit) == 0) continue;
        EXPECT_EQ(end.modify(EndPoint::rtr_attributes(peer), end.rtr_mask() & ~bit), EINVAL) << bit;
    }
    EXPECT_EQ(end.modify(EndPoint::rtr_attributes(peer), end.rtr_mask() | IBV_QP_SQ_PSN), EINVAL);
    const int of_the_other_type = GetParam() == IBV_QPT_UC ? rc_rtr_mask : uc_rtr_mask;
    EXPECT_EQ(end.modify(EndPoint::rtr_attributes(peer), of_the_other_type), EINVAL);
    ASSERT_EQ(end.to_rtr(peer), 0);
    EXPECT_EQ(end.send(1), EINVAL);

    for (int bit = 2; bit <= IBV_QP_SQ_PSN; bit *= 2) {
        if ((end.rts_mask() & bit) == 0) continue;
        EXPECT_EQ(end.modify(EndPoint::rts_attributes(), end.rts_mask() & ~bit), EINVAL) << bit;
    }
    EXPECT_EQ(end.modify(EndPoint::rts_attributes(), end.rts_mask() | IBV_QP_PATH_MTU), EINVAL);
    ASSERT_EQ(end.to_rts(), 0);
    EXPECT_EQ(end.to_init(), EINVAL);
    verbs().softverbs_clear_violations();
}

TEST_F(SoftverbsTest, AttributesAreChecked) {
    EndPoint end(on("soft0"));
    const VerbsAddress peer = end.address();
    ibv_qp_attr init = EndPoint::init_attributes();
    init.port_num = 2;
    EXPECT_EQ(end.modify(init, init_mask), EINVAL);
    ASSERT_EQ(end.to_init(), 0);
    const auto rejects = [&](auto change) {
        ibv_qp_attr attributes = EndPoint::rtr_attributes(peer);
        change(attributes);
        return end.modify(attributes, uc_rtr_mask) == EINVAL;
    };
    EXPECT_TRUE(rejects([](ibv_qp_attr& attributes) { attributes.path_mtu = static_cast<ibv_mtu>(0); }));
    EXPECT_TRUE(rejects([](ibv_qp_attr& attributes) { attributes.rq_psn = 1U << 24; }));
    EXPECT_TRUE(rejects([](ibv_qp_attr& attributes) { attributes.dest_qp_num = 1U << 24; }));
    EXPECT_TRUE(rejects([](ibv_qp_attr& attributes) { attributes.ah_attr.port_num = 0; }));
    EXPECT_TRUE(rejects([](ibv_qp_attr& attributes) { attributes.ah_attr.grh.sgid_index = 5; }));
    EXPECT_TRUE(rejects([](ibv_qp_attr& attributes) { attributes.ah_attr.grh.dgid = {}; }));
    EXPECT_TRUE(rejects([](ibv_qp_attr& attributes) { attributes.ah_attr.grh.hop_limit = 0; }));
    verbs().softverbs_clear_violations();
    EXPECT_EQ(end.to_rtr(peer), 0);
}

TEST_P(SoftverbsOfBothTypes, KeysAndRangesAreChecked) {
    const EndPoint foreign(on("soft2"));
    const auto fails = [&](auto change) {
        Pair sending(GetParam()), receiving(GetParam());
        ibv_sge sent = sending.left.piece(0, verbs_frame), received = receiving.right.piece(0, verbs_frame);
        change(sent, sending.left);
        change(received, receiving.right);
        EXPECT_EQ(sending.left.send(1, sent), 0);
        EXPECT_EQ(statuses(sending.left.wait(1)), Statuses{IBV_WC_LOC_PROT_ERR});
        EXPECT_EQ(receiving.right.receive(2, received), 0);
        EXPECT_EQ(statuses(receiving.right.wait(1)), Statuses{IBV_WC_LOC_PROT_ERR});
    };
    fails([](ibv_sge& piece, EndPoint&) { piece.lkey += 1; });
    expect_violation("is no region's");
    fails([&](ibv_sge& piece, EndPoint&) { piece.lkey = foreign.region->lkey; });
    expect_violation("is of another protection domain");
    fails([](ibv_sge& piece, EndPoint&) { piece.addr -= 1; });
    fails([](ibv_sge& piece, EndPoint& end) { piece.addr += end.shape.bytes - verbs_frame + 1; });
    expect_violation("the range is outside the region");
}

TEST_F(SoftverbsTest, ReadOnlyMemoryIsNotWritten) {
    Pair pair;
    ibv_mr* region = verbs().ibv_reg_mr(pair.right.domain, pair.right.buffer, verbs_frame, 0);
    ASSERT_NE(region, nullptr);
    ibv_sge piece = pair.right.piece(0, verbs_frame);
    piece.lkey = region->lkey;
    ASSERT_EQ(pair.right.receive(1, piece), 0);
    EXPECT_EQ(statuses(pair.right.wait(1)), Statuses{IBV_WC_LOC_PROT_ERR});
    expect_violation("must not be written");
    EXPECT_EQ(verbs().ibv_dereg_mr(region), 0);
    EXPECT_EQ(verbs().ibv_reg_mr(pair.right.domain, pair.right.buffer, verbs_frame, IBV_ACCESS_REMOTE_WRITE), nullptr);
    EXPECT_EQ(errno, EINVAL);
    verbs().softverbs_clear_violations();
}

TEST_P(SoftverbsOfBothTypes, RequestsOfMemoryThatHasGoneFail) {
    Pair pair(GetParam());
    const auto region_of = [](EndPoint& end) {
        return verbs().ibv_reg_mr(end.domain, end.buffer, verbs_frame, all_access);
    };
    ibv_mr* left = region_of(pair.left);
    ibv_sge piece = pair.left.piece(0, verbs_frame);
    piece.lkey = left->lkey;
    ASSERT_EQ(pair.left.send(1, piece), 0);
    EXPECT_EQ(verbs().ibv_dereg_mr(left), 0);
    EXPECT_EQ(statuses(pair.left.wait(1)), Statuses{IBV_WC_LOC_PROT_ERR});

    Pair other(GetParam());
    ibv_mr* right = region_of(other.right);
    piece = other.right.piece(0, verbs_frame);
    piece.lkey = right->lkey;
    ASSERT_EQ(other.right.receive(2, piece), 0);
    EXPECT_EQ(verbs().ibv_dereg_mr(right), 0);
    ASSERT_EQ(other.left.send(3), 0);
    EXPECT_EQ(statuses(other.right.wait(1)), Statuses{IBV_WC_LOC_PROT_ERR});
    EXPECT_EQ(statuses(other.left.wait(1)), Statuses{GetParam() == IBV_QPT_RC ? IBV_WC_REM_OP_ERR : IBV_WC_SUCCESS});
}

TEST_F(SoftverbsTest, PacketNumbersMustAgree) {
    EndPoint left(on("soft0")), right(on("soft1"));
    ASSERT_EQ(left.to_init() | left.to_rtr(right.address()), 0);
    ibv_qp_attr attributes = EndPoint::rts_attributes();
    attributes.sq_psn = 8;
    ASSERT_EQ(left.modify(attributes, uc_rts_mask), 0);
    ASSERT_EQ(right.connect(left.address()), 0);
    ASSERT_EQ(right.receive(1), 0);
    ASSERT_EQ(left.send(2), 0);
    EXPECT_TRUE(right.poll().empty());
    EXPECT_TRUE(left.poll().empty());
    expect_violation("expects packets from number 7, but the sender began with 8");
}

TEST_F(SoftverbsTest, OnlyThePeerIsHeard) {
    Pair pair;
    EndPoint stranger(on("soft2"));
    ASSERT_EQ(stranger.connect(pair.right.address()), 0);
    ASSERT_EQ(pair.right.receive(1), 0);
    ASSERT_EQ(stranger.send(2), 0);
    EXPECT_TRUE(pair.right.poll().empty());
    expect_violation("which is not connected to it");
    ASSERT_EQ(pair.left.send(3), 0);
    EXPECT_EQ(ids(pair.right.wait(1)), Ids{1});
}

TEST_F(SoftverbsTest, ACompletionQueueCanOverrun) {
    EndPointShape shape = on("soft1");
    shape.entries = 2;
    Pair pair(on("soft0"), shape);
    for (std::uint64_t i = 0; i < 3; ++i) {
        ASSERT_EQ(pair.right.receive(i), 0);
        ASSERT_EQ(pair.left.send(i), 0);
    }
    EXPECT_THROW(pair.right.poll(), std::runtime_error);
    expect_violation("a completion queue of 2 entries is overrun");
}

TEST_F(SoftverbsTest, WhatIsInUseIsNotDestroyed) {
    EndPointShape shape = on("soft0");
    shape.channel = true;
    const EndPoint end(shape);
    EXPECT_EQ(verbs().softverbs_live_objects(), 6U);
    EXPECT_EQ(verbs().ibv_destroy_cq(end.queue), EBUSY);
    EXPECT_EQ(verbs().ibv_destroy_comp_channel(end.channel), EBUSY);
    EXPECT_EQ(verbs().ibv_dealloc_pd(end.domain), EBUSY);
    EXPECT_EQ(verbs().ibv_close_device(end.context), EBUSY);
    EXPECT_EQ(verbs().softverbs_live_objects(), 6U);
    EXPECT_EQ(violation_count(), 4U);
    verbs().softverbs_clear_violations();
}

TEST_F(SoftverbsTest, QueuePairsThatAreNotOfferedAreRefused) {
    const EndPoint end(on("soft0")), other(on("soft0"));
    const auto refused = [&](auto change) {
        ibv_qp_init_attr attributes{};
        attributes.send_cq = attributes.recv_cq = end.queue;
        attributes.cap = {1, 1, 1, 1, 0};
        attributes.qp_type = IBV_QPT_UC;
        change(attributes);
        return verbs().ibv_create_qp(end.domain, &attributes) == nullptr && errno == EINVAL;
    };
    EXPECT_TRUE(refused([](ibv_qp_init_attr& attributes) { attributes.qp_type = IBV_QPT_UD; }));
    EXPECT_TRUE(refused([](ibv_qp_init_attr& attributes) { attributes.send_cq = nullptr; }));
    EXPECT_TRUE(refused([&](ibv_qp_init_attr& attributes) { attributes.recv_cq = other.queue; }));
    EXPECT_TRUE(refused([](ibv_qp_init_attr& attributes) { attributes.cap.max_send_sge = 100; }));
    EXPECT_TRUE(refused([](ibv_qp_init_attr& attributes) { attributes.cap.max_inline_data = 64; }));
    EXPECT_TRUE(refused([](ibv_qp_init_attr& attributes) { attributes.cap.max_send_wr = 1U << 30; }));
    verbs().softverbs_clear_violations();
}

// ---- the life of a queue pair ----

TEST_P(SoftverbsOfBothTypes, TheErrorStateFlushes) {
    Pair pair(GetParam());
    ASSERT_EQ(pair.left.send(1), 0);
    ASSERT_EQ(pair.left.send(2), 0);
    ASSERT_EQ(pair.left.receive(3), 0);
    ibv_qp_attr attributes{};
    attributes.qp_state = IBV_QPS_ERR;
    ASSERT_EQ(pair.left.modify(attributes, IBV_QP_STATE), 0);
    EXPECT_EQ(statuses(pair.left.wait(3)), Statuses(3, IBV_WC_WR_FLUSH_ERR));
    // What was given up is not delivered, and what is posted now is flushed.
    ASSERT_EQ(pair.right.receive(4), 0);
    EXPECT_TRUE(pair.right.poll().empty());
    EXPECT_EQ(pair.left.send(5), 0);
    EXPECT_EQ(pair.left.receive(6), 0);
    const auto flushed = pair.left.wait(2);
    EXPECT_EQ(ids(flushed), (Ids{5, 6}));
    EXPECT_EQ(statuses(flushed), Statuses(2, IBV_WC_WR_FLUSH_ERR));
}

TEST_P(SoftverbsOfBothTypes, CanBeResetAndConnectedAnew) {
    Pair pair(GetParam());
    ASSERT_EQ(pair.left.send(1), 0);
    ibv_qp_attr attributes{};
    attributes.qp_state = IBV_QPS_RESET;
    ASSERT_EQ(pair.left.modify(attributes, IBV_QP_STATE), 0);
    ASSERT_EQ(pair.right.modify(attributes, IBV_QP_STATE), 0);
    EXPECT_TRUE(pair.left.poll().empty());
    ASSERT_EQ(pair.left.connect(pair.right.address()) | pair.right.connect(pair.left.address()), 0);
    ASSERT_EQ(pair.right.receive(2), 0);
    EXPECT_TRUE(pair.right.poll().empty());
    ASSERT_EQ(pair.left.send(3), 0);
    EXPECT_EQ(ids(pair.right.wait(1)), Ids{2});
}

TEST_P(SoftverbsOfBothTypes, OutstandingRequestsGoWithTheirQueuePair) {
    EndPoint right(on("soft1", GetParam()));
    {
        EndPoint left(on("soft0", GetParam()));
        ASSERT_EQ(left.connect(right.address()) | right.connect(left.address()), 0);
        ASSERT_EQ(left.send(1), 0);
        ASSERT_EQ(left.receive(2), 0);
    }
    ASSERT_EQ(right.receive(3), 0);
    EXPECT_TRUE(right.poll().empty());
    // A reliable sender notices that nobody answers.
    ASSERT_EQ(right.send(4), 0);
    if (GetParam() == IBV_QPT_RC) {
        const auto failed = right.wait(2);
        EXPECT_EQ(statuses(failed), (Statuses{IBV_WC_RETRY_EXC_ERR, IBV_WC_WR_FLUSH_ERR}));
    } else {
        EXPECT_TRUE(right.poll().empty());
    }
}

TEST_P(SoftverbsOfBothTypes, QueuePairsCanGoWhileMessagesTravel) {
    for (int round = 0; round < 30; ++round) {
        EndPointShape shape = on("soft0", GetParam());
        shape.bytes = 128 * verbs_frame;
        EndPoint left(shape);
        shape.device = "soft1";
        auto right = std::make_unique<EndPoint>(shape);
        ASSERT_EQ(left.connect(right->address()) | right->connect(left.address()), 0);
        std::atomic<bool> sending = false;
        std::atomic<bool> gone = false;
        std::thread sender([&] {
            std::uint32_t outstanding = 0;
            do {
                if (outstanding < left.shape.depth && left.send(1, left.piece(0, 64 * verbs_frame)) == 0) ++outstanding;
                sending = true;
                outstanding -= static_cast<std::uint32_t>(left.poll().size());
            } while (!gone);
        });
        for (std::uint64_t i = 0; i < 8; ++i)
            EXPECT_EQ(right->receive(i, right->piece(64 * verbs_frame, 64 * verbs_frame)), 0);
        while (!sending) std::this_thread::yield();
        right.reset();
        gone = true;
        sender.join();
    }
}

// ---- faults ----

TEST_F(SoftverbsTest, RulesThatCannotBeReadAreRefused) {
    faults("device=soft0:open_device=EIO");
    for (const char* rules : {"nonsense", "open_device=nonsense", "open_device@0=EIO", "qp=0:send=IBV_WC_GENERAL_ERR",
                              "qp=1:link@3=sideways", "device=soft0", "list@2=missing", "mapped_gid=9"})
        EXPECT_EQ(verbs().softverbs_set_faults(rules), EINVAL) << rules;
    EXPECT_EQ(EndPoint::open("soft0"), nullptr) << "the rules before still count";
    EXPECT_EQ(verbs().softverbs_set_devices("a-b"), EINVAL);
    EXPECT_EQ(verbs().softverbs_set_completion("sometimes"), EINVAL);
    EXPECT_EQ(verbs().softverbs_set_cables("a:b"), EINVAL);
}

TEST_F(SoftverbsTest, CallsFailAtTheirTurn) {
    // The second context's.
    for (const char* call : {"open_device", "alloc_pd", "create_comp_channel", "create_cq", "create_qp", "reg_mr"}) {
        SCOPED_TRACE(call);
        EndPointShape shape = on("soft0");
        shape.channel = true;
        faults(std::string(call) + "@2=ENOMEM");
        const EndPoint works(shape);
        errno = 0;
        EXPECT_THROW(EndPoint fails(shape), std::runtime_error);
        const EndPoint works_again(shape);
    }
    EndPoint end(on("soft0"));
    faults(
        "modify_qp:RTR=EBUSY;modify_qp:RTS@2=5;query_port=EIO;query_gid=EIO;post_recv@2+=EFAULT;post_send=ENOMEM;poll_"
        "cq=EIO");
    ibv_port_attr port{};
    EXPECT_EQ(verbs().ibv_query_port(end.context, 1, reinterpret_cast<_compat_ibv_port_attr*>(&port)), EIO);
    ibv_gid gid;
    EXPECT_EQ(verbs().ibv_query_gid(end.context, 1, 1, &gid), -1);
    EXPECT_EQ(end.to_init(), 0);
    EXPECT_EQ(end.to_rtr(end.address()), EBUSY);
    EXPECT_EQ(end.receive(1), 0);
    EXPECT_EQ(end.receive(2), EFAULT);
    EXPECT_EQ(end.receive(3), EFAULT);
    EXPECT_EQ(end.send(4), ENOMEM);
    ibv_wc work;
    EXPECT_EQ(ibv_poll_cq(end.queue, 1, &work), -1);
    verbs().softverbs_set_no_channel("1");
    EXPECT_EQ(verbs().ibv_create_comp_channel(end.context), nullptr);
    EXPECT_EQ(errno, ENOSYS);
}

TEST_P(SoftverbsOfBothTypes, SendsAndReceivesFailAtTheirTurn) {
    faults("qp=1:send@3=IBV_WC_GENERAL_ERR;qp=4:recv@2=IBV_WC_LOC_ACCESS_ERR");
    Pair sending(GetParam()), receiving(GetParam());
    for (Pair* pair : {&sending, &receiving}) {
        for (std::uint64_t i = 1; i <= 4; ++i) {
            ASSERT_EQ(pair->right.receive(i), 0);
            ASSERT_EQ(pair->left.send(i), 0);
        }
    }
    EXPECT_EQ(statuses(sending.left.wait(4)),
              (Statuses{IBV_WC_SUCCESS, IBV_WC_SUCCESS, IBV_WC_GENERAL_ERR, IBV_WC_WR_FLUSH_ERR}));
    EXPECT_EQ(statuses(sending.right.wait(2)), Statuses(2, IBV_WC_SUCCESS));
    EXPECT_TRUE(sending.right.poll().empty());

    EXPECT_EQ(statuses(receiving.right.wait(4)),
              (Statuses{IBV_WC_SUCCESS, IBV_WC_LOC_ACCESS_ERR, IBV_WC_WR_FLUSH_ERR, IBV_WC_WR_FLUSH_ERR}));
    if (GetParam() == IBV_QPT_RC) {
        EXPECT_EQ(statuses(receiving.left.wait(4)),
                  (Statuses{IBV_WC_SUCCESS, IBV_WC_REM_OP_ERR, IBV_WC_WR_FLUSH_ERR, IBV_WC_WR_FLUSH_ERR}));
    } else {
        EXPECT_EQ(statuses(receiving.left.wait(2)), Statuses(2, IBV_WC_SUCCESS));
    }
}

TEST_P(SoftverbsOfBothTypes, ALinkCanGoDown) {
    faults("device=soft1:link@3=down");
    Pair pair(GetParam());
    for (std::uint64_t i = 1; i <= 4; ++i) {
        ASSERT_EQ(pair.right.receive(i), 0);
        ASSERT_EQ(pair.left.send(i), 0);
    }
    EXPECT_EQ(ids(pair.right.poll()), (Ids{1, 2}));
    if (GetParam() == IBV_QPT_RC) {
        EXPECT_EQ(statuses(pair.left.wait(4)),
                  (Statuses{IBV_WC_SUCCESS, IBV_WC_SUCCESS, IBV_WC_RETRY_EXC_ERR, IBV_WC_WR_FLUSH_ERR}));
    } else {
        EXPECT_EQ(ids(pair.left.poll()), (Ids{1, 2}));
    }
}

TEST_F(SoftverbsTest, OneMessageCanBeLost) {
    verbs().softverbs_set_completion("posted");
    faults("device=soft0:link@2=lose");
    Pair pair;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        std::memset(pair.left.sent(), static_cast<int>(i), verbs_frame);
        ASSERT_EQ(pair.right.receive(i), 0);
        ASSERT_EQ(pair.left.send(i), 0);
    }
    EXPECT_EQ(ids(pair.right.poll()), (Ids{1, 2}));
    EXPECT_EQ(std::to_integer<int>(pair.right.received()[0]), 3);
}

TEST_P(SoftverbsOfBothTypes, MessagesNeedACable) {
    ASSERT_EQ(verbs().softverbs_set_cables((cable("soft0", "soft1") + "," + cable("soft3", "soft2")).c_str()), 0);
    Pair joined(GetParam()), reversed(on("soft2", GetParam()), on("soft3", GetParam())),
        apart(on("soft0", GetParam()), on("soft2", GetParam()));
    for (Pair* pair : {&joined, &reversed, &apart}) {
        ASSERT_EQ(pair->right.receive(1), 0);
        ASSERT_EQ(pair->left.send(2), 0);
    }
    EXPECT_EQ(ids(joined.right.wait(1)), Ids{1});
    EXPECT_EQ(ids(reversed.right.wait(1)), Ids{1});
    EXPECT_TRUE(apart.right.poll().empty());
    if (GetParam() == IBV_QPT_RC) {
        EXPECT_EQ(statuses(apart.left.wait(1)), Statuses{IBV_WC_RETRY_EXC_ERR});
    } else {
        EXPECT_TRUE(apart.left.poll().empty());
    }
}

TEST_F(SoftverbsTest, QueuePairsCanBeLimited) {
    faults("device=soft0:queue_pairs=2");
    auto one = std::make_unique<EndPoint>(on("soft0"));
    const EndPoint two(on("soft0")), elsewhere(on("soft1"));
    EXPECT_THROW(EndPoint(on("soft0")), std::runtime_error);
    EXPECT_EQ(errno, EBUSY);
    one.reset();
    const EndPoint three(on("soft0"));

    faults("device=soft2:queue_pairs:RTR=1");
    EndPoint first(on("soft2")), second(on("soft2"));
    EXPECT_EQ(first.connect(elsewhere.address()), 0);
    EXPECT_EQ(second.connect(elsewhere.address()), EBUSY);
    ibv_qp_attr reset{};
    reset.qp_state = IBV_QPS_RESET;
    EXPECT_EQ(first.modify(reset, IBV_QP_STATE), 0);
    EXPECT_EQ(second.to_rtr(elsewhere.address()), 0);
}

TEST_P(SoftverbsOfBothTypes, APeerCanBeSlow) {
    faults("device=soft1:slow=20000");
    Pair pair(GetParam());
    ASSERT_EQ(pair.right.receive(1), 0);
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(pair.left.send(2), 0);
    EXPECT_EQ(ids(pair.right.wait(1)), Ids{1});
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(20));
    EXPECT_EQ(ids(pair.left.wait(1)), Ids{2});
}

TEST_F(SoftverbsTest, CompletionsOfDifferentQueuePairsCanComeInAnotherOrder) {
    faults("reorder=2000");
    constexpr std::size_t pairs = 4;
    constexpr std::uint64_t messages = 5;
    std::vector<std::unique_ptr<Pair>> all;
    for (std::size_t i = 0; i < pairs; ++i) all.push_back(std::make_unique<Pair>());
    bool reordered = false;
    for (int attempt = 0; attempt < 50 && !reordered; ++attempt) {
        for (std::uint64_t message = 0; message < messages; ++message) {
            for (const auto& pair : all) {
                ASSERT_EQ(pair->right.receive(message), 0);
                ASSERT_EQ(pair->left.send(message), 0);
            }
        }
        // In the order of arrival the first pair's completions would always come before the second one's.
        std::vector<std::uint64_t> seen(pairs);
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (*std::ranges::min_element(seen) < messages) {
            ASSERT_LT(std::chrono::steady_clock::now(), until);
            // Backwards, lest a completion that comes during the round looks like an earlier one.
            for (std::size_t i = pairs; i-- > 0;) {
                for (const ibv_wc& work : all[i]->right.poll())
                    ASSERT_EQ(work.wr_id, seen[i]++) << "those of one queue pair keep their order";
            }
            for (std::size_t i = 1; i < pairs; ++i) reordered = reordered || seen[i] > seen[i - 1];
        }
        for (const auto& pair : all) ASSERT_EQ(ids(pair->left.wait(messages)), (Ids{0, 1, 2, 3, 4}));
    }
    EXPECT_TRUE(reordered);
}

// ---- completion channels ----

bool readable(const ibv_comp_channel* channel) {
    pollfd descriptor{channel->fd, POLLIN, 0};
    return ::poll(&descriptor, 1, 0) == 1;
}

void take_event(EndPoint& end) {
    ibv_cq* queue = nullptr;
    void* user = nullptr;
    ASSERT_EQ(verbs().ibv_get_cq_event(end.channel, &queue, &user), 0);
    EXPECT_EQ(queue, end.queue);
    EXPECT_EQ(user, &end);
    verbs().ibv_ack_cq_events(queue, 1);
}

TEST_F(SoftverbsTest, AChannelTellsOfCompletionsThatComeAfterArming) {
    EndPointShape shape = on("soft1");
    shape.channel = true;
    Pair pair(on("soft0"), shape);
    const auto deliver = [&] {
        ASSERT_EQ(pair.right.receive(1), 0);
        ASSERT_EQ(pair.left.send(2), 0);
        ASSERT_EQ(ids(pair.left.wait(1)), Ids{2});
    };
    deliver();
    EXPECT_FALSE(readable(pair.right.channel)) << "it was not armed";
    ASSERT_EQ(ibv_req_notify_cq(pair.right.queue, 0), 0);
    EXPECT_FALSE(readable(pair.right.channel)) << "what came before does not count";
    deliver();
    EXPECT_TRUE(readable(pair.right.channel));
    deliver();
    take_event(pair.right);
    EXPECT_FALSE(readable(pair.right.channel)) << "one event for one arming";
    EXPECT_EQ(pair.right.wait(3).size(), 3U);

    // An event that nobody takes goes with its queue; one without acknowledgement keeps it.
    ASSERT_EQ(ibv_req_notify_cq(pair.right.queue, 0), 0);
    deliver();
    ibv_cq* queue = nullptr;
    void* user = nullptr;
    ASSERT_EQ(verbs().ibv_get_cq_event(pair.right.channel, &queue, &user), 0);
    ASSERT_EQ(verbs().ibv_destroy_qp(std::exchange(pair.right.queue_pair, nullptr)), 0);
    EXPECT_EQ(verbs().ibv_destroy_cq(pair.right.queue), EBUSY);
    expect_violation("events without acknowledgement");
    verbs().ibv_ack_cq_events(queue, 1);
    EXPECT_EQ(verbs().ibv_destroy_cq(std::exchange(pair.right.queue, nullptr)), 0);
}

TEST_F(SoftverbsTest, AnEventThatNobodyTakesGoesWithItsQueue) {
    EndPointShape shape = on("soft1");
    shape.channel = true;
    Pair pair(on("soft0"), shape);
    ASSERT_EQ(ibv_req_notify_cq(pair.right.queue, 0), 0);
    ASSERT_EQ(pair.right.receive(1), 0);
    ASSERT_EQ(pair.left.send(2), 0);
    EXPECT_TRUE(readable(pair.right.channel));
    ASSERT_EQ(verbs().ibv_destroy_qp(std::exchange(pair.right.queue_pair, nullptr)), 0);
    ASSERT_EQ(verbs().ibv_destroy_cq(std::exchange(pair.right.queue, nullptr)), 0);
    EXPECT_FALSE(readable(pair.right.channel));
}

TEST_F(SoftverbsTest, AChannelCanBeAskedWithoutWaiting) {
    EndPointShape shape = on("soft1");
    shape.channel = true;
    EndPoint end(shape);
    ASSERT_EQ(::fcntl(end.channel->fd, F_SETFL, O_NONBLOCK), 0);
    ibv_cq* queue = nullptr;
    void* user = nullptr;
    EXPECT_EQ(verbs().ibv_get_cq_event(end.channel, &queue, &user), -1);
    EXPECT_EQ(errno, EAGAIN);
}

// Waits as a careful caller does: poll, arm, poll again, sleep.
std::vector<ibv_wc> sleep_until_completed(EndPoint& end) {
    for (;;) {
        if (auto work = end.poll(); !work.empty()) return work;
        if (ibv_req_notify_cq(end.queue, 0) != 0) throw std::runtime_error("ibv_req_notify_cq fails");
        if (auto work = end.poll(); !work.empty()) return work;
        pollfd descriptor{end.channel->fd, POLLIN, 0};
        if (::poll(&descriptor, 1, 20'000) != 1) throw std::runtime_error("nobody wakes the sleeper");
        ibv_cq* queue = nullptr;
        void* user = nullptr;
        if (verbs().ibv_get_cq_event(end.channel, &queue, &user) != 0)
            throw std::runtime_error("ibv_get_cq_event fails");
        verbs().ibv_ack_cq_events(queue, 1);
    }
}

TEST_P(SoftverbsOfBothTypes, NoWakeUpIsLost) {
    EndPointShape left = on("soft0", GetParam()), right = on("soft1", GetParam());
    left.channel = right.channel = true;
    Pair pair(left, right);
    constexpr int rounds = 2000;
    std::atomic<int> failures = 0;
    const auto play = [&](EndPoint& end, bool first) {
        try {
            for (int round = 0; round < rounds; ++round) {
                failures += end.receive(1) != 0;
                if (first) failures += end.send(2) != 0;
                std::size_t sent = 0, received = 0;
                while (received == 0 || sent == 0) {
                    for (const ibv_wc& work : sleep_until_completed(end)) {
                        failures += work.status != IBV_WC_SUCCESS;
                        ++(work.opcode == IBV_WC_RECV ? received : sent);
                        if (!first && work.opcode == IBV_WC_RECV) failures += end.send(2) != 0;
                    }
                }
            }
        } catch (const std::exception&) {
            ++failures;
        }
    };
    std::thread other([&] { play(pair.right, false); });
    play(pair.left, true);
    other.join();
    EXPECT_EQ(failures, 0);
}

// ---- the record ----

TEST_F(SoftverbsTest, RecordsEveryCallOfInterest) {
    const auto path = std::filesystem::temp_directory_path() / ("softverbs-record-" + std::to_string(::getpid()));
    std::filesystem::remove(path);
    ASSERT_EQ(verbs().softverbs_set_record(path.c_str()), 0);
    std::uint32_t left = 0, right = 0;
    ibv_gid gid{};
    {
        Pair pair;
        left = pair.left.queue_pair->qp_num;
        right = pair.right.queue_pair->qp_num;
        gid = pair.right.address().gid;
        for (int i = 0; i < 16; ++i) pair.left.sent()[i] = static_cast<std::byte>(i * 16 + 1);
        ASSERT_EQ(pair.left.send(0x10001), 0);
        ASSERT_EQ(pair.right.receive(0x20000), 0);
        pair.left.wait(1);
        pair.right.wait(1);
        ASSERT_EQ(pair.left.send(1, pair.left.piece(0, 100)), 0);
        pair.left.wait(1);
        verbs().softverbs_clear_violations();
    }
    ASSERT_EQ(verbs().softverbs_set_record(nullptr), 0);

    std::vector<nlohmann::json> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
    std::filesystem::remove(path);
    std::uint64_t number = lines.front()["n"], time = 0;
    for (const auto& line : lines) {
        EXPECT_EQ(line["n"], number++);
        EXPECT_GE(line["t"], time);
        time = line["t"];
        EXPECT_EQ(line["host"], std::to_string(::getpid()));
    }
    const auto find = [&](const std::string& call, std::uint32_t queue_pair, const std::string& state = "") {
        for (const auto& line : lines) {
            if (line["call"] == call && line.value("qp", 0U) == queue_pair &&
                (state.empty() || line.value("state", "") == state))
                return line;
        }
        ADD_FAILURE() << call << ' ' << state << " is not in the record";
        return nlohmann::json();
    };
    const auto created = find("create_qp", left);
    EXPECT_EQ(created["device"], "soft0");
    EXPECT_EQ(created["type"], "UC");
    EXPECT_EQ(created["max_send_wr"], 32);
    EXPECT_EQ(created["max_recv_wr"], 32);
    EXPECT_EQ(created["max_send_sge"], 1);
    EXPECT_EQ(created["max_recv_sge"], 1);
    EXPECT_EQ(created["max_inline"], 0);
    EXPECT_EQ(created["sq_sig_all"], 0);
    const auto init = find("modify_qp", left, "INIT");
    EXPECT_EQ(init["mask"], init_mask);
    EXPECT_EQ(init["port"], 1);
    EXPECT_EQ(init["pkey_index"], 0);
    EXPECT_EQ(init["access"], all_access);
    const auto rtr = find("modify_qp", left, "RTR");
    std::ostringstream digits;
    for (const auto byte : gid.raw) digits << "0123456789abcdef"[byte >> 4] << "0123456789abcdef"[byte & 15];
    EXPECT_EQ(rtr["mask"], 0x101181);
    EXPECT_EQ(rtr["path_mtu"], IBV_MTU_1024);
    EXPECT_EQ(rtr["rq_psn"], 7);
    EXPECT_EQ(rtr["dest_qp_num"], right);
    EXPECT_EQ(rtr["is_global"], 1);
    EXPECT_EQ(rtr["sgid_index"], 1);
    EXPECT_EQ(rtr["hop_limit"], 1);
    EXPECT_EQ(rtr["dgid"], digits.str());
    EXPECT_EQ(rtr["peer_host"], std::to_string(::getpid()));
    EXPECT_EQ(rtr["peer_device"], "soft1");
    const auto rts = find("modify_qp", left, "RTS");
    EXPECT_EQ(rts["sq_psn"], 7);
    EXPECT_FALSE(rts.contains("timeout"));
    const auto sent = find("post_send", left);
    EXPECT_EQ(sent["wr_id"], 0x10001);
    EXPECT_EQ(sent["opcode"], IBV_WR_SEND);
    EXPECT_EQ(sent["flags"], IBV_SEND_SIGNALED);
    EXPECT_EQ(sent["length"], verbs_frame);
    EXPECT_EQ(sent["first"],
              "0111213141"
              "5161718191"
              "a1b1c1d1e1f1");
    const auto received = find("post_recv", right);
    EXPECT_EQ(received["wr_id"], 0x20000);
    EXPECT_EQ(received["length"], verbs_frame);
    const auto completed = find("completion", right);
    EXPECT_EQ(completed["wr_id"], 0x20000);
    EXPECT_EQ(completed["status"], IBV_WC_SUCCESS);
    EXPECT_EQ(completed["opcode"], IBV_WC_RECV);
    EXPECT_EQ(completed["byte_len"], verbs_frame);
    find("destroy_qp", right);
    EXPECT_EQ(lines.front()["call"], "open_device");
    EXPECT_EQ(lines.back()["call"], "close_device");
}

// ---- several processes ----

// peer_program.cpp on the fabric in a folder, as a host of its own.
class Peer {
public:
    Peer(const std::filesystem::path& fabric, const std::string& host, const std::vector<std::string>& more = {}) {
        std::array<int, 2> in{}, out{};
        if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
            throw std::runtime_error("pipe2");
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        std::vector<std::string> settings = more;
        settings.push_back("NC_SOFTVERBS_FABRIC=" + fabric.string());
        settings.push_back("NC_SOFTVERBS_HOST=" + host);
        std::vector<char*> environment;
        for (std::string& setting : settings) environment.push_back(setting.data());
        for (char** inherited = environ; *inherited != nullptr; ++inherited) environment.push_back(*inherited);
        environment.push_back(nullptr);
        std::string program = (softverbs_folder().parent_path() / "nc_softverbs_peer").string();
        std::array<char*, 2> arguments{program.data(), nullptr};
        const int error =
            ::posix_spawn(&process_, program.c_str(), &actions, nullptr, arguments.data(), environment.data());
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        in_ = in[1];
        out_ = out[0];
        if (error != 0) throw std::runtime_error(program + " cannot be started");
    }
    ~Peer() {
        ::close(in_);
        ::close(out_);
        if (process_ > 0) ::waitpid(process_, nullptr, 0);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    std::string ask(std::string line) {
        line += '\n';
        if (::write(in_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
            throw std::runtime_error("the peer has gone");
        return answer();
    }
    std::string answer() {
        std::string text;
        for (char character = 0;;) {
            pollfd descriptor{out_, POLLIN, 0};
            if (::poll(&descriptor, 1, 40'000) != 1 || ::read(out_, &character, 1) != 1)
                throw std::runtime_error("the peer does not answer");
            if (character == '\n') return text;
            text += character;
        }
    }
    void kill() {
        ::kill(process_, SIGKILL);
        ::waitpid(std::exchange(process_, 0), nullptr, 0);
    }

private:
    pid_t process_ = 0;
    int in_ = -1;
    int out_ = -1;
};

class SoftverbsProcesses : public SoftverbsOfBothTypes {
protected:
    void SetUp() override {
        SoftverbsTest::SetUp();
        std::string name = (std::filesystem::temp_directory_path() / "softverbs-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        fabric = name;
    }
    void TearDown() override {
        SoftverbsTest::TearDown();
        std::filesystem::remove_all(fabric);
    }
    static void connect(Peer& one, Peer& other) {
        const std::string open = GetParam() == IBV_QPT_RC ? "open rc" : "open uc";
        const std::string first = one.ask(open), second = other.ask(open);
        ASSERT_EQ(one.ask("connect " + second), "0");
        ASSERT_EQ(other.ask("connect " + first), "0");
    }
    static void exchange(Peer& sender, Peer& receiver) {
        const std::string frames = std::to_string(128 * verbs_frame);
        ASSERT_EQ(receiver.ask("receive 1 128"), "0");
        ASSERT_EQ(sender.ask("send 2 128 17"), "0");
        EXPECT_EQ(receiver.ask("wait"), "1 0 " + frames + " 17");
        EXPECT_EQ(sender.ask("wait"), "2 0 " + frames + " -1");
        // And the send first.
        ASSERT_EQ(sender.ask("send 3 128 18"), "0");
        ASSERT_EQ(receiver.ask("receive 4 128"), "0");
        EXPECT_EQ(receiver.ask("wait"), "4 0 " + frames + " 18");
        EXPECT_EQ(sender.ask("wait"), "3 0 " + frames + " -1");
    }

    std::filesystem::path fabric;
};
INSTANTIATE_TEST_SUITE_P(Types, SoftverbsProcesses, ::testing::Values(IBV_QPT_UC, IBV_QPT_RC),
                         [](const auto& type) { return type.param == IBV_QPT_UC ? "UC" : "RC"; });

TEST_P(SoftverbsProcesses, ReachEachOther) {
    for (const std::vector<std::string>& more :
         {std::vector<std::string>{}, {"NC_SOFTVERBS_COMPLETION=posted"}, {"NC_SOFTVERBS_NO_PEER_MEMORY=1"}}) {
        SCOPED_TRACE(more.empty() ? "" : more[0]);
        Peer one(fabric, "one", more), other(fabric, "other", more);
        ASSERT_NO_FATAL_FAILURE(connect(one, other));
        exchange(one, other);
        exchange(other, one);
        EXPECT_EQ(one.ask("close"), "0 0");
        EXPECT_EQ(other.ask("close"), "0 0");
        // Once more by the same processes, and by one that has left the fabric and comes back.
        ASSERT_NO_FATAL_FAILURE(connect(one, other));
        exchange(other, one);
        exchange(one, other);
        EXPECT_EQ(one.ask("close"), "0 0");
        ASSERT_NO_FATAL_FAILURE(connect(one, other));
        exchange(other, one);
        EXPECT_EQ(one.ask("close"), "0 0");
    }
}

TEST_P(SoftverbsProcesses, ReachEachOtherByCableOnly) {
    Peer one(fabric, "host-1", {"NC_SOFTVERBS_CABLES=host-1:soft0-host-2:soft0"});
    Peer two(fabric, "host-2", {"NC_SOFTVERBS_CABLES=host-1:soft0-host-2:soft0"});
    ASSERT_NO_FATAL_FAILURE(connect(one, two));
    exchange(one, two);
    Peer three(fabric, "host-3", {"NC_SOFTVERBS_CABLES=host-1:soft0-host-2:soft0"});
    Peer four(fabric, "host-4");
    ASSERT_NO_FATAL_FAILURE(connect(three, four));
    ASSERT_EQ(four.ask("receive 1 1"), "0");
    ASSERT_EQ(three.ask("send 2 1 1"), "0");
    if (GetParam() == IBV_QPT_RC) {
        EXPECT_EQ(three.ask("wait").substr(0, 5), "2 12 ");
    }
}

TEST_P(SoftverbsProcesses, OnesDeathDisturbsItsPeerOnly) {
    Peer one(fabric, "one"), victim(fabric, "victim"), third(fabric, "third"), fourth(fabric, "fourth");
    ASSERT_NO_FATAL_FAILURE(connect(one, victim));
    ASSERT_NO_FATAL_FAILURE(connect(third, fourth));
    exchange(one, victim);
    ASSERT_EQ(victim.ask("send 9 128 1"), "0");
    ASSERT_EQ(one.ask("send 5 1 1"), "0");
    victim.kill();
    ASSERT_EQ(one.ask("receive 6 128"), "0");
    exchange(third, fourth);
    if (GetParam() == IBV_QPT_RC) {
        EXPECT_EQ(one.ask("wait").substr(0, 5), "5 12 ") << "IBV_WC_RETRY_EXC_ERR";
        EXPECT_EQ(one.ask("wait").substr(0, 4), "6 5 ") << "IBV_WC_WR_FLUSH_ERR";
    } else {
        ASSERT_EQ(one.ask("send 7 1 1"), "0") << "UC notices nothing";
    }
    EXPECT_EQ(one.ask("close"), "0 0");
    // Its place can be taken.
    Peer next(fabric, "victim");
    ASSERT_NO_FATAL_FAILURE(connect(one, next));
    exchange(next, one);
}

} // namespace NC_FILE
} // namespace nc::test

#endif
