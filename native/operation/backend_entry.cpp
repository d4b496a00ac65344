// What a backend's library exports: its table, which is nc::NC_BACKEND::backend.
#include "operation/backend.h"

namespace nc::NC_BACKEND {
extern const nc_backend backend;
}

extern "C" NC_API const nc_backend* nc_backend_entry(void);
const nc_backend* nc_backend_entry(void) {
    return &nc::NC_BACKEND::backend;
}
