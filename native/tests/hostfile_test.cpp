// Hostfiles, good and bad: mlx-ring-wire.md, section 1.2. A bad one is refused with an error that names where it came
// from, the rank and the address.
#include "ring/hostfile.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/error.h"
#include "transport/host_port.h"

namespace nc::ring {
namespace NC_FILE {

// The message of the error that the text is refused with; empty if it is not.
std::string refusal(const std::string& json) {
    try {
        (void)parse_hosts(json, "the file F");
    } catch (const Error& error) {
        EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED) << json;
        return error.what();
    }
    return {};
}

void expect_refused(const std::string& json, const std::vector<std::string>& named) {
    const std::string message = refusal(json);
    EXPECT_FALSE(message.empty()) << json << " was accepted";
    EXPECT_NE(message.find("the file F"), std::string::npos) << message;
    for (const std::string& part : named)
        EXPECT_NE(message.find(part), std::string::npos) << json << ": " << message << " does not contain " << part;
}

TEST(Hostfile, ListsTheAddressesOfEveryRank) {
    const Hosts hosts = parse_hosts(R"([["10.0.0.1:5000","10.0.0.1:5001"],["b.local:http","[fe80::1%eth0]:7"]])", "F");
    EXPECT_EQ(hosts.source, "F");
    EXPECT_EQ(hosts.size(), 2);
    EXPECT_EQ(hosts.sockets(), 2);
    EXPECT_EQ(hosts.addresses[0][1].host, "10.0.0.1");
    EXPECT_EQ(hosts.addresses[0][1].port, "5001");
    EXPECT_EQ(hosts.addresses[1][0].port, "http");
    EXPECT_EQ(hosts.addresses[1][1].host, "fe80::1%eth0");
    EXPECT_EQ(written(hosts.addresses[0][0]), "10.0.0.1:5000");
    EXPECT_EQ(written(hosts.addresses[1][1]), "[fe80::1%eth0]:7");
}

TEST(Hostfile, TakesABareStringForOneAddress) {
    const Hosts hosts = parse_hosts(R"(["a:1", ["b:2"], "c:3"])", "F");
    EXPECT_EQ(hosts.size(), 3);
    EXPECT_EQ(hosts.sockets(), 1);
    EXPECT_EQ(hosts.addresses[2][0].host, "c");
}

TEST(Hostfile, ThatIsBlankIsAGroupOfOne) {
    for (const char* blank : {"", " ", "\n", "\r\n\t "}) {
        const Hosts hosts = parse_hosts(blank, "F");
        EXPECT_EQ(hosts.size(), 1);
        EXPECT_EQ(hosts.sockets(), 0);
    }
}

TEST(Hostfile, ThatIsNoJsonIsRefused) {
    for (const char* json : {"x", "[", "[[\"a:1\"]", "[[\"a:1\"],]", "[\"a:1\"] x", "{", "\"", "[\"a:1]",
                             "// [\"a:1\"]", "nul", "[\"\\u12\"]", "[1e999]"})
        expect_refused(json, {"JSON"});
    expect_refused(std::string("[\"a\0:1\"]", 8), {"JSON"});
    expect_refused(std::string("\0", 1), {"JSON"});
    expect_refused("[\"\xff:1\"]", {"JSON"});
    expect_refused("[\"\xc3(:1\"]", {"JSON"});
}

TEST(Hostfile, OfAnotherShapeIsRefused) {
    expect_refused("[]", {"no ranks"});
    expect_refused("null", {"array", "null"});
    expect_refused("{}", {"array", "object"});
    expect_refused("\"a:1\"", {"array", "string"});
    expect_refused("7", {"array", "number"});
    expect_refused("true", {"array", "boolean"});
    expect_refused("[null]", {"rank 0", "null"});
    expect_refused(R"([["a:1"],7])", {"rank 1", "number"});
    expect_refused(R"([["a:1"],{}])", {"rank 1", "object"});
    expect_refused(R"([["a:1"],{"0":"b:1"}])", {"rank 1", "object"});
    expect_refused(R"([[]])", {"rank 0", "no address"});
    expect_refused(R"([["a:1"],[]])", {"rank 1", "no address"});
    expect_refused(R"([["a:1"],[null]])", {"rank 1", "null"});
    expect_refused(R"([["a:1",5000]])", {"rank 0", "number"});
    expect_refused(R"([["a:1",18446744073709551616]])", {"rank 0", "number"});
    expect_refused(R"([["a:1",-1e308]])", {"rank 0", "number"});
    expect_refused(R"([["a:1"],["b:1","b:2"]])", {"rank 0", "1", "rank 1", "2"});
    expect_refused(R"(["a:1",["b:1"],["c:1","c:2","c:3"]])", {"rank 2", "lists 3"});
}

TEST(Hostfile, OfALauncherIsCalledThat) {
    expect_refused(R"([{"ssh":"a","ips":["1.2.3.4"],"rdma":[]}])", {"rank 0", "launcher"});
    expect_refused(R"([["a:1"],{"ips":["1.2.3.4"]}])", {"rank 1", "launcher"});
    expect_refused(R"({"backend":"ring","envs":[],"hosts":[]})", {"launcher"});
    expect_refused(R"({"backend":"ring","envs":[],"hosts":[{"ssh":"a","ips":["1.2.3.4"],"rdma":[[null,"en5"]]}]})",
                   {"launcher"});
}

TEST(Hostfile, WithABadAddressNamesIt) {
    for (const char* address : {"a", "a:", ":1", ":", "a:65536", "a:70000", "a:99999999999999999999", "::1:5000",
                                "fe80::1", "[::1]", "[::1:5000", "[]:5000", "[::1]5000", "[::1]:"}) {
        expect_refused(text(R"([["ok:1"],[")", address, R"("]])"), {"rank 1", text("'", address, "'")});
    }
    expect_refused(R"([[""]])", {"rank 0"});
    expect_refused("[[\"a\\u0000b:1\"]]", {"rank 0", "NUL"});
    expect_refused("[[\"a:1\\u00002\"]]", {"rank 0", "NUL"});
}

// exo writes it for ranks that are no neighbours; RankAddresses refuses it where a port is needed.
TEST(Hostfile, MayHavePortZero) {
    const Hosts hosts = parse_hosts(R"([["0.0.0.0:5000"],["10.0.0.2:5001"],["198.51.100.1:0"],["[::1]:00"]])", "F");
    EXPECT_FALSE(has_port_zero(hosts.addresses[0][0]));
    EXPECT_TRUE(has_port_zero(hosts.addresses[2][0]));
    EXPECT_TRUE(has_port_zero(hosts.addresses[3][0]));
}

TEST(Hostfile, NestedDeeplyIsRefusedWithoutHarm) {
    for (const std::size_t depth : {3, 4, 5, 100, 100'000, 2'000'000}) {
        EXPECT_FALSE(refusal(std::string(depth, '[')).empty());
        EXPECT_FALSE(refusal(std::string(depth, '[') + "\"a:1\"" + std::string(depth, ']')).empty());
        std::string objects;
        for (std::size_t i = 0; i < std::min<std::size_t>(depth, 100'000); ++i) objects += "{\"a\":";
        EXPECT_FALSE(refusal(objects).empty());
    }
}

TEST(Hostfile, MayBeLarge) {
    std::string json = "[";
    for (int rank = 0; rank < 5000; ++rank) json += text(rank == 0 ? "" : ",", R"(["10.0.0.1:)", 1000 + rank, R"("])");
    EXPECT_EQ(parse_hosts(json + "]", "F").size(), 5000);
    expect_refused(text(R"([[")", std::string(100'000, 'a'), R"("]])"), {"rank 0"});
}

TEST(Hostfile, HasNoMoreRanksAndAddressesThanMakeSense) {
    const auto many = [](std::size_t count) {
        std::string json = R"(["a:1")";
        for (std::size_t i = 1; i < count; ++i) json += R"(,"a:1")";
        json += ']';
        return json;
    };
    EXPECT_EQ(parse_hosts(many(most_ranks), "F").size(), static_cast<int>(most_ranks));
    expect_refused(many(most_ranks + 1), {"65537 ranks", "65536"});
    EXPECT_EQ(parse_hosts(text("[", many(most_addresses), "]"), "F").sockets(), static_cast<int>(most_addresses));
    expect_refused(text("[", many(most_addresses + 1), "]"), {"rank 0", "65536 addresses", "65535"});
}

TEST(Hostfile, IsReadFromItsPath) {
    char pattern[] = "/tmp/nc_hostfile_XXXXXX";
    const std::filesystem::path folder = ::mkdtemp(pattern);
    const std::string path = folder / "hosts.json";
    const auto message_of = [](const std::string& name) -> std::string {
        try {
            const Hosts hosts = read_hostfile(name, deadline_after(10'000), {});
            return text("accepted, size ", hosts.size());
        } catch (const Error& error) {
            return error.what();
        }
    };
    EXPECT_NE(message_of(path).find(path), std::string::npos) << message_of(path);
    EXPECT_NE(message_of(path).find("No such file"), std::string::npos) << message_of(path);
    std::ofstream(path) << R"([["a:1"],["b:1"]])";
    EXPECT_EQ(read_hostfile(path, deadline_after(10'000), {}).size(), 2);
    EXPECT_EQ(read_hostfile(path, deadline_after(10'000), {}).source, "the hostfile " + path);
    std::ofstream(path) << "[";
    EXPECT_NE(message_of(path).find(path), std::string::npos);
    std::ofstream(path, std::ios::trunc).close();
    EXPECT_EQ(read_hostfile(path, deadline_after(10'000), {}).size(), 1);
    // A read error must not pass for a blank file.
    EXPECT_NE(message_of("/proc/self/mem").find("the hostfile /proc/self/mem cannot be read: Input/output error"),
              std::string::npos)
        << message_of("/proc/self/mem");
    // Nor must a folder.
    EXPECT_NE(message_of(folder).find("cannot be"), std::string::npos) << message_of(folder);
    std::filesystem::remove_all(folder);
}

// Bounded mutations of good files: each is either parsed or refused with an Error, and what was parsed keeps its
// promises.
TEST(Hostfile, SurvivesMutations) {
    const std::vector<std::string> seeds = {
        R"([["10.0.0.1:5000","10.0.0.1:5001"],["10.0.0.2:5000","10.0.0.2:5001"]])",
        R"(["a:1", ["b:2"], "c:3"])",
        R"([["[::1]:1"],["[fe80::1%en0]:65535"]])",
        R"({"backend":"ring","envs":[],"hosts":[{"ssh":"a","ips":["1.2.3.4"],"rdma":[]}]})",
        R"([["\u00e4\ud83d\ude00:1"]])",
    };
    const std::vector<std::string> parts = {"[",       "]",     "{",
                                            "}",       "\"",    ",",
                                            ":",       "\\",    "\\u0000",
                                            "\\ud800", "0",     "65536",
                                            "-1",      "1e400", "null",
                                            "true",    "[[",    "]]",
                                            ":::",     " ",     "\n",
                                            "\xff",    "\xc3",  std::string(1, '\0'),
                                            "[\"",     "\"]",   "99999999999999999999999"};
    for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
        std::mt19937 random(seed);
        std::string json = seeds[random() % seeds.size()];
        for (std::size_t edits = 1 + random() % 6; edits > 0; --edits) {
            const std::size_t at = random() % (json.size() + 1);
            switch (random() % 5) {
                case 0:
                    json.insert(at, parts[random() % parts.size()]);
                    break;
                case 1:
                    json.erase(at, random() % 5);
                    break;
                case 2:
                    json.insert(at, json.substr(random() % (json.size() + 1), random() % 20));
                    break;
                case 3:
                    if (at < json.size()) json[at] = static_cast<char>(random());
                    break;
                default:
                    if (at < json.size())
                        json[at] = static_cast<char>(json[at] ^ static_cast<char>(1U << random() % 8));
            }
        }
        try {
            const Hosts hosts = parse_hosts(json, "F");
            for (const auto& entry : hosts.addresses) {
                ASSERT_FALSE(entry.empty()) << "seed " << seed;
                ASSERT_EQ(entry.size(), hosts.addresses[0].size()) << "seed " << seed;
                for (const HostPort& address : entry)
                    ASSERT_FALSE(address.host.empty() || address.port.empty()) << "seed " << seed;
            }
        } catch (const Error& error) {
            ASSERT_EQ(error.status, NC_RENDEZVOUS_FAILED) << "seed " << seed;
        } catch (const std::exception& other) {
            FAIL() << "seed " << seed << ": " << other.what() << "\n" << json;
        }
    }
}

} // namespace NC_FILE
} // namespace nc::ring
