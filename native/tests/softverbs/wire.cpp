#include "softverbs/wire.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace nc::softverbs {
namespace {

constexpr int socket_buffer = 4 << 20;

} // namespace

Wire::Wire(int socket, int poller, std::uint64_t id, int peer)
    : socket_(socket), poller_(poller), id_(id), peer_(peer) {
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket_, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) process_ = credentials.pid;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id_;
    ::epoll_ctl(poller_, EPOLL_CTL_ADD, socket_, &event);
}

Wire::~Wire() {
    ::close(socket_);
}

void Wire::watch(bool writable) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (writable) event.events |= EPOLLOUT;
    event.data.u64 = id_;
    ::epoll_ctl(poller_, EPOLL_CTL_MOD, socket_, &event);
}

// False if the socket is full.
bool Wire::try_send(std::span<const std::byte> first, std::span<const std::byte> second) {
    std::array<iovec, 2> parts{};
    parts[0] = {const_cast<std::byte*>(first.data()), first.size()};
    parts[1] = {const_cast<std::byte*>(second.data()), second.size()};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = second.empty() ? 1 : 2;
    for (;;) {
        if (::sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == ENOBUFS) return false;
        broken_ = true;
        return true;
    }
}

void Wire::send(const Frame& frame, std::span<const std::byte> data) {
    if (broken_) return;
    const auto head = std::as_bytes(std::span(&frame, 1));
    if (kept_.empty() && try_send(head, data)) return;
    std::vector<std::byte> whole(head.begin(), head.end());
    whole.insert(whole.end(), data.begin(), data.end());
    kept_.push_back(std::move(whole));
    if (kept_.size() == 1) watch(true);
}

void Wire::send_kept() {
    while (!kept_.empty() && !broken_) {
        if (!try_send(kept_.front(), {})) return;
        kept_.pop_front();
    }
    if (broken_) kept_.clear();
    watch(false);
}

bool Wire::receive(Frame& frame, std::span<std::byte> buffer, std::size_t& data_bytes, bool& ended) {
    std::array<iovec, 2> parts{};
    parts[0] = {&frame, sizeof frame};
    parts[1] = {buffer.data(), buffer.size()};
    for (;;) {
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const ssize_t count = ::recvmsg(socket_, &message, MSG_DONTWAIT);
        // What the other end sent before it closed without having read all of ours is still there.
        if (count < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
        if (count < 0 && errno == EAGAIN) return false;
        // Nobody but us sends here: a frame that is none is the end as well.
        if (count < static_cast<ssize_t>(sizeof frame)) {
            ended = true;
            return false;
        }
        data_bytes = static_cast<std::size_t>(count) - sizeof frame;
        return true;
    }
}

} // namespace nc::softverbs
