// NCCL as a backend: what the core loads.
#include <cstring>
#include <thread>

#include "nccl/device_buffers.h"
#include "nccl/nccl_forming.h"
#include "os/thread.h"

namespace nc::nccl {
namespace {

// What the core holds: the group, and the thread that looks after it and holds it too.
struct Handle {
    std::shared_ptr<NcclGroup> group;
    std::thread watcher;
};

Handle& handle_of(void* handle) {
    return *static_cast<Handle*>(handle);
}

nc_backend_group handed_over(std::shared_ptr<NcclGroup> group) {
    auto handle = std::make_unique<Handle>();
    handle->group = std::move(group);
    try {
        handle->watcher = start_thread("nc nccl watch", [watched = handle->group] { watched->watch(); });
    } catch (...) {
        // Without its thread the group ends as that would have ended it.
        (void)handle->group->close(true);
        handle->group->watch();
        throw;
    }
    const nc_backend_group made{nullptr, handle->group->rank(), handle->group->size()};
    return {handle.release(), made.rank, made.size};
}

nc_status available(const nc_setting* settings, std::uint64_t setting_count, nc_error* error) {
    return guarded(error, [&] {
        const LibrarySettings libraries = read_library_settings(settings, setting_count);
        std::string missing;
        const auto note = [&missing](const Error& lack) {
            missing += (missing.empty() ? "" : "; ") + std::string(lack.what());
        };
        try {
            (void)NcclLibrary::load(libraries.nccl);
        } catch (const Error& lack) {
            note(lack);
        }
        try {
            (void)CudaLibrary::load(libraries.cuda);
        } catch (const Error& lack) {
            note(lack);
        }
        if (!missing.empty()) throw Error(NC_BACKEND_UNAVAILABLE, missing);
    });
}

nc_status create_id(const nc_setting* settings, std::uint64_t setting_count, std::uint8_t* id, nc_error* error) {
    return guarded(error, [&] {
        const NcclLibrary& nccl = NcclLibrary::load(read_library_settings(settings, setting_count).nccl);
        const UniqueId made = nccl.make_id();
        std::memcpy(id, made.bytes, sizeof made.bytes);
    });
}

nc_status create(const nc_backend_options* options, nc_backend_group* group, nc_error* error) {
    return guarded(error, [&] { *group = handed_over(form_group(*options)); });
}

nc_status execute(void* handle, const nc_request* request, const nc_call* call, nc_standing* standing,
                  nc_error* error) {
    return guarded(error, standing, [&] { handle_of(handle).group->execute(*request, *call); });
}

void abort(void* handle) {
    handle_of(handle).group->abort();
}

void destroy(void* handle) {
    const std::unique_ptr<Handle> owned(&handle_of(handle));
    const bool from_watcher = owned->watcher.get_id() == std::this_thread::get_id();
    if (owned->group->close(from_watcher)) {
        owned->watcher.join();
    } else {
        owned->watcher.detach();
    }
}

nc_status split(void* handle, const nc_request* request, const nc_call* call, const nc_backend_options* options,
                nc_backend_group* group, nc_standing* standing, nc_error* error) {
    return guarded(error, standing, [&] {
        nc_backend_group made{nullptr, -1, 0};
        Handover handover{[&](std::shared_ptr<NcclGroup> part) { made = handed_over(std::move(part)); },
                          [&] {
                              if (made.handle == nullptr) return;
                              abort(made.handle);
                              destroy(made.handle);
                          }};
        handle_of(handle).group->split(*request, *call, *options, handover);
        *group = made;
    });
}

std::int32_t device_of_group(void* handle) {
    return handle_of(handle).group->device();
}

constexpr nc_device_functions devices{device_of_group, count_devices, allocate_on_device, free_on_device,
                                      copy_on_device};
constexpr nc_backend backend{
    .version = NC_BACKEND_VERSION,
    .name = "nccl",
    .start = nullptr,
    .end = nullptr,
    .available = available,
    .create_id = create_id,
    .create = create,
    .execute = execute,
    .split = split,
    .abort = abort,
    .destroy = destroy,
    .device = &devices,
};

} // namespace
} // namespace nc::nccl

extern "C" NC_API const nc_backend* nc_backend_entry(void);
const nc_backend* nc_backend_entry(void) {
    return &nc::nccl::backend;
}
