#include "ring/split.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "operation/group_functions.h"
#include "operation/membership.h"
#include "operation/split_attempt.h"
#include "os/descriptor.h"
#include "os/random.h"
#include "ring/forming.h"
#include "transport/rendezvous.h"

namespace nc::ring {
namespace {

Patience patience_of(const Operation& operation, const nc_backend_options& options) {
    return {std::min(deadline_after(options.forming_timeout_ms), deadline_of(operation.call)),
            std::min(options.forming_timeout_ms, operation.call.timeout_ms),
            {},
            &operation.ring().interruption()};
}

// Throws Error(NC_RENDEZVOUS_FAILED) that says why the rank's addresses are of no use here.
const std::vector<Address>& listed_addresses(const Operation& operation, int rank, const nc_backend_options& options) {
    const Patience patience = patience_of(operation, options);
    return operation.ring().addresses().of(rank, patience);
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
        try {
            return form(std::move(listeners), options);
        } catch (const Error& error) {
            throw members_.of_the_old_group(error);
        }
    }

private:
    std::unique_ptr<RingGroup> form(std::vector<Descriptor> listeners, const nc_backend_options& options) const {
        for (const int old_rank : members_.old_ranks()) {
            if (announced_.of(old_rank).listens != 0) continue;
            fail_rendezvous(text(members_.name(), ": rank ", old_rank, " cannot listen for connections"),
                            members_.rank_of(old_rank));
        }
        const int right = members_.old_rank(wrap(rank() + 1, members_.size()));
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
        plan.patience = patience_of(operation_, options);
        plan.log = operation_.ring().log();
        Connections connections = form_ring(std::move(plan));
        return std::make_unique<RingGroup>(rank(), operation_.ring().addresses().part(members_.old_ranks()),
                                           std::move(connections), options, /*has_only_ours=*/true);
    }

    int rank() const { return members_.rank_of(operation_.rank); }

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
std::vector<SplitOutcome> gather_outcomes(Operation& operation, const SplitAttempt& attempt) {
    const SplitOutcome own = attempt.has_failed() ? SplitOutcome::Failed : SplitOutcome::Joined;
    std::vector<SplitOutcome> outcomes(static_cast<std::size_t>(operation.size));
    try {
        gather_bytes(operation, &own, sizeof own, outcomes.data());
    } catch (const Error& error) {
        if (!attempt.has_failed()) throw;
        throw Error(error.status, text(error.what(), "; before that: ", attempt.failure()->what()), error.peer,
                    error.system_error);
    }
    return outcomes;
}

} // namespace

nc_backend_group split_ring(Operation& operation, const nc_backend_options& options) {
    const int color = operation.request.color;
    SplitAnnouncement announcement{color, operation.request.key, 0, {}};
    std::vector<Descriptor> listeners;
    std::vector<std::uint16_t> ports(static_cast<std::size_t>(operation.sockets));
    SplitAttempt attempt;
    if (color >= 0) {
        attempt.take([&] {
            fill_random(announcement.password);
            std::vector<Address> own = listed_addresses(operation, operation.rank, options);
            for (std::size_t i = 0; i < ports.size(); ++i) {
                own[i].set_port(0);
                listeners.push_back(listen_at(own[i], text("split: rank ", operation.rank), true));
                ports[i] = Address::local(listeners[i].get()).port();
            }
        });
        announcement.listens = attempt.has_failed() ? 0 : 1;
    }

    const Announcements announced(operation, announcement, ports);
    const Part part(operation, announced, color);
    std::unique_ptr<RingGroup> joined;
    if (color >= 0 && part.members().size() > 1 && !attempt.has_failed()) {
        attempt.take([&] { joined = part.join(std::move(listeners), options); });
        // A rank that died is the old ring's loss.
        if (attempt.has_failed()) {
            operation.ring().interruption().throw_if_aborted();
            operation.ring().interruption().throw_if_lost();
        }
    }
    // The others are not to wait for a rank that does not come.
    listeners.clear();

    const std::vector<SplitOutcome> outcomes = gather_outcomes(operation, attempt);
    if (color < 0) return {nullptr, -1, 0};
    attempt.conclude(
        operation.size,
        [&](int old_rank) {
            return part.members().has(old_rank) && outcomes[static_cast<std::size_t>(old_rank)] != SplitOutcome::Joined;
        },
        part.members().name());
    part.members().tell(options.parent_ranks);
    if (part.members().size() == 1) return {nullptr, 0, 1};
    return handed_over(std::move(joined));
}

} // namespace nc::ring
