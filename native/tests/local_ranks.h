// Ranks of a ring as threads of the test program, each with its own nc_group over loopback.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "native_collectives.h"
#include "os/address.h"
#include "os/socket.h"

namespace nc::test {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int slowness = 4;
#else
constexpr int slowness = 1;
#endif
constexpr bool is_sanitized = slowness > 1;

#if defined(__SANITIZE_THREAD__)
constexpr bool slow_by_threads = true;
#else
constexpr bool slow_by_threads = false;
#endif

// Bounds every operation that is expected to succeed; none should come near it.
constexpr std::int64_t ample_ms = 30'000;
// What "at once" may take on a loaded machine.
constexpr std::int64_t soon_ms = 3'000 * slowness;

// Addresses of loopback with free ports, which stay taken (bound, not listened on) as long as this lives, so that no
// other socket is given one.
class ReservedPorts {
public:
    explicit ReservedPorts(std::size_t count, const std::string& host = "127.0.0.1");
    const Address& operator[](std::size_t i) const { return addresses_[i]; }
    std::vector<Address> range(std::size_t begin, std::size_t count) const;

private:
    std::vector<Descriptor> holders_;
    std::vector<Address> addresses_;
};

// [["127.0.0.1:1", ...], ...], sockets addresses for each of the ranks.
std::string hosts_json(const ReservedPorts& ports, int ranks, int sockets);

Address loopback(std::uint16_t port, const std::string& host = "127.0.0.1");

struct DestroyGroup {
    void operator()(nc_group* group) const { nc_group_destroy(group); }
};
using GroupPointer = std::unique_ptr<nc_group, DestroyGroup>;

struct ReleaseWork {
    void operator()(nc_work* work) const { nc_work_release(work); }
};
using WorkPointer = std::unique_ptr<nc_work, ReleaseWork>;

// Options of a rank of a ring; hosts and the returned object's settings must outlive their use.
struct RingOptions {
    RingOptions(int rank, std::string hosts);
    RingOptions(const RingOptions&) = delete;
    std::string hosts;
    nc_setting setting{};
    nc_group_options options{};
};

nc_request request_of(nc_operation operation, nc_data_type type = NC_FLOAT32, std::uint64_t count = 0,
                      const void* input = nullptr, void* output = nullptr);

// The outcome of a call, and its description.
struct Outcome {
    nc_status status = NC_OK;
    nc_error error = empty_error();
    std::string message() const { return error.message; }
};
Outcome execute(nc_group* group, const nc_request& request);
Outcome execute_batch(nc_group* group, const std::vector<const nc_request*>& requests);
Outcome wait_for(nc_work* work, std::int64_t timeout_ms = ample_ms);
Outcome status_of(const nc_group* group);

// An all-sum of one integer per rank: whether the group works.
Outcome all_sum_works(nc_group* group);

// Runs body(rank) for every rank at once and returns when all have returned.
void on_all_ranks(int ranks, const std::function<void(int)>& body);

// The ranks of a group that has been formed.
class FormedRanks {
public:
    int size() const { return static_cast<int>(groups_.size()); }
    nc_group* operator[](int rank) { return groups_[static_cast<std::size_t>(rank)].get(); }
    void destroy(int rank) { groups_[static_cast<std::size_t>(rank)].reset(); }
    nc_group* release(int rank) { return groups_[static_cast<std::size_t>(rank)].release(); }
    // Runs body(rank, group) on a thread for each rank.
    void each(const std::function<void(int, nc_group*)>& body);

protected:
    explicit FormedRanks(int ranks) : groups_(static_cast<std::size_t>(ranks)) {}
    // Makes all the groups at once. Throws if one is not made.
    void form(const std::function<nc_status(int rank, nc_group** group, nc_error* error)>& create);

private:
    std::vector<GroupPointer> groups_;
};

// A formed ring.
class LocalRanks : public FormedRanks {
public:
    explicit LocalRanks(int ranks, int sockets = 1, std::int64_t operation_timeout_ms = ample_ms);

private:
    ReservedPorts ports_;
};

std::int64_t milliseconds_of(const std::function<void()>& body);
// The processor time that the calling thread has used so far.
double processor_seconds();

bool contains(const Outcome& outcome, const std::string& part);

// Whether something comes true soon.
bool soon(const std::function<bool()>& question);

} // namespace nc::test
