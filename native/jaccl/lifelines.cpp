#include "jaccl/lifelines.h"
#include "jaccl/star.h"

#include <algorithm>

namespace nc::jaccl {
namespace {

constexpr const char* source = "the lines between the ranks";
// Where only rank 0 can be reached, nobody is to wait for the others long.
constexpr auto longest_attempt = std::chrono::seconds(5);

// Every rank but the first and the last is the middle of a star of those that follow it.
std::vector<Connection> call_others(const std::vector<Contact>& contacts, Descriptor listener, int rank,
                                    const Patience& patience, const Log& log) {
    const int size = static_cast<int>(contacts.size());
    std::vector<Connection> others;
    for (int middle = 1; middle < size - 1 && middle <= rank; ++middle) {
        const Contact& contact = contacts[static_cast<std::size_t>(middle)];
        StarPlan plan{};
        plan.source = source;
        plan.rank = rank - middle;
        plan.size = size - middle;
        plan.first = middle;
        plan.coordinator = contact.address();
        if (middle == rank) plan.listener = std::move(listener);
        plan.token = contact.token;
        plan.patience = patience;
        plan.log = log;
        for (Connection& connection : make_star(std::move(plan))->take_connections()) {
            others.push_back({connection.peer + middle, std::move(connection.socket)});
        }
    }
    return others;
}

} // namespace

std::vector<Connection> connect_lifelines(SideChannel& channel, const Fabric& fabric, int rank,
                                          const Patience& patience, const Log& log) {
    const int size = static_cast<int>(fabric.is_ours.size());
    const std::optional<Address> address = channel.own_address();
    if (size <= 2 || !fabric.has_only_ours() || !address.has_value()) return channel.take_connections();

    OwnContact own = open_contact(*address, source);
    std::vector<Contact> contacts(static_cast<std::size_t>(size));
    channel.exchange(&own.contact, sizeof own.contact, contacts.data());
    std::vector<Connection> others;
    std::int32_t joined = 1;
    if (own.failure.has_value() || std::any_of(contacts.begin(), contacts.end(),
                                               [](const Contact& contact) { return !contact.can_be_called(); })) {
        joined = 0;
    } else {
        Patience short_patience = patience;
        short_patience.deadline = std::min(patience.deadline, Clock::now() + longest_attempt);
        try {
            others = call_others(contacts, std::move(own.listener), rank, short_patience, log);
        } catch (const Error& error) {
            if (error.status != NC_RENDEZVOUS_FAILED) throw;
            log.write(NC_LOG_DEBUG, "[jaccl] rank ", rank, ": ", error.what());
            joined = 0;
        }
    }
    // Nobody leaves before everybody is connected.
    std::vector<std::int32_t> all(static_cast<std::size_t>(size));
    channel.exchange(&joined, sizeof joined, all.data());
    std::vector<Connection> lifelines = channel.take_connections();
    if (std::all_of(all.begin(), all.end(), [](std::int32_t one) { return one == 1; })) {
        std::move(others.begin(), others.end(), std::back_inserter(lifelines));
    } else if (rank == 0) {
        log.write(NC_LOG_WARNING,
                  "[jaccl] not every rank can be reached by all others over TCP: when rank 0 has left, the rest will "
                  "not hear of a death");
    }
    return lifelines;
}

} // namespace nc::jaccl
