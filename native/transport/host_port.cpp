#include "transport/host_port.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace nc {
namespace {

// A service's name, as in /etc/services. getaddrinfo would also take "+80" and " 80", and of a number that is too large
// the lower 16 bits.
bool is_service_name(const std::string& port) {
    return std::isalpha(static_cast<unsigned char>(port.front())) != 0 &&
           std::all_of(port.begin(), port.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '+';
           });
}

} // namespace

HostPort parse_host_port(const std::string& address, PortZero zero) {
    HostPort parts;
    if (address.starts_with('[')) {
        const std::size_t end = address.find("]:");
        if (end == std::string::npos) fail_rendezvous("an IPv6 address is written \"[address]:port\"");
        parts = {address.substr(1, end - 1), address.substr(end + 2)};
    } else {
        const std::size_t colon = address.find(':');
        if (colon == std::string::npos) fail_rendezvous("it has no port; an address is written \"host:port\"");
        parts = {address.substr(0, colon), address.substr(colon + 1)};
        if (parts.port.find(':') != std::string::npos) fail_rendezvous("an IPv6 address is written \"[address]:port\"");
    }
    if (parts.host.empty()) fail_rendezvous("it has no host; an address is written \"host:port\"");
    if (parts.port.empty()) fail_rendezvous("it has no port; an address is written \"host:port\"");
    if (std::any_of(address.begin(), address.end(), is_control))
        fail_rendezvous("it contains a control character, such as NUL");
    if (!is_number(parts.port) && !is_service_name(parts.port))
        fail_rendezvous("its port is neither a number nor a service's name");
    const int least = zero == PortZero::Taken ? 0 : 1;
    if (is_number(parts.port) &&
        (parts.port.size() > 5 || std::stoi(parts.port) < least || std::stoi(parts.port) > 65535)) {
        fail_rendezvous(nc::text("the port ", parts.port, " is not in 1..65535"));
    }
    return parts;
}

bool has_port_zero(const HostPort& address) {
    return !address.port.empty() && address.port.find_first_not_of('0') == std::string::npos;
}

Address resolve(const HostPort& name, const Patience& patience) {
    return resolve(name, patience.deadline, [&] { patience.throw_if_ended(); });
}

Address resolve(const std::string& written, const Patience& patience, const std::string& said, int peer) {
    try {
        return resolve(parse_host_port(written), patience);
    } catch (const Error& error) {
        if (error.status == NC_CANCELLED) throw;
        fail_rendezvous(text(said, ": ", error.what()), peer, error.system_error);
    }
}

} // namespace nc
