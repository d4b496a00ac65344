// Addresses as users write them: "host:port", "[v6]:port".
#pragma once

#include <string>

#include "os/address.h"
#include "transport/patience.h"

namespace nc {

// Whether port 0 may be written. It stands for an address that is not known: hostfiles of exo have it for ranks that
// this one never calls.
enum class PortZero { Refused, Taken };

// Splits "host:port" or "[v6 literal]:port". Throws Error(NC_RENDEZVOUS_FAILED) that says what is wrong with it; it
// does not name where the text came from.
HostPort parse_host_port(const std::string& text, PortZero zero = PortZero::Refused);

// Whether the port is the number 0.
bool has_port_zero(const HostPort& address);

// The address of that name. Throws Error: NC_RENDEZVOUS_FAILED; what ends the patience.
Address resolve(const HostPort& name, const Patience& patience);
// The same for what a user wrote; said: what it is, in messages. peer: the rank that is to be found there.
Address resolve(const std::string& written, const Patience& patience, const std::string& said, int peer = -1);

} // namespace nc
