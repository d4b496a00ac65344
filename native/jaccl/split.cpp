#include "jaccl/split.h"

#include <algorithm>
#include <cstring>

#include "jaccl/lines.h"
#include "jaccl/parent_channel.h"

namespace nc::jaccl {
namespace {

// What every rank tells the others.
struct Announcement {
    std::int32_t color;
    std::int32_t key;
    Door door;
};

struct Member {
    int old_rank;
    int key;
};

std::string part_name(int color) {
    return text("split into color ", color);
}

// The ranks of equal color in their new order.
std::vector<int> members_of(const std::vector<Announcement>& all, int color) {
    std::vector<Member> members;
    for (std::size_t old_rank = 0; old_rank < all.size(); ++old_rank) {
        const int rank = static_cast<int>(old_rank);
        if (all[old_rank].color == color) members.push_back({rank, all[old_rank].key < 0 ? rank : all[old_rank].key});
    }
    std::stable_sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.key < b.key; });
    std::vector<int> ranks;
    for (const Member& member : members) ranks.push_back(member.old_rank);
    return ranks;
}

// The part of a group that this rank joins.
class Part {
public:
    Part(const Operation& operation, std::vector<int> members, int color)
        : group_(operation.group()),
          members_(std::move(members)),
          matrix_(group_.matrix().part(members_, described(operation, color))),
          settings_(group_.settings()) {
        settings_.prefer_ring = group_.fabric().topology == Topology::Ring;
    }

    int rank() const { return static_cast<int>(std::find(members_.begin(), members_.end(), group_.rank()) - members_.begin()); }
    int size() const { return matrix_.size(); }
    const std::string& name() const { return matrix_.source(); }

    // Throws Error(NC_NOT_SUPPORTED).
    Topology topology() const {
        try {
            return matrix_.choose(settings_.prefer_ring);
        } catch (const Error& error) {
            throw Error(NC_NOT_SUPPORTED, text("these ranks cannot form a group of their own over the cables there are: ", error.what()));
        }
    }

    nc_backend_group connect(Topology topology, SideChannel& channel, const Patience& patience, const nc_backend_options& options) {
        Fabric fabric = connect_ranks(VerbsLibrary::load(settings_.library), matrix_, rank(), topology, settings_, channel, group_.log());
        std::vector<Connection> lines = connect_lines(channel, fabric, rank(), patience, group_.log());
        return {new JacclGroup(rank(), matrix_, settings_, std::move(fabric), std::move(lines), options), rank(), size()};
    }

    // The failure to connect, which did the group that is split no harm.
    Error explained(const Error& error) const {
        group_.interruption().throw_if_ended();
        const int peer = error.peer < 0 ? -1 : members_[static_cast<std::size_t>(error.peer)];
        return {error.status == NC_NOT_SUPPORTED ? NC_NOT_SUPPORTED : NC_RENDEZVOUS_FAILED, error.what(), peer, error.system_error};
    }

private:
    std::string described(const Operation& operation, int color) const {
        std::string names;
        for (const int member : members_) names += text(names.empty() ? "" : ", ", member);
        return text(part_name(color), " (ranks ", names, " of ", operation.size, ")");
    }

    JacclGroup& group_;
    const std::vector<int> members_;
    const DeviceMatrix matrix_;
    Settings settings_;
};

// Over TCP, as the group that is split was formed.
nc_backend_group connect_over_star(Part& part, const Operation& operation, const Door& first, Descriptor listener, const nc_backend_options& options) {
    const Topology topology = part.topology();
    StarPlan plan{};
    plan.source = part.name();
    plan.rank = part.rank();
    plan.size = part.size();
    plan.coordinator = first.address();
    if (plan.rank == 0) plan.listener = std::move(listener);
    plan.token = first.token;
    plan.patience.timeout_ms = std::min(options.forming_timeout_ms, operation.call.timeout_ms);
    plan.patience.deadline = std::min(deadline_after(options.forming_timeout_ms),
                                      Deadline(std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(operation.call.deadline_ns))));
    plan.patience.interruption = &operation.group().interruption();
    plan.log = operation.group().log();
    try {
        const Patience patience = plan.patience;
        return part.connect(topology, *make_star(std::move(plan)), patience, options);
    } catch (const Error& error) {
        throw part.explained(error);
    }
}

// Over the group that is split; all its ranks call this.
nc_backend_group connect_over_parent(Part* part, const Operation& operation, std::vector<int> members, const nc_backend_options& options) {
    ParentChannel channel(operation, std::move(members));
    nc_backend_group made{nullptr, part != nullptr ? 0 : -1, part != nullptr ? 1 : 0};
    std::optional<Error> failure;
    if (part != nullptr && part->size() > 1) {
        try {
            made = part->connect(part->topology(), channel, {}, options);
        } catch (const Error& error) {
            failure = part->explained(error);
        }
    }
    try {
        channel.finish(!failure.has_value());
    } catch (...) {
        delete static_cast<JacclGroup*>(made.handle);
        if (!failure.has_value()) throw;
    }
    if (failure.has_value()) throw *failure;
    return made;
}

} // namespace

nc_backend_group split_group(const Operation& operation, const nc_backend_options& options) {
    const JacclGroup& group = operation.group();
    const int color = operation.request.color;
    const bool over_star = group.address().has_value();

    // Whoever will be first of its part is known only later: every member can be called.
    OwnDoor own;
    if (color >= 0 && over_star) own = open_door(*group.address(), part_name(color));
    const Announcement announcement{color, operation.request.key, own.door};
    operation.announce();
    std::vector<Announcement> all(static_cast<std::size_t>(operation.size));
    operation.gather_bytes(&announcement, sizeof announcement, all.data());

    if (color < 0) return over_star ? nc_backend_group{nullptr, -1, 0} : connect_over_parent(nullptr, operation, {}, options);
    if (own.failure.has_value()) throw *own.failure;
    const std::vector<int> members = members_of(all, color);
    for (const int member : members) {
        if (over_star && all[static_cast<std::size_t>(member)].door.is_open == 0)
            throw Error(NC_RENDEZVOUS_FAILED, text(part_name(color), ": rank ", member, " cannot listen for connections"), member);
    }
    Part part(operation, members, color);
    if (!over_star) return connect_over_parent(&part, operation, members, options);
    if (part.size() == 1) return {nullptr, 0, 1};
    return connect_over_star(part, operation, all[static_cast<std::size_t>(members.front())].door, std::move(own.listener), options);
}

} // namespace nc::jaccl
