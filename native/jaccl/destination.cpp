#include "jaccl/destination.h"

#include "base/error.h"

namespace nc::jaccl {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t is_ring = 1;
constexpr std::uint8_t has_small_frames = 2;
constexpr std::uint8_t is_reliable = 4;
// The port's path MTU, as the verbs count it, and the type of its GID; zero where nothing is told.
constexpr int mtu_shift = 3;
constexpr int gid_type_shift = 6;

} // namespace

Mark mark_of(Topology topology, FramePolicy frames, QueuePairType queue_pairs) {
    const auto flag = [](bool set, std::uint8_t value) { return set ? value : std::uint8_t{0}; };
    return {{'N', 'C'},
            version,
            static_cast<std::uint8_t>(flag(topology == Topology::Ring, is_ring) |
                                      flag(frames == FramePolicy::Small, has_small_frames) |
                                      flag(queue_pairs == QueuePairType::Reliable, is_reliable))};
}

bool is_ours(const Mark& mark) {
    return mark.letters[0] == 'N' && mark.letters[1] == 'C' && mark.version == version;
}

Mark with_port(Mark mark, const PortTraits& traits) {
    mark.choices = static_cast<std::uint8_t>(mark.choices | traits.path_mtu << mtu_shift |
                                             static_cast<int>(traits.gid_type) << gid_type_shift);
    return mark;
}

PortTraits port_of(const Mark& mark) {
    PortTraits traits;
    if (!is_ours(mark)) return traits;
    const int mtu = mark.choices >> mtu_shift & 7;
    if (mtu >= verbs::mtu_256 && mtu <= verbs::mtu_4096) traits.path_mtu = mtu;
    const int type = mark.choices >> gid_type_shift & 3;
    if (type <= static_cast<int>(GidType::RoceV2)) traits.gid_type = static_cast<GidType>(type);
    return traits;
}

void check_mark(const Mark& own, const Mark& peers, int peer) {
    if (!is_ours(peers)) return;
    const auto check = [&](std::uint8_t choice, const char* set, const char* clear) {
        if (((own.choices ^ peers.choices) & choice) == 0) return;
        const bool here = (own.choices & choice) != 0;
        fail_rendezvous(text("this rank uses ", here ? set : clear, ", but rank ", peer, " uses ", here ? clear : set,
                             "; all ranks must be set alike"),
                        peer);
    };
    check(is_ring, "the ring topology", "the mesh topology");
    check(has_small_frames, "small frames", "large frames");
    check(is_reliable, "reliable queue pairs (rc)", "unreliable queue pairs (uc)");
}

void check_ports(const PortTraits& own, const PortTraits& peers, const std::string& device, int peer) {
    if (own.gid_type == GidType::Unknown || peers.gid_type == GidType::Unknown || own.gid_type == peers.gid_type)
        return;
    const bool is_v2 = own.gid_type == GidType::RoceV2;
    fail_rendezvous(text("this rank's device ", device, " uses an address (GID) of RoCE v", is_v2 ? 2 : 1,
                         ", but that of rank ", peer, " one of RoCE v", is_v2 ? 1 : 2,
                         "; choose addresses of the same version with the setting gid_index"),
                    peer);
}

} // namespace nc::jaccl
