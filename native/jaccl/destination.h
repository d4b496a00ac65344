// What a rank must know of a peer's queue pair to connect to it. Source: jaccl-wire.md, section 3.3.
#pragma once

#include <cstdint>
#include <string>

#include "jaccl/device_matrix.h"
#include "jaccl/settings.h"
#include "jaccl/verbs_api.h"

namespace nc::jaccl {

// In the bytes that MLX leaves undefined, ranks of ours say how they will speak, so that those that disagree get an
// error instead of silence.
struct Mark {
    std::uint8_t letters[2];
    std::uint8_t version;
    std::uint8_t choices;
};

// Which packets a port sends from a GID of its table. Those of one version are nothing to a port that uses the other.
enum class GidType : std::uint8_t { Unknown, RoceV1, RoceV2 };

// What the other end of a connection must know of a port, beside its address.
struct PortTraits {
    int path_mtu = verbs::mtu_1024; // the largest it can send
    GidType gid_type = GidType::Unknown;
};

// As it is exchanged; the same on all supported hosts.
struct Destination {
    std::int32_t lid;
    std::int32_t queue_pair;
    std::int32_t packet_sequence_number;
    Mark mark;
    verbs::Gid gid;
};
static_assert(sizeof(Destination) == 32);

constexpr std::int32_t first_packet = 7;

Mark mark_of(Topology topology, FramePolicy frames, QueuePairType queue_pairs);

bool is_ours(const Mark& mark);

// The mark of a connection that begins at that port.
Mark with_port(Mark mark, const PortTraits& traits);
// What a mark tells of the port. Of a rank of MLX, or of an older one of ours: what MLX uses.
PortTraits port_of(const Mark& mark);

// Throws Error(NC_RENDEZVOUS_FAILED) if the peer is one of ours and speaks otherwise.
void check_mark(const Mark& own, const Mark& peers, int peer);
// The same for the ports of one connection. device: the own one's name.
void check_ports(const PortTraits& own, const PortTraits& peers, const std::string& device, int peer);

} // namespace nc::jaccl
