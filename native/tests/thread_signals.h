// Whether the library's threads leave the process's signals to the program.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "local_ranks.h"

namespace nc::test {

// The signals that this process's threads of that name block, a mask for each thread.
inline std::vector<std::uint64_t> blocked_signals_of(const std::string& name) {
    std::vector<std::uint64_t> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string comm;
        std::getline(std::ifstream(entry.path() / "comm"), comm);
        if (comm != name) continue;
        std::ifstream status(entry.path() / "status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("SigBlk:")) all.push_back(std::stoull(line.substr(7), nullptr, 16));
        }
    }
    return all;
}

// So many threads of that name, which take none of the signals that are sent to the process.
inline void expect_threads_without_signals(const std::string& name, std::size_t count) {
    std::vector<std::uint64_t> blocked;
    EXPECT_TRUE(soon([&] { return (blocked = blocked_signals_of(name)).size() == count; })) << blocked.size();
    for (const std::uint64_t mask : blocked) {
        for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGALRM})
            EXPECT_NE(mask >> (signal - 1) & 1, 0U) << signal;
        EXPECT_EQ(mask >> (SIGSEGV - 1) & 1, 0U);
    }
}

} // namespace nc::test
