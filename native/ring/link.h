// One connection to a neighbour: its channel, and bytes that were read before an operation asked for them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/error.h"
#include "net/channel.h"

namespace nc::ring {

class Link {
public:
    Link(std::unique_ptr<Channel> channel, int peer) : channel_(std::move(channel)), peer_(peer) {}

    int peer() const { return peer_; }
    Channel& channel() const { return *channel_; }

    Transfer read(void* buffer, std::size_t bytes);
    Transfer write(const iovec* parts, int count) { return channel_->write(parts, count); }

    // Reads what is waiting, so that a neighbour that sends before it receives can go on. Moved if there was something; an end or a failure is left for read().
    Transfer read_ahead();

    // Whether no more is read ahead.
    bool is_full() const;

    // The failure to report when the connection gave way. system_error is 0 if the connection has to be asked for the reason.
    Error lost(int system_error) const;

private:
    std::unique_ptr<Channel> channel_;
    int peer_;
    std::vector<std::byte> ahead_;
    std::size_t ahead_begin_ = 0;
};

} // namespace nc::ring
