// Addresses as users write them, and what they resolve to.
#include "os/address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"
#include "transport/host_port.h"

namespace nc {
namespace NC_FILE {

Address resolved(const std::string& written) {
    return resolve(parse_host_port(written), deadline_after(10'000));
}

std::string failure_of(const std::string& written) {
    try {
        return "resolved to " + resolved(written).text();
    } catch (const Error& error) {
        EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
        return text("refused: ", error.what());
    }
}

TEST(Address, IsWrittenAsHostAndPort) {
    const HostPort plain = parse_host_port("example.org:80");
    EXPECT_EQ(plain.host, "example.org");
    EXPECT_EQ(plain.port, "80");
    const HostPort v6 = parse_host_port("[2001:db8::1]:443");
    EXPECT_EQ(v6.host, "2001:db8::1");
    EXPECT_EQ(v6.port, "443");
    for (const char* bad :
         {"", ":", "a", "a:", ":1", "a:b:c", "::1", "[::1]", "[::1]:", "[]:1", "[", "a:0", "a:65536", "a:100000"})
        EXPECT_THROW((void)parse_host_port(bad), Error) << bad;
}

TEST(Address, OfNumbersResolvesToItself) {
    EXPECT_EQ(resolved("127.0.0.1:5000").text(), "127.0.0.1:5000");
    EXPECT_EQ(resolved("127.0.0.1:5000").family(), AF_INET);
    EXPECT_EQ(resolved("127.0.0.1:5000").port(), 5000);
    EXPECT_EQ(resolved("[::1]:65535").text(), "[::1]:65535");
    EXPECT_EQ(resolved("[::1]:65535").family(), AF_INET6);
    EXPECT_EQ(resolved("[::1]:65535").port(), 65535);
    EXPECT_EQ(resolved("127.0.0.1:00080").port(), 80);
}

TEST(Address, OfANameIsTheFirstIPv4One) {
    const Address local = resolved("localhost:1");
    EXPECT_EQ(local.family(), AF_INET);
    EXPECT_EQ(local.text(), "127.0.0.1:1");
}

TEST(Address, ThatDoesNotExistIsRefused) {
    for (const char* bad : {"no-such-host.invalid:1", "256.256.256.256:1", "[12345::1]:1", "127.0.0.1:no-such-service",
                            "a b:1", "[x]:1"}) {
        EXPECT_EQ(failure_of(bad).substr(0, 9), "refused: ") << bad << ' ' << failure_of(bad);
    }
}

// getaddrinfo takes "+70000" for a number and keeps its lower 16 bits.
TEST(Address, APortIsANumberOrAServiceAndNothingInBetween) {
    for (const char* bad : {"127.0.0.1:+70000", "127.0.0.1:+80", "127.0.0.1:-1", "127.0.0.1: 80", "127.0.0.1:80 ",
                            "127.0.0.1:0x50", "127.0.0.1:+0", "127.0.0.1:\t81"}) {
        EXPECT_EQ(failure_of(bad).substr(0, 9), "refused: ") << bad << ' ' << failure_of(bad);
    }
}

TEST(Address, NamesThatTakeTooLongAreGivenUp) {
    try {
        (void)resolve({"no-such-host.invalid", "1"}, deadline_after(0));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
    }
}

TEST(Address, NamesAreNotWaitedForOnceTheCheckThrows) {
    const auto check = [] { throw Error(NC_CANCELLED, "enough"); };
    try {
        (void)resolve({"no-such-host.invalid", "1"}, deadline_after(10'000), check);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.status, NC_CANCELLED);
    }
}

TEST(Address, HostsCompareWithoutPortsAndMappedOnesAreTheirIPv4Address) {
    EXPECT_TRUE(resolved("127.0.0.1:1").same_host(resolved("127.0.0.1:2")));
    EXPECT_FALSE(resolved("127.0.0.1:1") == resolved("127.0.0.1:2"));
    EXPECT_TRUE(resolved("127.0.0.1:1") == resolved("127.0.0.1:1"));
    EXPECT_FALSE(resolved("127.0.0.1:1").same_host(resolved("127.0.0.2:1")));
    EXPECT_TRUE(resolved("[::ffff:127.0.0.1]:1").same_host(resolved("127.0.0.1:9")));
    EXPECT_FALSE(resolved("[::1]:1").same_host(resolved("127.0.0.1:1")));
}

TEST(Address, ThatIsMappedIsTheIPv4One) {
    EXPECT_EQ(resolved("[::ffff:127.0.0.1]:7").text(), "127.0.0.1:7");
    EXPECT_EQ(resolved("[::ffff:127.0.0.1]:7").family(), AF_INET);
    EXPECT_EQ(resolved("[::ffff:127.0.0.1]:7").host_key(), resolved("127.0.0.1:9").host_key());
    EXPECT_EQ(resolved("[::ffff:127.0.0.1]:7").listening_key(), resolved("127.0.0.1:7").listening_key());
    EXPECT_NE(resolved("127.0.0.1:7").listening_key(), resolved("127.0.0.1:8").listening_key());
    EXPECT_NE(resolved("[fe80::1%1]:7").listening_key(), resolved("[fe80::1%2]:7").listening_key());
}

TEST(Address, OfAllInterfacesIsKnown) {
    EXPECT_TRUE(resolved("0.0.0.0:1").is_wildcard());
    EXPECT_TRUE(resolved("[::]:1").is_wildcard());
    EXPECT_FALSE(resolved("127.0.0.1:1").is_wildcard());
    EXPECT_FALSE(resolved("[::1]:1").is_wildcard());
    EXPECT_FALSE(Address().is_wildcard());
}

TEST(Address, WithPortZeroIsTakenWhereItMayBe) {
    EXPECT_THROW((void)parse_host_port("a:0"), Error);
    EXPECT_TRUE(has_port_zero(parse_host_port("a:0", PortZero::Taken)));
    EXPECT_TRUE(has_port_zero(parse_host_port("[::1]:000", PortZero::Taken)));
    EXPECT_FALSE(has_port_zero(parse_host_port("a:10", PortZero::Taken)));
    EXPECT_FALSE(has_port_zero(parse_host_port("a:http", PortZero::Taken)));
    EXPECT_THROW((void)parse_host_port("a:65536", PortZero::Taken), Error);
}

TEST(Address, OfNumbersAsksNobody) {
    EXPECT_EQ(numeric({"127.0.0.1", "7"})->text(), "127.0.0.1:7");
    EXPECT_EQ(numeric({"::1", "0"})->text(), "[::1]:0");
    EXPECT_FALSE(numeric({"localhost", "7"}).has_value());
    EXPECT_FALSE(numeric({"127.0.0.1", "http"}).has_value());
}

TEST(Address, PortsCanBeChanged) {
    for (const char* written : {"127.0.0.1:7", "[::1]:7"}) {
        Address address = resolved(written);
        address.set_port(61234);
        EXPECT_EQ(address.port(), 61234);
        EXPECT_TRUE(address.same_host(resolved(written)));
    }
}

TEST(Address, OfNothingIsUnknown) {
    EXPECT_EQ(Address().text(), "an unknown address");
    EXPECT_EQ(Address::local(-1).text(), "an unknown address");
    EXPECT_EQ(Address::remote(-1).length(), 0U);
}

} // namespace NC_FILE
} // namespace nc
