#include "jaccl/split.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace nc::jaccl {
namespace {

// What every rank tells the others. It listens on a free port of the address at which the others of the group know it, so that nothing else can be in the way.
struct Announcement {
    std::int32_t color;
    std::int32_t key;
    std::int32_t listens; // 0: this rank cannot be called
    std::int32_t address_bytes;
    sockaddr_storage address;
    Token token; // what a caller must say to this rank
};

struct Member {
    int old_rank;
    int key;
};

Token random_token() {
    std::random_device source;
    Token token;
    for (std::uint8_t& byte : token) byte = static_cast<std::uint8_t>(source());
    return token;
}

std::string part_name(int color) {
    return text("split into color ", color);
}

} // namespace

nc_backend_group split_group(const Operation& operation, const nc_backend_options& options) {
    JacclGroup& group = operation.group();
    const int color = operation.request.color;
    if (!group.address().has_value())
        throw Error(NC_NOT_SUPPORTED, "a group whose ranks met by a side channel of the program's cannot be split: nothing but that channel joins the ranks");

    // Whoever will be first of its part is known only later: every member listens.
    Address own = *group.address();
    Descriptor listener;
    Announcement announcement{color, operation.request.key, 1, 0, {}, random_token()};
    std::optional<Error> not_listening;
    if (color >= 0) {
        own.set_port(0);
        try {
            listener = listen_at(own, part_name(color));
            own = Address::local(listener.get());
            announcement.address_bytes = static_cast<std::int32_t>(own.length());
            std::memcpy(&announcement.address, own.get(), own.length());
        } catch (const Error& error) {
            // The others are told, so that all ranks stay in step.
            not_listening = error;
            announcement.listens = 0;
        }
    }
    operation.announce();
    std::vector<Announcement> all(static_cast<std::size_t>(operation.size));
    operation.gather_bytes(&announcement, sizeof announcement, all.data());

    if (color < 0) return {nullptr, -1, 0};
    if (not_listening.has_value()) throw *not_listening;
    std::vector<Member> members;
    for (int old_rank = 0; old_rank < operation.size; ++old_rank) {
        const Announcement& other = all[static_cast<std::size_t>(old_rank)];
        if (other.color != color) continue;
        if (other.listens == 0) throw Error(NC_RENDEZVOUS_FAILED, text(part_name(color), ": rank ", old_rank, " cannot listen for connections"), old_rank);
        members.push_back({old_rank, other.key < 0 ? old_rank : other.key});
    }
    std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.key < b.key; });
    const int size = static_cast<int>(members.size());
    if (size == 1) return {nullptr, 0, 1};
    const auto self = std::find_if(members.begin(), members.end(), [&](const Member& member) { return member.old_rank == operation.rank; });
    const int rank = static_cast<int>(self - members.begin());

    std::vector<int> old_ranks;
    std::string names;
    for (const Member& member : members) {
        old_ranks.push_back(member.old_rank);
        names += text(names.empty() ? "" : ", ", member.old_rank);
    }
    DeviceMatrix matrix = group.matrix().part(old_ranks, text(part_name(color), " (ranks ", names, " of ", operation.size, ")"));
    Settings settings = group.settings();
    settings.prefer_ring = group.fabric().topology == Topology::Ring;
    Topology topology{};
    try {
        topology = matrix.choose(settings.prefer_ring);
    } catch (const Error& error) {
        throw Error(NC_NOT_SUPPORTED, text("these ranks cannot form a group of their own over the cables there are: ", error.what()));
    }

    const Announcement& first = all[static_cast<std::size_t>(old_ranks.front())];
    StarPlan plan{};
    plan.source = matrix.source();
    plan.rank = rank;
    plan.size = size;
    plan.coordinator = Address(reinterpret_cast<const sockaddr*>(&first.address), static_cast<socklen_t>(first.address_bytes));
    if (rank == 0) plan.listener = std::move(listener);
    plan.token = first.token;
    plan.patience.timeout_ms = std::min(options.forming_timeout_ms, operation.call.timeout_ms);
    plan.patience.deadline = std::min(deadline_after(options.forming_timeout_ms),
                                      Deadline(std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(operation.call.deadline_ns))));
    plan.patience.interruption = &group.interruption();
    plan.log = group.log();
    try {
        const std::unique_ptr<SideChannel> channel = make_star(std::move(plan));
        Fabric fabric = connect_ranks(VerbsLibrary::load(settings.library), matrix, rank, topology, settings, *channel, group.log());
        auto made = std::make_unique<JacclGroup>(rank, std::move(matrix), std::move(settings), std::move(fabric), channel->take_connections(), options);
        return {made.release(), rank, size};
    } catch (const Error& error) {
        // The group that is split has come to no harm by it.
        group.interruption().throw_if_ended();
        const int peer = error.peer < 0 ? -1 : old_ranks[static_cast<std::size_t>(error.peer)];
        throw Error(NC_RENDEZVOUS_FAILED, error.what(), peer, error.system_error);
    }
}

} // namespace nc::jaccl
