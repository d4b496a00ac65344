// Ranks whose connections are recorded: every byte that each puts on each connection, in order.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "bytes.h"
#include "local_ranks.h"
#include "ring/ring_group.h"
#include "transport/tcp_endpoint.h"

namespace nc::test {

inline std::pair<Descriptor, Descriptor> connected_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        throw std::runtime_error("socketpair");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

class RecordingEndpoint final : public Endpoint {
public:
    RecordingEndpoint(std::unique_ptr<Endpoint> inner, Bytes& written) : inner_(std::move(inner)), written_(written) {}

    Transfer read(void* buffer, std::size_t bytes) override { return inner_->read(buffer, bytes); }
    Transfer write(std::span<const ConstBuffer> parts) override {
        const Transfer transfer = inner_->write(parts);
        std::size_t left = transfer.bytes;
        for (const ConstBuffer& part : parts) {
            const std::size_t taken = std::min(left, part.bytes);
            const auto* begin = static_cast<const std::byte*>(part.data);
            written_.insert(written_.end(), begin, begin + taken);
            left -= taken;
        }
        return transfer;
    }
    std::size_t peek(void* buffer, std::size_t bytes) override { return inner_->peek(buffer, bytes); }
    int descriptor() const override { return inner_->descriptor(); }
    int failure() override { return inner_->failure(); }
    void close() override { inner_->close(); }
    void reset() override { inner_->reset(); }
    const std::string& description() const override { return inner_->description(); }

private:
    std::unique_ptr<Endpoint> inner_;
    Bytes& written_;
};

// What one rank has put on its connections to the left and to the right.
struct Written {
    std::vector<Bytes> left;
    std::vector<Bytes> right;
    bool operator==(const Written&) const = default;
};

inline std::vector<Written> nothing_written(int ranks, int sockets) {
    const std::vector<Bytes> none(static_cast<std::size_t>(sockets));
    return std::vector<Written>(static_cast<std::size_t>(ranks), Written{none, none});
}

// What a hostfile might list for ranks that are joined already.
inline ring::RankAddresses loopback_addresses(int ranks, int sockets) {
    const std::vector<HostPort> rank(static_cast<std::size_t>(sockets), HostPort{"127.0.0.1", "1"});
    return ring::RankAddresses({"the test", std::vector<std::vector<HostPort>>(static_cast<std::size_t>(ranks), rank)});
}

class WireRing {
    template <class List>
    static auto& at(List& list, int i) {
        return list[static_cast<std::size_t>(i)];
    }

public:
    // limit: what a connection holds of what was read before an operation asked for it.
    WireRing(int ranks, int sockets, std::size_t limit = ring::read_ahead_limit)
        : limit_(limit), written_(nothing_written(ranks, sockets)) {
        std::vector<ring::Connections> connections(static_cast<std::size_t>(ranks));
        for (int rank = 0; rank < ranks; ++rank) {
            const int right = (rank + 1) % ranks;
            for (std::size_t i = 0; i < static_cast<std::size_t>(sockets); ++i) {
                auto [opened, accepted] = connected_pair();
                at(connections, rank).right.push_back(link(std::move(opened), at(written_, rank).right[i], right));
                at(connections, right).left.push_back(link(std::move(accepted), at(written_, right).left[i], rank));
            }
        }
        nc_backend_options options{};
        options.fault = [](void*, const nc_error*) {};
        const ring::RankAddresses addresses = loopback_addresses(ranks, sockets);
        for (int rank = 0; rank < ranks; ++rank)
            groups_.push_back(
                std::make_unique<ring::RingGroup>(rank, addresses, std::move(at(connections, rank)), options));
    }

    int size() const { return static_cast<int>(groups_.size()); }

    // Runs request_of_rank(rank) on all ranks at once; returns what was written meanwhile.
    template <class Requests>
    std::vector<Written> run(Requests&& request_of_rank, std::int64_t timeout_ms = ample_ms) {
        for (Written& written : written_) {
            for (Bytes& bytes : written.left) bytes.clear();
            for (Bytes& bytes : written.right) bytes.clear();
        }
        std::vector<std::string> failures(groups_.size());
        on_all_ranks(size(), [&](int rank) {
            try {
                const nc_request request = request_of_rank(rank);
                const auto deadline = deadline_after(timeout_ms).time_since_epoch();
                const nc_call call{std::chrono::duration_cast<std::chrono::nanoseconds>(deadline).count(), timeout_ms,
                                   1, nullptr, nullptr};
                at(groups_, rank)->execute(request, call);
            } catch (const std::exception& failure) {
                at(failures, rank) = failure.what();
            }
        });
        for (const std::string& failure : failures) {
            if (!failure.empty()) throw std::runtime_error(failure);
        }
        return written_;
    }

private:
    std::unique_ptr<ring::Link> link(Descriptor end, Bytes& written, int peer) const {
        auto endpoint = std::make_unique<RecordingEndpoint>(make_tcp_endpoint(std::move(end)), written);
        return std::make_unique<ring::Link>(std::move(endpoint), peer, limit_);
    }

    const std::size_t limit_;
    std::vector<Written> written_;
    std::vector<std::unique_ptr<ring::RingGroup>> groups_;
};

} // namespace nc::test
