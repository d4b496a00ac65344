#include "jaccl/device_matrix.h"

#include <algorithm>

#include "operation/blocks.h"
#include "operation/json.h"
#include "os/small_file.h"

namespace nc::jaccl {
namespace {

std::string parse_name(const Json& value, const std::string& where) {
    if (!value.is_string())
        fail_rendezvous(text(where, ": a device's name must be a string, but is ", value.type_name()));
    const auto& name = value.get_ref<const std::string&>();
    if (name.empty()) fail_rendezvous(text(where, ": a device's name must not be empty; no cable is written null"));
    if (std::ranges::any_of(name, is_control))
        fail_rendezvous(text(where, ": a device's name holds a control character"));
    return name;
}

DeviceMatrix::Names parse_entry(const Json& entry, const std::string& where) {
    DeviceMatrix::Names names;
    if (entry.is_null()) return names;
    if (entry.is_string()) {
        names.push_back(parse_name(entry, where));
    } else if (entry.is_array()) {
        for (const Json& name : entry) names.push_back(parse_name(name, where));
    } else {
        fail_rendezvous(
            text(where, ": an entry must be null, a device's name or an array of names, but is ", entry.type_name()));
    }
    return names;
}

} // namespace

const char* topology_name(Topology topology) {
    return topology == Topology::Mesh ? "mesh" : "ring";
}

DeviceMatrix DeviceMatrix::parse(const std::string& json, const std::string& source) {
    const Json root = parse_json(json, source);
    if (!root.is_array() || root.empty()) {
        fail_rendezvous(text(source, ": the device matrix must be an array with one array per rank, but is ",
                             root.is_array() ? "an empty array" : root.type_name()));
    }
    DeviceMatrix matrix;
    matrix.source_ = source;
    for (std::size_t i = 0; i < root.size(); ++i) {
        const Json& row = root[i];
        if (!row.is_array())
            fail_rendezvous(text(source, ": the row of rank ", i, " must be an array, but is ", row.type_name()));
        if (row.size() != root.size())
            fail_rendezvous(text(source, ": the row of rank ", i, " has ", row.size(), " entries, but there are ",
                                 root.size(), " ranks, and each row must have one for each"));
        matrix.ranks_.push_back(static_cast<int>(i));
        matrix.entries_.emplace_back();
        for (std::size_t j = 0; j < row.size(); ++j)
            matrix.entries_.back().push_back(parse_entry(row[j], text(source, ": entry [", i, "][", j, "]")));
    }
    return matrix;
}

DeviceMatrix DeviceMatrix::read(const std::string& path, Deadline deadline, const Cancellation& cancellation) {
    const std::string source = text("the device file ", path);
    return parse(read_small_file(path, source, deadline, cancellation), source);
}

std::string DeviceMatrix::entry(int i, int j) const {
    return text("entry [", ranks_[static_cast<std::size_t>(i)], "][", ranks_[static_cast<std::size_t>(j)], "]");
}

std::string DeviceMatrix::why_no_mesh() const {
    for (int i = 0; i < size(); ++i) {
        for (int j = 0; j < size(); ++j) {
            if (i == j && !at(i, j).empty()) return entry(i, j) + " names a device of a rank on a cable to itself";
            if (i != j && at(i, j).empty())
                return entry(i, j) + " is empty, so that there is no cable between these ranks";
        }
    }
    return {};
}

std::string DeviceMatrix::why_no_ring() const {
    const std::size_t wires = at(0, 1).size();
    if (wires == 0) return entry(0, 1) + " is empty, so that there is no cable between these neighbours";
    for (int i = 0; i < size(); ++i) {
        for (const int j : {wrap(i - 1, size()), wrap(i + 1, size())}) {
            if (at(i, j).size() != wires)
                return text(entry(i, j), " names ", at(i, j).size(), " devices, but ", entry(0, 1), " ", wires,
                            ", and all neighbours must be joined by as many cables");
        }
    }
    return {};
}

Topology DeviceMatrix::choose(bool prefer_ring) const {
    if (size() < 2) fail_rendezvous(text(source_, " has 1 rank, but a mesh or a ring has at least two"));
    const std::string no_ring = why_no_ring();
    const std::string no_mesh = why_no_mesh();
    if (!no_ring.empty() && !no_mesh.empty())
        fail_rendezvous(
            text(source_, " describes neither a mesh nor a ring. No mesh: ", no_mesh, ". No ring: ", no_ring));
    const Topology chosen = no_ring.empty() && (prefer_ring || !no_mesh.empty()) ? Topology::Ring : Topology::Mesh;
    if (chosen == Topology::Mesh && size() > most_mesh_ranks)
        fail_rendezvous(text(source_, ": a mesh has at most ", most_mesh_ranks, " ranks, but this one has ", size(),
                             no_ring.empty() ? "; prefer the ring" : ""));
    if (chosen == Topology::Ring && wires() > most_wires)
        fail_rendezvous(text(source_, ": ", entry(0, 1), " names ", wires(),
                             " devices, but neighbours may be joined by at most ", most_wires, " cables"));
    return chosen;
}

DeviceMatrix DeviceMatrix::part(const std::vector<int>& ranks, const std::string& source) const {
    DeviceMatrix part;
    part.source_ = source;
    for (const int i : ranks) {
        part.ranks_.push_back(ranks_[static_cast<std::size_t>(i)]);
        part.entries_.emplace_back();
        for (const int j : ranks) part.entries_.back().push_back(i == j ? Names() : at(i, j));
    }
    return part;
}

} // namespace nc::jaccl
