// How ranks of a formed group get to know what became of the others.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "jaccl/lifeline.h"
#include "raw_peer.h"

namespace nc::test {
namespace NC_FILE {

using namespace jaccl;

// Lifelines of rank 0 and of the others, joined as the side channel leaves them. The last is one of MLX's if there is
// one.
class Lifelines {
public:
    explicit Lifelines(int ranks, bool with_mlx = false) {
        const ReservedPorts ports(1);
        const Descriptor listener = listen_on(ports[0], 8);
        std::vector<Connection> of_zero;
        for (int rank = 1; rank < ranks; ++rank) {
            Descriptor theirs = connect_when_open(ports[0]);
            const bool is_ours = !with_mlx || rank != ranks - 1;
            of_zero.push_back({rank, accept_one(listener), is_ours});
            if (!is_ours) {
                mlx = std::move(theirs);
                continue;
            }
            std::vector<Connection> line;
            line.push_back({0, std::move(theirs), true});
            others.emplace_back(std::move(line), ranks);
        }
        zero.emplace(std::move(of_zero), ranks);
    }

    std::optional<Lifeline> zero;
    std::vector<Lifeline> others;
    Descriptor mlx;
};

// The next news that come; none if nothing comes for so long.
std::vector<News> next(Lifeline& line, std::int64_t timeout_ms = ample_ms) {
    const Deadline until = deadline_after(timeout_ms);
    for (;;) {
        Poller poller;
        line.watch(poller);
        if (!poller.wait(until)) return {};
        std::vector<News> news = line.read(poller);
        if (!news.empty()) return news;
    }
}

void expect_one(const std::vector<News>& news, Fate fate, int rank, int messenger) {
    ASSERT_EQ(news.size(), 1U);
    EXPECT_EQ(news[0].fate, fate);
    EXPECT_EQ(news[0].rank, rank);
    EXPECT_EQ(news[0].messenger, messenger);
}

TEST(JacclLifeline, TellsARankThatLeavesFromOneThatDies) {
    Lifelines lines(4);
    lines.others[0].close();
    expect_one(next(*lines.zero), Fate::Left, 1, 1);
    // Without a word, as the system ends the connections of a process that dies.
    lines.others[1] = Lifeline({}, 4);
    expect_one(next(*lines.zero), Fate::Lost, 2, 2);
    EXPECT_TRUE(next(*lines.zero, 20).empty()) << "the third is there";
    EXPECT_TRUE(next(lines.others[2], 20).empty());
}

TEST(JacclLifeline, PassesOnWhoIsToBlame) {
    for (const Fate fate : {Fate::GaveUp, Fate::Lost, Fate::Mismatched}) {
        Lifelines lines(3);
        lines.others[1].end(fate, 2);
        const std::vector<News> news = next(*lines.zero);
        ASSERT_FALSE(news.empty());
        expect_one({news[0]}, fate, 2, 2);
        lines.zero->end(news[0].fate, news[0].rank);
        const std::vector<News> passed_on = next(lines.others[0]);
        ASSERT_FALSE(passed_on.empty());
        expect_one({passed_on[0]}, fate, 2, 0);
    }
}

TEST(JacclLifeline, SpreadsThatSomebodyLeft) {
    Lifelines lines(3);
    lines.others[1].close();
    expect_one(next(*lines.zero), Fate::Left, 2, 2);
    lines.zero->tell(Fate::Left, 2);
    expect_one(next(lines.others[0]), Fate::Left, 2, 0);
    // The connection between those who stay lives on.
    lines.zero->close();
    expect_one(next(lines.others[0]), Fate::Left, 0, 0);
    EXPECT_TRUE(next(lines.others[0], 10).empty());
}

TEST(JacclLifeline, SaysNothingToRanksOfMlx) {
    Lifelines lines(3, true);
    lines.zero->tell(Fate::Left, 1);
    EXPECT_FALSE(ready(lines.mlx.get(), POLLIN, 20));
    lines.zero->end(Fate::GaveUp, 0);
    char byte = 0;
    EXPECT_TRUE(ready(lines.mlx.get(), POLLIN));
    EXPECT_LE(::recv(lines.mlx.get(), &byte, 1, 0), 0);
}

TEST(JacclLifeline, DoesNotCareWhatElseIsSaid) {
    Lifelines lines(2, true);
    for (const std::size_t size : {1U, 15U, 16U, 40U}) send_all(lines.mlx, std::vector<char>(size, 'N').data(), size);
    EXPECT_TRUE(next(*lines.zero, 50).empty());
    lines.mlx.close();
    expect_one(next(*lines.zero), Fate::Left, 1, 1);
}

} // namespace NC_FILE
} // namespace nc::test
