#include "net/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "backend/error.h"
#include "net/silence.h"

namespace nc {
namespace {

#if defined(__linux__) && !defined(TCP_RTO_MAX_MS)
constexpr int TCP_RTO_MAX_MS = 44; // newer than many C libraries
#endif
#ifdef __linux__
// The system's own.
constexpr int longest_system_interval_ms = 120'000;
#endif

void set_option(int descriptor, int level, int name, int value) {
    // Options only improve a connection; one that an old kernel lacks is no reason to fail.
    (void)::setsockopt(descriptor, level, name, &value, sizeof value);
}

[[noreturn]] void fail(const char* call, int error) {
    throw Error(NC_SYSTEM_ERROR, text(call, ": ", system_error_text(error)), -1, error);
}

void set_flags(int descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFL, 0);
    if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0 ||
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0)
        fail("fcntl", errno);
#ifdef SO_NOSIGPIPE
    set_option(descriptor, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

} // namespace

void Descriptor::close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Descriptor open_socket(int family, int type) {
#ifdef SOCK_CLOEXEC
    type |= SOCK_CLOEXEC;
#endif
    Descriptor socket(::socket(family, type, 0));
    if (!socket.is_open()) fail("socket", errno);
    set_flags(socket.get());
    // Also for outgoing connections: otherwise their local ports could not be listened on.
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    return socket;
}

Descriptor listen_on(const Address& address, int backlog, bool also_ipv4) {
    Descriptor socket = open_socket(address.family());
    if (address.family() == AF_INET6)
        set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, also_ipv4 && address.is_wildcard() ? 0 : 1);
    if (::bind(socket.get(), address.get(), address.length()) != 0) fail("bind", errno);
    if (::listen(socket.get(), backlog) != 0) fail("listen", errno);
    return socket;
}

bool ipv6_hears_ipv4() {
    const Descriptor socket = open_socket(AF_INET6);
    int only_v6 = 0;
    socklen_t length = sizeof only_v6;
    set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    return ::getsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, &length) == 0 && only_v6 == 0;
}

Descriptor accept_from(const Descriptor& listener) {
    for (;;) {
#ifdef __linux__
        Descriptor connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
#else
        Descriptor connection(::accept(listener.get(), nullptr, nullptr));
#endif
        if (connection.is_open()) {
            set_flags(connection.get());
            return connection;
        }
        if (errno == EINTR) continue;
        // Whatever befell a connection before it was accepted is no concern of the listener.
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) fail("accept", errno);
        return {};
    }
}

void prepare_connection(const Descriptor& connection) {
    const int descriptor = connection.get();
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    const SilenceLimits& limits = silence_limits();
#if defined(TCP_KEEPIDLE)
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, limits.keep_alive_idle_seconds);
#elif defined(TCP_KEEPALIVE)
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPALIVE, limits.keep_alive_idle_seconds);
#endif
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, limits.keep_alive_interval_seconds);
    set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, limits.keep_alive_probes);
#ifdef __linux__
    set_option(descriptor, IPPROTO_TCP, TCP_RTO_MAX_MS, limits.longest_question_interval_ms);
#endif
}

void reset_on_close(const Descriptor& connection, bool reset) {
    const linger option{reset ? 1 : 0, 0};
    (void)::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &option, sizeof option);
#ifdef __linux__
    // Bytes on their way to a peer that does not read outlive the socket until the interval has reached its limit.
    if (!reset) set_option(connection.get(), IPPROTO_TCP, TCP_RTO_MAX_MS, longest_system_interval_ms);
#endif
}

int take_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
    return error;
}

Pulse probe(const Descriptor& connection) {
    char byte = 0;
    const ssize_t peeked = ::recv(connection.get(), &byte, 1, MSG_PEEK);
    if (peeked > 0) return Pulse::Speaking;
    if (peeked == 0) return Pulse::Ended;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Pulse::Quiet : Pulse::Broken;
}

} // namespace nc
