#include "nccl/id_exchange.h"

#include <cerrno>
#include <list>

#include "os/descriptor.h"
#include "os/poller.h"
#include "os/socket.h"
#include "os/thread.h"
#include "transport/host_port.h"
#include "transport/silence.h"

namespace nc::nccl {
namespace {

constexpr int backlog = 128;
// MLX asks twice a second; a peer on this machine is up sooner.
constexpr std::chrono::milliseconds first_retry{10};
constexpr std::chrono::milliseconds longest_retry{500};
constexpr std::chrono::milliseconds attempt_limit{5000};
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

// One attempt to be handed the id; false, with the reason, if it came to nothing.
class Attempt {
public:
    Attempt(const Address& address, const Patience& patience) : address_(address), patience_(patience) {}

    bool run(UniqueId& id, std::string& reason) {
        connection_ = open_socket(address_.family());
        if (const int error = connect_to(connection_, address_); error != 0 && error != EINPROGRESS)
            return lost(error, reason);
        if (!ready(events::writable, Clock::now() + attempt_limit)) {
            reason = text("no connection came about within ", attempt_limit.count(), " ms");
            return false;
        }
        if (const int error = take_error(connection_.get()); error != 0) return lost(error, reason);
        if (is_connected_to_itself(connection_)) return lost(ECONNREFUSED, reason);
        // The id may come late. That rank 0's host has vanished meanwhile is noticed.
        prepare_connection(connection_);
        std::size_t received = 0;
        while (received < sizeof id.bytes) {
            const Transfer transfer = receive_from(connection_, id.bytes + received, sizeof id.bytes - received);
            received += transfer.bytes;
            if (transfer.state == Transfer::State::Ended) {
                reason = text("the connection ended after ", received, " of ", sizeof id.bytes, " bytes");
                return false;
            }
            if (transfer.state == Transfer::State::Failed) return lost(transfer.system_error, reason);
            if (transfer.state == Transfer::State::Moved) continue;
            // For as long as it takes: rank 0 may serve others first, and MLX's counts a caller that has hung up as one
            // of its ranks.
            reason = text("it has sent ", received, " of ", sizeof id.bytes, " bytes so far");
            (void)ready(events::readable, patience_.deadline);
        }
        return true;
    }

private:
    static bool lost(int error, std::string& reason) {
        reason = system_error_text(error);
        return false;
    }

    bool ready(short events, Deadline limit) {
        Poller poller;
        poller.watch(connection_.get(), events);
        while (!poller.wait(std::min(limit, Clock::now() + cancel_granularity))) {
            patience_.check();
            if (Clock::now() >= limit) return false;
        }
        return true;
    }

    const Address& address_;
    const Patience& patience_;
    Descriptor connection_;
};

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
            for (Descriptor connection = accept_from(listener_); connection.is_open();
                 connection = accept_from(listener_)) {
                callers.emplace_back();
                callers.back().connection = std::move(connection);
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
    const Address address = resolved(rendezvous, patience);
    std::string reason = "it was not tried";
    auto retry = first_retry;
    try {
        for (;;) {
            UniqueId id{};
            if (Attempt(address, patience).run(id, reason)) return id;
            const Deadline next = Clock::now() + retry;
            while (Clock::now() < next) {
                patience.check();
                std::this_thread::sleep_for(std::min<Clock::duration>(cancel_granularity, next - Clock::now()));
            }
            patience.check();
            retry = std::min(retry * 2, longest_retry);
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
