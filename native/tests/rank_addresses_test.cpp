// Which of a hostfile's addresses have to be known, and when.
#include "ring/rank_addresses.h"

#include <gtest/gtest.h>

#include "local_ranks.h"

namespace nc::ring {
namespace NC_FILE {

using test::ample_ms;
using test::milliseconds_of;
using test::processor_seconds;

RankAddresses listed(const std::string& json) {
    return RankAddresses(parse_hosts(json, "the file F"));
}

std::string first_of(RankAddresses& addresses, int rank) {
    return addresses.of(rank, Patience::of(ample_ms)).front().text();
}

template <class Body>
Error failure_of(Body&& body) {
    try {
        body();
    } catch (const Error& error) {
        return error;
    }
    return {NC_OK, "nothing was thrown"};
}

void expect_words(const Error& error, const std::vector<std::string>& words) {
    EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
    for (const std::string& word : words)
        EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what() << "\n lacks " << word;
}

TEST(RankAddresses, AreResolvedOnlyForWhomTheyAreAskedFor) {
    RankAddresses addresses =
        listed(R"(["127.0.0.1:1","127.0.0.2:2","nowhere.invalid:3","198.51.100.1:0","localhost:5","[::1]:6"])");
    EXPECT_EQ(addresses.size(), 6);
    EXPECT_EQ(first_of(addresses, 0), "127.0.0.1:1");
    EXPECT_EQ(first_of(addresses, 1), "127.0.0.2:2");
    EXPECT_EQ(first_of(addresses, 4), "127.0.0.1:5");
    EXPECT_EQ(first_of(addresses, 5), "[::1]:6");
    const Error unknown = failure_of([&] { (void)first_of(addresses, 2); });
    expect_words(unknown, {"the file F", "rank 2", "'nowhere.invalid:3'", "cannot be resolved"});
    EXPECT_EQ(unknown.peer, 2);
    const Error zero = failure_of([&] { (void)first_of(addresses, 3); });
    expect_words(zero, {"the file F", "rank 3", "'198.51.100.1:0'", "port 0"});
    EXPECT_EQ(zero.peer, 3);
}

TEST(RankAddresses, NameRanksOfAPartAsTheFileCountsThem) {
    RankAddresses whole = listed(R"(["127.0.0.1:1","127.0.0.1:2","127.0.0.1:3","198.51.100.1:0"])");
    RankAddresses part = whole.part({3, 1});
    EXPECT_EQ(part.size(), 2);
    EXPECT_EQ(first_of(part, 1), "127.0.0.1:2");
    const Error error = failure_of([&] { (void)first_of(part, 0); });
    expect_words(error, {"rank 3"});
    EXPECT_EQ(error.peer, 0);
}

TEST(RankAddresses, OfANameAreAskedForOnceAndKeepTheirPorts) {
    RankAddresses addresses = listed(R"([["localhost:1","localhost:2","127.0.0.2:3","localhost:http"]])");
    const std::vector<Address>& resolved = addresses.of(0, Patience::of(ample_ms));
    ASSERT_EQ(resolved.size(), 4U);
    EXPECT_EQ(resolved[0].text(), "127.0.0.1:1");
    EXPECT_EQ(resolved[1].text(), "127.0.0.1:2");
    EXPECT_EQ(resolved[2].text(), "127.0.0.2:3");
    EXPECT_EQ(resolved[3].text(), "127.0.0.1:80");
}

TEST(RankAddresses, AreEndedByACancellation) {
    RankAddresses addresses = listed(R"(["nowhere.invalid:1"])");
    const std::int32_t cancel = 1;
    const Patience patience = Patience::of(ample_ms, Cancellation(&cancel));
    EXPECT_EQ(failure_of([&] { (void)addresses.of(0, patience); }).status, NC_CANCELLED);
}

TEST(RankAddresses, ThatAreUnknownAreTold) {
    const RankAddresses addresses =
        listed(R"(["10.0.0.1:1","10.0.0.2:2","198.51.100.1:0","198.51.100.1:0","10.0.0.5:5"])");
    EXPECT_EQ(addresses.unreachable_from(0),
              (std::vector<std::string>{"rank 2 ('198.51.100.1:0')", "rank 3 ('198.51.100.1:0')"}));
    EXPECT_EQ(addresses.unreachable_from(2), (std::vector<std::string>{}));
}

TEST(RankAddresses, CannotBeListedTwice) {
    const auto check = [](const std::string& json) {
        RankAddresses addresses = listed(json);
        (void)first_of(addresses, 0);
        return failure_of([&] { addresses.check_distinct(0); });
    };
    EXPECT_EQ(
        check(R"(["127.0.0.1:1","127.0.0.1:2","127.0.0.2:1","nowhere.invalid:1","198.51.100.1:0","198.51.100.1:0"])")
            .status,
        NC_OK);
    EXPECT_EQ(check(R"([["[fe80::1%1]:1","[fe80::1%2]:1"],["[::1]:1","[::1]:2"]])").status, NC_OK) << "two interfaces";
    expect_words(check(R"([["127.0.0.1:1","127.0.0.1:1"],["127.0.0.1:2","127.0.0.1:3"]])"),
                 {"127.0.0.1:1", "rank 0 twice"});
    expect_words(check(R"(["127.0.0.1:1","127.0.0.1:2","127.0.0.1:1","127.0.0.1:3"])"),
                 {"127.0.0.1:1", "rank 0 and for rank 2"});
    expect_words(check(R"(["127.0.0.1:1","127.0.0.1:2","[::ffff:127.0.0.1]:1","127.0.0.1:3"])"),
                 {"127.0.0.1:1", "rank 0 and for rank 2"});
    expect_words(check(R"(["localhost:1","127.0.0.1:2","localhost:1","127.0.0.1:3"])"),
                 {"127.0.0.1:1", "rank 0 and for rank 2"});
}

// 30 000 addresses of each rank took ten thousand times as long as 300, not a hundred times.
TEST(RankAddresses, TakeTimeInProportion) {
    if (test::is_sanitized) GTEST_SKIP() << "a sanitizer has its own idea of time";
    const auto time_of = [](int count) {
        std::string json = "[";
        for (int rank = 0; rank < 3; ++rank) {
            json += rank == 0 ? "[" : ",[";
            for (int i = 0; i < count; ++i)
                json += text(i == 0 ? "" : ",", R"("127.0.)", rank, R"(.1:)", 1000 + i, '"');
            json += "]";
        }
        json += "]";
        const double begin = processor_seconds();
        RankAddresses addresses = listed(json);
        (void)first_of(addresses, 0);
        (void)first_of(addresses, 1);
        addresses.check_distinct(0);
        return processor_seconds() - begin;
    };
    // The best of several: other work on this machine only ever adds. More addresses do not fit into the caches, so
    // that a hundred times as many take two hundred times as long.
    double few = 1e9;
    double many = 1e9;
    for (int round = 0; round < 3; ++round) {
        few = std::min(few, time_of(300));
        many = std::min(many, time_of(30'000));
    }
    EXPECT_LT(many, 1'000 * few) << few << " s and " << many << " s";
    std::printf("300 addresses of each of 3 ranks: %.2f ms; 30 000: %.1f ms\n", few * 1e3, many * 1e3);
}

} // namespace NC_FILE
} // namespace nc::ring
