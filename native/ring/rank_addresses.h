// Where the ranks of a ring can be reached. Only the own and the neighbours' addresses are needed to form it; those of
// other ranks are resolved when a split first needs them, and until then may be anything: a launcher may not know them
// (exo writes port 0), or their names may mean nothing on this host.
#pragma once

#include <string>
#include <vector>

#include "ring/hostfile.h"
#include "transport/patience.h"

namespace nc::ring {

class RankAddresses {
public:
    explicit RankAddresses(Hosts hosts);

    int size() const { return static_cast<int>(ranks_.size()); }
    // What they come from, as messages name it.
    const std::string& source() const { return source_; }

    // A rank's addresses, resolved now if they have not been yet. Throws Error: NC_RENDEZVOUS_FAILED, which names
    // source, rank and address; what ends the patience.
    const std::vector<Address>& of(int rank, const Patience& patience);

    // The host of the rank's first address, as it is written.
    const std::string& host(int rank) const { return ranks_[static_cast<std::size_t>(rank)].listed.front().host; }

    // Throws Error(NC_RENDEZVOUS_FAILED) if one of the rank's own addresses is also listed elsewhere: two listeners
    // cannot share it. Of ranks that have not been resolved those addresses count that need no name service, and those
    // that are written alike.
    void check_distinct(int rank) const;

    // Ranks, other than this one and its neighbours, of which an address is not known: "rank 3 ('198.51.100.1:0')".
    std::vector<std::string> unreachable_from(int rank) const;

    // Of those ranks alone, in that order.
    RankAddresses part(const std::vector<int>& ranks) const;

private:
    struct Rank {
        int number = 0; // as the source counts it
        std::vector<HostPort> listed;
        std::vector<Address> resolved; // empty: not yet
    };

    RankAddresses() = default;

    std::string source_;
    std::vector<Rank> ranks_;
};

} // namespace nc::ring
