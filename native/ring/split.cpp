#include "ring/split.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "operation/membership.h"
#include "os/descriptor.h"
#include "os/random.h"
#include "ring/forming.h"

namespace nc::ring {
namespace {

// Runs body; whatever it throws, which may be that something has run out, is a reason not to have joined.
template <class Body>
std::optional<Error> failure_of(Body&& body) {
    nc_error error = empty_error();
    if (guarded(&error, std::forward<Body>(body)) == NC_OK) return std::nullopt;
    return Error(NC_RENDEZVOUS_FAILED, error.message, error.peer, error.system_error);
}

Deadline forming_deadline(const Operation& operation, const nc_backend_options& options) {
    return std::min(deadline_after(options.forming_timeout_ms), deadline_of(operation.call));
}

// Throws Error(NC_RENDEZVOUS_FAILED) that says why the rank's addresses are of no use here.
const std::vector<Address>& listed_addresses(const Operation& operation, int rank, const nc_backend_options& options) {
    const Interruption& interruption = operation.ring().interruption();
    return operation.ring().addresses().of(rank, forming_deadline(operation, options), [&] {
        interruption.throw_if_aborted();
        interruption.throw_if_broken();
    });
}

// What all ranks announced.
class Announcements {
public:
    Announcements(Operation& operation, const SplitAnnouncement& own, const std::vector<std::uint16_t>& own_ports)
        : size_(operation.size), ports_(own_ports.size()), row_(sizeof own + ports_ * sizeof own_ports[0]) {
        std::vector<std::byte> mine(row_);
        std::memcpy(mine.data(), &own, sizeof own);
        std::ranges::copy(std::as_bytes(std::span(own_ports)), mine.begin() + sizeof own);
        rows_.resize(row_ * static_cast<std::size_t>(operation.size));
        gather_bytes(operation, mine.data(), row_, rows_.data());
    }

    SplitAnnouncement of(int old_rank) const {
        SplitAnnouncement read{};
        std::memcpy(&read, row(old_rank), sizeof read);
        return read;
    }

    // Where the rank listens for its part; listed: on the same hosts, for the ring that is split.
    std::vector<Address> addresses_of(int old_rank, const std::vector<Address>& listed) const {
        std::vector<Address> addresses = listed;
        for (std::size_t i = 0; i < ports_; ++i) {
            std::uint16_t port = 0;
            std::memcpy(&port, row(old_rank) + sizeof(SplitAnnouncement) + i * sizeof port, sizeof port);
            addresses[i].set_port(port);
        }
        return addresses;
    }

    Membership membership_of(int color) const {
        std::vector<SplitChoice> choices;
        for (int old_rank = 0; old_rank < size_; ++old_rank) choices.push_back({of(old_rank).color, of(old_rank).key});
        return {choices, color};
    }

private:
    const std::byte* row(int old_rank) const { return rows_.data() + static_cast<std::size_t>(old_rank) * row_; }

    const int size_;
    const std::size_t ports_;
    const std::size_t row_;
    std::vector<std::byte> rows_;
};

// The part of a ring that this rank joins.
class Part {
public:
    Part(Operation& operation, const Announcements& announced, int color)
        : operation_(operation), announced_(announced), members_(announced.membership_of(color)) {}

    const Membership& members() const { return members_; }

    std::unique_ptr<RingGroup> join(std::vector<Descriptor> listeners, const nc_backend_options& options) const {
        for (const int old_rank : members_.old_ranks()) {
            if (announced_.of(old_rank).listens != 0) continue;
            throw Error(NC_RENDEZVOUS_FAILED,
                        text(members_.name(), ": rank ", old_rank, " cannot listen for connections"),
                        members_.rank_of(old_rank));
        }
        const int right = members_.old_rank(wrap(rank() + 1, members_.size()));
        const nc_call& call = operation_.call;
        FormingPlan plan;
        plan.source = members_.name();
        plan.rank = rank();
        plan.size = members_.size();
        plan.own = addresses_of(operation_.rank, options);
        // The left neighbour is known by its password.
        plan.right = addresses_of(right, options);
        plan.listeners = std::move(listeners);
        plan.own_password = announced_.of(operation_.rank).password;
        plan.right_password = announced_.of(right).password;
        plan.neighbours_listen = true;
        plan.timeout_ms = std::min(options.forming_timeout_ms, call.timeout_ms);
        plan.deadline = forming_deadline(operation_, options);
        plan.interruption = &operation_.ring().interruption();
        plan.log = operation_.ring().log();
        Connections connections = form_ring(std::move(plan));
        return std::make_unique<RingGroup>(rank(), operation_.ring().addresses().part(members_.old_ranks()),
                                           std::move(connections), options, /*has_only_ours=*/true);
    }

    int rank() const { return members_.rank_of(operation_.rank); }

    // The failure with its peer's rank in the ring that is split.
    Error of_the_old_ring(const Error& failure) const {
        return {failure.status, failure.what(), members_.old_peer(failure.peer), failure.system_error};
    }

private:
    std::vector<Address> addresses_of(int old_rank, const nc_backend_options& options) const {
        try {
            return announced_.addresses_of(old_rank, listed_addresses(operation_, old_rank, options));
        } catch (const Error& error) {
            throw Error(error.status, text(members_.name(), ": ", error.what()), members_.rank_of(old_rank),
                        error.system_error);
        }
    }

    Operation& operation_;
    const Announcements& announced_;
    const Membership members_;
};

// All ranks of the ring that is split, whatever their color, say how their parts came out. What goes wrong here, such
// as a rank that died meanwhile, is a failure of that ring.
std::vector<SplitOutcome> gather_outcomes(Operation& operation, const std::optional<Error>& failure) {
    const SplitOutcome own = failure.has_value() ? SplitOutcome::Failed : SplitOutcome::Joined;
    std::vector<SplitOutcome> outcomes(static_cast<std::size_t>(operation.size));
    try {
        gather_bytes(operation, &own, sizeof own, outcomes.data());
    } catch (const Error& error) {
        if (!failure.has_value()) throw;
        throw Error(error.status, text(error.what(), "; before that: ", failure->what()), error.peer,
                    error.system_error);
    }
    return outcomes;
}

} // namespace

nc_backend_group split_ring(Operation& operation, const nc_backend_options& options) {
    RingGroup& ring = operation.ring();
    const int color = operation.request.color;
    SplitAnnouncement announcement{color, operation.request.key, 0, {}};
    std::vector<Descriptor> listeners;
    std::vector<std::uint16_t> ports(static_cast<std::size_t>(operation.sockets));
    std::optional<Error> failure;
    if (color >= 0) {
        failure = failure_of([&] {
            fill_random(announcement.password);
            std::vector<Address> own = listed_addresses(operation, operation.rank, options);
            for (Address& address : own) address.set_port(0);
            listeners = open_listeners(own, "split", operation.rank, true);
            for (std::size_t i = 0; i < ports.size(); ++i) ports[i] = Address::local(listeners[i].get()).port();
        });
        announcement.listens = failure.has_value() ? 0 : 1;
    }

    const Announcements announced(operation, announcement, ports);
    const Part part(operation, announced, color);
    std::unique_ptr<RingGroup> joined;
    if (color >= 0 && part.members().size() > 1 && !failure.has_value()) {
        failure = failure_of([&] { joined = part.join(std::move(listeners), options); });
        if (failure.has_value()) {
            // A rank that died is the old ring's loss.
            ring.interruption().throw_if_aborted();
            ring.interruption().throw_if_broken();
            failure = part.of_the_old_ring(*failure);
        }
    }
    // The others are not to wait for a rank that does not come.
    listeners.clear();

    const std::vector<SplitOutcome> outcomes = gather_outcomes(operation, failure);
    if (color < 0) return {nullptr, -1, 0};
    if (failure.has_value()) throw failure->still_in_step();
    for (int old_rank = 0; old_rank < operation.size; ++old_rank) {
        if (!part.members().has(old_rank) || outcomes[static_cast<std::size_t>(old_rank)] == SplitOutcome::Joined)
            continue;
        throw Error(NC_RENDEZVOUS_FAILED,
                    text(part.members().name(), ": rank ", old_rank, " could not join; its own error says why"),
                    old_rank)
            .still_in_step();
    }
    if (part.members().size() == 1) return {nullptr, 0, 1};
    const int rank = joined->rank();
    return {joined.release(), rank, part.members().size()};
}

} // namespace nc::ring
