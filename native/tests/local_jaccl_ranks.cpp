#include "local_jaccl_ranks.h"

#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "jaccl/destination.h"
#include "softverbs/opened.h"

namespace nc::test {
namespace {

// Of all the shapes that are tested.
std::string all_devices() {
    std::string names;
    for (int rank = 0; rank < 9; ++rank) {
        names += text(rank == 0 ? "" : ",", 'r', rank);
        for (int wire = 0; wire < 4; ++wire) names += text(",r", rank, 'L', wire, ",r", rank, 'R', wire);
    }
    return names;
}

} // namespace

std::string verbs_library_path() {
    return (softverbs_folder() / "libibverbs.so.1").string();
}

JacclOptions::JacclOptions(int rank, const Shape& shape, const Address& coordinator) {
    options.size = sizeof options;
    options.rank = rank;
    options.backend = "jaccl";
    options.forming_timeout_ms = ample_ms;
    options.operation_timeout_ms = ample_ms;
    set("devices", matrix_json(shape));
    set("prefer_ring", shape.ring ? "true" : "false");
    set("coordinator", coordinator.text());
    set("verbs_library", verbs_library_path());
}

JacclOptions& JacclOptions::set(const std::string& name, const std::string& value) {
    remove(name);
    settings.emplace_back(name, value);
    return *this;
}

JacclOptions& JacclOptions::remove(const std::string& name) {
    std::erase_if(settings, [&](const auto& setting) { return setting.first == name; });
    return *this;
}

Outcome JacclOptions::create(GroupPointer& group) {
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

struct Meeting::State {
    // A round is over when all ranks have taken its table.
    struct Round {
        std::vector<std::byte> table;
        std::uint64_t bytes = 0;
        int given = 0;
    };
    explicit State(int ranks) : size(ranks), next(static_cast<std::size_t>(ranks)) {}

    const int size;
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::size_t, Round> rounds;
    std::vector<std::size_t> next; // round of each rank
};

Meeting::Meeting(int ranks) : state_(std::make_unique<State>(ranks)) {}
Meeting::~Meeting() = default;

nc_status Meeting::exchange(void* context, std::int32_t rank, std::int32_t ranks, const void* own, std::uint64_t bytes,
                            void* all, std::int64_t timeout_ms, nc_error* error) {
    State& state = *static_cast<Meeting*>(context)->state_;
    std::unique_lock lock(state.mutex);
    EXPECT_EQ(ranks, state.size);
    State::Round& round = state.rounds[state.next[static_cast<std::size_t>(rank)]++];
    if (round.given == 0) {
        round.bytes = bytes;
        round.table.resize(bytes * static_cast<std::size_t>(ranks));
    }
    EXPECT_EQ(bytes, round.bytes);
    std::memcpy(round.table.data() + static_cast<std::size_t>(rank) * bytes, own, bytes);
    ++round.given;
    state.changed.notify_all();
    if (!state.changed.wait_until(lock, deadline_after(timeout_ms), [&] { return round.given == ranks; })) {
        fill(error, NC_RENDEZVOUS_FAILED, "nobody else came to the meeting", -1, 0);
        return NC_RENDEZVOUS_FAILED;
    }
    std::memcpy(all, round.table.data(), round.table.size());
    return NC_OK;
}

nc_status Meeting::exchange_with_mlx(void* context, std::int32_t rank, std::int32_t ranks, const void* own,
                                     std::uint64_t bytes, void* all, std::int64_t timeout_ms, nc_error* error) {
    std::vector<std::byte> said(bytes);
    std::memcpy(said.data(), own, bytes);
    // A round of connection records; the others are numbers and single bytes.
    const bool is_of_records = bytes >= sizeof(jaccl::Destination) && bytes % sizeof(jaccl::Destination) == 0;
    const bool poses = rank == ranks - 1 && is_of_records;
    const auto strip = [&](std::byte* records, std::size_t size) {
        for (std::size_t at = 0; poses && at < size; at += sizeof(jaccl::Destination)) {
            std::memset(records + at + offsetof(jaccl::Destination, mark), 0, sizeof(jaccl::Mark));
        }
    };
    // A rank of MLX's leaves no mark, and sees none.
    strip(said.data(), bytes);
    const nc_status status = exchange(context, rank, ranks, said.data(), bytes, all, timeout_ms, error);
    if (status == NC_OK) strip(static_cast<std::byte*>(all), bytes * static_cast<std::size_t>(ranks));
    return status;
}

std::vector<std::uint64_t> Meeting::rounds() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<std::uint64_t> bytes;
    for (const auto& [number, round] : state_->rounds) bytes.push_back(round.bytes);
    return bytes;
}

Formation::Formation(const Shape& shape, const Change& change)
    : outcomes(static_cast<std::size_t>(shape.ranks)), groups(static_cast<std::size_t>(shape.ranks)), port_(1) {
    on_all_ranks(shape.ranks, [&](int rank) {
        JacclOptions options(rank, shape, port_[0]);
        options.options.forming_timeout_ms = 2 * soon_ms;
        if (change) change(rank, options);
        outcomes[static_cast<std::size_t>(rank)] = options.create(groups[static_cast<std::size_t>(rank)]);
    });
}

LocalJacclRanks::LocalJacclRanks(const Shape& shape, const JacclSetup& setup) : FormedRanks(shape.ranks), port_(1) {
    form([&](int rank, nc_group** group, nc_error* error) {
        JacclOptions options(rank, shape, port_[0]);
        for (const auto& [name, value] : setup.settings) options.set(name, value);
        options.options.operation_timeout_ms = setup.operation_timeout_ms;
        if (setup.meeting != nullptr) {
            options.remove("coordinator");
            options.options.side_channel = setup.with_mlx ? Meeting::exchange_with_mlx : Meeting::exchange;
            options.options.side_channel_context = setup.meeting;
        }
        GroupPointer made;
        const Outcome outcome = options.create(made);
        *error = outcome.error;
        *group = made.release();
        return outcome.status;
    });
}

FaultsOfVerbs::FaultsOfVerbs(const std::string& rules) {
    EXPECT_EQ(verbs().softverbs_set_faults(rules.c_str()), 0) << rules;
}

FaultsOfVerbs::~FaultsOfVerbs() {
    (void)verbs().softverbs_set_faults("");
}

void JacclTest::SetUp() {
    static const std::string devices = all_devices();
    verbs().softverbs_reset();
    EXPECT_EQ(verbs().softverbs_set_devices(devices.c_str()), 0);
}

void JacclTest::TearDown() {
    expect_nothing_left();
    verbs().softverbs_reset();
}

void JacclTest::expect_nothing_left() {
    // A group that is destroyed from one of its own threads ends a little later.
    (void)soon([] { return verbs().softverbs_live_objects() == 0; });
    EXPECT_EQ(verbs().softverbs_live_objects(), 0U) << "objects of the verbs were left behind";
    std::string violations(4096, '\0');
    if (verbs().softverbs_violations(violations.data(), violations.size()) == 0) return;
    ADD_FAILURE() << violations.c_str();
}

void JacclTest::forget_violations() {
    verbs().softverbs_clear_violations();
}

void JacclTest::forget_differing_lengths() {
    std::string violations(65'536, '\0');
    (void)verbs().softverbs_violations(violations.data(), violations.size());
    std::istringstream lines(violations.c_str());
    for (std::string line; std::getline(lines, line);) {
        if (line.find(" met a RECV of ") == std::string::npos) ADD_FAILURE() << line;
    }
    forget_violations();
}

} // namespace nc::test
