// Tokens say whether the data of a message may still be read. The receiver, perhaps another process, reads the token
// after the data: if it holds the message's id, the data were valid all the time.
#pragma once

#include <atomic>
#include <cstdint>

namespace nc::softverbs {

// One message's.
class Token {
public:
    Token() = default;
    ~Token() { invalidate(); }
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;

    void validate(std::uint64_t id);
    void invalidate();
    std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(word_); }

private:
    // Never freed: it may be read late.
    std::atomic<std::uint64_t>* word_ = nullptr;
};

} // namespace nc::softverbs
