#include "jaccl/destination.h"

#include "backend/error.h"

namespace nc::jaccl {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t is_ring = 1;
constexpr std::uint8_t has_small_frames = 2;
constexpr std::uint8_t is_reliable = 4;

} // namespace

Mark mark_of(Topology topology, FramePolicy frames, QueuePairType queue_pairs) {
    const auto flag = [](bool set, std::uint8_t value) { return set ? value : std::uint8_t{0}; };
    return {{'N', 'C'},
            version,
            static_cast<std::uint8_t>(flag(topology == Topology::Ring, is_ring) | flag(frames == FramePolicy::Small, has_small_frames) |
                                      flag(queue_pairs == QueuePairType::Reliable, is_reliable))};
}

bool is_ours(const Mark& mark) {
    return mark.letters[0] == 'N' && mark.letters[1] == 'C' && mark.version == version;
}

void check_mark(const Mark& own, const Mark& peers, int peer) {
    if (!is_ours(peers)) return;
    const auto check = [&](std::uint8_t choice, const char* set, const char* clear) {
        if (((own.choices ^ peers.choices) & choice) == 0) return;
        const bool here = (own.choices & choice) != 0;
        throw Error(NC_RENDEZVOUS_FAILED,
                    text("this rank uses ", here ? set : clear, ", but rank ", peer, " uses ", here ? clear : set, "; all ranks must be set alike"), peer);
    };
    check(is_ring, "the ring topology", "the mesh topology");
    check(has_small_frames, "small frames", "large frames");
    check(is_reliable, "reliable queue pairs (rc)", "unreliable queue pairs (uc)");
}

} // namespace nc::jaccl
