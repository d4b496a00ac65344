#include "local_nccl_ranks.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/clock.h"

namespace nc::test {
namespace {

// What was done that the real libraries forbid, since it was taken last.
class Violations {
public:
    static void record(const char* message) {
        const std::lock_guard lock(mutex());
        messages() += text(message, '\n');
    }
    static std::string take() {
        const std::lock_guard lock(mutex());
        return std::exchange(messages(), {});
    }

private:
    static std::mutex& mutex() {
        static std::mutex only;
        return only;
    }
    static std::string& messages() {
        static std::string only;
        return only;
    }
};

void set_violation_callback(nc_double_violation_callback callback) {
    cuda().nc_double_cuda_on_violation(callback);
    for (const std::string& version : {nccl_2_30, nccl_2_18}) double_of(version).nc_double_nccl_on_violation(callback);
}

constexpr const char* kinds[] = {"allocations", "pinned", "streams", "events", "contexts", "retains"};

std::vector<std::int64_t> count_alive() {
    std::vector<std::int64_t> alive;
    for (const char* kind : kinds) alive.push_back(cuda().nc_double_cuda_live(kind));
    for (const std::string& version : {nccl_2_30, nccl_2_18})
        alive.push_back(double_of(version).nc_double_nccl_live_communicators());
    return alive;
}

} // namespace

std::string double_path(const std::string& file) {
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "doubles" / file).string();
}

const NcclDouble& double_of(const std::string& version) {
    static const NcclDouble old(nccl_2_18);
    return version == nccl_2_18 ? old : nccl();
}

NcclOptions::NcclOptions(int rank, int size, const std::string& version) {
    options.size = sizeof options;
    options.rank = rank;
    options.backend = "nccl";
    options.forming_timeout_ms = ample_ms;
    options.operation_timeout_ms = ample_ms;
    set("size", std::to_string(size));
    set("nccl_library", double_path(version));
    set("cuda_library", double_path("libcuda.so.1"));
}

NcclOptions& NcclOptions::set(const std::string& name, const std::string& value) {
    remove(name);
    settings.emplace_back(name, value);
    return *this;
}

NcclOptions& NcclOptions::remove(const std::string& name) {
    std::erase_if(settings, [&](const auto& setting) { return setting.first == name; });
    return *this;
}

Outcome NcclOptions::create(GroupPointer& group) {
    std::vector<nc_setting> list;
    for (const auto& [name, value] : settings) list.push_back({name.c_str(), value.c_str()});
    options.settings = list.data();
    options.setting_count = list.size();
    nc_group* made = nullptr;
    Outcome outcome;
    outcome.status = nc_group_create(&options, &made, &outcome.error);
    group.reset(made);
    return outcome;
}

std::string new_id(const std::string& version) {
    const std::string path = double_path(version);
    const nc_setting library{"nccl_library", path.c_str()};
    std::uint8_t id[NC_ID_SIZE] = {};
    nc_error error = empty_error();
    EXPECT_EQ(nc_backend_create_id("nccl", &library, 1, id, &error), NC_OK) << error.message;
    std::string digits;
    for (const std::uint8_t byte : id) {
        constexpr const char* hexadecimal = "0123456789abcdef";
        digits += hexadecimal[byte / 16];
        digits += hexadecimal[byte % 16];
    }
    return digits;
}

LocalNcclRanks::LocalNcclRanks(int ranks, const NcclSetup& setup) : FormedRanks(ranks) {
    const std::string id = new_id(setup.version);
    form([&](int rank, nc_group** group, nc_error* error) {
        NcclOptions options(rank, ranks, setup.version);
        options.set("id", id);
        if (!setup.staging_bytes.empty()) options.set("staging_bytes", setup.staging_bytes);
        options.options.operation_timeout_ms = setup.operation_timeout_ms;
        GroupPointer made;
        const Outcome outcome = options.create(made);
        *error = outcome.error;
        *group = made.release();
        return outcome.status;
    });
}

GroupPointer nccl_group_of_one(const NcclSetup& setup) {
    return GroupPointer(LocalNcclRanks(1, setup).release(0));
}

DeviceBytes::DeviceBytes(int device, std::size_t bytes) : device_(device), bytes_(bytes) {
    nc_error error = empty_error();
    if (nc_device_allocate("nccl", device_, bytes, &address_, &error) != NC_OK) throw std::runtime_error(error.message);
}

DeviceBytes::DeviceBytes(const nc_group* group, const Buffer& bytes)
    : DeviceBytes(nc_group_device(group), bytes.size()) {
    write(0, bytes);
}

DeviceBytes::~DeviceBytes() {
    nc_error error = empty_error();
    EXPECT_EQ(nc_device_free("nccl", device_, address_, &error), NC_OK) << error.message;
}

void DeviceBytes::write(std::size_t offset, const Buffer& bytes) {
    nc_error error = empty_error();
    EXPECT_EQ(nc_device_copy("nccl", device_, get() + offset, bytes.data(), bytes.size(), NC_HOST_TO_DEVICE, &error),
              NC_OK)
        << error.message;
}

Buffer DeviceBytes::read(std::size_t offset, std::size_t bytes) const {
    Buffer copy(bytes);
    nc_error error = empty_error();
    EXPECT_EQ(nc_device_copy("nccl", device_, copy.data(), get() + offset, bytes, NC_DEVICE_TO_HOST, &error), NC_OK)
        << error.message;
    return copy;
}

DeviceInts::DeviceInts(const nc_group* group, const std::vector<std::int32_t>& values)
    : memory_(group, [&] {
          Buffer bytes(values.size() * sizeof(std::int32_t));
          std::memcpy(bytes.data(), values.data(), bytes.size());
          return bytes;
      }()) {}

std::vector<std::int32_t> DeviceInts::values() const {
    const Buffer bytes = memory_.read();
    std::vector<std::int32_t> values(bytes.size() / sizeof(std::int32_t));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

nc_request device_sum(std::int32_t* values, std::size_t count) {
    nc_request request = request_of(NC_ALL_REDUCE, NC_INT32, count, values, values);
    request.flags = NC_REQUEST_DEVICE;
    return request;
}

nc_request stream_sum(const DeviceInts& values, std::size_t count, const CallersStream& stream) {
    nc_request request = device_sum(values.get(), count);
    request.flags |= NC_REQUEST_STREAM;
    request.stream = stream.get();
    return request;
}

FaultsOfNccl::FaultsOfNccl(const std::string& rules, const std::string& version) : library_(double_of(version)) {
    EXPECT_EQ(library_.nc_double_nccl_faults(rules.c_str()), 0) << rules;
}

FaultsOfNccl::~FaultsOfNccl() {
    library_.nc_double_nccl_faults(nullptr);
}

// Names the driver for calls that belong to no group, and makes what such calls keep: the devices' contexts, whose
// default streams have threads in the double.
void NcclTest::SetUpTestSuite() {
    static const bool done = [] {
        ::setenv("NC_CUDA_LIBRARY", double_path("libcuda.so.1").c_str(), 1);
        for (int device = 0; device < 2; ++device) DeviceBytes(device, 1).write(0, Buffer(1));
        return true;
    }();
    (void)done;
}

namespace {

bool at_most(const std::vector<std::int64_t>& counts, const std::vector<std::int64_t>& limits) {
    return std::equal(counts.begin(), counts.end(), limits.begin(), std::less_equal<>());
}

} // namespace

void NcclTest::SetUp() {
    set_violation_callback(Violations::record);
    (void)Violations::take();
    alive_ = count_alive();
}

void NcclTest::TearDown() {
    cuda().nc_double_cuda_faults(nullptr);
    for (const std::string& version : {nccl_2_30, nccl_2_18}) double_of(version).nc_double_nccl_faults(nullptr);
    expect_nothing_left();
    set_violation_callback(nullptr);
}

void NcclTest::expect_nothing_left() {
    std::vector<std::int64_t> left;
    // A group that is destroyed from one of its own threads ends a little later.
    // What tests before gave back, which the driver takes back a little later, may have been counted at the beginning.
    (void)soon([&] { return at_most(left = count_alive(), alive_); });
    for (std::size_t i = 0; i < left.size(); ++i)
        EXPECT_LE(left[i], alive_[i]) << (i < std::size(kinds) ? kinds[i] : "communicators") << " were left behind";
    EXPECT_EQ(Violations::take(), "");
}

} // namespace nc::test
