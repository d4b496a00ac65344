// A rank of ours that lies: what it puts on a connection is right, but for a few bytes.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "transport/endpoint.h"

namespace nc::test {

// These bytes instead of what is at that place of a stream.
struct Lie {
    std::size_t place = 0;
    std::vector<std::byte> bytes;
    bool is_told = false; // the place has been reached, and something else was there
    std::size_t end() const { return place + bytes.size(); }

    // Changes what begins at a place of the stream. Returns whether anything is different.
    bool change(std::size_t begin, std::byte* data, std::size_t size) const {
        bool is_different = false;
        for (std::size_t i = std::max(begin, place); i < std::min(begin + size, end()); ++i) {
            // A frame that goes to several peers, and is on its way to some already, is written once only.
            if (data[i - begin] == bytes[i - place]) continue;
            data[i - begin] = bytes[i - place];
            is_different = true;
        }
        return is_different;
    }
};

class LyingEndpoint final : public Endpoint {
public:
    LyingEndpoint(std::unique_ptr<Endpoint> inner, Lie& lie) : inner_(std::move(inner)), lie_(lie) {}

    Transfer read(void* buffer, std::size_t bytes) override { return inner_->read(buffer, bytes); }
    Transfer write(std::span<const ConstBuffer> parts) override {
        if (written_ >= lie_.end()) return inner_->write(parts);
        std::vector<std::byte> all;
        for (const ConstBuffer& part : parts) {
            const auto* begin = static_cast<const std::byte*>(part.data);
            all.insert(all.end(), begin, begin + part.bytes);
        }
        const bool is_different = lie_.change(written_, all.data(), all.size());
        const ConstBuffer whole{all.data(), all.size()};
        const Transfer transfer = inner_->write({&whole, 1});
        // What was not taken yet is offered again.
        if (is_different && written_ + transfer.bytes > lie_.place) lie_.is_told = true;
        written_ += transfer.bytes;
        return transfer;
    }
    std::size_t peek(void* buffer, std::size_t bytes) override { return inner_->peek(buffer, bytes); }
    int descriptor() const override { return inner_->descriptor(); }
    int failure() override { return inner_->failure(); }
    void expect_exchange() override { inner_->expect_exchange(); }
    void close() override { inner_->close(); }
    void reset() override { inner_->reset(); }
    const std::string& description() const override { return inner_->description(); }

private:
    std::unique_ptr<Endpoint> inner_;
    Lie& lie_;
    std::size_t written_ = 0;
};

} // namespace nc::test
