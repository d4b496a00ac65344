// How the ranks of a communicator connect: every rank listens under a name of its own in Linux's abstract namespace,
// and calls those before it.
#pragma once

#include <functional>
#include <vector>

#include "doubles/nccl/unique_id.h"
#include "os/socket.h"

namespace nc::doubles {

// Was told to stop while it waited.
struct Stopped {};

// The connections to all ranks; that to oneself is closed. wake is a descriptor that becomes readable when stopped()
// has to be asked, at which Stopped is thrown. Throws NcclError if the ranks do not fit together or one of them dies
// meanwhile.
std::vector<Descriptor> form_mesh(const Identity& identity, int size, int rank, int wake,
                                  const std::function<bool()>& stopped);

} // namespace nc::doubles
