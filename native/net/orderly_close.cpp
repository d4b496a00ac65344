#include "net/orderly_close.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>

#include "backend/error.h"
#include "backend/thread.h"
#include "net/poller.h"

namespace nc {
namespace {

// A peer may go on sending: more than this is left to the thread.
constexpr std::size_t dropped_at_once = std::size_t{16} << 20;
constexpr std::chrono::seconds longest_stay{30};
constexpr std::chrono::milliseconds between_looks{50};

// Bytes that have been written, but not sent; what is on its way arrives before anything that follows.
bool has_unsent(const Descriptor& connection) {
    int bytes = 0;
#ifdef SIOCOUTQNSD
    return ::ioctl(connection.get(), SIOCOUTQNSD, &bytes) == 0 && bytes > 0;
#elif defined(SO_NWRITE)
    socklen_t length = sizeof bytes;
    return ::getsockopt(connection.get(), SOL_SOCKET, SO_NWRITE, &bytes, &length) == 0 && bytes > 0;
#else
    return false;
#endif
}

// Drops what has arrived; false once there will be no more.
bool drop_input(const Descriptor& connection) {
    std::array<char, 16 * 1024> dropped{};
    for (std::size_t bytes = 0; bytes < dropped_at_once;) {
        const ssize_t got = ::recv(connection.get(), dropped.data(), dropped.size(), 0);
        if (got > 0) {
            bytes += static_cast<std::size_t>(got);
        } else if (got == 0) {
            return false;
        } else if (errno != EINTR) {
            return errno == EAGAIN || errno == EWOULDBLOCK;
        }
    }
    return true;
}

void stay(const Descriptor& connection) {
    const Deadline until = Clock::now() + longest_stay;
    while (drop_input(connection) && has_unsent(connection) && Clock::now() < until) {
        Poller poller;
        poller.watch(connection.get(), POLLIN);
        poller.wait(Clock::now() + between_looks);
    }
}

} // namespace

void close_in_order(Descriptor connection) {
    ::shutdown(connection.get(), SHUT_WR);
    if (!drop_input(connection) || !has_unsent(connection)) return;
    // Where no thread can be had, the system does what it can.
    (void)guarded(nullptr, [&] {
        auto kept = std::make_shared<Descriptor>(std::move(connection));
        start_thread("nc closing", [kept] { (void)guarded(nullptr, [&] { stay(*kept); }); }).detach();
    });
}

} // namespace nc
