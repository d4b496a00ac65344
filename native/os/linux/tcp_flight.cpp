#include "os/tcp_flight.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace nc {

// A peer without room looks like this: nothing is unacknowledged, and each question for room, which come ever less
// often, is answered at once, so that none is counted. If the peer took its room back, bytes are unacknowledged and
// sent again, but the system does not count that as retransmissions, and they are answered too.
std::optional<TcpFlight> flight_of(int descriptor) {
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
    int queued = 0;
    (void)::ioctl(descriptor, SIOCOUTQ, &queued);
    TcpFlight flight;
    flight.heard = Clock::now() - std::chrono::milliseconds(info.tcpi_last_ack_recv);
    flight.asks_room = info.tcpi_probes > 0;
    flight.may_count = info.tcpi_unacked > 0;
    flight.sent_again = info.tcpi_retransmits;
    flight.in_flight = queued > 0 || flight.may_count || flight.asks_room;
    return flight;
}

} // namespace nc
