// Which sources a connection from the neighbour may have.
#include "ring/neighbour_check.h"

#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "local_ranks.h"

namespace nc::ring {
namespace NC_FILE {

using test::loopback;

Address v6(const std::string& host) {
    return resolve({host, "1"}, deadline_after(10'000));
}

TEST(NeighbourCheck, AListedAddressMayCallWhereverItCalls) {
    const NeighbourCheck check({loopback(1, "192.0.2.7"), loopback(2, "198.51.100.7")});
    EXPECT_TRUE(check.may_be(loopback(40'000, "192.0.2.7"), loopback(1, "127.0.0.1")));
    EXPECT_TRUE(check.may_be(loopback(40'000, "198.51.100.7"), loopback(1, "203.0.113.1")));
}

TEST(NeighbourCheck, ANeighbourOnThisMachineComesFromTheAddressThatIsPreferred) {
    const NeighbourCheck check({loopback(5000, "127.0.0.1")});
    EXPECT_TRUE(check.may_be(loopback(40'000, "127.0.0.1"), loopback(6000, "127.0.0.1")));
    EXPECT_FALSE(check.may_be(loopback(40'000, "127.0.0.2"), loopback(6000, "127.0.0.1")));
    EXPECT_FALSE(check.may_be(loopback(40'000, "192.0.2.1"), loopback(6000, "127.0.0.1")));
}

TEST(NeighbourCheck, RanksOfOneMachineMayListenOnSeveralLoopbackAddresses) {
    // Rank 1 listens on 127.0.0.2 and calls 127.0.0.3: the kernel lets it come from the address that it calls.
    const NeighbourCheck check({loopback(5000, "127.0.0.2")});
    const Address door = loopback(6000, "127.0.0.3");
    test::ReservedPorts ports(1, "127.0.0.3");
    const Descriptor listener = listen_on(ports[0], 1);
    const Descriptor caller = open_socket(AF_INET);
    (void)::connect(caller.get(), ports[0].get(), ports[0].length());
    const Address source = Address::local(caller.get());
    EXPECT_TRUE(check.may_be(source, ports[0])) << source.text() << " to " << door.text();
}

TEST(NeighbourCheck, ANeighbourBehindAnotherNetworkMayComeFromAnywhere) {
    const NeighbourCheck check({loopback(5000, "192.0.2.7")});
    EXPECT_TRUE(check.may_be(loopback(40'000, "198.51.100.9"), loopback(6000, "203.0.113.1")));
}

TEST(NeighbourCheck, ANeighbourWithAnAddressInTheDoorsNetworkComesFromThat) {
    // A network of this machine with room for other addresses, if it has one.
    ifaddrs* list = nullptr;
    ASSERT_EQ(getifaddrs(&list), 0);
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
        const Address own(entry->ifa_addr, sizeof(sockaddr_in));
        sockaddr_in mask{};
        std::memcpy(&mask, entry->ifa_netmask, sizeof mask);
        if (own.text().starts_with("127.") || ntohl(mask.sin_addr.s_addr) > 0xfffffff0U) continue;
        sockaddr_in neighbour{};
        std::memcpy(&neighbour, own.get(), sizeof neighbour);
        neighbour.sin_addr.s_addr ^= htonl(2);
        const Address listed(reinterpret_cast<const sockaddr*>(&neighbour), sizeof neighbour);
        const NeighbourCheck check({listed});
        EXPECT_TRUE(check.may_be(listed, own));
        EXPECT_FALSE(check.may_be(loopback(40'000, "198.51.100.9"), own));
        return;
    }
    GTEST_SKIP() << "this machine has no network beside loopback";
}

TEST(NeighbourCheck, ACallerOverIPv4ToAnIPv6SocketIsJudgedByItsIPv4Address) {
    const NeighbourCheck check({loopback(5000, "127.0.0.1")});
    EXPECT_TRUE(check.may_be(v6("::ffff:127.0.0.1"), v6("::ffff:127.0.0.1")));
    EXPECT_FALSE(check.may_be(v6("::ffff:127.0.0.9"), v6("::ffff:127.0.0.1")));
    EXPECT_TRUE(
        NeighbourCheck({v6("::ffff:127.0.0.1")}).may_be(loopback(40'000, "127.0.0.1"), loopback(6000, "127.0.0.1")));
}

TEST(NeighbourCheck, WorksWithIPv6) {
    const NeighbourCheck check({v6("2001:db8::7")});
    EXPECT_TRUE(check.may_be(v6("2001:db8::7"), v6("::1")));
    EXPECT_TRUE(check.may_be(v6("2001:db8::9"), v6("2001:db8:1::1"))) << "no own network is known to be shared";
    const NeighbourCheck local({v6("::1")});
    EXPECT_TRUE(local.may_be(v6("::1"), v6("::1")));
    EXPECT_TRUE(NeighbourCheck({loopback(1)}).may_be(v6("::ffff:127.0.0.1"), v6("::1"))) << "mapped";
}

} // namespace NC_FILE
} // namespace nc::ring
