// The side channel's connections after the group is formed: how a rank notices that another has died or left, and ends the group for all.
//
// All ranks but rank 0 have one connection, to rank 0, which passes the news on. A rank of ours that dies resets its connection; one that leaves closes it, as a rank of MLX
// does in either case. Ranks of ours tell which rank is to blame before they reset; a rank of MLX never reads that.
#pragma once

#include <span>
#include <vector>

#include "jaccl/side_channel.h"

namespace nc::jaccl {

// What became known of the group's end.
struct News {
    bool lost;     // or else given up: a failure of its own, or an abort
    int culprit;   // the rank that is lost, or gave up
    int messenger; // who told
};

class Line {
public:
    explicit Line(std::vector<Connection> connections);

    void watch(Poller& poller) const;
    // Takes in what has come. Ranks that left are added to departed; of what ends the group the first is returned.
    std::optional<News> read(const Poller& poller, std::vector<int>& departed);

    // Tells the others, and resets the connections.
    void end(bool lost, int culprit);
    // Leaves in order.
    void close();

private:
    std::optional<News> read(Connection& connection, std::vector<int>& departed);

    std::vector<Connection> connections_;
};

} // namespace nc::jaccl
