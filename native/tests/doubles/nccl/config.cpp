#include "doubles/nccl/config.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "doubles/common/violation.h"
#include "doubles/nccl/variant.h"

namespace nc::doubles {
namespace {

// The size of ncclConfig_t in the header of a version.
struct HeaderSize {
    unsigned since;
    std::size_t size;
};
constexpr HeaderSize header_sizes[] = {{21400, 24}, {21700, 40}, {21800, 48}, {22700, 72},
                                       {22800, 80}, {22900, 88}, {23003, 96}};
constexpr unsigned with_traffic_class = 22600; // which fills what was padding before

std::size_t size_in_header(unsigned version) {
    std::size_t size = 0;
    for (const HeaderSize& header : header_sizes) {
        if (version >= header.since) size = header.size;
    }
    return size;
}

struct IntegerField {
    const char* name;
    std::size_t offset;
    unsigned since;
    int least;
    int most;
};
constexpr int any = 0x7fffffff;
constexpr IntegerField integer_fields[] = {
    {"blocking", offsetof(ncclConfig_t, blocking), 21400, 0, 1},
    {"cgaClusterSize", offsetof(ncclConfig_t, cgaClusterSize), 21700, 0, 8},
    {"minCTAs", offsetof(ncclConfig_t, minCTAs), 21700, 1, 64},
    {"maxCTAs", offsetof(ncclConfig_t, maxCTAs), 21700, 1, 64},
    {"splitShare", offsetof(ncclConfig_t, splitShare), 21800, 0, 1},
    {"trafficClass", offsetof(ncclConfig_t, trafficClass), with_traffic_class, 0, any},
    {"collnetEnable", offsetof(ncclConfig_t, collnetEnable), 22700, 0, 1},
    {"CTAPolicy", offsetof(ncclConfig_t, CTAPolicy), 22700, 0, any},
    {"shrinkShare", offsetof(ncclConfig_t, shrinkShare), 22700, 0, 1},
    {"nvlsCTAs", offsetof(ncclConfig_t, nvlsCTAs), 22700, 1, 64},
    {"nChannelsPerNetPeer", offsetof(ncclConfig_t, nChannelsPerNetPeer), 22800, 1, 1024},
    {"nvlinkCentricSched", offsetof(ncclConfig_t, nvlinkCentricSched), 22800, 0, 1},
    {"graphUsageMode", offsetof(ncclConfig_t, graphUsageMode), 22900, 0, 2},
    {"numRmaCtx", offsetof(ncclConfig_t, numRmaCtx), 22900, 1, any},
    {"maxP2pPeers", offsetof(ncclConfig_t, maxP2pPeers), 23003, 1, any},
    {"graphStreamOrdering", offsetof(ncclConfig_t, graphStreamOrdering), 23005, 0, 1},
};

unsigned library_version() {
    return static_cast<unsigned>(nccl_version);
}

// Wins over what callers set.
bool blocking_by_environment(bool otherwise) {
    const char* value = std::getenv("NCCL_COMM_BLOCKING");
    if (value == nullptr || (std::strcmp(value, "0") != 0 && std::strcmp(value, "1") != 0)) return otherwise;
    return value[0] == '1';
}

} // namespace

Config read_config(const ncclConfig_t* config, const Config& defaults) {
    if (config == nullptr) return {blocking_by_environment(defaults.blocking)};
    if (config->magic != nccl_config_magic)
        throw Violation(text("the magic number of ncclConfig_t is ", config->magic));
    const std::size_t expected = size_in_header(config->version);
    if (expected == 0) throw Violation(text("no header of version ", config->version, " has an ncclConfig_t"));
    if (config->size != expected)
        throw Violation(text("ncclConfig_t has ", config->size, " bytes, but in the header of version ",
                             config->version, " it has ", expected));

    // The library reads no more than it knows, and no more than the caller has.
    ncclConfig_t known{};
    std::memcpy(&known, config, std::min(config->size, size_in_header(library_version())));
    for (const IntegerField& field : integer_fields) {
        if (field.since > config->version || field.since > library_version()) continue;
        int value = 0;
        std::memcpy(&value, reinterpret_cast<const std::byte*>(&known) + field.offset, sizeof value);
        if (value != nccl_undefined && (value < field.least || value > field.most))
            throw Violation(text("ncclConfig_t.", field.name, " is ", value,
                                 ": it was set to no value that NCCL knows, nor to the undefined one"));
    }
    return {blocking_by_environment(known.blocking == nccl_undefined ? defaults.blocking : known.blocking != 0)};
}

} // namespace nc::doubles
