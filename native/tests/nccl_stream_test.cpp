// Operations on streams of the caller's, and their order with the default stream, the group's own stream and operations
// on host memory.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "enqueued.h"
#include "local_nccl_ranks.h"

extern char** environ;

namespace nc::test {
namespace NC_FILE {

class NcclStream : public NcclTest {};
class NcclOrder : public NcclTest {};

using Ints = std::vector<std::int32_t>;

// Integers in pinned memory of the host, to and from which copies are made on streams.
class Pinned {
public:
    explicit Pinned(const nc_group* group, const Ints& values)
        : current_(nc_group_device(group)), bytes_(values.size() * sizeof values[0]) {
        EXPECT_EQ(cuda().cuMemHostAlloc(&memory_, bytes_, 0), CUDA_SUCCESS);
        std::memcpy(memory_, values.data(), bytes_);
    }
    ~Pinned() { EXPECT_EQ(cuda().cuMemFreeHost(memory_), CUDA_SUCCESS); }
    Pinned(const Pinned&) = delete;
    Pinned& operator=(const Pinned&) = delete;

    // stream: null is the default stream.
    void copy_to(const DeviceInts& device, void* stream) const {
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(address(device), memory_, bytes_, static_cast<CUstream>(stream)),
                  CUDA_SUCCESS);
    }
    void copy_from(const DeviceInts& device, void* stream) {
        EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(memory_, address(device), bytes_, static_cast<CUstream>(stream)),
                  CUDA_SUCCESS);
    }
    Ints values() const {
        Ints values(bytes_ / sizeof(std::int32_t));
        std::memcpy(values.data(), memory_, bytes_);
        return values;
    }

private:
    static CUdeviceptr address(const DeviceInts& device) { return reinterpret_cast<CUdeviceptr>(device.get()); }
    CurrentDevice current_;
    std::size_t bytes_;
    void* memory_ = nullptr;
};

// One rank's all-sum that waits on a stream for the other rank, which has not come yet.
struct Waiting {
    explicit Waiting(nc_group* group, std::int32_t value = 1) : group(group), stream(group), values(group, {value}) {}
    nc_request request(std::int64_t timeout_ms = 0) const {
        nc_request request = stream_sum(values, 1, stream);
        request.timeout_ms = timeout_ms;
        return request;
    }
    nc_group* group;
    CallersStream stream;
    DeviceInts values;
};

// Null, which no wait takes, if the group has ended.
WorkPointer enqueue_if_possible(nc_group* group, const nc_request& request) {
    nc_work* work = nullptr;
    (void)nc_enqueue(group, &request, nullptr, nullptr, &work, nullptr);
    return WorkPointer(work);
}

// What the other rank of two does to let it go on.
void come(nc_group* group, std::int32_t value = 1) {
    const Outcome outcome = execute(group, request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value));
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
}

// ---- one operation --------------------------------------------------------------------------------------------------

TEST_F(NcclStream, ExecuteReturnsOnceTheOperationIsOnTheStream) {
    LocalNcclRanks ranks(2);
    const Waiting waiting(ranks[0], 5);
    const Outcome outcome = execute(ranks[0], waiting.request());
    EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
    EXPECT_FALSE(waiting.stream.idle()) << "the other rank has not come";
    come(ranks[1], 6);
    waiting.stream.synchronize();
    EXPECT_EQ(waiting.values.values(), Ints({11}));
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
}

TEST_F(NcclStream, AnEnqueuedOperationEndsWhenTheDeviceHasFinishedIt) {
    LocalNcclRanks ranks(2);
    const Waiting waiting(ranks[0], 5);
    Journal journal;
    const WorkPointer work = enqueue(ranks[0], waiting.request(), Journal::write, &journal);
    std::int32_t completed = 1;
    EXPECT_EQ(nc_work_test(work.get(), &completed, nullptr), NC_OK);
    EXPECT_EQ(completed, 0);
    const Outcome still = wait_for(work.get(), 20);
    EXPECT_EQ(still.status, NC_TIMEOUT);
    EXPECT_EQ(still.error.operation, NC_OPERATION_NONE);
    EXPECT_EQ(journal.count(), 0U);
    come(ranks[1], 6);
    EXPECT_EQ(wait_for(work.get()).status, NC_OK);
    EXPECT_TRUE(waiting.stream.idle());
    EXPECT_EQ(waiting.values.values(), Ints({11}));
    EXPECT_TRUE(soon([&] { return journal.count() == 1; }));
    EXPECT_EQ(journal.entries[0], (std::pair<std::uint64_t, nc_status>{0, NC_OK}));
    EXPECT_NE(journal.thread, std::this_thread::get_id());
    EXPECT_EQ(nc_work_test(work.get(), &completed, nullptr), NC_OK);
    EXPECT_EQ(completed, 1);
    nc_work_cancel(work.get());
    EXPECT_EQ(status_of(ranks[0]).status, NC_OK) << "it had ended";
    EXPECT_EQ(journal.count(), 1U);
}

TEST_F(NcclStream, TheDefaultStreamIsOneToo) {
    LocalNcclRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        const CurrentDevice current(nc_group_device(group));
        const DeviceInts values(group, {rank + 1});
        nc_request request = device_sum(values.get(), 1);
        request.flags |= NC_REQUEST_STREAM;
        EXPECT_EQ(execute(group, request).status, NC_OK);
        const WorkPointer work = enqueue(group, request);
        EXPECT_EQ(wait_for(work.get()).status, NC_OK);
        EXPECT_EQ(values.values(), Ints({6}));
    });
}

// The caller's thread needs no current context, and may have another device's.
TEST_F(NcclStream, IsTheCallersWhateverContextIsCurrent) {
    LocalNcclRanks ranks(2);
    ranks.each([](int rank, nc_group* group) {
        const CallersStream stream(group);
        const DeviceInts values(group, {rank + 1});
        const nc_request request = stream_sum(values, 1, stream);
        std::thread other([&] { EXPECT_EQ(execute(group, request).status, NC_OK); });
        other.join();
        const CurrentDevice current(1 - nc_group_device(group));
        EXPECT_EQ(wait_for(enqueue(group, request).get()).status, NC_OK);
        EXPECT_EQ(values.values(), Ints({6}));
    });
}

TEST_F(NcclStream, MayBeDestroyedAtOnce) {
    LocalNcclRanks ranks(2);
    const DeviceInts values(ranks[0], {1});
    WorkPointer work;
    {
        const CallersStream stream(ranks[0]);
        work = enqueue(ranks[0], stream_sum(values, 1, stream));
    }
    come(ranks[1]);
    EXPECT_EQ(wait_for(work.get()).status, NC_OK);
    EXPECT_EQ(values.values(), Ints({2}));
}

// Count arrays lie in host memory, and may go when the call has returned.
TEST_F(NcclStream, CountArraysAreDoneWithWhenTheCallReturns) {
    LocalNcclRanks ranks(2);
    const CallersStream stream(ranks[0]);
    const DeviceInts values(ranks[0], {7, 0, 0});
    auto counts = std::make_unique<std::vector<std::uint64_t>>(std::vector<std::uint64_t>{1, 2});
    nc_request request = request_of(NC_ALL_GATHER, NC_INT32, 1, values.get(), values.get());
    request.flags = NC_REQUEST_UNEVEN | NC_REQUEST_DEVICE | NC_REQUEST_STREAM;
    request.stream = stream.get();
    request.receive_counts = counts->data();
    const WorkPointer work = enqueue(ranks[0], request);
    std::fill(counts->begin(), counts->end(), 1'000'000);
    counts.reset();
    const std::uint64_t own_counts[] = {1, 2};
    Ints other{0, 8, 9};
    request = request_of(NC_ALL_GATHER, NC_INT32, 2, other.data() + 1, other.data());
    request.flags = NC_REQUEST_UNEVEN;
    request.receive_counts = own_counts;
    EXPECT_EQ(execute(ranks[1], request).status, NC_OK);
    EXPECT_EQ(wait_for(work.get()).status, NC_OK);
    EXPECT_EQ(values.values(), Ints({7, 8, 9}));
    EXPECT_EQ(other, Ints({7, 8, 9}));
}

// ---- order ----------------------------------------------------------------------------------------------------------

// What was put on the default stream before is seen by an operation on device memory.
TEST_F(NcclOrder, OfTheDefaultStreamAndAnOperationWithoutAStream) {
    LocalNcclRanks ranks(2);
    const CudaFaults late("cuMemcpyHtoDAsync_v2@*=delay:30");
    ranks.each([](int rank, nc_group* group) {
        const Pinned given(group, {rank + 1, 10});
        const DeviceInts values(group, {0, 0});
        for (const bool enqueued : {false, true}) {
            given.copy_to(values, nullptr);
            const nc_request request = device_sum(values.get(), 2);
            EXPECT_EQ(enqueued ? wait_for(enqueue(group, request).get()).status : execute(group, request).status,
                      NC_OK);
            // It has ended on the device: a stream without an order with the default one sees it.
            const CallersStream other(group);
            Pinned seen(group, {0, 0});
            seen.copy_from(values, other.get());
            other.synchronize();
            EXPECT_EQ(seen.values(), Ints({3, 20}));
        }
    });
}

TEST_F(NcclOrder, OfWhatTheCallerPutsOnItsStream) {
    LocalNcclRanks ranks(2);
    const CudaFaults late("cuMemcpyHtoDAsync_v2@*=delay:20; cuMemcpyDtoHAsync_v2@*=delay:10");
    ranks.each([](int rank, nc_group* group) {
        const CallersStream stream(group);
        const Pinned given(group, {rank + 1});
        Pinned first(group, {0});
        Pinned second(group, {0});
        const DeviceInts values(group, {0});
        given.copy_to(values, stream.get());
        EXPECT_EQ(execute(group, stream_sum(values, 1, stream)).status, NC_OK);
        first.copy_from(values, stream.get());
        EXPECT_EQ(execute(group, stream_sum(values, 1, stream)).status, NC_OK);
        second.copy_from(values, stream.get());
        stream.synchronize();
        EXPECT_EQ(first.values(), Ints({3}));
        EXPECT_EQ(second.values(), Ints({6}));
    });
}

// An operation comes after the one that was issued before, whatever streams they are on. What a rank sends itself is a
// copy, which nothing but that order holds back.
TEST_F(NcclOrder, OfOperationsOnDifferentStreams) {
    LocalNcclRanks ranks(2);
    const CudaFaults late("cuMemcpyHtoDAsync_v2@*=delay:30");
    enum class Second { AnotherStream, TheDefaultStream, TheGroupsOwn };
    for (const Second second : {Second::AnotherStream, Second::TheDefaultStream, Second::TheGroupsOwn}) {
        for (const bool nothing_in_between : {false, true}) {
            ranks.each([&](int rank, nc_group* group) {
                const CallersStream one(group);
                const CallersStream two(group);
                const CallersStream three(group);
                const Pinned given(group, {rank + 1, 10 * (rank + 1)});
                const DeviceInts values(group, {0, 0});
                const DeviceInts copied(group, {0, 0});
                given.copy_to(values, one.get());
                EXPECT_EQ(execute(group, stream_sum(values, 2, one)).status, NC_OK);
                WorkPointer nothing;
                if (nothing_in_between) nothing = enqueue(group, stream_sum(values, 0, three));
                const std::uint64_t counts[] = {rank == 0 ? 2U : 0U, rank == 1 ? 2U : 0U};
                nc_request request = request_of(NC_ALL_TO_ALL, NC_INT32, 0, values.get(), copied.get());
                request.flags =
                    NC_REQUEST_UNEVEN | NC_REQUEST_DEVICE | (second != Second::TheGroupsOwn ? NC_REQUEST_STREAM : 0);
                request.send_counts = request.receive_counts = counts;
                if (second == Second::AnotherStream) request.stream = two.get();
                EXPECT_EQ(execute(group, request).status, NC_OK);
                if (second == Second::AnotherStream) two.synchronize();
                EXPECT_EQ(copied.values(), Ints({3, 30})) << static_cast<int>(second);
                one.synchronize();
                EXPECT_TRUE(!nothing_in_between || wait_for(nothing.get()).status == NC_OK);
            });
        }
    }
}

TEST_F(NcclOrder, OfOperationsOnStreamsAndOnHostMemory) {
    LocalNcclRanks ranks(3, {nccl_2_30, "64"});
    const CudaFaults late("cuMemcpyHtoDAsync_v2@*=delay:1");
    ranks.each([](int rank, nc_group* group) {
        const CallersStream one(group);
        const CallersStream two(group);
        const DeviceInts values(group, {1});
        Ints host(40, 1);
        std::vector<WorkPointer> works;
        for (int round = 0; round < 5; ++round) {
            works.push_back(enqueue(group, stream_sum(values, 1, one)));
            EXPECT_EQ(execute(group, device_sum(values.get(), 1)).status, NC_OK);
            EXPECT_EQ(execute(group, request_of(NC_ALL_REDUCE, NC_INT32, host.size(), host.data(), host.data())).status,
                      NC_OK);
            EXPECT_EQ(execute(group, request_of(NC_BARRIER)).status, NC_OK);
            EXPECT_EQ(execute(group, stream_sum(values, 1, two)).status, NC_OK);
            std::int32_t message = round;
            nc_request request = request_of(rank == 0 ? NC_SEND : NC_RECEIVE, NC_INT32, 1, &message, &message);
            request.peer = rank == 0 ? 1 : 0;
            EXPECT_TRUE(rank == 2 || execute(group, request).status == NC_OK);
        }
        for (const WorkPointer& work : works) EXPECT_EQ(wait_for(work.get()).status, NC_OK);
        two.synchronize();
        std::int32_t expected = 1;
        for (int i = 0; i < 15; ++i) expected *= 3;
        EXPECT_EQ(values.values(), Ints({expected}));
        EXPECT_EQ(host, Ints(40, 243));
    });
}

// A host operation that is queued comes first, and the call waits for it.
TEST_F(NcclOrder, OfAStreamAndOperationsThatAreQueued) {
    LocalNcclRanks ranks(2);
    std::int32_t host = 1;
    const WorkPointer queued = enqueue(ranks[0], request_of(NC_ALL_REDUCE, NC_INT32, 1, &host, &host));
    const Waiting waiting(ranks[0], 7);
    std::atomic<bool> returned{false};
    std::thread issuing([&] {
        const WorkPointer work = enqueue(ranks[0], waiting.request());
        returned = true;
        EXPECT_EQ(wait_for(work.get()).status, NC_OK);
    });
    EXPECT_FALSE(returned);
    come(ranks[1], 2);
    EXPECT_EQ(wait_for(queued.get()).status, NC_OK);
    EXPECT_EQ(host, 3);
    EXPECT_TRUE(soon([&] { return returned.load(); })) << "it has its turn now, and does not wait for the device";
    come(ranks[1], 8);
    issuing.join();
    EXPECT_EQ(waiting.values.values(), Ints({15}));
}

TEST_F(NcclOrder, OfCompletionsIsThatOfIssue) {
    LocalNcclRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        const CallersStream streams[] = {CallersStream(group), CallersStream(group), CallersStream(group)};
        const DeviceInts values(group, {1});
        struct Ended {
            std::mutex mutex;
            std::vector<int> numbers;
        } ended;
        struct Number {
            Ended* ended;
            int number;
        };
        std::vector<Number> numbers;
        constexpr int count = 60;
        for (int i = 0; i < count; ++i) numbers.push_back({&ended, i});
        const auto note = [](void* context, const nc_error* error) {
            const auto& number = *static_cast<Number*>(context);
            EXPECT_EQ(error, nullptr);
            const std::lock_guard lock(number.ended->mutex);
            number.ended->numbers.push_back(number.number);
        };
        for (int i = 0; i < count; ++i) {
            // Some of nothing in between: they too have their place.
            const nc_request request = stream_sum(values, i % 4 == 3 ? 0 : 1, streams[i % 3]);
            EXPECT_EQ(nc_enqueue(group, &request, note, &numbers[index(i)], nullptr, nullptr), NC_OK);
        }
        EXPECT_TRUE(soon([&] {
            const std::lock_guard lock(ended.mutex);
            return ended.numbers.size() == count;
        }));
        for (std::size_t i = 0; i < ended.numbers.size(); ++i) EXPECT_EQ(ended.numbers[i], static_cast<int>(i));
    });
}

TEST_F(NcclStream, AnOperationOnNothingWaitsForItsPlaceToo) {
    LocalNcclRanks ranks(2);
    const Waiting waiting(ranks[0]);
    const WorkPointer first = enqueue(ranks[0], waiting.request());
    nc_request nothing = waiting.request();
    nothing.count = 0;
    Journal journal;
    const WorkPointer second = enqueue(ranks[0], nothing, Journal::write, &journal);
    EXPECT_EQ(wait_for(second.get(), 20).status, NC_TIMEOUT);
    come(ranks[1]);
    EXPECT_EQ(wait_for(second.get()).status, NC_OK);
    EXPECT_EQ(wait_for(first.get()).status, NC_OK);
    EXPECT_TRUE(soon([&] { return journal.count() == 1; }));
}

TEST_F(NcclStream, CompletionsMayEnqueueMore) {
    LocalNcclRanks ranks(2);
    for (const std::size_t elements : {1U, 0U}) {
        ranks.each([&](int, nc_group* group) {
            const CallersStream stream(group);
            const DeviceInts values(group, {1});
            struct Chain {
                nc_group* group;
                nc_request request;
                int left;
                Flag done;
                static void next(void* context, const nc_error* error) {
                    auto& chain = *static_cast<Chain*>(context);
                    EXPECT_EQ(error, nullptr);
                    if (--chain.left == 0 || error != nullptr) return chain.done.set();
                    nc_error refused = empty_error();
                    EXPECT_EQ(nc_enqueue(chain.group, &chain.request, next, context, nullptr, &refused), NC_OK)
                        << refused.message;
                }
            } chain{group, stream_sum(values, elements, stream), 30, {}};
            chain.request.timeout_ms = 5000;
            EXPECT_EQ(nc_enqueue(group, &chain.request, Chain::next, &chain, nullptr, nullptr), NC_OK);
            EXPECT_TRUE(chain.done.wait());
        });
    }
}

// One all-sum of one integer in one of four ways; its outcome, with the result behind it.
Outcome sum_in_some_way(nc_group* group, int way, std::int32_t& value) {
    const nc_request on_host = request_of(NC_ALL_REDUCE, NC_INT32, 1, &value, &value);
    if (way == 0) return execute(group, on_host);
    if (way == 1) return wait_for(enqueue_if_possible(group, on_host).get());
    const CallersStream stream(group);
    const DeviceInts device(group, {value});
    Outcome outcome;
    if (way == 2) outcome = execute(group, device_sum(device.get(), 1));
    if (way == 3) {
        const WorkPointer work = enqueue_if_possible(group, stream_sum(device, 1, stream));
        outcome = wait_for(work.get());
        stream.synchronize();
    }
    value = device.values()[0];
    return outcome;
}

// Any order will do as long as all ranks have the same: all the operations are alike to NCCL.
TEST_F(NcclOrder, OfManyThreadsIsOne) {
    LocalNcclRanks ranks(2);
    ranks.each([](int, nc_group* group) {
        on_all_ranks(4, [&](int thread) {
            for (int i = 0; i < 12; ++i) {
                std::int32_t value = 1;
                const Outcome outcome = sum_in_some_way(group, (thread + i) % 4, value);
                EXPECT_EQ(outcome.status, NC_OK) << outcome.message();
                EXPECT_EQ(value, 2);
            }
        });
    });
}

// No operation ends as if it had succeeded without its result, at whatever moment the group ends.
TEST_F(NcclOrder, OfManyThreadsEndsWithTheGroup) {
    for (int round = 0; round < 8; ++round) {
        LocalNcclRanks ranks(2);
        std::atomic<int> done{0};
        on_all_ranks(9, [&](int thread) {
            if (thread == 8) {
                while (done < 3 * round) std::this_thread::yield();
                round % 2 == 0 ? nc_group_abort(ranks[0], "now") : nc_group_close(ranks[0]);
                return;
            }
            nc_group* const group = ranks[thread % 2];
            for (int i = 0;; ++i) {
                std::int32_t value = 1;
                const Outcome outcome = sum_in_some_way(group, (thread / 2 + i) % 4, value);
                ++done;
                if (outcome.status != NC_OK) break;
                EXPECT_EQ(value, 2);
            }
        });
        EXPECT_NE(status_of(ranks[0]).status, NC_OK);
        EXPECT_NE(status_of(ranks[1]).status, NC_OK);
    }
}

// ---- memory that is given back --------------------------------------------------------------------------------------

bool is_allocated(const void* address) {
    void* host = nullptr;
    int device = -1;
    return cuda().nc_double_cuda_locate(reinterpret_cast<std::uintptr_t>(address), 1, &host, &device) ==
           NC_DOUBLE_CUDA_DEVICE;
}

// The driver's own function waits for all that is on the device: here for a rank that has not come yet.
TEST_F(NcclStream, GivingMemoryBackDoesNotWaitForPeers) {
    LocalNcclRanks ranks(2);
    const int device = nc_group_device(ranks[0]);
    void* unused = nullptr;
    ASSERT_EQ(nc_device_allocate("nccl", device, 64, &unused, nullptr), NC_OK);
    auto used = std::make_unique<DeviceInts>(ranks[0], Ints({5}));
    const CallersStream stream(ranks[0]);
    void* const used_address = used->get();
    EXPECT_EQ(execute(ranks[0], stream_sum(*used, 1, stream)).status, NC_OK);
    EXPECT_EQ(nc_device_free("nccl", device, unused, nullptr), NC_OK);
    used.reset();
    EXPECT_FALSE(stream.idle()) << "the other rank has not come";
    EXPECT_TRUE(is_allocated(used_address)) << "the operation under way uses it";
    void* another = nullptr;
    EXPECT_EQ(nc_device_allocate("nccl", device, 64, &another, nullptr), NC_OK) << "nor does anybody wait for that";
    come(ranks[1], 6);
    EXPECT_TRUE(soon([&] { return !is_allocated(used_address) && !is_allocated(unused); }));
    EXPECT_EQ(nc_device_free("nccl", device, another, nullptr), NC_OK);
    EXPECT_TRUE(soon([&] { return !is_allocated(another); }));
    ranks.each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
}

// What a group has on the device itself is no reason to wait for the peers of another group either.
TEST_F(NcclStream, DestroyingAGroupDoesNotWaitForThePeersOfAnother) {
    LocalNcclRanks others(2);
    auto ranks = std::make_unique<LocalNcclRanks>(2);
    ranks->each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
    const Waiting waiting(others[0], 5);
    EXPECT_EQ(execute(others[0], waiting.request()).status, NC_OK);
    on_all_ranks(2, [&](int rank) { EXPECT_LT(milliseconds_of([&] { ranks->destroy(rank); }), soon_ms); });
    EXPECT_FALSE(waiting.stream.idle()) << "the other rank has not come";
    come(others[1], 6);
    waiting.stream.synchronize();
    EXPECT_EQ(waiting.values.values(), Ints({11}));
}

// Memory that is being given back is no reason to say that there is none.
TEST_F(NcclStream, AnAllocationWaitsForMemoryThatIsBeingGivenBack) {
    LocalNcclRanks ranks(2);
    const int device = nc_group_device(ranks[0]);
    void* given_back = nullptr;
    ASSERT_EQ(nc_device_allocate("nccl", device, 64, &given_back, nullptr), NC_OK);
    const Waiting waiting(ranks[0], 5);
    EXPECT_EQ(execute(ranks[0], waiting.request()).status, NC_OK);
    EXPECT_EQ(nc_device_free("nccl", device, given_back, nullptr), NC_OK);
    const CudaFaults faults("cuMemAlloc_v2@1=CUDA_ERROR_OUT_OF_MEMORY");
    const std::uint64_t calls = cuda().nc_double_cuda_calls("cuMemAlloc_v2");
    std::thread peer([&] {
        while (cuda().nc_double_cuda_calls("cuMemAlloc_v2") == calls) std::this_thread::yield();
        come(ranks[1], 6);
    });
    void* got = nullptr;
    nc_error error = empty_error();
    EXPECT_EQ(nc_device_allocate("nccl", device, 64, &got, &error), NC_OK) << error.message;
    peer.join();
    EXPECT_EQ(nc_device_free("nccl", device, got, nullptr), NC_OK);
}

// ---- ends before the time -------------------------------------------------------------------------------------------

TEST_F(NcclStream, CancellingEndsTheGroup) {
    LocalNcclRanks ranks(2);
    const Waiting waiting(ranks[0]);
    Journal journal;
    const WorkPointer work = enqueue(ranks[0], waiting.request(), Journal::write, &journal);
    nc_work_cancel(work.get());
    const Outcome outcome = wait_for(work.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
    EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
    EXPECT_EQ(outcome.error.sequence, 1U);
    EXPECT_EQ(outcome.error.rank, 0);
    EXPECT_EQ(status_of(ranks[0]).status, NC_ABORTED);
    EXPECT_TRUE(soon([&] { return journal.count() == 1; }));
    EXPECT_EQ(journal.entries[0], (std::pair<std::uint64_t, nc_status>{1, NC_CANCELLED}));
    EXPECT_TRUE(soon([&] { return waiting.stream.idle(); })) << "the stream goes on";
    EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
}

// As for operations without a stream: see work_test.cpp.
TEST_F(NcclStream, ACancellationComesTooLateOrCancelsTheOperation) {
    constexpr int rounds = 300 / slowness;
    std::minstd_rand random(5);
    double delay_us = 500;
    std::unique_ptr<LocalNcclRanks> ranks;
    int too_late = 0;
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        SCOPED_TRACE(text("round ", round));
        if (ranks == nullptr) ranks = std::make_unique<LocalNcclRanks>(2);
        std::int32_t others = 1;
        const WorkPointer peer = enqueue((*ranks)[1], request_of(NC_ALL_REDUCE, NC_INT32, 1, &others, &others));
        const Waiting waiting((*ranks)[0]);
        const WorkPointer work = enqueue((*ranks)[0], waiting.request());
        const auto jittered = static_cast<std::int64_t>(delay_us * (500 + static_cast<double>(random() % 1000)));
        const Deadline moment = Clock::now() + std::chrono::nanoseconds(jittered);
        while (Clock::now() < moment) std::this_thread::yield();
        nc_work_cancel(work.get());
        const Outcome outcome = wait_for(work.get(), soon_ms);
        const Outcome state = status_of((*ranks)[0]);
        if (outcome.status == NC_OK) {
            ++too_late;
            delay_us = std::max(delay_us / 1.2, 1.0);
            EXPECT_EQ(state.status, NC_OK) << "the operation ended well, and the group was ended: " << state.message();
            EXPECT_EQ(wait_for(peer.get()).status, NC_OK);
            EXPECT_EQ(waiting.values.values(), Ints({2}));
            ranks->each([](int, nc_group* group) { EXPECT_EQ(all_sum_works(group).status, NC_OK); });
        } else {
            delay_us = std::min(delay_us * 1.2, 50'000.0);
            EXPECT_EQ(outcome.status, NC_CANCELLED) << outcome.message();
            EXPECT_EQ(state.status, NC_ABORTED) << state.message();
            // The device has let go of the memory by now.
            EXPECT_TRUE(waiting.stream.idle());
            ranks.reset();
        }
    }
    std::printf("%d rounds, in %d of which the cancellation came too late\n", rounds, too_late);
}

TEST_F(NcclStream, ATimeoutEndsTheGroup) {
    LocalNcclRanks ranks(2);
    const Waiting waiting(ranks[0]);
    EXPECT_EQ(execute(ranks[0], request_of(NC_ALL_REDUCE)).status, NC_OK) << "number 1";
    EXPECT_EQ(execute(ranks[0], waiting.request(100)).status, NC_OK) << "it is on the stream";
    EXPECT_TRUE(soon([&] { return status_of(ranks[0]).status != NC_OK; }));
    const Outcome cause = status_of(ranks[0]);
    EXPECT_EQ(cause.status, NC_TIMEOUT) << cause.message();
    EXPECT_EQ(cause.error.operation, NC_ALL_REDUCE);
    EXPECT_EQ(cause.error.sequence, 2U);
    EXPECT_EQ(cause.error.rank, 0);
    EXPECT_NE(cause.message().find("100 ms"), std::string::npos) << cause.message();
    const Outcome next = execute(ranks[0], waiting.request());
    EXPECT_EQ(next.status, NC_TIMEOUT);
    EXPECT_EQ(next.error.earlier, 1);
    EXPECT_TRUE(soon([&] { return waiting.stream.idle(); }));
    EXPECT_EQ(execute(ranks[1], request_of(NC_BARRIER)).status, NC_PEER_LOST);
}

// Whoever waits for the operation is told when nobody uses its buffers any more, whatever has become of it.
TEST_F(NcclStream, AFailedOperationIsOverOnTheDeviceWhenItsCompletionIsCalled) {
    LocalNcclRanks ranks(2);
    const Waiting waiting(ranks[0]);
    // The device takes its time to notice that it is over.
    const CudaFaults late("cuEventRecord@1=delay:50");
    struct Ended {
        const Waiting* waiting;
        bool idle = false;
        nc_status status = NC_OK;
        Flag flag;
    } ended{&waiting, false, NC_OK, {}};
    const nc_request request = waiting.request(50);
    const auto look = [](void* context, const nc_error* error) {
        auto& here = *static_cast<Ended*>(context);
        here.idle = here.waiting->stream.idle();
        here.status = error != nullptr ? error->status : NC_OK;
        here.flag.set();
    };
    EXPECT_EQ(nc_enqueue(ranks[0], &request, look, &ended, nullptr, nullptr), NC_OK);
    EXPECT_TRUE(ended.flag.wait());
    EXPECT_EQ(ended.status, NC_TIMEOUT);
    EXPECT_TRUE(ended.idle);
    EXPECT_EQ(status_of(ranks[0]).status, NC_TIMEOUT);
}

// Each operation has its own deadline, also behind one that has more time.
TEST_F(NcclStream, AShortTimeoutBehindALongOneIsKept) {
    LocalNcclRanks ranks(2);
    const Waiting waiting(ranks[0]);
    const WorkPointer first = enqueue(ranks[0], waiting.request());
    const WorkPointer second = enqueue(ranks[0], waiting.request(100));
    const WorkPointer third = enqueue(ranks[0], waiting.request());
    const Outcome late = wait_for(second.get(), soon_ms);
    EXPECT_EQ(late.status, NC_TIMEOUT) << late.message();
    EXPECT_EQ(late.error.operation, NC_ALL_REDUCE) << "it is the operation's own outcome";
    EXPECT_EQ(late.error.sequence, 2U);
    EXPECT_EQ(status_of(ranks[0]).error.sequence, 2U) << "the one that was late is the cause";
    for (const WorkPointer* other : {&first, &third})
        EXPECT_EQ(wait_for(other->get(), soon_ms).status, NC_TIMEOUT) << "the group's end, with its cause";
}

// The caller gets its buffers back with the failure, although the operation was on its stream already.
TEST_F(NcclStream, AFailedCallTakesTheOperationOffTheStream) {
    const GroupPointer group = nccl_group_of_one();
    const CallersStream stream(group.get());
    const Pinned given(group.get(), {1});
    const DeviceInts values(group.get(), {0});
    const CudaFaults faults("cuMemcpyHtoDAsync_v2@1=delay:80; cuEventRecord@1=CUDA_ERROR_LAUNCH_FAILED");
    given.copy_to(values, stream.get());
    const Outcome outcome = execute(group.get(), stream_sum(values, 1, stream));
    EXPECT_EQ(outcome.status, NC_LIBRARY_ERROR) << outcome.message();
    EXPECT_TRUE(stream.idle());
}

// Ending the group ends what is on streams too, which is no success.
TEST_F(NcclStream, ATimeoutOfAnotherOperationIsNoSuccess) {
    // The watching thread is asking, most of the time; or it is quicker than the call that gives the group up.
    for (const char* slow : {"cuEventQuery@*=delay:5", "cuStreamQuery@*=delay:50"}) {
        LocalNcclRanks ranks(2);
        const Waiting waiting(ranks[0]);
        const CudaFaults faults(slow);
        const WorkPointer work = enqueue(ranks[0], waiting.request());
        nc_request request = device_sum(waiting.values.get(), 1);
        request.timeout_ms = 60;
        EXPECT_EQ(execute(ranks[0], request).status, NC_TIMEOUT) << slow;
        const Outcome outcome = wait_for(work.get(), soon_ms);
        EXPECT_EQ(outcome.status, NC_TIMEOUT) << slow << ": " << outcome.message();
        EXPECT_EQ(outcome.error.sequence, 1U) << slow;
    }
}

TEST_F(NcclStream, APeersEndIsNoticed) {
    LocalNcclRanks ranks(2);
    const Waiting waiting(ranks[0]);
    const WorkPointer work = enqueue(ranks[0], waiting.request());
    nc_group_abort(ranks[1], "the peer has had enough");
    const Outcome outcome = wait_for(work.get(), soon_ms);
    EXPECT_EQ(outcome.status, NC_PEER_LOST) << outcome.message();
    EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
    EXPECT_EQ(outcome.error.sequence, 1U);
    EXPECT_EQ(status_of(ranks[0]).status, NC_PEER_LOST);
}

enum class End { Abort, Close, Destroy };

// Completions are called exactly once, and tell how the group ended; nothing of it takes long.
TEST_F(NcclStream, AbortCloseAndDestroyEndWhatIsOnStreams) {
    for (const End end : {End::Abort, End::Close, End::Destroy}) {
        LocalNcclRanks ranks(2);
        const Waiting waiting(ranks[0]);
        Journal journal;
        std::vector<WorkPointer> works;
        for (int i = 0; i < 3; ++i) works.push_back(enqueue(ranks[0], waiting.request(), Journal::write, &journal));
        const std::int64_t took = milliseconds_of([&] {
            if (end == End::Abort) nc_group_abort(ranks[0], "no more");
            if (end == End::Close) nc_group_close(ranks[0]);
            if (end == End::Destroy) ranks.destroy(0);
        });
        EXPECT_LT(took, soon_ms + 2000);
        for (const WorkPointer& work : works) {
            const Outcome outcome = wait_for(work.get(), soon_ms);
            EXPECT_EQ(outcome.status, end == End::Abort ? NC_ABORTED : NC_CLOSED) << outcome.message();
            EXPECT_EQ(outcome.error.operation, NC_ALL_REDUCE);
        }
        EXPECT_TRUE(soon([&] { return journal.count() == 3; }));
        for (const auto& [sequence, status] : journal.entries)
            EXPECT_EQ(status, end == End::Abort ? NC_ABORTED : NC_CLOSED);
        EXPECT_TRUE(soon([&] { return waiting.stream.idle(); }));
        if (end != End::Destroy) ranks.destroy(0);
        EXPECT_EQ(journal.count(), 3U);
    }
}

TEST_F(NcclStream, AtAnyMomentOfItsEndEveryCompletionIsCalledOnce) {
    for (int round = 0; round < 12; ++round) {
        LocalNcclRanks ranks(2);
        constexpr int count = 6;
        Journal journals[2];
        std::atomic<int> issued[2]{};
        const auto end = static_cast<End>(round % 3);
        std::vector<std::unique_ptr<Waiting>> waiting;
        for (int rank = 0; rank < 2; ++rank) waiting.push_back(std::make_unique<Waiting>(ranks[rank]));
        on_all_ranks(3, [&](int thread) {
            if (thread == 2) {
                // The moment: when that many have been issued.
                while (issued[0] < round % (count + 1)) std::this_thread::yield();
                if (end == End::Abort) nc_group_abort(ranks[0], "at some moment");
                if (end == End::Close) nc_group_close(ranks[0]);
                return;
            }
            for (int i = 0; i < count; ++i) {
                const nc_request request = waiting[index(thread)]->request();
                nc_error error = empty_error();
                const nc_status status =
                    nc_enqueue(ranks[thread], &request, Journal::write, &journals[thread], nullptr, &error);
                // One that was refused is not completed.
                if (status != NC_OK) Journal::write(&journals[thread], &error);
                ++issued[thread];
            }
        });
        ranks.destroy(0);
        ranks.destroy(1);
        for (const Journal& journal : journals)
            ASSERT_EQ(journal.entries.size(), static_cast<std::size_t>(count)) << "round " << round;
        for (const auto& [sequence, status] : journals[0].entries)
            EXPECT_TRUE(status == NC_OK || status == NC_ABORTED || status == NC_CLOSED || status == NC_PEER_LOST)
                << nc_status_name(status);
    }
}

TEST_F(NcclStream, AGroupMayBeDestroyedFromACompletion) {
    for (const int pending : {0, 3}) {
        for (const bool fails : {false, true}) {
            LocalNcclRanks ranks(2);
            const Waiting waiting(ranks[0]);
            Journal journal;
            struct Context {
                nc_group* group;
                Journal* journal;
                std::size_t ended = 0;
                Flag destroyed;
            } context{ranks.release(0), &journal, 0, {}};
            const nc_request request = waiting.request();
            const auto destroy = [](void* pointer, const nc_error*) {
                auto& here = *static_cast<Context*>(pointer);
                nc_group_destroy(here.group);
                here.ended = here.journal->count();
                here.destroyed.set();
            };
            EXPECT_EQ(nc_enqueue(context.group, &request, destroy, &context, nullptr, nullptr), NC_OK);
            for (int i = 0; i < pending; ++i)
                EXPECT_EQ(nc_enqueue(context.group, &request, Journal::write, &journal, nullptr, nullptr), NC_OK);
            if (fails) {
                nc_group_abort(ranks[1], nullptr);
            } else {
                come(ranks[1]);
            }
            EXPECT_TRUE(context.destroyed.wait());
            EXPECT_EQ(context.ended, static_cast<std::size_t>(pending)) << "after the group there are no completions";
            for (const auto& [sequence, status] : journal.entries) EXPECT_EQ(status, fails ? NC_PEER_LOST : NC_CLOSED);
        }
    }
}

// The call itself waits for its turn; a turn that does not come ends it, and nothing was issued.
TEST_F(NcclStream, ATurnThatDoesNotComeEndsTheCall) {
    LocalNcclRanks ranks(2);
    std::int32_t host = 1;
    const WorkPointer stuck = enqueue(ranks[0], request_of(NC_ALL_REDUCE, NC_INT32, 1, &host, &host));
    const Waiting waiting(ranks[0]);
    Journal journal;
    nc_request request = waiting.request(50);
    nc_error error = empty_error();
    nc_work* work = nullptr;
    EXPECT_EQ(nc_enqueue(ranks[0], &request, Journal::write, &journal, &work, &error), NC_TIMEOUT) << error.message;
    EXPECT_EQ(error.operation, NC_ALL_REDUCE);
    EXPECT_EQ(error.sequence, 2U);
    EXPECT_EQ(work, nullptr);
    EXPECT_EQ(status_of(ranks[0]).status, NC_TIMEOUT);
    EXPECT_EQ(execute(ranks[0], request).status, NC_TIMEOUT);
    nc_group_abort(ranks[0], nullptr);
    ranks.destroy(0);
    EXPECT_EQ(journal.count(), 0U);
    EXPECT_TRUE(waiting.stream.idle());
}

TEST_F(NcclStream, AnAbortEndsACallThatWaitsForItsTurn) {
    LocalNcclRanks ranks(2);
    std::int32_t host = 1;
    const WorkPointer stuck = enqueue(ranks[0], request_of(NC_ALL_REDUCE, NC_INT32, 1, &host, &host));
    const Waiting waiting(ranks[0]);
    std::thread issuing([&] {
        const nc_request request = waiting.request();
        nc_error error = empty_error();
        nc_work* work = nullptr;
        EXPECT_EQ(nc_enqueue(ranks[0], &request, nullptr, nullptr, &work, &error), NC_ABORTED) << error.message;
        EXPECT_EQ(work, nullptr);
    });
    nc_group_abort(ranks[0], nullptr);
    issuing.join();
    EXPECT_EQ(wait_for(stuck.get(), soon_ms).status, NC_ABORTED);
}

// ---- the same with jitter -------------------------------------------------------------------------------------------

std::string content_of(const std::string& path) {
    std::ostringstream content;
    content << std::ifstream(path).rdbuf();
    return content.str();
}

// The double then begins everything on a stream a little late, and never equally late: what is not held back by an
// order is seen too early.
TEST(NcclJitter, ChangesNothing) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string output = text("/tmp/nc_jitter_", ::getpid());
    std::vector<std::string> variables{"NC_DOUBLE_JITTER=1"};
    for (char** variable = environ; *variable != nullptr; ++variable) {
        if (!std::string(*variable).starts_with("GTEST_")) variables.emplace_back(*variable);
    }
    std::vector<std::string> arguments{program, "--gtest_brief=1",
                                       "--gtest_filter=NcclOrder.*:NcclStream.C*:NcclOperations.Mix*:Nccl/"
                                       "NcclSizes.EveryOperationInEveryMode/3*:Nccl/NcclSizes.*InChunks/2*"};
    const auto pointers = [](std::vector<std::string>& strings) {
        std::vector<char*> list;
        for (std::string& string : strings) list.push_back(string.data());
        list.push_back(nullptr);
        return list;
    };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child = 0;
    ASSERT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, pointers(arguments).data(),
                            pointers(variables).data()),
              0);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << content_of(output);
    EXPECT_NE(content_of(output).find("[  PASSED  ]"), std::string::npos) << content_of(output);
    ::unlink(output.c_str());
}

} // namespace NC_FILE
} // namespace nc::test
