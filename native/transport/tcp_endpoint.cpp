#include "transport/tcp_endpoint.h"

#include <cerrno>
#include <mutex>

#include "base/error.h"
#include "transport/orderly_close.h"
#include "transport/silence.h"

namespace nc {
namespace {

// Within a host the system would take megabytes at once, more than a core's cache holds, and both copies would go to
// memory and back. With so many bytes on their way, 16 MiB take half the processor time; with a quarter of it, more.
constexpr int most_within_host = 256 * 1024;

bool is_within_host(const Address& own, const Address& peer) {
    return own.same_host(peer) || (own.is_loopback() && peer.is_loopback());
}

class TcpEndpoint final : public Endpoint {
public:
    TcpEndpoint(Descriptor connection, const Address& own, const Address& peer)
        : connection_(std::move(connection)), description_(text(own.text(), " - ", peer.text())) {
        prepare_connection(connection_);
        if (is_within_host(own, peer)) limit_unreceived(connection_, most_within_host);
        reset_on_close(connection_, true);
    }

    Transfer read(void* buffer, std::size_t bytes) override {
        const Transfer transfer = receive_from(connection_, buffer, bytes);
        // An end in order came first, and is all that matters to a reader.
        if (transfer.system_error != EPIPE) return outcome(transfer);
        (void)noted(EPIPE);
        return {Transfer::State::Ended, 0, 0};
    }

    Transfer write(std::span<const ConstBuffer> parts) override { return outcome(send_to(connection_, parts)); }

    std::size_t peek(void* buffer, std::size_t bytes) override { return peek_at(connection_, buffer, bytes); }

    int descriptor() const override { return connection_.get(); }

    void expect_exchange() override { delay_acknowledgements(connection_); }

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

    void reset() override { connection_.close(); }

    const std::string& description() const override { return description_; }

private:
    // The system tells an error once, to whoever asks first, and then something vaguer: it is kept for the others.
    // Whoever is told the vaguer waits here until the other one has kept it.
    int noted(int error) {
        const std::lock_guard lock(failure_mutex_);
        if (failure_ == 0) failure_ = error;
        return failure_;
    }

    Transfer outcome(const Transfer& transfer) {
        if (transfer.state != Transfer::State::Failed) return transfer;
        return {Transfer::State::Failed, 0, noted(transfer.system_error)};
    }

    Descriptor connection_;
    std::mutex failure_mutex_;
    int failure_ = 0;
    const std::string description_;
};

} // namespace

std::unique_ptr<Endpoint> make_tcp_endpoint(Descriptor connection) {
    const Address own = Address::local(connection.get());
    const Address peer = Address::remote(connection.get());
    return std::make_unique<TcpEndpoint>(std::move(connection), own, peer);
}

} // namespace nc
