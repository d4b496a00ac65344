// The functions of native_collectives.h: each checks its pointers, calls the C++ behind it and lets nothing out but a status.
#include <algorithm>

#include "backend/clock.h"
#include "backend/data_type.h"
#include "backend/error.h"
#include "core/api_types.h"
#include "core/backend_library.h"
#include "core/group.h"
#include "core/request_check.h"

namespace {

void require(bool condition, const char* message) {
    if (!condition) throw nc::Error(NC_INVALID_ARGUMENT, message);
}

void prepare(const nc_request* request, const nc::Group& group) {
    nc::check_request(request, group.rank(), group.size());
    if (request->operation == NC_SPLIT) *request->new_group = nullptr;
}

void check_options(const nc_group_options* options) {
    require(options != nullptr, "the options must not be null");
    require(options->size == sizeof(nc_group_options), "the options' size is not that of nc_group_options");
    require(options->forming_timeout_ms >= 0, "forming_timeout_ms must not be negative");
    require(options->operation_timeout_ms >= 0, "operation_timeout_ms must not be negative");
    require(options->setting_count == 0 || options->settings != nullptr, "settings must not be null");
    for (std::uint64_t i = 0; i < options->setting_count; ++i) {
        require(options->settings[i].name != nullptr && options->settings[i].value != nullptr, "a setting's name and value must not be null");
    }
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

nc_status nc_set_backend_directory(const char* path, nc_error* error) {
    return nc::guarded(error, [&] { nc::set_backend_directory(path != nullptr ? path : ""); });
}

nc_status nc_backend_available(const char* backend, nc_error* error) {
    nc_status status = NC_OK;
    const nc_status loading = nc::guarded(error, [&] {
        require(backend != nullptr, "the backend's name must not be null");
        status = nc::load_backend(backend).available(error);
    });
    return loading != NC_OK ? loading : status;
}

nc_status nc_group_create(const nc_group_options* options, nc_group** group, nc_error* error) {
    return nc::guarded(error, [&] {
        require(group != nullptr, "group must not be null");
        *group = nullptr;
        check_options(options);
        *group = new nc_group{nc::Group::create(*options)};
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

nc_status nc_group_status(const nc_group* group, nc_error* error) {
    nc_status status = NC_OK;
    const nc_status call = nc::guarded(error, [&] {
        require(group != nullptr, "group must not be null");
        status = group->group->status(error);
    });
    return call != NC_OK ? call : status;
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
    nc_status status = NC_OK;
    const nc_status call = nc::guarded(error, [&] {
        require(group != nullptr, "group must not be null");
        nc::Group& target = *group->group;
        prepare(request, target);
        status = target.execute(*request, error);
    });
    return call != NC_OK ? call : status;
}

nc_status nc_enqueue(nc_group* group, const nc_request* request, nc_completion completion, void* context, nc_work** work, nc_error* error) {
    nc_status status = NC_OK;
    const nc_status call = nc::guarded(error, [&] {
        require(group != nullptr, "group must not be null");
        require(work != nullptr || completion != nullptr, "without a completion, work must not be null");
        nc::Group& target = *group->group;
        prepare(request, target);
        std::unique_ptr<nc_work> handle(work != nullptr ? new nc_work{group->group, nullptr} : nullptr);
        nc_error refused = nc::empty_error();
        std::shared_ptr<nc::Work> issued = target.enqueue(*request, completion, context, refused);
        if (issued == nullptr) {
            nc::copy_error(error, refused);
            status = refused.status;
        } else if (work != nullptr) {
            handle->work = std::move(issued);
            *work = handle.release();
        }
    });
    return call != NC_OK ? call : status;
}

nc_status nc_work_wait(nc_work* work, int64_t timeout_ms, nc_error* error) {
    nc_status status = NC_OK;
    const nc_status call = nc::guarded(error, [&] {
        require(work != nullptr, "work must not be null");
        if (!work->work->wait(nc::deadline_after(timeout_ms))) {
            throw nc::Error(NC_TIMEOUT, nc::text("the operation is still under way after ", std::max<int64_t>(timeout_ms, 0), " ms"));
        }
        status = work->work->outcome(error);
    });
    return call != NC_OK ? call : status;
}

nc_status nc_work_test(nc_work* work, int32_t* completed, nc_error* error) {
    nc_status status = NC_OK;
    const nc_status call = nc::guarded(error, [&] {
        require(work != nullptr && completed != nullptr, "work and completed must not be null");
        *completed = work->work->completed() ? 1 : 0;
        if (*completed == 1) status = work->work->outcome(error);
    });
    return call != NC_OK ? call : status;
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
