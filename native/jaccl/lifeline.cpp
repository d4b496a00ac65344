#include "jaccl/lifeline.h"
#include "os/socket.h"

#include <cerrno>
#include <cstring>

namespace nc::jaccl {
namespace {

// The same on all supported hosts.
struct Notice {
    char letters[4];
    Fate fate;
    std::int32_t rank;
    std::int32_t reserved;
};
constexpr char notice_letters[4] = {'N', 'C', 'J', 'L'};

bool is_sound(const Notice& notice, int ranks) {
    const bool is_fate = notice.fate == Fate::GaveUp || notice.fate == Fate::Lost || notice.fate == Fate::Left ||
                         notice.fate == Fate::Mismatched;
    return std::memcmp(notice.letters, notice_letters, sizeof notice_letters) == 0 && is_fate && notice.rank >= 0 &&
           notice.rank < ranks;
}

} // namespace

Lifeline::Lifeline(std::vector<Connection> connections, int ranks)
    : connections_(std::move(connections)), ranks_(ranks) {
    // A rank that dies is to be told from one that leaves.
    for (const Connection& connection : connections_) reset_on_close(connection.socket, true);
}

void Lifeline::watch(Poller& poller) const {
    for (const Connection& connection : connections_) poller.watch(connection.socket.get(), events::readable);
}

// Nothing is in flight unless this rank has told something.
Deadline Lifeline::next_look() const {
    return silence_.is_pending() ? silence_.next_look() : deadline_after(longest_timeout_ms);
}

std::vector<News> Lifeline::read(const Poller& poller) {
    std::vector<News> all;
    std::vector<int> descriptors;
    for (const Connection& connection : connections_) descriptors.push_back(connection.socket.get());
    const std::optional<int> unreachable = silence_.is_pending() ? silence_.look(descriptors) : std::nullopt;
    for (Connection& connection : connections_) {
        if (connection.socket.get() == unreachable) {
            connection.socket.close();
            all.push_back({Fate::Lost, connection.peer, connection.peer, ETIMEDOUT});
            continue;
        }
        if (poller.events(connection.socket.get()) == 0) continue;
        if (const std::optional<News> news = read(connection); news.has_value()) all.push_back(*news);
    }
    std::erase_if(connections_, [](const Connection& connection) { return !connection.socket.is_open(); });
    return all;
}

std::optional<News> Lifeline::read(Connection& connection) const {
    Notice notice{};
    const Transfer transfer = receive_from(connection.socket, &notice, sizeof notice);
    if (transfer.bytes == sizeof notice && is_sound(notice, ranks_))
        return News{notice.fate, notice.rank, connection.peer};
    // Whatever else a peer says means nothing.
    if (transfer.state == Transfer::State::Moved || transfer.state == Transfer::State::Blocked) return std::nullopt;
    connection.socket.close();
    const Fate fate = transfer.state == Transfer::State::Ended ? Fate::Left : Fate::Lost;
    return News{fate, connection.peer, connection.peer, transfer.system_error};
}

void Lifeline::tell(Fate fate, int rank) {
    Notice notice{{}, fate, rank, 0};
    std::memcpy(notice.letters, notice_letters, sizeof notice_letters);
    for (const Connection& connection : connections_) {
        // A connection that was silent takes these few bytes at once.
        if (connection.is_ours) (void)send_to(connection.socket, &notice, sizeof notice);
    }
    silence_.expect();
}

void Lifeline::end(Fate fate, int rank) {
    tell(fate, rank);
    connections_.clear();
}

void Lifeline::close() {
    for (Connection& connection : connections_) {
        reset_on_close(connection.socket, false);
        end_stream(connection.socket);
        connection.socket.close();
    }
    connections_.clear();
}

} // namespace nc::jaccl
