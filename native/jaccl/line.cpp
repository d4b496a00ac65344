#include "jaccl/line.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace nc::jaccl {
namespace {

// The same on all supported hosts.
struct Notice {
    char letters[4];
    std::int32_t lost; // 1 or 0
    std::int32_t culprit;
    std::int32_t reserved;
};
constexpr char notice_letters[4] = {'N', 'C', 'J', 'L'};

} // namespace

Line::Line(std::vector<Connection> connections) : connections_(std::move(connections)) {
    // A rank that dies is to be told from one that leaves.
    for (const Connection& connection : connections_) reset_on_close(connection.socket, true);
}

void Line::watch(Poller& poller) const {
    for (const Connection& connection : connections_) poller.watch(connection.socket.get(), POLLIN);
}

std::optional<News> Line::read(const Poller& poller, std::vector<int>& departed) {
    std::optional<News> first;
    for (Connection& connection : connections_) {
        if (poller.events(connection.socket.get()) == 0) continue;
        const std::optional<News> news = read(connection, departed);
        if (!first.has_value()) first = news;
    }
    std::erase_if(connections_, [](const Connection& connection) { return !connection.socket.is_open(); });
    return first;
}

std::optional<News> Line::read(Connection& connection, std::vector<int>& departed) {
    Notice notice{};
    const ssize_t got = ::recv(connection.socket.get(), &notice, sizeof notice, 0);
    if (got == sizeof notice && std::memcmp(notice.letters, notice_letters, sizeof notice_letters) == 0)
        return News{notice.lost != 0, notice.culprit, connection.peer};
    // Whatever else a peer says means nothing.
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))) return std::nullopt;
    const bool orderly = got == 0;
    connection.socket.close();
    if (!orderly) return News{true, connection.peer, connection.peer};
    departed.push_back(connection.peer);
    return std::nullopt;
}

void Line::end(bool lost, int culprit) {
    Notice notice{{}, lost ? 1 : 0, culprit, 0};
    std::memcpy(notice.letters, notice_letters, sizeof notice_letters);
    for (Connection& connection : connections_) {
        // A connection that was silent takes these few bytes at once.
        (void)::send(connection.socket.get(), &notice, sizeof notice, send_flags);
        connection.socket.close();
    }
    connections_.clear();
}

void Line::close() {
    for (Connection& connection : connections_) {
        reset_on_close(connection.socket, false);
        ::shutdown(connection.socket.get(), SHUT_RDWR);
        connection.socket.close();
    }
    connections_.clear();
}

} // namespace nc::jaccl
