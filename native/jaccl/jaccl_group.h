// This rank's place in a mesh or ring: its connections, the operation that runs on them, and a thread that notices when
// a peer is gone.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "jaccl/engine.h"
#include "jaccl/forming.h"
#include "jaccl/lifeline.h"
#include "operation/backend.h"
#include "os/wakeup.h"

namespace nc::jaccl {

class JacclGroup {
public:
    // lifelines: empty if the ranks met by a side channel of the program's.
    JacclGroup(int rank, DeviceMatrix matrix, Settings settings, Fabric fabric, std::vector<Connection> lifelines,
               const nc_backend_options& options);
    // Leaves in order, unless abort() was called.
    ~JacclGroup();
    JacclGroup(const JacclGroup&) = delete;
    JacclGroup& operator=(const JacclGroup&) = delete;

    int rank() const { return rank_; }
    int size() const { return matrix_.size(); }
    const DeviceMatrix& matrix() const { return matrix_; }
    const Settings& settings() const { return settings_; }
    const Fabric& fabric() const { return fabric_; }
    // Whether no rank is MLX's.
    bool has_only_ours() const { return has_only_ours_; }
    const Log& log() const { return log_; }
    Engine& engine() { return engine_; }
    const Interruption& interruption() const { return interruption_; }

    // The connections in a mesh, in the order of the peers, and in a ring.
    std::span<Link* const> links() const { return links_; }
    Link& to(int peer) const { return *links_[static_cast<std::size_t>(peer < rank_ ? peer : peer - 1)]; }
    Link& left(int wire) const { return *links_[static_cast<std::size_t>(wire)]; }
    Link& right(int wire) const { return *links_[static_cast<std::size_t>(fabric_.wires + wire)]; }

    // This rank's address, where other members may reach it; none without lifelines.
    const std::optional<Address>& address() const { return address_; }

    // Runs one operation. Throws Error.
    void execute(const nc_request& request, const nc_call& call);
    // Several at once.
    void execute_batch(std::span<const nc_request> requests, const nc_call& call);
    // From any thread: throws Error(NC_NOT_SUPPORTED) if it cannot do that.
    void require_supported(const nc_request& request) const;
    // Forms the group of equal color; null if this rank is its only member or has a negative color (then rank is -1).
    nc_backend_group split(const nc_request& request, const nc_call& call, const nc_backend_options& options);

    // From any thread: ends the running operation, and lets the peers know at once.
    void abort();

private:
    void watch();
    // Ends what runs, or else the group.
    void lose(const News& news);
    template <class Body>
    void run(Body&& body);

    const int rank_;
    const DeviceMatrix matrix_;
    const Settings settings_;
    const Log log_;
    void (*const fault_)(void* context, const nc_error* error);
    void* const fault_context_;

    const Fabric fabric_;
    const bool has_only_ours_ = fabric_.has_only_ours();
    const std::vector<Link*> links_;
    const std::optional<Address> address_;
    Interruption interruption_;
    Departures departures_;
    Engine engine_;

    std::mutex operation_mutex_;          // held while an operation uses the connections
    bool failure_reported_ = false;       // by an operation
    std::atomic<int> culprit_{-1};        // the peer that an operation found lost
    std::atomic<bool> mismatched_{false}; // what this rank ended the group for
    std::atomic<bool> closing_{false};
    Wakeup wake_;
    Lifeline lifeline_; // of the watcher's
    std::thread watcher_;
};

} // namespace nc::jaccl
