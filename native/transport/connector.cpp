#include "transport/connector.h"

#include <algorithm>
#include <cerrno>

#include "transport/silence.h"

namespace nc {

int Connector::step() {
    int error = 0;
    if (state_ == State::Trying) {
        Poller poller;
        poller.watch(connection_.get(), events::writable);
        if (poller.wait(Clock::now())) {
            error = take_error(connection_.get());
            if (error == 0) error = finish();
        } else if (Clock::now() >= next_step_) {
            error = ETIMEDOUT;
        }
    } else if (state_ == State::Pausing && Clock::now() >= next_step_) {
        error = attempt();
    }
    if (error != 0) lose(error);
    return error;
}

int Connector::attempt() {
    connection_ = open_socket(address_.family());
    // Whoever meets a rank that fails to form is to see that.
    reset_on_close(connection_, true);
    const int error = connect_to(connection_, address_);
    if (error == 0) return finish();
    if (error != EINPROGRESS) return error;
    state_ = State::Trying;
    next_step_ = Clock::now() + backoff_.attempt;
    return 0;
}

int Connector::finish() {
    if (is_connected_to_itself(connection_)) return ECONNREFUSED;
    prepare_connection(connection_);
    if (!greeting_.empty() && send_to(connection_, greeting_.data(), greeting_.size()).bytes != greeting_.size())
        return ECONNRESET;
    state_ = State::Connected;
    pulse_ = Pulse::Quiet;
    // Who ends one connection after the other is not called ever faster.
    if (!doubted_.is_open()) pause_ = backoff_.first;
    return 0;
}

Pulse Connector::look() {
    pulse_ = probe(connection_);
    return pulse_;
}

void Connector::doubt() {
    doubted_ = std::move(connection_);
    has_failed_since_ = false;
    pause();
}

void Connector::lose(int error) {
    connection_.close();
    has_failed_since_ = true;
    fails_anew_ = error != last_error_;
    last_error_ = error;
    pause();
}

void Connector::pause() {
    state_ = State::Pausing;
    next_step_ = Clock::now() + pause_;
    pause_ = std::min(pause_ * 2, backoff_.longest);
}

void Connector::watch(Poller& poller) const {
    if (!connection_.is_open()) return;
    // An end that is known already would be reported again and again.
    const short known = pulse_ == Pulse::Quiet ? events::peer_ended : short{0};
    poller.watch(connection_.get(), is_settled() ? known : events::writable);
}

Deadline Connector::next_step() const {
    return state_ == State::Connected ? Deadline::max() : next_step_;
}

} // namespace nc
