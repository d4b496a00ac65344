// The double of NCCL keeps the promises of NCCL's interface, and finds the callers that break theirs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "bytes.h"
#include "doubles/opened.h"
#include "half_reference.h"
#include "local_ranks.h"

namespace nc::test {
namespace NC_FILE {

ncclConfig_t config_with(bool blocking) {
    ncclConfig_t config{};
    config.size = sizeof config;
    config.magic = nccl_config_magic;
    config.version = 23007;
    for (int* field : {&config.cgaClusterSize, &config.minCTAs, &config.maxCTAs, &config.splitShare,
                       &config.trafficClass, &config.collnetEnable, &config.CTAPolicy, &config.shrinkShare,
                       &config.nvlsCTAs, &config.nChannelsPerNetPeer, &config.nvlinkCentricSched,
                       &config.graphUsageMode, &config.numRmaCtx, &config.maxP2pPeers, &config.graphStreamOrdering})
        *field = nccl_undefined;
    config.blocking = blocking ? 1 : 0;
    return config;
}

ncclResult_t state_of(ncclComm_t comm) {
    ncclResult_t state = ncclInProgress;
    EXPECT_EQ(nccl().ncclCommGetAsyncError(comm, &state), ncclSuccess);
    return state;
}

// Asks for a communicator's state until it is another one.
ncclResult_t state_after(ncclResult_t state, ncclComm_t comm) {
    const Deadline until = deadline_after(ample_ms);
    for (;;) {
        const ncclResult_t now = state_of(comm);
        if (now != state || Clock::now() > until) return now;
        std::this_thread::yield();
    }
}

// A call's result once its background part has ended.
ncclResult_t settled_by(ncclComm_t comm, ncclResult_t result) {
    return result == ncclInProgress ? state_after(ncclInProgress, comm) : result;
}

std::string last_error(ncclComm_t comm) {
    return nccl().ncclGetLastError(comm);
}

testing::AssertionResult contains(const std::string& text, const std::string& part) {
    if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << '\'' << part << "' is not in '" << text << '\'';
}

ncclUniqueId new_id() {
    ncclUniqueId id{};
    EXPECT_EQ(nccl().ncclGetUniqueId(&id), ncclSuccess);
    return id;
}

// A barrier for the ranks of a test, which says nothing to the library.
class Meeting {
public:
    explicit Meeting(int ranks) : ranks_(ranks) {}
    void attend() {
        const int turn = ++arrived_ - 1;
        while (arrived_ < (turn / ranks_ + 1) * ranks_) std::this_thread::yield();
    }

private:
    const int ranks_;
    std::atomic<int> arrived_ = 0;
};

// One rank as a test's body sees it: a thread with a current device, a stream and a communicator.
struct Rank {
    int rank;
    int size;
    cudaStream_t stream;
    Meeting& meeting;
    ncclComm_t comm = nullptr;

    ncclResult_t settled(ncclResult_t result) const { return settled_by(comm, result); }
    void synchronize() const { EXPECT_EQ(cuda().cuStreamSynchronize(stream), CUDA_SUCCESS); }
    // Aborts the communicator, which otherwise is finalized and destroyed after the body.
    void abort() { EXPECT_EQ(nccl().ncclCommAbort(std::exchange(comm, nullptr)), ncclSuccess); }
    void all_sum(std::int32_t* value) const {
        ASSERT_EQ(settled(start_all_sum(value)), ncclSuccess) << last_error(comm);
    }
    ncclResult_t start_all_sum(std::int32_t* value) const {
        return nccl().ncclAllReduce(value, value, 1, ncclInt32, ncclSum, comm, stream);
    }
    bool waits() const { return cuda().cuStreamQuery(stream) == CUDA_ERROR_NOT_READY; }
};

void finalize_and_destroy(ncclComm_t comm) {
    EXPECT_EQ(settled_by(comm, nccl().ncclCommFinalize(comm)), ncclSuccess) << last_error(comm);
    EXPECT_EQ(nccl().ncclCommDestroy(comm), ncclSuccess);
}

// Runs the body on a thread for each rank; half of them on another device.
void on_threads(int size, const std::function<void(Rank&)>& body) {
    const DriverCounts before;
    Meeting meeting(size);
    on_all_ranks(size, [&](int rank) {
        const CurrentDevice device(rank % 2);
        const DeviceStream stream;
        Rank self{rank, size, stream, meeting};
        body(self);
    });
    EXPECT_EQ(nccl().nc_double_nccl_live_communicators(), 0);
    before.expect_unchanged();
}

// Runs the body on each rank of a formed communicator.
void on_communicator(int size, bool blocking, const std::function<void(Rank&)>& body) {
    const ncclUniqueId id = new_id();
    on_threads(size, [&](Rank& self) {
        ncclConfig_t config = config_with(blocking);
        const ncclResult_t result = nccl().ncclCommInitRankConfig(&self.comm, size, id, self.rank, &config);
        ASSERT_NE(self.comm, nullptr);
        EXPECT_EQ(result, blocking ? ncclSuccess : ncclInProgress);
        EXPECT_EQ(self.settled(result), ncclSuccess) << last_error(self.comm);
        self.meeting.attend(); // nobody goes before everybody knows that all have come
        body(self);
        if (self.comm != nullptr) finalize_and_destroy(self.comm);
    });
}

// ---- results, held against a reference that knows nothing of the library's ----

// An element type: what bytes a number has in it. Numbers are small, so all of them and their sums are exact.
struct Type {
    ncclDataType_t type;
    std::size_t size;
    bool is_signed;
    bool is_integer;
    void (*store)(double value, std::byte* to);
};

template <class T>
constexpr Type plain(ncclDataType_t type) {
    return {type, sizeof(T), std::is_signed_v<T>, std::is_integral_v<T>, [](double value, std::byte* to) {
                const auto stored = static_cast<T>(value);
                std::memcpy(to, &stored, sizeof stored);
            }};
}

template <const Format& format>
constexpr Type half(ncclDataType_t type) {
    return {type, 2, true, false, [](double value, std::byte* to) {
                const std::uint16_t stored = round_to(format, value);
                std::memcpy(to, &stored, sizeof stored);
            }};
}

const std::vector<Type>& types() {
    static const std::vector<Type> all{plain<std::int8_t>(ncclInt8),   plain<std::uint8_t>(ncclUint8),
                                       plain<std::int32_t>(ncclInt32), plain<std::uint32_t>(ncclUint32),
                                       plain<std::int64_t>(ncclInt64), plain<std::uint64_t>(ncclUint64),
                                       half<binary16>(ncclFloat16),    plain<float>(ncclFloat32),
                                       plain<double>(ncclFloat64),     half<bfloat16>(ncclBfloat16)};
    return all;
}

using Numbers = std::vector<double>;

Bytes stored(const Type& type, const Numbers& numbers) {
    Bytes bytes(numbers.size() * type.size);
    for (std::size_t i = 0; i < numbers.size(); ++i) type.store(numbers[i], bytes.data() + i * type.size);
    return bytes;
}

// What a rank contributes.
Numbers contribution(const Type& type, int rank, std::size_t count) {
    Numbers numbers(count);
    for (std::size_t i = 0; i < count; ++i)
        numbers[i] = static_cast<double>((i * 5 + static_cast<std::size_t>(rank) * 3) % 7) - (type.is_signed ? 3 : 0);
    return numbers;
}

Numbers reduced(const Type& type, ncclRedOp_t op, int size, std::size_t count) {
    Numbers result = contribution(type, 0, count);
    for (int rank = 1; rank < size; ++rank) {
        const Numbers other = contribution(type, rank, count);
        for (std::size_t i = 0; i < count; ++i) {
            if (op == ncclSum || op == ncclAvg) result[i] += other[i];
            if (op == ncclProd) result[i] *= other[i];
            if (op == ncclMax) result[i] = std::max(result[i], other[i]);
            if (op == ncclMin) result[i] = std::min(result[i], other[i]);
        }
    }
    if (op != ncclAvg) return result;
    for (double& value : result) {
        value /= size;
        if (type.is_integer) value = std::trunc(value);
        // 16-bit floats are computed as binary32
        if (!type.is_integer && type.type != ncclFloat64) value = static_cast<float>(value);
    }
    return result;
}

Numbers slice(const Numbers& numbers, int part, std::size_t count) {
    const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(count) * part;
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

// One rank's run of an operation on one type.
struct Trial {
    const Rank& self;
    const Type& type;
    static constexpr std::size_t count = 13;

    std::size_t all() const { return count * static_cast<std::size_t>(self.size); }
    std::size_t part(int rank) const { return count * type.size * static_cast<std::size_t>(rank); }
    Numbers mine(std::size_t of) const { return contribution(type, self.rank, of); }
    static Numbers of_all(const std::function<Numbers(int)>& of_rank, int size) {
        Numbers joined;
        for (int rank = 0; rank < size; ++rank) {
            const Numbers numbers = of_rank(rank);
            joined.insert(joined.end(), numbers.begin(), numbers.end());
        }
        return joined;
    }

    using Call = std::function<ncclResult_t(const std::byte* from, std::byte* to)>;

    // Ranks that share a device give memory back together: that waits for all that is on the device, and another rank's
    // next operation would wait for this rank.
    struct AllRanks {
        const Rank& self;
        explicit AllRanks(const Rank& rank) : self(rank) {}
        ~AllRanks() { self.meeting.attend(); }
        AllRanks(const AllRanks&) = delete;
        AllRanks& operator=(const AllRanks&) = delete;
    };

    // Runs the operation from a buffer of its own, and again in place if that is allowed: then the shorter buffer
    // begins in the longer one at in_place.
    void expect(const char* what, const Numbers& input, const Numbers& output, bool has_output, const Call& call,
                bool in_place_allowed, std::size_t in_place = 0) const {
        SCOPED_TRACE(text(what, ", type ", type.type, ", rank ", self.rank, " of ", self.size));
        const Bytes source = stored(type, input);
        const Bytes expected = stored(type, output);
        {
            const AllRanks all_ranks(self);
            const DeviceArray<std::byte> from(source);
            const DeviceArray<std::byte> to(expected.size());
            const Bytes before = to.values();
            run(call, from.at(), to.at());
            EXPECT_EQ(to.values(), has_output ? expected : before);
            EXPECT_EQ(from.values(), source) << "the input has changed";
            self.meeting.attend();
        }
        if (!in_place_allowed) return;
        const AllRanks all_ranks(self);
        const bool input_is_longer = source.size() > expected.size();
        const DeviceArray<std::byte> both(std::max(source.size(), expected.size()));
        std::byte* const from = both.at(input_is_longer ? 0 : in_place);
        std::byte* const to = both.at(input_is_longer ? in_place : 0);
        ASSERT_EQ(cuda().cuMemcpyHtoD_v2(reinterpret_cast<std::uintptr_t>(from), source.data(), source.size()),
                  CUDA_SUCCESS);
        Bytes wanted = both.values();
        if (has_output) std::copy(expected.begin(), expected.end(), wanted.begin() + (to - both.at()));
        run(call, from, to);
        EXPECT_EQ(both.values(), wanted) << "in place";
        self.meeting.attend();
    }
    void run(const Call& call, const std::byte* from, std::byte* to) const {
        ASSERT_EQ(self.settled(call(from, to)), ncclSuccess) << last_error(self.comm);
        self.synchronize();
    }

    void reductions() const {
        for (const ncclRedOp_t op : {ncclSum, ncclProd, ncclMax, ncclMin, ncclAvg}) {
            expect(
                "all-reduce", mine(count), reduced(type, op, self.size, count), true,
                [&](auto* from, auto* to) {
                    return nccl().ncclAllReduce(from, to, count, type.type, op, self.comm, self.stream);
                },
                true);
            for (int root = 0; root < self.size; ++root)
                expect(
                    "reduce", mine(count), reduced(type, op, self.size, count), self.rank == root,
                    [&](auto* from, auto* to) {
                        return nccl().ncclReduce(from, to, count, type.type, op, root, self.comm, self.stream);
                    },
                    true);
            expect(
                "reduce-scatter", mine(all()), slice(reduced(type, op, self.size, all()), self.rank, count), true,
                [&](auto* from, auto* to) {
                    return nccl().ncclReduceScatter(from, to, count, type.type, op, self.comm, self.stream);
                },
                true, part(self.rank));
        }
    }

    void movements() const {
        const Numbers gathered = of_all([&](int rank) { return contribution(type, rank, count); }, self.size);
        const Numbers exchanged =
            of_all([&](int rank) { return slice(contribution(type, rank, all()), self.rank, count); }, self.size);
        expect(
            "all-gather", mine(count), gathered, true,
            [&](auto* from, auto* to) {
                return nccl().ncclAllGather(from, to, count, type.type, self.comm, self.stream);
            },
            true, part(self.rank));
        expect(
            "all-to-all", mine(all()), exchanged, true,
            [&](auto* from, auto* to) {
                return nccl().ncclAlltoAll(from, to, count, type.type, self.comm, self.stream);
            },
            false);
        for (int root = 0; root < self.size; ++root) {
            const bool is_root = self.rank == root;
            expect(
                "broadcast", mine(count), contribution(type, root, count), true,
                [&](auto* from, auto* to) {
                    return nccl().ncclBroadcast(from, to, count, type.type, root, self.comm, self.stream);
                },
                true);
            expect(
                "gather", mine(count), gathered, is_root,
                [&](auto* from, auto* to) {
                    return nccl().ncclGather(from, is_root ? to : nullptr, count, type.type, root, self.comm,
                                             self.stream);
                },
                true, part(self.rank));
            expect(
                "scatter", mine(all()), slice(contribution(type, root, all()), self.rank, count), true,
                [&](auto* from, auto* to) {
                    return nccl().ncclScatter(is_root ? from : nullptr, to, count, type.type, root, self.comm,
                                              self.stream);
                },
                true, part(self.rank));
        }
        const int next = (self.rank + 1) % self.size;
        const int previous = (self.rank + self.size - 1) % self.size;
        expect(
            "send and receive", mine(count), contribution(type, previous, count), true,
            [&](auto* from, auto* to) {
                EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
                EXPECT_EQ(nccl().ncclSend(from, count, type.type, next, self.comm, self.stream), ncclSuccess);
                EXPECT_EQ(nccl().ncclRecv(to, count, type.type, previous, self.comm, self.stream), ncclSuccess);
                return nccl().ncclGroupEnd();
            },
            false);
    }
};

class NcclDoubleResults : public testing::TestWithParam<std::tuple<int, bool>> {};

TEST_P(NcclDoubleResults, AreThoseOfTheReference) {
    const auto [size, blocking] = GetParam();
    on_communicator(size, blocking, [&](Rank& self) {
        for (const Type& type : types()) {
            const Trial trial{self, type};
            trial.reductions();
            trial.movements();
        }
    });
}

INSTANTIATE_TEST_SUITE_P(Ranks, NcclDoubleResults, testing::Combine(testing::Values(1, 2, 3, 4), testing::Bool()),
                         [](const auto& instance) {
                             return text(std::get<0>(instance.param),
                                         std::get<1>(instance.param) ? "Blocking" : "NonBlocking");
                         });

TEST(NcclDouble, WrapsIntegers) {
    on_communicator(2, true, [](Rank& self) {
        const DeviceArray<std::int8_t> small(std::vector<std::int8_t>{100, -100});
        const DeviceArray<std::uint64_t> large(std::vector<std::uint64_t>{std::uint64_t{1} << 63, 3});
        EXPECT_EQ(nccl().ncclAllReduce(small.at(), small.at(), 2, ncclInt8, ncclSum, self.comm, self.stream),
                  ncclSuccess);
        EXPECT_EQ(nccl().ncclAllReduce(large.at(), large.at(), 2, ncclUint64, ncclProd, self.comm, self.stream),
                  ncclSuccess);
        self.synchronize();
        EXPECT_EQ(small.values(), (std::vector<std::int8_t>{-56, 56}));
        EXPECT_EQ(large.values(), (std::vector<std::uint64_t>{0, 9}));
    });
}

TEST(NcclDouble, MovesMuchMoreThanASocketHolds) {
    constexpr std::size_t count = std::size_t{1} << 20;
    on_communicator(3, false, [](Rank& self) {
        const DeviceArray<std::int32_t> input(std::vector<std::int32_t>(count, self.rank + 1));
        const DeviceArray<std::int32_t> output(3 * count);
        ASSERT_EQ(self.settled(nccl().ncclAllGather(input.at(), output.at(), count, ncclInt32, self.comm, self.stream)),
                  ncclSuccess);
        ASSERT_EQ(self.settled(
                      nccl().ncclAllReduce(input.at(), input.at(), count, ncclInt32, ncclSum, self.comm, self.stream)),
                  ncclSuccess);
        self.synchronize();
        const auto gathered = output.values();
        for (std::size_t i = 0; i < gathered.size(); ++i)
            ASSERT_EQ(gathered[i], static_cast<std::int32_t>(i / count + 1));
        EXPECT_EQ(input.values(), std::vector<std::int32_t>(count, 6));
    });
}

// ---- streams and groups ----

TEST(NcclDouble, KeepsTheOrderOfOneCommunicatorsStreams) {
    on_communicator(2, true, [](Rank& self) {
        const DeviceStream other;
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        for (int i = 0; i < 10; ++i) {
            // No event orders the streams; the communicator does.
            self.all_sum(value.at());
            EXPECT_EQ(nccl().ncclAllReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, self.comm, other),
                      ncclSuccess);
        }
        self.synchronize();
        other.synchronize();
        EXPECT_EQ(value.values()[0], 1 << 20);
    });
}

TEST(NcclDouble, RunsOnTheDefaultStream) {
    on_communicator(2, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{self.rank});
        ASSERT_EQ(self.settled(nccl().ncclAllReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, self.comm, nullptr)),
                  ncclSuccess);
        EXPECT_EQ(value.values()[0], 1) << "a copy on the default stream comes behind it";
    });
}

TEST(NcclDouble, RunsTheSendsAndReceivesOfAGroupTogether) {
    constexpr std::size_t count = 200'000; // more than a socket holds
    on_communicator(4, false, [](Rank& self) {
        const auto ranks = static_cast<std::size_t>(self.size);
        const DeviceArray<std::int32_t> input(std::vector<std::int32_t>(ranks * count, self.rank));
        const DeviceArray<std::int32_t> output(ranks * count);
        EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
        for (int i = 0; i < self.size; ++i) {
            const std::size_t at = static_cast<std::size_t>(i) * count;
            EXPECT_EQ(nccl().ncclSend(input.at(at), count, ncclInt32, i, self.comm, self.stream), ncclSuccess);
        }
        for (int i = 0; i < self.size; ++i) {
            const std::size_t at = static_cast<std::size_t>(i) * count;
            EXPECT_EQ(nccl().ncclRecv(output.at(at), count, ncclInt32, i, self.comm, self.stream), ncclSuccess);
        }
        ASSERT_EQ(self.settled(nccl().ncclGroupEnd()), ncclSuccess);
        self.synchronize();
        const auto values = output.values();
        for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<std::int32_t>(i / count));
    });
}

TEST(NcclDouble, SendsInOrder) {
    on_communicator(2, true, [](Rank& self) {
        const DeviceArray<std::int32_t> values(std::vector<std::int32_t>{self.rank, self.rank, self.rank});
        for (std::size_t i = 0; i < 3; ++i) {
            const ncclResult_t result = self.rank == 0
                                            ? nccl().ncclSend(values.at(i), 1, ncclInt32, 1, self.comm, self.stream)
                                            : nccl().ncclRecv(values.at(i), 1, ncclInt32, 0, self.comm, self.stream);
            EXPECT_EQ(result, ncclSuccess);
        }
        self.synchronize();
        EXPECT_EQ(values.values(), (std::vector<std::int32_t>{0, 0, 0}));
    });
}

TEST(NcclDouble, ASendWaitsForItsReceive) {
    on_communicator(2, true, [](Rank& self) {
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{self.rank});
        if (self.rank == 0) {
            EXPECT_EQ(nccl().ncclSend(value.at(), 1, ncclInt32, 1, self.comm, self.stream), ncclSuccess);
            EXPECT_TRUE(self.waits());
        }
        self.meeting.attend();
        if (self.rank == 1) {
            EXPECT_EQ(nccl().ncclRecv(value.at(), 1, ncclInt32, 0, self.comm, self.stream), ncclSuccess);
        }
        self.synchronize();
        EXPECT_EQ(value.values()[0], 0);
    });
}

TEST(NcclDouble, GroupsCollectivesOfDifferentRoots) {
    on_communicator(3, false, [](Rank& self) {
        const DeviceArray<std::int32_t> sent(std::vector<std::int32_t>{self.rank + 1, self.rank + 1, self.rank + 1});
        const DeviceArray<std::int32_t> received(std::vector<std::int32_t>{0, 0, 0});
        EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
        for (int root = 0; root < 3; ++root) {
            const auto at = static_cast<std::size_t>(root);
            EXPECT_EQ(nccl().ncclBroadcast(sent.at(at), received.at(at), 1, ncclInt32, root, self.comm, self.stream),
                      ncclSuccess);
        }
        ASSERT_EQ(self.settled(nccl().ncclGroupEnd()), ncclSuccess);
        self.synchronize();
        EXPECT_EQ(received.values(), (std::vector<std::int32_t>{1, 2, 3}));

        EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
        for (int root = 0; root < 3; ++root) {
            const auto at = static_cast<std::size_t>(root);
            EXPECT_EQ(nccl().ncclReduce(received.at(at), root == self.rank ? sent.at() : nullptr, 1, ncclInt32, ncclSum,
                                        root, self.comm, self.stream),
                      ncclSuccess);
        }
        ASSERT_EQ(self.settled(nccl().ncclGroupEnd()), ncclSuccess);
        self.synchronize();
        EXPECT_EQ(sent.values()[0], 3 * (self.rank + 1));
    });
}

TEST(NcclDouble, AGroupWaitsForAllItsStreams) {
    on_communicator(2, true, [](Rank& self) {
        const DeviceStream other;
        const DeviceArray<std::int32_t> values(std::vector<std::int32_t>{1, 1});
        {
            const CudaFaults faults("cuStreamWaitEvent@*=delay:30");
            const DeviceEvent event;
            EXPECT_EQ(cuda().cuEventRecord(event, other), CUDA_SUCCESS);
            EXPECT_EQ(cuda().cuStreamWaitEvent(other, event, 0), CUDA_SUCCESS);
            EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
            EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess) << "groups nest";
            EXPECT_EQ(nccl().ncclAllReduce(values.at(0), values.at(0), 1, ncclInt32, ncclSum, self.comm, self.stream),
                      ncclSuccess);
            EXPECT_EQ(nccl().ncclGroupEnd(), ncclSuccess);
            EXPECT_EQ(nccl().ncclAllReduce(values.at(1), values.at(1), 1, ncclInt32, ncclSum, self.comm, other),
                      ncclSuccess);
            EXPECT_EQ(cuda().cuStreamQuery(self.stream), CUDA_SUCCESS) << "launched before the group's end";
            EXPECT_EQ(nccl().ncclGroupEnd(), ncclSuccess);
            self.synchronize();
        }
        other.synchronize();
        EXPECT_EQ(values.values(), (std::vector<std::int32_t>{2, 2}));
    });
}

TEST(NcclDouble, ReturnsAtOnceForNothing) {
    on_communicator(2, false, [](Rank& self) {
        if (self.rank == 1) return; // the other rank does not even take part
        EXPECT_EQ(nccl().ncclAllReduce(nullptr, nullptr, 0, ncclInt32, ncclSum, self.comm, self.stream), ncclSuccess);
        EXPECT_EQ(nccl().ncclSend(nullptr, 0, ncclInt32, 1, self.comm, self.stream), ncclSuccess);
        EXPECT_FALSE(self.waits());
    });
}

TEST(NcclDouble, FormsInAGroupOfOneThread) {
    const ncclUniqueId id = new_id();
    const CurrentDevice device;
    std::vector<ncclComm_t> comms(3);
    EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
    for (int rank = 0; rank < 3; ++rank)
        EXPECT_EQ(nccl().ncclCommInitRank(&comms[static_cast<std::size_t>(rank)], 3, id, rank), ncclSuccess);
    EXPECT_EQ(nccl().ncclGroupEnd(), ncclSuccess);

    std::vector<ncclComm_t> parts(3);
    EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
    for (std::size_t rank = 0; rank < 3; ++rank)
        EXPECT_EQ(nccl().ncclCommSplit(comms[rank], 0, 0, &parts[rank], nullptr), ncclSuccess);
    EXPECT_EQ(nccl().ncclGroupEnd(), ncclSuccess);

    // One group, several communicators.
    const DeviceStream streams[3];
    const DeviceArray<std::int32_t> values(std::vector<std::int32_t>{1, 2, 3});
    EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
    for (std::size_t rank = 0; rank < 3; ++rank)
        EXPECT_EQ(
            nccl().ncclAllReduce(values.at(rank), values.at(rank), 1, ncclInt32, ncclSum, parts[rank], streams[rank]),
            ncclSuccess);
    EXPECT_EQ(nccl().ncclGroupEnd(), ncclSuccess);
    for (const DeviceStream& stream : streams) stream.synchronize();
    EXPECT_EQ(values.values(), (std::vector<std::int32_t>{6, 6, 6}));
    for (const ncclComm_t comm : parts) finalize_and_destroy(comm);
    for (const ncclComm_t comm : comms)
        EXPECT_EQ(nccl().ncclCommDestroy(comm), ncclSuccess) << "which finalizes by itself";
    EXPECT_EQ(nccl().nc_double_nccl_live_communicators(), 0);
}

// ---- forming, splitting, asking ----

TEST(NcclDouble, TellsAboutACommunicator) {
    int version = 0;
    EXPECT_EQ(nccl().ncclGetVersion(&version), ncclSuccess);
    EXPECT_EQ(version, 23007);
    EXPECT_STREQ(nccl().ncclGetErrorString(ncclRemoteError), "another rank has gone, or the network has failed");
    on_communicator(3, true, [](Rank& self) {
        int size = 0;
        int rank = -1;
        int device = -1;
        EXPECT_EQ(nccl().ncclCommCount(self.comm, &size), ncclSuccess);
        EXPECT_EQ(nccl().ncclCommUserRank(self.comm, &rank), ncclSuccess);
        EXPECT_EQ(nccl().ncclCommCuDevice(self.comm, &device), ncclSuccess);
        EXPECT_EQ(size, 3);
        EXPECT_EQ(rank, self.rank);
        EXPECT_EQ(device, self.rank % 2);
        EXPECT_EQ(state_of(self.comm), ncclSuccess);
    });
}

// A variable of the environment for as long as it lives; no other thread runs when it begins and ends.
class EnvironmentVariable {
public:
    EnvironmentVariable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
    ~EnvironmentVariable() { ::unsetenv(name_); }
    EnvironmentVariable(const EnvironmentVariable&) = delete;
    EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

private:
    const char* name_;
};

// An address that no other test program uses at the same time.
std::string own_address(const char* what) {
    return text("double-", what, '-', ::getpid(), ":1234");
}

TEST(NcclDouble, FormsByTheEnvironmentsAddress) {
    const EnvironmentVariable address("NCCL_COMM_ID", own_address("forms"));
    for (int i = 0; i < 3; ++i) { // the same address again and again
        on_threads(3, [](Rank& self) {
            const ncclUniqueId id = new_id();
            ASSERT_EQ(nccl().ncclCommInitRank(&self.comm, 3, id, self.rank), ncclSuccess)
                << nccl().ncclGetLastError(nullptr);
            finalize_and_destroy(self.comm);
        });
    }
    for (const char* wrong : {"", "host", "host:", "host:0", "host:70000", "host:12a", ":12", "::1:12"}) {
        const EnvironmentVariable other("NCCL_COMM_ID", wrong);
        ncclUniqueId id{};
        EXPECT_EQ(nccl().ncclGetUniqueId(&id), ncclInvalidArgument) << wrong;
        EXPECT_TRUE(contains(nccl().ncclGetLastError(nullptr), "NCCL_COMM_ID"));
    }
    const EnvironmentVariable bracketed("NCCL_COMM_ID", "[::1]:12");
    ncclUniqueId id{};
    EXPECT_EQ(nccl().ncclGetUniqueId(&id), ncclSuccess);
}

TEST(NcclDouble, BlocksAsTheEnvironmentSays) {
    const EnvironmentVariable variable("NCCL_COMM_BLOCKING", "0");
    const CurrentDevice device;
    ncclComm_t comm = nullptr;
    ncclConfig_t config = config_with(true);
    EXPECT_EQ(nccl().ncclCommInitRankConfig(&comm, 1, new_id(), 0, &config), ncclInProgress);
    EXPECT_EQ(state_after(ncclInProgress, comm), ncclSuccess);
    finalize_and_destroy(comm);
}

TEST(NcclDouble, RefusesWrongArguments) {
    const CurrentDevice device;
    const DeviceStream stream;
    ncclComm_t comm = nullptr;
    EXPECT_EQ(nccl().ncclGetUniqueId(nullptr), ncclInvalidArgument);
    EXPECT_EQ(nccl().ncclCommInitRank(nullptr, 1, new_id(), 0), ncclInvalidArgument);
    EXPECT_EQ(nccl().ncclCommInitRank(&comm, 0, new_id(), 0), ncclInvalidArgument);
    EXPECT_EQ(nccl().ncclCommInitRank(&comm, 2, new_id(), 2), ncclInvalidArgument);
    EXPECT_EQ(nccl().ncclCommInitRank(&comm, 1, ncclUniqueId{}, 0), ncclInvalidArgument);
    ASSERT_EQ(nccl().ncclCommInitRank(&comm, 1, new_id(), 0), ncclSuccess);
    const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
    EXPECT_EQ(nccl().ncclReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, 1, comm, stream), ncclInvalidArgument);
    EXPECT_TRUE(contains(last_error(comm), "ncclReduce: 1 is no rank of a communicator of 1"));
    EXPECT_EQ(nccl().ncclReduce(nullptr, value.at(), 1, ncclInt32, ncclSum, 0, comm, stream), ncclInvalidArgument);
    EXPECT_EQ(nccl().ncclReduce(value.at(), value.at(), ~std::size_t{0}, ncclInt32, ncclSum, 0, comm, stream),
              ncclInvalidArgument);
    EXPECT_EQ(nccl().ncclCommSplit(comm, -2, 0, &comm, nullptr), ncclInvalidArgument);
    EXPECT_EQ(nccl().ncclAllReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, comm, stream), ncclSuccess)
        << "the communicator can still be used";
    stream.synchronize();
    finalize_and_destroy(comm);
}

TEST(NcclDouble, DoesNotFormOfRanksThatDisagree) {
    const ncclUniqueId id = new_id();
    on_threads(2, [&](Rank& self) {
        EXPECT_EQ(nccl().ncclCommInitRank(&self.comm, 2 + self.rank, id, self.rank), ncclInternalError);
        EXPECT_EQ(self.comm, nullptr);
        EXPECT_TRUE(contains(nccl().ncclGetLastError(nullptr), self.rank == 0
                                                                   ? "rank 1 expects 3 ranks, rank 0 expects 2"
                                                                   : "rank 0 expects 2 ranks, rank 1 expects 3"));
    });
}

TEST(NcclDouble, SplitsByColorAndKey) {
    for (const bool blocking : {true, false}) {
        on_communicator(4, blocking, [&](Rank& self) {
            // Even and odd ranks, in reverse order; rank 3 takes no part.
            auto part = reinterpret_cast<ncclComm_t>(1);
            const int color = self.rank == 3 ? nccl_no_color : self.rank % 2;
            const ncclResult_t result = nccl().ncclCommSplit(self.comm, color, -self.rank, &part, nullptr);
            EXPECT_EQ(result, blocking ? ncclSuccess : ncclInProgress);
            ASSERT_EQ(self.settled(result), ncclSuccess);
            if (self.rank == 3) {
                EXPECT_EQ(part, nullptr);
                return;
            }
            int size = 0;
            int rank = 0;
            EXPECT_EQ(nccl().ncclCommCount(part, &size), ncclSuccess);
            EXPECT_EQ(nccl().ncclCommUserRank(part, &rank), ncclSuccess);
            EXPECT_EQ(size, self.rank == 1 ? 1 : 2);
            EXPECT_EQ(rank, self.rank == 0 ? 1 : 0);
            const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{self.rank + 1});
            ASSERT_EQ(settled_by(
                          part, nccl().ncclAllReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, part, self.stream)),
                      ncclSuccess);
            self.synchronize();
            EXPECT_EQ(value.values()[0], self.rank == 1 ? 2 : 4);
            finalize_and_destroy(part);
        });
    }
}

TEST(NcclDouble, SplitsAgainAndKeepsTheOldOrderForEqualKeys) {
    on_communicator(3, false, [](Rank& self) {
        ncclComm_t part = nullptr;
        ncclComm_t part_of_part = nullptr;
        ncclConfig_t config = config_with(true);
        ASSERT_EQ(self.settled(nccl().ncclCommSplit(self.comm, 5, 0, &part, &config)), ncclSuccess);
        ASSERT_EQ(nccl().ncclCommSplit(part, 0, 7, &part_of_part, nullptr), ncclSuccess)
            << "the configuration of its own makes it blocking";
        for (const ncclComm_t comm : {part, part_of_part}) {
            int rank = -1;
            EXPECT_EQ(nccl().ncclCommUserRank(comm, &rank), ncclSuccess);
            EXPECT_EQ(rank, self.rank);
        }
        finalize_and_destroy(part);
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        EXPECT_EQ(nccl().ncclAllReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, part_of_part, self.stream),
                  ncclSuccess);
        self.synchronize();
        EXPECT_EQ(value.values()[0], 3) << "a part outlives what it was split from";
        finalize_and_destroy(part_of_part);
    });
}

TEST(NcclDouble, LaunchesInTheBackgroundEveryOtherTime) {
    on_communicator(2, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        for (int i = 0; i < 6; ++i) {
            const ncclResult_t result = self.start_all_sum(value.at());
            EXPECT_EQ(result, i % 2 == 0 ? ncclInProgress : ncclSuccess);
            if (result == ncclInProgress) {
                // Nothing is on the stream before the caller has asked: who goes on without asking shall see that.
                self.synchronize();
                EXPECT_EQ(value.values()[0], 1 << i);
                EXPECT_EQ(state_after(ncclInProgress, self.comm), ncclSuccess);
            }
            self.synchronize();
            EXPECT_EQ(value.values()[0], 2 << i);
        }
    });
}

TEST(NcclDouble, FinalizeWaitsForOperations) {
    on_communicator(2, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        if (self.rank == 1) {
            self.meeting.attend();
            self.all_sum(value.at());
            return self.synchronize();
        }
        self.all_sum(value.at());
        EXPECT_EQ(nccl().ncclCommFinalize(self.comm), ncclInProgress);
        EXPECT_EQ(state_of(self.comm), ncclInProgress);
        self.meeting.attend();
        EXPECT_EQ(state_after(ncclInProgress, self.comm), ncclSuccess);
        self.synchronize();
        EXPECT_EQ(value.values()[0], 2);
        EXPECT_EQ(nccl().ncclCommDestroy(std::exchange(self.comm, nullptr)), ncclSuccess);
    });
}

// ---- ranks that go ----

TEST(NcclDouble, TellsAnIdleRankOfAnAbort) {
    on_communicator(3, false, [](Rank& self) {
        if (self.rank == 1) {
            self.abort();
            return self.meeting.attend();
        }
        EXPECT_EQ(state_after(ncclSuccess, self.comm), ncclRemoteError);
        EXPECT_TRUE(contains(last_error(self.comm), "rank 1 is gone"));
        const DeviceArray<std::int32_t> value(1);
        EXPECT_EQ(self.start_all_sum(value.at()), ncclRemoteError) << "every later call fails";
        self.meeting.attend(); // or the other survivor would hear of this one's end
        self.abort();
    });
}

TEST(NcclDouble, WhatIsPendingWhenARankGoesWaitsForTheAbort) {
    on_communicator(2, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(1);
        if (self.rank == 1) {
            self.meeting.attend();
            return self.abort();
        }
        self.all_sum(value.at());
        self.meeting.attend();
        EXPECT_EQ(state_after(ncclSuccess, self.comm), ncclRemoteError);
        EXPECT_TRUE(self.waits());
        self.abort();
        self.synchronize();
    });
}

TEST(NcclDouble, AbortEndsWhatWaits) {
    on_communicator(2, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(1);
        if (self.rank == 0) {
            self.all_sum(value.at());
            EXPECT_TRUE(self.waits());
        }
        self.meeting.attend();
        self.abort();
        self.synchronize();
    });
}

TEST(NcclDouble, AbortEndsFormingThatWaits) {
    const CurrentDevice device;
    ncclConfig_t config = config_with(false);
    ncclComm_t comm = nullptr;
    for (const int rank : {0, 1}) { // one that waits to be called, one that calls
        EXPECT_EQ(nccl().ncclCommInitRankConfig(&comm, 2, new_id(), rank, &config), ncclInProgress);
        EXPECT_EQ(state_of(comm), ncclInProgress);
        EXPECT_EQ(nccl().ncclCommAbort(comm), ncclSuccess);
    }
    EXPECT_EQ(nccl().nc_double_nccl_live_communicators(), 0);
}

TEST(NcclDouble, FormingEndsWhenARankGoes) {
    ncclResult_t state = ncclInProgress;
    // Nobody tells when two of three ranks have met. If it took longer than is waited here, they are given more time.
    for (std::int64_t patience_ms = 10; state == ncclInProgress && patience_ms < ample_ms; patience_ms *= 2) {
        const CurrentDevice device;
        const ncclUniqueId id = new_id();
        ncclComm_t comms[2];
        ncclConfig_t config = config_with(false);
        for (const int rank : {0, 1})
            EXPECT_EQ(nccl().ncclCommInitRankConfig(&comms[rank], 3, id, rank, &config), ncclInProgress);
        const auto wait_a_little = [&] {
            const Deadline until = deadline_after(patience_ms);
            while (state_of(comms[0]) == ncclInProgress && Clock::now() < until) std::this_thread::yield();
        };
        wait_a_little();
        EXPECT_EQ(nccl().ncclCommAbort(comms[1]), ncclSuccess);
        wait_a_little();
        state = state_of(comms[0]);
        if (state != ncclInProgress) {
            EXPECT_TRUE(contains(last_error(comms[0]), "rank 1 died while the communicator was formed"));
        }
        EXPECT_EQ(nccl().ncclCommAbort(comms[0]), ncclSuccess);
    }
    EXPECT_EQ(state, ncclRemoteError);
}

TEST(NcclDouble, TellsOnlyThoseWhoNeedARankThatItHasFinalized) {
    on_communicator(2, true, [](Rank& self) {
        if (self.rank == 1) {
            finalize_and_destroy(std::exchange(self.comm, nullptr));
            return self.meeting.attend();
        }
        self.meeting.attend();
        for (int i = 0; i < 100; ++i) EXPECT_EQ(state_of(self.comm), ncclSuccess) << "it ended in good order";
        const DeviceArray<std::int32_t> value(1);
        self.all_sum(value.at());
        EXPECT_EQ(state_after(ncclSuccess, self.comm), ncclRemoteError);
        EXPECT_TRUE(contains(last_error(self.comm), "rank 1 has finalized"));
        EXPECT_TRUE(self.waits());
        self.abort();
        self.synchronize();
    });
}

// ---- violations ----

class NcclDoubleViolations : public testing::Test {
protected:
    // Expects that the call failed as a violation which names what is said.
    void expect(ncclResult_t result, const char* named) {
        EXPECT_EQ(result, ncclInvalidUsage);
        expect_recorded(named);
    }
    void expect_recorded(const char* named) {
        EXPECT_TRUE(contains(RecordedViolations::text(), named));
        RecordedViolations::clear();
    }
    ncclResult_t all_sum(const void* from, void* to, std::size_t count, cudaStream_t on,
                         ncclDataType_t type = ncclInt32, ncclRedOp_t op = ncclSum) {
        return nccl().ncclAllReduce(from, to, count, type, op, comm, on);
    }
    void form() { ASSERT_EQ(nccl().ncclCommInitRank(&comm, 1, new_id(), 0), ncclSuccess); }

    RecordedViolations recorded;
    ncclComm_t comm = nullptr;
};

TEST_F(NcclDoubleViolations, OfTheConfiguration) {
    const CurrentDevice device;
    const auto init = [&](const std::function<void(ncclConfig_t&)>& change) {
        ncclConfig_t config = config_with(true);
        change(config);
        return nccl().ncclCommInitRankConfig(&comm, 1, new_id(), 0, &config);
    };
    expect(init([](auto& config) { config.magic = 0; }), "magic");
    expect(init([](auto& config) { config.size = 48; }),
           "ncclConfig_t has 48 bytes, but in the header of version 23007 it has 96");
    expect(init([](auto& config) { config.version = 0; }), "no header of version 0");
    expect(init([](auto& config) { config.blocking = 2; }), "ncclConfig_t.blocking is 2");
    expect(init([](auto& config) { config.minCTAs = 0; }), "ncclConfig_t.minCTAs is 0");
    expect(init([](auto& config) { config.graphStreamOrdering = 77; }), "ncclConfig_t.graphStreamOrdering is 77");
    EXPECT_EQ(comm, nullptr);
    // A caller built for an older version has a shorter one, and what lies behind is nobody's business.
    ASSERT_EQ(init([](auto& config) {
                  config.size = 24;
                  config.version = 21400;
                  config.maxCTAs = 0;
              }),
              ncclSuccess);
    finalize_and_destroy(comm);
    EXPECT_EQ(recorded.text(), "");
}

TEST_F(NcclDoubleViolations, OfContextsAndStreams) {
    expect(nccl().ncclCommInitRank(&comm, 1, new_id(), 0), "no current context");
    {
        const CurrentDevice device;
        form();
    }
    expect(all_sum(nullptr, nullptr, 1, nullptr), "no current context");
    const CurrentDevice other(1);
    const DeviceStream other_stream;
    expect(all_sum(nullptr, nullptr, 1, other_stream), "the current context is of device 1, the communicator's is 0");
    const CurrentDevice device;
    const DeviceArray<std::int32_t> value(1);
    expect(all_sum(value.at(), value.at(), 1, other_stream), "the stream is on device 1");
    expect(all_sum(value.at(), value.at(), 1, &comm), "there is no stream");
    CUstream destroyed = nullptr;
    ASSERT_EQ(cuda().cuStreamCreate(&destroyed, 0), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuStreamDestroy_v2(destroyed), CUDA_SUCCESS);
    expect(all_sum(value.at(), value.at(), 1, destroyed), "there is no stream");
    finalize_and_destroy(comm);
}

TEST_F(NcclDoubleViolations, OfBuffers) {
    CUdeviceptr elsewhere = 0;
    const CurrentDevice other(1);
    ASSERT_EQ(cuda().cuMemAlloc_v2(&elsewhere, 64), CUDA_SUCCESS);
    const CurrentDevice device;
    form();
    const DeviceStream stream;
    const DeviceArray<std::int32_t> array(16);
    std::vector<std::int32_t> host(16);
    void* pinned = nullptr;
    ASSERT_EQ(cuda().cuMemHostAlloc(&pinned, 64, 0), CUDA_SUCCESS);
    CUdeviceptr freed = 0;
    ASSERT_EQ(cuda().cuMemAlloc_v2(&freed, 64), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuMemFree_v2(freed), CUDA_SUCCESS);

    expect(all_sum(host.data(), array.at(), 4, stream), "the send buffer, 16 bytes at");
    expect(all_sum(array.at(), host.data(), 4, stream), "is no device memory");
    expect(all_sum(pinned, array.at(), 4, stream), "is host memory");
    expect(all_sum(reinterpret_cast<void*>(elsewhere), array.at(), 4, stream), "is on another device");
    expect(all_sum(reinterpret_cast<void*>(freed), array.at(), 4, stream), "has been freed");
    expect(all_sum(array.at(13), array.at(), 4, stream), "is longer than its allocation");
    expect(all_sum(reinterpret_cast<std::byte*>(array.at()) + 1, array.at(8), 4, stream), "is not aligned");
    expect(all_sum(array.at(2), array.at(), 4, stream), "overlap");
    expect(nccl().ncclAllGather(array.at(1), array.at(), 2, ncclInt32, comm, stream), "overlap");
    expect(nccl().ncclReduceScatter(array.at(), array.at(1), 2, ncclInt32, ncclSum, comm, stream), "overlap");
    expect(nccl().ncclAlltoAll(array.at(), array.at(), 2, ncclInt32, comm, stream), "overlap");
    expect(all_sum(array.at(), array.at(), 4, stream, 10), "10 is no element type");
    expect(all_sum(array.at(), array.at(), 4, stream, ncclInt32, 5), "5 is no operator");

    EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
    EXPECT_EQ(all_sum(array.at(), array.at(), 4, stream), ncclSuccess);
    EXPECT_EQ(all_sum(array.at(2), array.at(8), 4, stream), ncclSuccess);
    expect(nccl().ncclGroupEnd(), "of one group overlap");

    EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
    expect(all_sum(array.at(), nullptr, 4, stream, 12), "no element type");
    EXPECT_EQ(nccl().ncclGroupEnd(), ncclInvalidUsage) << "a group fails as its calls have";
    EXPECT_TRUE(contains(nccl().ncclGetLastError(nullptr), "12 is no element type"));

    ASSERT_EQ(cuda().cuMemFreeHost(pinned), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuMemFree_v2(elsewhere), CUDA_SUCCESS);
    finalize_and_destroy(comm);
}

TEST_F(NcclDoubleViolations, OfBuffersThatAreFreedTooEarly) {
    const CurrentDevice device;
    form();
    const DeviceStream stream;
    CUdeviceptr address = 0;
    ASSERT_EQ(cuda().cuMemAlloc_v2(&address, 64), CUDA_SUCCESS);
    {
        const NcclFaults faults("ncclAllReduce@1=delay:20");
        EXPECT_EQ(all_sum(reinterpret_cast<void*>(address), reinterpret_cast<void*>(address), 16, stream), ncclSuccess);
        // Freeing does not wait for what is in another context.
        const CurrentDevice other(1);
        ASSERT_EQ(cuda().cuMemFree_v2(address), CUDA_SUCCESS);
    }
    EXPECT_EQ(state_after(ncclSuccess, comm), ncclInvalidUsage);
    expect_recorded("ncclAllReduce, when its stream reached it: the send buffer");
    expect(nccl().ncclCommDestroy(comm), "operations are pending that cannot end");
    EXPECT_EQ(nccl().ncclCommAbort(comm), ncclSuccess);
    stream.synchronize();
}

TEST_F(NcclDoubleViolations, OfCommunicatorsThatAreGone) {
    const CurrentDevice device;
    form();
    EXPECT_EQ(nccl().ncclCommFinalize(comm), ncclSuccess);
    expect(all_sum(nullptr, nullptr, 0, nullptr), "has been finalized");
    expect(nccl().ncclCommFinalize(comm), "has been finalized");
    int size = 0;
    EXPECT_EQ(nccl().ncclCommCount(comm, &size), ncclSuccess);
    EXPECT_EQ(nccl().ncclCommDestroy(comm), ncclSuccess);
    expect(nccl().ncclCommCount(comm, &size), "has been destroyed");
    expect(nccl().ncclCommDestroy(comm), "has been destroyed");
    expect(nccl().ncclCommAbort(comm), "has been destroyed");
    ncclResult_t state = ncclSuccess;
    expect(nccl().ncclCommGetAsyncError(comm, &state), "has been destroyed");
    expect(nccl().ncclCommAbort(&size), "does not exist");
    EXPECT_STREQ(nccl().ncclGetLastError(comm), "");
    expect_recorded("has been destroyed");
    form();
    EXPECT_EQ(nccl().ncclCommAbort(comm), ncclSuccess);
    expect(nccl().ncclCommAbort(comm), "has been destroyed");
}

TEST_F(NcclDoubleViolations, OfGroups) {
    const CurrentDevice device;
    form();
    expect(nccl().ncclGroupEnd(), "there is no ncclGroupStart before it");
    EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
    expect(nccl().ncclCommDestroy(comm), "between ncclGroupStart and ncclGroupEnd");
    expect(nccl().ncclCommFinalize(comm), "between ncclGroupStart and ncclGroupEnd");
    EXPECT_EQ(nccl().ncclGroupEnd(), ncclSuccess);
    std::thread([] { EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess); }).join();
    expect_recorded("a thread ends between ncclGroupStart and ncclGroupEnd");
    finalize_and_destroy(comm);
}

TEST_F(NcclDoubleViolations, OfSendsToOneself) {
    const CurrentDevice device;
    form();
    const DeviceStream stream;
    const DeviceArray<std::int32_t> array(2);
    expect(nccl().ncclSend(array.at(), 1, ncclInt32, 0, comm, stream), "outside of a group");
    expect(nccl().ncclRecv(array.at(), 1, ncclInt32, 0, comm, stream), "outside of a group");
    EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
    EXPECT_EQ(nccl().ncclSend(array.at(), 1, ncclInt32, 0, comm, stream), ncclSuccess);
    EXPECT_EQ(nccl().ncclGroupEnd(), ncclSuccess);
    EXPECT_EQ(state_after(ncclSuccess, comm), ncclInvalidUsage);
    expect_recorded("sends to itself 1 times and receives from itself 0 times");
    EXPECT_EQ(nccl().ncclCommAbort(comm), ncclSuccess);
    form();
    EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
    EXPECT_EQ(nccl().ncclSend(array.at(), 1, ncclInt32, 0, comm, stream), ncclSuccess);
    EXPECT_EQ(nccl().ncclRecv(array.at(1), 1, ncclFloat32, 0, comm, stream), ncclSuccess);
    EXPECT_EQ(nccl().ncclGroupEnd(), ncclSuccess);
    EXPECT_EQ(state_after(ncclSuccess, comm), ncclInvalidUsage);
    expect_recorded("ncclSend(1 int32, rank 0) meets ncclRecv(1 float32, rank 0) of the same rank");
    EXPECT_EQ(nccl().ncclCommAbort(comm), ncclSuccess);
}

TEST_F(NcclDoubleViolations, OfCallersThatDoNotWait) {
    const CurrentDevice device;
    ncclConfig_t config = config_with(false);
    const NcclFaults faults("ncclCommInitRankConfig@1=never");
    EXPECT_EQ(nccl().ncclCommInitRankConfig(&comm, 1, new_id(), 0, &config), ncclInProgress);
    int size = 0;
    const char* const in_progress = "the communicator is in progress";
    expect(nccl().ncclCommCount(comm, &size), in_progress);
    expect(all_sum(nullptr, nullptr, 0, nullptr), in_progress);
    expect(nccl().ncclCommFinalize(comm), in_progress);
    expect(nccl().ncclCommDestroy(comm), in_progress);
    expect(nccl().ncclCommSplit(comm, 0, 0, &comm, nullptr), in_progress);
    EXPECT_STREQ(nccl().ncclGetLastError(nullptr),
                 text("ncclCommSplit: ", in_progress, ": its state has to be asked for until it is ready").c_str());
    EXPECT_EQ(state_of(comm), ncclInProgress);
    EXPECT_EQ(nccl().ncclCommAbort(comm), ncclSuccess);
}

TEST_F(NcclDoubleViolations, OfStreamsThatAreDestroyedBeforeTheLaunch) {
    on_communicator(1, false, [&](Rank& self) {
        const DeviceArray<std::int32_t> value(1);
        CUstream stream = nullptr;
        ASSERT_EQ(cuda().cuStreamCreate(&stream, 0), CUDA_SUCCESS);
        EXPECT_EQ(nccl().ncclAllReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, self.comm, stream),
                  ncclInProgress);
        ASSERT_EQ(cuda().cuStreamDestroy_v2(stream), CUDA_SUCCESS);
        EXPECT_EQ(state_after(ncclInProgress, self.comm), ncclInvalidUsage);
        expect_recorded("was destroyed before the operation was on it");
        self.abort();
    });
}

TEST_F(NcclDoubleViolations, OfTwoThreadsInOneCommunicator) {
    const CurrentDevice device;
    form();
    const std::uint64_t before = nccl().nc_double_nccl_calls("ncclCommGetAsyncError");
    std::thread other;
    {
        const NcclFaults faults("ncclCommGetAsyncError@1=never");
        other = std::thread([&] { EXPECT_EQ(state_of(comm), ncclSuccess); });
        int size = 0;
        while (nccl().nc_double_nccl_calls("ncclCommGetAsyncError") == before) std::this_thread::yield();
        // until the other thread is inside
        while (nccl().ncclCommCount(comm, &size) == ncclSuccess) std::this_thread::yield();
        expect_recorded("ncclCommCount: another thread is inside ncclCommGetAsyncError");
    }
    other.join();
    finalize_and_destroy(comm);
}

TEST_F(NcclDoubleViolations, OfRanksThatDiffer) {
    on_communicator(2, true, [&](Rank& self) {
        const DeviceArray<std::int32_t> value(2);
        const ncclResult_t result = self.rank == 0 ? self.start_all_sum(value.at())
                                                   : nccl().ncclAllReduce(value.at(), value.at(), 2, ncclInt32, ncclMax,
                                                                          self.comm, self.stream);
        EXPECT_EQ(result, ncclSuccess);
        EXPECT_EQ(state_after(ncclSuccess, self.comm), ncclInvalidUsage);
        self.meeting.attend();
        self.abort();
        self.synchronize();
    });
    EXPECT_TRUE(
        contains(recorded.text(),
                 "collective 1 is ncclAllReduce(1 int32, sum) on rank 0, but ncclAllReduce(2 int32, max) on rank 1"));
    EXPECT_TRUE(
        contains(recorded.text(),
                 "collective 1 is ncclAllReduce(2 int32, max) on rank 1, but ncclAllReduce(1 int32, sum) on rank 0"));
}

TEST_F(NcclDoubleViolations, OfSendsAndReceivesThatDiffer) {
    on_communicator(2, true, [&](Rank& self) {
        const DeviceArray<std::int32_t> value(2);
        if (self.rank == 0) {
            EXPECT_EQ(nccl().ncclSend(value.at(), 1, ncclInt32, 1, self.comm, self.stream), ncclSuccess);
            EXPECT_EQ(state_after(ncclSuccess, self.comm), ncclInvalidUsage);
        } else {
            EXPECT_EQ(nccl().ncclRecv(value.at(), 2, ncclInt32, 0, self.comm, self.stream), ncclSuccess);
        }
        self.meeting.attend();
        self.abort();
        self.synchronize();
    });
    EXPECT_TRUE(
        contains(recorded.text(), "ncclSend(1 int32, rank 1) of rank 0 meets ncclRecv(2 int32, rank 0) of rank 1"));
}

// ---- faults ----

TEST(NcclDoubleFaults, FailACallOfOneRank) {
    on_communicator(2, true, [](Rank& self) {
        self.meeting.attend();
        static const NcclFaults* faults = nullptr;
        if (self.rank == 0) faults = new NcclFaults("rank=1: ncclAllReduce@2=ncclSystemError(the cable fell out)");
        self.meeting.attend();
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        self.all_sum(value.at());
        const ncclResult_t second = self.start_all_sum(value.at());
        EXPECT_EQ(second, self.rank == 1 ? ncclSystemError : ncclSuccess);
        if (self.rank == 1) {
            EXPECT_EQ(last_error(self.comm), "ncclAllReduce: the cable fell out");
            self.all_sum(value.at()); // the third succeeds
        }
        self.synchronize();
        EXPECT_EQ(value.values()[0], 4);
        self.meeting.attend();
        if (self.rank == 0) delete std::exchange(faults, nullptr);
    });
}

TEST(NcclDoubleFaults, DelayWhatIsOnAStream) {
    const NcclFaults faults("rank=0:ncclAllReduce@2=delay:30");
    on_communicator(2, true, [](Rank& self) {
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        self.all_sum(value.at());
        self.synchronize();
        EXPECT_GE(milliseconds_of([&] {
                      self.all_sum(value.at());
                      self.synchronize();
                  }),
                  20);
        EXPECT_EQ(value.values()[0], 4);
    });
}

TEST(NcclDoubleFaults, KeepAnOperationFromEnding) {
    const NcclFaults faults("rank=0:ncclAllReduce@1=never");
    on_communicator(2, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(1);
        self.all_sum(value.at());
        EXPECT_TRUE(self.waits());
        EXPECT_EQ(state_of(self.comm), ncclSuccess);
        self.meeting.attend();
        self.abort();
        self.synchronize();
    });
}

TEST(NcclDoubleFaults, FailInTheBackground) {
    const NcclFaults faults("ncclAllReduce@1=later:ncclSystemError(out of luck)");
    on_communicator(1, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(1);
        EXPECT_EQ(self.start_all_sum(value.at()), ncclInProgress);
        EXPECT_EQ(state_after(ncclInProgress, self.comm), ncclSystemError);
        EXPECT_EQ(last_error(self.comm), "out of luck");
        EXPECT_FALSE(self.waits());
        self.abort();
    });
    EXPECT_EQ(nccl().nc_double_nccl_faults("ncclAllReduce@1=later:3"), 0);
    on_communicator(1, true, [](Rank& self) {
        const DeviceArray<std::int32_t> value(1);
        EXPECT_EQ(self.start_all_sum(value.at()), ncclInternalError);
        self.abort();
    });
}

TEST(NcclDoubleFaults, FailAnOperationOnItsStream) {
    const NcclFaults faults("rank=1:async@2=ncclRemoteError(link down)");
    on_communicator(2, true, [](Rank& self) {
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        self.all_sum(value.at());
        self.synchronize();
        EXPECT_EQ(value.values()[0], 2);
        self.all_sum(value.at());
        if (self.rank == 1) {
            EXPECT_EQ(state_after(ncclSuccess, self.comm), ncclRemoteError);
            EXPECT_EQ(last_error(self.comm), "link down");
        }
        EXPECT_TRUE(self.waits());
        self.meeting.attend();
        self.abort();
        self.synchronize();
    });
}

TEST(NcclDoubleFaults, FailForming) {
    const CurrentDevice device;
    ncclConfig_t config = config_with(false);
    ncclComm_t comm = nullptr;
    {
        const NcclFaults faults(
            "ncclCommInitRankConfig@1=ncclSystemError; ncclCommInitRankConfig@2=later:2(no route); "
            "ncclCommInitRank@1=later:3; "
            "ncclCommInitRankConfig@3=delay:20; ncclGetUniqueId@2=1; ncclGetVersion@*=2");
        EXPECT_EQ(nccl().ncclCommInitRankConfig(&comm, 1, new_id(), 0, &config), ncclSystemError);
        EXPECT_EQ(comm, nullptr);
        ncclUniqueId id{};
        EXPECT_EQ(nccl().ncclGetUniqueId(&id), ncclUnhandledCudaError);
        EXPECT_EQ(nccl().ncclCommInitRankConfig(&comm, 1, new_id(), 0, &config), ncclInProgress);
        EXPECT_EQ(state_after(ncclInProgress, comm), ncclSystemError);
        EXPECT_EQ(last_error(comm), "no route");
        EXPECT_EQ(nccl().ncclCommAbort(comm), ncclSuccess);
        EXPECT_EQ(nccl().ncclCommInitRank(&comm, 1, new_id(), 0), ncclInternalError);
        EXPECT_EQ(comm, nullptr);
        int version = 0;
        EXPECT_EQ(nccl().ncclGetVersion(&version), ncclSystemError);
        EXPECT_GE(milliseconds_of([&] {
                      EXPECT_EQ(nccl().ncclCommInitRankConfig(&comm, 1, new_id(), 0, &config), ncclInProgress);
                      EXPECT_EQ(state_after(ncclInProgress, comm), ncclSuccess);
                  }),
                  20);
    }
    finalize_and_destroy(comm);
    EXPECT_EQ(nccl().nc_double_nccl_live_communicators(), 0);
}

TEST(NcclDoubleFaults, FailSplitting) {
    const NcclFaults faults(
        "rank=0:ncclCommSplit@1=later:ncclSystemError(no child); rank=0:ncclCommSplit@2=never; ncclCommSplit@3=5");
    on_communicator(1, false, [](Rank& self) {
        auto part = reinterpret_cast<ncclComm_t>(1);
        EXPECT_EQ(nccl().ncclCommSplit(self.comm, 0, 0, &part, nullptr), ncclInProgress);
        EXPECT_EQ(state_after(ncclInProgress, self.comm), ncclSystemError);
        EXPECT_EQ(last_error(self.comm), "no child");
        EXPECT_EQ(part, nullptr);
        self.abort();
    });
    on_communicator(1, false, [](Rank& self) {
        ncclComm_t part = nullptr;
        EXPECT_EQ(nccl().ncclCommSplit(self.comm, 0, 0, &part, nullptr), ncclInProgress);
        for (int i = 0; i < 100; ++i) EXPECT_EQ(state_of(self.comm), ncclInProgress);
        self.abort(); // and with it the part
        EXPECT_EQ(part, nullptr);
    });
    on_communicator(1, true, [](Rank& self) {
        ncclComm_t part = nullptr;
        EXPECT_EQ(nccl().ncclCommSplit(self.comm, nccl_no_color, 0, &part, nullptr), ncclInvalidUsage);
    });
}

TEST(NcclDoubleFaults, FailEnding) {
    const NcclFaults faults(
        "ncclCommFinalize@1=never; ncclCommFinalize@2=later:2; ncclCommFinalize@3=3; ncclCommDestroy@1=3; "
        "ncclCommAbort@3=3");
    for (const ncclResult_t expected : {ncclInProgress, ncclSystemError}) {
        on_communicator(1, false, [&](Rank& self) {
            EXPECT_EQ(nccl().ncclCommFinalize(self.comm), ncclInProgress);
            if (expected == ncclInProgress) {
                for (int i = 0; i < 100; ++i) EXPECT_EQ(state_of(self.comm), ncclInProgress);
            } else {
                EXPECT_EQ(state_after(ncclInProgress, self.comm), expected);
            }
            self.abort();
        });
    }
    on_communicator(1, true, [](Rank& self) {
        EXPECT_EQ(nccl().ncclCommFinalize(self.comm), ncclInternalError);
        EXPECT_EQ(nccl().ncclCommDestroy(self.comm), ncclInternalError);
        EXPECT_EQ(nccl().ncclCommAbort(self.comm), ncclInternalError);
    });
}

TEST(NcclDoubleFaults, FailGroups) {
    const NcclFaults faults(
        "ncclGroupStart@2=3; rank=1:ncclGroupEnd@1=ncclInternalError; ncclGroupEnd@2=later:ncclSystemError");
    on_communicator(1, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
        EXPECT_EQ(self.start_all_sum(value.at()), ncclSuccess);
        EXPECT_EQ(self.settled(nccl().ncclGroupEnd()), ncclSuccess) << "the rule is for another rank";
        EXPECT_EQ(nccl().ncclGroupStart(), ncclInternalError);
        EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
        EXPECT_EQ(self.start_all_sum(value.at()), ncclSuccess);
        EXPECT_EQ(nccl().ncclGroupEnd(), ncclInProgress);
        EXPECT_EQ(state_after(ncclInProgress, self.comm), ncclSystemError);
        self.abort();
    });
    EXPECT_EQ(nccl().nc_double_nccl_faults("ncclGroupEnd@1=ncclInternalError(so it goes)"), 0);
    on_communicator(1, false, [](Rank& self) {
        const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
        EXPECT_EQ(nccl().ncclGroupStart(), ncclSuccess);
        EXPECT_EQ(self.start_all_sum(value.at()), ncclSuccess);
        EXPECT_EQ(nccl().ncclGroupEnd(), ncclInternalError);
        EXPECT_EQ(last_error(self.comm), "ncclGroupEnd: so it goes");
        EXPECT_EQ(cuda().cuStreamQuery(self.stream), CUDA_SUCCESS) << "a group that fails launches nothing";
        const RecordedViolations violations;
        EXPECT_EQ(nccl().ncclGroupEnd(), ncclInvalidUsage) << "and is over";
    });
}

// ---- other processes ----

struct Child {
    std::string words; // what it wrote to its standard error
    int status = 0;
    bool was_killed_by(int signal) const { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
};

// Runs one of this program's tests, which is disabled here, in a process of its own; meanwhile() runs here until it
// ends.
Child run_child(
    const char* test, const std::function<void()>& meanwhile = [] {}) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    std::string filter = text("--gtest_filter=", test);
    char program[] = "nc_native_tests";
    char disabled[] = "--gtest_also_run_disabled_tests";
    char* arguments[] = {program, filter.data(), disabled, nullptr};
    pid_t process = 0;
    const int failed = ::posix_spawn(&process, "/proc/self/exe", &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    Child child;
    if (failed == 0) {
        meanwhile();
        char buffer[512];
        for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
            child.words.append(buffer, static_cast<std::size_t>(got));
        ::waitpid(process, &child.status, 0);
    }
    ::close(ends[0]);
    EXPECT_EQ(failed, 0);
    return child;
}

// Rank 1 of two, which sums with rank 0 again and again until a fault rule ends it.
TEST(NcclDoubleChild, DISABLED_Sums) {
    const CurrentDevice device;
    const DeviceStream stream;
    ncclComm_t comm = nullptr;
    ASSERT_EQ(nccl().ncclCommInitRank(&comm, 2, new_id(), 1), ncclSuccess);
    const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
    for (;;) {
        ASSERT_EQ(nccl().ncclAllReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, comm, stream), ncclSuccess);
        stream.synchronize();
    }
}

TEST(NcclDoubleChild, DISABLED_EndsAGroupThatItNeverBegan) {
    nccl().ncclGroupEnd();
}

TEST(NcclDoubleChild, DISABLED_FreesAHandleTwice) {
    const CurrentDevice device;
    CUstream stream = nullptr;
    cuda().cuStreamCreate(&stream, 0);
    cuda().cuStreamDestroy_v2(stream);
    cuda().cuStreamDestroy_v2(stream);
}

void expect_death_of_the_other_process(const char* rules) {
    const EnvironmentVariable address("NCCL_COMM_ID", own_address("dies"));
    const CurrentDevice device;
    const DeviceStream stream;
    Child child;
    {
        const EnvironmentVariable faults("NC_DOUBLE_NCCL_FAULTS", rules);
        child = run_child("NcclDoubleChild.DISABLED_Sums", [&] {
            ncclComm_t comm = nullptr;
            ASSERT_EQ(nccl().ncclCommInitRank(&comm, 2, new_id(), 0), ncclSuccess);
            const DeviceArray<std::int32_t> value(std::vector<std::int32_t>{1});
            // The second one never ends.
            for (int i = 0; i < 2; ++i)
                ASSERT_EQ(nccl().ncclAllReduce(value.at(), value.at(), 1, ncclInt32, ncclSum, comm, stream),
                          ncclSuccess);
            EXPECT_EQ(state_after(ncclSuccess, comm), ncclRemoteError);
            EXPECT_TRUE(contains(last_error(comm), "rank 1 is gone"));
            EXPECT_EQ(cuda().cuStreamQuery(stream), CUDA_ERROR_NOT_READY);
            EXPECT_EQ(nccl().ncclCommAbort(comm), ncclSuccess);
            stream.synchronize();
        });
    }
    EXPECT_TRUE(child.was_killed_by(SIGKILL)) << child.words;
}

TEST(NcclDouble, HearsOfAProcessThatDiesInACall) {
    expect_death_of_the_other_process("ncclAllReduce@2=kill");
}

TEST(NcclDouble, HearsOfAProcessThatDiesInAnOperation) {
    expect_death_of_the_other_process("async@2=kill");
}

TEST(NcclDouble, DiesOfAViolation) {
    const Child child = run_child("NcclDoubleChild.DISABLED_EndsAGroupThatItNeverBegan");
    EXPECT_TRUE(child.was_killed_by(SIGABRT));
    EXPECT_TRUE(contains(child.words, "nccl double: violation: ncclGroupEnd: there is no ncclGroupStart before it\n"));
    const Child other = run_child("NcclDoubleChild.DISABLED_FreesAHandleTwice");
    EXPECT_TRUE(other.was_killed_by(SIGABRT));
    EXPECT_TRUE(contains(other.words, "cuda double: violation: cuStreamDestroy_v2: stream"));
}

TEST(NcclDouble, DiesOfRulesThatCannotBeRead) {
    const EnvironmentVariable faults("NC_DOUBLE_NCCL_FAULTS", "ncclGroupEnd@1=nonsense");
    const Child child = run_child("NcclDoubleChild.DISABLED_EndsAGroupThatItNeverBegan");
    EXPECT_TRUE(child.was_killed_by(SIGABRT));
    EXPECT_TRUE(
        contains(child.words, "NC_DOUBLE_NCCL_FAULTS: the fault rule 'ncclGroupEnd@1=nonsense' cannot be read"));
}

// ---- variants ----

TEST(NcclDouble, ComesInOlderVersionsAndWithoutSplitting) {
    struct Variant {
        const char* file;
        int version;
        bool splits;
        bool exchanges;
    };
    for (const Variant& variant :
         {Variant{"2.18/libnccl.so.2", 21805, true, false}, Variant{"2.17/libnccl.so.2", 21701, false, false},
          Variant{"no_split/libnccl.so.2", 23007, false, true}}) {
        SCOPED_TRACE(variant.file);
        const NcclDouble library(variant.file);
        int version = 0;
        EXPECT_EQ(library.ncclGetVersion(&version), ncclSuccess);
        EXPECT_EQ(version, variant.version);
        EXPECT_EQ(library.ncclCommSplit != nullptr, variant.splits);
        for (const char* name : {"ncclAlltoAll", "ncclGather", "ncclScatter"})
            EXPECT_EQ(library.library.has(name), variant.exchanges) << name;

        const CurrentDevice device;
        ncclUniqueId id{};
        ASSERT_EQ(library.ncclGetUniqueId(&id), ncclSuccess);
        ncclConfig_t config = config_with(false);
        // What an older library does not know, it does not read.
        if (variant.version < 23007) config.graphStreamOrdering = 77;
        ncclComm_t comm = nullptr;
        ASSERT_EQ(library.ncclCommInitRankConfig(&comm, 1, id, 0, &config), ncclInProgress);
        ncclResult_t state = ncclInProgress;
        while (state == ncclInProgress) ASSERT_EQ(library.ncclCommGetAsyncError(comm, &state), ncclSuccess);
        EXPECT_EQ(state, ncclSuccess);
        EXPECT_EQ(library.ncclCommAbort(comm), ncclSuccess);
    }
}

} // namespace NC_FILE
} // namespace nc::test
