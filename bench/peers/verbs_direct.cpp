// A peer of the benchmark: the frames that JACCL moves for an operation, as many and as long, moved by the verbs alone.
// There are no deadlines, nobody watches for peers that die and nothing is added up. Data is copied into frames and out
// of them if that is wished, or else not even that.
//
// It measures exactly as the ranks of NativeCollectives.Bench do (RankMeasurer.cs); the two change together. The
// library of verbs is opened at run time.
//
//   verbs_direct KEY=VALUE...     is a rank
//
//   library              the path of the library of verbs
//   rank, size           the own rank, the number of ranks
//   meeting              a path, for the socket at which the ranks meet
//   operation            all-reduce or send-receive
//   topology, wires      mesh or ring, and in a ring the connections between neighbours
//   devices a device for each connection: to the other ranks in order, or to the left neighbour, then to the right one
//   pairs                rc or uc
//   copies 1: every frame is copied from memory as large as the operation's before it is sent, and to such memory when
//   it has come
//   iterations           operations to measure; 0: as many as take about
//   seconds              so long, but from
//   min_iterations to max_iterations, after a warm-up of
//   warm_up_seconds
//   counts               floats: 2,4,8
//   output               the file for the result
//
// It ends when its standard input does. Rank 0 writes one line per count to output:
//   count iterations cpu_us errors time_ns...
// cpu_us is the processor time of all ranks and all operations, a time is the ranks' mean for one operation, and errors
// counts frames that were not the expected ones.

#include <dlfcn.h>
#include <infiniband/verbs.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::string own_name = "verbs_direct";

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", own_name.c_str(), what.c_str());
    std::fflush(stderr);
    std::_Exit(1);
}

[[noreturn]] void fail_with_error(const std::string& call, int error) {
    fail(call + ": " + std::strerror(error));
}

// ---- the command line -----------------------------------------------------------------------------------------------

class Arguments {
public:
    Arguments(int count, char** values) {
        for (int i = 1; i < count; ++i) {
            const std::string_view argument = values[i];
            const std::size_t equals = argument.find('=');
            if (equals == std::string_view::npos)
                fail("what is '" + std::string(argument) + "'? See the beginning of verbs_direct.cpp.");
            values_.emplace(argument.substr(0, equals), argument.substr(equals + 1));
        }
    }

    const std::string& text(const char* key) const {
        const auto found = values_.find(key);
        if (found == values_.end()) fail(std::string(key) + "=... is missing");
        return found->second;
    }

    int integer(const char* key) const { return std::atoi(text(key).c_str()); }
    double real(const char* key) const { return std::atof(text(key).c_str()); }

    std::vector<std::string> list(const char* key) const {
        std::vector<std::string> parts;
        const std::string& whole = text(key);
        for (std::size_t begin = 0; begin < whole.size();) {
            const std::size_t end = std::min(whole.find(',', begin), whole.size());
            parts.push_back(whole.substr(begin, end - begin));
            begin = end + 1;
        }
        return parts;
    }

private:
    std::map<std::string, std::string> values_;
};

// ---- what the ranks tell each other beside the frames ---------------------------------------------------------------

// A socket from every other rank to rank 0.
class Meeting {
public:
    Meeting(const std::string& path, int rank, int size)
        : rank_(rank), size_(size), sockets_(static_cast<std::size_t>(size), -1) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.size() >= sizeof address.sun_path) fail("the path " + path + " is too long for a socket");
        std::memcpy(address.sun_path, path.data(), path.size());
        const auto* const general = reinterpret_cast<const sockaddr*>(&address);
        if (rank == 0) {
            const int listener = socket();
            if (::bind(listener, general, sizeof address) != 0 || ::listen(listener, size) != 0)
                fail_with_error("listening at " + path, errno);
            for (int i = 1; i < size; ++i) {
                const int caller = ::accept(listener, nullptr, nullptr);
                if (caller < 0) fail_with_error("accept", errno);
                std::int32_t their_rank = 0;
                move(caller, &their_rank, sizeof their_rank, false);
                if (their_rank < 1 || their_rank >= size) fail("somebody called who is no rank");
                sockets_[static_cast<std::size_t>(their_rank)] = caller;
            }
            ::close(listener);
            return;
        }
        sockets_[0] = socket();
        while (::connect(sockets_[0], general, sizeof address) != 0) {
            if (errno != ENOENT && errno != ECONNREFUSED) fail_with_error("connecting to " + path, errno);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        const std::int32_t own_rank = rank;
        move(sockets_[0], &own_rank, sizeof own_rank, true);
    }

    // All ranks' values, in rank order.
    template <class T>
    std::vector<T> gather(const std::vector<T>& own) {
        const std::size_t bytes = own.size() * sizeof(T);
        std::vector<T> all(own.size() * static_cast<std::size_t>(size_));
        if (rank_ != 0) {
            move(sockets_[0], own.data(), bytes, true);
            move(sockets_[0], all.data(), all.size() * sizeof(T), false);
            return all;
        }
        std::copy(own.begin(), own.end(), all.begin());
        for (std::size_t peer = 1; peer < sockets_.size(); ++peer)
            move(sockets_[peer], all.data() + peer * own.size(), bytes, false);
        for (std::size_t peer = 1; peer < sockets_.size(); ++peer)
            move(sockets_[peer], all.data(), all.size() * sizeof(T), true);
        return all;
    }

    void sum_up(std::vector<double>& values) {
        const std::vector<double> all = gather(values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = 0;
            for (std::size_t j = i; j < all.size(); j += values.size()) values[i] += all[j];
        }
    }

    void barrier() { (void)gather(std::vector<char>{0}); }

private:
    static int socket() {
        const int made = ::socket(AF_UNIX, SOCK_STREAM, 0);
        if (made < 0) fail_with_error("socket", errno);
        return made;
    }

    static void move(int socket, const void* data, std::size_t bytes, bool sends) {
        auto* position = static_cast<char*>(const_cast<void*>(data));
        while (bytes > 0) {
            const ssize_t moved = sends ? ::write(socket, position, bytes) : ::read(socket, position, bytes);
            if (moved < 0 && errno == EINTR) continue;
            if (moved <= 0) fail("another rank has gone");
            position += moved;
            bytes -= static_cast<std::size_t>(moved);
        }
    }

    const int rank_;
    const int size_;
    std::vector<int> sockets_;
};

// ---- the verbs ------------------------------------------------------------------------------------------------------

constexpr std::size_t smallest_frame = 4096;
constexpr std::size_t largest_frame = smallest_frame << 7;
constexpr int depth = 2; // frames on their way in each direction
constexpr std::uint8_t port = 1;
constexpr std::uint32_t first_packet = 7;

class Verbs {
public:
    explicit Verbs(const std::string& path) : path_(path), handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) fail(dlerror());
        find(get_device_list, "ibv_get_device_list");
        find(free_device_list, "ibv_free_device_list");
        find(get_device_name, "ibv_get_device_name");
        find(open_device, "ibv_open_device");
        find(alloc_pd, "ibv_alloc_pd");
        find(reg_mr, "ibv_reg_mr");
        find(query_port, "ibv_query_port");
        find(query_gid, "ibv_query_gid");
        find(create_cq, "ibv_create_cq");
        find(create_qp, "ibv_create_qp");
        find(modify_qp, "ibv_modify_qp");
    }

    ibv_context* open(const std::string& name) const {
        int count = 0;
        ibv_device** const devices = get_device_list(&count);
        if (devices == nullptr) fail_with_error("ibv_get_device_list", errno);
        for (int i = 0; i < count; ++i) {
            if (name != get_device_name(devices[i])) continue;
            ibv_context* const context = open_device(devices[i]);
            if (context == nullptr) fail_with_error("ibv_open_device of " + name, errno);
            free_device_list(devices);
            return context;
        }
        fail("this machine has no RDMA device named " + name);
    }

    ibv_device** (*get_device_list)(int*) = nullptr;
    void (*free_device_list)(ibv_device**) = nullptr;
    const char* (*get_device_name)(ibv_device*) = nullptr;
    ibv_context* (*open_device)(ibv_device*) = nullptr;
    ibv_pd* (*alloc_pd)(ibv_context*) = nullptr;
    ibv_mr* (*reg_mr)(ibv_pd*, void*, std::size_t, int) = nullptr;
    int (*query_port)(ibv_context*, std::uint8_t, ibv_port_attr*) = nullptr;
    int (*query_gid)(ibv_context*, std::uint8_t, int, ibv_gid*) = nullptr;
    ibv_cq* (*create_cq)(ibv_context*, int, void*, ibv_comp_channel*, int) = nullptr;
    ibv_qp* (*create_qp)(ibv_pd*, ibv_qp_init_attr*) = nullptr;
    int (*modify_qp)(ibv_qp*, ibv_qp_attr*, int) = nullptr;

private:
    template <class Function>
    void find(Function*& function, const char* symbol) const {
        function = reinterpret_cast<Function*>(dlsym(handle_, symbol));
        if (function == nullptr) fail(path_ + " has no symbol " + symbol);
    }

    std::string path_;
    void* handle_;
};

// What a rank must know of a peer's queue pair.
struct Destination {
    std::uint16_t lid;
    std::uint32_t queue_pair;
    ibv_gid gid;
};

// Memory as large as an operation's, of which one frame after the other is used.
class Memory {
public:
    void resize(std::size_t bytes) {
        data_.assign(std::max(bytes, largest_frame), 0);
        position_ = 0;
    }
    char* next(std::size_t bytes) {
        if (position_ + bytes > data_.size()) position_ = 0;
        char* const place = data_.data() + position_;
        position_ += bytes;
        return place;
    }

private:
    std::vector<char> data_;
    std::size_t position_ = 0;
};

// Where frames are copied from and to.
struct Copies {
    Memory source;
    Memory target;
};

// A connection to a peer. The process ends with the job; nothing is ever freed.
class Link {
public:
    Link(const Verbs& verbs, const std::string& device, int rank, int peer, bool reliable)
        : verbs_(verbs),
          name_(device + ", to rank " + std::to_string(peer)),
          rank_(rank),
          peer_(peer),
          reliable_(reliable) {
        ibv_context* const context = verbs.open(device);
        find_address(context);
        ibv_pd* const domain = verbs.alloc_pd(context);
        if (domain == nullptr) fail_with_error(name_ + ": ibv_alloc_pd", errno);
        constexpr std::size_t bytes = 2 * depth * largest_frame;
        memory_ = static_cast<char*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0));
        if (memory_ == MAP_FAILED) fail_with_error("mmap", errno);
        region_ = verbs.reg_mr(domain, memory_, bytes, access);
        if (region_ == nullptr) fail_with_error(name_ + ": ibv_reg_mr", errno);
        completions_ = verbs.create_cq(context, 64, nullptr, nullptr, 0);
        if (completions_ == nullptr) fail_with_error(name_ + ": ibv_create_cq", errno);
        ibv_qp_init_attr init{};
        init.send_cq = completions_;
        init.recv_cq = completions_;
        init.cap = {.max_send_wr = 32, .max_recv_wr = 32, .max_send_sge = 1, .max_recv_sge = 1, .max_inline_data = 0};
        init.qp_type = reliable ? IBV_QPT_RC : IBV_QPT_UC;
        pair_ = verbs.create_qp(domain, &init);
        if (pair_ == nullptr) fail_with_error(name_ + ": ibv_create_qp", errno);

        ibv_qp_attr attributes{};
        attributes.qp_state = IBV_QPS_INIT;
        attributes.port_num = port;
        attributes.qp_access_flags = access;
        modify(attributes, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS, "INIT");
    }
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    int peer() const { return peer_; }
    Destination destination() const { return {lid_, pair_->qp_num, gid_}; }

    void connect(const Destination& peer) {
        ibv_qp_attr attributes{};
        attributes.qp_state = IBV_QPS_RTR;
        attributes.path_mtu = IBV_MTU_1024;
        attributes.rq_psn = first_packet;
        attributes.dest_qp_num = peer.queue_pair;
        attributes.ah_attr.dlid = peer.lid;
        attributes.ah_attr.port_num = port;
        if (peer.gid.global.interface_id != 0) {
            attributes.ah_attr.is_global = 1;
            attributes.ah_attr.grh.hop_limit = 1;
            attributes.ah_attr.grh.dgid = peer.gid;
            attributes.ah_attr.grh.sgid_index = gid_index_;
        }
        int mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
        if (reliable_) {
            attributes.max_dest_rd_atomic = 1;
            attributes.min_rnr_timer = 1;
            mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
        }
        modify(attributes, mask, "RTR");

        attributes = {};
        attributes.qp_state = IBV_QPS_RTS;
        attributes.sq_psn = first_packet;
        mask = IBV_QP_STATE | IBV_QP_SQ_PSN;
        if (reliable_) {
            attributes.timeout = 14;
            attributes.retry_cnt = 7;
            attributes.rnr_retry = 7;
            attributes.max_rd_atomic = 1;
            mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
        }
        modify(attributes, mask, "RTS");
    }

    // Null: nothing is copied.
    void copy(Copies* copies) { copies_ = copies; }

    // From here on so many frames of so many bytes are to be sent and received.
    void begin(std::size_t frame, std::size_t sends, std::size_t receives) {
        frame_ = frame;
        outgoing_ = {sends, 0, 0};
        incoming_ = {receives, 0, 0};
    }
    bool done() const { return outgoing_.completed == outgoing_.count && incoming_.completed == incoming_.count; }

    void post_next_receive() {
        if (incoming_.posted == incoming_.count) return;
        const auto message = incoming_.posted++;
        ibv_sge piece = describe(depth + message % depth);
        ibv_recv_wr request{};
        request.wr_id = receive_id;
        request.sg_list = &piece;
        request.num_sge = 1;
        ibv_recv_wr* bad = nullptr;
        if (const int error = ibv_post_recv(pair_, &request, &bad); error != 0)
            fail_with_error(name_ + ": ibv_post_recv", error);
    }

    void post_next_send() {
        if (outgoing_.posted == outgoing_.count) return;
        const auto message = outgoing_.posted++;
        if (copies_ != nullptr) std::memcpy(buffer(message % depth), copies_->source.next(frame_), frame_);
        stamp(message % depth) = mark(rank_, message);
        ibv_sge piece = describe(message % depth);
        ibv_send_wr request{};
        request.wr_id = send_id;
        request.sg_list = &piece;
        request.num_sge = 1;
        request.opcode = IBV_WR_SEND;
        request.send_flags = IBV_SEND_SIGNALED;
        ibv_send_wr* bad = nullptr;
        if (const int error = ibv_post_send(pair_, &request, &bad); error != 0)
            fail_with_error(name_ + ": ibv_post_send", error);
    }

    // Takes what has completed, and posts what comes next. Returns whether there was anything.
    bool advance(std::int64_t& errors) {
        std::array<ibv_wc, std::size_t{2} * depth> completions;
        const int count = ibv_poll_cq(completions_, static_cast<int>(completions.size()), completions.data());
        if (count < 0) fail(name_ + ": ibv_poll_cq failed");
        for (int i = 0; i < count; ++i) {
            const ibv_wc& completion = completions[static_cast<std::size_t>(i)];
            if (completion.status != IBV_WC_SUCCESS)
                fail(name_ + ": a completion has the status " + std::to_string(completion.status));
            if (completion.wr_id == send_id) {
                ++outgoing_.completed;
                post_next_send();
            } else {
                const auto message = incoming_.completed++;
                errors += stamp(depth + message % depth) == mark(peer_, message) ? 0 : 1;
                if (copies_ != nullptr)
                    std::memcpy(copies_->target.next(frame_), buffer(depth + message % depth), frame_);
                post_next_receive();
            }
        }
        return count > 0;
    }

private:
    static constexpr std::uint64_t send_id = 1;
    static constexpr std::uint64_t receive_id = 2;
    static constexpr int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;

    struct Stream {
        std::size_t count = 0;
        std::size_t posted = 0;
        std::size_t completed = 0;
    };

    // Whose message this is, and which.
    static std::uint64_t mark(int rank, std::size_t message) {
        return static_cast<std::uint64_t>(rank + 1) << 48 | message;
    }
    char* buffer(std::size_t index) const { return memory_ + index * largest_frame; }
    std::uint64_t& stamp(std::size_t index) const { return *reinterpret_cast<std::uint64_t*>(buffer(index)); }

    ibv_sge describe(std::size_t index) const {
        return {reinterpret_cast<std::uint64_t>(buffer(index)), static_cast<std::uint32_t>(frame_), region_->lkey};
    }

    void modify(ibv_qp_attr& attributes, int mask, const char* state) {
        if (const int error = verbs_.modify_qp(pair_, &attributes, mask); error != 0)
            fail_with_error(name_ + ": ibv_modify_qp to " + state, error);
    }

    // The first GID that is an IPv4 address.
    void find_address(ibv_context* context) {
        union {
            ibv_port_attr attributes;
            char room[256]; // for what newer libraries may write
        } queried{};
        if (const int error = verbs_.query_port(context, port, &queried.attributes); error != 0)
            fail_with_error(name_ + ": ibv_query_port", error);
        lid_ = queried.attributes.lid;
        for (int index = 0; index < queried.attributes.gid_tbl_len && index <= 255; ++index) {
            ibv_gid gid{};
            if (verbs_.query_gid(context, port, index, &gid) != 0) continue;
            if (std::any_of(gid.raw, gid.raw + 10, [](std::uint8_t byte) { return byte != 0; }) ||
                gid.raw[10] != 0xff || gid.raw[11] != 0xff)
                continue;
            gid_ = gid;
            gid_index_ = static_cast<std::uint8_t>(index);
            return;
        }
        if (lid_ == 0) fail(name_ + ": no GID is an IPv4 address");
    }

    const Verbs& verbs_;
    const std::string name_;
    const int rank_;
    const int peer_;
    const bool reliable_;
    std::uint16_t lid_ = 0;
    ibv_gid gid_{};
    std::uint8_t gid_index_ = 0;
    char* memory_ = nullptr;
    ibv_mr* region_ = nullptr;
    ibv_cq* completions_ = nullptr;
    ibv_qp* pair_ = nullptr;
    Copies* copies_ = nullptr;
    std::size_t frame_ = smallest_frame;
    Stream outgoing_;
    Stream incoming_;
};

// ---- what JACCL sends -----------------------------------------------------------------------------------------------

constexpr std::size_t item = sizeof(float);
constexpr std::size_t small = 32'768; // what goes at once in a mesh and on one wire in a ring

std::size_t ceil_div(std::size_t a, std::size_t b) {
    return (a + b - 1) / b;
}

std::size_t frame_of(std::size_t bytes) {
    return std::bit_floor(std::clamp(bytes, smallest_frame, largest_frame));
}

// Frames that go over some links at the same time.
struct Step {
    struct Use {
        Link* link;
        std::size_t sends;
        std::size_t receives;
    };
    std::size_t frame;
    std::vector<Use> uses;
};

// Steps one after the other; the flows of a phase go on side by side.
using Flow = std::vector<Step>;
using Phase = std::vector<Flow>;
using Plan = std::vector<Phase>;

class Fabric {
public:
    Fabric(const Arguments& arguments, const Verbs& verbs, Meeting& meeting)
        : rank_(arguments.integer("rank")),
          size_(arguments.integer("size")),
          wires_(static_cast<std::size_t>(arguments.integer("wires"))),
          is_ring_(arguments.text("topology") == "ring") {
        const std::vector<std::string> devices = arguments.list("devices");
        const int left = (rank_ + size_ - 1) % size_;
        const int right = (rank_ + 1) % size_;
        std::vector<int> peers;
        if (is_ring_) {
            peers.assign(wires_, left);
            peers.insert(peers.end(), wires_, right);
        } else {
            for (int peer = 0; peer < size_; ++peer) {
                if (peer != rank_) peers.push_back(peer);
            }
        }
        if (devices.size() != peers.size()) fail("devices: one for each connection");
        const bool reliable = arguments.text("pairs") == "rc";
        for (std::size_t i = 0; i < peers.size(); ++i)
            links_.push_back(std::make_unique<Link>(verbs, devices[i], rank_, peers[i], reliable));

        std::vector<Destination> own;
        for (const auto& link : links_) own.push_back(link->destination());
        const std::vector<Destination> all = meeting.gather(own);
        for (std::size_t i = 0; i < links_.size(); ++i) {
            const auto peer = static_cast<std::size_t>(links_[i]->peer());
            links_[i]->connect(all[peer * links_.size() + theirs(i)]);
        }
        meeting.barrier();
    }

    const std::vector<std::unique_ptr<Link>>& links() const { return links_; }

    Plan plan(const std::string& operation, std::size_t count) const {
        if (operation == "all-reduce") return is_ring_ ? ring_all_reduce(count) : mesh_all_reduce(count);
        if (operation == "send-receive") return send_receive(count);
        fail("the operation " + operation + " is not known here");
    }

private:
    // The peer's connection at the other end of the own one i.
    std::size_t theirs(std::size_t i) const {
        if (is_ring_) return (i + wires_) % (2 * wires_);
        const auto own = static_cast<std::size_t>(rank_);
        return links_[i]->peer() < rank_ ? own - 1 : own;
    }

    Link& left(std::size_t wire) const { return *links_[wire]; }
    Link& right(std::size_t wire) const { return *links_[wires_ + wire]; }
    std::size_t ranks() const { return static_cast<std::size_t>(size_); }

    // So many messages to and from every other rank.
    Phase with_all(std::size_t bytes) const {
        const std::size_t frame = frame_of(bytes);
        const std::size_t messages = ceil_div(bytes, frame);
        Step step{frame, {}};
        for (const auto& link : links_) step.uses.push_back({link.get(), messages, messages});
        return {{step}};
    }

    Plan mesh_all_reduce(std::size_t count) const {
        if (size_ == 2 || count * item <= small) return {with_all(count * item)};
        const std::size_t chunk = count / ranks();
        Plan plan{with_all(chunk * item), with_all(chunk * item)};
        if (const std::size_t rest = count - chunk * ranks(); rest > 0) plan.push_back(with_all(rest * item));
        return plan;
    }

    Plan ring_all_reduce(std::size_t count) const {
        const bool at_once = count * item <= small || count < 2 * ranks() * wires_;
        const std::size_t wires = at_once ? 1 : wires_;
        const std::size_t directions = at_once ? 1 : 2;
        const std::size_t slice = ceil_div(ceil_div(count, ranks()), directions * wires) * item;
        const std::size_t frame = frame_of(slice);
        const std::size_t messages = ceil_div(slice, frame);
        Phase phase;
        for (std::size_t wire = 0; wire < wires; ++wire) {
            const std::size_t backwards = directions == 2 ? messages : 0;
            const Step step{frame, {{&left(wire), backwards, messages}, {&right(wire), messages, backwards}}};
            phase.emplace_back(2 * ranks() - 2, step);
        }
        return {phase};
    }

    // To the right neighbour, from the left one; every other rank receives first.
    Plan send_receive(std::size_t count) const {
        const Phase sending = one_way(count * item, true);
        const Phase receiving = one_way(count * item, false);
        return rank_ % 2 == 1 ? Plan{receiving, sending} : Plan{sending, receiving};
    }

    Phase one_way(std::size_t bytes, bool sends) const {
        if (!is_ring_) {
            const std::size_t messages = ceil_div(bytes, frame_of(bytes));
            const int peer = (rank_ + (sends ? 1 : size_ - 1)) % size_;
            Link& link = *links_[static_cast<std::size_t>(peer < rank_ ? peer : peer - 1)];
            return {{{frame_of(bytes), {{&link, sends ? messages : 0, sends ? 0 : messages}}}}};
        }
        // Where both neighbours are one, data leaves on the left and arrives on the right.
        const bool on_left = sends == (size_ == 2);
        const std::size_t slice = ceil_div(bytes, wires_);
        const std::size_t frame = frame_of(slice);
        Step step{frame, {}};
        for (std::size_t wire = 0; wire < wires_; ++wire) {
            const std::size_t begin = std::min(wire * slice, bytes);
            const std::size_t messages = ceil_div(std::min(begin + slice, bytes) - begin, frame);
            step.uses.push_back({on_left ? &left(wire) : &right(wire), sends ? messages : 0, sends ? 0 : messages});
        }
        return {{step}};
    }

    const int rank_;
    const int size_;
    const std::size_t wires_;
    const bool is_ring_;
    std::vector<std::unique_ptr<Link>> links_;
};

// ---- measuring ------------------------------------------------------------------------------------------------------

class Rank {
public:
    Rank(const Arguments& arguments, const Fabric& fabric, Meeting& meeting)
        : fabric_(fabric),
          meeting_(meeting),
          operation_(arguments.text("operation")),
          is_root_(arguments.integer("rank") == 0),
          size_(arguments.integer("size")),
          fixed_iterations_(arguments.integer("iterations")),
          seconds_(arguments.real("seconds")),
          warm_up_seconds_(arguments.real("warm_up_seconds")),
          min_iterations_(arguments.integer("min_iterations")),
          max_iterations_(arguments.integer("max_iterations")),
          stamps_(static_cast<std::size_t>(std::max(fixed_iterations_, max_iterations_)) + 1) {
        if (arguments.integer("copies") == 0) return;
        for (const auto& link : fabric.links()) link->copy(&copies_);
    }
    Rank(const Rank&) = delete;
    Rank& operator=(const Rank&) = delete;

    void measure(std::size_t count, std::FILE* file) {
        plan_ = fabric_.plan(operation_, count);
        copies_.source.resize(count * item);
        copies_.target.resize(count * item);
        errors_ = 0;
        run();
        const int iterations = warm_up();

        meeting_.barrier();
        const double cpu_before = cpu_us();
        stamps_[0] = Clock::now();
        for (int i = 0; i < iterations; ++i) {
            run();
            stamps_[static_cast<std::size_t>(i) + 1] = Clock::now();
        }
        const double cpu = cpu_us() - cpu_before;

        run();
        std::vector<double> times(static_cast<std::size_t>(iterations));
        for (std::size_t i = 0; i < times.size(); ++i)
            times[i] = std::chrono::duration<double, std::nano>(stamps_[i + 1] - stamps_[i]).count();
        meeting_.sum_up(times);
        std::vector<double> totals{cpu, static_cast<double>(errors_)};
        meeting_.sum_up(totals);
        if (file == nullptr) return;
        std::fprintf(file, "%zu %d %.0f %.0f", count, iterations, totals[0], totals[1]);
        for (const double time : times) std::fprintf(file, " %.0f", time / size_);
        std::fputc('\n', file);
    }

private:
    static double cpu_us() {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        const auto us = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
        };
        return us(usage.ru_utime) + us(usage.ru_stime);
    }

    // One operation.
    void run() {
        for (const Phase& phase : plan_) {
            position_.assign(phase.size(), 0);
            std::size_t running = phase.size();
            for (const Flow& flow : phase) begin(flow.front());
            while (running > 0) {
                bool found = false;
                for (std::size_t i = 0; i < phase.size(); ++i) {
                    if (position_[i] == phase[i].size()) continue;
                    const Step& step = phase[i][position_[i]];
                    bool done = true;
                    for (const Step::Use& use : step.uses) {
                        if (!use.link->done()) found = use.link->advance(errors_) || found;
                        done = done && use.link->done();
                    }
                    if (!done) continue;
                    if (++position_[i] < phase[i].size()) {
                        begin(phase[i][position_[i]]);
                    } else {
                        --running;
                    }
                }
                // The others may need the core.
                if (!found && running > 0) ::sched_yield();
            }
        }
    }

    static void begin(const Step& step) {
        for (const Step::Use& use : step.uses) use.link->begin(step.frame, use.sends, use.receives);
        for (int i = 0; i < depth; ++i) {
            for (const Step::Use& use : step.uses) use.link->post_next_receive();
            for (const Step::Use& use : step.uses) use.link->post_next_send();
        }
    }

    // Runs operations until they have taken long enough; returns how many are to be measured.
    int warm_up() {
        if (fixed_iterations_ > 0) {
            repeat((fixed_iterations_ + 9) / 10);
            return fixed_iterations_;
        }
        for (int times = 1;; times *= 2) {
            meeting_.barrier();
            const Clock::time_point start = Clock::now();
            repeat(times);
            const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
            // What rank 0 says: go on (0), or how many.
            std::vector<double> decision{0};
            if (is_root_ && elapsed >= warm_up_seconds_) {
                decision[0] = std::floor(std::clamp(seconds_ / elapsed * times, static_cast<double>(min_iterations_),
                                                    static_cast<double>(max_iterations_)));
            }
            meeting_.sum_up(decision);
            if (decision[0] > 0) return static_cast<int>(decision[0]);
        }
    }

    void repeat(int times) {
        for (int i = 0; i < times; ++i) run();
    }

    const Fabric& fabric_;
    Meeting& meeting_;
    const std::string& operation_;
    const bool is_root_;
    const int size_;
    const int fixed_iterations_;
    const double seconds_;
    const double warm_up_seconds_;
    const int min_iterations_;
    const int max_iterations_;
    Copies copies_;
    Plan plan_;
    std::vector<std::size_t> position_; // of each flow
    std::int64_t errors_ = 0;
    std::vector<Clock::time_point> stamps_;
};

void end_with_parent() {
    std::thread([] {
        char byte = 0;
        while (::read(STDIN_FILENO, &byte, 1) > 0) {}
        std::_Exit(1);
    }).detach();
}

} // namespace

int main(int argc, char** argv) {
    const Arguments arguments(argc, argv);
    const int rank = arguments.integer("rank");
    own_name = "rank " + std::to_string(rank);
    end_with_parent();
    const Verbs verbs(arguments.text("library"));
    Meeting meeting(arguments.text("meeting"), rank, arguments.integer("size"));
    const Fabric fabric(arguments, verbs, meeting);
    Rank self(arguments, fabric, meeting);
    std::FILE* file = nullptr;
    if (rank == 0) {
        file = std::fopen(arguments.text("output").c_str(), "w");
        if (file == nullptr) fail("the output file cannot be written");
    }
    for (const std::string& count : arguments.list("counts"))
        self.measure(std::strtoull(count.c_str(), nullptr, 10), file);
    if (file != nullptr && std::fclose(file) != 0) fail("the output file cannot be written");
    meeting.barrier(); // nobody leaves while another still waits for something
    std::_Exit(0);
}
