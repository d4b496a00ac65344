// What POSIX systems have in common, and nothing about bytes in flight where there is no better: see linux/ and macos/.
#include "os/tcp_flight.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace nc {
namespace {

// Newer than many C libraries.
#if defined(__linux__) && !defined(TCP_RTO_MAX_MS)
constexpr int TCP_RTO_MAX_MS = 44;
#endif

void set_tcp_option(const Descriptor& connection, int name, std::int64_t value) {
    const int number = static_cast<int>(value);
    // Options only improve a connection; one that an old kernel lacks is no reason to fail.
    (void)::setsockopt(connection.get(), IPPROTO_TCP, name, &number, sizeof number);
}

} // namespace

void keep_alive(const Descriptor& connection, const KeepAlive& limits) {
    const int on = 1;
    (void)::setsockopt(connection.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#if defined(TCP_KEEPIDLE)
    set_tcp_option(connection, TCP_KEEPIDLE, limits.idle.count());
#elif defined(TCP_KEEPALIVE)
    set_tcp_option(connection, TCP_KEEPALIVE, limits.idle.count());
#endif
    set_tcp_option(connection, TCP_KEEPINTVL, limits.interval.count());
    set_tcp_option(connection, TCP_KEEPCNT, limits.probes);
}

void ask_at_least_every(const Descriptor& connection, std::chrono::milliseconds interval) {
#ifdef __linux__
    set_tcp_option(connection, TCP_RTO_MAX_MS, interval.count());
#else
    (void)connection;
    (void)interval;
#endif
}

} // namespace nc
