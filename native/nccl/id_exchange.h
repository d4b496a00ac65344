// How the ranks come by NCCL's unique id. MLX's way, which mistral.rs's resembles: rank 0 listens, and whoever connects
// is sent the 128 bytes.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "nccl/nccl_api.h"
#include "nccl/wait.h"
#include "os/descriptor.h"
#include "os/poller.h"
#include "os/wakeup.h"

namespace nc::nccl {

// Rank 0's part: hands the id out, from the moment it is made until it is destroyed. It does not count: a stranger who
// asks takes nothing from a rank that comes later.
class IdServer {
public:
    // Listens on the port of the address, on every interface. Throws Error(NC_RENDEZVOUS_FAILED).
    IdServer(const std::string& rendezvous, const UniqueId& id, const Patience& patience);
    ~IdServer();
    IdServer(const IdServer&) = delete;
    IdServer& operator=(const IdServer&) = delete;

    // How many have been handed the id.
    int handed_out() const { return handed_out_.load(); }

private:
    void serve();

    const UniqueId id_;
    Descriptor listener_;
    Wakeup closing_;
    std::atomic<int> handed_out_{0};
    std::thread thread_;
};

// The other ranks' part: connects until there is an answer. Throws Error(NC_RENDEZVOUS_FAILED), which says what kept it
// from getting one.
UniqueId fetch_id(const std::string& rendezvous, const OperationPatience& patience);

} // namespace nc::nccl
