#include "doubles/nccl/variant.h"

namespace nc::doubles {

const int nccl_version = NC_DOUBLE_NCCL_VERSION;

} // namespace nc::doubles
