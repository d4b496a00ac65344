// Ranks of a jaccl group as threads of the test program, each with its own nc_group, over the software provider of the
// verbs.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "jaccl_shapes.h"
#include "local_ranks.h"

namespace nc::test {

std::string verbs_library_path();

using Changes = std::vector<std::pair<std::string, std::string>>;

// Options of one rank.
class JacclOptions {
public:
    JacclOptions(int rank, const Shape& shape, const Address& coordinator);
    JacclOptions(const JacclOptions&) = delete;
    JacclOptions& set(const std::string& name, const std::string& value);
    JacclOptions& remove(const std::string& name);

    // Makes the group.
    Outcome create(GroupPointer& group);

    nc_group_options options{};
    std::vector<std::pair<std::string, std::string>> settings;
};

// A side channel of the program's: what nc_group_options.side_channel is given for every rank, with this as its
// context.
class Meeting {
public:
    explicit Meeting(int ranks);
    ~Meeting();
    Meeting(const Meeting&) = delete;
    static nc_status exchange(void* context, std::int32_t rank, std::int32_t ranks, const void* own,
                              std::uint64_t bytes, void* all, std::int64_t timeout_ms, nc_error* error);

    // The same with the last rank as one of MLX's: without a mark in its records.
    static nc_status exchange_with_mlx(void* context, std::int32_t rank, std::int32_t ranks, const void* own,
                                       std::uint64_t bytes, void* all, std::int64_t timeout_ms, nc_error* error);

    // Bytes of each round so far.
    std::vector<std::uint64_t> rounds() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// What becomes of every rank that tries to form a group. change may alter a rank's options.
class Formation {
public:
    using Change = std::function<void(int rank, JacclOptions& options)>;
    explicit Formation(const Shape& shape, const Change& change = {});

    std::vector<Outcome> outcomes;
    std::vector<GroupPointer> groups;

private:
    ReservedPorts port_;
};

struct JacclSetup {
    Changes settings;
    std::int64_t operation_timeout_ms = ample_ms;
    Meeting* meeting = nullptr;
    bool with_mlx = false; // a meeting's last rank poses as one of MLX's
};

// A formed group.
class LocalJacclRanks : public FormedRanks {
public:
    explicit LocalJacclRanks(const Shape& shape, const JacclSetup& setup = {});

private:
    ReservedPorts port_;
};

// What the provider shall get wrong, for as long as this lives.
class FaultsOfVerbs {
public:
    explicit FaultsOfVerbs(const std::string& rules);
    ~FaultsOfVerbs();
    FaultsOfVerbs(const FaultsOfVerbs&) = delete;
    FaultsOfVerbs& operator=(const FaultsOfVerbs&) = delete;
};

// A test over the provider: nobody does what hardware forbids, and nothing is left of what was made there.
class JacclTest : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;
    // Looks already now.
    static void expect_nothing_left();
    // What is expected to be forbidden, such as messages of other lengths.
    static void forget_violations();
    // Of messages that were longer than what they met; anything else is a failure.
    static void forget_differing_lengths();
};

} // namespace nc::test
