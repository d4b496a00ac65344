// The other rank of a ring of two as a program might be that is not ours: it has its connections, and sends and
// receives what the test wants.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "local_ranks.h"
#include "os/poller.h"

namespace nc::test {

// Waits until the descriptor is ready; every wait is bounded.
inline bool ready(int descriptor, short events, std::int64_t timeout_ms = ample_ms) {
    Poller poller;
    poller.watch(descriptor, events);
    return poller.wait(deadline_after(timeout_ms));
}

// Closed if nobody listens there. Whoever did may have reset the connection by now: that is for the caller to see.
inline Descriptor connect_to(const Address& address, const Address& from = {}) {
    Descriptor socket = open_socket(address.family());
    if (from.length() > 0 && ::bind(socket.get(), from.get(), from.length()) != 0) return {};
    if (::connect(socket.get(), address.get(), address.length()) != 0 && errno != EINPROGRESS) return {};
    if (!ready(socket.get(), POLLOUT)) return {};
    const int error = take_error(socket.get());
    return error == 0 || error == ECONNRESET ? std::move(socket) : Descriptor();
}

// Tries until somebody listens there.
inline Descriptor connect_when_open(const Address& address, const Address& from = {}) {
    const Deadline until = deadline_after(ample_ms);
    for (;;) {
        Descriptor socket = connect_to(address, from);
        if (socket.is_open() || Clock::now() >= until) return socket;
    }
}

inline Descriptor accept_one(const Descriptor& listener) {
    if (!ready(listener.get(), POLLIN)) return {};
    return accept_from(listener).connection;
}

inline void send_all(const Descriptor& to, const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
        ASSERT_TRUE(ready(to.get(), POLLOUT));
        const ssize_t sent = ::send(to.get(), bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) continue;
        ASSERT_GT(sent, 0);
        bytes += sent;
        size -= static_cast<std::size_t>(sent);
    }
}

// False at an end or failure.
inline bool receive_all(const Descriptor& from, void* data, std::size_t size) {
    auto* bytes = static_cast<char*>(data);
    while (size > 0) {
        if (!ready(from.get(), POLLIN)) return false;
        const ssize_t got = ::recv(from.get(), bytes, size, 0);
        if (got < 0 && errno == EAGAIN) continue;
        if (got <= 0) return false;
        bytes += got;
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

// Rank 1 of two; rank 0 is a group of ours, which is formed meanwhile.
class RawPeer {
public:
    explicit RawPeer(std::int64_t operation_timeout_ms = ample_ms, std::int64_t forming_timeout_ms = ample_ms)
        : ports_(2) {
        const Descriptor listener = listen_on(ports_[1], 4);
        on_all_ranks(2, [&](int rank) {
            if (rank == 1) {
                right = connect_when_open(ports_[0]);
                left = accept_one(listener);
                return;
            }
            RingOptions ring(0, hosts_json(ports_, 2, 1));
            ring.options.operation_timeout_ms = operation_timeout_ms;
            ring.options.forming_timeout_ms = forming_timeout_ms;
            nc_group* made = nullptr;
            nc_error error = empty_error();
            EXPECT_EQ(nc_group_create(&ring.options, &made, &error), NC_OK) << error.message;
            group.reset(made);
        });
        EXPECT_TRUE(left.is_open() && right.is_open());
    }

private:
    ReservedPorts ports_;

public:
    Descriptor left;  // opened by rank 0: what travels down comes from here
    Descriptor right; // opened by this peer
    GroupPointer group;
};

} // namespace nc::test
