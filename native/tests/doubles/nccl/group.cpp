#include "doubles/nccl/group.h"

#include <algorithm>
#include <utility>

#include "doubles/common/thread_owned.h"
#include "doubles/nccl/call.h"

namespace nc::doubles {
namespace {

constexpr const char* function = "ncclGroupEnd";

struct Range {
    std::uintptr_t begin;
    std::uintptr_t end;
    bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
};

// Operations of a group run at the same time: what one of them writes, no other one may use.
void check_apart(const std::vector<Request>& requests, int size, int rank) {
    const auto sent = [&](const Request& request) {
        const auto begin = reinterpret_cast<std::uintptr_t>(request.send);
        return Range{begin, begin + extent_of(request, size, rank).send};
    };
    const auto received = [&](const Request& request) {
        const auto begin = reinterpret_cast<std::uintptr_t>(request.receive);
        return Range{begin, begin + extent_of(request, size, rank).receive};
    };
    for (std::size_t i = 0; i < requests.size(); ++i) {
        for (std::size_t k = 0; k < i; ++k) {
            const Request& one = requests[k];
            const Request& other = requests[i];
            if (received(one).overlaps(received(other)) || received(one).overlaps(sent(other)) ||
                sent(one).overlaps(received(other)))
                throw Violation(
                    text("buffers of ", one.description(), " and ", other.description(), " of one group overlap"));
        }
    }
}

ncclResult_t launch(const std::shared_ptr<Communicator>& communicator, std::vector<Request> requests,
                    const Fault& fault) {
    const Inside inside(communicator, function);
    if (communicator->is_stopped())
        throw NcclError(ncclInternalError, "the communicator was aborted before the group's end");
    require_ready(*communicator);
    check_apart(requests, communicator->size, communicator->rank);
    if (fault) requests.front().fault = fault; // what a rule orders of the group happens to its first operation
    return communicator->launch(requests);
}

} // namespace

Group& current_group() {
    static const auto* const groups = new ThreadOwned<Group>;
    return groups->get();
}

Group::~Group() {
    if (depth_ > 0) library().violations.report(Violation("a thread ends between ncclGroupStart and ncclGroupEnd"));
}

ncclResult_t Group::issue(const std::shared_ptr<Communicator>& communicator, const Request& request) {
    if (!is_open()) return communicator->launch({request});
    auto& launches = issued_.launches;
    const auto same = std::find_if(launches.begin(), launches.end(),
                                   [&](const Launch& launch) { return launch.communicator == communicator; });
    if (same == launches.end()) {
        launches.push_back({communicator, {request}});
    } else {
        same->requests.push_back(request);
    }
    return ncclSuccess;
}

void Group::fail(ncclResult_t code, const std::string& message) {
    if (issued_.error != ncclSuccess) return;
    issued_.error = code;
    issued_.message = message;
}

ncclResult_t Group::end() {
    if (depth_ == 0) throw Violation("there is no ncclGroupStart before it");
    if (--depth_ > 0) return ncclSuccess;
    const Issued issued = std::exchange(issued_, {});
    const auto rank =
        issued.launches.empty() ? std::nullopt : std::optional(issued.launches.front().communicator->rank);
    const Fault fault = fault_of_call(function, rank);
    try {
        return finish(issued, fault);
    } catch (const std::exception& failure) {
        for (const Launch& launch : issued.launches)
            launch.communicator->note_error(text(function, ": ", failure.what()));
        throw;
    }
}

ncclResult_t Group::finish(const Issued& issued, const Fault& fault) {
    obey_failure(fault);
    if (issued.error != ncclSuccess) throw NcclError(issued.error, issued.message);
    ncclResult_t result = ncclSuccess;
    for (const Launch& one : issued.launches) {
        if (launch(one.communicator, one.requests, fault) == ncclInProgress) result = ncclInProgress;
    }
    for (const auto& communicator : issued.awaited) {
        const ncclResult_t state = communicator->wait_until_ready();
        if (state != ncclSuccess) throw NcclError(state, communicator->last_error());
    }
    return result;
}

void Group::drop(const Communicator& communicator) {
    std::erase_if(issued_.launches, [&](const Launch& launch) { return launch.communicator.get() == &communicator; });
    std::erase_if(issued_.awaited, [&](const auto& awaited) { return awaited.get() == &communicator; });
}

} // namespace nc::doubles
