#include "os/tcp_flight.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace nc {

// Here the system does not tell when the last acknowledgement came: whatever shows that one did is followed. A peer
// without room is not judged, since its answers change nothing that can be seen.
std::optional<TcpFlight> flight_of(int descriptor) {
#ifdef TCP_CONNECTION_INFO
    tcp_connection_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_CONNECTION_INFO, &info, &length) != 0) return std::nullopt;
    TcpFlight flight;
    flight.in_flight = info.tcpi_snd_sbbytes > 0;
    flight.may_count = flight.in_flight && info.tcpi_snd_wnd > 0;
    flight.sent_again = info.tcpi_txretransmitpackets;
    flight.answer = {info.tcpi_rxpackets, info.tcpi_snd_sbbytes, info.tcpi_snd_wnd};
    return flight;
#else
    (void)descriptor;
    return std::nullopt;
#endif
}

} // namespace nc
