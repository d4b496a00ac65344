#include "transport/rendezvous.h"

#include <cerrno>

#include "base/error.h"

namespace nc {
namespace {

// Many may call at once; whoever finds no place in the queue tries again only a second later.
constexpr int backlog = 128;

template <class Move>
Transfer move_some(Progress& progress, Move&& move) {
    Transfer transfer{Transfer::State::Moved};
    while (!progress.done() && transfer.state == Transfer::State::Moved) {
        transfer = move(progress.moved, progress.bytes - progress.moved);
        progress.moved += transfer.bytes;
    }
    return transfer;
}

} // namespace

Descriptor listen_at(const Address& address, const std::string& source, bool also_ipv4, const char* machine) {
    try {
        return listen_on(address, backlog, also_ipv4);
    } catch (const Error& error) {
        const std::string hint = error.system_error == EADDRINUSE ? "the port is in use"
                                 : error.system_error == EADDRNOTAVAIL
                                     ? std::string("the address is not one of ") + machine
                                     : "it cannot be listened on";
        fail_rendezvous(text(source, ": ", address.text(), ": ", hint, " (", error.what(), ")"), -1,
                        error.system_error);
    }
}

Transfer send_some(const Descriptor& connection, const std::byte* data, Progress& progress) {
    return move_some(progress, [&](std::size_t at, std::size_t left) { return send_to(connection, data + at, left); });
}

Transfer receive_some(const Descriptor& connection, std::byte* data, Progress& progress) {
    return move_some(progress,
                     [&](std::size_t at, std::size_t left) { return receive_from(connection, data + at, left); });
}

} // namespace nc
