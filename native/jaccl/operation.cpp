#include "jaccl/operation.h"

#include <array>
#include <cstring>

#include "jaccl/message.h"

namespace nc::jaccl {
namespace {

using Schedule = void (*)(const Operation& operation);
// In the order of nc_operation; a split is no schedule, and scans are composed of others.
using Schedules = std::array<Schedule, operation_count>;

void barrier(const Operation& operation);

constexpr Schedules of_mesh{nullptr,          mesh::all_reduce, mesh::all_gather, mesh::reduce_scatter,
                            mesh::broadcast,  mesh::reduce,     mesh::gather,     mesh::scatter,
                            mesh::all_to_all, barrier,          move_message,     move_message};
constexpr Schedules of_ring{nullptr,          ring::all_reduce, ring::all_gather, ring::reduce_scatter,
                            ring::broadcast,  ring::reduce,     ring::gather,     ring::scatter,
                            ring::all_to_all, barrier,          move_message,     move_message};

// As JACCL's own: an all-reduce of one byte, which cannot complete anywhere before it has begun everywhere.
void barrier(const Operation& operation) {
    std::uint8_t token = 0;
    nc_request request = operation.request;
    request.operation = NC_ALL_REDUCE;
    request.data_type = NC_UINT8;
    request.reduce_op = NC_SUM;
    request.count = 1;
    request.send_buffer = &token;
    request.receive_buffer = &token;
    Operation(operation.group(), request, operation.call, NC_BARRIER).run();
}

} // namespace

void Operation::run() {
    const Schedules& schedules = group_.fabric().topology == Topology::Mesh ? of_mesh : of_ring;
    nc::run(std::as_const(*this), schedules);
}

void Operation::gather_bytes(const void* own, std::size_t bytes, void* all) const {
    (group_.fabric().topology == Topology::Mesh ? mesh::gather_bytes : ring::gather_bytes)(*this, own, bytes, all);
}

void Operation::announce(const Header& own) const {
    ScratchVector<Header> all(static_cast<std::size_t>(size), Header{}, scratch());
    gather_bytes(&own, sizeof own, all.data());
    for (int peer = 0; peer < size; ++peer) {
        if (peer != rank) check_header(own, all[static_cast<std::size_t>(peer)], peer);
    }
}

ScratchVector<std::uint64_t> Operation::announce_lengths() const {
    const auto n = static_cast<std::size_t>(size);
    const Header header = header_of(request);
    const auto lengths = own_lengths(request, rank, size, scratch());
    const std::size_t row = lengths.size() * sizeof lengths[0];
    const std::size_t bytes = sizeof header + row;
    std::byte* const own = scratch().take(bytes);
    std::memcpy(own, &header, sizeof header);
    std::memcpy(own + sizeof header, lengths.data(), row);
    std::byte* const all = scratch().take(bytes * n);
    gather_bytes(own, bytes, all);
    ScratchVector<std::uint64_t> rows(lengths.size() * n, 0, scratch());
    for (std::size_t peer = 0; peer < n; ++peer) {
        const std::byte* said = all + peer * bytes;
        Header theirs{};
        std::memcpy(&theirs, said, sizeof theirs);
        if (static_cast<int>(peer) != rank) check_header(header, theirs, static_cast<int>(peer));
        std::memcpy(&rows[peer * lengths.size()], said + sizeof theirs, row);
    }
    return agreed_lengths(request, rank, size, rows, scratch());
}

} // namespace nc::jaccl
