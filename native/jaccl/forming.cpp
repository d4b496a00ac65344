#include "jaccl/forming.h"

#include <algorithm>

#include "operation/blocks.h"

namespace nc::jaccl {
namespace {

class Forming {
public:
    Forming(const VerbsLibrary& verbs, const DeviceMatrix& matrix, int rank, Topology topology,
            const Settings& settings, SideChannel& channel)
        : verbs_(verbs),
          matrix_(matrix),
          rank_(rank),
          size_(matrix.size()),
          settings_(settings),
          channel_(channel),
          mark_(mark_of(topology, settings.frames, settings.queue_pairs)) {
        fabric_.topology = topology;
    }

    Fabric run() {
        if (fabric_.topology == Topology::Mesh) {
            connect_mesh();
        } else {
            connect_ring();
        }
        // Nobody sends before everybody can receive.
        for (int i = 0; i < 2; ++i) (void)gather<std::int32_t>({0});
        return std::move(fabric_);
    }

private:
    void connect_mesh() {
        for (int peer = 0; peer < size_; ++peer) {
            if (peer != rank_) (void)open(matrix_.at(rank_, peer).front());
        }
        fabric_.shared = std::make_unique<SharedFrames>(fabric_.devices, settings_.frames);
        for (int peer = 0; peer < size_; ++peer) {
            if (peer != rank_) add_link(matrix_.at(rank_, peer).front(), peer, peer, peer);
        }
        initialize();
        std::vector<Destination> own(static_cast<std::size_t>(size_));
        own[static_cast<std::size_t>(rank_)].lid = -1;
        for (const auto& link : fabric_.links) own[static_cast<std::size_t>(link->peer())] = link->destination(mark_);
        const std::vector<Destination> all = gather_list(own);
        for (const auto& link : fabric_.links)
            connect(*link, all[static_cast<std::size_t>(link->peer() * size_ + rank_)]);
    }

    void connect_ring() {
        fabric_.wires = matrix_.wires();
        const auto wires = static_cast<std::size_t>(fabric_.wires);
        const int left = wrap(rank_ - 1, size_);
        const int right = wrap(rank_ + 1, size_);
        // Data of direction 0 comes from the left and goes to the right, that of direction 1 the other way.
        for (const std::string& name : matrix_.at(rank_, left)) add_link(name, left, 1, 0);
        for (const std::string& name : matrix_.at(rank_, right)) add_link(name, right, 0, 1);
        initialize();
        const auto destinations = [&](std::size_t first) {
            std::vector<Destination> records;
            for (std::size_t i = first; i < first + wires; ++i) records.push_back(fabric_.links[i]->destination(mark_));
            return records;
        };
        const std::vector<Destination> lefts = gather_list(destinations(0));
        const std::vector<Destination> rights = gather_list(destinations(wires));
        for (std::size_t i = 0; i < wires; ++i)
            connect(*fabric_.links[i], rights[static_cast<std::size_t>(left) * wires + i]);
        for (std::size_t i = 0; i < wires; ++i)
            connect(*fabric_.links[wires + i], lefts[static_cast<std::size_t>(right) * wires + i]);
    }

    const Device& open(const std::string& name) {
        for (const auto& device : fabric_.devices) {
            if (device->name() == name) return *device;
        }
        fabric_.devices.push_back(std::make_unique<Device>(verbs_, name, settings_.gid_index));
        return *fabric_.devices.back();
    }

    void add_link(const std::string& device, int peer, int send_tag, int receive_tag) {
        fabric_.links.push_back(
            std::make_unique<Link>(open(device), peer, send_tag, receive_tag, settings_, fabric_.shared.get()));
    }

    void initialize() {
        for (const auto& link : fabric_.links) link->initialize();
    }

    void connect(Link& link, const Destination& peer) const {
        check_mark(mark_, peer.mark, link.peer());
        check_ports(link.device().traits(), port_of(peer.mark), link.device().name(), link.peer());
        link.connect(peer);
    }

    template <class T>
    std::vector<T> gather(const std::vector<T>& own) {
        std::vector<T> all(own.size() * static_cast<std::size_t>(size_));
        channel_.exchange(own.data(), own.size() * sizeof(T), all.data());
        return all;
    }

    // Lists are announced by their lengths, which here must be the same everywhere.
    std::vector<Destination> gather_list(const std::vector<Destination>& own) {
        const auto length = static_cast<std::int32_t>(own.size());
        const std::vector<std::int32_t> lengths = gather<std::int32_t>({length});
        for (int peer = 0; peer < size_; ++peer) {
            const std::int32_t theirs = lengths[static_cast<std::size_t>(peer)];
            if (theirs != length)
                throw Error(
                    NC_RENDEZVOUS_FAILED,
                    text(matrix_.source(), ": rank ", rank_, " of ", size_, ", in a ", topology_name(fabric_.topology),
                         ", has ", length, " connections to describe, but rank ", peer, " has ", theirs,
                         "; all ranks need the same device matrix and the same preference for the ring"),
                    peer);
        }
        std::vector<Destination> all = gather(own);
        // A mesh's list has one entry that says nothing, the own.
        fabric_.is_ours.resize(static_cast<std::size_t>(size_));
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (is_ours(all[i].mark)) fabric_.is_ours[i / own.size()] = true;
        }
        return all;
    }

    const VerbsLibrary& verbs_;
    const DeviceMatrix& matrix_;
    const int rank_;
    const int size_;
    const Settings& settings_;
    SideChannel& channel_;
    const Mark mark_;
    Fabric fabric_;
};

} // namespace

Fabric connect_ranks(const VerbsLibrary& verbs, const DeviceMatrix& matrix, int rank, Topology topology,
                     const Settings& settings, SideChannel& channel, const Log& log) {
    const Deadline begin = Clock::now();
    Fabric fabric = Forming(verbs, matrix, rank, topology, settings, channel).run();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
    std::string devices;
    for (const auto& device : fabric.devices) devices += (devices.empty() ? "" : ", ") + device->name();
    log.write(NC_LOG_INFORMATION, "[jaccl] rank ", rank, " of ", matrix.size(), ": ", topology_name(topology), " of ",
              fabric.links.size(), " connections on ", devices, " (", verbs.path(), "), connected in ", took, " ms");
    return fabric;
}

} // namespace nc::jaccl
