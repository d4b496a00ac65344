// Plays a backend: its ranks are threads of one process, and what passes between them is copied in memory. A send ends
// when it has been received. It is built twice: with NC_BACKEND_CONCURRENT_MESSAGES as "memory", without as
// "memory_in_turn". Settings: "world" (a name that the ranks of a group share) and "size".
//
// It checks its caller: whoever breaks a promise of operation/backend.h gets NC_INTERNAL_ERROR. It knows the messages,
// NC_ALL_REDUCE (sums of int32) and NC_BARRIER, and refuses messages with the tag -1, in step. A rank logs "waiting"
// when it waits in a collective operation or a blocking message.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "operation/backend.h"

namespace {

#ifdef NC_IN_TURN
constexpr bool is_concurrent = false;
#else
constexpr bool is_concurrent = true;
#endif

using Clock = std::chrono::steady_clock;

struct Group;

// Messages that were given to one rank by one call.
struct Call {
    Group& owner;
    Clock::time_point deadline;
    nc_completion completed; // null: a thread waits for it
    void* context;
    std::uint64_t left = 0; // messages that have not ended
    bool over = false;
    nc_status status = NC_OK;
    int peer = -1;
    int index = -1;
};

// One message that waits for its other end.
struct Waiting {
    Call* call;
    int index;
    nc_request request;
};

struct Collective {
    std::uint64_t sequence;
    int arrived = 0;
    int left = 0;
    std::vector<std::int32_t> sum{};
};

struct World {
    explicit World(int size) : groups(static_cast<std::size_t>(size)) {}
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Group*> groups; // by rank; null: not there
    // By sender, receiver and tag: all of them sends, or all receives.
    std::map<std::tuple<int, int, std::int64_t>, std::deque<Waiting>> waiting;
    std::map<std::uint64_t, Collective> collectives;
};

struct Group {
    Group(std::shared_ptr<World> in, int at, const nc_backend_options& options)
        : world(std::move(in)),
          rank(at),
          log(options.log),
          log_context(options.log_context),
          fault(options.fault),
          fault_context(options.fault_context) {}

    const std::shared_ptr<World> world;
    const int rank;
    const nc_log_callback log;
    void* const log_context;
    void (*const fault)(void* context, const nc_error* error);
    void* const fault_context;
    int in_turn = 0; // calls that must be one at a time
    std::uint64_t next_collective = 0;
    std::uint64_t taken = 0; // calls
    bool aborted = false;
    int lost = -1; // a peer
    bool told_of_loss = false;
    bool stopping = false;
    std::list<Call*> calls; // under way, or not yet reported
    std::thread engine;
    bool* gone = nullptr; // told to the engine if it destroys the group
};

nc_status say(nc_error* error, nc_status status, const std::string& message, int peer = -1, int index = -1) {
    error->status = status;
    error->peer = peer;
    error->index = index;
    std::snprintf(error->message, sizeof error->message, "%s", message.c_str());
    return status;
}

nc_status say_end(const Call& call, nc_error* error) {
    if (call.status == NC_OK) return NC_OK;
    const char* message = call.status == NC_TIMEOUT     ? "the message is late"
                          : call.status == NC_ABORTED   ? "interrupted"
                          : call.status == NC_PEER_LOST ? "the peer is lost"
                                                        : "the lengths differ";
    return say(error, call.status, message, call.peer, call.index);
}

void tell_waiting(const Group& group) {
    if (group.log != nullptr) group.log(group.log_context, NC_LOG_INFORMATION, "waiting");
}

std::uint64_t bytes_of(const nc_request& request) {
    constexpr std::uint64_t sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8};
    return request.count * sizes[request.data_type];
}

bool is_message(const nc_request& request) {
    return request.operation == NC_SEND || request.operation == NC_RECEIVE;
}

// The functions below need the world's lock, save where they say so.

void finish(Call& call) {
    call.over = true;
    call.owner.world->changed.notify_all();
}

void fail(Call& call, nc_status status, int peer, int index) {
    if (call.over) return;
    call.status = status;
    call.peer = peer;
    call.index = index;
    for (auto& [key, queue] : call.owner.world->waiting)
        std::erase_if(queue, [&call](const Waiting& each) { return each.call == &call; });
    finish(call);
}

// The first message of it that has not ended.
int first_waiting(const Call& call) {
    int first = -1;
    for (const auto& [key, queue] : call.owner.world->waiting) {
        for (const Waiting& each : queue) {
            if (each.call == &call && (first < 0 || each.index < first)) first = each.index;
        }
    }
    return first;
}

void end_one(Call& call) {
    if (--call.left == 0 && !call.over) finish(call);
}

void post(Call& call, const nc_request& request, int index) {
    World& world = *call.owner.world;
    const int rank = call.owner.rank;
    const bool sends = request.operation == NC_SEND;
    const auto key = sends ? std::tuple(rank, request.peer, request.tag) : std::tuple(request.peer, rank, request.tag);
    std::deque<Waiting>& queue = world.waiting[key];
    if (queue.empty() || (queue.front().request.operation == NC_SEND) == sends) {
        queue.push_back({&call, index, request});
        return;
    }
    const Waiting other = queue.front();
    queue.pop_front();
    const nc_request& send = sends ? request : other.request;
    const nc_request& receive = sends ? other.request : request;
    if (bytes_of(send) != bytes_of(receive)) {
        fail(*other.call, NC_MISMATCH, rank, other.index);
        fail(call, NC_MISMATCH, request.peer, index);
        return;
    }
    if (bytes_of(send) > 0) std::memcpy(receive.receive_buffer, send.send_buffer, bytes_of(send));
    end_one(*other.call);
    end_one(call);
}

nc_status ended(const Group& group, nc_error* error) {
    if (group.aborted) return say(error, NC_ABORTED, "interrupted");
    if (group.lost >= 0) return say(error, NC_PEER_LOST, "the peer is lost", group.lost);
    return NC_OK;
}

void begin(Call& call, const nc_request* requests, std::uint64_t count) {
    call.owner.calls.push_back(&call);
    call.left = count;
    // The engine has one more deadline.
    call.owner.world->changed.notify_all();
    if (count == 0) finish(call);
    // One that has failed is over.
    for (std::uint64_t i = 0; i < count && !call.over; ++i) post(call, requests[i], static_cast<int>(i));
}

nc_status run_messages(Group& group, std::unique_lock<std::mutex>& lock, const nc_request* requests,
                       std::uint64_t count, const nc_call& terms, nc_error* error) {
    const nc_status status = ended(group, error);
    if (status != NC_OK) return status;
    const Clock::time_point deadline{std::chrono::nanoseconds(terms.deadline_ns)};
    if (terms.completed != nullptr) {
        begin(*new Call{group, deadline, terms.completed, terms.completed_context}, requests, count);
        // The end may be reported before the call returns.
        lock.unlock();
        for (int i = 0; i < 5; ++i) std::this_thread::yield();
        lock.lock();
        ++group.taken;
        return NC_OK;
    }
    Call call{group, deadline, nullptr, nullptr};
    begin(call, requests, count);
    if (!call.over) {
        lock.unlock();
        tell_waiting(group);
        lock.lock();
    }
    group.world->changed.wait_until(lock, deadline, [&call] { return call.over; });
    if (!call.over) fail(call, NC_TIMEOUT, -1, first_waiting(call));
    group.calls.remove(&call);
    return say_end(call, error);
}

nc_status run_collective(Group& group, std::unique_lock<std::mutex>& lock, const nc_request& request,
                         const nc_call& terms, nc_error* error, int index) {
    World& world = *group.world;
    const int size = static_cast<int>(world.groups.size());
    const std::uint64_t number = group.next_collective++;
    Collective& here = world.collectives.try_emplace(number, Collective{terms.sequence}).first->second;
    if (is_concurrent && here.sequence != terms.sequence)
        return say(error, NC_INTERNAL_ERROR, "the ranks' numbers of a collective operation differ");
    const auto* in = static_cast<const std::int32_t*>(request.send_buffer);
    here.sum.resize(request.count);
    for (std::uint64_t i = 0; i < request.count; ++i) here.sum[i] += in[i];
    ++here.arrived;
    world.changed.notify_all();
    if (here.arrived < size) {
        lock.unlock();
        tell_waiting(group);
        lock.lock();
    }
    const Clock::time_point deadline{std::chrono::nanoseconds(terms.deadline_ns)};
    const bool done = world.changed.wait_until(
        lock, deadline, [&] { return here.arrived == size || group.aborted || group.lost >= 0; });
    if (here.arrived < size) {
        if (!done) return say(error, NC_TIMEOUT, "the collective operation is late", -1, index);
        const nc_status status = ended(group, error);
        error->index = index;
        return status;
    }
    if (request.count > 0) std::memcpy(request.receive_buffer, here.sum.data(), request.count * sizeof(std::int32_t));
    if (++here.left == size) world.collectives.erase(number);
    return NC_OK;
}

// Without the lock.
nc_status run_batch(Group& group, const nc_request* requests, std::uint64_t count, bool is_batch, const nc_call& terms,
                    nc_standing* standing, nc_error* error) {
    const auto messages = static_cast<std::uint64_t>(std::count_if(requests, requests + count, is_message));
    const bool in_turn = !is_concurrent || messages < count;
    const auto broken = [&](const char* message) { return say(error, NC_INTERNAL_ERROR, message); };
    if (in_turn && terms.completed != nullptr) return broken("this operation was to be reported");
    if (is_concurrent && messages > 0 && messages < count) return broken("messages and collectives in one call");
    const auto index_of = [is_batch](std::uint64_t i) { return is_batch ? static_cast<int>(i) : -1; };
    for (std::uint64_t i = 0; i < count; ++i) {
        if (requests[i].tag != -1) continue;
        *standing = NC_IN_STEP;
        return say(error, NC_NOT_SUPPORTED, "the tag -1 is not supported", requests[i].peer, index_of(i));
    }
    std::unique_lock lock(group.world->mutex);
    if (in_turn && ++group.in_turn > 1) return broken("two at once");
    nc_status status = NC_OK;
    if (messages > 0 || terms.completed != nullptr) {
        std::vector<nc_request> some;
        std::copy_if(requests, requests + count, std::back_inserter(some), is_message);
        status = run_messages(group, lock, some.data(), some.size(), terms, error);
        if (!is_batch) error->index = -1;
    }
    for (std::uint64_t i = 0; i < count && status == NC_OK; ++i) {
        if (!is_message(requests[i])) status = run_collective(group, lock, requests[i], terms, error, index_of(i));
    }
    if (in_turn) --group.in_turn;
    return status;
}

nc_status execute(void* handle, const nc_request* request, const nc_call* call, nc_standing* standing,
                  nc_error* error) {
    return run_batch(*static_cast<Group*>(handle), request, 1, false, *call, standing, error);
}

nc_status execute_batch(void* handle, const nc_request* requests, std::uint64_t count, const nc_call* call,
                        nc_standing* standing, nc_error* error) {
    return run_batch(*static_cast<Group*>(handle), requests, count, true, *call, standing, error);
}

// Reports what is over, with the lock but for the calls. False if one of these has destroyed the group.
bool report(Group& group, std::unique_lock<std::mutex>& lock) {
    for (;;) {
        const auto over = std::ranges::find_if(
            group.calls, [](const Call* call) { return call->over && call->completed != nullptr; });
        if (over == group.calls.end()) return true;
        const std::unique_ptr<Call> call(*over);
        group.calls.erase(over);
        bool gone = false;
        bool* const outer = std::exchange(group.gone, &gone);
        lock.unlock();
        nc_error error{};
        error.size = sizeof error;
        const nc_status status = say_end(*call, &error);
        call->completed(call->context, status == NC_OK ? nullptr : &error);
        if (gone) {
            if (outer != nullptr) *outer = true;
            return false;
        }
        lock.lock();
        group.gone = outer;
    }
}

// The one thread of a group: reports what has ended, ends what is late and tells the core of a lost peer.
void look_after(Group& group) {
    const std::shared_ptr<World> world = group.world; // which the lock outlives
    std::unique_lock lock(world->mutex);
    while (!group.stopping) {
        Clock::time_point next = Clock::now() + std::chrono::hours(1);
        for (Call* call : group.calls) {
            if (call->completed == nullptr || call->over) continue;
            if (Clock::now() >= call->deadline) {
                fail(*call, NC_TIMEOUT, -1, first_waiting(*call));
            } else {
                next = std::min(next, call->deadline);
            }
        }
        if (!report(group, lock)) return;
        if (group.lost >= 0 && !std::exchange(group.told_of_loss, true)) {
            nc_error error{};
            error.size = sizeof error;
            say(&error, NC_PEER_LOST, "the peer is lost", group.lost);
            lock.unlock();
            group.fault(group.fault_context, &error);
            lock.lock();
        }
        const bool has_news =
            group.stopping || (group.lost >= 0 && !group.told_of_loss) ||
            std::ranges::any_of(group.calls, [](const Call* call) { return call->over && call->completed != nullptr; });
        if (!has_news) world->changed.wait_until(lock, next);
    }
    (void)report(group, lock);
}

void abort_group(void* handle) {
    Group& group = *static_cast<Group*>(handle);
    const std::lock_guard lock(group.world->mutex);
    if (std::exchange(group.aborted, true)) return;
    for (Call* call : group.calls) fail(*call, NC_ABORTED, -1, -1);
    for (Group* peer : group.world->groups) {
        if (peer == nullptr || peer == &group || peer->lost >= 0) continue;
        peer->lost = group.rank;
        for (Call* call : peer->calls) fail(*call, NC_PEER_LOST, group.rank, -1);
    }
    group.world->changed.notify_all();
}

void destroy(void* handle) {
    std::unique_ptr<Group> group(static_cast<Group*>(handle));
    const std::shared_ptr<World> world = group->world;
    std::unique_lock lock(world->mutex);
    group->stopping = true;
    group->aborted = true;
    for (Call* call : group->calls) fail(*call, NC_ABORTED, -1, -1);
    world->changed.notify_all();
    if (group->engine.get_id() == std::this_thread::get_id()) {
        bool* const gone = group->gone;
        (void)report(*group, lock);
        *gone = true;
        group->engine.detach();
    } else {
        lock.unlock();
        group->engine.join();
        lock.lock();
    }
    world->groups[static_cast<std::size_t>(group->rank)] = nullptr;
}

std::shared_ptr<World> world_of(const std::string& name, int size) {
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<World>> worlds;
    const std::lock_guard lock(mutex);
    std::shared_ptr<World> world = worlds[name].lock();
    if (world == nullptr) worlds[name] = world = std::make_shared<World>(size);
    return world;
}

nc_status create(const nc_backend_options* options, nc_backend_group* made, nc_error*) {
    std::string world;
    int size = 0;
    for (std::uint64_t i = 0; i < options->setting_count; ++i) {
        const nc_setting& setting = options->settings[i];
        if (setting.name == std::string("world")) world = setting.value;
        if (setting.name == std::string("size")) size = std::atoi(setting.value);
    }
    auto group = std::make_unique<Group>(world_of(world, size), options->rank, *options);
    {
        const std::lock_guard lock(group->world->mutex);
        group->world->groups[static_cast<std::size_t>(group->rank)] = group.get();
    }
    group->engine = std::thread([&here = *group] { look_after(here); });
    *made = {group.release(), options->rank, size};
    return NC_OK;
}

nc_status available(const nc_setting*, std::uint64_t, nc_error*) {
    return NC_OK;
}

nc_status supports(void* handle, const nc_request*, nc_error*) {
    const std::lock_guard lock(static_cast<Group*>(handle)->world->mutex);
    return NC_OK;
}

nc_status split(void*, const nc_request*, const nc_call*, const nc_backend_options*, nc_backend_group*,
                nc_standing* standing, nc_error* error) {
    *standing = NC_IN_STEP;
    return say(error, NC_NOT_SUPPORTED, "this backend has no split");
}

constexpr nc_backend memory{
    .version = NC_BACKEND_VERSION,
    .name = is_concurrent ? "memory" : "memory_in_turn",
    .start = nullptr,
    .end = nullptr,
    .available = available,
    .create_id = nullptr,
    .create = create,
    .execute = execute,
    .execute_batch = execute_batch,
    .supports = supports,
    .rank_info = nullptr,
    .split = split,
    .abort = abort_group,
    .destroy = destroy,
    .device = nullptr,
    .features = NC_BACKEND_TAGS | (is_concurrent ? NC_BACKEND_CONCURRENT_MESSAGES : 0),
};

} // namespace

extern "C" NC_API const nc_backend* nc_backend_entry(void);
const nc_backend* nc_backend_entry(void) {
    return &memory;
}
