// Files that configure a group: a hostfile, a device file. What is named to be read may be anything, so that reading is
// bounded in bytes and in time.
#pragma once

#include <cstddef>
#include <string>

#include "base/cancellation.h"
#include "base/clock.h"

namespace nc {

// No file that configures a group is larger: 16 MiB are some 800 000 addresses.
constexpr std::size_t most_file_bytes = std::size_t{16} << 20;

// The bytes of a file, or of a pipe up to its end. name is what messages call it: "the hostfile /tmp/hosts.json". A
// pipe that ends without a byte is an error: whoever was to write it has failed. Folders, sockets and devices (except
// /dev/null, which is empty) are refused. Throws Error: NC_RENDEZVOUS_FAILED, which names the file and says why;
// NC_CANCELLED.
std::string read_small_file(const std::string& path, const std::string& name, Deadline deadline,
                            const Cancellation& cancellation);

} // namespace nc
