// Where a rank can be called, as it tells the others.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/error.h"
#include "os/address.h"
#include "os/descriptor.h"

namespace nc::jaccl {

// What a caller must say before its number, where strangers could know the port.
using Token = std::array<std::uint8_t, 16>;

// The same on all hosts of one system.
struct Endpoint {
    std::int32_t is_open;
    std::int32_t address_bytes;
    Address::Storage storage;
    Token token;

    // Whether this is the address of an open endpoint: a peer may say anything.
    bool can_be_called() const { return address().length() > 0; }
    // Empty if it cannot be called.
    Address address() const { return is_open == 1 ? Address::told(storage, address_bytes) : Address(); }
};

// An endpoint on a free port of that host, so that nothing else can be in the way. Where it cannot be opened, failure
// says why: the others are to be told, so that all ranks stay in step.
struct OwnEndpoint {
    Endpoint endpoint{};
    Descriptor listener;
    std::optional<Error> failure;
};
OwnEndpoint open_endpoint(Address host, const std::string& source);

} // namespace nc::jaccl
