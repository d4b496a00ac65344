// The connections that stay open when the group is formed: how a rank notices that another has died or left, and ends
// the group for all.
//
// Ranks of ours are all joined with each other (lifelines.h); beside ranks of MLX only with rank 0, which passes the
// news on. A rank of ours that dies resets its connections; one that leaves closes them, as a rank of MLX does in
// either case. Ranks of ours tell each other which rank it was; a rank of MLX would not read that.
#pragma once

#include <vector>

#include "jaccl/side_channel.h"
#include "os/poller.h"
#include "transport/silence.h"

namespace nc::jaccl {

// What became of a rank.
enum class Fate : std::int32_t {
    GaveUp, // it failed, or its program aborted the group
    Lost,   // its connection was reset: it died
    Left,   // in order
    // It gave up because the ranks issued different operations. Ranks of older releases see its connection reset.
    Mismatched,
};

struct News {
    Fate fate;
    int rank;
    int messenger;        // who told
    int system_error = 0; // of a connection that was lost
};

class Lifeline {
public:
    // ranks: of the group; news of others mean nothing.
    Lifeline(std::vector<Connection> connections, int ranks);

    void watch(Poller& poller) const;
    // When to read at the latest.
    Deadline next_look() const;
    // What has come. A rank whose host is unreachable is lost.
    std::vector<News> read(const Poller& poller);
    // Passes news on.
    void tell(Fate fate, int rank);

    // Tells the others, and resets the connections.
    void end(Fate fate, int rank);
    // Leaves in order.
    void close();

private:
    std::optional<News> read(Connection& connection) const;

    std::vector<Connection> connections_;
    int ranks_;
    SilenceWatch silence_;
};

} // namespace nc::jaccl
