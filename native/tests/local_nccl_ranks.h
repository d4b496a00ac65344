// Ranks of an nccl group as threads of the test program, each with its own nc_group, over the doubles of libnccl.so.2
// and libcuda.so.1.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "doubles/opened.h"
#include "element_reference.h"
#include "local_ranks.h"

namespace nc::test {

// The doubles' versions of NCCL, as paths in their folder: the newest, and one without ncclAlltoAll, ncclGather and
// ncclScatter.
inline const std::string nccl_2_30 = "libnccl.so.2";
inline const std::string nccl_2_18 = "2.18/libnccl.so.2";

const NcclDouble& double_of(const std::string& version);

// Of a file in the doubles' folder.
std::string double_path(const std::string& file);

// Options of one rank.
class NcclOptions {
public:
    NcclOptions(int rank, int size, const std::string& version = nccl_2_30);
    NcclOptions(const NcclOptions&) = delete;
    NcclOptions& set(const std::string& name, const std::string& value);
    NcclOptions& remove(const std::string& name);

    // Makes the group.
    Outcome create(GroupPointer& group);

    nc_group_options options{};
    std::vector<std::pair<std::string, std::string>> settings;
};

// A new id, as the setting takes it.
std::string new_id(const std::string& version = nccl_2_30);

struct NcclSetup {
    std::string version = nccl_2_30;
    std::string staging_bytes = ""; // empty: the default
    std::int64_t operation_timeout_ms = ample_ms;
};

// A formed group. Rank r works on device r % 2.
class LocalNcclRanks : public FormedRanks {
public:
    explicit LocalNcclRanks(int ranks, const NcclSetup& setup = {});
};

// A group of one.
GroupPointer nccl_group_of_one(const NcclSetup& setup = {});

// Memory of the device that a group works on, through the ABI.
class DeviceBytes {
public:
    DeviceBytes(int device, std::size_t bytes);
    DeviceBytes(const nc_group* group, const Buffer& bytes);
    ~DeviceBytes();
    DeviceBytes(const DeviceBytes&) = delete;
    DeviceBytes& operator=(const DeviceBytes&) = delete;

    std::byte* get() const { return static_cast<std::byte*>(address_); }
    void write(std::size_t offset, const Buffer& bytes);
    Buffer read(std::size_t offset, std::size_t bytes) const;
    Buffer read() const { return read(0, bytes_); }

private:
    const int device_;
    const std::size_t bytes_;
    void* address_ = nullptr;
};

// An array of 32-bit integers on the device that a group works on.
class DeviceInts {
public:
    DeviceInts(const nc_group* group, const std::vector<std::int32_t>& values);
    std::int32_t* get() const { return reinterpret_cast<std::int32_t*>(memory_.get()); }
    std::vector<std::int32_t> values() const;

private:
    DeviceBytes memory_;
};

// A stream of the caller's on the device that a group works on. While it lives, the device's context is the thread's
// current one.
class CallersStream {
public:
    explicit CallersStream(const nc_group* group) : current_(nc_group_device(group)) {}
    void* get() const { return static_cast<CUstream>(stream_); }
    void synchronize() const { stream_.synchronize(); }
    bool idle() const { return cuda().cuStreamQuery(stream_) == CUDA_SUCCESS; }

private:
    CurrentDevice current_;
    DeviceStream stream_;
};

// An all-sum of integers in place, on device memory.
nc_request device_sum(std::int32_t* values, std::size_t count);
nc_request stream_sum(const DeviceInts& values, std::size_t count, const CallersStream& stream);

// Fault rules of one of the doubles of NCCL, for as long as it lives.
class FaultsOfNccl {
public:
    explicit FaultsOfNccl(const std::string& rules, const std::string& version = nccl_2_30);
    ~FaultsOfNccl();
    FaultsOfNccl(const FaultsOfNccl&) = delete;
    FaultsOfNccl& operator=(const FaultsOfNccl&) = delete;

private:
    const NcclDouble& library_;
};

// A test over the doubles: nobody does what the real libraries forbid, and everything that was made there is gone when
// it ends.
class NcclTest : public ::testing::Test {
public:
    static void SetUpTestSuite();

protected:
    void SetUp() override;
    void TearDown() override;
    // Looks already now.
    void expect_nothing_left();

private:
    std::vector<std::int64_t> alive_;
};

} // namespace nc::test
