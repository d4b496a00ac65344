#include "ring/split.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>

#include "ring/forming.h"

namespace nc::ring {
namespace {

// What every rank tells the others. Ports follow: a rank listens on free ports of the hosts that its hostfile entry names, so that nothing else can be in the way.
struct Announcement {
    std::int32_t color;
    std::int32_t key;
    std::int32_t listens; // 0: this rank cannot be called
    Password password;    // what a caller must say to this rank
};

struct Member {
    int old_rank;
    int key;
};

Password random_password() {
    std::random_device source;
    Password password;
    for (std::uint8_t& byte : password) byte = static_cast<std::uint8_t>(source());
    return password;
}

// Nobody leaves a split before everybody has joined: a rank that uses its part and leaves it at once must not look like one that could not be reached.
void meet(RingGroup& part, const Operation& split, Deadline deadline) {
    nc_call call = split.call;
    call.deadline_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
    const Interruption& interruption = split.ring().interruption();
    try {
        part.meet(split.request, call, interruption);
    } catch (const Error& error) {
        interruption.throw_if_aborted();
        interruption.throw_if_broken();
        throw Error(NC_RENDEZVOUS_FAILED, text("split: not all ranks joined: ", error.what()), error.peer, error.system_error);
    }
}

} // namespace

nc_backend_group split_ring(Operation& operation, const nc_backend_options& options) {
    RingGroup& ring = operation.ring();
    const auto sockets = static_cast<std::size_t>(operation.sockets);
    const int color = operation.request.color;

    std::vector<Address> own = ring.addresses()[static_cast<std::size_t>(operation.rank)];
    std::vector<Descriptor> listeners;
    Announcement announcement{color, operation.request.key, 1, random_password()};
    std::vector<std::uint16_t> ports(sockets);
    std::optional<Error> not_listening;
    if (color >= 0) {
        for (Address& address : own) address.set_port(0);
        try {
            listeners = open_listeners(own, "split", operation.rank);
            for (std::size_t i = 0; i < sockets; ++i) ports[i] = Address::local(listeners[i].get()).port();
        } catch (const Error& error) {
            // The others are told, so that all ranks stay in step.
            not_listening = error;
            announcement.listens = 0;
        }
    }

    const std::size_t row = sizeof announcement + sockets * sizeof ports[0];
    std::vector<std::byte> mine(row);
    std::vector<std::byte> all(row * static_cast<std::size_t>(operation.size));
    std::memcpy(mine.data(), &announcement, sizeof announcement);
    std::memcpy(mine.data() + sizeof announcement, ports.data(), sockets * sizeof ports[0]);
    gather_bytes(operation, mine.data(), row, all.data());

    const auto announced = [&](int old_rank) {
        Announcement read{};
        std::memcpy(&read, all.data() + static_cast<std::size_t>(old_rank) * row, sizeof read);
        return read;
    };
    const auto addresses_of = [&](int old_rank) {
        std::vector<Address> addresses = ring.addresses()[static_cast<std::size_t>(old_rank)];
        for (std::size_t i = 0; i < sockets; ++i) {
            std::uint16_t port = 0;
            std::memcpy(&port, all.data() + static_cast<std::size_t>(old_rank) * row + sizeof(Announcement) + i * sizeof port, sizeof port);
            addresses[i].set_port(port);
        }
        return addresses;
    };

    if (color < 0) return {nullptr, -1, 0};
    if (not_listening.has_value()) throw *not_listening;
    std::vector<Member> members;
    for (int old_rank = 0; old_rank < operation.size; ++old_rank) {
        const Announcement other = announced(old_rank);
        if (other.color != color) continue;
        if (other.listens == 0)
            throw Error(NC_RENDEZVOUS_FAILED, text("split into color ", color, ": rank ", old_rank, " cannot listen for connections"), old_rank);
        members.push_back({old_rank, other.key < 0 ? old_rank : other.key});
    }
    std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.key < b.key; });
    const int size = static_cast<int>(members.size());
    const auto self = std::find_if(members.begin(), members.end(), [&](const Member& member) { return member.old_rank == operation.rank; });
    const int rank = static_cast<int>(self - members.begin());
    if (size == 1) return {nullptr, 0, 1};

    std::vector<std::vector<Address>> addresses;
    for (const Member& member : members) addresses.push_back(addresses_of(member.old_rank));
    const auto neighbour = [&](int by) { return static_cast<std::size_t>(wrap(rank + by, size)); };
    FormingPlan plan;
    plan.source = text("split into color ", color);
    plan.rank = rank;
    plan.size = size;
    plan.own = addresses[static_cast<std::size_t>(rank)];
    plan.left = addresses[neighbour(-1)];
    plan.right = addresses[neighbour(+1)];
    plan.listeners = std::move(listeners);
    plan.own_password = announcement.password;
    plan.right_password = announced(members[neighbour(+1)].old_rank).password;
    plan.neighbours_listen = true;
    plan.timeout_ms = std::min(options.forming_timeout_ms, operation.call.timeout_ms);
    plan.deadline = std::min(deadline_after(options.forming_timeout_ms), deadline_of(operation.call));
    plan.interruption = &ring.interruption();
    plan.log = ring.log();
    const Deadline forming_deadline = plan.deadline;
    Connections connections = form_ring(std::move(plan));
    auto made = std::make_unique<RingGroup>(rank, std::move(addresses), std::move(connections), options);
    meet(*made, operation, forming_deadline);
    return {made.release(), rank, size};
}

} // namespace nc::ring
