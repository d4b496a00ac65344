// Which RDMA devices join which ranks, and the topology that this allows. Source: jaccl-wire.md, section 1.2.
#pragma once

#include <string>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"

namespace nc::jaccl {

enum class Topology { Mesh, Ring };
const char* topology_name(Topology topology);

constexpr int most_mesh_ranks = 8;
constexpr int most_wires = 4;

class DeviceMatrix {
public:
    using Names = std::vector<std::string>;

    // From JSON text; source names it in messages. Throws Error(NC_RENDEZVOUS_FAILED) that says what is wrong and
    // where.
    static DeviceMatrix parse(const std::string& json, const std::string& source);
    // As read_small_file().
    static DeviceMatrix read(const std::string& path, Deadline deadline, const Cancellation& cancellation);

    int size() const { return static_cast<int>(entries_.size()); }
    const std::string& source() const { return source_; }
    // Rank i's devices on the cables to rank j.
    const Names& at(int i, int j) const { return entries_[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]; }

    // A ring if one is preferred and possible, else a mesh, else a ring. Throws Error that says why it cannot be.
    Topology choose(bool prefer_ring) const;
    // Cables between neighbours; of a valid ring.
    int wires() const { return static_cast<int>(at(0, 1).size()); }

    // Of those ranks alone, in that order.
    DeviceMatrix part(const std::vector<int>& ranks, const std::string& source) const;

private:
    // Empty if valid, else what is missing.
    std::string why_no_mesh() const;
    std::string why_no_ring() const;

    // As messages name it.
    std::string entry(int i, int j) const;

    std::string source_;
    std::vector<int> ranks_; // what the matrix this is a part of calls them
    std::vector<std::vector<Names>> entries_;
};

} // namespace nc::jaccl
