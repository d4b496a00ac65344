#include "ring/hostfile.h"

#include "operation/json.h"
#include "os/small_file.h"
#include "transport/host_port.h"

namespace nc::ring {
namespace {

// What a user wrote, with control characters made visible: a message must not end at a NUL.
std::string visible(const std::string& written) {
    std::string result;
    for (const char c : written) {
        if (is_control(c)) {
            constexpr const char* digits = "0123456789abcdef";
            const auto byte = static_cast<unsigned char>(c);
            result += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        } else {
            result += c;
        }
    }
    return result;
}

HostPort parse_address(const Json& value, const std::string& source, std::size_t rank) {
    if (!value.is_string()) {
        fail_rendezvous(
            text(source, ": rank ", rank, ": an address must be a string \"host:port\", but is ", value.type_name()));
    }
    const auto& address = value.get_ref<const std::string&>();
    try {
        return parse_host_port(address, PortZero::Taken);
    } catch (const Error& error) {
        fail_rendezvous(text(source, ": rank ", rank, ": '", visible(address), "' is not an address: ", error.what()));
    }
}

std::vector<HostPort> parse_entry(const Json& entry, const std::string& source, std::size_t rank) {
    if (entry.is_object() && (entry.contains("ssh") || entry.contains("ips"))) {
        fail_rendezvous(
            text(source, ": rank ", rank,
                 ": this is a launcher's hostfile (\"ssh\", \"ips\"); a rank needs the one that the launcher makes "
                 "from it, an array of arrays of \"host:port\""));
    }
    if (!entry.is_array() && !entry.is_string()) {
        fail_rendezvous(text(source, ": rank ", rank,
                             ": the entry of a rank must be an array of \"host:port\" strings, but is ",
                             entry.type_name()));
    }
    std::vector<HostPort> addresses;
    if (entry.is_string()) {
        addresses.push_back(parse_address(entry, source, rank));
    } else {
        for (const Json& value : entry) addresses.push_back(parse_address(value, source, rank));
    }
    if (addresses.empty()) fail_rendezvous(text(source, ": rank ", rank, " has no address"));
    if (addresses.size() > most_addresses)
        fail_rendezvous(
            text(source, ": rank ", rank, " has ", addresses.size(), " addresses, but may have ", most_addresses));
    return addresses;
}

} // namespace

std::string written(const HostPort& address) {
    return address.host.find(':') != std::string::npos ? text('[', address.host, "]:", address.port)
                                                       : text(address.host, ':', address.port);
}

Hosts parse_hosts(const std::string& content, const std::string& source) {
    Hosts hosts{source, {}};
    if (content.find_first_not_of(" \t\r\n") == std::string::npos) return hosts;
    const Json root = parse_json(content, source);
    if (root.is_object() && root.contains("hosts")) {
        fail_rendezvous(
            text(source,
                 " is a launcher's hostfile (\"hosts\"); a rank needs the one that the launcher makes from it, an "
                 "array of arrays of \"host:port\""));
    }
    if (!root.is_array())
        fail_rendezvous(text(source, " must be a JSON array with one entry per rank, but is ", root.type_name()));
    if (root.empty()) fail_rendezvous(text(source, " lists no ranks"));
    if (root.size() > most_ranks)
        fail_rendezvous(text(source, " lists ", root.size(), " ranks, but a group has at most ", most_ranks));
    for (std::size_t rank = 0; rank < root.size(); ++rank) {
        hosts.addresses.push_back(parse_entry(root[rank], source, rank));
        const std::size_t first = hosts.addresses.front().size();
        const std::size_t count = hosts.addresses.back().size();
        if (count != first)
            fail_rendezvous(text(source, ": all ranks must list equally many addresses, but rank 0 lists ", first,
                                 " and rank ", rank, " lists ", count));
    }
    return hosts;
}

Hosts read_hostfile(const std::string& path, Deadline deadline, const Cancellation& cancellation) {
    const std::string source = text("the hostfile ", path);
    return parse_hosts(read_small_file(path, source, deadline, cancellation), source);
}

} // namespace nc::ring
