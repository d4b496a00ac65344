// Those who have called at one address, until it is known who they are.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "os/poller.h"
#include "os/socket.h"

namespace nc {

class Acceptor {
public:
    struct Caller {
        Descriptor connection;
        Address source;              // as the system told it when the connection was accepted
        std::vector<std::byte> said; // the greeting, as far as it has come
        bool has_greeted = false;    // all of it
        Pulse pulse = Pulse::Quiet;  // once it has
    };

    // What callers have to say before they are anybody.
    struct Greeting {
        std::size_t bytes; // 0: nothing, as on MLX's wire
        const char* words; // what it is, for messages
        // Whether one caller alone is expected: who has greeted and left then gives way to the next.
        bool of_one;
        // Whether who has ended its connection without a word, where there is no greeting, may be the one all the same:
        // others may show that it has come. It is kept until somebody else comes; its pulse tells of the end.
        bool may_end_early = false;
    };

    // Told of every caller that is turned away, and why.
    using TurnedAway = std::function<void(const Caller& caller, const std::string& why)>;
    // Why a caller cannot be one of those who are expected; empty if it can.
    using Objection = std::function<std::string(const Caller& caller)>;

    Acceptor(Descriptor listener, const Greeting& greeting, TurnedAway turned_away)
        : listener_(std::move(listener)), greeting_(greeting), turned_away_(std::move(turned_away)) {}

    // Takes in who has called by now, and what they have said. Who breaks its connection, or ends it without a
    // greeting, or without a word where there is none, is turned away: it is nobody (but see may_end_early), or
    // somebody who has given up and may come again. stranger looks at those who have just called, greeted at those who
    // have just said their greeting. Throws Error(NC_SYSTEM_ERROR) if there are no more descriptors.
    void tend(const Objection& stranger, const Objection& greeted);

    // In the order in which they called. Whoever takes one out of it has its connection.
    std::list<Caller>& callers() { return callers_; }
    const std::list<Caller>& callers() const { return callers_; }
    void turn_away(std::list<Caller>::iterator caller, const std::string& why);

    // What is to wake up whoever waits for a caller, or for a word of one.
    void watch(Poller& poller) const;

private:
    // So many are kept until it is known who they are: somebody who calls again and again without a word does not use
    // up all descriptors.
    static constexpr std::size_t most_callers = 64;

    void accept(const Objection& stranger);
    void let_the_departed_give_way();
    std::string hung_up() const;
    // Why there is no more to be expected of the caller; empty if there is.
    std::string listen_to(Caller& caller, const Objection& greeted) const;

    Descriptor listener_;
    Greeting greeting_;
    TurnedAway turned_away_;
    std::list<Caller> callers_;
};

} // namespace nc
