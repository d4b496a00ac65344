#include "nccl/id_exchange.h"

#include <cerrno>
#include <list>

#include "os/descriptor.h"
#include "os/poller.h"
#include "os/socket.h"
#include "os/thread.h"
#include "transport/connector.h"
#include "transport/host_port.h"

namespace nc::nccl {
namespace {

constexpr int backlog = 128;
// MLX asks twice a second; a peer on this machine is up sooner.
constexpr Backoff backoff{std::chrono::milliseconds{10}, std::chrono::milliseconds{500}};
constexpr std::chrono::milliseconds cancel_granularity{50};
// A caller that takes so long to read 128 bytes is none of ours.
constexpr std::chrono::seconds handing_limit{10};

Address resolved(const std::string& rendezvous, const Patience& patience) {
    try {
        return resolve(parse_host_port(rendezvous), patience.deadline, [&] { patience.cancellation.check(); });
    } catch (const Error& error) {
        if (error.status == NC_CANCELLED) throw;
        throw Error(NC_RENDEZVOUS_FAILED, text("the rendezvous '", rendezvous, "' is of no use: ", error.what()));
    }
}

Descriptor listen_for_ranks(const std::string& rendezvous, const Patience& patience) {
    const Address named = resolved(rendezvous, patience);
    const Address address = Address::any_interface(named, named.port());
    try {
        return listen_on(address, backlog);
    } catch (const Error& error) {
        throw Error(NC_RENDEZVOUS_FAILED,
                    text("rank 0 cannot hand out NCCL's id on port ", address.port(), " (rendezvous ", rendezvous,
                         "): ", error.what()),
                    -1, error.system_error);
    }
}

// A caller that has not been handed everything yet.
struct Caller {
    Descriptor connection;
    std::size_t handed = 0;
    Deadline limit = Clock::now() + handing_limit;
};

enum class Progress { More, Done, Lost };

Progress hand(Caller& caller, const UniqueId& id) {
    while (caller.handed < sizeof id.bytes) {
        const Transfer transfer = send_to(caller.connection, id.bytes + caller.handed, sizeof id.bytes - caller.handed);
        caller.handed += transfer.bytes;
        if (transfer.state == Transfer::State::Moved) continue;
        const bool may_go_on = transfer.state == Transfer::State::Blocked && Clock::now() < caller.limit;
        return may_go_on ? Progress::More : Progress::Lost;
    }
    return Progress::Done;
}

void wait(Poller& poller, Deadline until, const Patience& patience) {
    (void)poller.wait(std::min({until, patience.deadline, Clock::now() + cancel_granularity}));
    patience.check();
}

// Reads the id from a connection to rank 0, for as long as that takes: rank 0 may serve others first, and MLX's counts a
// caller that has hung up as one of its ranks. False, with the reason, if the connection gives way.
bool receive_id(const Descriptor& connection, UniqueId& id, const Patience& patience, std::string& reason) {
    for (std::size_t received = 0; received < sizeof id.bytes;) {
        const Transfer transfer = receive_from(connection, id.bytes + received, sizeof id.bytes - received);
        received += transfer.bytes;
        if (transfer.state == Transfer::State::Ended) {
            reason = text("the connection ended after ", received, " of ", sizeof id.bytes, " bytes");
            return false;
        }
        if (transfer.state == Transfer::State::Failed) {
            reason = system_error_text(transfer.system_error);
            return false;
        }
        if (transfer.state == Transfer::State::Moved) continue;
        reason = text("it has sent ", received, " of ", sizeof id.bytes, " bytes so far");
        Poller poller;
        poller.watch(connection.get(), events::readable);
        wait(poller, patience.deadline, patience);
    }
    return true;
}

} // namespace

IdServer::IdServer(const std::string& rendezvous, const UniqueId& id, const Patience& patience)
    : id_(id),
      listener_(listen_for_ranks(rendezvous, patience)),
      thread_(start_thread("nc nccl id", [this] { (void)guarded(nullptr, [this] { serve(); }); })) {}

IdServer::~IdServer() {
    closing_.raise();
    thread_.join();
}

void IdServer::serve() {
    std::list<Caller> callers;
    Poller poller;
    for (;;) {
        poller.clear();
        poller.watch(closing_.descriptor(), events::readable);
        poller.watch(listener_.get(), events::readable);
        for (const Caller& caller : callers) poller.watch(caller.connection.get(), events::writable);
        (void)poller.wait(Clock::now() + handing_limit);
        if (poller.events(closing_.descriptor()) != 0) return;
        try {
            for (Accepted accepted = accept_from(listener_); accepted.connection.is_open();
                 accepted = accept_from(listener_)) {
                callers.emplace_back();
                callers.back().connection = std::move(accepted.connection);
            }
        } catch (const Error&) {
            // There are no more descriptors now: who waits to be accepted is served later.
            poller.clear();
            poller.watch(closing_.descriptor(), events::readable);
            (void)poller.wait(Clock::now() + cancel_granularity);
        }
        callers.remove_if([this](Caller& caller) {
            const Progress progress = hand(caller, id_);
            if (progress == Progress::Done) ++handed_out_;
            return progress != Progress::More;
        });
    }
}

UniqueId fetch_id(const std::string& rendezvous, const Patience& patience) {
    std::string reason = "it was not tried";
    Connector connector(resolved(rendezvous, patience), backoff);
    try {
        for (;;) {
            if (const int error = connector.step(); error != 0) reason = system_error_text(error);
            if (connector.is_connected()) {
                UniqueId id{};
                if (receive_id(connector.connection(), id, patience, reason)) return id;
                connector.lose(ECONNRESET);
            }
            Poller poller;
            connector.watch(poller);
            wait(poller, connector.next_step(), patience);
        }
    } catch (const Error& error) {
        if (error.status != NC_RENDEZVOUS_FAILED) throw;
        throw Error(NC_RENDEZVOUS_FAILED,
                    text("rank 0 did not hand out NCCL's id at ", rendezvous, " within ", patience.timeout_ms,
                         " ms; the last attempt failed: ", reason),
                    0);
    }
}

} // namespace nc::nccl
