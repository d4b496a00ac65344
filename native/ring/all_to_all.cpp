// All-to-all: blocks for the nearer half of the ring travel up, the others down. In each step a rank keeps the first
// block of what arrives and passes the rest on.
#include <algorithm>
#include <cstring>

#include "ring/operation.h"

namespace nc::ring {
namespace {

// How long every rank's block for every other is, in bytes, and where this rank's own blocks lie.
class Matrix {
public:
    explicit Matrix(Operation& operation)
        : n_(operation.size), bytes_(operation.scratch()), sent_(operation.scratch()), received_(operation.scratch()) {
        if ((operation.request.flags & NC_REQUEST_UNEVEN) != 0) {
            for (const std::uint64_t length : exchange_lengths(operation)) bytes_.push_back(length * operation.item);
        } else {
            operation.announce();
            bytes_.assign(static_cast<std::size_t>(n_) * static_cast<std::size_t>(n_), operation.bytes());
        }
        for (const std::size_t bytes : bytes_) largest_ = std::max(largest_, bytes);
        std::size_t sent = 0;
        std::size_t received = 0;
        for (int peer = 0; peer < n_; ++peer) {
            sent_.push_back(sent);
            received_.push_back(received);
            sent += between(operation.rank, peer);
            received += between(peer, operation.rank);
        }
    }

    std::size_t between(int from, int to) const { return bytes_[static_cast<std::size_t>(from * n_ + to)]; }
    std::size_t sent_to(int peer) const { return sent_[static_cast<std::size_t>(peer)]; }
    std::size_t received_from(int peer) const { return received_[static_cast<std::size_t>(peer)]; }
    std::size_t largest() const { return largest_; }

private:
    int n_;
    ScratchVector<std::size_t> bytes_;
    ScratchVector<std::size_t> sent_;
    ScratchVector<std::size_t> received_;
    std::size_t largest_ = 0;
};

// One lane: everything for the ranks up to that many hops ahead.
void exchange(Operation& operation, const Matrix& matrix, Lane& lane, Direction direction, int hops,
              const Rounds& rounds, std::size_t round, std::size_t part_index) {
    const auto part = [&](int from, int to) { return rounds.part(matrix.between(from, to), round, part_index); };
    for (int to = 1; to <= hops; ++to) {
        const int peer = operation.ahead(direction, to);
        const Range own = part(operation.rank, peer);
        lane.send(operation.input() + matrix.sent_to(peer) + own.begin, own.size);
    }
    for (int distance = 1; distance <= hops; ++distance) {
        const int origin = operation.behind(direction, distance);
        const Range kept = part(origin, operation.rank);
        lane.receive(operation.output() + matrix.received_from(origin) + kept.begin, kept.size);
        for (int further = 1; distance + further <= hops; ++further) {
            const Range passed = part(origin, operation.ahead(direction, further));
            lane.forward(lane.receive(operation.scratch().take(passed.size), passed.size));
        }
    }
}

} // namespace

void all_to_all(Operation& operation) {
    const Matrix matrix(operation);
    const int n = operation.size;
    const int down = n / 2;
    const int up = n - 1 - down;
    // In each direction, down - 1 blocks arrive from the nearest rank to be passed on, and one less from every further
    // one.
    const Rounds rounds(matrix.largest(), std::max(1, down * down), operation.sockets, operation.item);
    const Scratch::Mark mark = operation.scratch().mark();
    for (std::size_t round = 0; round < rounds.count(); ++round) {
        for (std::size_t i = 0; i < rounds.lanes(); ++i) {
            const int socket = static_cast<int>(i);
            exchange(operation, matrix, operation.lane(socket, Direction::Down), Direction::Down, down, rounds, round,
                     i);
            if (up > 0)
                exchange(operation, matrix, operation.lane(socket, Direction::Up), Direction::Up, up, rounds, round, i);
        }
        operation.move();
        operation.scratch().rewind(mark);
    }
    const std::size_t own = matrix.between(operation.rank, operation.rank);
    if (own > 0)
        std::memcpy(operation.output() + matrix.received_from(operation.rank),
                    operation.input() + matrix.sent_to(operation.rank), own);
}

} // namespace nc::ring
