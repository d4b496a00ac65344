// The exchange of NCCL's id with a rank 0 that sends too little, too much or nothing, and with callers of every kind.
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <thread>

#include "fuzz.h"
#include "nccl/id_exchange.h"
#include "raw_peer.h"

namespace nc::test {
namespace NC_FILE {

using nccl::fetch_id;
using nccl::IdServer;
using nccl::OperationPatience;
using nccl::UniqueId;

OperationPatience patience(std::int64_t timeout_ms) {
    return {Patience::of(timeout_ms)};
}

UniqueId any_id(Dice& dice) {
    UniqueId id{};
    for (char& byte : id.bytes) byte = static_cast<char>(dice.below(256));
    return id;
}

bool same(const UniqueId& a, const UniqueId& b) {
    return std::memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

// What it gets is all of one answer, or an error that says what was missing.
TEST(FuzzNcclIdExchange, ARankZeroThatLies) {
    Fuzz fuzz("answers with NCCL's id", 300);
    fuzz.run(
        [](Dice& dice) {
            const ReservedPorts ports(1);
            const UniqueId id = any_id(dice);
            const std::size_t length =
                dice.one_of<std::size_t>({0, 1, 64, 127, 128, 129, 256, 100'000, dice.below(200)});
            std::vector<char> answer(length);
            for (std::size_t i = 0; i < length; ++i) answer[i] = id.bytes[i % sizeof id.bytes];
            const std::size_t first = dice.below(length + 1);
            const int end = dice.between(0, 2); // in order, by a reset, not at all
            SCOPED_TRACE(text(length, " bytes, ", first, " at first, end ", end));
            std::optional<UniqueId> got;
            nc_error error = empty_error();
            const Descriptor listener = listen_on(ports[0], 8);
            const MemoryWatch memory;
            std::thread client(
                [&] { (void)guarded(&error, [&] { got = fetch_id(ports[0].text(), patience(150 * slowness)); }); });
            Descriptor connection = accept_one(listener);
            (void)::send(connection.get(), answer.data(), first, MSG_NOSIGNAL);
            (void)::send(connection.get(), answer.data() + first, length - first, MSG_NOSIGNAL);
            if (end == 1) reset_on_close(connection, true);
            if (end != 2) connection.close();
            client.join();
            EXPECT_LE(memory.peak(), std::size_t{1} << 20);
            if (got.has_value()) {
                EXPECT_TRUE(same(*got, id));
                EXPECT_GE(length, sizeof id.bytes);
                return std::string("taken");
            }
            // Bytes that a reset overtook are lost.
            EXPECT_TRUE(length < sizeof id.bytes || end == 1) << error.message;
            EXPECT_EQ(error.status, NC_RENDEZVOUS_FAILED) << error.message;
            EXPECT_EQ(error.peer, 0) << error.message;
            EXPECT_NE(std::string(error.message).find("rank 0"), std::string::npos) << error.message;
            return std::string("refused");
        },
        8);
}

TEST(FuzzNcclIdExchange, CallersOfEveryKind) {
    Fuzz fuzz("callers for NCCL's id", 200);
    fuzz.run([](Dice& dice) {
        const ReservedPorts ports(1);
        const UniqueId id = any_id(dice);
        const MemoryWatch memory;
        const IdServer server(ports[0].text(), id, patience(ample_ms));
        std::vector<Descriptor> callers;
        for (std::size_t i = dice.below(12); i > 0; --i) {
            Descriptor caller = connect_when_open(ports[0]);
            const std::vector<char> words(dice.one_of<std::size_t>({0, 1, 128, 5000}), 'G');
            (void)::send(caller.get(), words.data(), words.size(), MSG_NOSIGNAL);
            if (dice.one_in(3)) reset_on_close(caller, true);
            if (dice.one_in(2)) callers.push_back(std::move(caller));
        }
        EXPECT_TRUE(same(fetch_id(ports[0].text(), patience(ample_ms)), id));
        EXPECT_LE(memory.peak(), std::size_t{1} << 20);
        return std::string("served");
    });
}

} // namespace NC_FILE
} // namespace nc::test
