// NCCL as a backend: what the core loads.
#include <cstring>
#include <thread>

#include "nccl/device_buffers.h"
#include "nccl/nccl_forming.h"
#include "operation/group_functions.h"
#include "os/thread.h"

namespace nc::nccl {
namespace {

// What the core holds: the group, and the thread that looks after it and holds it too.
class WatchedGroup {
public:
    explicit WatchedGroup(std::shared_ptr<NcclGroup> group) : group_(std::move(group)) {
        try {
            watcher_ = start_thread("nc nccl watch", [watched = group_] { watched->watch(); });
        } catch (...) {
            // Without its thread the group ends as that would have ended it.
            (void)group_->close(true);
            group_->watch();
            throw;
        }
    }
    ~WatchedGroup() {
        const bool from_watcher = watcher_.get_id() == std::this_thread::get_id();
        if (group_->close(from_watcher)) {
            watcher_.join();
        } else {
            watcher_.detach();
        }
    }
    WatchedGroup(const WatchedGroup&) = delete;
    WatchedGroup& operator=(const WatchedGroup&) = delete;

    int rank() const { return group_->rank(); }
    int size() const { return group_->size(); }
    int device() const { return group_->device(); }

    void execute(const nc_request& request, const nc_call& call) { group_->execute(request, call); }
    void execute_batch(std::span<const nc_request> requests, const nc_call& call) {
        group_->execute_batch(requests, call);
    }
    void require_supported(const nc_request& request) const { group_->require_supported(request); }
    nc_backend_group split(const nc_request& request, const nc_call& call, const nc_backend_options& options) {
        std::unique_ptr<WatchedGroup> part;
        group_->split(request, call, options,
                      {[&](std::shared_ptr<NcclGroup> made) { part = std::make_unique<WatchedGroup>(std::move(made)); },
                       [&] {
                           if (part == nullptr) return;
                           part->abort();
                           part.reset();
                       }});
        return part != nullptr ? handed_over(std::move(part)) : nc_backend_group{nullptr, -1, 0};
    }
    void abort() { group_->abort(); }

private:
    const std::shared_ptr<NcclGroup> group_;
    std::thread watcher_;
};

struct Nccl {
    using Group = WatchedGroup;
    static constexpr const char* name = "nccl";
    static void require_available(const nc_setting* settings, std::uint64_t count) {
        const LibrarySettings libraries = read_library_settings(settings, count);
        std::string missing;
        const auto note = [&missing](auto&& load) {
            try {
                (void)load();
            } catch (const Error& lack) {
                missing += (missing.empty() ? "" : "; ") + std::string(lack.what());
            }
        };
        note([&] { NcclLibrary::load(libraries.nccl); });
        note([&] { CudaLibrary::load(libraries.cuda); });
        if (!missing.empty()) throw Error(NC_BACKEND_UNAVAILABLE, missing);
    }
    static nc_backend_group create(const nc_backend_options& options) {
        return handed_over(std::make_unique<WatchedGroup>(form_group(options)));
    }
};

nc_status create_id(const nc_setting* settings, std::uint64_t setting_count, std::uint8_t* id, nc_error* error) {
    return guarded(error, [&] {
        const NcclLibrary& nccl = NcclLibrary::load(read_library_settings(settings, setting_count).nccl);
        const UniqueId made = nccl.make_id();
        std::memcpy(id, made.bytes, sizeof made.bytes);
    });
}

std::int32_t device_of_group(void* handle) {
    return static_cast<WatchedGroup*>(handle)->device();
}

constexpr nc_device_functions devices{device_of_group, count_devices, allocate_on_device, free_on_device,
                                      copy_on_device};

} // namespace

extern const nc_backend backend;
constinit const nc_backend backend = [] {
    nc_backend table = GroupFunctions<Nccl>::table;
    table.create_id = create_id;
    table.device = &devices;
    return table;
}();

} // namespace nc::nccl
