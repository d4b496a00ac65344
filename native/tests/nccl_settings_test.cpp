// The settings of an nccl group.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "nccl/settings.h"

namespace nc::test {
namespace NC_FILE {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::vector<nc_setting> settings_of(const Pairs& pairs) {
    std::vector<nc_setting> settings;
    for (const auto& [name, value] : pairs) settings.push_back({name.c_str(), value.c_str()});
    return settings;
}

nccl::Settings read(const Pairs& pairs) {
    const std::vector<nc_setting> settings = settings_of(pairs);
    return nccl::read_settings(settings.data(), settings.size());
}

// The status and message of what reading throws.
std::pair<nc_status, std::string> refusal_of(const Pairs& pairs) {
    try {
        (void)read(pairs);
    } catch (const Error& error) {
        return {error.status, error.what()};
    }
    return {NC_OK, ""};
}

TEST(NcclSettings, HaveDefaults) {
    const nccl::Settings settings = read({{"size", "1"}});
    EXPECT_EQ(settings.size, 1);
    EXPECT_FALSE(settings.device.has_value());
    EXPECT_FALSE(settings.local_rank.has_value());
    EXPECT_FALSE(settings.id.has_value());
    EXPECT_EQ(settings.rendezvous, "");
    EXPECT_FALSE(settings.comm_id);
    EXPECT_EQ(settings.staging_bytes, std::size_t{4} << 20);
    EXPECT_EQ(settings.libraries.nccl, "");
    EXPECT_EQ(settings.libraries.cuda, "");
}

TEST(NcclSettings, AreReadInAnyOrder) {
    const nccl::Settings settings = read({{"cuda_library", "/c"},
                                          {"staging_bytes", "0"},
                                          {"rendezvous", "[::1]:9"},
                                          {"local_rank", "0"},
                                          {"size", "2147483647"},
                                          {"device", "7"},
                                          {"nccl_library", "/n"}});
    EXPECT_EQ(settings.size, 2147483647);
    EXPECT_EQ(settings.device, 7);
    EXPECT_EQ(settings.local_rank, 0);
    EXPECT_EQ(settings.rendezvous, "[::1]:9");
    EXPECT_EQ(settings.staging_bytes, 0U);
    EXPECT_EQ(settings.libraries.nccl, "/n");
    EXPECT_EQ(settings.libraries.cuda, "/c");
    EXPECT_TRUE(read({{"size", "2"}, {"comm_id", "environment"}}).comm_id);
}

TEST(NcclSettings, TakeAnIdAsHexadecimalDigits) {
    std::string digits;
    const std::string lower = "0123456789abcdef";
    const std::string upper = "0123456789ABCDEF";
    for (std::size_t i = 0; i < 128; ++i) {
        digits += (i % 2 == 0 ? lower : upper)[2 * i / 16 % 16];
        digits += (i % 2 == 0 ? upper : lower)[2 * i % 16];
    }
    const nccl::Settings settings = read({{"size", "2"}, {"id", digits}});
    ASSERT_TRUE(settings.id.has_value());
    for (int i = 0; i < 128; ++i) EXPECT_EQ(static_cast<unsigned char>(settings.id->bytes[i]), 2 * i % 256) << i;
}

TEST(NcclSettings, ThatAreMalformedNameThemselves) {
    const Pairs malformed = {{"size", ""},
                             {"size", "0"},
                             {"size", "-1"},
                             {"size", "two"},
                             {"size", "2 "},
                             {"size", " 2"},
                             {"size", "+2"},
                             {"size", "0x2"},
                             {"size", "2147483648"},
                             {"size", "99999999999999999999"},
                             {"device", ""},
                             {"device", "-1"},
                             {"device", "0.5"},
                             {"device", "2147483648"},
                             {"local_rank", ""},
                             {"local_rank", "-1"},
                             {"local_rank", "1,"},
                             {"staging_bytes", ""},
                             {"staging_bytes", "-1"},
                             {"staging_bytes", "4MiB"},
                             {"staging_bytes", "18446744073709551616"},
                             {"comm_id", ""},
                             {"comm_id", "127.0.0.1:5"},
                             {"comm_id", "Environment"}};
    for (const auto& [name, value] : malformed) {
        Pairs pairs{{name, value}};
        if (name != "size") pairs.insert(pairs.begin(), {"size", "2"});
        const auto [status, message] = refusal_of(pairs);
        EXPECT_EQ(status, NC_INVALID_ARGUMENT) << name << '=' << value;
        EXPECT_NE(message.find(text("the setting ", name, " is '", value, "'")), std::string::npos) << message;
        EXPECT_NE(message.find("should be"), std::string::npos) << message;
    }
}

// Whoever has an id can join its group: one that is mistyped, or has got into another setting, is not shown.
TEST(NcclSettings, AMalformedIdIsNotShown) {
    std::string id;
    for (int i = 0; i < 32; ++i) id += "0a1b2c3d";
    const std::vector<std::string> malformed{
        "", id.substr(1), text(id, 'a'), text(id.substr(1), 'g'), text('-', id.substr(1)), text(id.substr(1), ' ')};
    for (const std::string& value : malformed) {
        const auto [status, message] = refusal_of({{"size", "2"}, {"id", value}});
        EXPECT_EQ(status, NC_INVALID_ARGUMENT) << value;
        EXPECT_NE(message.find(text("the setting id is a text of ", value.size(), " characters, but should be")),
                  std::string::npos)
            << message;
        EXPECT_EQ(message.find(id.substr(1, 16)), std::string::npos) << message;
    }
    for (const char* name : {"size", "comm_id"}) {
        const auto [status, message] = refusal_of({{name, id}});
        EXPECT_EQ(status, NC_INVALID_ARGUMENT) << name;
        EXPECT_EQ(message.find(id.substr(1, 16)), std::string::npos) << message;
    }
}

TEST(NcclSettings, ThatAreUnknownAreAnError) {
    for (const char* name : {"", "Size", "hosts", "id ", "nccl_librari"}) {
        const auto [status, message] = refusal_of({{"size", "1"}, {name, "1"}});
        EXPECT_EQ(status, NC_INVALID_ARGUMENT) << name;
        EXPECT_NE(message.find(text("'", name, "'")), std::string::npos) << message;
        EXPECT_NE(message.find("staging_bytes"), std::string::npos) << "it says what there is: " << message;
    }
}

TEST(NcclSettings, ThatLackAreNamed) {
    auto [status, message] = refusal_of({});
    EXPECT_EQ(status, NC_NOT_CONFIGURED);
    EXPECT_NE(message.find("size"), std::string::npos) << message;
    std::tie(status, message) = refusal_of({{"size", "2"}});
    EXPECT_EQ(status, NC_NOT_CONFIGURED);
    for (const char* name : {"id", "rendezvous", "comm_id"})
        EXPECT_NE(message.find(name), std::string::npos) << message;
    // An empty rendezvous is none, as an empty environment variable is none.
    EXPECT_EQ(refusal_of({{"size", "2"}, {"rendezvous", ""}}).first, NC_NOT_CONFIGURED);
    EXPECT_EQ(refusal_of({{"size", "1"}}).first, NC_OK);
}

TEST(NcclSettings, NameOneWayToMeet) {
    const std::pair<std::string, std::string> id{"id", std::string(256, '0')};
    const std::pair<std::string, std::string> rendezvous{"rendezvous", "localhost:1"};
    const std::pair<std::string, std::string> comm_id{"comm_id", "environment"};
    const std::pair<std::string, std::string> size{"size", "2"};
    for (const Pairs& pairs : {Pairs{size, id, rendezvous}, Pairs{size, id, comm_id}, Pairs{size, rendezvous, comm_id},
                               Pairs{size, id, rendezvous, comm_id}}) {
        const auto [status, message] = refusal_of(pairs);
        EXPECT_EQ(status, NC_INVALID_ARGUMENT);
        EXPECT_NE(message.find("only one"), std::string::npos) << message;
    }
    for (const auto& way : {id, rendezvous, comm_id}) EXPECT_EQ(refusal_of({size, way}).first, NC_OK) << way.first;
}

TEST(NcclSettings, OfLibrariesAreReadWhateverTheOthersAre) {
    const Pairs pairs{{"size", "many"}, {"cuda_library", "/c"}, {"colour", "blue"}, {"nccl_library", "/n"}};
    const std::vector<nc_setting> settings = settings_of(pairs);
    const nccl::LibrarySettings libraries = nccl::read_library_settings(settings.data(), settings.size());
    EXPECT_EQ(libraries.nccl, "/n");
    EXPECT_EQ(libraries.cuda, "/c");
    EXPECT_EQ(nccl::read_library_settings(nullptr, 0).nccl, "");
}

} // namespace NC_FILE
} // namespace nc::test
