#include "net/tcp_channel.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "backend/error.h"
#include "net/orderly_close.h"

namespace nc {
namespace {

// The most that one system call is asked to move: macOS refuses more than INT_MAX.
constexpr std::size_t largest_transfer = std::size_t{1} << 30;

class TcpChannel final : public Channel {
public:
    explicit TcpChannel(Descriptor connection)
        : connection_(std::move(connection)),
          description_(
              text(Address::local(connection_.get()).text(), " - ", Address::remote(connection_.get()).text())) {
        prepare_connection(connection_);
        reset_on_close(connection_, true);
    }

    Transfer read(void* buffer, std::size_t bytes) override {
        ssize_t moved = 0;
        do {
            moved = ::recv(connection_.get(), buffer, std::min(bytes, largest_transfer), 0);
        } while (moved < 0 && errno == EINTR);
        // An end in order came first, and is all that matters to a reader.
        if (moved < 0 && errno == EPIPE) return ended();
        return outcome(moved);
    }

    Transfer write(const iovec* parts, int count) override {
        ssize_t moved = 0;
        do {
            moved = count == 1 ? ::send(connection_.get(), parts->iov_base, std::min(parts->iov_len, largest_transfer),
                                        send_flags)
                               : write_several(parts, count);
        } while (moved < 0 && errno == EINTR);
        return outcome(moved);
    }

    std::size_t peek(void* buffer, std::size_t bytes) override {
        const ssize_t seen = ::recv(connection_.get(), buffer, bytes, MSG_PEEK);
        return seen > 0 ? static_cast<std::size_t>(seen) : 0;
    }

    int descriptor() const override { return connection_.get(); }

    void expect_exchange() override {
#ifdef TCP_QUICKACK
        // Otherwise Linux answers every small segment with a packet of its own, as nothing goes the other way on a
        // connection that carries one direction of the ring.
        const int off = 0;
        (void)::setsockopt(connection_.get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
#endif
    }

    int failure() override {
        const std::lock_guard lock(failure_mutex_);
        if (failure_ == 0) failure_ = take_error(connection_.get());
        return failure_;
    }

    void close() override {
        if (!connection_.is_open()) return;
        reset_on_close(connection_, false);
        close_in_order(std::move(connection_));
    }

    void reset() override {
        connection_.close();
    }

    const std::string& description() const override {
        return description_;
    }

private:
    // The system tells an error once, to whoever asks first, and then something vaguer: it is kept for the others.
    // Whoever is told the vaguer waits here until the other one has kept it.
    int noted(int error) {
        const std::lock_guard lock(failure_mutex_);
        if (failure_ == 0) failure_ = error;
        return failure_;
    }

    Transfer ended() {
        (void)noted(EPIPE);
        return {Transfer::State::Ended, 0, 0};
    }

    Transfer outcome(ssize_t moved) {
        if (moved > 0) return {Transfer::State::Moved, static_cast<std::size_t>(moved), 0};
        if (moved == 0) return {Transfer::State::Ended, 0, 0};
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {Transfer::State::Blocked, 0, 0};
        return {Transfer::State::Failed, 0, noted(errno)};
    }

    ssize_t write_several(const iovec* parts, int count) const {
        // Whole parts, as many as one call may move.
        std::size_t total = 0;
        int taken = 0;
        while (taken < count && parts[taken].iov_len <= largest_transfer - total) total += parts[taken++].iov_len;
        if (taken == 0) return ::send(connection_.get(), parts->iov_base, largest_transfer, send_flags);
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts); // sendmsg only reads it
        message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(taken);
        return ::sendmsg(connection_.get(), &message, send_flags);
    }

    Descriptor connection_;
    std::mutex failure_mutex_;
    int failure_ = 0;
    const std::string description_;
};

} // namespace

std::unique_ptr<Channel> make_tcp_channel(Descriptor connection) {
    return std::make_unique<TcpChannel>(std::move(connection));
}

} // namespace nc
