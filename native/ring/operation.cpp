#include "ring/operation.h"

#include <algorithm>
#include <array>

namespace nc::ring {
namespace {

// In the order of nc_operation; a split is no schedule, but makes a ring, and scans are composed of others.
constexpr std::array<void (*)(Operation& operation), operation_count> schedules{
    nullptr, all_reduce, all_gather, reduce_scatter, broadcast, reduce,
    gather,  scatter,    all_to_all, barrier,        send,      receive};

} // namespace

void Operation::run() {
    nc::run(*this, schedules);
}

ScratchVector<std::uint64_t> Operation::announce_lengths() {
    const auto own = own_lengths(request, rank, size, scratch());
    ScratchVector<std::uint64_t> all(own.size() * static_cast<std::size_t>(size), 0, scratch());
    gather_bytes(*this, own.data(), own.size() * sizeof own[0], all.data());
    return agreed_lengths(request, rank, size, all, scratch());
}

Lane& Operation::lane(Link& out, Link& in, Combine combine) {
    auto& lanes = ring_.lanes();
    if (lanes.size() == lanes_) lanes.push_back(std::make_unique<Lane>());
    Lane& lane = *lanes[lanes_++];
    lane.open(out, in, combine, item);
    if (std::exchange(announcement_.is_due, false)) {
        is_announced_ = true;
        lane.exchange_header(announcement_.header);
    }
    return lane;
}

Lane& Operation::message_lane(Link& link) {
    for (const auto& open : open_lanes()) {
        if (&open->out() == &link) return *open;
    }
    return lane(link, link);
}

Lane& Operation::lane(int socket, Direction direction, Combine combine) {
    return direction == Direction::Up ? lane(ring_.right(socket), ring_.left(socket), combine)
                                      : lane(ring_.left(socket), ring_.right(socket), combine);
}

// All-reduce is MLX's operation: where an MLX rank may be in the ring, NaNs are treated as it does.
Combine Operation::combine_function() const {
    const bool with_mlx = request.operation == NC_ALL_REDUCE && !ring_.has_only_ours();
    return nc::combine_function(request.data_type, request.reduce_op, with_mlx ? NanRule::OfMlx : NanRule::Wins);
}

void Operation::move(std::span<Link* const> read_ahead) {
    const Suspicion suspicion = suspicion_of_another_operation();
    ring_.pump().run(open_lanes(), read_ahead, request, call, ring_.interruption(), suspicion);
    if (suspicion.voice && request.operation == NC_ALL_GATHER) check_arrivals();
    lanes_ = 0;
}

Suspicion Operation::suspicion_of_another_operation() {
    const bool is_collective = request.operation == NC_ALL_REDUCE || request.operation == NC_ALL_GATHER;
    if (is_announced_ || !is_collective) return {};
    // Early enough that the other rank, whose deadline is about the same, still gets to know.
    const auto early = std::chrono::milliseconds(call.timeout_ms / 4);
    return {deadline_of(call) - early, [this](const Error* failure) {
                check_arrivals();
                check_waiting_header(failure);
            }};
}

// A rank that has begun an operation of ours has sent its left neighbour a header. Here it may have been taken for
// data.
void Operation::check_arrivals() {
    Header other{};
    for (const auto& lane : open_lanes()) {
        if (&lane->in() == &ring_.right(0) && lane->began_with_header(other)) refuse(other);
    }
}

// Or it waits on a connection that nothing is expected from.
void Operation::check_waiting_header(const Error* failure) {
    // With more ranks, or a peer that is gone, the neighbour may have ended this operation and be ahead of it.
    if (size > 2 || (failure != nullptr && failure->status != NC_TIMEOUT)) return;
    Link& right = ring_.right(0);
    const auto reads = [&](const auto& lane) { return &lane->in() == &right; };
    Header other{};
    if (std::ranges::none_of(open_lanes(), reads) && right.peek(&other, sizeof other) == sizeof other &&
        is_header(other)) {
        refuse(other);
    }
}

void Operation::refuse(const Header& other) {
    const Header own = header_of(request);
    Link& left = ring_.left(0);
    const auto sends = [&](const auto& lane) { return &lane->out() == &left; };
    if (std::ranges::none_of(open_lanes(), sends)) {
        // The neighbour is told in the same way.
        const ConstBuffer part{&own, sizeof own};
        (void)left.write({&part, 1});
    }
    check_header(own, other, ring_.right(0).peer());
    throw Error(NC_MISMATCH, text("rank ", ring_.right(0).peer(), " announced what needs no announcement"),
                ring_.right(0).peer());
}

} // namespace nc::ring
