// This rank's place in a ring: its connections to both neighbours, the operation that runs on them, and a thread that
// notices when one gives way.
#pragma once

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "operation/backend.h"
#include "operation/scratch.h"
#include "os/address.h"
#include "os/wakeup.h"
#include "ring/forming.h"
#include "ring/pump.h"
#include "ring/rank_addresses.h"
#include "ring/slices.h"
#include "transport/silence.h"

namespace nc::ring {

class RingGroup {
public:
    // addresses: what every rank listens on; a split uses the hosts again.
    // has_only_ours: whether it is known that no rank is MLX's.
    RingGroup(int rank, RankAddresses addresses, Connections connections, const nc_backend_options& options,
              bool has_only_ours = false);
    // Ends the connections in order, unless abort() was called.
    ~RingGroup();
    RingGroup(const RingGroup&) = delete;
    RingGroup& operator=(const RingGroup&) = delete;

    int rank() const { return rank_; }
    int size() const { return addresses_.size(); }
    int sockets() const { return static_cast<int>(right_.size()); }
    RankAddresses& addresses() { return addresses_; }
    // From any thread: by what the hostfile says; ranks at one host are those of which it lists the same one.
    void describe(int rank, nc_rank_info& info) const;
    const Log& log() const { return log_; }
    bool has_only_ours() const { return has_only_ours_; }

    Link& left(int socket) { return *left_[static_cast<std::size_t>(socket)]; }
    Link& right(int socket) { return *right_[static_cast<std::size_t>(socket)]; }
    std::span<Link* const> links() const { return links_; }

    Pump& pump() { return pump_; }
    Interruption& interruption() { return interruption_; }
    // An operation's lanes and memory, to be used again by the next one.
    std::vector<std::unique_ptr<Lane>>& lanes() { return lanes_; }
    Scratch& scratch() { return scratch_; }

    // Runs one operation. Throws Error.
    void execute(const nc_request& request, const nc_call& call);
    // Several at once.
    void execute_batch(std::span<const nc_request> requests, const nc_call& call);
    // From any thread: throws Error(NC_NOT_SUPPORTED) if it cannot do that.
    void require_supported(const nc_request& request) const;
    // Forms the group of equal color; null if this rank is its only member or has a negative color (then rank is -1).
    nc_backend_group split(const nc_request& request, const nc_call& call, const nc_backend_options& options);

    // From any thread: ends the running operation, and resets the connections so that both neighbours know at once.
    void abort();

private:
    template <class Body>
    void run(Body&& body);
    void watch_connections();
    // The link, if any, whose peer's host is unreachable; looks if it is time to.
    static const Link* unreachable(SilenceWatch& silence, std::span<Link* const> links);
    // Tells the core of a loss that no operation reports.
    void report(const Error& lost);
    void end_connections(bool reset);

    const int rank_;
    RankAddresses addresses_;
    const Log log_;
    const bool has_only_ours_;
    void (*const fault_)(void* context, const nc_error* error);
    void* const fault_context_;

    std::vector<std::unique_ptr<Link>> left_;
    std::vector<std::unique_ptr<Link>> right_;
    std::vector<Link*> links_;
    Pump pump_;
    Interruption interruption_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    Scratch scratch_;

    std::mutex operation_mutex_;    // held while an operation uses the connections
    bool failure_reported_ = false; // by an operation
    Wakeup closing_;
    std::thread watcher_;
};

} // namespace nc::ring
