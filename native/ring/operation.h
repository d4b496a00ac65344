// One operation in progress, as its algorithm sees it: the request, the place in the ring, and lanes to move data with.
#pragma once

#include <utility>

#include "operation/agreement.h"
#include "ring/extension.h"
#include "ring/ring_group.h"

namespace nc::ring {

// The header of extension.h that the first lane begins with, if it is due.
struct Announcement {
    Header header;
    bool is_due = false;
};

class Operation : public OperationInProgress {
public:
    Operation(RingGroup& ring, const nc_request& request, const nc_call& call)
        : OperationInProgress(request, call, ring.rank(), ring.size(), ring.scratch()),
          sockets(ring.sockets()),
          ring_(ring),
          announcement_(own_announcement_) {}
    // One of a batch, of which the first announces the whole.
    Operation(RingGroup& ring, const nc_request& request, const nc_call& call, Announcement& of_batch)
        : OperationInProgress(request, call, ring.rank(), ring.size(), ring.scratch(), Announced::InBatch),
          sockets(ring.sockets()),
          ring_(ring),
          announcement_(of_batch),
          is_announced_(true) {}
    // A part of another operation; the first one announces the whole, if that was to be announced.
    Operation(Operation& whole, const nc_request& part)
        : OperationInProgress(part, whole.call, whole.rank, whole.size, whole.scratch(), Announced::AsPart),
          sockets(whole.sockets),
          ring_(whole.ring_),
          announcement_(whole.announcement_),
          is_announced_(true) {}

    // Does what the request asks for.
    void run();

    const int sockets;

    RingGroup& ring() const { return ring_; }

    // The rank that is so many hops further the way data travels.
    int behind(Direction direction, int hops) const { return wrap(rank + step(direction) * hops, size); }
    int ahead(Direction direction, int hops) const { return wrap(rank - step(direction) * hops, size); }

    // A further lane for the next move(), between any two links, or over the connections of that index.
    Lane& lane(Link& out, Link& in, Combine combine = nullptr);
    Lane& lane(int socket, Direction direction, Combine combine = nullptr);
    // One that reduces.
    Lane& reducing_lane(int socket, Direction direction) { return lane(socket, direction, combine_function()); }
    // The lane for what is sent to a peer, or received from it, over that connection: one for all messages.
    Lane& message_lane(Link& link);
    // Makes the first lane of the next move() begin with the headers of extension.h, unless the operation has been
    // announced; every rank must open the same one first.
    void announce() { announcement_.is_due |= announced == Announced::Nothing; }
    // The lengths, in elements, of the blocks that an uneven operation moves, as agreed_lengths() gives them: all ranks
    // announce the operation and exchange what they were given.
    ScratchVector<std::uint64_t> announce_lengths();

    // Runs the lanes opened since the last move() until they are done.
    void move(std::span<Link* const> read_ahead = {});

    Lanes open_lanes() const { return Lanes(ring_.lanes()).first(lanes_); }

private:
    // The collectives of MLX have no header: what to ask where they do not end. These throw Error(NC_MISMATCH).
    Suspicion suspicion_of_another_operation();
    void check_arrivals();
    void check_waiting_header(const Error* failure);
    [[noreturn]] void refuse(const Header& other);
    Combine combine_function() const;

    RingGroup& ring_;
    std::size_t lanes_ = 0; // of the ring's lanes, those that are open
    Announcement own_announcement_{header_of(request)};
    Announcement& announcement_; // the own one, or that of what this is a part of
    bool is_announced_ = false;
};

// One lane's share of one round: which way it goes, and its part of every block.
struct Share {
    const Rounds& rounds;
    std::size_t round;
    std::size_t lane;

    int socket() const { return slice_socket(lane); }
    Direction direction() const { return slice_direction(lane); }
    // Of a block, where it begins in its buffer; the lane's part of it.
    Range of(Range block) const {
        const Range part = rounds.part(block.size, round, lane);
        return {block.begin + part.begin, part.size};
    }
    // The longest part of a block, in bytes. Of a shorter block the last lane may have more than of the longest.
    std::size_t largest(const Blocks& blocks) const { return rounds.part(blocks.largest(), round, 0).size; }
};

// Goes over the blocks round by round: fill opens and fills the lane for a share.
template <class Fill>
void move_in_rounds(Operation& operation, const Rounds& rounds, Fill fill) {
    const Scratch::Mark mark = operation.scratch().mark();
    for (std::size_t round = 0; round < rounds.count(); ++round) {
        for (std::size_t lane = 0; lane < rounds.lanes(); ++lane) fill(Share{rounds, round, lane});
        operation.move();
        operation.scratch().rewind(mark);
    }
}

// The algorithms, one file each.
void all_reduce(Operation& operation);
void all_gather(Operation& operation);
void reduce_scatter(Operation& operation);
void broadcast(Operation& operation);
void reduce(Operation& operation);
void gather(Operation& operation);
void scatter(Operation& operation);
void all_to_all(Operation& operation);
void barrier(Operation& operation);
void send(Operation& operation);
void receive(Operation& operation);

// Adds the lanes of a send or a receive, which must be one between neighbours.
void add_message(Operation& operation, const nc_request& message);

// Throws Error(NC_NOT_SUPPORTED) if the ring cannot carry out such a request.
void require_supported(const nc_request& request, int rank, int size);

void run_batch(RingGroup& ring, std::span<const nc_request> requests, const nc_call& call);

// All ranks' bytes, in rank order, gathered with headers: for what operations have to agree on first.
void gather_bytes(Operation& operation, const void* own, std::size_t bytes, void* all);

} // namespace nc::ring
