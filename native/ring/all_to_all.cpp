// All-to-all: blocks for the nearer half of the ring travel up, the others down. In each step a rank keeps the first
// block of what arrives and passes the rest on.
#include <algorithm>

#include "ring/operation.h"

namespace nc::ring {
namespace {

// One lane: everything for the ranks up to that many hops ahead.
void exchange(Operation& operation, const BlockMatrix& matrix, Lane& lane, Direction direction, int hops,
              const Rounds& rounds, std::size_t round, std::size_t part_index) {
    const auto part = [&](int from, int to) { return rounds.part(matrix.between(from, to), round, part_index); };
    for (int to = 1; to <= hops; ++to) {
        const int peer = operation.ahead(direction, to);
        const Range own = part(operation.rank, peer);
        lane.send(operation.input() + matrix.sent()[peer].begin + own.begin, own.size);
    }
    for (int distance = 1; distance <= hops; ++distance) {
        const int origin = operation.behind(direction, distance);
        const Range kept = part(origin, operation.rank);
        lane.receive(operation.output() + matrix.received()[origin].begin + kept.begin, kept.size);
        for (int further = 1; distance + further <= hops; ++further) {
            const Range passed = part(origin, operation.ahead(direction, further));
            lane.forward(lane.receive(operation.scratch().take(passed.size), passed.size));
        }
    }
}

} // namespace

void all_to_all(Operation& operation) {
    const BlockMatrix matrix = announced_matrix(operation);
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
    const Range own = matrix.sent()[operation.rank];
    copy_block(operation.output() + matrix.received()[operation.rank].begin, operation.input() + own.begin, own.size);
}

} // namespace nc::ring
