// How the libraries are found and taken: where they are looked for, what is said of those that cannot be used, and what
// is known of each version.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "local_nccl_ranks.h"
#include "nccl/cuda_library.h"
#include "nccl/nccl_library.h"
#include "os/shared_library.h"

namespace nc::test {
namespace NC_FILE {

using nccl::CudaLibrary;
using nccl::NcclLibrary;
using std::filesystem::path;

path own_folder() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

// An environment variable for as long as it lives. No other thread of the test program may be reading the environment.
class Variable {
public:
    Variable(const char* name, const std::string& value) : name_(name) {
        if (const char* before = std::getenv(name)) before_ = before;
        ::setenv(name, value.c_str(), 1);
    }
    ~Variable() { before_.has_value() ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    const char* name_;
    std::optional<std::string> before_;
};

class Folder {
public:
    Folder() {
        char pattern[] = "/tmp/nc_library_XXXXXX";
        path_ = ::mkdtemp(pattern);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    path operator/(const std::string& name) const { return path_ / name; }
    std::string string() const { return path_.string(); }

private:
    path path_;
};

std::optional<Error> failure_of(const std::function<void()>& body) {
    try {
        body();
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

// Expects that body is refused with a message that holds all the parts.
void expect_unavailable(const std::function<void()>& body, const std::vector<std::string>& parts) {
    const auto failure = failure_of(body);
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->status, NC_BACKEND_UNAVAILABLE);
    for (const std::string& part : parts)
        EXPECT_NE(std::string(failure->what()).find(part), std::string::npos) << part << " in: " << failure->what();
}

constexpr const char* variable = "NC_TEST_LIBRARY";
const std::string nowhere = "/nowhere/at/all/libnc_test.so.9";

// A library that can be opened, under a name that the loader's path does not have.
void put_library(const path& at) {
    std::filesystem::copy(own_folder() / "stubs" / "libnccl.so.2", at);
}

TEST(NcclSharedLibrary, TakesTheSettingBeforeEverythingElse) {
    const Folder folder;
    put_library(folder / "set.so");
    put_library(folder / "named.so");
    put_library(folder / "libnc_test.so.9");
    const Variable named(variable, folder / "named.so");
    LibrarySearch search{"libnc_test.so.9", folder / "set.so", variable, {folder.string()}};
    EXPECT_EQ(SharedLibrary(search).path(), folder / "set.so");
    search.setting.clear();
    EXPECT_EQ(SharedLibrary(search).path(), folder / "named.so");
    const Variable none(variable, "");
    EXPECT_EQ(SharedLibrary(search).path(), folder / "libnc_test.so.9");
    search.name = "libc.so.6";
    EXPECT_EQ(SharedLibrary(search).path(), "libc.so.6") << "the loader's own path comes before the folders";
}

TEST(NcclSharedLibrary, TriesNothingElseThanWhatIsNamed) {
    const Folder folder;
    put_library(folder / "libnc_test.so.9");
    LibrarySearch search{"libnc_test.so.9", nowhere, variable, {folder.string()}};
    expect_unavailable([&] { (void)SharedLibrary(search); },
                       {"libnc_test.so.9", nowhere, "(a setting)", "No such file"});
    const Variable named(variable, nowhere + "2");
    expect_unavailable([&] { (void)SharedLibrary(search); }, {nowhere, "(a setting)"});
    search.setting.clear();
    expect_unavailable([&] { (void)SharedLibrary(search); },
                       {nowhere + "2", "(the environment variable NC_TEST_LIBRARY)"});
}

TEST(NcclSharedLibrary, LooksIntoTheFoldersInOrder) {
    const Folder folder;
    std::filesystem::create_directory(folder / "empty");
    std::filesystem::create_directory(folder / "broken");
    std::filesystem::create_directory(folder / "good");
    std::filesystem::create_directory(folder / "later");
    std::ofstream(folder / "broken/libnc_test.so.9") << "this is no library";
    put_library(folder / "good/libnc_test.so.9");
    put_library(folder / "later/libnc_test.so.9");
    LibrarySearch search{
        "libnc_test.so.9", "", variable, {folder / "empty", folder / "broken", folder / "good", folder / "later"}};
    EXPECT_EQ(SharedLibrary(search).path(), folder / "good/libnc_test.so.9")
        << "one that cannot be loaded does not end the search";
    search.folders.resize(2);
    expect_unavailable([&] { (void)SharedLibrary(search); }, {"libnc_test.so.9", "loader's path", "2 other folders",
                                                              folder / "broken/libnc_test.so.9", variable});
}

TEST(NcclSharedLibrary, NamesTheSymbolThatLacks) {
    const std::string stub = own_folder() / "stubs" / "libnccl.so.2";
    const SharedLibrary library({"libnc_test.so.9", stub, variable, {}});
    int (*function)() = nullptr;
    EXPECT_TRUE(library.find(function, "ncclSend"));
    EXPECT_NE(function, nullptr);
    EXPECT_FALSE(library.find(function, "ncclAlltoAll"));
    EXPECT_EQ(function, nullptr);
    library.require(function, "ncclSend");
    expect_unavailable([&] { library.require(function, "ncclNone"); }, {stub, "ncclNone"});
}

TEST(NcclSharedLibrary, FindsFoldersByPattern) {
    const Folder folder;
    for (const char* name : {"a1", "a2", "b1"}) std::filesystem::create_directories(folder / name / "lib");
    using Strings = std::vector<std::string>;
    EXPECT_EQ(folders_like(folder / "a*/lib"), Strings({folder / "a1/lib", folder / "a2/lib"}));
    EXPECT_EQ(folders_like(folder / "c*/lib"), Strings());
    EXPECT_EQ(folders_like(folder.string()), Strings({folder.string()}));
    {
        const Variable home("HOME", folder.string());
        EXPECT_EQ(folders_like("~/b1/*"), Strings({folder / "b1/lib"}));
        const Variable prefix("NC_TEST_PREFIX", folder / "b1");
        EXPECT_EQ(folders_like("$NC_TEST_PREFIX/lib"), Strings({folder / "b1/lib"}));
        EXPECT_EQ(folders_like("$NC_TEST_PREFIX"), Strings({folder / "b1"}));
    }
    const Variable home("HOME", "");
    EXPECT_EQ(folders_like("~/b1"), Strings());
    EXPECT_EQ(folders_like("$NC_TEST_NO_SUCH_VARIABLE/lib"), Strings()) << "not /lib";
}

// The stub of that version, under a path of its own.
class Stub {
public:
    explicit Stub(int version) : version_("NC_STUB_NCCL_VERSION", std::to_string(version)) {
        path_ = folder_ / "libnccl.so.2";
        std::filesystem::create_symlink(own_folder() / "stubs" / "libnccl.so.2", path_);
    }
    const NcclLibrary& load() const { return NcclLibrary::load(path_); }
    const std::string& path() const { return path_; }

private:
    Folder folder_;
    Variable version_;
    std::string path_;
};

int field(const nccl::Config& config, std::size_t offset) {
    int value = 0;
    std::memcpy(&value, reinterpret_cast<const char*>(&config) + offset, sizeof value);
    return value;
}

// What NCCL's header of each version says of ncclConfig_t (upstream-features.md, 12.3).
TEST(NcclLibrary, ConfiguresEveryVersionAsItsHeaderWould) {
    struct Row {
        int version;
        std::size_t size;
        unsigned said;
        const char* text;
    };
    const Row rows[] = {{21800, 48, 21800, "2.18.0"}, {21805, 48, 21805, "2.18.5"}, {22105, 48, 22105, "2.21.5"},
                        {22507, 48, 22507, "2.25.7"}, {22602, 48, 22602, "2.26.2"}, {22706, 72, 22706, "2.27.6"},
                        {22803, 80, 22803, "2.28.3"}, {22902, 88, 22902, "2.29.2"}, {23003, 96, 23003, "2.30.3"},
                        {23007, 96, 23007, "2.30.7"}, {23008, 96, 23007, "2.30.8"}, {23100, 96, 23007, "2.31.0"},
                        {30102, 96, 23007, "3.1.2"}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const Stub stub(row.version);
        const NcclLibrary& library = stub.load();
        EXPECT_EQ(library.version(), row.text);
        EXPECT_EQ(library.path(), stub.path());
        const nccl::Config config = library.config();
        std::size_t size = 0;
        std::memcpy(&size, &config, sizeof size);
        EXPECT_EQ(size, row.size);
        EXPECT_EQ(static_cast<unsigned>(field(config, 8)), 0xcafebeefU);
        EXPECT_EQ(static_cast<unsigned>(field(config, 12)), row.said);
        EXPECT_EQ(field(config, 16), 0) << "non-blocking";
        // Everything else is the library's default.
        for (const std::size_t undefined : {20, 24, 28, 40, 44, 56, 60, 64, 68, 72, 76, 80, 84, 88, 92})
            EXPECT_EQ(field(config, undefined), INT_MIN) << undefined;
        const char* pointers[2] = {};
        std::memcpy(&pointers[0], reinterpret_cast<const char*>(&config) + 32, sizeof(char*));
        std::memcpy(&pointers[1], reinterpret_cast<const char*>(&config) + 48, sizeof(char*));
        EXPECT_EQ(pointers[0], nullptr);
        EXPECT_EQ(pointers[1], nullptr);
        EXPECT_EQ(&stub.load(), &library) << "loaded once";
    }
}

TEST(NcclLibrary, RefusesOneThatIsTooOldByItsAge) {
    for (const auto& [version, words] : {std::pair{21701, "2.17.1"}, {21403, "2.14.3"}, {2804, "2.8.4"}}) {
        const Stub stub(version);
        expect_unavailable([&] { (void)stub.load(); }, {stub.path(), text("is NCCL ", words), "2.18.0 or newer"});
    }
    expect_unavailable([] { (void)NcclLibrary::load(double_path("2.17/libnccl.so.2")); }, {"2.17.1"});
}

TEST(NcclLibrary, SaysWhatIsWrongWithOneThatIsNone) {
    expect_unavailable([] { (void)NcclLibrary::load(double_path("libcuda.so.1")); },
                       {double_path("libcuda.so.1"), "ncclGetVersion"});
    expect_unavailable([] { (void)NcclLibrary::load(own_folder() / "stubs" / "libnccl.so.2"); },
                       {"does not tell its version"});
    {
        const Variable version("NC_STUB_NCCL_VERSION", "23007");
        expect_unavailable([] { (void)NcclLibrary::load(own_folder() / "stubs" / "incomplete" / "libnccl.so.2"); },
                           {"no symbol ncclCommFinalize"});
    }
    expect_unavailable([] { (void)NcclLibrary::load(nowhere); }, {nowhere, "(a setting)"});
}

TEST(NcclLibrary, KnowsWhatItLacks) {
    const Stub stub(21805);
    const nccl::NcclFunctions& old = stub.load().api();
    EXPECT_NE(old.AllReduce, nullptr);
    EXPECT_EQ(old.AlltoAll, nullptr);
    EXPECT_EQ(old.Gather, nullptr);
    EXPECT_EQ(old.Scatter, nullptr);
    EXPECT_EQ(old.CommSplit, nullptr);
    EXPECT_EQ(old.GetLastError, nullptr);
    const nccl::NcclFunctions& full = NcclLibrary::load(double_path(nccl_2_30)).api();
    EXPECT_NE(full.AlltoAll, nullptr);
    EXPECT_NE(full.Gather, nullptr);
    EXPECT_NE(full.Scatter, nullptr);
    EXPECT_NE(full.CommSplit, nullptr);
    EXPECT_NE(full.GetLastError, nullptr);
}

TEST(NcclLibrary, ExplainsAlsoWithoutTheLibrarysWords) {
    const Stub stub(23007);
    EXPECT_EQ(stub.load().explain(nccl::Result::InternalError, "ncclSend", nullptr), "ncclSend: NCCL error (3)");
    const NcclLibrary& full = NcclLibrary::load(double_path(nccl_2_30));
    EXPECT_EQ(full.explain(nccl::Result::RemoteError, "ncclSend", nullptr)
                  .find("ncclSend: another rank has gone, or the network has failed (6)"),
              0U);
}

TEST(NcclLibrary, IsAskedForAnIdInVain) {
    const Stub stub(23007);
    const auto failure = failure_of([&] { (void)stub.load().make_id(); });
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->status, NC_RENDEZVOUS_FAILED);
    EXPECT_EQ(std::string(failure->what()), "ncclGetUniqueId: NCCL error (3)");
}

TEST(CudaLibrary, SaysWhatIsWrongWithOneThatCannotBeUsed) {
    expect_unavailable([] { (void)CudaLibrary::load(double_path(nccl_2_30)); },
                       {double_path(nccl_2_30), "no symbol cuInit"});
    expect_unavailable([] { (void)CudaLibrary::load(double_path("no_devices/libcuda.so.1")); },
                       {"no_devices/libcuda.so.1", "knows no device", "CUDA_VISIBLE_DEVICES"});
    expect_unavailable([] { (void)CudaLibrary::load(double_path("no_driver/libcuda.so.1")); },
                       {"no_driver/libcuda.so.1", "does not work"});
    expect_unavailable([] { (void)CudaLibrary::load(nowhere); }, {nowhere, "(a setting)"});
}

TEST(CudaLibrary, ExplainsResults) {
    const CudaLibrary& library = CudaLibrary::load(double_path("libcuda.so.1"));
    EXPECT_EQ(&CudaLibrary::load(double_path("libcuda.so.1")), &library) << "loaded once";
    EXPECT_EQ(&CudaLibrary::in_use(), &library) << "the first that was loaded";
    EXPECT_EQ(library.device_count(), 2);
    EXPECT_EQ(library.explain(nccl::CudaResult::OutOfMemory).find("CUDA_ERROR_OUT_OF_MEMORY (2): "), 0U)
        << library.explain(nccl::CudaResult::OutOfMemory);
    EXPECT_EQ(library.explain(static_cast<nccl::CudaResult>(12345)), "CUDA error (12345)");
    const auto memory = failure_of([&] { library.check(nccl::CudaResult::OutOfMemory, "cuMemAlloc"); });
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(memory->status, NC_OUT_OF_MEMORY);
    EXPECT_EQ(std::string(memory->what()).find("cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY"), 0U) << memory->what();
    const auto other = failure_of([&] { library.check(nccl::CudaResult::InvalidValue, "cuMemAlloc"); });
    ASSERT_TRUE(other.has_value());
    EXPECT_EQ(other->status, NC_LIBRARY_ERROR);
    library.check(nccl::CudaResult::Success, "cuMemAlloc");
}

} // namespace NC_FILE
} // namespace nc::test
