// Send and receive: how a message is cut, and what moves it. Sources: jaccl-wire.md, sections 8.4 (mesh) and 9.3
// (ring).
#pragma once

#include "jaccl/operation.h"

namespace nc::jaccl {

// What goes over one connection, in messages of a frame each.
struct MessagePart {
    Link* link;
    std::size_t frame;
    Range bytes;
};

// Of a send or a receive: in a mesh over one connection, in a ring over one for each wire.
ScratchVector<MessagePart> message_parts(const JacclGroup& group, const nc_request& message, Scratch& scratch);

// Adds it to an exchange of messages of the part's frame.
void add_part(Exchange& exchange, const MessagePart& part, const nc_request& message);

// Throws Error(NC_NOT_SUPPORTED) if the group cannot carry out such a request.
void require_supported(const JacclGroup& group, const nc_request& request);

// The schedule of both.
void move_message(const Operation& operation);

} // namespace nc::jaccl
