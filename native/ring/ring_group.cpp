#include "ring/ring_group.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "os/poller.h"
#include "os/thread.h"
#include "ring/operation.h"
#include "ring/split.h"

namespace nc::ring {

RingGroup::RingGroup(int rank, RankAddresses addresses, Connections connections, const nc_backend_options& options,
                     bool has_only_ours)
    : rank_(rank),
      addresses_(std::move(addresses)),
      log_(options.log, options.log_context),
      has_only_ours_(has_only_ours),
      fault_(options.fault),
      fault_context_(options.fault_context),
      left_(std::move(connections.left)),
      right_(std::move(connections.right)) {
    for (const auto& link : left_) links_.push_back(link.get());
    for (const auto& link : right_) links_.push_back(link.get());
    watcher_ = start_thread("nc ring watch", [this] {
        nc_error error = empty_error();
        if (guarded(&error, [this] { watch_connections(); }) == NC_OK) return;
        // Without its watcher the group cannot keep its promises.
        fault_(fault_context_, &error);
        interruption_.abort();
    });
}

RingGroup::~RingGroup() {
    closing_.raise();
    watcher_.join();
    end_connections(interruption_.aborted());
}

void RingGroup::abort() {
    interruption_.abort();
}

void RingGroup::end_connections(bool reset) {
    for (Link* link : links_) {
        if (reset) {
            link->endpoint().reset();
        } else {
            link->endpoint().close();
        }
    }
}

// A peer of ours that dies resets its connections. Nobody may be in a call then; this thread sees it, ends the group
// and resets the connections in turn, so that the news runs around the ring. An orderly end is not watched for: it
// matters only to an operation that needs more bytes. That a neighbour's host is unreachable is noticed here too, for
// running operations as well.
void RingGroup::watch_connections() {
    std::vector<Link*> watched = links_;
    Poller poller;
    SilenceWatch silence;
    while (!interruption_.aborted()) {
        poller.clear();
        poller.watch(closing_.descriptor(), events::readable);
        poller.watch(interruption_.descriptor(), events::readable);
        for (const Link* link : watched) poller.watch(link->endpoint().descriptor(), 0);
        // Nothing is waited for here: the loop lives as long as the group, and closing_ ends it.
        poller.wait(silence.next_look());
        if (poller.events(closing_.descriptor()) != 0) return;
        const Link* broken = nullptr;
        int system_error = 0;
        std::erase_if(watched, [&](const Link* link) {
            const int descriptor = link->endpoint().descriptor();
            const short events = poller.events(descriptor);
            if ((events & (events::failed | events::hung_up | events::closed)) == 0) return false;
            // Of an end in order nothing more is to be told: what the peer sent before is still there to be read.
            const int error = link->endpoint().failure();
            const bool is_end = error == EPIPE || (error == 0 && (events & events::failed) == 0);
            if (broken == nullptr && !is_end) {
                broken = link;
                system_error = error;
            }
            return true;
        });
        if (broken == nullptr) {
            broken = unreachable(silence, watched);
            system_error = ETIMEDOUT;
        }
        if (broken == nullptr) continue;
        // What is known of the connection may become more.
        interruption_.lose([=] { return broken->lost(system_error); });
        // A running operation reports the loss itself, or completes with what has arrived.
        const std::lock_guard lock(operation_mutex_);
        if (!interruption_.aborted() && !failure_reported_) report(broken->lost(system_error));
        interruption_.abort();
    }
    const std::lock_guard lock(operation_mutex_);
    end_connections(true);
}

const Link* RingGroup::unreachable(SilenceWatch& silence, std::span<Link* const> links) {
    std::vector<int> descriptors;
    for (const Link* link : links) descriptors.push_back(link->endpoint().descriptor());
    const std::optional<int> found = silence.look(descriptors);
    if (!found.has_value()) return nullptr;
    const auto matches = [&](const Link* link) { return link->endpoint().descriptor() == *found; };
    return *std::find_if(links.begin(), links.end(), matches);
}

void RingGroup::report(const Error& lost) {
    nc_error error = empty_error();
    fill(&error, lost.status, lost.what(), lost.peer, lost.system_error);
    fault_(fault_context_, &error);
}

template <class Body>
void RingGroup::run(Body&& body) {
    const std::lock_guard lock(operation_mutex_);
    interruption_.throw_if_aborted();
    try {
        body();
    } catch (const Error& error) {
        // The core ends the group for it.
        if (error.standing != NC_IN_STEP) failure_reported_ = true;
        throw;
    }
}

void RingGroup::execute(const nc_request& request, const nc_call& call) {
    run([&] {
        scratch_.clear();
        Operation(*this, request, call).run();
    });
}

void RingGroup::execute_batch(std::span<const nc_request> requests, const nc_call& call) {
    run([&] { run_batch(*this, requests, call); });
}

void RingGroup::describe(int rank, nc_rank_info& info) const {
    const std::string& host = addresses_.host(rank);
    std::snprintf(info.host_name, sizeof info.host_name, "%s", host.c_str());
    info.local_rank = info.local_size = 0;
    for (int other = 0; other < size(); ++other) {
        if (addresses_.host(other) != host) continue;
        if (other < rank) ++info.local_rank;
        ++info.local_size;
    }
}

void RingGroup::require_supported(const nc_request& request) const {
    ring::require_supported(request, rank(), size());
}

nc_backend_group RingGroup::split(const nc_request& request, const nc_call& call, const nc_backend_options& options) {
    nc_backend_group part{};
    run([&] {
        scratch_.clear();
        Operation operation(*this, request, call);
        part = split_ring(operation, options);
    });
    return part;
}

} // namespace nc::ring
