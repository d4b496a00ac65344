#include "jaccl/lines.h"

#include <algorithm>

namespace nc::jaccl {

std::vector<Connection> connect_lines(SideChannel& channel, const Fabric& fabric, int rank, const Patience& patience, const Log& log) {
    const int size = static_cast<int>(fabric.is_ours.size());
    const std::optional<Address> address = channel.own_address();
    const bool all_ours = std::all_of(fabric.is_ours.begin(), fabric.is_ours.end(), [](bool is_ours) { return is_ours; });
    if (size <= 2 || !all_ours || !address.has_value()) return channel.take_connections();

    const std::string source = "the lines between the ranks";
    OwnDoor own = open_door(*address, source);
    std::vector<Door> doors(static_cast<std::size_t>(size));
    channel.exchange(&own.door, sizeof own.door, doors.data());
    if (std::any_of(doors.begin(), doors.end(), [](const Door& door) { return door.is_open == 0; })) {
        log.write(NC_LOG_WARNING, "[jaccl] rank ", rank, ": not all ranks can be called, so that only rank 0 hears of all");
        return channel.take_connections();
    }
    std::vector<Connection> others;
    // Every rank but the first and the last is the middle of a star of those that follow it.
    for (int middle = 1; middle < size - 1 && middle <= rank; ++middle) {
        const Door& door = doors[static_cast<std::size_t>(middle)];
        StarPlan plan{};
        plan.source = source;
        plan.rank = rank - middle;
        plan.size = size - middle;
        plan.first = middle;
        plan.coordinator = door.address();
        if (middle == rank) plan.listener = std::move(own.listener);
        plan.token = door.token;
        plan.patience = patience;
        plan.log = log;
        for (Connection& connection : make_star(std::move(plan))->take_connections())
            others.push_back({connection.peer + middle, std::move(connection.socket)});
    }
    // Nobody leaves before everybody is connected.
    std::int32_t done = 1;
    std::vector<std::int32_t> all(static_cast<std::size_t>(size));
    channel.exchange(&done, sizeof done, all.data());
    std::vector<Connection> lines = channel.take_connections();
    std::move(others.begin(), others.end(), std::back_inserter(lines));
    return lines;
}

} // namespace nc::jaccl
