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
struct Contact {
    std::int32_t is_open;
    std::int32_t address_bytes;
    Address::Storage storage;
    Token token;

    // Whether this is an address at which somebody listens: a peer may say anything.
    bool can_be_called() const { return address().length() > 0; }
    // Empty if it cannot be called.
    Address address() const { return is_open == 1 ? Address::told(storage, address_bytes) : Address(); }
};

// A free port of that host, so that nothing else can be in the way. Where it cannot be listened on, failure says why:
// the others are to be told, so that all ranks stay in step.
struct OwnContact {
    Contact contact{};
    Descriptor listener;
    std::optional<Error> failure;
};
OwnContact open_contact(Address host, const std::string& source);

} // namespace nc::jaccl
