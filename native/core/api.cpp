// The functions of native_collectives.h: each checks its pointers, calls the C++ behind it and lets nothing out but a
// status.
#include <algorithm>

#include "base/clock.h"
#include "base/enumeration.h"
#include "base/error.h"
#include "core/api_types.h"
#include "core/backend_library.h"
#include "core/group.h"
#include "core/request_check.h"
#include "core/versioned.h"
#include "operation/data_type.h"

namespace {

void require(bool condition, const char* message) {
    if (!condition) throw nc::Error(NC_INVALID_ARGUMENT, message);
}

nc::Group& group_of(const nc_group* group) {
    require(group != nullptr, "group must not be null");
    return *group->group;
}

void prepare(const nc::Requests& requests, const nc::Group& group) {
    group.check(requests);
    if (requests.operation() == NC_SPLIT) *requests.single().new_group = nullptr;
}

void check_settings(const nc_setting* settings, uint64_t count) {
    require(count == 0 || settings != nullptr, "settings must not be null");
    for (uint64_t i = 0; i < count; ++i) {
        require(settings[i].name != nullptr && settings[i].value != nullptr,
                "a setting's name and value must not be null");
    }
}

nc_group_options checked(const nc_group_options* given) {
    // All of it was there from version 3 on.
    const nc_group_options options = nc::taken_in(given, sizeof(nc_group_options), "options");
    require(options.forming_timeout_ms >= 0, "forming_timeout_ms must not be negative");
    require(options.operation_timeout_ms >= 0, "operation_timeout_ms must not be negative");
    check_settings(options.settings, options.setting_count);
    return options;
}

const char* backend_name(const char* name) {
    require(name != nullptr, "the backend's name must not be null");
    return name;
}

nc::BackendSettings checked(const nc_setting* settings, uint64_t count) {
    check_settings(settings, count);
    return nc::BackendSettings(settings, count);
}

const nc_device_functions& devices_of(const char* name) {
    const nc_backend& backend = nc::loaded_backend(backend_name(name));
    if (backend.device == nullptr)
        throw nc::Error(NC_NOT_SUPPORTED, nc::text("the backend ", name, " works on host memory only"));
    return *backend.device;
}

nc_status execute(nc_group* group, const nc::Requests& requests, nc_error* error) {
    nc::Group& target = group_of(group);
    prepare(requests, target);
    return target.execute(requests, error);
}

nc_status enqueue(nc_group* group, const nc::Requests& requests, nc_completion completion, void* context,
                  nc_work** work, nc_error* error) {
    nc::Group& target = group_of(group);
    require(work != nullptr || completion != nullptr, "without a completion, work must not be null");
    prepare(requests, target);
    std::unique_ptr<nc_work> handle(work != nullptr ? new nc_work{group->group, nullptr} : nullptr);
    nc_error refused = nc::empty_error();
    std::shared_ptr<nc::Work> issued = target.enqueue(requests, completion, context, refused);
    if (issued == nullptr) {
        nc::copy_error(error, refused);
        return refused.status;
    }
    if (work != nullptr) {
        handle->work = std::move(issued);
        *work = handle.release();
    }
    return NC_OK;
}

// A call that a backend answers: what body returns is its status, and what it throws becomes one.
template <class Body>
nc_status forwarded(nc_error* error, Body&& body) {
    nc_status status = NC_OK;
    const nc_status call = nc::guarded(error, [&] { status = body(); });
    return call != NC_OK ? call : status;
}

} // namespace

const char* nc_version(void) {
    return NC_VERSION;
}

uint32_t nc_abi_version(void) {
    return NC_ABI_VERSION;
}

uint64_t nc_data_type_size(nc_data_type type) {
    return nc::data_type_size(type);
}

const char* nc_status_name(nc_status status) {
    return nc::status_name(status);
}

nc_status nc_backend_available(const char* backend, const nc_setting* settings, uint64_t setting_count,
                               nc_error* error) {
    return forwarded(error, [&] {
        const nc::BackendSettings given = checked(settings, setting_count);
        const nc_backend& found = nc::load_backend(backend_name(backend), given.directory);
        return found.available(given.others.data(), given.others.size(), error);
    });
}

nc_status nc_backend_create_id(const char* backend, const nc_setting* settings, uint64_t setting_count, uint8_t* id,
                               nc_error* error) {
    return forwarded(error, [&] {
        require(id != nullptr, "id must not be null");
        const nc::BackendSettings given = checked(settings, setting_count);
        const nc_backend& maker = nc::load_backend(backend_name(backend), given.directory);
        if (maker.create_id == nullptr)
            throw nc::Error(NC_NOT_SUPPORTED,
                            nc::text("groups of the backend ", backend, " are not formed with an id"));
        return maker.create_id(given.others.data(), given.others.size(), id, error);
    });
}

nc_status nc_group_create(const nc_group_options* options, nc_group** group, nc_error* error) {
    return nc::guarded(error, [&] {
        require(group != nullptr, "group must not be null");
        *group = nullptr;
        *group = new nc_group{nc::Group::create(checked(options))};
    });
}

int32_t nc_group_rank(const nc_group* group) {
    return group != nullptr ? group->group->rank() : -1;
}

int32_t nc_group_size(const nc_group* group) {
    return group != nullptr ? group->group->size() : 0;
}

const char* nc_group_backend(const nc_group* group) {
    return group != nullptr ? group->group->backend_name().c_str() : "";
}

int32_t nc_group_device(const nc_group* group) {
    return group != nullptr ? group->group->device() : -1;
}

nc_status nc_group_status(const nc_group* group, nc_error* error) {
    return forwarded(error, [&] { return group_of(group).status(error); });
}

nc_status nc_group_supports(const nc_group* group, const nc_request* request, nc_error* error) {
    return nc::guarded(error, [&] { group_of(group).check_supported(nc::Requests(request).single()); });
}

nc_status nc_group_rank_info(const nc_group* group, int32_t rank, nc_rank_info* info, nc_error* error) {
    return nc::guarded(error, [&] {
        nc::Group& target = group_of(group);
        require(info != nullptr && info->size >= sizeof(nc_rank_info), "info must be given, with its size");
        const std::uint32_t size = info->size;
        *info = target.rank_info(rank);
        info->size = size;
    });
}

nc_status nc_group_on_fault(nc_group* group, nc_fault_callback callback, void* context, nc_error* error) {
    return nc::guarded(error, [&] {
        nc::Group& target = group_of(group);
        require(callback != nullptr, "the callback must not be null");
        target.on_fault(callback, context);
    });
}

void nc_group_abort(nc_group* group, const char* reason) {
    if (group == nullptr) return;
    (void)nc::guarded(nullptr, [&] { group->group->abort(reason); });
}

void nc_group_close(nc_group* group) {
    if (group == nullptr) return;
    (void)nc::guarded(nullptr, [&] { group->group->close(); });
}

void nc_group_destroy(nc_group* group) {
    if (group == nullptr) return;
    (void)nc::guarded(nullptr, [&] { group->group->shut_down(); });
    delete group;
}

nc_status nc_execute(nc_group* group, const nc_request* request, nc_error* error) {
    return forwarded(error, [&] { return execute(group, nc::Requests(request), error); });
}

nc_status nc_execute_batch(nc_group* group, const nc_request* const* requests, uint64_t count, nc_error* error) {
    return forwarded(error, [&] { return execute(group, nc::Requests(requests, count), error); });
}

nc_status nc_enqueue(nc_group* group, const nc_request* request, nc_completion completion, void* context,
                     nc_work** work, nc_error* error) {
    return forwarded(error, [&] { return enqueue(group, nc::Requests(request), completion, context, work, error); });
}

nc_status nc_enqueue_batch(nc_group* group, const nc_request* const* requests, uint64_t count, nc_completion completion,
                           void* context, nc_work** work, nc_error* error) {
    return forwarded(error,
                     [&] { return enqueue(group, nc::Requests(requests, count), completion, context, work, error); });
}

nc_status nc_work_wait(nc_work* work, int64_t timeout_ms, nc_error* error) {
    return forwarded(error, [&] {
        require(work != nullptr, "work must not be null");
        if (!work->work->wait(nc::deadline_after(timeout_ms))) {
            throw nc::Error(NC_TIMEOUT, nc::text("the operation is still under way after ",
                                                 std::max<int64_t>(timeout_ms, 0), " ms"));
        }
        return work->work->outcome(error);
    });
}

nc_status nc_work_test(nc_work* work, int32_t* completed, nc_error* error) {
    return forwarded(error, [&] {
        require(work != nullptr && completed != nullptr, "work and completed must not be null");
        *completed = work->work->completed() ? 1 : 0;
        return *completed == 1 ? work->work->outcome(error) : NC_OK;
    });
}

void nc_work_cancel(nc_work* work) {
    if (work == nullptr) return;
    // The completion may give the handle back.
    const nc_work kept = *work;
    (void)nc::guarded(nullptr, [&] { kept.group->cancel(*kept.work); });
}

void nc_work_release(nc_work* work) {
    delete work;
}

nc_status nc_device_count(const char* backend, int32_t* count, nc_error* error) {
    return forwarded(error, [&] {
        require(count != nullptr, "count must not be null");
        return devices_of(backend).count(count, error);
    });
}

nc_status nc_device_allocate(const char* backend, int32_t device, uint64_t bytes, void** address, nc_error* error) {
    return forwarded(error, [&] {
        require(address != nullptr, "address must not be null");
        *address = nullptr;
        return devices_of(backend).allocate(device, bytes, address, error);
    });
}

nc_status nc_device_free(const char* backend, int32_t device, void* address, nc_error* error) {
    return forwarded(error,
                     [&] { return address == nullptr ? NC_OK : devices_of(backend).release(device, address, error); });
}

nc_status nc_device_copy(const char* backend, int32_t device, void* destination, const void* source, uint64_t bytes,
                         nc_copy_direction direction, nc_error* error) {
    return forwarded(error, [&] {
        require(bytes == 0 || (destination != nullptr && source != nullptr), "destination and source must not be null");
        require(nc::number(direction) <= NC_DEVICE_TO_DEVICE, "this is no direction of a copy");
        return devices_of(backend).copy(device, destination, source, bytes, direction, error);
    });
}
