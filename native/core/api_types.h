// What the ABI's opaque handles are.
#pragma once

#include <memory>

namespace nc {
class Group;
class Work;
} // namespace nc

struct nc_group {
    std::shared_ptr<nc::Group> group;
};

struct nc_work {
    std::shared_ptr<nc::Group> group;
    std::shared_ptr<nc::Work> work;
};
