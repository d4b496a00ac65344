#include "transport/acceptor.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace nc {

void Acceptor::tend(const Objection& stranger, const Objection& greeted) {
    accept(stranger);
    for (auto caller = callers_.begin(); caller != callers_.end();) {
        const auto looked_at = caller++;
        if (const std::string why = listen_to(*looked_at, greeted); !why.empty()) turn_away(looked_at, why);
    }
    if (greeting_.of_one && callers_.size() > 1) let_the_departed_give_way();
}

// Who has said something and left was perhaps the one who is expected; but it is not any more if another one is there.
// Of those who have left without a word only the last one is kept, while nobody else is there.
void Acceptor::let_the_departed_give_way() {
    Poller poller;
    for (const Caller& caller : callers_) poller.watch(caller.connection.get(), events::peer_ended);
    (void)poller.wait(Clock::now());
    const auto has_left = [&](const Caller& caller) { return poller.events(caller.connection.get()) != 0; };
    const bool somebody_stays = !std::ranges::all_of(callers_, has_left);
    const auto is_mute = [](const Caller& caller) { return caller.pulse == Pulse::Ended; };
    const bool all_mute = std::ranges::all_of(callers_, is_mute);
    for (auto caller = callers_.begin(); caller != callers_.end();) {
        const auto looked_at = caller++;
        if (!looked_at->has_greeted || !has_left(*looked_at)) continue;
        if (is_mute(*looked_at) && greeting_.bytes == 0) {
            if (!all_mute || caller != callers_.end()) turn_away(looked_at, hung_up());
        } else if (somebody_stays) {
            turn_away(looked_at, "it has left, and another one has come");
        }
    }
}

std::string Acceptor::hung_up() const {
    return text("it hung up without ", greeting_.words);
}

void Acceptor::accept(const Objection& stranger) {
    for (Accepted accepted = accept_from(listener_); accepted.connection.is_open(); accepted = accept_from(listener_)) {
        // Whoever is turned away, or meets a rank that fails to form, is to see that.
        reset_on_close(accepted.connection, true);
        callers_.push_back({std::move(accepted.connection), accepted.source, {}, greeting_.bytes == 0, Pulse::Quiet});
        const auto caller = std::prev(callers_.end());
        if (const std::string why = stranger(*caller); !why.empty()) turn_away(caller, why);
        // The one that has waited longest without a greeting gives way.
        if (callers_.size() <= most_callers) continue;
        const auto mute = std::ranges::find(callers_, false, &Caller::has_greeted);
        turn_away(mute == callers_.end() ? callers_.begin() : mute, "it was one of too many");
    }
}

std::string Acceptor::listen_to(Caller& caller, const Objection& greeted) const {
    if (!caller.has_greeted) {
        const std::size_t before = caller.said.size();
        caller.said.resize(greeting_.bytes);
        const Transfer transfer =
            receive_from(caller.connection, caller.said.data() + before, greeting_.bytes - before);
        caller.said.resize(before + transfer.bytes);
        if (transfer.state == Transfer::State::Ended) return hung_up();
        if (transfer.state == Transfer::State::Failed) return "its connection broke";
        if (caller.said.size() < greeting_.bytes) return {};
        caller.has_greeted = true;
        return greeted(caller);
    }
    // What has ended may still be reset.
    const Pulse pulse = probe(caller.connection);
    if (pulse != Pulse::Quiet || caller.pulse == Pulse::Quiet) caller.pulse = pulse;
    if (pulse == Pulse::Broken) return "its connection broke";
    // Who has greeted was there, and may have left since.
    const bool is_nobody = pulse == Pulse::Ended && greeting_.bytes == 0 && !greeting_.may_end_early;
    return is_nobody ? hung_up() : "";
}

void Acceptor::turn_away(std::list<Caller>::iterator caller, const std::string& why) {
    turned_away_(*caller, why);
    callers_.erase(caller);
}

void Acceptor::watch(Poller& poller) const {
    poller.watch(listener_.get(), events::readable);
    for (const Caller& caller : callers_) {
        // An end that is known already would be reported again and again.
        const short known = caller.pulse == Pulse::Quiet ? events::peer_ended : short{0};
        poller.watch(caller.connection.get(), caller.has_greeted ? known : events::readable);
    }
}

} // namespace nc
