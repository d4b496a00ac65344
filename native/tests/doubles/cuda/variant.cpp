#include "doubles/cuda/variant.h"

namespace nc::doubles {

const bool has_driver = NC_DOUBLE_HAS_DRIVER;
const bool has_devices = NC_DOUBLE_HAS_DEVICES;

} // namespace nc::doubles
