#include "nccl/nccl_forming.h"

#include <cstdlib>
#include <optional>
#include <string_view>

#include "nccl/id_exchange.h"
#include "operation/group_functions.h"

namespace nc::nccl {
namespace {

int choose_device(const Settings& settings, int rank, int count) {
    if (settings.device.has_value()) return *settings.device;
    // A launcher that shows each process only its own device leaves one to choose from.
    return settings.local_rank.value_or(rank) % count;
}

void require_comm_id() {
    const char* value = std::getenv("NCCL_COMM_ID");
    if (value == nullptr || *value == '\0')
        throw Error(NC_NOT_CONFIGURED,
                    "the ranks are to find each other by NCCL_COMM_ID, but that environment variable is not set");
}

// Without this no deadline could be kept.
void require_non_blocking() {
    const char* value = std::getenv("NCCL_COMM_BLOCKING");
    if (value != nullptr && std::string_view(value) == "1") {
        fail_rendezvous(
            "the environment variable NCCL_COMM_BLOCKING is 1, which makes NCCL's calls wait for peers without "
            "a deadline; unset it");
    }
}

} // namespace

std::shared_ptr<NcclGroup> form_group(const nc_backend_options& options) {
    const Settings settings = read_settings(options.settings, options.setting_count);
    check_rank(options.rank, settings.size, "the group has");
    require_non_blocking();
    const NcclLibrary& nccl = NcclLibrary::load(settings.libraries.nccl);
    const CudaLibrary& cuda = CudaLibrary::load(settings.libraries.cuda);
    const Log log(options.log, options.log_context);
    const OperationPatience patience{Patience::of(options.forming_timeout_ms, Cancellation(options.cancel))};
    const auto device =
        std::make_shared<const Device>(cuda, choose_device(settings, options.rank, cuda.device_count()));
    const Device::Scope scope(*device);
    log.write(NC_LOG_INFORMATION, "[nccl] rank ", options.rank, " of ", settings.size, " uses NCCL ", nccl.version(),
              " (", nccl.path(), ") on device ", device->ordinal(), ", ", device->name());

    UniqueId id{};
    std::optional<IdServer> server;
    if (settings.id.has_value()) {
        id = *settings.id;
    } else if (settings.comm_id) {
        require_comm_id();
        id = nccl.make_id();
    } else if (settings.size == 1 || options.rank == 0) {
        id = nccl.make_id();
        if (settings.size > 1) server.emplace(settings.rendezvous, id, patience);
    } else {
        id = fetch_id(settings.rendezvous, patience);
        log.write(NC_LOG_DEBUG, "[nccl] rank ", options.rank, ": was handed the id at ", settings.rendezvous);
    }
    std::unique_ptr<Communicator> communicator;
    try {
        communicator = Communicator::form(nccl, id, settings.size, options.rank, patience);
    } catch (const Error& error) {
        if (error.status != NC_RENDEZVOUS_FAILED || !server.has_value()) throw;
        throw Error(error.status, text(error.what(), "; of the ", settings.size - 1, " other ranks ",
                                       server->handed_out(), " had asked for the id at ", settings.rendezvous));
    }
    return std::make_shared<NcclGroup>(device, std::move(communicator), settings.staging_bytes, options);
}

} // namespace nc::nccl
