#include "fuzz.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <thread>

namespace nc::test {
namespace {

constexpr std::int64_t longest_round_ms = 2 * ample_ms;
// Of one that was told how many rounds to play: less than a test may take.
constexpr std::int64_t longest_run_ms = 80'000;

bool is_told_rounds() {
    return std::getenv("NC_FUZZ_ROUNDS") != nullptr || std::getenv("NC_FUZZ_ROUND") != nullptr;
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0' ? std::strtoull(value, nullptr, 10) : otherwise;
}

std::uint64_t run_seed() {
    static const std::uint64_t seed = number_from("NC_FUZZ_SEED", std::random_device{}());
    return seed;
}

} // namespace

std::uint64_t Dice::lie(std::uint64_t truth, std::size_t bytes) {
    const std::uint64_t mask =
        bytes >= 8 ? std::numeric_limits<std::uint64_t>::max() : (std::uint64_t{1} << (8 * bytes)) - 1;
    const std::uint64_t top = mask / 2 + 1;
    for (;;) {
        std::uint64_t value = 0;
        switch (below(8)) {
            case 0:
                value = one_of<std::uint64_t>({0, 1, mask, top, top - 1, mask - 1});
                break;
            case 1:
                value = one_of({truth + 1, truth - 1, truth * 2, truth + 4096, truth * 1000, 0 - truth});
                break;
            case 2:
                value = truth ^ (std::uint64_t{1} << below(8 * bytes));
                break;
            case 3: // What wraps when it is multiplied by the size of an element or a number of ranks.
                value =
                    mask / one_of<std::uint64_t>({2, 3, 4, 8, 16}) + 1 + one_of<std::uint64_t>({0, truth, below(8)});
                break;
            case 4:
                value = one_of<std::uint64_t>(
                    {1000, 65'536, 300'000, 1U << 20, 1U << 30, std::uint64_t{1} << 31, std::uint64_t{1} << 32});
                break;
            case 5:
                value = std::uint64_t{1} << below(8 * bytes);
                break;
            case 6:
                value = below(64);
                break;
            default:
                value = bits();
        }
        if ((value & mask) != (truth & mask)) return value & mask;
    }
}

struct Fuzz::Running {
    std::atomic<std::uint64_t> round{0};
    std::atomic<std::int64_t> since{0}; // of the clock; 0: between rounds
};

Fuzz::Fuzz(std::string format, int rounds, std::int64_t budget_ms)
    : format_(std::move(format)),
      seed_(run_seed()),
      end_(number_from("NC_FUZZ_ROUNDS", static_cast<std::uint64_t>(slow_by_threads ? rounds / 4
                                                                    : is_sanitized  ? rounds / 2
                                                                                    : rounds))),
      until_(deadline_after(is_told_rounds()  ? longest_run_ms
                            : slow_by_threads ? budget_ms
                            : is_sanitized    ? 3 * budget_ms
                                              : budget_ms)) {
    first_ = number_from("NC_FUZZ_ROUND", 0);
    if (std::getenv("NC_FUZZ_ROUND") != nullptr) end_ = first_ + 1;
}

Fuzz::~Fuzz() {
    std::string all;
    for (const auto& [outcome, times] : outcomes_) all += text(all.empty() ? "" : ", ", times, ' ', outcome);
    std::printf("fuzzer: %s, %d rounds, seed %llu (%s)\n", format_.c_str(), rounds_,
                static_cast<unsigned long long>(seed_), all.c_str());
    std::fflush(stdout);
    ::testing::Test::RecordProperty("fuzz_rounds", rounds_);
    ::testing::Test::RecordProperty("fuzz_seed", std::to_string(seed_));
    EXPECT_GT(rounds_, 0);
}

bool Fuzz::next(std::uint64_t& round) {
    if (Clock::now() >= until_ || ::testing::Test::HasFailure()) return false;
    round = first_ + begun_++;
    return round < end_;
}

void Fuzz::run_some(const std::function<std::string(Dice&)>& body, Running& running) {
    std::uint64_t round = 0;
    while (next(round)) {
        running.round = round;
        running.since = Clock::now().time_since_epoch().count();
        const ::testing::ScopedTrace trace(__FILE__, __LINE__,
                                           text("to repeat it: NC_FUZZ_SEED=", seed_, " NC_FUZZ_ROUND=", round));
        Dice dice(seed_ * 1'000'003 + round);
        std::string outcome = "failed";
        try {
            outcome = body(dice);
        } catch (const std::exception& failure) {
            ADD_FAILURE() << failure.what();
        }
        running.since = 0;
        const std::lock_guard lock(mutex_);
        ++rounds_;
        ++outcomes_[outcome];
    }
}

void Fuzz::run(const std::function<std::string(Dice&)>& body, int side_by_side) {
    std::vector<Running> running(static_cast<std::size_t>(side_by_side));
    std::mutex mutex;
    std::condition_variable ended;
    bool has_ended = false;
    std::thread watchdog([&] {
        std::unique_lock lock(mutex);
        while (!ended.wait_for(lock, std::chrono::seconds(1), [&] { return has_ended; })) {
            for (const Running& one : running) {
                const std::int64_t since = one.since;
                if (since == 0 ||
                    Clock::now() < Deadline(Clock::duration(since)) + std::chrono::milliseconds(longest_round_ms))
                    continue;
                std::fprintf(stderr, "\nfuzzer: %s hangs; to repeat it: NC_FUZZ_SEED=%llu NC_FUZZ_ROUND=%llu\n",
                             format_.c_str(), static_cast<unsigned long long>(seed_),
                             static_cast<unsigned long long>(one.round.load()));
                std::abort();
            }
        }
    });
    if (side_by_side == 1) {
        run_some(body, running[0]);
    } else {
        on_all_ranks(side_by_side, [&](int worker) { run_some(body, running[static_cast<std::size_t>(worker)]); });
    }
    {
        const std::lock_guard lock(mutex);
        has_ended = true;
    }
    ended.notify_all();
    watchdog.join();
}

Fenced::Fenced(std::size_t bytes, std::byte value) : bytes_(bytes), memory_(bytes + 2 * fence, std::byte{0xfe}) {
    std::fill_n(data(), bytes, value);
}

bool Fenced::is_whole() const {
    const auto is_fence = [](std::byte byte) { return byte == std::byte{0xfe}; };
    return std::all_of(memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(fence), is_fence) &&
           std::all_of(memory_.end() - static_cast<std::ptrdiff_t>(fence), memory_.end(), is_fence);
}

} // namespace nc::test
