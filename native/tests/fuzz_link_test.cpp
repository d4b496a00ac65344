// What a connection of a ring holds for a neighbour that sends before it is asked: in order, and no more than has been
// sent and not been taken.
#include <algorithm>

#include "fuzz.h"
#include "ring/link.h"
#include "wire_ring.h"

namespace nc::test {
namespace NC_FILE {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

// A neighbour that has always more to say, up to so many bytes at once.
class Talker final : public Endpoint {
public:
    explicit Talker(Dice& dice) : dice_(dice) {}

    Transfer read(void* buffer, std::size_t bytes) override {
        if (on_its_way == 0) return {Transfer::State::Blocked, 0, 0};
        // As a connection does, it gives less than was asked for.
        const std::size_t given = std::min({bytes, on_its_way, 1 + dice_.below(2 * bytes)});
        auto* to = static_cast<std::uint8_t*>(buffer);
        for (std::size_t i = 0; i < given; ++i) to[i] = at(said_ + i);
        said_ += given;
        on_its_way -= given;
        return {Transfer::State::Moved, given, 0};
    }
    Transfer write(std::span<const ConstBuffer>) override { return {Transfer::State::Blocked, 0, 0}; }
    std::size_t peek(void* buffer, std::size_t bytes) override {
        const std::size_t there = std::min(bytes, on_its_way);
        for (std::size_t i = 0; i < there; ++i) static_cast<std::uint8_t*>(buffer)[i] = at(said_ + i);
        return there;
    }
    int descriptor() const override { return -1; }
    int failure() override { return 0; }
    void close() override {}
    void reset() override {}
    const std::string& description() const override { return description_; }

    static std::uint8_t at(std::size_t place) { return static_cast<std::uint8_t>(place * 31 + (place >> 8)); }

    std::size_t on_its_way = 0;

private:
    Dice& dice_;
    std::size_t said_ = 0;
    const std::string description_ = "a talker";
};

TEST(FuzzRingLink, ReadAheadHoldsNoMoreThanIsUnread) {
    Fuzz fuzz("reading ahead of an operation", 400);
    fuzz.run([](Dice& dice) {
        auto made = std::make_unique<Talker>(dice);
        Talker& talker = *made;
        ring::Link link(std::move(made), 1);
        std::vector<std::uint8_t> taken(mebibyte);
        // How much the reader leaves unread: a middle rank of a pipeline has seldom taken everything.
        const std::size_t lag = dice.one_of<std::size_t>({1, 100, 4096, 300'000, 3 * mebibyte});
        const std::size_t total =
            dice.one_of<std::size_t>({mebibyte, 8 * mebibyte, 24 * mebibyte}) / (is_sanitized ? 4 : 1);
        std::size_t sent = 0;
        std::size_t read = 0;
        std::size_t most_unread = 0;
        const MemoryWatch memory;
        while (read < total) {
            const std::size_t next = dice.one_of<std::size_t>({1, 1000, 65'536, mebibyte / 2});
            talker.on_its_way += next;
            sent += next;
            most_unread = std::max(most_unread, sent - read);
            for (std::size_t looks = dice.below(6); looks > 0; --looks) (void)link.read_ahead();
            while (sent - read > lag) {
                const Transfer transfer =
                    link.read(taken.data(), std::min({taken.size(), sent - read - lag, 1 + dice.below(taken.size())}));
                if (transfer.state != Transfer::State::Moved) return std::string("blocked");
                for (std::size_t i = 0; i < transfer.bytes; ++i) {
                    if (taken[i] == Talker::at(read + i)) continue;
                    ADD_FAILURE() << "byte " << read + i << " is another";
                    return std::string("wrong");
                }
                read += transfer.bytes;
            }
        }
        EXPECT_LE(memory.peak(), most_unread + mebibyte) << "of " << sent << " bytes";
        return std::string("in order");
    });
}

} // namespace NC_FILE
} // namespace nc::test
