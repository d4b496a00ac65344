// The double of the CUDA driver keeps the promises of the driver's interface, and finds the callers that break theirs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "doubles/opened.h"
#include "local_ranks.h"

namespace nc::test {
namespace NC_FILE {

using Values = std::vector<std::int32_t>;

// Holds a stream where it is until it is opened.
class Gate {
public:
    explicit Gate(CUstream stream) {
        int device = -1;
        void* const resolved = cuda().nc_double_cuda_resolve_stream(stream, &device);
        EXPECT_EQ(cuda().nc_double_cuda_enqueue(
                      resolved, [](void* gate) { static_cast<Gate*>(gate)->hold(); }, this),
                  0);
    }
    ~Gate() {
        open();
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return passed_; });
    }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }

private:
    void hold() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return open_; });
        passed_ = true;
        changed_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    bool passed_ = false;
};

class PinnedArray {
public:
    explicit PinnedArray(std::size_t count, std::int32_t value = 0) : count_(count) {
        EXPECT_EQ(cuda().cuMemHostAlloc(&address_, bytes(), 0), CUDA_SUCCESS);
        std::fill_n(data(), count, value);
    }
    ~PinnedArray() {
        if (address_ == nullptr) return;
        EXPECT_EQ(cuda().cuMemFreeHost(address_), CUDA_SUCCESS);
    }
    PinnedArray(const PinnedArray&) = delete;
    PinnedArray& operator=(const PinnedArray&) = delete;
    std::int32_t* data() const { return static_cast<std::int32_t*>(address_); }
    std::size_t bytes() const { return count_ * sizeof(std::int32_t); }
    void release() { address_ = nullptr; }

private:
    std::size_t count_;
    void* address_ = nullptr;
};

bool is_ready(CUstream stream) {
    const CUresult result = cuda().cuStreamQuery(stream);
    EXPECT_TRUE(result == CUDA_SUCCESS || result == CUDA_ERROR_NOT_READY);
    return result == CUDA_SUCCESS;
}

class CudaDoubleTest : public ::testing::Test {
protected:
    void TearDown() override {
        before_.expect_unchanged();
        EXPECT_EQ(cuda().nc_double_cuda_live("elephants"), -1);
        int device = -1;
        EXPECT_EQ(cuda().cuCtxGetDevice(&device), CUDA_ERROR_INVALID_CONTEXT) << "a context is still current";
    }
    // Whether a context ends when a test releases it.
    static bool contexts_are_kept() { return cuda().nc_double_cuda_live("contexts") > 0; }

private:
    const DriverCounts before_;
};
using CudaDoubleDevices = CudaDoubleTest;
using CudaDoubleMemory = CudaDoubleTest;
using CudaDoubleStreams = CudaDoubleTest;
using CudaDoubleViolations = CudaDoubleTest;
using CudaDoubleFaults = CudaDoubleTest;

TEST_F(CudaDoubleDevices, AreTwoWithNames) {
    int version = 0;
    EXPECT_EQ(cuda().cuDriverGetVersion(&version), CUDA_SUCCESS);
    EXPECT_GE(version, 12000);
    int count = 0;
    EXPECT_EQ(cuda().cuDeviceGetCount(&count), CUDA_SUCCESS);
    EXPECT_EQ(count, 2);
    CUdevice device = -1;
    EXPECT_EQ(cuda().cuDeviceGet(&device, 1), CUDA_SUCCESS);
    EXPECT_EQ(device, 1);
    EXPECT_EQ(cuda().cuDeviceGet(&device, 2), CUDA_ERROR_INVALID_DEVICE);
    EXPECT_EQ(cuda().cuDeviceGet(&device, -1), CUDA_ERROR_INVALID_DEVICE);
    char name[64];
    EXPECT_EQ(cuda().cuDeviceGetName(name, sizeof name, 1), CUDA_SUCCESS);
    EXPECT_STREQ(name, "Double of a GPU (1)");
    const char* text = nullptr;
    EXPECT_EQ(cuda().cuGetErrorName(CUDA_ERROR_OUT_OF_MEMORY, &text), CUDA_SUCCESS);
    EXPECT_STREQ(text, "CUDA_ERROR_OUT_OF_MEMORY");
    EXPECT_EQ(cuda().cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text), CUDA_SUCCESS);
    EXPECT_STREQ(text, "out of memory");
    EXPECT_EQ(cuda().cuGetErrorName(12345, &text), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(text, nullptr);
}

TEST_F(CudaDoubleDevices, AreAbsentInVariants) {
    const CudaDouble none("no_devices/libcuda.so.1");
    int count = -1;
    EXPECT_EQ(none.cuInit(0), CUDA_SUCCESS);
    EXPECT_EQ(none.cuDeviceGetCount(&count), CUDA_SUCCESS);
    EXPECT_EQ(count, 0);
    CUcontext context = nullptr;
    EXPECT_EQ(none.cuDevicePrimaryCtxRetain(&context, 0), CUDA_ERROR_INVALID_DEVICE);

    const CudaDouble no_driver("no_driver/libcuda.so.1");
    EXPECT_EQ(no_driver.cuInit(0), CUDA_ERROR_NO_DEVICE);
    EXPECT_EQ(no_driver.cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
}

TEST_F(CudaDoubleDevices, HaveOneContextEach) {
    if (contexts_are_kept()) GTEST_SKIP() << "tests that have run before keep contexts alive";
    CUcontext first = nullptr;
    CUcontext again = nullptr;
    CUcontext second = nullptr;
    EXPECT_EQ(cuda().cuDevicePrimaryCtxRetain(&first, 0), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuDevicePrimaryCtxRetain(&again, 0), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuDevicePrimaryCtxRetain(&second, 1), CUDA_SUCCESS);
    EXPECT_EQ(first, again);
    EXPECT_NE(first, second);
    EXPECT_EQ(cuda().nc_double_cuda_live("contexts"), 2);
    EXPECT_EQ(cuda().nc_double_cuda_live("retains"), 3);

    CUcontext current = first;
    EXPECT_EQ(cuda().cuCtxGetCurrent(&current), CUDA_SUCCESS);
    EXPECT_EQ(current, nullptr);
    EXPECT_EQ(cuda().cuCtxPushCurrent_v2(first), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuCtxPushCurrent_v2(second), CUDA_SUCCESS);
    CUdevice device = -1;
    EXPECT_EQ(cuda().cuCtxGetDevice(&device), CUDA_SUCCESS);
    EXPECT_EQ(device, 1);
    // Another thread has its own.
    std::thread([&] { EXPECT_EQ(cuda().cuCtxGetDevice(&device), CUDA_ERROR_INVALID_CONTEXT); }).join();
    EXPECT_EQ(cuda().cuCtxPopCurrent_v2(&current), CUDA_SUCCESS);
    EXPECT_EQ(current, second);
    EXPECT_EQ(cuda().cuCtxSetCurrent(second), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuCtxGetCurrent(&current), CUDA_SUCCESS);
    EXPECT_EQ(current, second);
    EXPECT_EQ(cuda().cuCtxPopCurrent_v2(&current), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuCtxPopCurrent_v2(&current), CUDA_ERROR_INVALID_CONTEXT);

    EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(0), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(1), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuDevicePrimaryCtxRetain(&again, 0), CUDA_SUCCESS);
    EXPECT_NE(first, again) << "a handle is used twice";
    EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
}

TEST_F(CudaDoubleDevices, NeedACurrentContext) {
    if (contexts_are_kept()) GTEST_SKIP() << "tests that have run before keep contexts alive";
    CUdeviceptr address = 0;
    void* pinned = nullptr;
    CUstream stream = nullptr;
    CUevent event = nullptr;
    EXPECT_EQ(cuda().cuMemAlloc_v2(&address, 8), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuda().cuMemHostAlloc(&pinned, 8, 0), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuda().cuStreamCreate(&stream, 0), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuda().cuEventCreate(&event, 0), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuda().cuStreamSynchronize(nullptr), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(cuda().cuMemsetD8_v2(16, 0, 8), CUDA_ERROR_INVALID_CONTEXT);
    {
        const CurrentDevice device;
        EXPECT_EQ(cuda().cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemAlloc_v2(&address, 8), CUDA_ERROR_CONTEXT_IS_DESTROYED);
        CUcontext context = nullptr;
        EXPECT_EQ(cuda().cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    }
}

TEST_F(CudaDoubleMemory, KnowsWhatItIs) {
    const CurrentDevice device(1);
    const DeviceArray<std::int32_t> array(4);
    const PinnedArray pinned(4);
    const Values pageable(4);
    unsigned type = 0;
    int ordinal = -1;
    EXPECT_EQ(cuda().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, array.address() + 15),
              CUDA_SUCCESS);
    EXPECT_EQ(type, CU_MEMORYTYPE_DEVICE);
    EXPECT_EQ(cuda().cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, array.address()),
              CUDA_SUCCESS);
    EXPECT_EQ(ordinal, 1);
    const auto number = [](const void* address) {
        return static_cast<CUdeviceptr>(reinterpret_cast<std::uintptr_t>(address));
    };
    EXPECT_EQ(cuda().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, number(pinned.data())),
              CUDA_SUCCESS);
    EXPECT_EQ(type, CU_MEMORYTYPE_HOST);
    EXPECT_EQ(cuda().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, number(pageable.data())),
              CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(cuda().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, array.address() + 16),
              CUDA_ERROR_INVALID_VALUE)
        << "one past the end";
    EXPECT_EQ(cuda().cuPointerGetAttribute(&type, 99, array.address()), CUDA_ERROR_NOT_SUPPORTED);
}

// Whether the host can read what is there.
bool is_readable(const void* address) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    const bool readable = ::write(ends[1], address, 1) == 1;
    ::close(ends[0]);
    ::close(ends[1]);
    return readable;
}

TEST_F(CudaDoubleMemory, OfADeviceIsOutOfTheHostsReach) {
    const CurrentDevice device;
    CUdeviceptr address = 0;
    void* pinned = nullptr;
    ASSERT_EQ(cuda().cuMemAlloc_v2(&address, 8), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuMemHostAlloc(&pinned, 8, 0), CUDA_SUCCESS);
    EXPECT_FALSE(is_readable(reinterpret_cast<void*>(address)));
    EXPECT_TRUE(is_readable(pinned));
    EXPECT_EQ(cuda().cuMemFree_v2(address), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuMemFreeHost(pinned), CUDA_SUCCESS);
    EXPECT_FALSE(is_readable(pinned)) << "freed memory can still be read";
    EXPECT_EQ(cuda().cuMemFree_v2(0), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuMemAlloc_v2(&address, 0), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(cuda().cuMemAlloc_v2(&address, std::size_t{1} << 60), CUDA_ERROR_OUT_OF_MEMORY);
}

// Whether the calling thread is kept until the stream goes on.
void expect_to_wait(CUstream stream, const char* function, const std::function<CUresult()>& call) {
    Gate gate(stream);
    std::atomic<bool> returned{false};
    const std::uint64_t before = cuda().nc_double_cuda_calls(function);
    std::thread caller([&] {
        const CurrentDevice device;
        EXPECT_EQ(call(), CUDA_SUCCESS);
        returned = true;
    });
    while (cuda().nc_double_cuda_calls(function) == before) std::this_thread::yield();
    // It has not to be so late, but must not return.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(returned) << function;
    gate.open();
    caller.join();
}

TEST_F(CudaDoubleMemory, IsFreedOnceTheDeviceIsIdle) {
    const CurrentDevice device;
    const DeviceStream stream;
    CUdeviceptr address = 0;
    void* pinned = nullptr;
    ASSERT_EQ(cuda().cuMemAlloc_v2(&address, 8), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuMemHostAlloc(&pinned, 8, 0), CUDA_SUCCESS);
    expect_to_wait(stream, "cuMemFree_v2", [&] { return cuda().cuMemFree_v2(address); });
    expect_to_wait(stream, "cuMemFreeHost", [&] { return cuda().cuMemFreeHost(pinned); });
}

TEST_F(CudaDoubleMemory, IsCopiedAndSet) {
    const CurrentDevice device;
    const Values values{1, 2, 3, 4, 5};
    const DeviceArray<std::int32_t> first(values);
    const DeviceArray<std::int32_t> second(5);
    EXPECT_EQ(second.values()[0], static_cast<std::int32_t>(0xa5a5a5a5)) << "new memory does not look unwritten";
    EXPECT_EQ(cuda().cuMemcpyDtoD_v2(second.address() + 4, first.address(), 16), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuMemsetD8_v2(second.address(), 1, 4), CUDA_SUCCESS);
    EXPECT_EQ(second.values(), (Values{0x01010101, 1, 2, 3, 4}));
    EXPECT_EQ(first.values(), values);
    EXPECT_EQ(cuda().cuMemcpyHtoD_v2(first.address(), nullptr, 0), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuMemcpyHtoD_v2(first.address(), nullptr, 4), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(CudaDoubleMemory, PinnedIsReadWhenTheStreamGetsThere) {
    const CurrentDevice device;
    const DeviceStream stream;
    const DeviceArray<std::int32_t> array(1);
    const PinnedArray pinned(1, 1);
    Values pageable{1};
    {
        Gate gate(stream);
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(array.address(), pinned.data(), 4, stream), CUDA_SUCCESS);
        *pinned.data() = 2;
    }
    stream.synchronize();
    EXPECT_EQ(array.values()[0], 2);
    {
        Gate gate(stream);
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(array.address(), pageable.data(), 4, stream), CUDA_SUCCESS);
        pageable[0] = 2;
    }
    stream.synchronize();
    EXPECT_EQ(array.values()[0], 1) << "pageable memory was read after the call";
    {
        Gate gate(stream);
        EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(pinned.data(), array.address(), 4, stream), CUDA_SUCCESS);
        EXPECT_EQ(*pinned.data(), 2) << "the copy did not wait for its stream";
    }
    stream.synchronize();
    EXPECT_EQ(*pinned.data(), 1);
    EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(pageable.data(), array.address(), 4, stream), CUDA_SUCCESS);
    EXPECT_EQ(pageable[0], 1) << "a copy to pageable memory has ended when the call returns";
}

TEST_F(CudaDoubleStreams, RunInOrderAndOnTheirOwn) {
    const CurrentDevice device;
    const DeviceStream held;
    const DeviceStream free;
    const DeviceArray<std::int32_t> array(Values{1, 2, 3});
    const DeviceArray<std::int32_t> copy(3);
    EXPECT_TRUE(is_ready(held));
    {
        Gate gate(held);
        EXPECT_FALSE(is_ready(held));
        EXPECT_EQ(cuda().cuMemcpyDtoDAsync_v2(copy.address(), array.address(), 4, held), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemcpyDtoDAsync_v2(copy.address() + 8, copy.address(), 4, held), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemcpyDtoDAsync_v2(copy.address() + 4, array.address() + 4, 4, free), CUDA_SUCCESS);
        free.synchronize();
        EXPECT_FALSE(is_ready(held));
        Values seen(3);
        EXPECT_EQ(cuda().cuMemcpyDtoHAsync_v2(seen.data(), copy.address(), 12, free), CUDA_SUCCESS);
        EXPECT_EQ(seen[1], 2);
        EXPECT_NE(seen[0], 1);
    }
    held.synchronize();
    EXPECT_TRUE(is_ready(held));
    EXPECT_EQ(copy.values(), (Values{1, 2, 1}));
}

TEST_F(CudaDoubleStreams, WaitForEvents) {
    const CurrentDevice device;
    const DeviceStream held;
    const DeviceStream waiting;
    const DeviceEvent event;
    EXPECT_EQ(cuda().cuEventQuery(event), CUDA_SUCCESS) << "an event that was never recorded";
    EXPECT_EQ(cuda().cuStreamWaitEvent(waiting, event, 0), CUDA_SUCCESS);
    waiting.synchronize();
    {
        Gate gate(held);
        EXPECT_EQ(cuda().cuEventRecord(event, held), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuEventQuery(event), CUDA_ERROR_NOT_READY);
        EXPECT_EQ(cuda().cuStreamWaitEvent(waiting, event, 0), CUDA_SUCCESS);
        // What the wait is for is fixed now: recording the event again does not change it.
        const DeviceStream other;
        EXPECT_EQ(cuda().cuEventRecord(event, other), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuEventSynchronize(event), CUDA_SUCCESS);
        EXPECT_FALSE(is_ready(waiting));
    }
    waiting.synchronize();
    EXPECT_EQ(cuda().cuStreamWaitEvent(waiting, event, 1), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(CudaDoubleStreams, TakeTime) {
    const CurrentDevice device;
    const DeviceStream stream;
    const DeviceEvent start;
    const DeviceEvent end;
    const DeviceEvent untimed(CU_EVENT_DISABLE_TIMING);
    float milliseconds = -1;
    EXPECT_EQ(cuda().cuEventElapsedTime(&milliseconds, start, end), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(cuda().cuEventRecord(start, stream), CUDA_SUCCESS);
    {
        Gate gate(stream);
        EXPECT_EQ(cuda().cuEventRecord(end, stream), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuEventElapsedTime(&milliseconds, start, end), CUDA_ERROR_NOT_READY);
    }
    EXPECT_EQ(cuda().cuEventSynchronize(end), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuEventElapsedTime(&milliseconds, start, end), CUDA_SUCCESS);
    EXPECT_GE(milliseconds, 0);
    EXPECT_EQ(cuda().cuEventRecord(untimed, stream), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuEventElapsedTime(&milliseconds, start, untimed), CUDA_ERROR_INVALID_HANDLE);
    stream.synchronize();
}

TEST_F(CudaDoubleStreams, WaitForTheDefaultStreamAndItForThem) {
    const CurrentDevice device;
    const DeviceStream blocking(0);
    const DeviceStream independent;
    const DeviceEvent event;
    {
        Gate gate(nullptr);
        EXPECT_EQ(cuda().cuEventRecord(event, blocking), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuEventRecord(event, independent), CUDA_SUCCESS);
        independent.synchronize();
        EXPECT_FALSE(is_ready(blocking));
        EXPECT_FALSE(is_ready(nullptr));
        EXPECT_FALSE(is_ready(CU_STREAM_LEGACY));
    }
    blocking.synchronize();
    {
        Gate gate(blocking);
        EXPECT_FALSE(is_ready(nullptr)) << "a blocking stream's work is waited for";
        EXPECT_EQ(cuda().cuEventRecord(event, nullptr), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuEventQuery(event), CUDA_ERROR_NOT_READY);
    }
    {
        Gate gate(independent);
        EXPECT_EQ(cuda().cuStreamSynchronize(nullptr), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuEventQuery(event), CUDA_SUCCESS);
    }
    independent.synchronize();
}

TEST_F(CudaDoubleStreams, FinishTheirWorkAfterTheyAreDestroyed) {
    const CurrentDevice device;
    const DeviceArray<std::int32_t> array(Values{1});
    const PinnedArray pinned(1, 7);
    const DeviceEvent event;
    CUstream stream = nullptr;
    ASSERT_EQ(cuda().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    {
        Gate gate(stream);
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(array.address(), pinned.data(), 4, stream), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuEventRecord(event, stream), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuStreamDestroy_v2(stream), CUDA_SUCCESS);
        EXPECT_EQ(cuda().nc_double_cuda_live("streams"), 0);
    }
    EXPECT_EQ(cuda().cuEventSynchronize(event), CUDA_SUCCESS);
    EXPECT_EQ(array.values()[0], 7);
}

// Expects that the call fails as a violation which names what is said.
void expect_violation(CUresult result, const char* named) {
    EXPECT_EQ(result, CUDA_ERROR_INVALID_VALUE);
    EXPECT_NE(RecordedViolations::text().find(named), std::string::npos)
        << "expected: " << named << "\nrecorded: " << RecordedViolations::text();
    RecordedViolations::clear();
}

TEST_F(CudaDoubleViolations, OfHandles) {
    const RecordedViolations violations;
    const CurrentDevice device;
    CUstream stream = nullptr;
    CUevent event = nullptr;
    ASSERT_EQ(cuda().cuStreamCreate(&stream, 0), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuEventCreate(&event, 0), CUDA_SUCCESS);
    expect_violation(cuda().cuStreamSynchronize(event), "does not exist");
    expect_violation(cuda().cuEventRecord(stream, stream), "does not exist");
    ASSERT_EQ(cuda().cuStreamDestroy_v2(stream), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuEventDestroy_v2(event), CUDA_SUCCESS);
    expect_violation(cuda().cuStreamQuery(stream), "cuStreamQuery: stream");
    expect_violation(cuda().cuStreamDestroy_v2(stream), "has been destroyed");
    expect_violation(cuda().cuEventDestroy_v2(event), "has been destroyed");
    expect_violation(cuda().cuEventQuery(event), "has been destroyed");
    expect_violation(cuda().cuCtxPushCurrent_v2(event), "does not exist");
    int ordinal = -1;
    expect_violation(cuda().cuStreamDestroy_v2(cuda().nc_double_cuda_resolve_stream(nullptr, &ordinal)),
                     "default stream");
    const DeviceEvent here;
    {
        const CurrentDevice other(1);
        const DeviceStream there;
        expect_violation(cuda().cuEventRecord(here, there), "different contexts");
        EXPECT_EQ(cuda().cuStreamWaitEvent(there, here, 0), CUDA_SUCCESS) << "waiting across devices is allowed";
    }
}

TEST_F(CudaDoubleViolations, OfMemory) {
    const RecordedViolations violations;
    const CurrentDevice other(1);
    const DeviceStream far;
    const CurrentDevice device;
    const DeviceStream stream;
    const DeviceArray<std::int32_t> array(4);
    PinnedArray pinned(4);
    Values host(8);
    expect_violation(cuda().cuMemcpyHtoD_v2(array.address() + 4, host.data(), 16), "longer than its allocation");
    expect_violation(cuda().cuMemcpyDtoH_v2(host.data(), reinterpret_cast<std::uintptr_t>(host.data()), 4),
                     "is no memory of the driver's");
    expect_violation(cuda().cuMemcpyHtoD_v2(reinterpret_cast<std::uintptr_t>(pinned.data()), host.data(), 4),
                     "is pinned host memory");
    expect_violation(cuda().cuMemcpyHtoD_v2(array.address(), array.at(), 4), "which is device memory");
    expect_violation(cuda().cuMemcpyDtoHAsync_v2(pinned.data() + 3, array.address(), 8, stream),
                     "longer than its allocation");
    expect_violation(cuda().cuMemcpyDtoD_v2(array.address() + 4, array.address(), 8), "overlap");
    expect_violation(cuda().cuMemsetD8_v2(array.address(), 0, 17), "longer than its allocation");
    expect_violation(cuda().cuMemFree_v2(array.address() + 4), "not the beginning of an allocation");
    expect_violation(cuda().cuMemFreeHost(array.at()), "which it is not");

    CUdeviceptr address = 0;
    ASSERT_EQ(cuda().cuMemAlloc_v2(&address, 16), CUDA_SUCCESS);
    {
        // Freeing waits for no other device's streams.
        Gate gate(far);
        EXPECT_EQ(cuda().cuMemcpyDtoDAsync_v2(array.address(), address, 16, far), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(array.address(), pinned.data(), 16, far), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemFree_v2(address), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemFreeHost(pinned.data()), CUDA_SUCCESS);
        pinned.release();
    }
    far.synchronize();
    EXPECT_NE(violations.text().find("cuMemcpyDtoDAsync_v2, when its stream reached it"), std::string::npos)
        << violations.text();
    EXPECT_NE(violations.text().find("cuMemcpyHtoDAsync_v2, when its stream reached it"), std::string::npos)
        << violations.text();
    RecordedViolations::clear();
    expect_violation(cuda().cuMemFree_v2(address), "freed twice");
    expect_violation(cuda().cuMemsetD8_v2(address, 0, 1), "has been freed");
}

TEST_F(CudaDoubleViolations, OfWhoeverReleasesAContextInUse) {
    if (contexts_are_kept()) GTEST_SKIP() << "tests that have run before keep contexts alive";
    const RecordedViolations violations;
    CUcontext context = nullptr;
    ASSERT_EQ(cuda().cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
    CUdeviceptr address = 0;
    CUstream stream = nullptr;
    ASSERT_EQ(cuda().cuMemAlloc_v2(&address, 16), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuStreamCreate(&stream, 0), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuCtxPopCurrent_v2(nullptr), CUDA_SUCCESS);
    expect_violation(cuda().cuDevicePrimaryCtxRelease_v2(0), "1 streams, 0 events and 1 allocations");
    expect_violation(cuda().cuStreamQuery(stream), "has been destroyed");
}

TEST_F(CudaDoubleFaults, AreReturned) {
    const CurrentDevice device;
    CUdeviceptr address = 0;
    const std::uint64_t before = cuda().nc_double_cuda_calls("cuMemAlloc_v2");
    {
        const CudaFaults faults("cuMemAlloc_v2@2=2; cuMemAlloc_v2@3+=CUDA_ERROR_ILLEGAL_ADDRESS; cuStreamQuery@*=999");
        EXPECT_EQ(cuda().cuMemAlloc_v2(&address, 8), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemFree_v2(address), CUDA_SUCCESS);
        EXPECT_EQ(cuda().cuMemAlloc_v2(&address, 8), CUDA_ERROR_OUT_OF_MEMORY);
        EXPECT_EQ(cuda().cuMemAlloc_v2(&address, 8), 700);
        EXPECT_EQ(cuda().cuMemAlloc_v2(&address, 8), 700);
        EXPECT_EQ(cuda().cuStreamQuery(nullptr), CUDA_ERROR_UNKNOWN);
        EXPECT_EQ(cuda().cuStreamQuery(nullptr), CUDA_ERROR_UNKNOWN);
    }
    EXPECT_EQ(cuda().nc_double_cuda_calls("cuMemAlloc_v2"), before + 4);
    EXPECT_EQ(cuda().cuStreamQuery(nullptr), CUDA_SUCCESS);
}

TEST_F(CudaDoubleFaults, DelayWhatIsOnAStream) {
    const CurrentDevice device;
    const DeviceStream stream;
    const DeviceArray<std::int32_t> array(Values{1});
    const PinnedArray pinned(1, 2);
    {
        const CudaFaults faults("cuMemcpyHtoDAsync_v2@1=never; cuMemcpyHtoDAsync_v2@2=delay:20");
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(array.address(), pinned.data(), 4, stream), CUDA_SUCCESS);
        EXPECT_EQ(array.values()[0], 1);
        EXPECT_FALSE(is_ready(stream));
        EXPECT_EQ(cuda().nc_double_cuda_faults("nonsense"), 1);
        EXPECT_FALSE(is_ready(stream)) << "rules that cannot be read let go what others hold";
    }
    stream.synchronize();
    EXPECT_EQ(array.values()[0], 2);
    {
        const CudaFaults faults("cuMemcpyHtoDAsync_v2@1=delay:30; cuStreamQuery@1=delay:30");
        EXPECT_EQ(cuda().cuMemcpyHtoDAsync_v2(array.address(), pinned.data(), 4, stream), CUDA_SUCCESS);
        EXPECT_GE(milliseconds_of([&] { stream.synchronize(); }), 20);
        EXPECT_GE(milliseconds_of([&] { is_ready(stream); }), 30);
    }
}

TEST_F(CudaDoubleFaults, HaveAGrammar) {
    for (const char* wrong : {"cuInit", "cuInit@1", "@1=2", "cuInit@0=2", "cuInit@x=2", "cuInit@-1=2",
                              "cuInit@1=", "cuInit@1=soon", "cuInit@1=delay:", "cuInit@1=delay:-1", "rank=1 cuInit@1=2",
                              "rank=x:cuInit@1=2", "cuInit@1=2)", "cuInit=1@2"})
        EXPECT_EQ(cuda().nc_double_cuda_faults(wrong), 1) << wrong;
    for (const char* right : {"", ";", " cuInit@1 = 2 ;", "rank=1: cuInit@*=2(with words: of all kinds)",
                              "cuInit@1=later:2", "cuInit@3+=kill"})
        EXPECT_EQ(cuda().nc_double_cuda_faults(right), 0) << right;
    cuda().nc_double_cuda_faults(nullptr);
}

} // namespace NC_FILE
} // namespace nc::test
