#include <cerrno>

#include "softverbs/configuration.h"
#include "softverbs/fabric.h"
#include "softverbs/faults.h"
#include "softverbs/record.h"
#include "softverbs/softverbs.h"
#include "softverbs/violation.h"

using namespace nc::softverbs;

#define NC_EXPORT __attribute__((visibility("default")))

namespace {

// The environment is read first, lest it replaces later what is set now.
Configuration& configuration() {
    Configuration& instance = Configuration::instance();
    instance.read_environment();
    return instance;
}

} // namespace

extern "C" {

NC_EXPORT int softverbs_set_faults(const char* rules) {
    configuration();
    return Faults::instance().replace(rules);
}

NC_EXPORT size_t softverbs_live_objects(void) {
    return Fabric::instance().live_objects;
}
NC_EXPORT size_t softverbs_violations(char* buffer, size_t size) {
    return Violations::instance().copy(buffer, size);
}
NC_EXPORT void softverbs_print_violations(int prints) {
    Violations::instance().print(prints != 0);
}

NC_EXPORT void softverbs_clear_violations(void) {
    Violations::instance().clear();
}

NC_EXPORT int softverbs_set_record(const char* path) {
    configuration();
    return Record::instance().open(path);
}

NC_EXPORT int softverbs_set_devices(const char* names) {
    return configuration().set_devices(names);
}
NC_EXPORT int softverbs_set_link_layer(const char* link_layer) {
    return configuration().set_link_layer(link_layer);
}

NC_EXPORT int softverbs_set_completion(const char* completion) {
    return configuration().set_completion(completion);
}
NC_EXPORT int softverbs_set_uc(const char* uc) {
    return configuration().set_uc(uc);
}
NC_EXPORT int softverbs_set_cables(const char* cables) {
    return configuration().set_cables(cables);
}
NC_EXPORT int softverbs_set_no_channel(const char* no_channel) {
    return configuration().set_no_channel(no_channel);
}
NC_EXPORT int softverbs_set_no_peer_memory(const char* no_peer_memory) {
    return configuration().set_no_peer_memory(no_peer_memory);
}
NC_EXPORT void softverbs_reset(void) {
    configuration().reset();
}

} // extern "C"
