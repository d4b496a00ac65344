// How the ranks come by NCCL's unique id: the exchange over TCP, with peers as MLX's and strangers as they come.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "local_ranks.h"
#include "nccl/id_exchange.h"
#include "raw_peer.h"

namespace nc::test {
namespace NC_FILE {

using nccl::fetch_id;
using nccl::IdServer;
using nccl::OperationPatience;
using nccl::UniqueId;

UniqueId some_id(int seed = 0) {
    UniqueId id{};
    for (int i = 0; i < 128; ++i) id.bytes[i] = static_cast<char>(seed + 3 * i);
    return id;
}

bool same(const UniqueId& a, const UniqueId& b) {
    return std::equal(std::begin(a.bytes), std::end(a.bytes), std::begin(b.bytes));
}

OperationPatience patience(std::int64_t timeout_ms = ample_ms, const std::int32_t* cancel = nullptr) {
    return {Patience::of(timeout_ms, Cancellation(cancel))};
}

// What body throws.
std::optional<Error> failure_of(const std::function<void()>& body) {
    try {
        body();
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

void set(std::int32_t& flag) {
    __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
}

// Whether the server comes to count so many. It does so once everything is sent, which the rank may see first.
bool counts(const IdServer& server, int ranks) {
    return nccl::ask_until(deadline_after(ample_ms), [&] { return server.handed_out() == ranks; });
}

// What MLX's ranks do: connect, and read until there are 128 bytes.
UniqueId fetch_as_mlx_does(const Address& address) {
    const Descriptor connection = connect_when_open(address);
    UniqueId id{};
    EXPECT_TRUE(receive_all(connection, id.bytes, sizeof id.bytes));
    char more = 0;
    EXPECT_FALSE(receive_all(connection, &more, 1)) << "nothing comes behind the id";
    return id;
}

TEST(NcclIdExchange, HandsTheIdToEveryRank) {
    const ReservedPorts ports(1);
    const IdServer server(ports[0].text(), some_id(), patience());
    std::atomic<int> got{0};
    on_all_ranks(5, [&](int) {
        if (same(fetch_id(ports[0].text(), patience()), some_id())) ++got;
    });
    EXPECT_EQ(got, 5);
    EXPECT_TRUE(counts(server, 5)) << server.handed_out();
}

TEST(NcclIdExchange, ListensOnEveryInterface) {
    const ReservedPorts ports(1);
    const IdServer server(ports[0].text(), some_id(), patience());
    EXPECT_TRUE(same(fetch_id("127.0.0.2:" + std::to_string(ports[0].port()), patience()), some_id()));
}

TEST(NcclIdExchange, WorksOverIpv6AndByName) {
    const ReservedPorts ports(1);
    {
        const IdServer server("localhost:" + std::to_string(ports[0].port()), some_id(1), patience());
        EXPECT_TRUE(same(fetch_id("localhost:" + std::to_string(ports[0].port()), patience()), some_id(1)));
    }
    const std::string v6 = "[::1]:" + std::to_string(ports[0].port());
    std::optional<IdServer> server;
    if (const auto failure = failure_of([&] { server.emplace(v6, some_id(2), patience()); }))
        GTEST_SKIP() << "no IPv6 here: " << failure->what();
    EXPECT_TRUE(same(fetch_id(v6, patience()), some_id(2)));
}

TEST(NcclIdExchange, WaitsForALateServer) {
    const ReservedPorts ports(1);
    std::thread client([&] { EXPECT_TRUE(same(fetch_id(ports[0].text(), patience()), some_id())); });
    // Late for sure: the client has been refused once there was time for several attempts.
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    const IdServer server(ports[0].text(), some_id(), patience());
    client.join();
    EXPECT_TRUE(counts(server, 1)) << server.handed_out();
}

TEST(NcclIdExchange, ServesALateClientThatIsMlxs) {
    const ReservedPorts ports(1);
    const IdServer server(ports[0].text(), some_id(), patience());
    EXPECT_TRUE(same(fetch_as_mlx_does(ports[0]), some_id()));
    EXPECT_TRUE(same(fetch_as_mlx_does(ports[0]), some_id()));
}

TEST(NcclIdExchange, TakesTheIdFromAServerThatIsMlxs) {
    const ReservedPorts ports(1);
    const Descriptor listener = listen_on(ports[0], 8);
    std::thread client([&] { EXPECT_TRUE(same(fetch_id(ports[0].text(), patience()), some_id())); });
    Descriptor connection = accept_one(listener);
    // In two parts, as TCP may deliver it, with nothing but the 128 bytes.
    const UniqueId id = some_id();
    send_all(connection, id.bytes, 1);
    send_all(connection, id.bytes + 1, sizeof id.bytes - 1);
    client.join();
    char said = 0;
    EXPECT_FALSE(receive_all(connection, &said, 1)) << "the client says nothing";
}

// MLX's server counts those who connect: a client of ours may not connect a second time only because the first answer
// takes long.
TEST(NcclIdExchange, WaitsOnOneConnectionForASlowServer) {
    const ReservedPorts ports(1);
    const Descriptor listener = listen_on(ports[0], 8);
    std::thread client([&] { EXPECT_TRUE(same(fetch_id(ports[0].text(), patience()), some_id())); });
    Descriptor connection = accept_one(listener);
    ASSERT_TRUE(connection.is_open());
    EXPECT_FALSE(ready(listener.get(), POLLIN, 300)) << "a second connection";
    const UniqueId id = some_id();
    send_all(connection, id.bytes, sizeof id.bytes);
    client.join();
}

TEST(NcclIdExchange, AStrangerTakesNothingFromARank) {
    const ReservedPorts ports(1);
    const IdServer server(ports[0].text(), some_id(), patience());
    // One that says something and goes, one that says nothing and stays, one that resets.
    {
        const Descriptor talker = connect_when_open(ports[0]);
        send_all(talker, "GET / HTTP/1.1\r\n\r\n", 18);
    }
    const Descriptor silent = connect_when_open(ports[0]);
    reset_on_close(connect_when_open(ports[0]), true);
    EXPECT_TRUE(same(fetch_id(ports[0].text(), patience()), some_id()));
}

TEST(NcclIdExchange, TriesAgainWhenTheConnectionEndsHalfway) {
    const ReservedPorts ports(1);
    std::thread client([&] { EXPECT_TRUE(same(fetch_id(ports[0].text(), patience()), some_id(7))); });
    {
        const Descriptor listener = listen_on(ports[0], 8);
        Descriptor connection = accept_one(listener);
        send_all(connection, some_id(99).bytes, 60);
    }
    // The half of another id does not get into the real one.
    const IdServer server(ports[0].text(), some_id(7), patience());
    client.join();
}

TEST(NcclIdExchange, SaysWhyNoIdCame) {
    const ReservedPorts ports(1);
    const auto refused = failure_of([&] { (void)fetch_id(ports[0].text(), patience(80)); });
    ASSERT_TRUE(refused.has_value());
    EXPECT_EQ(refused->status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(refused->peer, 0);
    EXPECT_NE(std::string(refused->what()).find(ports[0].text()), std::string::npos) << refused->what();
    EXPECT_NE(std::string(refused->what()).find("within 80 ms"), std::string::npos) << refused->what();
    EXPECT_NE(std::string(refused->what()).find("refused"), std::string::npos) << refused->what();

    const Descriptor listener = listen_on(ports[0], 8);
    const auto silence = failure_of([&] { (void)fetch_id(ports[0].text(), patience(80)); });
    ASSERT_TRUE(silence.has_value());
    EXPECT_EQ(silence->status, NC_RENDEZVOUS_FAILED);
    EXPECT_NE(std::string(silence->what()).find("0 of 128 bytes"), std::string::npos) << silence->what();

    std::optional<Error> half;
    std::thread client([&] { half = failure_of([&] { (void)fetch_id(ports[0].text(), patience(300 * slowness)); }); });
    (void)accept_one(listener); // that of the attempt before
    Descriptor connection = accept_one(listener);
    send_all(connection, some_id().bytes, 60);
    client.join();
    ASSERT_TRUE(half.has_value());
    EXPECT_NE(std::string(half->what()).find("60 of 128 bytes"), std::string::npos) << half->what();
}

TEST(NcclIdExchange, RefusesARendezvousThatIsNone) {
    for (const char* rendezvous : {"nowhere", "127.0.0.1:", "127.0.0.1:port", "127.0.0.1:70000", ":1", "[::1:5"}) {
        const auto client = failure_of([&] { (void)fetch_id(rendezvous, patience()); });
        ASSERT_TRUE(client.has_value()) << rendezvous;
        EXPECT_EQ(client->status, NC_RENDEZVOUS_FAILED) << rendezvous;
        EXPECT_NE(std::string(client->what()).find(rendezvous), std::string::npos) << client->what();
        const auto server = failure_of([&] { const IdServer made(rendezvous, some_id(), patience()); });
        ASSERT_TRUE(server.has_value()) << rendezvous;
        EXPECT_EQ(server->status, NC_RENDEZVOUS_FAILED) << rendezvous;
        EXPECT_NE(std::string(server->what()).find(rendezvous), std::string::npos) << server->what();
    }
}

TEST(NcclIdExchange, NamesThePortThatIsTaken) {
    const ReservedPorts ports(1);
    const Descriptor other = listen_on(ports[0], 1);
    const auto failure = failure_of([&] { const IdServer server(ports[0].text(), some_id(), patience()); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(failure->system_error, EADDRINUSE);
    EXPECT_NE(std::string(failure->what()).find(std::to_string(ports[0].port())), std::string::npos) << failure->what();
}

TEST(NcclIdExchange, IsCancelledWhileNobodyListensAndWhileNothingComes) {
    const ReservedPorts ports(1);
    for (const bool listening : {false, true}) {
        std::optional<Descriptor> listener;
        if (listening) listener.emplace(listen_on(ports[0], 8));
        std::int32_t cancel = 0;
        std::optional<Error> failure;
        std::thread client(
            [&] { failure = failure_of([&] { (void)fetch_id(ports[0].text(), patience(ample_ms, &cancel)); }); });
        Descriptor connection;
        if (listening) connection = accept_one(*listener);
        set(cancel);
        EXPECT_LT(milliseconds_of([&] { client.join(); }), soon_ms);
        ASSERT_TRUE(failure.has_value());
        EXPECT_EQ(failure->status, NC_CANCELLED) << failure->what();
    }
}

// A process that has no descriptors left for a while serves those who came meanwhile when it has some again.
TEST(NcclIdExchange, OutlivesALackOfDescriptors) {
    const ReservedPorts ports(1);
    const IdServer server(ports[0].text(), some_id(), patience());
    const Descriptor caller = open_socket(AF_INET);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit none = before;
    // Descriptors above those that are open cannot be had.
    none.rlim_cur = static_cast<rlim_t>(::dup(0));
    ::close(static_cast<int>(none.rlim_cur));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    (void)::connect(caller.get(), ports[0].get(), ports[0].length());
    EXPECT_FALSE(ready(caller.get(), POLLIN, 100)) << "it was accepted";
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    UniqueId id{};
    EXPECT_TRUE(receive_all(caller, id.bytes, sizeof id.bytes));
    EXPECT_TRUE(same(id, some_id()));
}

TEST(NcclIdExchange, EndsAtOnceWhateverItsCallersDo) {
    const ReservedPorts ports(1);
    for (int round = 0; round < 20; ++round) {
        std::vector<Descriptor> callers;
        std::optional<IdServer> server;
        server.emplace(ports[0].text(), some_id(), patience());
        for (int i = 0; i < round % 4; ++i) callers.push_back(connect_when_open(ports[0]));
        EXPECT_LT(milliseconds_of([&] { server.reset(); }), soon_ms);
    }
}

} // namespace NC_FILE
} // namespace nc::test
