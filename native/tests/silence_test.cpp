// Hosts that vanish, and hosts whose programs only do not read. Every rank is a thread in a network namespace of its
// own, which ends with the thread; a cable joins the two. The scenarios run side by side, as they mostly wait.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <barrier>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "jaccl/lifeline.h"
#include "jaccl/star.h"
#include "raw_peer.h"
#include "ring/ring_group.h"
#include "transport/silence.h"
#include "wire_ring.h"

namespace nc::test {
namespace NC_FILE {

constexpr std::size_t message_bytes = std::size_t{64} << 20;
constexpr std::size_t some_bytes = std::size_t{4} << 20;
// So long does a peer not read: longer than the limit of silence.
constexpr std::chrono::seconds nap{7};
constexpr std::int64_t timeout_ms = 60'000;

SilenceLimits short_limits() {
    SilenceLimits limits;
    limits.silence = std::chrono::milliseconds(3'000);
    limits.looks = 3;
    limits.look = std::chrono::milliseconds(500);
    limits.idle_look = std::chrono::milliseconds(1'000);
    limits.keep_alive = {std::chrono::seconds{1}, std::chrono::seconds{1}, 3};
    limits.longest_question_interval = std::chrono::milliseconds{1'000};
    return limits;
}

bool run(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// One end of the cable, in the namespace of the calling thread.
class Host {
public:
    Host(int rank, std::barrier<>& both, std::string& other_namespace) : rank_(rank) {
        made_ = ::unshare(CLONE_NEWNET) == 0;
        if (rank == 1) other_namespace = text("/proc/", ::getpid(), "/task/", ::syscall(SYS_gettid), "/ns/net");
        both.arrive_and_wait();
        const std::string make_cable = text("ip link add cable type veth peer name cable netns ", other_namespace);
        if (rank == 0) made_ = made_ && run(make_cable);
        both.arrive_and_wait();
        made_ = made_ && run(text("ip addr add 10.77.0.", rank + 1, "/24 dev cable && ip link set cable up"));
        both.arrive_and_wait();
    }

    bool made() const { return made_; }
    void cut() const { EXPECT_TRUE(run("ip link set cable down")); }
    static Address address(int rank, std::uint16_t port) { return loopback(port, text("10.77.0.", rank + 1)); }

private:
    int rank_;
    bool made_;
};

struct Rank {
    int rank;
    const Host& host;
    std::barrier<>& both;
};

// What became of a rank.
struct Result {
    nc_status status = NC_OK;
    std::string message;
    std::int64_t took_ms = 0;
};
using Results = std::array<Result, 2>;

Result result_of(const std::function<void()>& body) {
    const Deadline begin = Clock::now();
    Result result;
    try {
        body();
    } catch (const Error& error) {
        result.status = error.status;
        result.message = error.what();
    } catch (const std::exception& error) {
        result.status = NC_INTERNAL_ERROR;
        result.message = error.what();
    }
    result.took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
    return result;
}

nc_call call_of() {
    nc_call call{};
    const Clock::duration deadline = deadline_after(timeout_ms).time_since_epoch();
    call.deadline_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline).count();
    call.timeout_ms = timeout_ms;
    return call;
}

// A ring of the two.
class Ring {
public:
    explicit Ring(const Rank& self) {
        const std::vector<std::vector<Address>> addresses{{Host::address(0, 5000)}, {Host::address(1, 5000)}};
        ring::FormingPlan plan;
        plan.source = "the test";
        plan.rank = self.rank;
        plan.size = 2;
        plan.own = addresses[static_cast<std::size_t>(self.rank)];
        plan.left = plan.right = addresses[static_cast<std::size_t>(1 - self.rank)];
        plan.patience = Patience::of(ample_ms);
        nc_backend_options options{};
        options.rank = self.rank;
        options.fault = [](void* context, const nc_error* error) { static_cast<Ring*>(context)->note(*error); };
        options.fault_context = this;
        group_ = std::make_unique<ring::RingGroup>(self.rank, loopback_addresses(2, 1),
                                                   ring::form_ring(std::move(plan)), options);
    }

    void send(std::size_t bytes) { move(NC_SEND, bytes); }
    void receive(std::size_t bytes) { move(NC_RECEIVE, bytes); }

    // Throws the failure that the group tells of while no operation runs.
    void await_fault() {
        std::unique_lock lock(mutex_);
        if (noted_.wait_until(lock, deadline_after(timeout_ms), [&] { return fault_.has_value(); })) throw *fault_;
    }

private:
    void move(nc_operation operation, std::size_t bytes) {
        std::vector<std::byte> data(bytes);
        nc_request request = request_of(operation, NC_UINT8, bytes, data.data(), data.data());
        request.peer = 1 - group_->rank();
        const nc_call call = call_of();
        try {
            group_->execute(request, call);
        } catch (const Error& error) {
            // As the core has it: the first cause counts.
            const std::lock_guard lock(mutex_);
            if (error.status == NC_ABORTED && fault_.has_value()) throw *fault_;
            throw;
        }
    }

    void note(const nc_error& error) {
        const std::lock_guard lock(mutex_);
        if (!fault_.has_value()) fault_ = Error(error.status, error.message, error.peer, error.system_error);
        noted_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable noted_;
    std::optional<Error> fault_;
    std::unique_ptr<ring::RingGroup> group_;
};

using Scenario = std::function<void(const Rank&)>;

void sleeping_reader(const Rank& self) {
    Ring ring(self);
    if (self.rank == 0) return ring.send(message_bytes);
    ring.receive(some_bytes);
    std::this_thread::sleep_for(nap);
    ring.receive(message_bytes - some_bytes);
}

void cut_while_bytes_flow(const Rank& self) {
    Ring ring(self);
    if (self.rank == 0) return ring.send(message_bytes);
    ring.receive(some_bytes);
    self.host.cut();
    ring.receive(message_bytes - some_bytes);
}

// The reader's window is closed when its host vanishes.
void cut_while_the_peer_does_not_read(const Rank& self) {
    Ring ring(self);
    if (self.rank == 0) return ring.send(message_bytes);
    std::this_thread::sleep_for(std::chrono::seconds(2));
    self.host.cut();
    ring.receive(message_bytes);
}

// The message is in the system's hands: nobody is in a call.
void cut_while_nobody_is_in_a_call(const Rank& self) {
    Ring ring(self);
    if (self.rank == 1) self.host.cut();
    self.both.arrive_and_wait();
    if (self.rank == 0) ring.send(1000);
    ring.await_fault();
}

Descriptor joined(const Rank& self) {
    const Descriptor listener = self.rank == 0 ? listen_on(Host::address(0, 5001), 4) : Descriptor();
    Descriptor connection = self.rank == 0 ? accept_one(listener) : connect_when_open(Host::address(0, 5001));
    prepare_connection(connection);
    return connection;
}

// A ring of two has an idle connection too, whose keep-alive may be first: here is one connection alone.
void cut_of_one_connection(const Rank& self, bool reads) {
    const Descriptor connection = joined(self);
    std::vector<std::byte> data(some_bytes);
    if (self.rank == 1) {
        if (reads) {
            EXPECT_TRUE(receive_all(connection, data.data(), data.size()));
        } else {
            std::this_thread::sleep_for(std::chrono::seconds(2));
        }
        self.host.cut();
    }
    SilenceWatch silence;
    silence.expect();
    const std::array descriptors{connection.get()};
    const Deadline until = deadline_after(timeout_ms);
    while (Clock::now() < until) {
        int error = 0;
        if (self.rank == 0) {
            while (::send(connection.get(), data.data(), data.size(), MSG_NOSIGNAL) > 0) continue;
            if (silence.look(descriptors).has_value()) error = ETIMEDOUT;
        } else {
            while (::recv(connection.get(), data.data(), data.size(), 0) > 0) continue;
            error = errno == EAGAIN ? 0 : errno;
        }
        if (error != 0) throw Error(NC_PEER_LOST, error == ETIMEDOUT ? silence_text(1 - self.rank) : "another failure");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

void cut_while_a_line_tells(const Rank& self) {
    std::vector<jaccl::Connection> connections;
    connections.push_back({1 - self.rank, joined(self), true});
    jaccl::Lifeline line(std::move(connections), 3);
    self.both.arrive_and_wait();
    if (self.rank == 1) self.host.cut();
    self.both.arrive_and_wait();
    if (self.rank == 0) line.tell(jaccl::Fate::Left, 2);
    const Deadline until = deadline_after(timeout_ms);
    while (Clock::now() < until) {
        Poller poller;
        line.watch(poller);
        poller.wait(std::min(until, line.next_look()));
        for (const jaccl::News& news : line.read(poller)) {
            if (news.fate != jaccl::Fate::Lost) throw Error(NC_INTERNAL_ERROR, "other news came");
            if (news.system_error == ETIMEDOUT) throw Error(NC_PEER_LOST, silence_text(news.rank));
            throw Error(NC_PEER_LOST, system_error_text(news.system_error));
        }
    }
}

void cut_while_connection_data_is_exchanged(const Rank& self) {
    jaccl::StarPlan plan{};
    plan.source = "the coordinator";
    plan.rank = self.rank;
    plan.size = 2;
    plan.coordinator = Host::address(0, 5002);
    plan.patience = Patience::of(timeout_ms);
    const std::unique_ptr<jaccl::SideChannel> endpoint = jaccl::make_star(std::move(plan));
    self.both.arrive_and_wait();
    if (self.rank == 1) self.host.cut();
    self.both.arrive_and_wait();
    std::array<std::array<char, 100>, 2> all{};
    endpoint->exchange(all[static_cast<std::size_t>(self.rank)].data(), all[0].size(), all.data());
}

Results play(const Scenario& scenario) {
    Results results;
    std::barrier<> both(2);
    std::string other_namespace;
    on_all_ranks(2, [&](int rank) {
        const Host host(rank, both, other_namespace);
        Result& result = results[static_cast<std::size_t>(rank)];
        if (!host.made()) {
            result = {NC_NOT_SUPPORTED, "the namespaces cannot be made", 0};
        } else {
            result = result_of([&] { scenario({rank, host, both}); });
        }
        both.arrive_and_wait();
    });
    return results;
}

class Silence : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        if (unavailable() != nullptr) return;
        const SilenceLimits usual = silence_limits();
        play_all(
            {
                {"reader that is not asked often", sleeping_reader},
            },
            120'000);
        play_all(
            {
                {"sleeping reader", sleeping_reader},
                {"bytes flow", cut_while_bytes_flow},
                {"closed window", cut_while_the_peer_does_not_read},
                {"nobody in a call", cut_while_nobody_is_in_a_call},
                {"one connection", [](const Rank& self) { cut_of_one_connection(self, true); }},
                {"one connection, closed window", [](const Rank& self) { cut_of_one_connection(self, false); }},
                {"line", cut_while_a_line_tells},
                {"side endpoint", cut_while_connection_data_is_exchanged},
            },
            1'000);
        silence_limits() = usual;
    }

    void SetUp() override {
        if (const char* reason = unavailable(); reason != nullptr) {
            std::printf("skipped: %s\n", reason);
            GTEST_SKIP() << reason;
        }
    }

    static const char* unavailable() {
        if (::geteuid() != 0) return "network namespaces need root";
        if (!run("ip -V")) return "ip (Debian package iproute2) is missing";
        static const bool allowed = run("unshare -n ip link add one type veth peer name two");
        return allowed ? nullptr : "network namespaces are not allowed here";
    }

    static void play_all(const std::map<std::string, Scenario>& scenarios, int question_interval_ms) {
        silence_limits() = short_limits();
        silence_limits().longest_question_interval = std::chrono::milliseconds{question_interval_ms};
        std::vector<std::thread> threads;
        for (const auto& [name, scenario] : scenarios) {
            Results& results = played_[name];
            threads.emplace_back([&results, &scenario] { results = play(scenario); });
        }
        for (std::thread& thread : threads) thread.join();
    }

    static void expect_success(const std::string& name) {
        for (const Result& result : played_.at(name)) EXPECT_EQ(result.status, NC_OK) << result.message;
    }

    static void expect_lost(const std::string& name, nc_status status = NC_PEER_LOST) {
        for (std::size_t rank = 0; rank < 2; ++rank) {
            const Result& result = played_.at(name)[rank];
            EXPECT_EQ(result.status, status) << "rank " << rank << ": " << result.message;
            const std::string words = text("rank ", 1 - rank, "'s host has not acknowledged anything for 3 s");
            EXPECT_NE(result.message.find(words), std::string::npos) << "rank " << rank << ": " << result.message;
            EXPECT_LT(result.took_ms, timeout_ms / 2) << "rank " << rank << ": " << result.message;
        }
    }

private:
    static inline std::map<std::string, Results> played_;
};

TEST_F(Silence, AReaderThatSleepsIsNotLost) {
    expect_success("sleeping reader");
}

// As on systems that ask a peer without room ever less often.
TEST_F(Silence, AReaderThatSleepsAndIsNotAskedOftenIsNotLost) {
    expect_success("reader that is not asked often");
}

TEST_F(Silence, ACutWhileBytesFlowIsNoticedByBoth) {
    expect_lost("bytes flow");
}

TEST_F(Silence, ACutWhileThePeerDoesNotReadIsNoticedByBoth) {
    expect_lost("closed window");
}

TEST_F(Silence, ACutWhileNobodyIsInACallIsNoticedByBoth) {
    expect_lost("nobody in a call");
}

TEST_F(Silence, ACutOfOneConnectionIsNoticedByItsSender) {
    expect_lost("one connection");
    expect_lost("one connection, closed window");
}

TEST_F(Silence, ACutIsNoticedByTheLinesOfJaccl) {
    expect_lost("line");
}

TEST_F(Silence, ACutIsNoticedByTheSideChannelOfJaccl) {
    expect_lost("side endpoint", NC_RENDEZVOUS_FAILED);
}

} // namespace NC_FILE
} // namespace nc::test
