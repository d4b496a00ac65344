// The ring as a backend: what the core loads.
#include <algorithm>
#include <cstring>
#include <optional>

#include "ring/hostfile.h"
#include "ring/operation.h"

namespace nc::ring {
namespace {

struct RingSettings {
    std::optional<std::string> hosts;
    std::optional<std::string> hostfile;
};

RingSettings read_settings(const nc_backend_options& options) {
    RingSettings settings;
    for (std::uint64_t i = 0; i < options.setting_count; ++i) {
        const std::string name = options.settings[i].name;
        if (name == "hosts") {
            settings.hosts = options.settings[i].value;
        } else if (name == "hostfile") {
            settings.hostfile = options.settings[i].value;
        } else {
            throw Error(NC_INVALID_ARGUMENT, text("the ring has no setting '", name, "'; it knows hosts and hostfile"));
        }
    }
    if (settings.hosts.has_value() && settings.hostfile.has_value())
        throw Error(NC_INVALID_ARGUMENT, "of the settings hosts and hostfile only one may be given");
    if (!settings.hosts.has_value() && !settings.hostfile.has_value()) throw Error(NC_NOT_CONFIGURED, "the ring needs a setting: hosts or hostfile");
    return settings;
}

// Every address of every rank is resolved by every rank, as MLX does: a mistake shows everywhere, and a split may connect any two.
std::vector<std::vector<Address>> resolve_all(const Hosts& hosts, Deadline deadline) {
    std::vector<std::vector<Address>> resolved;
    for (std::size_t rank = 0; rank < hosts.addresses.size(); ++rank) {
        resolved.emplace_back();
        for (const HostPort& address : hosts.addresses[rank]) {
            try {
                resolved.back().push_back(resolve(address, deadline));
            } catch (const Error& error) {
                throw Error(NC_RENDEZVOUS_FAILED, text(hosts.source, ": rank ", rank, ": '", written(address), "' cannot be resolved: ", error.what()),
                            static_cast<int>(rank));
            }
        }
    }
    return resolved;
}

// Two listeners cannot share an address; better said than found out by one of them.
void check_distinct(const std::vector<std::vector<Address>>& addresses, const std::string& source, std::size_t own) {
    for (std::size_t i = 0; i < addresses[own].size(); ++i) {
        for (std::size_t rank = 0; rank < addresses.size(); ++rank) {
            for (std::size_t j = 0; j < addresses[rank].size(); ++j) {
                if ((rank == own && i == j) || !(addresses[own][i] == addresses[rank][j])) continue;
                throw Error(NC_RENDEZVOUS_FAILED,
                            text(source, ": the address ", addresses[own][i].text(), " is listed for rank ", own,
                                 rank == own ? " twice" : text(" and for rank ", rank)),
                            static_cast<int>(rank));
            }
        }
    }
}

nc_backend_group create_ring(const nc_backend_options& options) {
    const Deadline deadline = deadline_after(options.forming_timeout_ms);
    const RingSettings settings = read_settings(options);
    const Hosts hosts = settings.hosts.has_value() ? parse_hosts(*settings.hosts, "the ring's hosts") : read_hostfile(*settings.hostfile);
    const int size = hosts.size();
    if (options.rank < 0 || options.rank >= size) {
        throw Error(NC_RENDEZVOUS_FAILED,
                    text(hosts.source, " lists ", size, size == 1 ? " rank" : " ranks", ", so the rank must be in [0, ", size, "), but is ", options.rank));
    }
    if (size == 1) return {nullptr, 0, 1};
    std::vector<std::vector<Address>> addresses = resolve_all(hosts, deadline);
    const auto rank = static_cast<std::size_t>(options.rank);
    check_distinct(addresses, hosts.source, rank);
    FormingPlan plan;
    plan.source = hosts.source;
    plan.rank = options.rank;
    plan.size = size;
    plan.own = addresses[rank];
    plan.left = addresses[static_cast<std::size_t>(wrap(options.rank - 1, size))];
    plan.right = addresses[static_cast<std::size_t>(wrap(options.rank + 1, size))];
    plan.deadline = deadline;
    plan.timeout_ms = options.forming_timeout_ms;
    plan.cancel = options.cancel;
    plan.log = Log(options.log, options.log_context);
    Connections connections = form_ring(std::move(plan));
    auto made = std::make_unique<RingGroup>(options.rank, std::move(addresses), std::move(connections), options);
    return {made.release(), options.rank, size};
}

RingGroup& ring_of(void* handle) {
    return *static_cast<RingGroup*>(handle);
}

nc_status available(const nc_setting*, std::uint64_t, nc_error*) {
    return NC_OK;
}

nc_status create(const nc_backend_options* options, nc_backend_group* group, nc_error* error) {
    return guarded(error, [&] { *group = create_ring(*options); });
}

nc_status execute(void* handle, const nc_request* request, const nc_call* call, nc_standing* standing,
                  nc_error* error) {
    return guarded(error, standing, [&] { ring_of(handle).execute(*request, *call); });
}

nc_status split(void* handle, const nc_request* request, const nc_call* call, const nc_backend_options* options,
                nc_backend_group* group, nc_standing* standing, nc_error* error) {
    return guarded(error, standing, [&] { *group = ring_of(handle).split(*request, *call, *options); });
}

void abort(void* handle) {
    ring_of(handle).abort();
}

void destroy(void* handle) {
    delete &ring_of(handle);
}

constexpr nc_backend backend{NC_BACKEND_VERSION, "ring", available, nullptr, create, execute, split, abort, destroy, nullptr};

} // namespace
} // namespace nc::ring

extern "C" NC_API const nc_backend* nc_backend_entry(void);
const nc_backend* nc_backend_entry(void) {
    return &nc::ring::backend;
}
