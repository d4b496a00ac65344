// An endpoint of which a test says what arrives and how much can be written, and which records what is.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "transport/endpoint.h"

namespace nc::test {

class ScriptedEndpoint final : public Endpoint {
public:
    Transfer read(void* buffer, std::size_t bytes) override {
        const std::size_t given = peek(buffer, bytes);
        arrived.erase(arrived.begin(), arrived.begin() + static_cast<std::ptrdiff_t>(given));
        return moved(given);
    }
    Transfer write(std::span<const ConstBuffer> parts) override {
        ++writes;
        std::size_t taken = 0;
        for (const ConstBuffer& part : parts) {
            const std::size_t fits = std::min(part.bytes, room);
            const auto* data = static_cast<const std::byte*>(part.data);
            written.insert(written.end(), data, data + fits);
            room -= fits;
            taken += fits;
        }
        return moved(taken);
    }
    std::size_t peek(void* buffer, std::size_t bytes) override {
        const std::size_t given = std::min(bytes, arrived.size());
        if (given > 0) std::memcpy(buffer, arrived.data(), given);
        return given;
    }
    int descriptor() const override { return -1; }
    int failure() override { return 0; }
    void close() override {}
    void reset() override {}
    const std::string& description() const override { return description_; }

    std::vector<std::byte> arrived; // and not read
    std::size_t room = 0;           // for so many bytes more
    std::vector<std::byte> written;
    int writes = 0; // attempts

private:
    static Transfer moved(std::size_t bytes) {
        return {bytes > 0 ? Transfer::State::Moved : Transfer::State::Blocked, bytes, 0};
    }

    const std::string description_ = "a recording";
};

} // namespace nc::test
