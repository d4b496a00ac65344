#include "doubles/nccl/exchange.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "doubles/common/violation.h"

namespace nc::doubles {
namespace {

Frame frame_of(FrameKind kind, const Operation& operation, std::uint64_t bytes = 0) {
    const Request& request = operation.request;
    Frame frame{kind};
    frame.operation = static_cast<std::uint32_t>(request.kind);
    frame.type = request.type;
    frame.op = request.reduces() ? request.op : 0;
    frame.root = request.has_root() ? request.root : 0;
    frame.count = request.count;
    frame.sequence = operation.sequence;
    frame.bytes = bytes;
    return frame;
}

std::string description_of(const Frame& frame) {
    Request request{static_cast<Kind>(frame.operation)};
    request.count = frame.count;
    request.type = frame.type;
    request.op = frame.op;
    request.root = frame.root;
    return request.description();
}

} // namespace

Exchange::Exchange(int rank, std::vector<Descriptor> connections) : rank_(rank), peers_(connections.size()) {
    for (std::size_t i = 0; i < connections.size(); ++i) peers_[i].connection = std::move(connections[i]);
}

void Exchange::start(const std::vector<OperationPointer>& group) {
    std::deque<OperationPointer> sends_to_self;
    std::deque<OperationPointer> receives_from_self;
    for (const OperationPointer& operation : group) {
        const int peer = operation->request.root;
        if (operation->request.is_collective()) {
            start_collective(operation);
        } else if (peer == rank_) {
            (operation->request.kind == Kind::Send ? sends_to_self : receives_from_self).push_back(operation);
        } else if (operation->request.kind == Kind::Send) {
            at(peer).sends.push_back(operation);
            match_sends(peer);
        } else {
            at(peer).receives.push_back(operation);
            say(peer, frame_of(FrameKind::Receive, *operation));
        }
    }
    start_self(sends_to_self, receives_from_self);
    check_left();
}

void Exchange::start_collective(const OperationPointer& operation) {
    ++operation->outstanding; // it does not end before it has begun everywhere
    const std::uint64_t sequence = operation->sequence;
    collectives_[sequence] = operation;
    int unheard = 0;
    const int size = static_cast<int>(peers_.size());
    for (int peer = 0; peer < size; ++peer) {
        if (peer == rank_) continue;
        say(peer, frame_of(FrameKind::Collective, *operation));
        const auto news = at(peer).news.find(sequence);
        if (news == at(peer).news.end()) {
            ++unheard;
            continue;
        }
        compare(*operation, peer, news->second);
        at(peer).news.erase(news);
        send_data(peer, operation);
    }
    if (unheard > 0) known_[sequence] = {operation, unheard};
    transfer_ended(operation);
}

// What a rank sends itself has to be received in the same group, in the same order.
void Exchange::start_self(std::deque<OperationPointer>& sends, std::deque<OperationPointer>& receives) {
    if (sends.size() != receives.size())
        throw Violation(text("rank ", rank_, " sends to itself ", sends.size(), " times and receives from itself ",
                             receives.size(), " times in one group: NCCL would hang"));
    for (std::size_t i = 0; i < sends.size(); ++i) {
        sends[i]->copy_to(*receives[i]);
        finished_.push_back(sends[i]);
        finished_.push_back(receives[i]);
    }
}

void Exchange::compare(const Operation& own, int peer, const Frame& theirs) const {
    const Frame mine = frame_of(FrameKind::Collective, own);
    if (mine.operation == theirs.operation && mine.type == theirs.type && mine.op == theirs.op &&
        mine.root == theirs.root && mine.count == theirs.count)
        return;
    throw Violation(text("collective ", own.sequence + 1, " is ", own.request.description(), " on rank ", rank_,
                         ", but ", description_of(theirs), " on rank ", peer));
}

void Exchange::say(int peer, const Frame& frame, OperationPointer operation, const std::byte* data) {
    Peer& to = at(peer);
    if (to.deaf) return;
    to.outbound.push_back({frame, std::move(operation), data});
    if (to.outbound.size() == 1) write(peer);
}

// The peer has room for its part of a collective.
void Exchange::send_data(int peer, const OperationPointer& operation) {
    const Operation::Outgoing& part = operation->out[static_cast<std::size_t>(peer)];
    if (part.bytes > 0) say(peer, frame_of(FrameKind::CollectiveData, *operation, part.bytes), operation, part.data);
}

void Exchange::match_sends(int peer) {
    Peer& to = at(peer);
    while (!to.sends.empty() && !to.invitations.empty()) {
        const OperationPointer operation = std::move(to.sends.front());
        const Frame invitation = to.invitations.front();
        to.sends.pop_front();
        to.invitations.pop_front();
        const Request& request = operation->request;
        if (invitation.count != request.count || invitation.type != request.type)
            throw Violation(text(request.description(), " of rank ", rank_, " meets ", description_of(invitation),
                                 " of rank ", peer));
        const Operation::Outgoing& part = operation->out[static_cast<std::size_t>(peer)];
        say(peer, frame_of(FrameKind::SendData, *operation, part.bytes), operation, part.data);
    }
}

void Exchange::transfer_ended(const OperationPointer& operation) {
    if (--operation->outstanding > 0) return;
    operation->finish();
    if (operation->request.is_collective()) collectives_.erase(operation->sequence);
    finished_.push_back(operation);
}

std::vector<OperationPointer> Exchange::take_finished() {
    return std::exchange(finished_, {});
}

void Exchange::offer_split(Choice choice) {
    own_choice_ = choice;
    Frame frame{FrameKind::Split};
    frame.color = choice.color;
    frame.key = choice.key;
    for (int peer = 0; peer < static_cast<int>(peers_.size()); ++peer) {
        if (peer != rank_) say(peer, frame);
    }
    check_left();
}

std::optional<std::vector<Exchange::Choice>> Exchange::take_split() {
    if (!own_choice_) return std::nullopt;
    for (int peer = 0; peer < static_cast<int>(peers_.size()); ++peer) {
        if (peer != rank_ && at(peer).choices.empty()) return std::nullopt;
    }
    std::vector<Choice> choices;
    for (int peer = 0; peer < static_cast<int>(peers_.size()); ++peer) {
        if (peer == rank_) {
            choices.push_back(*own_choice_);
            continue;
        }
        choices.push_back(at(peer).choices.front());
        at(peer).choices.pop_front();
    }
    own_choice_.reset();
    return choices;
}

void Exchange::say_goodbye() {
    for (int peer = 0; peer < static_cast<int>(peers_.size()); ++peer) {
        if (peer != rank_) say(peer, Frame{FrameKind::Goodbye});
    }
}

bool Exchange::is_flushed() const {
    return std::all_of(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.outbound.empty(); });
}

void Exchange::turn(int wake) {
    std::vector<pollfd> polled{{wake, POLLIN, 0}};
    std::vector<int> ranks;
    for (int peer = 0; peer < static_cast<int>(peers_.size()); ++peer) {
        const Peer& other = at(peer);
        if (!other.connection.is_open()) continue;
        const int events = POLLIN | (other.outbound.empty() ? 0 : POLLOUT);
        polled.push_back({other.connection.get(), static_cast<short>(events), 0});
        ranks.push_back(peer);
    }
    if (::poll(polled.data(), polled.size(), -1) < 0) {
        if (errno == EINTR) return;
        throw RemoteFailure(text("poll: ", system_error_text(errno)));
    }
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        const short happened = polled[i + 1].revents;
        if ((happened & POLLOUT) != 0) write(ranks[i]);
        if ((happened & ~POLLOUT) != 0) read(ranks[i]);
    }
    check_left();
}

void Exchange::write(int peer) {
    Peer& to = at(peer);
    while (!to.outbound.empty() && !to.deaf) {
        Outbound& next = to.outbound.front();
        constexpr std::size_t head = sizeof(Frame);
        std::array<iovec, 2> parts{};
        std::size_t count = 0;
        if (next.written < head)
            parts[count++] = {reinterpret_cast<std::byte*>(&next.frame) + next.written, head - next.written};
        const std::size_t done = next.written > head ? next.written - head : 0;
        if (next.frame.bytes > done)
            parts[count++] = {const_cast<std::byte*>(next.data) + done, next.frame.bytes - done};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        const ssize_t sent = ::sendmsg(to.connection.get(), &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return;
            // Whether the peer left in good order is told by what can still be read from it.
            to.deaf = true;
            to.outbound.clear();
            return;
        }
        next.written += static_cast<std::size_t>(sent);
        if (next.written < head + next.frame.bytes) continue;
        const OperationPointer operation = std::move(next.operation);
        to.outbound.pop_front();
        if (operation != nullptr) transfer_ended(operation);
    }
}

// False if nothing more can be read now.
bool Exchange::read_some(int peer, void* to, std::size_t bytes) {
    for (;;) {
        const ssize_t got = ::recv(at(peer).connection.get(), to, bytes, 0);
        if (got > 0) {
            at(peer).read += static_cast<std::size_t>(got);
            return true;
        }
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return false;
        if (got < 0 && errno == EFAULT)
            throw Violation(text("a receive buffer of rank ", rank_, " was freed while the operation ran"));
        ended(peer);
        return false;
    }
}

void Exchange::read(int peer) {
    Peer& from = at(peer);
    constexpr std::size_t head = sizeof(Frame);
    while (from.connection.is_open()) {
        if (from.read < head) {
            if (!read_some(peer, reinterpret_cast<std::byte*>(&from.frame) + from.read, head - from.read)) return;
            if (from.read == head) take_frame(peer);
            continue;
        }
        const std::size_t done = from.read - head;
        if (!read_some(peer, from.target->data + done, from.target->bytes - done)) return;
        if (from.read == head + from.frame.bytes) take_data(peer);
    }
}

void Exchange::take_frame(int peer) {
    Peer& from = at(peer);
    const Frame& frame = from.frame;
    switch (frame.kind) {
        case FrameKind::Collective: {
            const std::uint64_t sequence = from.announced++;
            const auto known = known_.find(sequence);
            if (known == known_.end()) {
                from.news[sequence] = frame;
                break;
            }
            const OperationPointer operation = known->second.first;
            if (--known->second.second == 0) known_.erase(known);
            compare(*operation, peer, frame);
            send_data(peer, operation);
            break;
        }
        case FrameKind::Receive:
            from.invitations.push_back(frame);
            match_sends(peer);
            break;
        case FrameKind::Split:
            from.choices.push_back({frame.color, frame.key});
            break;
        case FrameKind::Goodbye:
            from.left = true;
            break;
        case FrameKind::CollectiveData:
            from.receiving = collectives_.at(frame.sequence);
            from.target = &from.receiving->in[static_cast<std::size_t>(peer)];
            break;
        case FrameKind::SendData:
            from.receiving = std::move(from.receives.front());
            from.receives.pop_front();
            from.target = &from.receiving->in[static_cast<std::size_t>(peer)];
            break;
    }
    if (frame.bytes == 0) from.read = 0;
}

void Exchange::take_data(int peer) {
    Peer& from = at(peer);
    from.read = 0;
    from.target = nullptr;
    transfer_ended(std::exchange(from.receiving, nullptr));
}

void Exchange::ended(int peer) {
    Peer& other = at(peer);
    other.connection.close();
    other.deaf = true;
    other.outbound.clear();
    if (!other.left)
        throw RemoteFailure(
            text("rank ", peer, " is gone: its connection to rank ", rank_, " ended without a goodbye"));
}

// Whether something waits for a rank that has finalized, which therefore never comes.
void Exchange::check_left() const {
    for (int peer = 0; peer < static_cast<int>(peers_.size()); ++peer) {
        const Peer& other = peers_[static_cast<std::size_t>(peer)];
        if (!other.left) continue;
        const bool in_split = own_choice_ && other.choices.empty();
        const bool in_collective = std::any_of(collectives_.begin(), collectives_.end(),
                                               [&](const auto& running) { return running.first >= other.announced; });
        if (in_split || in_collective || !other.sends.empty() || !other.receives.empty())
            throw RemoteFailure(text("rank ", peer, " has finalized, but rank ", rank_, " still needs it"));
    }
}

} // namespace nc::doubles
