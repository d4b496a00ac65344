#include "doubles/nccl/mesh.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "doubles/nccl/library.h"
#include "doubles/nccl/variant.h"

namespace nc::doubles {
namespace {

struct Hello {
    std::int32_t version;
    std::int32_t size;
    std::int32_t rank;
    std::int32_t accepted; // in the answer: whether the caller is who was expected
};

// Nothing tells when a name comes into being: it is called again after this long.
constexpr int again_ms = 1;

struct Name {
    Name(const Identity& identity, int rank) {
        const std::string name = text("nc-double-nccl-", identity.text(), '-', rank);
        address.sun_family = AF_UNIX;
        // A leading zero marks a name that is no file's.
        std::memcpy(address.sun_path + 1, name.data(), name.size());
        length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
    sockaddr_un address{};
    socklen_t length;
};

class Forming {
public:
    Forming(const Identity& identity, int size, int rank, int wake, const std::function<bool()>& stopped)
        : identity_(identity),
          size_(size),
          rank_(rank),
          wake_(wake),
          stopped_(stopped),
          connections_(static_cast<std::size_t>(size)),
          left_(connections_.size()) {}

    std::vector<Descriptor> run() {
        const Descriptor listener = listen();
        for (int peer = 0; peer < rank_; ++peer) connections_[static_cast<std::size_t>(peer)] = call(peer);
        while (missing()) accept(listener);
        return std::move(connections_);
    }

private:
    bool missing() const {
        for (int peer = 0; peer < size_; ++peer) {
            if (peer != rank_ && !connections_[static_cast<std::size_t>(peer)].is_open()) return true;
        }
        return false;
    }

    Descriptor listen() {
        Descriptor socket = open_socket(AF_UNIX);
        const Name name(identity_, rank_);
        if (::bind(socket.get(), name.get(), name.length) != 0) {
            if (errno == EADDRINUSE)
                throw NcclError(ncclInternalError,
                                text("rank ", rank_, " of this unique id is being initialised by somebody else"));
            throw NcclError(ncclSystemError, text("bind: ", system_error_text(errno)));
        }
        if (::listen(socket.get(), size_) != 0)
            throw NcclError(ncclSystemError, text("listen: ", system_error_text(errno)));
        return socket;
    }

    // Waits until the descriptor is ready or some time has passed, and looks meanwhile whether those who are connected
    // live.
    bool wait(int descriptor, short events, int timeout_ms = -1) {
        for (;;) {
            if (stopped_()) throw Stopped{};
            std::vector<pollfd> polled{{wake_, POLLIN, 0}, {descriptor, events, 0}};
            std::vector<int> ranks;
            for (int peer = 0; peer < size_; ++peer) {
                const Descriptor& connection = connections_[static_cast<std::size_t>(peer)];
                if (!connection.is_open() || left_[static_cast<std::size_t>(peer)]) continue;
                polled.push_back({connection.get(), POLLRDHUP, 0});
                ranks.push_back(peer);
            }
            const int ready = ::poll(polled.data(), polled.size(), timeout_ms);
            if (ready < 0 && errno != EINTR) throw NcclError(ncclSystemError, text("poll: ", system_error_text(errno)));
            for (std::size_t i = 0; i < ranks.size(); ++i) {
                if (polled[i + 2].revents != 0) expect_last_words(ranks[i]);
            }
            if (polled[1].revents != 0) return true;
            if (ready == 0) return false;
        }
    }

    // A peer may have formed, done its work and left, all in good order, while this rank still forms; one that says
    // nothing has died.
    void expect_last_words(int peer) {
        char byte = 0;
        if (::recv(connections_[static_cast<std::size_t>(peer)].get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
            left_[static_cast<std::size_t>(peer)] = true;
            return;
        }
        throw NcclError(ncclRemoteError, text("rank ", peer, " died while the communicator was formed"));
    }

    // False if the other side has gone.
    bool receive(const Descriptor& from, Hello& hello) {
        auto* bytes = reinterpret_cast<char*>(&hello);
        std::size_t missing = sizeof hello;
        while (missing > 0) {
            wait(from.get(), POLLIN);
            const ssize_t got = ::recv(from.get(), bytes, missing, 0);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (got <= 0) return false;
            bytes += got;
            missing -= static_cast<std::size_t>(got);
        }
        return true;
    }

    // A new connection has room for it.
    bool send(const Descriptor& to, bool accepted) {
        const Hello hello{nccl_version, size_, rank_, accepted ? 1 : 0};
        return ::send(to.get(), &hello, sizeof hello, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof hello);
    }

    void check(const Hello& hello) const {
        if (hello.version != nccl_version)
            throw NcclError(ncclSystemError, text("rank ", hello.rank, " has version ", hello.version, ", rank ", rank_,
                                                  " has ", nccl_version));
        if (hello.size != size_)
            throw NcclError(ncclInternalError, text("rank ", hello.rank, " expects ", hello.size, " ranks, rank ",
                                                    rank_, " expects ", size_));
    }

    Descriptor call(int peer) {
        const Name name(identity_, peer);
        for (;;) {
            Descriptor socket = open_socket(AF_UNIX);
            if (::connect(socket.get(), name.get(), name.length) != 0) {
                if (errno != ECONNREFUSED && errno != EAGAIN && errno != EINTR)
                    throw NcclError(ncclSystemError, text("connect: ", system_error_text(errno)));
                wait(-1, 0, again_ms);
                continue;
            }
            // Whoever listened for an earlier communicator of this name closes without an answer.
            Hello answer{};
            if (!send(socket, true) || !receive(socket, answer)) {
                wait(-1, 0, again_ms);
                continue;
            }
            check(answer);
            if (answer.accepted == 0)
                throw NcclError(ncclInternalError, text("rank ", peer, " does not accept rank ", rank_));
            return socket;
        }
    }

    void accept(const Descriptor& listener) {
        wait(listener.get(), POLLIN);
        Descriptor socket = accept_from(listener).connection;
        Hello hello{};
        if (!socket.is_open() || !receive(socket, hello)) return;
        const bool fits =
            hello.rank > rank_ && hello.rank < size_ && hello.size == size_ && hello.version == nccl_version;
        // the next communicator of this name: it will call again
        if (fits && connections_[static_cast<std::size_t>(hello.rank)].is_open()) return;
        if (send(socket, fits) && fits) connections_[static_cast<std::size_t>(hello.rank)] = std::move(socket);
        check(hello);
    }

    const Identity identity_;
    const int size_;
    const int rank_;
    const int wake_;
    const std::function<bool()>& stopped_;
    std::vector<Descriptor> connections_;
    std::vector<bool> left_; // ended, with something to read before the end
};

} // namespace

std::vector<Descriptor> form_mesh(const Identity& identity, int size, int rank, int wake,
                                  const std::function<bool()>& stopped) {
    if (size == 1) return std::vector<Descriptor>(1);
    return Forming(identity, size, rank, wake, stopped).run();
}

} // namespace nc::doubles
