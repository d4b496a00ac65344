// Making the connections: peers that are late or never come, strangers at the door, and everything else that may call.
#include "ring/forming.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "enqueued.h"
#include "raw_peer.h"

namespace nc::ring {
namespace NC_FILE {

using test::accept_one;
using test::ample_ms;
using test::connect_when_open;
using test::Flag;
using test::loopback;
using test::milliseconds_of;
using test::on_all_ranks;
using test::receive_all;
using test::ReservedPorts;
using test::send_all;
using test::soon_ms;

// Collects a rank's log, and lets others wait for a message.
class LogBook {
public:
    Log log() {
        return Log(
            [](void* context, nc_log_level, const char* message) { static_cast<LogBook*>(context)->add(message); },
            this);
    }
    // Waits until it has been said so often.
    bool wait_for(const std::string& part, std::int64_t timeout_ms = ample_ms, int times = 1) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, deadline_after(timeout_ms), [&] { return count(part) >= times; });
    }

private:
    int count(const std::string& part) const {
        int found = 0;
        for (auto at = messages_.find(part); at != std::string::npos; at = messages_.find(part, at + 1)) ++found;
        return found;
    }
    void add(const char* message) {
        const std::lock_guard lock(mutex_);
        messages_ += std::string(message) + '\n';
        changed_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string messages_;
};

FormingPlan plan_of(const ReservedPorts& ports, int rank, int ranks, int sockets, std::int64_t timeout_ms = ample_ms) {
    const auto s = static_cast<std::size_t>(sockets);
    const auto of = [&](int r) { return ports.range(static_cast<std::size_t>((r + ranks) % ranks) * s, s); };
    FormingPlan plan;
    plan.source = "the test";
    plan.rank = rank;
    plan.size = ranks;
    plan.own = of(rank);
    plan.left = of(rank - 1);
    plan.right = of(rank + 1);
    plan.patience = Patience::of(timeout_ms);
    return plan;
}

void say(Link& link, char byte) {
    const ConstBuffer part{&byte, 1};
    EXPECT_EQ(link.write({&part, 1}).bytes, 1U);
}

char hear(Link& link) {
    char byte = 0;
    EXPECT_TRUE(test::ready(link.endpoint().descriptor(), POLLIN));
    EXPECT_EQ(link.read(&byte, 1).state, Transfer::State::Moved);
    return byte;
}

// Forms the ring as rank 0 of so many, with a connection to each neighbour, and hears what the left one says.
void expect_to_hear(char word, const ReservedPorts& ports, int ranks, LogBook& book,
                    std::atomic<bool>* formed = nullptr) {
    FormingPlan plan = plan_of(ports, 0, ranks, 1);
    plan.log = book.log();
    const Connections connections = form_ring(std::move(plan));
    if (formed != nullptr) *formed = true;
    EXPECT_EQ(hear(*connections.left[0]), word);
}

// Every rank says who it is on every connection to the right, and checks who is on the left.
void expect_ring(std::vector<Connections>& connections) {
    const std::size_t n = connections.size();
    for (const Connections& each : connections) ASSERT_FALSE(each.left.empty()) << "not formed";
    for (std::size_t r = 0; r < n; ++r) {
        for (std::size_t i = 0; i < connections[r].right.size(); ++i)
            say(*connections[r].right[i], static_cast<char>(r * 16 + i));
    }
    for (std::size_t r = 0; r < n; ++r) {
        ASSERT_EQ(connections[r].left.size(), connections[r].right.size());
        for (std::size_t i = 0; i < connections[r].left.size(); ++i) {
            const std::size_t left = (r + n - 1) % n;
            EXPECT_EQ(hear(*connections[r].left[i]), static_cast<char>(left * 16 + i));
            EXPECT_EQ(connections[r].left[i]->peer(), static_cast<int>(left));
            EXPECT_EQ(connections[r].right[i]->peer(), static_cast<int>((r + 1) % n));
        }
    }
}

Error failure_of(FormingPlan plan) {
    try {
        (void)form_ring(std::move(plan));
    } catch (const Error& error) {
        return error;
    }
    return {NC_OK, "it formed"};
}

TEST(Forming, ConnectsEveryAddressToItsOwn) {
    for (const auto& [n, s] : {std::pair(2, 1), std::pair(2, 3), std::pair(3, 2), std::pair(5, 1), std::pair(8, 2)}) {
        const ReservedPorts ports(static_cast<std::size_t>(n * s));
        std::vector<Connections> connections(static_cast<std::size_t>(n));
        on_all_ranks(
            n, [&](int rank) { connections[static_cast<std::size_t>(rank)] = form_ring(plan_of(ports, rank, n, s)); });
        expect_ring(connections);
    }
}

TEST(Forming, WaitsForALatePeer) {
    const ReservedPorts ports(4);
    LogBook book;
    std::vector<Connections> connections(2);
    on_all_ranks(2, [&](int rank) {
        FormingPlan plan = plan_of(ports, rank, 2, 2);
        if (rank == 0) plan.log = book.log();
        if (rank == 1) {
            EXPECT_TRUE(book.wait_for("is not there yet"));
        }
        connections[static_cast<std::size_t>(rank)] = form_ring(std::move(plan));
    });
    expect_ring(connections);
}

TEST(Forming, TurnsAwayAStrangerAndGoesOn) {
    const ReservedPorts ports(2);
    LogBook book;
    std::vector<Connections> connections(2);
    Descriptor stranger;
    on_all_ranks(3, [&](int rank) {
        if (rank == 2) {
            stranger = connect_when_open(ports[0], loopback(0, "127.0.0.9"));
            EXPECT_TRUE(stranger.is_open());
            return;
        }
        FormingPlan plan = plan_of(ports, rank, 2, 1);
        if (rank == 0) plan.log = book.log();
        if (rank == 1) {
            EXPECT_TRUE(book.wait_for("turned away a connection from 127.0.0.9"));
        }
        connections[static_cast<std::size_t>(rank)] = form_ring(std::move(plan));
    });
    expect_ring(connections);
}

TEST(Forming, NamesStrangersWhenThePeerNeverComes) {
    const ReservedPorts ports(2);
    Error error(NC_OK, "");
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            error = failure_of(plan_of(ports, 0, 2, 1, 1000));
        } else {
            char byte = 0;
            const Descriptor stranger = connect_when_open(ports[0], loopback(0, "127.0.0.9"));
            EXPECT_FALSE(receive_all(stranger, &byte, 1)) << "it is turned away";
        }
    });
    EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
    EXPECT_NE(std::string(error.what()).find("turned away 127.0.0.9"), std::string::npos) << error.what();
}

TEST(Forming, SaysWhichPortIsInUse) {
    const ReservedPorts ports(2);
    const Descriptor taken = listen_on(ports[0], 1);
    const Error error = failure_of(plan_of(ports, 0, 2, 1));
    EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(error.system_error, EADDRINUSE);
    for (const std::string& part :
         {std::string("the test"), std::string("rank 0"), ports[0].text(), std::string("in use")}) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
}

TEST(Forming, SaysWhichAddressIsNotOfThisMachine) {
    const ReservedPorts ports(2);
    FormingPlan plan = plan_of(ports, 1, 2, 1);
    plan.own[0] = loopback(5000, "192.0.2.1");
    const Error error = failure_of(std::move(plan));
    EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(error.system_error, EADDRNOTAVAIL);
    EXPECT_NE(std::string(error.what()).find("192.0.2.1:5000"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("rank 1"), std::string::npos) << error.what();
}

TEST(Forming, EndsAtItsDeadlineAndSaysWhoIsMissing) {
    const ReservedPorts ports(6);
    Error error(NC_OK, "");
    EXPECT_LT(milliseconds_of([&] { error = failure_of(plan_of(ports, 1, 3, 2, 300)); }), 300 + soon_ms);
    EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(error.peer, 0);
    const std::string message = error.what();
    for (const std::string& part : {std::string("rank 1 of 3"), std::string("300 ms"),
                                    "rank 0 did not connect to this rank's address " + ports[2].text(), ports[3].text(),
                                    "rank 2 did not answer at " + ports[4].text()}) {
        EXPECT_NE(message.find(part), std::string::npos) << message << "\n lacks " << part;
    }
}

TEST(Forming, IsCancelled) {
    const ReservedPorts ports(2);
    std::int32_t cancel = 0;
    LogBook book;
    FormingPlan plan = plan_of(ports, 0, 2, 1);
    plan.patience.cancellation = Cancellation(&cancel);
    plan.log = book.log();
    Error error(NC_OK, "");
    std::thread forming([&] { error = failure_of(std::move(plan)); });
    EXPECT_TRUE(book.wait_for("is not there yet"));
    __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
    EXPECT_LT(milliseconds_of([&] { forming.join(); }), soon_ms);
    EXPECT_EQ(error.status, NC_CANCELLED);
}

TEST(Forming, PrefersALiveCallerToOneThatHungUpWithoutAWord) {
    const ReservedPorts ports(2);
    LogBook book;
    Flag hung_up;
    std::vector<Connections> connections(2);
    on_all_ranks(3, [&](int rank) {
        if (rank == 2) {
            const Descriptor silent = connect_when_open(ports[0]);
            ::shutdown(silent.get(), SHUT_WR);
            hung_up.set();
            EXPECT_TRUE(book.wait_for("hung up without a word"));
            return;
        }
        FormingPlan plan = plan_of(ports, rank, 2, 1);
        if (rank == 0) plan.log = book.log();
        if (rank == 1) {
            EXPECT_TRUE(hung_up.wait());
            EXPECT_TRUE(book.wait_for("called at"));
        }
        connections[static_cast<std::size_t>(rank)] = form_ring(std::move(plan));
    });
    expect_ring(connections);
}

// A port probe, say. It is turned away at once, and the neighbour is waited for, also when nothing else lacks.
TEST(Forming, ACallerThatHangsUpWithoutAWordIsNeverTheNeighbour) {
    const ReservedPorts ports(3);
    LogBook book;
    std::atomic<bool> formed{false};
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            expect_to_hear('x', ports, 3, book, &formed);
        } else {
            const Descriptor silent = connect_when_open(ports[0]);
            ::shutdown(silent.get(), SHUT_WR);
            EXPECT_TRUE(book.wait_for("hung up without a word"));
            char byte = 0;
            EXPECT_FALSE(receive_all(silent, &byte, 1)) << "it is turned away";
            // Only now: a caller is quiet before it has hung up.
            const Descriptor right = listen_on(ports[1], 4);
            const Descriptor accepted = accept_one(right);
            EXPECT_FALSE(formed);
            const Descriptor neighbour = connect_when_open(ports[0]);
            send_all(neighbour, "x", 1);
            EXPECT_TRUE(test::ready(accepted.get(), POLLIN)) << "the other side ends";
        }
    });
    EXPECT_TRUE(formed);
}

// Of two ranks each is all that the other waits for: one that has formed may have left before the other looks.
TEST(Forming, TheOnlyOtherRankMayHaveComeAndLeftWithoutAWord) {
    const ReservedPorts ports(2);
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            const Connections connections = form_ring(plan_of(ports, 0, 2, 1));
            EXPECT_EQ(connections.left.size(), 1U);
        } else {
            const Descriptor left = connect_when_open(ports[0]);
            ::shutdown(left.get(), SHUT_WR);
            Descriptor listener = listen_on(ports[1], 4);
            const Descriptor right = accept_one(listener);
            listener.close();
            ::shutdown(right.get(), SHUT_WR);
            EXPECT_TRUE(test::ready(left.get(), POLLIN)) << "the other side ends";
        }
    });
}

// But a probe that hangs up is not that rank.
TEST(Forming, OfTwoRanksACallerThatHangsUpGivesWayToTheOther) {
    const ReservedPorts ports(2);
    LogBook book;
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            expect_to_hear('x', ports, 2, book);
        } else {
            const Descriptor silent = connect_when_open(ports[0]);
            ::shutdown(silent.get(), SHUT_WR);
            EXPECT_TRUE(book.wait_for("called at"));
            const Descriptor right = listen_on(ports[1], 4);
            const Descriptor accepted = accept_one(right);
            const Descriptor neighbour = connect_when_open(ports[0]);
            send_all(neighbour, "x", 1);
            EXPECT_TRUE(test::ready(accepted.get(), POLLIN)) << "the other side ends";
        }
    });
    EXPECT_TRUE(book.wait_for("hung up without a word"));
}

TEST(Forming, ANeighbourThatWasStartedAgainTakesItsPlace) {
    const ReservedPorts ports(2);
    LogBook book;
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            expect_to_hear('y', ports, 2, book);
        } else {
            const Descriptor first = connect_when_open(ports[0]);
            send_all(first, "x", 1);
            ::shutdown(first.get(), SHUT_WR);
            const Descriptor second = connect_when_open(ports[0]);
            send_all(second, "y", 1);
            EXPECT_TRUE(book.wait_for("it has left, and another one has come"));
            const Descriptor right = listen_on(ports[1], 4);
            const Descriptor accepted = accept_one(right);
            EXPECT_TRUE(test::ready(accepted.get(), POLLIN)) << "the other side ends";
        }
    });
}

// The same for the neighbour that is called: as MLX's, it ends its connections in order when it is stopped.
TEST(Forming, ARightNeighbourThatWasStartedAgainIsCalledAgain) {
    const ReservedPorts ports(2);
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            const Connections connections = form_ring(plan_of(ports, 0, 2, 1));
            EXPECT_EQ(hear(*connections.right[0]), 'z');
        } else {
            {
                const Descriptor first = listen_on(ports[1], 4);
                const Descriptor stopped = accept_one(first);
                ::shutdown(stopped.get(), SHUT_WR);
                char byte = 0;
                const Descriptor accepted = accept_one(first);
                ::shutdown(accepted.get(), SHUT_WR);
                EXPECT_FALSE(receive_all(stopped, &byte, 1)) << "it is given up for another one";
            }
            const Descriptor second = listen_on(ports[1], 4);
            const Descriptor accepted = accept_one(second);
            send_all(accepted, "z", 1);
            const Descriptor left = connect_when_open(ports[0]);
            EXPECT_TRUE(test::ready(accepted.get(), POLLIN)) << "the other side ends";
        }
    });
}

// One that only reads from now on, or has left: that is found out by whoever needs it. A second connection that was
// taken by the system alone, and reset, is none.
TEST(Forming, ARightNeighbourThatHasEndedAndListensNoMoreIsKept) {
    const ReservedPorts ports(2);
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            const Connections connections = form_ring(plan_of(ports, 0, 2, 1));
            say(*connections.right[0], 'a');
        } else {
            Descriptor listener = listen_on(ports[1], 4);
            const Descriptor accepted = accept_one(listener);
            ::shutdown(accepted.get(), SHUT_WR);
            EXPECT_TRUE(test::ready(listener.get(), POLLIN)) << "called again";
            listener.close();
            const Descriptor left = connect_when_open(ports[0]);
            char byte = 0;
            EXPECT_TRUE(receive_all(accepted, &byte, 1));
            EXPECT_EQ(byte, 'a');
        }
    });
}

TEST(Forming, TakesACallerThatHasSentAndLeft) {
    const ReservedPorts ports(2);
    const Descriptor right = listen_on(ports[1], 4);
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            const Connections connections = form_ring(plan_of(ports, 0, 2, 1));
            EXPECT_EQ(hear(*connections.left[0]), 'x');
        } else {
            const Descriptor caller = connect_when_open(ports[0]);
            send_all(caller, "x", 1);
            ::shutdown(caller.get(), SHUT_WR);
            const Descriptor accepted = accept_one(right);
            char byte = 0;
            EXPECT_FALSE(receive_all(accepted, &byte, 1));
        }
    });
}

// A neighbour whose last word is short says it on one connection, and may end all of them at once.
TEST(Forming, WhoHasSpokenMayHaveEndedAnotherConnectionWithoutAWord) {
    const ReservedPorts ports(4);
    const std::array<Descriptor, 2> right{listen_on(ports[2], 4), listen_on(ports[3], 4)};
    LogBook book;
    std::atomic<bool> formed{false};
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            FormingPlan plan = plan_of(ports, 0, 2, 2);
            plan.log = book.log();
            const Connections connections = form_ring(std::move(plan));
            formed = true;
            EXPECT_EQ(hear(*connections.left[0]), 'x');
        } else {
            const std::array<Descriptor, 2> accepted{accept_one(right[0]), accept_one(right[1])};
            // As a port probe does, which is not the neighbour; but who speaks shows that it has come.
            const Descriptor probe = connect_when_open(ports[1]);
            ::shutdown(probe.get(), SHUT_WR);
            const Descriptor second = connect_when_open(ports[1]);
            ::shutdown(second.get(), SHUT_WR);
            EXPECT_TRUE(book.wait_for("hung up without a word"));
            EXPECT_FALSE(formed);
            const Descriptor first = connect_when_open(ports[0]);
            send_all(first, "x", 1);
            ::shutdown(first.get(), SHUT_WR);
            EXPECT_TRUE(test::ready(accepted[0].get(), POLLIN)) << "the other side ends";
        }
    });
    EXPECT_TRUE(formed);
}

TEST(Forming, CannotTellTwoLiveCallersApartAndNamesBoth) {
    const ReservedPorts ports(2);
    Error error(NC_OK, "");
    LogBook book;
    std::string first;
    std::string second;
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            FormingPlan plan = plan_of(ports, 0, 2, 1);
            plan.log = book.log();
            error = failure_of(std::move(plan));
            return;
        }
        const Descriptor one = connect_when_open(ports[0]);
        const Descriptor two = connect_when_open(ports[0]);
        first = Address::local(one.get()).text();
        second = Address::local(two.get()).text();
        EXPECT_TRUE(book.wait_for(first + " called"));
        EXPECT_TRUE(book.wait_for(second + " called"));
        // Only now is the ring complete.
        const Descriptor listener = listen_on(ports[1], 1);
        const Descriptor accepted = accept_one(listener);
        char byte = 0;
        EXPECT_FALSE(receive_all(one, &byte, 1));
        EXPECT_FALSE(receive_all(two, &byte, 1));
    });
    EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(error.peer, 1);
    EXPECT_NE(std::string(error.what()).find(first), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(second), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(ports[0].text()), std::string::npos) << error.what();
}

TEST(Forming, SurvivesConnectionsThatAreResetOnEitherSide) {
    const ReservedPorts ports(2);
    LogBook book;
    std::vector<Connections> connections(2);
    on_all_ranks(2, [&](int rank) {
        FormingPlan plan = plan_of(ports, rank, 2, 1);
        if (rank == 0) plan.log = book.log();
        if (rank == 1) {
            // As earlier incarnations of rank 1 that failed do it; one side after the other, as both at once would be a
            // ring.
            {
                const Descriptor caller = connect_when_open(ports[0]);
                EXPECT_TRUE(book.wait_for("called at"));
                reset_on_close(caller, true);
            }
            EXPECT_TRUE(book.wait_for("its connection broke"));
            {
                const Descriptor listener = listen_on(ports[1], 1);
                const Descriptor accepted = accept_one(listener);
                EXPECT_TRUE(book.wait_for("connected to"));
                reset_on_close(accepted, true);
            }
            EXPECT_TRUE(book.wait_for("broke the connection"));
        }
        connections[static_cast<std::size_t>(rank)] = form_ring(std::move(plan));
    });
    expect_ring(connections);
}

// Whenever the reset arrives: one that is overlooked would count as a neighbour that has nothing to say.
TEST(Forming, NoticesEveryCallerThatIsReset) {
    const ReservedPorts ports(2);
    std::int32_t cancel = 0;
    LogBook book;
    FormingPlan plan = plan_of(ports, 0, 2, 1);
    plan.patience.cancellation = Cancellation(&cancel);
    plan.log = book.log();
    std::thread forming([&] { EXPECT_EQ(failure_of(std::move(plan)).status, NC_CANCELLED); });
    for (int round = 0; round < 300; ++round) {
        Descriptor caller = connect_when_open(ports[0]);
        const std::string source = Address::local(caller.get()).text();
        EXPECT_TRUE(book.wait_for(source + " called"));
        reset_on_close(caller, true);
        caller.close();
        const bool noticed =
            book.wait_for(text("from ", source, " to ", ports[0].text(), ": its connection broke"), soon_ms);
        EXPECT_TRUE(noticed) << "round " << round;
        if (!noticed) break;
    }
    __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
    forming.join();
}

TEST(Forming, WithPasswordsTellsCallersApart) {
    const ReservedPorts ports(2);
    const Password passwords[2] = {{1, 2, 3}, {4, 5, 6}};
    LogBook book;
    Flag all_have_called;
    std::vector<Connections> connections(2);
    on_all_ranks(3, [&](int rank) {
        if (rank == 2) {
            const Descriptor wrong = connect_when_open(ports[0]);
            send_all(wrong, passwords[1].data(), 16);
            EXPECT_TRUE(book.wait_for("does not know the password"));
            const Descriptor silent = connect_when_open(ports[0]);
            ::shutdown(silent.get(), SHUT_WR);
            EXPECT_TRUE(book.wait_for("hung up without the password"));
            const Descriptor half = connect_when_open(ports[0]);
            send_all(half, passwords[0].data(), 8);
            ::shutdown(half.get(), SHUT_WR);
            EXPECT_TRUE(book.wait_for("hung up without the password", ample_ms, 2));
            all_have_called.set();
            return;
        }
        FormingPlan plan = plan_of(ports, rank, 2, 1);
        plan.own_password = passwords[rank];
        plan.right_password = passwords[1 - rank];
        if (rank == 0) plan.log = book.log();
        if (rank == 1) {
            // Nobody is to find the ring formed and the port closed.
            EXPECT_TRUE(all_have_called.wait());
        }
        connections[static_cast<std::size_t>(rank)] = form_ring(std::move(plan));
    });
    expect_ring(connections);
}

TEST(Forming, WithPasswordsEndsAtItsDeadlineAlsoIfSomebodySitsThereSilently) {
    const ReservedPorts ports(2);
    Error error(NC_OK, "");
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            FormingPlan plan = plan_of(ports, 0, 2, 1, 500);
            plan.own_password = Password{1};
            plan.right_password = Password{2};
            error = failure_of(std::move(plan));
        } else {
            const Descriptor silent = connect_when_open(ports[0]);
            char byte = 0;
            EXPECT_FALSE(receive_all(silent, &byte, 1));
        }
    });
    EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED) << error.what();
}

// ---- through the core: ranks with hostfiles of their own ----

class RanksWithHostfiles : public test::FormedRanks {
public:
    explicit RanksWithHostfiles(const std::vector<std::string>& hosts) : FormedRanks(static_cast<int>(hosts.size())) {
        form([&](int rank, nc_group** group, nc_error* error) {
            const test::RingOptions options(rank, hosts[static_cast<std::size_t>(rank)]);
            return nc_group_create(&options.options, group, error);
        });
    }
};

std::string hostfile_of(const std::vector<std::string>& addresses) {
    std::string json = "[";
    for (const std::string& address : addresses) json += text(json.size() > 1 ? "," : "", "[\"", address, "\"]");
    return json + "]";
}

// For each rank a hostfile in which it listens on own, knows its neighbours, and knows of others only what unknown
// says.
std::vector<std::string> neighbours_only(const ReservedPorts& ports, std::size_t ranks, const std::string& own,
                                         const std::string& unknown) {
    std::vector<std::string> files;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        std::vector<std::string> addresses(ranks, unknown);
        addresses[(rank + 1) % ranks] = ports[(rank + 1) % ranks].text();
        addresses[(rank + ranks - 1) % ranks] = ports[(rank + ranks - 1) % ranks].text();
        addresses[rank] = text(own, ':', ports[rank].port());
        files.push_back(hostfile_of(addresses));
    }
    return files;
}

nc_status split(nc_group* group, int color, test::GroupPointer& part, std::string& message) {
    nc_group* made = nullptr;
    nc_request request = test::request_of(NC_SPLIT);
    request.color = color;
    request.key = -1;
    request.new_group = &made;
    const test::Outcome outcome = test::execute(group, request);
    part.reset(made);
    message = outcome.message();
    return outcome.status;
}

void expect_to_work_but_for_splits(RanksWithHostfiles& ranks, const std::string& unknown) {
    ranks.each([&](int rank, nc_group* group) {
        EXPECT_EQ(test::all_sum_works(group).status, NC_OK);
        test::GroupPointer part;
        std::string message;
        // Neighbours know each other.
        EXPECT_EQ(split(group, rank / 2, part, message), NC_OK) << message;
        EXPECT_EQ(test::all_sum_works(part.get()).status, NC_OK);
        // Rank 1 would have to call rank 3.
        EXPECT_EQ(split(group, rank == 2 ? 1 : 0, part, message), rank == 2 ? NC_OK : NC_RENDEZVOUS_FAILED) << message;
        if (rank == 1) {
            EXPECT_NE(message.find("rank 3: '" + unknown + "'"), std::string::npos) << message;
            EXPECT_NE(message.find("split into color 0"), std::string::npos) << message;
        }
        EXPECT_EQ(test::all_sum_works(group).status, NC_OK) << "all ranks are in step: the old group goes on";
        EXPECT_EQ(split(group, rank % 2, part, message), NC_RENDEZVOUS_FAILED);
        EXPECT_NE(message.find(text("rank ", (rank + 2) % 4, ": '", unknown, "'")), std::string::npos) << message;
        EXPECT_EQ(test::all_sum_works(group).status, NC_OK);
    });
}

TEST(FormingFromHostfiles, NeedsNoPortOfRanksThatAreNoNeighbours) {
    const ReservedPorts ports(4);
    RanksWithHostfiles ranks(neighbours_only(ports, 4, "0.0.0.0", "198.51.100.1:0"));
    expect_to_work_but_for_splits(ranks, "198.51.100.1:0");
}

TEST(FormingFromHostfiles, NeedsNoNameOfRanksThatAreNoNeighbours) {
    // The empty label keeps the test from waiting for a name server.
    const ReservedPorts ports(4);
    RanksWithHostfiles ranks(neighbours_only(ports, 4, "127.0.0.1", "not-a-neighbour..invalid:5000"));
    expect_to_work_but_for_splits(ranks, "not-a-neighbour..invalid:5000");
}

test::Outcome outcome_of(int rank, const std::string& hosts, std::int64_t timeout_ms = ample_ms,
                         LogBook* book = nullptr) {
    test::RingOptions options(rank, hosts);
    options.options.forming_timeout_ms = timeout_ms;
    if (book != nullptr) {
        const Log log = book->log();
        options.options.log = log.callback();
        options.options.log_context = log.context();
    }
    nc_group* group = nullptr;
    test::Outcome outcome;
    outcome.status = nc_group_create(&options.options, &group, &outcome.error);
    nc_group_destroy(group);
    return outcome;
}

TEST(FormingFromHostfiles, NeedsThoseOfItselfAndItsNeighbours) {
    for (int zero = 0; zero < 3; ++zero) {
        std::vector<std::string> addresses{"127.0.0.1:17000", "127.0.0.1:17001", "127.0.0.1:17002", "127.0.0.1:17003"};
        addresses[static_cast<std::size_t>(zero)] = "192.0.2.1:0";
        const test::Outcome outcome = outcome_of(1, hostfile_of(addresses));
        EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
        EXPECT_NE(outcome.message().find(text("rank ", zero, ": '192.0.2.1:0' has port 0")), std::string::npos)
            << outcome.message();
    }
}

TEST(FormingFromHostfiles, TellsTheLogOfUnknownRanksOnce) {
    LogBook book;
    (void)outcome_of(
        0, hostfile_of({"192.0.2.1:5000", "192.0.2.2:5000", "198.51.100.1:0", "198.51.100.1:0", "192.0.2.5:5000"}),
        ample_ms, &book);
    EXPECT_TRUE(book.wait_for(
        "has no port for rank 2 ('198.51.100.1:0'), rank 3 ('198.51.100.1:0'); they are no neighbours", 0));
}

bool has_ipv6() {
    try {
        (void)listen_on(resolve({"::1", "0"}, deadline_after(ample_ms)), 1);
        return true;
    } catch (const Error&) {
        return false;
    }
}

TEST(FormingFromHostfiles, AllIPv6AddressesHearANeighbourOverIPv4) {
    if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
    const ReservedPorts ports(3);
    const std::string any = text("[::]:", ports[0].port());
    RanksWithHostfiles ranks({hostfile_of({any, ports[1].text(), ports[2].text()}),
                              hostfile_of({ports[0].text(), ports[1].text(), ports[2].text()}),
                              hostfile_of({ports[0].text(), ports[1].text(), ports[2].text()})});
    ranks.each([&](int, nc_group* group) {
        EXPECT_EQ(test::all_sum_works(group).status, NC_OK);
        test::GroupPointer part;
        std::string message;
        EXPECT_EQ(split(group, 0, part, message), NC_OK) << message;
        EXPECT_EQ(test::all_sum_works(part.get()).status, NC_OK);
    });
}

TEST(FormingFromHostfiles, AStrangerOverIPv4IsKnownAtAllIPv6Addresses) {
    if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
    const ReservedPorts ports(2);
    LogBook book;
    test::Outcome outcome;
    on_all_ranks(2, [&](int who) {
        if (who == 0) {
            outcome = outcome_of(0, hostfile_of({text("[::]:", ports[0].port()), ports[1].text()}),
                                 700 * test::slowness, &book);
        } else {
            const Descriptor stranger = connect_when_open(ports[0], loopback(0, "127.0.0.9"));
            EXPECT_TRUE(book.wait_for("turned away a connection from 127.0.0.9"));
        }
    });
    EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
}

TEST(FormingFromHostfiles, SaysThatAllIPv4AddressesDoNotHearIPv6) {
    const ReservedPorts ports(2);
    LogBook book;
    const std::string hosts = hostfile_of({text("0.0.0.0:", ports[0].port()), text("[::1]:", ports[1].port())});
    const test::Outcome outcome = outcome_of(0, hosts, 200, &book);
    EXPECT_EQ(outcome.status, NC_RENDEZVOUS_FAILED);
    EXPECT_NE(outcome.message().find("is reached over IPv4 only, but rank 1 has an IPv6 address"), std::string::npos)
        << outcome.message();
    EXPECT_TRUE(book.wait_for("is reached over IPv4 only", 0));
}

} // namespace NC_FILE
} // namespace nc::ring
