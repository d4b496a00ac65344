// JACCL as a backend: what the core loads.
#include "jaccl/jaccl_group.h"
#include "jaccl/lifelines.h"
#include "jaccl/star.h"
#include "operation/group_functions.h"
#include "transport/host_port.h"

namespace nc::jaccl {
namespace {

nc_backend_group create_group(const nc_backend_options& options) {
    const Patience patience = Patience::of(options.forming_timeout_ms, Cancellation(options.cancel));
    Settings settings = read_settings(options.settings, options.setting_count);
    DeviceMatrix matrix = settings.devices.has_value()
                              ? DeviceMatrix::parse(*settings.devices, "the device matrix")
                              : DeviceMatrix::read(*settings.device_file, patience.deadline, patience.cancellation);
    const int size = matrix.size();
    check_rank(options.rank, size, matrix.source() + " has");
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
        plan.coordinator =
            resolve(settings.coordinator, patience, text("the coordinator '", settings.coordinator, "'"), 0);
        plan.patience = patience;
        plan.log = log;
        channel = make_star(std::move(plan));
    }
    Fabric fabric = connect_ranks(verbs, matrix, options.rank, topology, settings, *channel, log);
    std::vector<Connection> lifelines = connect_lifelines(*channel, fabric, options.rank, patience, log);
    return handed_over(std::make_unique<JacclGroup>(options.rank, std::move(matrix), std::move(settings),
                                                    std::move(fabric), std::move(lifelines), options));
}

struct Jaccl {
    using Group = JacclGroup;
    static constexpr const char* name = "jaccl";
    static void require_available(const nc_setting* settings, std::uint64_t count) {
        const VerbsLibrary& verbs = VerbsLibrary::load(read_library_setting(settings, count));
        if (verbs.device_names().empty())
            throw Error(NC_BACKEND_UNAVAILABLE, text("this machine has no RDMA device: ", verbs.path(), " lists none"));
    }
    static nc_backend_group create(const nc_backend_options& options) { return create_group(options); }
};

} // namespace

extern const nc_backend backend;
constinit const nc_backend backend = GroupFunctions<Jaccl>::table;

} // namespace nc::jaccl
