// What backends do alike where they fill in the table of backend.h.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "operation/backend.h"

namespace nc {

inline Deadline deadline_of(const nc_call& call) {
    return Deadline(std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(call.deadline_ns)));
}

// Throws Error(NC_RENDEZVOUS_FAILED) unless it is one of so many ranks. source: who says how many, as in "the group
// has".
inline void check_rank(int rank, int size, const std::string& source) {
    if (rank >= 0 && rank < size) return;
    fail_rendezvous(text(source, ' ', size, size == 1 ? " rank" : " ranks", ", so the rank must be in [0, ", size,
                         "), but is ", rank));
}

// As the core holds a group.
template <class Group>
nc_backend_group handed_over(std::unique_ptr<Group> group) {
    const nc_backend_group made{nullptr, group->rank(), group->size()};
    return {group.release(), made.rank, made.size};
}

// The core's functions for a backend, whose are
//   name              in messages
//   Group             the class of its groups, with execute, execute_batch, require_supported, split and abort; its
//                     destructor leaves the group
//   require_available which throws Error if the backend cannot be used
//   create            which forms a group
template <class Backend>
struct GroupFunctions {
    using Group = typename Backend::Group;

    static nc_status available(const nc_setting* settings, std::uint64_t count, nc_error* error) {
        return guarded(error, [&] { Backend::require_available(settings, count); });
    }
    static nc_status create(const nc_backend_options* options, nc_backend_group* group, nc_error* error) {
        return guarded(error, [&] { *group = Backend::create(*options); });
    }
    static nc_status execute(void* handle, const nc_request* request, const nc_call* call, nc_standing* standing,
                             nc_error* error) {
        return guarded(error, standing, [&] { static_cast<Group*>(handle)->execute(*request, *call); });
    }
    static nc_status execute_batch(void* handle, const nc_request* requests, std::uint64_t count, const nc_call* call,
                                   nc_standing* standing, nc_error* error) {
        return guarded(error, standing,
                       [&] { static_cast<Group*>(handle)->execute_batch(std::span(requests, count), *call); });
    }
    static nc_status supports(void* handle, const nc_request* request, nc_error* error) {
        return guarded(error, [&] { static_cast<const Group*>(handle)->require_supported(*request); });
    }
    static nc_status split(void* handle, const nc_request* request, const nc_call* call,
                           const nc_backend_options* options, nc_backend_group* group, nc_standing* standing,
                           nc_error* error) {
        return guarded(error, standing,
                       [&] { *group = static_cast<Group*>(handle)->split(*request, *call, *options); });
    }
    static void abort(void* handle) { static_cast<Group*>(handle)->abort(); }
    static void destroy(void* handle) { delete static_cast<Group*>(handle); }

    // For host memory alone, and without ids.
    static constexpr nc_backend table{
        .version = NC_BACKEND_VERSION,
        .name = Backend::name,
        .start = nullptr,
        .end = nullptr,
        .available = available,
        .create_id = nullptr,
        .create = create,
        .execute = execute,
        .execute_batch = execute_batch,
        .supports = supports,
        .rank_info = nullptr,
        .split = split,
        .abort = abort,
        .destroy = destroy,
        .device = nullptr,
        .features = 0,
    };
};

} // namespace nc
