// JACCL as a backend: what the core loads.
#include "base/cancellation.h"
#include "jaccl/jaccl_group.h"
#include "jaccl/lines.h"
#include "transport/host_port.h"

namespace nc::jaccl {
namespace {

Address resolve_coordinator(const std::string& coordinator, const Patience& patience) {
    try {
        return resolve(parse_host_port(coordinator), patience.deadline, [&] { patience.cancellation.check(); });
    } catch (const Error& error) {
        if (error.status == NC_CANCELLED) throw;
        throw Error(NC_RENDEZVOUS_FAILED, text("the coordinator '", coordinator, "': ", error.what()), 0,
                    error.system_error);
    }
}

nc_backend_group create_group(const nc_backend_options& options) {
    const Patience patience{deadline_after(options.forming_timeout_ms), options.forming_timeout_ms,
                            Cancellation(options.cancel), nullptr};
    Settings settings = read_settings(options.settings, options.setting_count);
    DeviceMatrix matrix = settings.devices.has_value()
                              ? DeviceMatrix::parse(*settings.devices, "the device matrix")
                              : DeviceMatrix::read(*settings.device_file, patience.deadline, patience.cancellation);
    const int size = matrix.size();
    if (options.rank < 0 || options.rank >= size) {
        throw Error(NC_RENDEZVOUS_FAILED, text(matrix.source(), " has ", size, size == 1 ? " rank" : " ranks",
                                               ", so the rank must be in [0, ", size, "), but is ", options.rank));
    }
    const Topology topology = matrix.choose(settings.prefer_ring);
    if (options.side_channel == nullptr && settings.coordinator.empty())
        throw Error(NC_NOT_CONFIGURED, "jaccl needs the setting coordinator, or a side channel");
    const VerbsLibrary& verbs = VerbsLibrary::load(settings.library);
    const Log log(options.log, options.log_context);

    std::unique_ptr<SideChannel> channel;
    if (options.side_channel != nullptr) {
        channel = make_custom_channel(options, size, patience.deadline);
    } else {
        StarPlan plan{};
        plan.source = text("the coordinator ", settings.coordinator);
        plan.rank = options.rank;
        plan.size = size;
        plan.coordinator = resolve_coordinator(settings.coordinator, patience);
        plan.patience = patience;
        plan.log = log;
        channel = make_star(std::move(plan));
    }
    Fabric fabric = connect_ranks(verbs, matrix, options.rank, topology, settings, *channel, log);
    std::vector<Connection> lines = connect_lines(*channel, fabric, options.rank, patience, log);
    auto made = std::make_unique<JacclGroup>(options.rank, std::move(matrix), std::move(settings), std::move(fabric),
                                             std::move(lines), options);
    return {made.release(), options.rank, size};
}

JacclGroup& group_of(void* handle) {
    return *static_cast<JacclGroup*>(handle);
}

nc_status available(const nc_setting* settings, std::uint64_t setting_count, nc_error* error) {
    return guarded(error, [&] {
        const VerbsLibrary& verbs = VerbsLibrary::load(read_library_setting(settings, setting_count));
        if (verbs.device_names().empty())
            throw Error(NC_BACKEND_UNAVAILABLE, text("this machine has no RDMA device: ", verbs.path(), " lists none"));
    });
}

nc_status create(const nc_backend_options* options, nc_backend_group* group, nc_error* error) {
    return guarded(error, [&] { *group = create_group(*options); });
}

nc_status execute(void* handle, const nc_request* request, const nc_call* call, nc_standing* standing,
                  nc_error* error) {
    return guarded(error, standing, [&] { group_of(handle).execute(*request, *call); });
}

nc_status split(void* handle, const nc_request* request, const nc_call* call, const nc_backend_options* options,
                nc_backend_group* group, nc_standing* standing, nc_error* error) {
    return guarded(error, standing, [&] { *group = group_of(handle).split(*request, *call, *options); });
}

void abort(void* handle) {
    group_of(handle).abort();
}

void destroy(void* handle) {
    delete &group_of(handle);
}

constexpr nc_backend backend{
    .version = NC_BACKEND_VERSION,
    .name = "jaccl",
    .start = nullptr,
    .end = nullptr,
    .available = available,
    .create_id = nullptr,
    .create = create,
    .execute = execute,
    .split = split,
    .abort = abort,
    .destroy = destroy,
    .device = nullptr,
};

} // namespace
} // namespace nc::jaccl

extern "C" NC_API const nc_backend* nc_backend_entry(void);
const nc_backend* nc_backend_entry(void) {
    return &nc::jaccl::backend;
}
