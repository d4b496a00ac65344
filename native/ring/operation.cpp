#include "ring/operation.h"

namespace nc::ring {

void Operation::run() {
    switch (request.operation) {
        case NC_ALL_REDUCE:
            return all_reduce(*this);
        case NC_ALL_GATHER:
            return all_gather(*this);
        case NC_REDUCE_SCATTER:
            return reduce_scatter(*this);
        case NC_BROADCAST:
            return broadcast(*this);
        case NC_REDUCE:
            return reduce(*this);
        case NC_GATHER:
            return gather(*this);
        case NC_SCATTER:
            return scatter(*this);
        case NC_ALL_TO_ALL:
            return all_to_all(*this);
        case NC_BARRIER:
            return barrier(*this);
        case NC_SEND:
            return send(*this);
        case NC_RECEIVE:
            return receive(*this);
        case NC_SPLIT:
        case NC_OPERATION_NONE:
            break;
    }
    throw Error(NC_INTERNAL_ERROR, text("the ring does not know operation ", static_cast<unsigned>(request.operation)));
}

Lane& Operation::open(Link& out, Link& in, Combine combine) {
    auto& pool = ring_.lane_pool();
    if (pool.size() == lanes_.size()) pool.push_back(std::make_unique<Lane>());
    Lane& lane = *pool[lanes_.size()];
    lanes_.push_back(&lane);
    lane.open(out, in, combine, item);
    if (std::exchange(announces_, false)) lane.exchange_header(header_of(request));
    return lane;
}

Lane& Operation::lane(Link& out, Link& in) {
    return open(out, in, nullptr);
}

Lane& Operation::lane(int socket, Direction direction) {
    return direction == Direction::Up ? open(ring_.right(socket), ring_.left(socket), nullptr) : open(ring_.left(socket), ring_.right(socket), nullptr);
}

Lane& Operation::reducing_lane(int socket, Direction direction) {
    const Combine combine = combine_function(request.data_type, request.reduce_op);
    return direction == Direction::Up ? open(ring_.right(socket), ring_.left(socket), combine) : open(ring_.left(socket), ring_.right(socket), combine);
}

void Operation::move(std::span<Link* const> read_ahead) {
    ring_.pump().run(lanes_, read_ahead, request, call, interruption_);
    lanes_.clear();
}

} // namespace nc::ring
