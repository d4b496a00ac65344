#include "local_ranks.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include <cstring>
#include <exception>
#include <stdexcept>
#include <thread>

#include "base/clock.h"

namespace nc::test {

Address loopback(std::uint16_t port, const std::string& host) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

ReservedPorts::ReservedPorts(std::size_t count, const std::string& host) {
    for (std::size_t i = 0; i < count; ++i) {
        holders_.push_back(open_socket(AF_INET));
        const Address any = loopback(0, host);
        // Without SO_REUSEADDR the kernel gives a port that nobody has; with it, set afterwards, a group may listen on
        // it as well.
        const int off = 0;
        const int on = 1;
        ::setsockopt(holders_.back().get(), SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
        if (::bind(holders_.back().get(), any.get(), any.length()) != 0)
            throw Error(NC_SYSTEM_ERROR, "bind", -1, errno);
        ::setsockopt(holders_.back().get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        addresses_.push_back(Address::local(holders_.back().get()));
    }
}

std::vector<Address> ReservedPorts::range(std::size_t begin, std::size_t count) const {
    const auto first = addresses_.begin() + static_cast<std::ptrdiff_t>(begin);
    return {first, first + static_cast<std::ptrdiff_t>(count)};
}

std::string hosts_json(const ReservedPorts& ports, int ranks, int sockets) {
    std::string json = "[";
    std::size_t port = 0;
    for (int rank = 0; rank < ranks; ++rank) {
        json += rank == 0 ? "[" : ",[";
        for (int i = 0; i < sockets; ++i) json += text(i == 0 ? "" : ",", '"', ports[port++].text(), '"');
        json += "]";
    }
    return json + "]";
}

RingOptions::RingOptions(int rank, std::string json) : hosts(std::move(json)) {
    setting = {"hosts", hosts.c_str()};
    options.size = sizeof options;
    options.rank = rank;
    options.backend = "ring";
    options.settings = &setting;
    options.setting_count = 1;
    options.forming_timeout_ms = ample_ms;
    options.operation_timeout_ms = ample_ms;
}

nc_request request_of(nc_operation operation, nc_data_type type, std::uint64_t count, const void* input, void* output) {
    nc_request request{};
    request.size = sizeof request;
    request.operation = operation;
    request.data_type = type;
    request.count = count;
    request.send_buffer = input;
    request.receive_buffer = output;
    return request;
}

Outcome execute(nc_group* group, const nc_request& request) {
    Outcome outcome;
    outcome.status = nc_execute(group, &request, &outcome.error);
    return outcome;
}

Outcome execute_batch(nc_group* group, const std::vector<const nc_request*>& requests) {
    Outcome outcome;
    outcome.status = nc_execute_batch(group, requests.data(), requests.size(), &outcome.error);
    return outcome;
}

Outcome wait_for(nc_work* work, std::int64_t timeout_ms) {
    Outcome outcome;
    outcome.status = nc_work_wait(work, timeout_ms, &outcome.error);
    return outcome;
}

Outcome status_of(const nc_group* group) {
    Outcome outcome;
    outcome.status = nc_group_status(group, &outcome.error);
    return outcome;
}

Outcome all_sum_works(nc_group* group) {
    std::vector<std::int32_t> values{nc_group_rank(group), 1, 2, 3, 4, 5, 6, 7, 8, 9};
    const Outcome outcome =
        execute(group, request_of(NC_ALL_REDUCE, NC_INT32, values.size(), values.data(), values.data()));
    if (outcome.status != NC_OK) return outcome;
    const std::int32_t n = nc_group_size(group);
    EXPECT_EQ(values[0], n * (n - 1) / 2);
    for (std::int32_t i = 1; i < 10; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], i * n);
    return outcome;
}

void on_all_ranks(int ranks, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank) {
        threads.emplace_back([&body, rank] {
            try {
                body(rank);
            } catch (const std::exception& failure) {
                ADD_FAILURE() << "rank " << rank << ": " << failure.what();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
}

void FormedRanks::form(const std::function<nc_status(int rank, nc_group** group, nc_error* error)>& create) {
    on_all_ranks(size(), [&](int rank) {
        nc_group* group = nullptr;
        nc_error error = empty_error();
        const nc_status status = create(rank, &group, &error);
        EXPECT_EQ(status, NC_OK) << error.message;
        groups_[static_cast<std::size_t>(rank)].reset(group);
    });
    for (const GroupPointer& group : groups_) {
        if (group == nullptr) throw std::runtime_error("the group was not formed");
    }
}

void FormedRanks::each(const std::function<void(int, nc_group*)>& body) {
    on_all_ranks(size(), [&](int rank) { body(rank, (*this)[rank]); });
}

LocalRanks::LocalRanks(int ranks, int sockets, std::int64_t operation_timeout_ms)
    : FormedRanks(ranks), ports_(static_cast<std::size_t>(ranks) * static_cast<std::size_t>(sockets)) {
    const std::string hosts = hosts_json(ports_, ranks, sockets);
    form([&](int rank, nc_group** group, nc_error* error) {
        RingOptions ring(rank, hosts);
        ring.options.operation_timeout_ms = operation_timeout_ms;
        return nc_group_create(&ring.options, group, error);
    });
}

std::int64_t milliseconds_of(const std::function<void()>& body) {
    const auto begin = Clock::now();
    body();
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
}

double processor_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

bool contains(const Outcome& outcome, const std::string& part) {
    return outcome.message().find(part) != std::string::npos;
}

bool soon(const std::function<bool()>& question) {
    const Deadline until = deadline_after(soon_ms);
    while (!question()) {
        if (Clock::now() >= until) return false;
        std::this_thread::yield();
    }
    return true;
}

} // namespace nc::test
