#include "os/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "os/tcp_flight.h"

namespace nc {
namespace {

// What a send is called with so that a closed peer raises no SIGPIPE.
#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_NOSIGNAL;
#else
constexpr int send_flags = 0; // every socket has SO_NOSIGPIPE instead
#endif

// The most that one call is asked to move: macOS refuses more than INT_MAX.
constexpr std::size_t largest_transfer = std::size_t{1} << 30;

void set_option(int descriptor, int level, int name, int value) {
    // Options only improve a connection; one that an old kernel lacks is no reason to fail.
    (void)::setsockopt(descriptor, level, name, &value, sizeof value);
}

bool is_blocked(int error) {
    return error == EAGAIN || error == EWOULDBLOCK;
}

Transfer outcome(ssize_t moved, int error) {
    if (moved > 0) return {Transfer::State::Moved, static_cast<std::size_t>(moved), 0};
    if (moved == 0) return {Transfer::State::Ended, 0, 0};
    if (is_blocked(error)) return {Transfer::State::Blocked, 0, 0};
    return {Transfer::State::Failed, 0, error};
}

template <class Call>
Transfer moved_by(Call&& call) {
    for (;;) {
        const ssize_t moved = call();
        if (moved >= 0 || errno != EINTR) return outcome(moved, errno);
    }
}

void prepare(int descriptor) {
    keep_to_ourselves(descriptor);
#ifdef SO_NOSIGPIPE
    set_option(descriptor, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

} // namespace

Descriptor open_socket(int family) {
    return open_socket(family, SOCK_STREAM);
}

Descriptor open_socket(int family, int type) {
#ifdef SOCK_CLOEXEC
    type |= SOCK_CLOEXEC;
#endif
    Descriptor socket(::socket(family, type, 0));
    if (!socket.is_open()) throw Error::of_system("socket", errno);
    prepare(socket.get());
    // Also for outgoing connections: otherwise their local ports could not be listened on.
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    return socket;
}

Descriptor listen_on(const Address& address, int backlog, bool also_ipv4) {
    Descriptor socket = open_socket(address.family());
    if (address.family() == AF_INET6)
        set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, also_ipv4 && address.is_wildcard() ? 0 : 1);
    if (::bind(socket.get(), address.get(), address.length()) != 0) throw Error::of_system("bind", errno);
    if (::listen(socket.get(), backlog) != 0) throw Error::of_system("listen", errno);
    return socket;
}

bool ipv6_hears_ipv4() {
    const Descriptor socket = open_socket(AF_INET6);
    int only_v6 = 0;
    socklen_t length = sizeof only_v6;
    set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    return ::getsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, &length) == 0 && only_v6 == 0;
}

Accepted accept_from(const Descriptor& listener) {
    for (;;) {
        sockaddr_storage source{};
        auto* const told = reinterpret_cast<sockaddr*>(&source);
        socklen_t length = sizeof source;
#ifdef __linux__
        Descriptor connection(::accept4(listener.get(), told, &length, SOCK_CLOEXEC));
#else
        Descriptor connection(::accept(listener.get(), told, &length));
#endif
        if (connection.is_open()) {
            prepare(connection.get());
            return {std::move(connection), Address(told, length)};
        }
        if (errno == EINTR) continue;
        // Whatever befell a connection before it was accepted is no concern of the listener.
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            throw Error::of_system("accept", errno);
        return {};
    }
}

int connect_to(const Descriptor& socket, const Address& address) {
    if (::connect(socket.get(), address.get(), address.length()) == 0) return 0;
    // An attempt that a signal has interrupted goes on.
    return errno == EINTR ? EINPROGRESS : errno;
}

bool is_connected_to_itself(const Descriptor& connection) {
    return Address::local(connection.get()) == Address::remote(connection.get());
}

Transfer receive_from(const Descriptor& connection, void* buffer, std::size_t bytes) {
    return moved_by([&] { return ::recv(connection.get(), buffer, std::min(bytes, largest_transfer), 0); });
}

Transfer send_to(const Descriptor& connection, const void* data, std::size_t bytes) {
    return moved_by([&] { return ::send(connection.get(), data, std::min(bytes, largest_transfer), send_flags); });
}

Transfer send_to(const Descriptor& connection, std::span<const ConstBuffer> parts) {
    // Whole parts, as many as one call may move.
    std::array<iovec, most_buffers> whole;
    std::size_t total = 0;
    std::size_t count = 0;
    while (count < std::min(parts.size(), most_buffers) && parts[count].bytes <= largest_transfer - total) {
        total += parts[count].bytes;
        whole[count] = {const_cast<void*>(parts[count].data), parts[count].bytes}; // sendmsg only reads it
        ++count;
    }
    if (count <= 1) return send_to(connection, parts[0].data, parts[0].bytes);
    msghdr message{};
    message.msg_iov = whole.data();
    message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
    return moved_by([&] { return ::sendmsg(connection.get(), &message, send_flags); });
}

std::size_t peek_at(const Descriptor& connection, void* buffer, std::size_t bytes) {
    const ssize_t seen = ::recv(connection.get(), buffer, bytes, MSG_PEEK);
    return seen > 0 ? static_cast<std::size_t>(seen) : 0;
}

void send_at_once(const Descriptor& connection) {
    set_option(connection.get(), IPPROTO_TCP, TCP_NODELAY, 1);
}

void limit_unreceived(const Descriptor& connection, int bytes) {
    set_option(connection.get(), SOL_SOCKET, SO_SNDBUF, bytes);
}

void delay_acknowledgements(const Descriptor& connection) {
#ifdef TCP_QUICKACK
    // Otherwise Linux answers every small segment with a packet of its own where nothing goes the other way.
    set_option(connection.get(), IPPROTO_TCP, TCP_QUICKACK, 0);
#else
    (void)connection;
#endif
}

void reset_on_close(const Descriptor& connection, bool reset) {
    const linger option{reset ? 1 : 0, 0};
    (void)::setsockopt(connection.get(), SOL_SOCKET, SO_LINGER, &option, sizeof option);
    // Bytes on their way to a peer that does not read outlive the socket until the interval has reached its limit.
    if (!reset) ask_at_least_every(connection, longest_system_interval);
}

void end_sending(const Descriptor& connection) {
    (void)::shutdown(connection.get(), SHUT_WR);
}

void end_stream(const Descriptor& connection) {
    (void)::shutdown(connection.get(), SHUT_RDWR);
}

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
    return is_blocked(errno) || errno == EINTR ? Pulse::Quiet : Pulse::Broken;
}

} // namespace nc
