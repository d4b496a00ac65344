// The ring as a backend: what the core loads.
#include <algorithm>
#include <cstring>
#include <optional>

#include "operation/group_functions.h"
#include "operation/settings.h"
#include "ring/operation.h"

namespace nc::ring {
namespace {

struct RingSettings {
    std::optional<std::string> hosts;
    std::optional<std::string> hostfile;
};

RingSettings read_settings(const nc_backend_options& options) {
    const SettingReader reader("the ring", {"hosts", "hostfile"}, options.settings, options.setting_count);
    reader.allow_one_of({"hosts", "hostfile"});
    RingSettings settings{reader.find("hosts"), reader.find("hostfile")};
    if (!settings.hosts.has_value() && !settings.hostfile.has_value())
        throw Error(NC_NOT_CONFIGURED, "the ring needs a setting: hosts or hostfile");
    return settings;
}

using Family = bool (Address::*)() const;

bool has(const std::vector<Address>& addresses, Family family) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const Address& address) { return (address.*family)() && !address.is_wildcard(); });
}

// Over which family of addresses this rank does not hear its left neighbour although it may call that way; empty if
// there is none.
std::string deaf_to(const FormingPlan& plan, int left) {
    for (const Address& own : plan.own) {
        if (!own.is_wildcard()) continue;
        if (own.is_ipv4() && has(plan.left, &Address::is_ipv6)) {
            return text("rank ", plan.rank, "'s address ", own.text(), " is reached over IPv4 only, but rank ", left,
                        " has an IPv6 address; written [::]:", own.port(), " it would be reached over both");
        }
        if (own.is_ipv6() && has(plan.left, &Address::is_ipv4) && !ipv6_hears_ipv4()) {
            return text("rank ", plan.rank, "'s address ", own.text(),
                        " is reached over IPv6 only on this system, but rank ", left,
                        " has an IPv4 address; written 0.0.0.0:", own.port(), " it would be reached over IPv4");
        }
    }
    return {};
}

void tell_unreachable(const RankAddresses& addresses, int rank, const Log& log) {
    constexpr std::size_t most_named = 8;
    const std::vector<std::string> unreachable = addresses.unreachable_from(rank);
    if (unreachable.empty()) return;
    std::string names;
    for (std::size_t i = 0; i < std::min(unreachable.size(), most_named); ++i)
        names += (i == 0 ? "" : ", ") + unreachable[i];
    if (unreachable.size() > most_named) names += text(" and ", unreachable.size() - most_named, " more");
    log.write(
        NC_LOG_INFORMATION, "[ring] rank ", rank, ": ", addresses.source(), " has no port for ", names,
        "; they are no neighbours of this rank, so only a split that makes them neighbours needs their addresses");
}

// Names are resolved for this rank and its neighbours only: what cannot be reached and need not be is no mistake.
nc_backend_group create_ring(const nc_backend_options& options) {
    const Patience patience = Patience::of(options.forming_timeout_ms, Cancellation(options.cancel));
    const RingSettings settings = read_settings(options);
    Hosts hosts = settings.hosts.has_value()
                      ? parse_hosts(*settings.hosts, "the ring's hosts")
                      : read_hostfile(*settings.hostfile, patience.deadline, patience.cancellation);
    const int size = hosts.size();
    check_rank(options.rank, size, hosts.source + " lists");
    if (size == 1) return {nullptr, 0, 1};
    const Log log(options.log, options.log_context);
    const int left = wrap(options.rank - 1, size);
    RankAddresses addresses(std::move(hosts));
    FormingPlan plan;
    plan.source = addresses.source();
    plan.rank = options.rank;
    plan.size = size;
    plan.own = addresses.of(options.rank, patience);
    plan.left = addresses.of(left, patience);
    plan.right = addresses.of(wrap(options.rank + 1, size), patience);
    plan.patience = patience;
    plan.log = log;
    addresses.check_distinct(options.rank);
    tell_unreachable(addresses, options.rank, log);
    // The ranks listen as late as they can: between listening and calling, a stranger may be taken for this rank.
    plan.also_ipv4 = has(plan.left, &Address::is_ipv4);
    const std::string deaf = deaf_to(plan, left);
    if (!deaf.empty()) log.write(NC_LOG_WARNING, "[ring] ", deaf);
    try {
        Connections connections = form_ring(std::move(plan));
        return handed_over(
            std::make_unique<RingGroup>(options.rank, std::move(addresses), std::move(connections), options));
    } catch (const Error& error) {
        if (deaf.empty() || error.status != NC_RENDEZVOUS_FAILED || error.peer != left) throw;
        throw Error(error.status, text(error.what(), "; ", deaf), error.peer, error.system_error);
    }
}

struct Ring {
    using Group = RingGroup;
    static constexpr const char* name = "ring";
    static void require_available(const nc_setting*, std::uint64_t) {}
    static nc_backend_group create(const nc_backend_options& options) { return create_ring(options); }
};

void rank_info(void* handle, std::int32_t rank, nc_rank_info* info) {
    static_cast<const RingGroup*>(handle)->describe(rank, *info);
}

} // namespace

extern const nc_backend backend;
constinit const nc_backend backend = [] {
    nc_backend table = GroupFunctions<Ring>::table;
    table.rank_info = rank_info;
    return table;
}();

} // namespace nc::ring
