// What a backend starts once in a process, and ends with it: see late_backend.c.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "local_ranks.h"

namespace nc::test {
namespace NC_FILE {

nc_status create_late(nc_group** group, nc_error* error) {
    const std::string folder = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "stubs";
    const nc_setting directory{"backend_directory", folder.c_str()};
    nc_group_options options{};
    options.settings = &directory;
    options.setting_count = 1;
    options.size = sizeof options;
    options.rank = -1;
    options.backend = "late";
    options.log = [](void*, nc_log_level, const char*) {};
    return nc_group_create(&options, group, error);
}

// Of its own process, which exits with the code that the backend's end gives it.
[[noreturn]] void use_late(bool leaves_a_group) {
    ::setenv("NC_LATE_START", "no", 1);
    nc_group* group = nullptr;
    nc_error error = empty_error();
    if (create_late(&group, &error) != NC_BACKEND_UNAVAILABLE) std::_Exit(1);
    if (std::string(error.message) != "the late backend does not start") std::_Exit(2);
    ::unsetenv("NC_LATE_START");
    ::setenv("NC_LATE_END", "7", 1);
    for (int round = 0; round < 3; ++round) {
        if (create_late(&group, &error) != NC_OK) std::_Exit(3);
        if (nc_group_rank(group) != 0 || nc_group_size(group) != 2) std::_Exit(4);
        if (round < 2 || !leaves_a_group) nc_group_destroy(group);
    }
    std::exit(0);
}

TEST(BackendLibrary, IsStartedOnceBeforeItsFirstGroupAndEndedWithTheProcess) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(use_late(false), ::testing::ExitedWithCode(7), "");
}

TEST(BackendLibrary, IsNotEndedWhileThereIsAGroup) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(use_late(true), ::testing::ExitedWithCode(0), "");
}

} // namespace NC_FILE
} // namespace nc::test
