// What one thread wakes another by that waits for descriptors.
#pragma once

#include "os/descriptor.h"

namespace nc {

// A descriptor that stays readable once another thread has raised it.
class Wakeup {
public:
    // Throws Error(NC_SYSTEM_ERROR).
    Wakeup();
    void raise();
    int descriptor() const { return reading_.get(); }

private:
    Descriptor reading_;
    Descriptor writing_;
};

} // namespace nc
