// What the fuzzers share: random choices that can be repeated, a number of rounds, what is told of them, and how much
// memory a round took.
//
// A fuzzer plays a peer that knows a format and lies in one field at a time. Whatever it says, the rank under test ends
// soon: with a clear error, or unharmed.
//
//   NC_FUZZ_SEED=N    the seed of all fuzzers; a random one otherwise, which is printed
//   NC_FUZZ_ROUNDS=N  the rounds of each fuzzer
//   NC_FUZZ_ROUND=N   this round alone: with the seed of a run, what it did there
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "local_ranks.h"

namespace nc::test {

// Random choices of one round; the same for the same seed on every system.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t bits() { return engine_(); }
    // From 0 to n - 1.
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }
    int between(int least, int most) {
        return least + static_cast<int>(below(static_cast<std::size_t>(most - least) + 1));
    }
    bool one_in(std::size_t n) { return below(n) == 0; }
    template <class T>
    T one_of(std::initializer_list<T> list) {
        return list.begin()[below(list.size())];
    }
    // Another value for a number of so many bytes that was the given one: what breaks programs, near misses, single
    // bits, anything.
    std::uint64_t lie(std::uint64_t truth, std::size_t bytes);

private:
    std::mt19937_64 engine_;
};

// The rounds of one test.
class Fuzz {
public:
    // format: what is fuzzed, as the summary names it. rounds: unless the environment says otherwise, and fewer where
    // programs are slow. budget_ms: how long it may take, three times as long with AddressSanitizer; rounds for which
    // there is no time are left out.
    Fuzz(std::string format, int rounds, std::int64_t budget_ms = 1500);
    // Records rounds and seed in the test's report, and prints them.
    ~Fuzz();
    Fuzz(const Fuzz&) = delete;
    Fuzz& operator=(const Fuzz&) = delete;

    // Runs the rounds, so many side by side, until one has failed or the time for a test is over. The body is given its
    // dice, and returns in a word what came of the round. One that does not end is named and ends the program.
    void run(const std::function<std::string(Dice&)>& body, int side_by_side = 1);

private:
    struct Running;
    bool next(std::uint64_t& round);
    void run_some(const std::function<std::string(Dice&)>& body, Running& running);

    const std::string format_;
    const std::uint64_t seed_;
    std::uint64_t first_ = 0;
    std::uint64_t end_;
    const Deadline until_;
    std::atomic<std::uint64_t> begun_{0};
    std::mutex mutex_;
    std::map<std::string, int> outcomes_;
    int rounds_ = 0;
};

// The most memory from operator new (with a sanitizer: from its allocator) that is held at once while this lives,
// beyond what was held before.
class MemoryWatch {
public:
    MemoryWatch();
    std::size_t peak() const;

private:
    std::int64_t before_;
};

// A buffer of exactly so many bytes. A write beside it is noticed: by the sanitizer, or by what lies around it.
class Fenced {
public:
    explicit Fenced(std::size_t bytes, std::byte value = std::byte{0});
    std::byte* data() { return memory_.data() + fence; }
    const std::byte* data() const { return memory_.data() + fence; }
    std::size_t size() const { return bytes_; }
    // Whether nobody wrote beside it.
    bool is_whole() const;

private:
#if defined(__SANITIZE_ADDRESS__)
    static constexpr std::size_t fence = 0;
#else
    static constexpr std::size_t fence = 4096;
#endif
    std::size_t bytes_;
    std::vector<std::byte> memory_;
};

} // namespace nc::test
