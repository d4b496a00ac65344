// A peer of the benchmark: NCCL's operations on floats, called without anything in between, measured exactly as the
// ranks of NativeCollectives.Bench measure theirs (RankMeasurer.cs); the two change together. NCCL and the CUDA driver
// are found at run time; what is used of them is declared in native/nccl.
//
//   nccl_direct nccl=PATH cuda=PATH device=ORDINAL                     prints whose versions it uses
//   nccl_direct nccl=... cuda=... device=... KEY=VALUE...              is a rank
//
//   rank, size           the own rank, the number of ranks
//   id                   the file in which rank 0 leaves NCCL's id for the others
//   operation            such as all-reduce
//   in_place             1: one buffer for input and output
//   memory device, or host: the input is copied to the device before each operation, the output to the host after it
//   blocking             1: a blocking communicator, 0: a non-blocking one
//   wait poll: asks again and again whether the device is done, as the library does; synchronize: cuStreamSynchronize
//   batch                operations between two waits
//   iterations           waits to measure; 0: as many as take about
//   seconds              so long, but from
//   min_iterations to max_iterations, after a warm-up of
//   warm_up_seconds
//   counts               elements of a block: 2,4,8
//   output               the file for the result
//
// It ends when its standard input does. Rank 0 writes one line per count to output:
//   count iterations cpu_us errors time_ns...
// cpu_us is the processor time of all ranks and all operations, a time is the ranks' mean for one operation (of a
// batch: its mean), and errors counts wrong elements on all ranks.

#include <dlfcn.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "nccl/nccl_api.h"

namespace {

using namespace nc::nccl;
using Clock = std::chrono::steady_clock;

constexpr int root = 0;
constexpr std::int64_t period = 1021;
constexpr std::size_t alignment = 4096;

std::string own_name = "nccl_direct";

// Whatever threads NCCL and CUDA have: the process ends.
[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", own_name.c_str(), what.c_str());
    std::fflush(stderr);
    std::_Exit(1);
}

// ---- the command line -----------------------------------------------------------------------------------------------

class Arguments {
public:
    Arguments(int count, char** values) {
        for (int i = 1; i < count; ++i) {
            const std::string_view argument = values[i];
            const std::size_t equals = argument.find('=');
            if (equals == std::string_view::npos)
                fail("what is '" + std::string(argument) + "'? See the beginning of nccl_direct.cpp.");
            values_.emplace(argument.substr(0, equals), argument.substr(equals + 1));
        }
    }

    bool has(const char* key) const { return values_.count(key) > 0; }

    const std::string& text(const char* key) const {
        const auto found = values_.find(key);
        if (found == values_.end()) fail(std::string(key) + "=... is missing");
        return found->second;
    }

    int integer(const char* key) const { return std::atoi(text(key).c_str()); }
    double real(const char* key) const { return std::atof(text(key).c_str()); }

    std::vector<std::size_t> integers(const char* key) const {
        std::vector<std::size_t> list;
        for (const char* rest = text(key).c_str(); *rest != '\0';) {
            char* end = nullptr;
            list.push_back(std::strtoull(rest, &end, 10));
            rest = *end == ',' ? end + 1 : end;
            if (*end != ',' && *end != '\0') fail(std::string(key) + " is no list of numbers");
        }
        return list;
    }

private:
    std::map<std::string, std::string> values_;
};

// ---- the libraries --------------------------------------------------------------------------------------------------

class Library {
public:
    explicit Library(const std::string& path) : path_(path), handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) fail(dlerror());
    }

    template <class Function>
    void find(Function*& function, const char* symbol) const {
        function = reinterpret_cast<Function*>(dlsym(handle_, symbol));
    }

    template <class Function>
    void require(Function*& function, const char* symbol) const {
        find(function, symbol);
        if (function == nullptr) fail(path_ + " has no symbol " + symbol);
    }

private:
    std::string path_;
    void* handle_;
};

struct Cuda : CudaFunctions {
    CudaResult (*StreamSynchronize)(CudaStream stream) = nullptr;

    explicit Cuda(const Library& library) : CudaFunctions{} {
        library.require(Init, "cuInit");
        library.require(DriverGetVersion, "cuDriverGetVersion");
        library.require(DeviceGet, "cuDeviceGet");
        library.require(DeviceGetName, "cuDeviceGetName");
        library.require(DevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain");
        library.require(CtxPushCurrent, "cuCtxPushCurrent_v2");
        library.require(StreamCreate, "cuStreamCreate");
        library.require(StreamSynchronize, "cuStreamSynchronize");
        library.require(EventCreate, "cuEventCreate");
        library.require(EventRecord, "cuEventRecord");
        library.require(EventQuery, "cuEventQuery");
        library.require(MemAlloc, "cuMemAlloc_v2");
        library.require(MemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2");
        library.require(MemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2");
        library.require(MemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2");
        library.require(GetErrorName, "cuGetErrorName");
    }

    void check(CudaResult result, const char* call) const {
        if (result == CudaResult::Success) return;
        const char* name = nullptr;
        (void)GetErrorName(result, &name);
        fail(std::string(call) + ": " + (name != nullptr ? name : "CUDA error") + " (" +
             std::to_string(static_cast<int>(result)) + ")");
    }
};

struct Nccl : NcclFunctions {
    explicit Nccl(const Library& library) : NcclFunctions{} {
        library.require(GetVersion, "ncclGetVersion");
        library.require(GetUniqueId, "ncclGetUniqueId");
        library.require(CommInitRankConfig, "ncclCommInitRankConfig");
        library.require(CommFinalize, "ncclCommFinalize");
        library.require(CommDestroy, "ncclCommDestroy");
        library.require(CommGetAsyncError, "ncclCommGetAsyncError");
        library.require(GetErrorString, "ncclGetErrorString");
        library.require(GroupStart, "ncclGroupStart");
        library.require(GroupEnd, "ncclGroupEnd");
        library.require(AllReduce, "ncclAllReduce");
        library.require(Reduce, "ncclReduce");
        library.require(Broadcast, "ncclBroadcast");
        library.require(AllGather, "ncclAllGather");
        library.require(ReduceScatter, "ncclReduceScatter");
        library.require(Send, "ncclSend");
        library.require(Recv, "ncclRecv");
        library.find(AlltoAll, "ncclAlltoAll");
        library.find(Gather, "ncclGather");
        library.find(Scatter, "ncclScatter");
    }

    std::string version() const {
        int code = 0;
        (void)GetVersion(&code);
        return std::to_string(code / 10000) + "." + std::to_string(code / 100 % 100) + "." + std::to_string(code % 100);
    }
};

// ---- the device -----------------------------------------------------------------------------------------------------

// The library's pauses between one question and the next (native/nccl/wait.h).
class Pause {
public:
    void take() {
        const auto waited = Clock::now() - begin_;
        if (waited < std::chrono::microseconds(200)) {
            std::this_thread::yield();
        } else {
            std::this_thread::sleep_for(
                std::clamp<Clock::duration>(waited / 100, std::chrono::microseconds(20), std::chrono::milliseconds(1)));
        }
    }

private:
    const Clock::time_point begin_ = Clock::now();
};

class Device {
public:
    Device(const Cuda& cuda, int ordinal) : cuda_(cuda) {
        cuda_.check(cuda_.Init(0), "cuInit");
        cuda_.check(cuda_.DeviceGet(&device_, ordinal), "cuDeviceGet");
        CudaContext context = nullptr;
        cuda_.check(cuda_.DevicePrimaryCtxRetain(&context, device_), "cuDevicePrimaryCtxRetain");
        cuda_.check(cuda_.CtxPushCurrent(context), "cuCtxPushCurrent");
        cuda_.check(cuda_.StreamCreate(&stream_, stream_non_blocking), "cuStreamCreate");
        cuda_.check(cuda_.EventCreate(&event_, event_disable_timing), "cuEventCreate");
    }

    CudaStream stream() const { return stream_; }

    std::string description() const {
        int version = 0;
        char name[256] = "";
        cuda_.check(cuda_.DriverGetVersion(&version), "cuDriverGetVersion");
        cuda_.check(cuda_.DeviceGetName(name, sizeof name, device_), "cuDeviceGetName");
        return "CUDA driver " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10) + ", " +
               name;
    }

    // The process ends with the job; nothing is ever freed.
    void* allocate(std::size_t bytes) const {
        CudaAddress address = 0;
        cuda_.check(cuda_.MemAlloc(&address, std::max<std::size_t>(bytes, 1)), "cuMemAlloc");
        return reinterpret_cast<void*>(address);
    }

    // The copies take their place on the stream.
    void copy_in(void* target, const void* source, std::size_t bytes) const {
        if (bytes > 0)
            cuda_.check(cuda_.MemcpyHtoDAsync(address_of(target), source, bytes, stream_), "cuMemcpyHtoDAsync");
    }
    void copy_out(void* target, const void* source, std::size_t bytes) const {
        if (bytes > 0)
            cuda_.check(cuda_.MemcpyDtoHAsync(target, address_of(source), bytes, stream_), "cuMemcpyDtoHAsync");
    }
    void copy(void* target, const void* source, std::size_t bytes) const {
        if (bytes > 0)
            cuda_.check(cuda_.MemcpyDtoDAsync(address_of(target), address_of(source), bytes, stream_),
                        "cuMemcpyDtoDAsync");
    }

    void synchronize() const { cuda_.check(cuda_.StreamSynchronize(stream_), "cuStreamSynchronize"); }

    // Until the device has done what is on the stream. check is called now and then.
    template <class Check>
    void poll(Check&& check) const {
        cuda_.check(cuda_.EventRecord(event_, stream_), "cuEventRecord");
        Pause pause;
        unsigned int questions = 0;
        for (CudaResult result = cuda_.EventQuery(event_); result != CudaResult::Success;
             result = cuda_.EventQuery(event_)) {
            if (result != CudaResult::NotReady) cuda_.check(result, "cuEventQuery");
            if (++questions % 16 == 0) check();
            pause.take();
        }
    }

private:
    static CudaAddress address_of(const void* pointer) { return reinterpret_cast<CudaAddress>(pointer); }

    const Cuda& cuda_;
    CudaDevice device_ = 0;
    CudaStream stream_ = nullptr;
    CudaEvent event_ = nullptr;
};

// ---- the communicator -----------------------------------------------------------------------------------------------

class Communicator {
public:
    Communicator(const Nccl& nccl, const UniqueId& id, int size, int rank, bool blocking) : nccl_(nccl) {
        Config config{};
        // Every library from 2.18 on takes this much; what came later has its defaults.
        config.size = offsetof(Config, comm_name);
        config.version = 21800;
        config.blocking = blocking ? 1 : 0;
        settle(nccl_.CommInitRankConfig(&comm_, size, id, rank, &config), "ncclCommInitRankConfig");
    }

    Comm get() const { return comm_; }

    // Waits until NCCL has done on the host what it was called for.
    void settle(Result result, const char* call) const {
        Pause pause;
        while (result == Result::InProgress) {
            result = state();
            if (result == Result::InProgress) pause.take();
        }
        check(result, call);
    }

    // As settle, for a call between ncclGroupStart and ncclGroupEnd.
    void check(Result result, const char* call) const {
        if (result != Result::Success && result != Result::InProgress) {
            fail(std::string(call) + ": " + nccl_.GetErrorString(result) + " (" +
                 std::to_string(static_cast<int>(result)) + ")");
        }
    }

    void check_state() const { check(state(), "NCCL"); }

    void leave() {
        settle(nccl_.CommFinalize(comm_), "ncclCommFinalize");
        check(nccl_.CommDestroy(comm_), "ncclCommDestroy");
    }

private:
    Result state() const {
        Result pending = Result::Success;
        const Result result = nccl_.CommGetAsyncError(comm_, &pending);
        return result != Result::Success ? result : pending;
    }

    const Nccl& nccl_;
    Comm comm_ = nullptr;
};

UniqueId agree_on_id(const Nccl& nccl, int rank, int size, const std::string& path) {
    UniqueId id{};
    if (rank == 0) {
        if (nccl.GetUniqueId(&id) != Result::Success) fail("ncclGetUniqueId failed");
        if (size > 1) {
            const std::string unfinished = path + ".new";
            std::ofstream(unfinished, std::ios::binary).write(id.bytes, sizeof id.bytes);
            if (std::rename(unfinished.c_str(), path.c_str()) != 0) fail("the id cannot be written to " + path);
        }
        return id;
    }
    for (;;) {
        std::ifstream file(path, std::ios::binary);
        if (file.read(id.bytes, sizeof id.bytes)) return id;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

// ---- the operations -------------------------------------------------------------------------------------------------

enum class Kind {
    AllReduce,
    AllGather,
    ReduceScatter,
    Broadcast,
    Reduce,
    Gather,
    Scatter,
    AllToAll,
    SendReceive,
    Barrier
};

struct Operation {
    std::string_view name;
    Kind kind;
    bool input_per_rank = false; // one block per rank, otherwise one block
    bool output_per_rank = false;
    bool input_at_root = false; // only there
    bool output_at_root = false;
    bool always_in_place = false;
};

constexpr Operation operations[] = {
    {.name = "all-reduce", .kind = Kind::AllReduce},
    {.name = "all-gather", .kind = Kind::AllGather, .output_per_rank = true},
    {.name = "reduce-scatter", .kind = Kind::ReduceScatter, .input_per_rank = true},
    {.name = "broadcast", .kind = Kind::Broadcast, .input_at_root = true, .always_in_place = true},
    {.name = "reduce", .kind = Kind::Reduce, .output_at_root = true},
    {.name = "gather", .kind = Kind::Gather, .output_per_rank = true, .output_at_root = true},
    {.name = "scatter", .kind = Kind::Scatter, .input_per_rank = true, .input_at_root = true},
    {.name = "all-to-all", .kind = Kind::AllToAll, .input_per_rank = true, .output_per_rank = true},
    {.name = "send-receive", .kind = Kind::SendReceive},
    {.name = "barrier", .kind = Kind::Barrier},
};

const Operation& operation_of(const std::string& name) {
    for (const Operation& operation : operations) {
        if (operation.name == name) return operation;
    }
    fail("there is no operation " + name);
}

// ---- the rank -------------------------------------------------------------------------------------------------------

void* allocate_host(std::size_t bytes) {
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, std::max<std::size_t>(bytes, 1)) != 0) fail("out of memory");
    std::memset(memory, 0, bytes); // has its pages from now on
    return memory;
}

double cpu_us() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

class Rank {
public:
    Rank(const Arguments& arguments, const Nccl& nccl, const Device& device, Communicator& communicator)
        : nccl_(nccl),
          device_(device),
          communicator_(communicator),
          rank_(arguments.integer("rank")),
          size_(arguments.integer("size")),
          operation_(operation_of(arguments.text("operation"))),
          in_place_(arguments.integer("in_place") == 1 || operation_.always_in_place),
          from_host_(arguments.text("memory") == "host"),
          synchronize_(arguments.text("wait") == "synchronize"),
          batch_(arguments.integer("batch")),
          fixed_iterations_(arguments.integer("iterations")),
          seconds_(arguments.real("seconds")),
          warm_up_seconds_(arguments.real("warm_up_seconds")),
          min_iterations_(arguments.integer("min_iterations")),
          max_iterations_(arguments.integer("max_iterations")) {
        const std::vector<std::size_t> counts = arguments.integers("counts");
        const std::size_t largest = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
        output_ = allocate(outputs(largest));
        input_ = in_place_ ? output_ : allocate(inputs(largest));
        longest_ = static_cast<std::size_t>(std::max(fixed_iterations_, max_iterations_));
        stamps_.resize(longest_ + 1);
        totals_ = static_cast<double*>(device_.allocate(longest_ * sizeof(double)));
    }

    void measure(std::size_t count, std::FILE* file) {
        count_ = count;
        std::int64_t errors = check();
        if (in_place_) {
            std::fill_n(output_.host, outputs(count), 0.0F); // sums of zeros stay zeros
            upload();
        }
        const int iterations = warm_up();

        barrier();
        const double cpu_before = cpu_us();
        stamps_[0] = Clock::now();
        for (int i = 0; i < iterations; ++i) {
            run();
            stamps_[static_cast<std::size_t>(i) + 1] = Clock::now();
        }
        const double cpu = cpu_us() - cpu_before;

        errors += check();
        std::vector<double> times(static_cast<std::size_t>(iterations));
        for (std::size_t i = 0; i < times.size(); ++i)
            times[i] = std::chrono::duration<double, std::nano>(stamps_[i + 1] - stamps_[i]).count() / batch_;
        sum_up(times);
        std::vector<double> totals{cpu, static_cast<double>(errors)};
        sum_up(totals);
        if (file == nullptr) return;
        std::fprintf(file, "%zu %d %.0f %.0f", count, iterations, totals[0], totals[1]);
        for (const double time : times) std::fprintf(file, " %.0f", time / size_);
        std::fputc('\n', file);
    }

    void barrier() {
        std::vector<double> nothing{0};
        sum_up(nothing);
    }

private:
    // In both memories: an operation on the host's goes through the device's, and one on the device's is checked in the
    // host's.
    struct Buffer {
        float* host = nullptr;
        float* device = nullptr;
    };

    Buffer allocate(std::size_t elements) const {
        return {static_cast<float*>(allocate_host(elements * sizeof(float))),
                static_cast<float*>(device_.allocate(elements * sizeof(float)))};
    }

    bool is_root() const { return rank_ == root; }
    std::size_t ranks() const { return static_cast<std::size_t>(size_); }
    std::size_t own() const { return static_cast<std::size_t>(rank_); }
    std::size_t inputs(std::size_t count) const { return operation_.input_per_rank ? ranks() * count : count; }
    std::size_t outputs(std::size_t count) const { return operation_.output_per_rank ? ranks() * count : count; }

    bool has_input() const { return is_root() || !operation_.input_at_root; }
    bool has_output() const { return is_root() ? operation_.kind != Kind::Broadcast : !operation_.output_at_root; }

    void run() {
        for (int i = 0; i < batch_; ++i) {
            if (from_host_ && has_input()) device_.copy_in(input_.device, input_.host, inputs(count_) * sizeof(float));
            issue();
            if (from_host_ && has_output())
                device_.copy_out(output_.host, output_.device, outputs(count_) * sizeof(float));
        }
        wait();
    }

    void wait() {
        if (synchronize_) {
            device_.synchronize();
        } else {
            device_.poll([this] { communicator_.check_state(); });
        }
    }

    void issue() {
        const float* in = input_.device;
        float* out = output_.device;
        const Comm comm = communicator_.get();
        const CudaStream stream = device_.stream();
        switch (operation_.kind) {
            case Kind::AllReduce:
                return settle(nccl_.AllReduce(in, out, count_, Type::Float32, Reduction::Sum, comm, stream),
                              "ncclAllReduce");
            case Kind::AllGather:
                return settle(nccl_.AllGather(in, out, count_, Type::Float32, comm, stream), "ncclAllGather");
            case Kind::ReduceScatter:
                return settle(nccl_.ReduceScatter(in, out, count_, Type::Float32, Reduction::Sum, comm, stream),
                              "ncclReduceScatter");
            case Kind::Broadcast:
                return settle(nccl_.Broadcast(out, out, count_, Type::Float32, root, comm, stream), "ncclBroadcast");
            case Kind::Reduce:
                return settle(nccl_.Reduce(in, is_root() ? out : nullptr, count_, Type::Float32, Reduction::Sum, root,
                                           comm, stream),
                              "ncclReduce");
            case Kind::Gather:
                return gather(in, out);
            case Kind::Scatter:
                return scatter(in, out);
            case Kind::AllToAll:
                return all_to_all(in, out);
            case Kind::SendReceive:
                return send_receive(in, out);
            case Kind::Barrier:
                return settle(nccl_.AllReduce(totals_, totals_, 1, Type::Int32, Reduction::Max, comm, stream),
                              "ncclAllReduce");
        }
    }

    void gather(const float* in, float* out) {
        if (nccl_.Gather != nullptr) {
            return settle(nccl_.Gather(in, out, count_, Type::Float32, root, communicator_.get(), device_.stream()),
                          "ncclGather");
        }
        grouped([&] {
            if (!is_root()) return send(in, root);
            device_.copy(block(out, own()), in, count_ * sizeof(float));
            for_others([&](std::size_t rank) { receive(block(out, rank), static_cast<int>(rank)); });
        });
    }

    void scatter(const float* in, float* out) {
        if (nccl_.Scatter != nullptr) {
            return settle(nccl_.Scatter(in, out, count_, Type::Float32, root, communicator_.get(), device_.stream()),
                          "ncclScatter");
        }
        grouped([&] {
            if (!is_root()) return receive(out, root);
            device_.copy(out, block(in, own()), count_ * sizeof(float));
            for_others([&](std::size_t rank) { send(block(in, rank), static_cast<int>(rank)); });
        });
    }

    void all_to_all(const float* in, float* out) {
        if (nccl_.AlltoAll != nullptr) {
            return settle(nccl_.AlltoAll(in, out, count_, Type::Float32, communicator_.get(), device_.stream()),
                          "ncclAlltoAll");
        }
        grouped([&] {
            device_.copy(block(out, own()), block(in, own()), count_ * sizeof(float));
            for_others([&](std::size_t rank) {
                send(block(in, rank), static_cast<int>(rank));
                receive(block(out, rank), static_cast<int>(rank));
            });
        });
    }

    // To the right neighbour, from the left one; as a send may wait for its receiver, every other rank receives first.
    void send_receive(const float* in, float* out) {
        const int right = (rank_ + 1) % size_;
        const int left = (rank_ + size_ - 1) % size_;
        const bool receives_first = rank_ % 2 == 1;
        for (const bool receives : {receives_first, !receives_first}) {
            if (receives) {
                communicator_.settle(
                    nccl_.Recv(out, count_, Type::Float32, left, communicator_.get(), device_.stream()), "ncclRecv");
            } else {
                communicator_.settle(
                    nccl_.Send(in, count_, Type::Float32, right, communicator_.get(), device_.stream()), "ncclSend");
            }
            // These are two operations, and run() waits for the second.
            if (receives == receives_first && batch_ == 1) wait();
        }
    }

    template <class Element>
    Element* block(Element* blocks, std::size_t rank) const {
        return blocks + rank * count_;
    }

    void settle(Result result, const char* call) { communicator_.settle(result, call); }

    template <class Body>
    void grouped(Body&& body) {
        communicator_.check(nccl_.GroupStart(), "ncclGroupStart");
        body();
        settle(nccl_.GroupEnd(), "ncclGroupEnd");
    }

    template <class Body>
    void for_others(Body&& body) {
        for (std::size_t rank = 0; rank < ranks(); ++rank) {
            if (rank != own()) body(rank);
        }
    }

    void send(const float* data, int rank) {
        communicator_.check(nccl_.Send(data, count_, Type::Float32, rank, communicator_.get(), device_.stream()),
                            "ncclSend");
    }

    void receive(float* data, int rank) {
        communicator_.check(nccl_.Recv(data, count_, Type::Float32, rank, communicator_.get(), device_.stream()),
                            "ncclRecv");
    }

    // What was written is what the operation sees.
    void upload() {
        if (from_host_) return;
        device_.copy_in(output_.device, output_.host, outputs(count_) * sizeof(float));
        if (!in_place_) device_.copy_in(input_.device, input_.host, inputs(count_) * sizeof(float));
        device_.synchronize();
    }

    // What the operation wrote can be read.
    void download() {
        if (from_host_) return;
        device_.copy_out(output_.host, output_.device, outputs(count_) * sizeof(float));
        device_.synchronize();
    }

    // One operation on fresh input into a spoilt output. Returns the number of wrong elements.
    std::int64_t check() {
        std::fill_n(output_.host, outputs(count_), NAN);
        for (std::size_t i = 0; i < inputs(count_); ++i) input_.host[i] = element(own(), i);
        upload();
        const int batch = std::exchange(batch_, 1); // in place, sums grow
        run();
        batch_ = batch;
        download();
        std::int64_t errors = 0;
        if (is_root() || !operation_.output_at_root) {
            for (std::size_t i = 0; i < outputs(count_); ++i) errors += output_.host[i] == expected(i) ? 0 : 1;
        }
        return errors;
    }

    // Small integers, so that sums are exact in any order.
    static float element(std::size_t rank, std::size_t index) {
        return static_cast<float>(static_cast<std::int64_t>(rank) + 1 + static_cast<std::int64_t>(index) % period);
    }

    float sum(std::size_t index) const {
        return static_cast<float>(size_ * (size_ + 1) / 2 + size_ * (static_cast<std::int64_t>(index) % period));
    }

    float expected(std::size_t index) const {
        switch (operation_.kind) {
            case Kind::AllReduce:
            case Kind::Reduce:
                return sum(index);
            case Kind::AllGather:
            case Kind::Gather:
                return element(index / count_, index % count_);
            case Kind::ReduceScatter:
                return sum(own() * count_ + index);
            case Kind::Broadcast:
                return element(root, index);
            case Kind::Scatter:
                return element(root, own() * count_ + index);
            case Kind::AllToAll:
                return element(index / count_, own() * count_ + index % count_);
            case Kind::SendReceive:
                return element((own() + ranks() - 1) % ranks(), index);
            case Kind::Barrier:
                break;
        }
        return 0;
    }

    // Runs operations until they have taken long enough; returns how many are to be measured.
    int warm_up() {
        if (fixed_iterations_ > 0) {
            repeat((fixed_iterations_ + 9) / 10);
            return fixed_iterations_;
        }
        for (int times = 1;; times *= 2) {
            barrier();
            const Clock::time_point start = Clock::now();
            repeat(times);
            const double elapsed = seconds_since(start);
            // What rank 0 says: go on (0), or how many.
            std::vector<double> decision{0};
            if (is_root() && elapsed >= warm_up_seconds_) {
                decision[0] = std::floor(std::clamp(seconds_ / elapsed * times, static_cast<double>(min_iterations_),
                                                    static_cast<double>(max_iterations_)));
            }
            sum_up(decision);
            if (decision[0] > 0) return static_cast<int>(decision[0]);
        }
    }

    void repeat(int times) {
        for (int i = 0; i < times; ++i) run();
    }

    void sum_up(std::vector<double>& values) {
        const std::size_t bytes = values.size() * sizeof(double);
        device_.copy_in(totals_, values.data(), bytes);
        settle(nccl_.AllReduce(totals_, totals_, values.size(), Type::Float64, Reduction::Sum, communicator_.get(),
                               device_.stream()),
               "ncclAllReduce");
        device_.copy_out(values.data(), totals_, bytes);
        device_.synchronize();
    }

    const Nccl& nccl_;
    const Device& device_;
    Communicator& communicator_;
    const int rank_;
    const int size_;
    const Operation& operation_;
    const bool in_place_;
    const bool from_host_;
    const bool synchronize_;
    int batch_;
    const int fixed_iterations_;
    const double seconds_;
    const double warm_up_seconds_;
    const int min_iterations_;
    const int max_iterations_;
    std::size_t count_ = 0;
    Buffer input_;
    Buffer output_;
    std::size_t longest_ = 0;
    std::vector<Clock::time_point> stamps_;
    double* totals_ = nullptr; // in device memory
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
    const bool is_rank = arguments.has("rank");
    if (is_rank) {
        own_name = "rank " + arguments.text("rank");
        end_with_parent();
    }
    const Cuda cuda{Library(arguments.text("cuda"))};
    const Nccl nccl{Library(arguments.text("nccl"))};
    const Device device(cuda, arguments.integer("device"));
    if (!is_rank) {
        std::printf("NCCL %s, %s\n", nccl.version().c_str(), device.description().c_str());
        return 0;
    }

    const int rank = arguments.integer("rank");
    const int size = arguments.integer("size");
    const UniqueId id = agree_on_id(nccl, rank, size, arguments.text("id"));
    Communicator communicator(nccl, id, size, rank, arguments.integer("blocking") == 1);
    Rank self(arguments, nccl, device, communicator);
    std::FILE* file = nullptr;
    if (rank == 0) {
        file = std::fopen(arguments.text("output").c_str(), "w");
        if (file == nullptr) fail("the output file cannot be written");
    }
    for (const std::size_t count : arguments.integers("counts")) self.measure(count, file);
    if (file != nullptr && std::fclose(file) != 0) fail("the output file cannot be written");
    self.barrier(); // nobody leaves while another still waits for something
    communicator.leave();
    return 0;
}
