#include "nccl/id_exchange.h"

#include <cerrno>
#include <list>
#include <span>

#include "os/socket.h"
#include "os/thread.h"
#include "transport/connector.h"
#include "transport/host_port.h"
#include "transport/rendezvous.h"

namespace nc::nccl {
namespace {

// MLX asks twice a second; a peer on this machine is up sooner.
constexpr Backoff backoff{std::chrono::milliseconds{10}, std::chrono::milliseconds{500}};
// Where there are no more descriptors, how soon to look again.
constexpr std::chrono::milliseconds shortage_pause{50};
// A caller that takes so long to read 128 bytes is none of ours.
constexpr std::chrono::seconds handing_limit{10};

Address resolved(const std::string& rendezvous, const Patience& patience) {
    return resolve(rendezvous, patience, text("the rendezvous '", rendezvous, "' is of no use"));
}

Descriptor listen_for_ranks(const std::string& rendezvous, const Patience& patience) {
    const Address named = resolved(rendezvous, patience);
    const Address address = Address::any_interface(named, named.port());
    return listen_at(address, text("rank 0 cannot hand out NCCL's id (rendezvous ", rendezvous, ")"));
}

// A caller that has not been handed everything yet.
struct Recipient {
    Descriptor connection;
    Progress handed{sizeof(UniqueId::bytes)};
    Deadline limit = Clock::now() + handing_limit;
};

const std::byte* bytes_of(const UniqueId& id) {
    return std::as_bytes(std::span(id.bytes)).data();
}

void wait(Poller& poller, Deadline until, const OperationPatience& patience) {
    patience.wait(poller, until);
    patience.check();
}

// Reads the id from a connection to rank 0, for as long as that takes: rank 0 may serve others first, and MLX's counts
// a caller that has hung up as one of its ranks. False, with the reason, if the connection gives way.
bool receive_id(const Descriptor& connection, UniqueId& id, const OperationPatience& patience, std::string& reason) {
    Progress received{sizeof id.bytes};
    for (;;) {
        const Transfer transfer =
            receive_some(connection, std::as_writable_bytes(std::span(id.bytes)).data(), received);
        if (received.done()) return true;
        if (transfer.state == Transfer::State::Ended) {
            reason = text("the connection ended after ", received.moved, " of ", received.bytes, " bytes");
            return false;
        }
        if (transfer.state == Transfer::State::Failed) {
            reason = system_error_text(transfer.system_error);
            return false;
        }
        reason = text("it has sent ", received.moved, " of ", received.bytes, " bytes so far");
        Poller poller;
        poller.watch(connection.get(), events::readable);
        wait(poller, patience.deadline, patience);
    }
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
    std::list<Recipient> callers;
    Poller poller;
    for (;;) {
        poller.clear();
        poller.watch(closing_.descriptor(), events::readable);
        poller.watch(listener_.get(), events::readable);
        for (const Recipient& caller : callers) poller.watch(caller.connection.get(), events::writable);
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
            (void)poller.wait(Clock::now() + shortage_pause);
        }
        callers.remove_if([this](Recipient& caller) {
            const Transfer transfer = send_some(caller.connection, bytes_of(id_), caller.handed);
            if (caller.handed.done()) ++handed_out_;
            return transfer.state != Transfer::State::Blocked || Clock::now() >= caller.limit;
        });
    }
}

UniqueId fetch_id(const std::string& rendezvous, const OperationPatience& patience) {
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
        fail_rendezvous(text("rank 0 did not hand out NCCL's id at ", rendezvous, " within ", patience.timeout_ms,
                             " ms; the last attempt failed: ", reason),
                        0);
    }
}

} // namespace nc::nccl
