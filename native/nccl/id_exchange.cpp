#include "nccl/id_exchange.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <list>

#include "backend/thread.h"

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
        return resolve(parse_host_port(rendezvous), patience.deadline, [&] { throw_if_cancelled(patience.cancel); });
    } catch (const Error& error) {
        if (error.status == NC_CANCELLED) throw;
        throw Error(NC_RENDEZVOUS_FAILED, text("the rendezvous '", rendezvous, "' is of no use: ", error.what()));
    }
}

Address any_interface(const Address& address) {
    if (address.family() == AF_INET6) {
        sockaddr_in6 any{};
        any.sin6_family = AF_INET6;
        any.sin6_addr = in6addr_any;
        any.sin6_port = htons(address.port());
        return {reinterpret_cast<const sockaddr*>(&any), sizeof any};
    }
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_ANY);
    any.sin_port = htons(address.port());
    return {reinterpret_cast<const sockaddr*>(&any), sizeof any};
}

Descriptor listen_for_ranks(const std::string& rendezvous, const Patience& patience) {
    const Address address = any_interface(resolved(rendezvous, patience));
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
        const ssize_t sent =
            ::send(caller.connection.get(), id.bytes + caller.handed, sizeof id.bytes - caller.handed, send_flags);
        if (sent > 0) {
            caller.handed += static_cast<std::size_t>(sent);
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && Clock::now() < caller.limit) {
            return Progress::More;
        } else {
            return Progress::Lost;
        }
    }
    return Progress::Done;
}

// One attempt to be handed the id; false, with the reason, if it came to nothing.
class Attempt {
public:
    Attempt(const Address& address, const Patience& patience) : address_(address), patience_(patience) {}

    bool run(UniqueId& id, std::string& reason) {
        connection_ = open_socket(address_.family());
        if (::connect(connection_.get(), address_.get(), address_.length()) != 0 && errno != EINPROGRESS &&
            errno != EINTR)
            return lost(errno, reason);
        if (!ready(POLLOUT, Clock::now() + attempt_limit)) {
            reason = text("no connection came about within ", attempt_limit.count(), " ms");
            return false;
        }
        if (const int error = take_error(connection_.get()); error != 0) return lost(error, reason);
        // Where nobody listens, on a port that connections are given as their own, a connection may come about with
        // itself.
        if (Address::local(connection_.get()) == Address::remote(connection_.get())) return lost(ECONNREFUSED, reason);
        // The id may come late. That rank 0's host has vanished meanwhile is noticed.
        prepare_connection(connection_);
        std::size_t received = 0;
        while (received < sizeof id.bytes) {
            const ssize_t count = ::recv(connection_.get(), id.bytes + received, sizeof id.bytes - received, 0);
            if (count > 0) {
                received += static_cast<std::size_t>(count);
            } else if (count == 0) {
                reason = text("the connection ended after ", received, " of ", sizeof id.bytes, " bytes");
                return false;
            } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
                // For as long as it takes: rank 0 may serve others first, and MLX's counts a caller that has hung up as
                // one of its ranks.
                reason = text("it has sent ", received, " of ", sizeof id.bytes, " bytes so far");
                (void)ready(POLLIN, patience_.deadline);
            } else if (errno != EINTR) {
                return lost(errno, reason);
            }
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
        poller.watch(closing_.descriptor(), POLLIN);
        poller.watch(listener_.get(), POLLIN);
        for (const Caller& caller : callers) poller.watch(caller.connection.get(), POLLOUT);
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
            poller.watch(closing_.descriptor(), POLLIN);
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
