#include "doubles/nccl/operation.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "doubles/common/violation.h"
#include "doubles/nccl/data_type.h"
#include "operation/element.h"
#include "operation/reduction.h"

namespace nc::doubles {
namespace {

template <class T>
double number(T value) {
    if constexpr (SmallFloat<T>) {
        return static_cast<float>(value);
    } else {
        return static_cast<double>(value);
    }
}

// NCCL's documentation says of a maximum or minimum no more than what it is called, and so nothing about NaNs. Here a
// number wins, as with CUDA's fmaxf and fminf, so that no test comes to rely on the other.
template <class T>
void take_extremes(void* result, const void* incoming, std::size_t count, bool greatest) {
    auto* to = static_cast<T*>(result);
    const auto* from = static_cast<const T*>(incoming);
    for (std::size_t i = 0; i < count; ++i) {
        const double own = number(to[i]);
        const double other = number(from[i]);
        if (std::isnan(own) || (greatest ? other > own : other < own)) to[i] = from[i];
    }
}

// Of an average it says: a sum across all ranks, divided by their number. So the sum may overflow.
template <class T>
void divide(void* elements, std::size_t count, int ranks) {
    auto* values = static_cast<T*>(elements);
    for (std::size_t i = 0; i < count; ++i) {
        if constexpr (SmallFloat<T>) {
            values[i] = T::from(static_cast<float>(values[i]) / static_cast<float>(ranks));
        } else {
            values[i] = static_cast<T>(values[i] / static_cast<T>(ranks));
        }
    }
}

template <class T>
constexpr bool is_number = !std::same_as<T, Bool> && !std::same_as<T, Complex>;

} // namespace

std::size_t Operation::part() const {
    return request.count * element_size(request.type);
}

void Operation::expect(int peer, std::byte* data, std::size_t bytes) {
    if (peer == rank) return;
    in[static_cast<std::size_t>(peer)] = {data, bytes};
    ++outstanding;
}

void Operation::offer(int peer, const std::byte* data, std::size_t bytes) {
    if (peer == rank) return;
    out[static_cast<std::size_t>(peer)] = {data, bytes};
    ++outstanding;
}

std::byte* Operation::staging(int peer, std::size_t bytes) {
    auto& stage = staged_[static_cast<std::size_t>(peer)];
    stage.resize(peer == rank ? 0 : bytes);
    return stage.data();
}

// The part of the result that this rank owes itself.
void Operation::keep_own(std::size_t from, std::size_t to) {
    std::memcpy(buffers_.receive + to, input_.data() + from, part());
}

void Operation::prepare(const Buffers& where) {
    const auto ranks = static_cast<std::size_t>(size);
    buffers_ = where;
    out.resize(ranks);
    in.resize(ranks);
    staged_.resize(ranks);
    const Extent extent = extent_of(request, size, rank);
    if (extent.send > 0) input_.assign(where.send, where.send + extent.send);

    const bool is_root = rank == request.root;
    const auto offset = [&](int peer) { return static_cast<std::size_t>(peer) * part(); };
    const auto each_peer = [&](auto&& action) {
        for (int peer = 0; peer < size; ++peer) action(peer);
    };
    switch (request.kind) {
        case Kind::AllReduce:
            each_peer([&](int peer) { offer(peer, input_.data(), part()); });
            each_peer([&](int peer) { expect(peer, staging(peer, part()), part()); });
            break;
        case Kind::Reduce:
            if (!is_root) offer(request.root, input_.data(), part());
            if (is_root) each_peer([&](int peer) { expect(peer, staging(peer, part()), part()); });
            break;
        case Kind::Broadcast:
            if (is_root) each_peer([&](int peer) { offer(peer, input_.data(), part()); });
            if (!is_root) expect(request.root, where.receive, part());
            break;
        case Kind::AllGather:
            each_peer([&](int peer) { offer(peer, input_.data(), part()); });
            each_peer([&](int peer) { expect(peer, where.receive + offset(peer), part()); });
            break;
        case Kind::ReduceScatter:
            each_peer([&](int peer) { offer(peer, input_.data() + offset(peer), part()); });
            each_peer([&](int peer) { expect(peer, staging(peer, part()), part()); });
            break;
        case Kind::AllToAll:
            each_peer([&](int peer) { offer(peer, input_.data() + offset(peer), part()); });
            each_peer([&](int peer) { expect(peer, where.receive + offset(peer), part()); });
            break;
        case Kind::Gather:
            if (!is_root) offer(request.root, input_.data(), part());
            if (is_root) each_peer([&](int peer) { expect(peer, where.receive + offset(peer), part()); });
            break;
        case Kind::Scatter:
            if (is_root) each_peer([&](int peer) { offer(peer, input_.data() + offset(peer), part()); });
            if (!is_root) expect(request.root, where.receive, part());
            break;
        case Kind::Send:
            offer(request.root, input_.data(), part());
            break;
        case Kind::Receive:
            expect(request.root, where.receive, part());
            break;
    }
}

void Operation::finish() {
    const bool is_root = rank == request.root;
    const std::size_t own = static_cast<std::size_t>(rank) * part();
    switch (request.kind) {
        case Kind::AllReduce:
            reduce(input_.data());
            break;
        case Kind::Reduce:
            if (is_root) reduce(input_.data());
            break;
        case Kind::ReduceScatter:
            reduce(input_.data() + own);
            break;
        case Kind::Broadcast:
            if (is_root) keep_own(0, 0);
            break;
        case Kind::AllGather:
            keep_own(0, own);
            break;
        case Kind::AllToAll:
            keep_own(own, own);
            break;
        case Kind::Gather:
            if (is_root) keep_own(0, own);
            break;
        case Kind::Scatter:
            if (is_root) keep_own(own, 0);
            break;
        case Kind::Send:
        case Kind::Receive:
            break;
    }
}

void Operation::copy_to(const Operation& receive) const {
    if (receive.request.count != request.count || receive.request.type != request.type)
        throw Violation(text(request.description(), " meets ", receive.request.description(), " of the same rank"));
    std::memcpy(receive.buffers_.receive, input_.data(), part());
}

// In the order of ranks, so that every rank computes the same.
void Operation::reduce(const std::byte* own) {
    const nc_data_type type = element_type(request.type);
    const bool is_extreme = request.op == ncclMax || request.op == ncclMin;
    const bool is_floating = type >= NC_FLOAT16;
    const Combine combine =
        combine_function(type, request.op == ncclAvg ? NC_SUM : reduce_op(request.op), NanRule::OfMlx);
    const auto from = [&](int peer) { return peer == rank ? own : staged_[static_cast<std::size_t>(peer)].data(); };
    std::memmove(buffers_.receive, from(0), part());
    with_element_type(type, [&](auto element) {
        using T = decltype(element);
        if constexpr (is_number<T>) {
            for (int peer = 1; peer < size; ++peer) {
                if (is_extreme && is_floating) {
                    take_extremes<T>(buffers_.receive, from(peer), request.count, request.op == ncclMax);
                } else {
                    combine(buffers_.receive, buffers_.receive, from(peer), request.count);
                }
            }
            if (request.op == ncclAvg) divide<T>(buffers_.receive, request.count, size);
        }
    });
}

} // namespace nc::doubles
