// Combining what all ranks contribute in the order of their ranks, so that every rank that does so gets the same.
// Source: jaccl-wire.md, sections 7 and 8.1.
#pragma once

#include "jaccl/operation.h"

namespace nc::jaccl::mesh {

// Part of an exchange: receives everybody's contribution, message by message.
class RankOrder {
public:
    // Of so many bytes in messages of elements_bytes each; output may be input.
    RankOrder(const Operation& operation, const std::byte* input, std::byte* output, std::size_t bytes,
              std::size_t message_bytes);

    // Adds its receives. own: what this rank sends of its input meanwhile, which may lie in the output; or null.
    void receive_in(Exchange& exchange, const Outgoing* own);

private:
    void proceed();
    // Takes in the contribution of the next rank to the current message, if it is there.
    bool take_next();

    const Operation& operation_;
    const std::byte* const input_;
    std::byte* const output_;
    const std::size_t bytes_;
    const std::size_t message_bytes_;
    Exchange* exchange_ = nullptr;
    const Outgoing* own_ = nullptr;
    ScratchVector<Incoming*> incoming_; // by rank; null for the own
    std::size_t message_ = 0;
    int next_ = 0;
};

} // namespace nc::jaccl::mesh
