#include "ring/rank_addresses.h"

#include <unordered_map>

#include "base/error.h"
#include "operation/blocks.h"
#include "transport/host_port.h"

namespace nc::ring {
namespace {

// Asks for every name once, however many addresses have it.
class Resolver {
public:
    explicit Resolver(const Patience& patience) : patience_(patience) {}

    Address operator()(const HostPort& name) {
        if (const std::optional<Address> address = numeric(name)) return *address;
        const auto known = known_.find(name.host);
        if (known == known_.end()) return known_.emplace(name.host, resolve(name, patience_)).first->second;
        Address address = known->second;
        // The port may be a service's name.
        address.set_port(resolve({"0.0.0.0", name.port}, patience_).port());
        return address;
    }

private:
    const Patience& patience_;
    std::unordered_map<std::string, Address> known_;
};

} // namespace

RankAddresses::RankAddresses(Hosts hosts) : source_(std::move(hosts.source)) {
    for (std::vector<HostPort>& listed : hosts.addresses)
        ranks_.push_back({static_cast<int>(ranks_.size()), std::move(listed), {}});
}

const std::vector<Address>& RankAddresses::of(int rank, const Patience& patience) {
    Rank& entry = ranks_[static_cast<std::size_t>(rank)];
    if (!entry.resolved.empty()) return entry.resolved;
    Resolver resolver(patience);
    std::vector<Address> resolved;
    for (const HostPort& address : entry.listed) {
        const auto fail = [&](const char* what, const char* why) {
            fail_rendezvous(text(source_, ": rank ", entry.number, ": '", written(address), "' ", what, why), rank);
        };
        if (has_port_zero(address)) {
            fail(
                "has port 0, which stands for an address that is not known;",
                " a rank needs its own addresses, those of its neighbours, and those of the ranks that it splits with");
        }
        try {
            resolved.push_back(resolver(address));
        } catch (const Error& error) {
            if (error.status != NC_RENDEZVOUS_FAILED) throw;
            fail("cannot be resolved: ", error.what());
        }
    }
    entry.resolved = std::move(resolved);
    return entry.resolved;
}

void RankAddresses::check_distinct(int rank) const {
    const auto fail = [&](const std::string& address, int other) {
        fail_rendezvous(text(source_, ": the address ", address, " is listed for rank ", rank,
                             rank == other ? " twice" : text(" and for rank ", other)),
                        other);
    };
    const Rank& own = ranks_[static_cast<std::size_t>(rank)];
    std::unordered_map<std::string, const Address*> listening;
    std::unordered_map<std::string, const Address*> as_written;
    for (std::size_t i = 0; i < own.resolved.size(); ++i) {
        if (!listening.emplace(own.resolved[i].listening_key(), &own.resolved[i]).second)
            fail(own.resolved[i].text(), rank);
        as_written.emplace(written(own.listed[i]), &own.resolved[i]);
    }
    for (int other = 0; other < size(); ++other) {
        if (other == rank) continue;
        const Rank& entry = ranks_[static_cast<std::size_t>(other)];
        for (std::size_t i = 0; i < entry.listed.size(); ++i) {
            const std::optional<Address> address =
                entry.resolved.empty() ? numeric(entry.listed[i]) : entry.resolved[i];
            const auto& same = address.has_value() ? listening : as_written;
            const auto found = same.find(address.has_value() ? address->listening_key() : written(entry.listed[i]));
            if (found != same.end()) fail(found->second->text(), other);
        }
    }
}

std::vector<std::string> RankAddresses::unreachable_from(int rank) const {
    std::vector<std::string> unreachable;
    for (int other = 0; other < size(); ++other) {
        if (other == rank || other == wrap(rank - 1, size()) || other == wrap(rank + 1, size())) continue;
        const Rank& entry = ranks_[static_cast<std::size_t>(other)];
        const auto zero = std::find_if(entry.listed.begin(), entry.listed.end(), has_port_zero);
        if (zero != entry.listed.end()) unreachable.push_back(text("rank ", entry.number, " ('", written(*zero), "')"));
    }
    return unreachable;
}

RankAddresses RankAddresses::part(const std::vector<int>& ranks) const {
    RankAddresses part;
    part.source_ = source_;
    for (const int rank : ranks) part.ranks_.push_back(ranks_[static_cast<std::size_t>(rank)]);
    return part;
}

} // namespace nc::ring
