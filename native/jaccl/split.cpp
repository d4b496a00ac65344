#include "jaccl/split.h"

#include <algorithm>

#include "jaccl/lifelines.h"
#include "jaccl/parent_channel.h"
#include "jaccl/star.h"
#include "operation/group_functions.h"
#include "operation/membership.h"
#include "operation/split_attempt.h"
#include "os/descriptor.h"

namespace nc::jaccl {
namespace {

// What every rank tells the others.
struct Announcement {
    std::int32_t color;
    std::int32_t key;
    Contact contact;
};

// What every rank tells the others when it has tried to join its part.
struct Outcome {
    std::int32_t joined;
    std::int32_t lost; // a rank that the group that is split has lost, as this one knows; -1: none
};

std::string part_name(int color) {
    return text("split into color ", color);
}

Membership membership_of(const std::vector<Announcement>& all, int color) {
    std::vector<SplitChoice> choices;
    for (const Announcement& one : all) choices.push_back({one.color, one.key});
    return {choices, color};
}

// The part of a group that this rank joins.
class Part {
public:
    Part(const Operation& operation, const Membership& members)
        : group_(operation.group()),
          members_(members),
          matrix_(group_.matrix().part(members_.old_ranks(), members_.name())),
          settings_(group_.settings()) {
        settings_.prefer_ring = group_.fabric().topology == Topology::Ring;
    }

    int rank() const { return members_.rank_of(group_.rank()); }
    int size() const { return matrix_.size(); }
    const std::string& name() const { return matrix_.source(); }

    // Throws Error(NC_NOT_SUPPORTED).
    Topology topology() const {
        try {
            return matrix_.choose(settings_.prefer_ring);
        } catch (const Error& error) {
            throw Error(NC_NOT_SUPPORTED,
                        text("these ranks cannot form a group of their own over the cables there are: ", error.what()));
        }
    }

    nc_backend_group connect(Topology topology, SideChannel& channel, const Patience& patience,
                             const nc_backend_options& options) {
        try {
            Fabric fabric = connect_ranks(VerbsLibrary::load(settings_.library), matrix_, rank(), topology, settings_,
                                          channel, group_.log());
            std::vector<Connection> lifelines = connect_lifelines(channel, fabric, rank(), patience, group_.log());
            return {new JacclGroup(rank(), matrix_, settings_, std::move(fabric), std::move(lifelines), options),
                    rank(), size()};
        } catch (const Error& error) {
            throw members_.of_the_old_group(error);
        }
    }

private:
    JacclGroup& group_;
    const Membership& members_;
    const DeviceMatrix matrix_;
    Settings settings_;
};

// How much of the operation's time is kept for agreeing on the outcome.
std::chrono::milliseconds time_to_agree(const nc_call& call) {
    return std::min(std::chrono::milliseconds(1000), std::chrono::milliseconds(call.timeout_ms / 4));
}

Patience patience_of(const Operation& operation, const nc_backend_options& options) {
    Patience patience{};
    patience.deadline = std::min(deadline_after(options.forming_timeout_ms),
                                 deadline_of(operation.call) - time_to_agree(operation.call));
    patience.timeout_ms = std::max<std::int64_t>(
        0, std::chrono::ceil<std::chrono::milliseconds>(patience.deadline - Clock::now()).count());
    patience.interruption = &operation.group().interruption();
    return patience;
}

// One rank's way into its part.
class Joining {
public:
    explicit Joining(const Operation& operation) : operation_(operation), color_(operation.request.color) {}
    ~Joining() { delete static_cast<JacclGroup*>(made_.handle); }
    Joining(const Joining&) = delete;
    Joining& operator=(const Joining&) = delete;

    // Before anything is told.
    Contact open_own_contact() {
        attempt_.take([&] {
            OwnContact own = open_contact(*operation_.group().address(), part_name(color_));
            if (own.failure.has_value()) throw *own.failure;
            listener_ = std::move(own.listener);
            contact_ = own.contact;
        });
        return contact_;
    }

    void join_over_star(const std::vector<Announcement>& all, const nc_backend_options& options) {
        attempt_.take([&] {
            members_.emplace(membership_of(all, color_));
            for (const int member : members_->old_ranks()) {
                if (!all[static_cast<std::size_t>(member)].contact.can_be_called())
                    fail_rendezvous(text(part_name(color_), ": rank ", member, " cannot listen for connections"),
                                    member);
            }
            made_ = {nullptr, 0, 1};
            if (members_->size() > 1)
                connect_over_star(all[static_cast<std::size_t>(members_->old_rank(0))].contact, options);
        });
    }

    // Over the group that is split. Throws what that group failed with.
    void join_over_parent(const std::vector<Announcement>& all, const nc_backend_options& options) {
        attempt_.take([&] {
            if (color_ >= 0) members_.emplace(membership_of(all, color_));
        });
        const std::vector<int> members = old_ranks();
        ParentChannel channel(operation_, members);
        if (color_ >= 0) {
            attempt_.take([&] {
                made_ = {nullptr, 0, 1};
                if (members_->size() < 2) return;
                Part part(operation_, *members_);
                made_ = part.connect(part.topology(), channel, {}, options);
            });
        }
        channel.finish();
    }

    // Tells the others whether this rank has joined, and hears the same of them: all ranks of the group do this,
    // whatever their part. Throws the failure of the part, with which all ranks are in step; or what the group that is
    // split failed with, which is over then.
    nc_backend_group conclude(const nc_backend_options& options) {
        std::vector<Outcome> all(static_cast<std::size_t>(operation_.size));
        const Outcome own{attempt_.has_failed() ? 0 : 1, operation_.group().interruption().lost_peer()};
        operation_.gather_bytes(&own, sizeof own, all.data());
        for (int rank = 0; rank < operation_.size; ++rank) {
            const int lost = all[static_cast<std::size_t>(rank)].lost;
            if (lost >= 0 && lost < operation_.size)
                throw Error(NC_PEER_LOST, text("rank ", lost, " is lost, as rank ", rank, " reports"), lost);
        }
        attempt_.conclude(operation_.size, [&](int rank) {
            return members_.has_value() && members_->has(rank) && all[static_cast<std::size_t>(rank)].joined != 1;
        });
        if (members_.has_value()) members_->tell(options.parent_ranks);
        return std::exchange(made_, {nullptr, -1, 0});
    }

private:
    std::vector<int> old_ranks() const { return members_.has_value() ? members_->old_ranks() : std::vector<int>{}; }

    // Over TCP, as the group that is split was formed.
    void connect_over_star(const Contact& first, const nc_backend_options& options) {
        Part part(operation_, *members_);
        const Topology topology = part.topology();
        StarPlan plan{};
        plan.source = part.name();
        plan.rank = part.rank();
        plan.size = part.size();
        plan.coordinator = first.address();
        if (plan.rank == 0) plan.listener = std::move(listener_);
        // Nobody calls the others.
        listener_.close();
        plan.token = first.token;
        plan.patience = patience_of(operation_, options);
        plan.log = operation_.group().log();
        const Patience patience = plan.patience;
        made_ = part.connect(topology, *make_star(std::move(plan)), patience, options);
    }

    const Operation& operation_;
    const int color_;
    std::optional<Membership> members_; // of the part that this rank joins
    Contact contact_{};
    Descriptor listener_;
    nc_backend_group made_{nullptr, -1, 0};
    SplitAttempt attempt_;
};

} // namespace

nc_backend_group split_group(const Operation& operation, const nc_backend_options& options) {
    const bool over_star = operation.group().address().has_value();
    Joining joining(operation);
    Announcement announcement{operation.request.color, operation.request.key, {}};
    // Whoever will be first of its part is known only later: every member can be called.
    if (announcement.color >= 0 && over_star) announcement.contact = joining.open_own_contact();
    operation.announce();
    std::vector<Announcement> all(static_cast<std::size_t>(operation.size));
    operation.gather_bytes(&announcement, sizeof announcement, all.data());
    if (!over_star) {
        joining.join_over_parent(all, options);
    } else if (announcement.color >= 0) {
        joining.join_over_star(all, options);
    }
    return joining.conclude(options);
}

} // namespace nc::jaccl
