// What the settings, the device matrix and the marks of a jaccl group mean, and what is said of those that mean
// nothing. Facts: jaccl-wire.md, sections 1.2, 3.3 and 5.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "jaccl/destination.h"
#include "jaccl/device_matrix.h"
#include "jaccl/settings.h"
#include "jaccl_shapes.h"

namespace nc::test {
namespace NC_FILE {

using namespace jaccl;

std::string failure_of(const std::function<void()>& body, nc_status status = NC_RENDEZVOUS_FAILED) {
    try {
        body();
    } catch (const Error& error) {
        EXPECT_EQ(error.status, status) << error.what();
        return error.what();
    }
    return "nothing was wrong";
}

DeviceMatrix parsed(const std::string& json) {
    return DeviceMatrix::parse(json, "the matrix");
}

// All of the words must be there.
void expect_words(const std::string& message, std::initializer_list<const char*> words) {
    for (const char* word : words)
        EXPECT_NE(message.find(word), std::string::npos) << '"' << word << "\" is missing in: " << message;
}

TEST(JacclFrames, AreTheLargestThatFit) {
    const auto large = [](std::size_t bytes) { return frame_size(FramePolicy::Large, bytes); };
    EXPECT_EQ(large(0), 4096U);
    EXPECT_EQ(large(1), 4096U);
    EXPECT_EQ(large(8191), 4096U);
    EXPECT_EQ(large(8192), 8192U);
    EXPECT_EQ(large(16'383), 8192U);
    EXPECT_EQ(large(1'000'000), 524'288U);
    EXPECT_EQ(large(std::size_t{1} << 40), 524'288U);
    EXPECT_EQ(large(~std::size_t{0}), 524'288U);
    // Section 15.
    EXPECT_EQ(large(3'000'000), 524'288U);
    EXPECT_EQ(large(2732), 4096U);
    EXPECT_EQ(large(10'924), 8192U);
    for (const std::size_t bytes : {0U, 1U, 8192U, 3'000'000U}) EXPECT_EQ(frame_size(FramePolicy::Small, bytes), 4096U);
    for (int k = 0; k <= 7; ++k) {
        EXPECT_EQ(large(std::size_t{4096} << k), std::size_t{4096} << k);
        EXPECT_EQ(large((std::size_t{4096} << k) + 1), std::size_t{4096} << k);
    }
}

TEST(JacclMatrix, NamesTheDevicesOfEveryCable) {
    const DeviceMatrix matrix = parsed(R"([[null, "a", ["b", "c"]], [[], null, null], ["d", ["e"], []]])");
    EXPECT_EQ(matrix.size(), 3);
    EXPECT_EQ(matrix.source(), "the matrix");
    EXPECT_TRUE(matrix.at(0, 0).empty());
    EXPECT_EQ(matrix.at(0, 1), DeviceMatrix::Names({"a"}));
    EXPECT_EQ(matrix.at(0, 2), DeviceMatrix::Names({"b", "c"}));
    EXPECT_TRUE(matrix.at(1, 0).empty());
    EXPECT_EQ(matrix.at(2, 1), DeviceMatrix::Names({"e"}));
    const DeviceMatrix part = matrix.part({2, 0}, "some");
    EXPECT_EQ(part.size(), 2);
    EXPECT_EQ(part.source(), "some");
    EXPECT_EQ(part.at(0, 1), DeviceMatrix::Names({"d"}));
    EXPECT_EQ(part.at(1, 0), DeviceMatrix::Names({"b", "c"}));
}

TEST(JacclMatrix, SaysWhatIsWrongAndWhere) {
    const struct {
        const char* json;
        std::initializer_list<const char*> words;
    } wrong[] = {
        {"", {"not JSON"}},
        {"[[null, \"a\"]", {"not JSON"}},
        {"{}", {"array", "object"}},
        {"null", {"array", "null"}},
        {"3", {"array", "number"}},
        {"[]", {"empty array"}},
        {"[3]", {"row of rank 0", "number"}},
        {"[[null, \"a\"], null]", {"row of rank 1", "null"}},
        {"[[null, \"a\"], [\"b\"]]", {"row of rank 1", "1 entries", "2"}},
        {"[[null, \"a\"], [\"b\", null, \"c\"]]", {"row of rank 1", "3 entries"}},
        {"[[null, 3], [\"b\", null]]", {"[0][1]", "number"}},
        {"[[null, {}], [\"b\", null]]", {"[0][1]", "object"}},
        {"[[null, [\"a\", 3]], [\"b\", null]]", {"[0][1]", "string", "number"}},
        {"[[null, [null]], [\"b\", null]]", {"[0][1]", "null"}},
        {"[[null, \"\"], [\"b\", null]]", {"[0][1]", "empty"}},
        {"[[null, \"a\\u0000b\"], [\"b\", null]]", {"[0][1]", "control character"}},
        {"[[null, \"a\\n\"], [\"b\", null]]", {"[0][1]", "control character"}},
        {"[[null, \"a\"], [\"b\", null]] x", {"not JSON"}},
        {"[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]", {"nested"}},
        {"[[null, \"\xff\"], [\"b\", null]]", {"not JSON"}},
    };
    for (const auto& [json, words] : wrong) {
        SCOPED_TRACE(json);
        const std::string message = failure_of([json = json] { (void)parsed(json); });
        expect_words(message, {"the matrix"});
        expect_words(message, words);
    }
}

TEST(JacclMatrix, IsReadFromAFile) {
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() / text("nc_jaccl_matrix_", ::getpid(), ".json");
    std::ofstream(path) << matrix_json(mesh_of(3));
    EXPECT_EQ(DeviceMatrix::read(path, deadline_after(10'000), {}).size(), 3);
    std::ofstream(path) << "[[";
    expect_words(failure_of([&] { (void)DeviceMatrix::read(path, deadline_after(10'000), {}); }),
                 {path.c_str(), "not JSON"});
    std::filesystem::remove(path);
    expect_words(failure_of([&] { (void)DeviceMatrix::read(path, deadline_after(10'000), {}); }),
                 {path.c_str(), "cannot be read", "No such file"});
    expect_words(failure_of([] { (void)DeviceMatrix::read("/", deadline_after(10'000), {}); }),
                 {"/", "cannot be read"});
}

TEST(JacclTopology, IsChosenAsMlxDoes) {
    const auto choose = [](const std::string& json, bool prefers_ring) { return parsed(json).choose(prefers_ring); };
    // Two ranks with one cable: both would do.
    const std::string two = R"([[null, "a"], ["b", null]])";
    EXPECT_EQ(choose(two, false), Topology::Mesh);
    EXPECT_EQ(choose(two, true), Topology::Ring);
    EXPECT_EQ(choose(matrix_json(mesh_of(3)), false), Topology::Mesh);
    EXPECT_EQ(choose(matrix_json(mesh_of(3)), true), Topology::Ring);
    EXPECT_EQ(choose(matrix_json(mesh_of(8)), false), Topology::Mesh);
    // No mesh: neighbours only.
    EXPECT_EQ(choose(matrix_json(ring_of(4, 2)), false), Topology::Ring);
    EXPECT_EQ(choose(matrix_json(ring_of(4, 2)), true), Topology::Ring);
    EXPECT_EQ(parsed(matrix_json(ring_of(4, 2))).wires(), 2);
    // No ring: cables differ in number. The first name counts in a mesh.
    const std::string uneven = R"([[null, ["a", "b"], "c"], ["d", null, "e"], ["f", "g", null]])";
    EXPECT_EQ(choose(uneven, false), Topology::Mesh);
    EXPECT_EQ(choose(uneven, true), Topology::Mesh);
    // A ring does not look at other entries, the diagonal among them; it makes the mesh invalid.
    EXPECT_EQ(choose(R"([["x", "a"], ["b", null]])", false), Topology::Ring);
    EXPECT_EQ(choose(matrix_json(mesh_of(9)), true), Topology::Ring);
    EXPECT_EQ(choose(matrix_json(ring_of(9, 4)), false), Topology::Ring);
}

TEST(JacclTopology, OfAMatrixThatIsNeitherIsAnError) {
    const auto why = [](const std::string& json, bool prefers_ring = false) {
        return failure_of([&] { (void)parsed(json).choose(prefers_ring); });
    };
    // W = 0.
    expect_words(why("[[null, null], [null, null]]"),
                 {"the matrix", "neither a mesh nor a ring", "[0][1]", "is empty"});
    expect_words(why(R"([[null, "a", null], ["b", null, "c"], [null, "d", null]])"),
                 {"neither", "entry [0][2] is empty", "0 devices"});
    expect_words(why(R"([["x", "a", "b"], ["c", null, ["d", "e"]], ["f", "g", null]])"),
                 {"neither", "[0][0]", "to itself", "[1][2]", "2 devices"});
    expect_words(why(matrix_json(mesh_of(9))), {"at most 8 ranks", "9", "prefer the ring"});
    expect_words(why(R"([[null, ["a","b","c","d","e"]], [["a","b","c","d","e"], null]])", true),
                 {"[0][1]", "5 devices", "at most 4"});
}

using Changes = std::vector<std::pair<std::string, std::string>>;

Settings read(const Changes& changes) {
    std::vector<nc_setting> list;
    for (const auto& [name, value] : changes) list.push_back({name.c_str(), value.c_str()});
    return read_settings(list.data(), list.size());
}

TEST(JacclSettings, HaveDefaults) {
    const Settings settings = read({{"devices", "[[]]"}});
    EXPECT_EQ(settings.devices, "[[]]");
    EXPECT_FALSE(settings.device_file.has_value());
    EXPECT_EQ(settings.coordinator, "");
    EXPECT_EQ(settings.library, "");
    EXPECT_FALSE(settings.prefer_ring);
    EXPECT_FALSE(settings.gid_index.has_value());
    EXPECT_FALSE(settings.mlx_ring_all_gather);
    EXPECT_EQ(settings.frames, FramePolicy::Large);
#ifdef __APPLE__
    EXPECT_EQ(settings.queue_pairs, QueuePairType::Unreliable);
#else
    EXPECT_EQ(settings.queue_pairs, QueuePairType::Reliable);
#endif
}

TEST(JacclSettings, AreAllRead) {
    const Settings settings = read({{"device_file", "/f"},
                                    {"coordinator", "h:1"},
                                    {"prefer_ring", "true"},
                                    {"frames", "small"},
                                    {"queue_pairs", "uc"},
                                    {"verbs_library", "/l"}});
    EXPECT_EQ(settings.device_file, "/f");
    EXPECT_EQ(settings.coordinator, "h:1");
    EXPECT_TRUE(settings.prefer_ring);
    EXPECT_EQ(settings.frames, FramePolicy::Small);
    EXPECT_EQ(settings.queue_pairs, QueuePairType::Unreliable);
    EXPECT_EQ(settings.library, "/l");
    EXPECT_EQ(read({{"devices", "x"}, {"queue_pairs", "rc"}}).queue_pairs, QueuePairType::Reliable);
    EXPECT_EQ(read({{"devices", "x"}, {"gid_index", "0"}}).gid_index, 0);
    EXPECT_EQ(read({{"devices", "x"}, {"gid_index", "255"}}).gid_index, 255);
    EXPECT_TRUE(read({{"devices", "x"}, {"mlx_ring_all_gather", "true"}}).mlx_ring_all_gather);
}

TEST(JacclSettings, ThatMeanNothingAreNamed) {
    const auto why = [](const Changes& changes, nc_status status = NC_INVALID_ARGUMENT) {
        return failure_of([&] { (void)read(changes); }, status);
    };
    expect_words(why({{"devices", "x"}, {"frames", "huge"}}), {"frames", "'huge'", "large", "small"});
    expect_words(why({{"devices", "x"}, {"queue_pairs", "ud"}}), {"queue_pairs", "'ud'", "uc", "rc"});
    expect_words(why({{"devices", "x"}, {"prefer_ring", "1"}}), {"prefer_ring", "'1'", "true", "false"});
    expect_words(why({{"devices", "x"}, {"prefer_ring", ""}}), {"prefer_ring", "''"});
    for (const char* index : {"", "-1", "256", "1x", "+1", "99999999999"}) {
        expect_words(why({{"devices", "x"}, {"gid_index", index}}), {"gid_index", index, "0 to 255"});
    }
    expect_words(why({{"devices", "x"}, {"mlx_ring_all_gather", "yes"}}), {"mlx_ring_all_gather", "'yes'"});
    expect_words(why({{"devices", "x"}, {"colour", "red"}}), {"'colour'", "verbs_library"});
    expect_words(why({{"devices", "x"}, {"device_file", "y"}}), {"devices", "device_file", "only one"});
    expect_words(why({{"coordinator", "x"}}, NC_NOT_CONFIGURED), {"devices", "device_file"});
}

TEST(JacclMark, TellsRanksThatSpeakOtherwise) {
    const Mark own = mark_of(Topology::Mesh, FramePolicy::Large, QueuePairType::Reliable);
    EXPECT_TRUE(is_ours(own));
    EXPECT_NO_THROW(check_mark(own, own, 1));
    // Whatever MLX leaves there.
    for (const Mark& other : {Mark{}, Mark{{0xff, 0xff}, 0xff, 0xff}, Mark{{'N', 'D'}, 1, 0}}) {
        EXPECT_FALSE(is_ours(other));
        EXPECT_NO_THROW(check_mark(own, other, 1));
    }
    const auto why = [&](const Mark& other) { return failure_of([&] { check_mark(own, other, 3); }); };
    expect_words(why(mark_of(Topology::Ring, FramePolicy::Large, QueuePairType::Reliable)),
                 {"this rank uses the mesh", "rank 3 uses the ring"});
    expect_words(why(mark_of(Topology::Mesh, FramePolicy::Small, QueuePairType::Reliable)),
                 {"this rank uses large frames", "rank 3 uses small frames"});
    expect_words(why(mark_of(Topology::Mesh, FramePolicy::Large, QueuePairType::Unreliable)),
                 {"this rank uses reliable", "rank 3 uses unreliable"});
}

} // namespace NC_FILE
} // namespace nc::test
