#include "nccl/pinned_copies.h"

#include <algorithm>
#include <cstring>

namespace nc::nccl {
namespace {

constexpr std::size_t copied_at_once = std::size_t{1} << 20;

} // namespace

template <class Copy>
void PinnedCopies::in_pieces(std::size_t bytes, CudaStream stream, Await await, Copy&& copy) {
    if (bytes == 0) return;
    if (pinned_ == nullptr) pinned_ = std::make_unique<PinnedMemory>(device_, copied_at_once);
    const std::shared_ptr<Event> copied = events_.take();
    for (std::size_t done = 0; done < bytes; done += copied_at_once) {
        copy(pinned_->get(), done, std::min(bytes - done, copied_at_once), [&] {
            copied->record(stream);
            await(*copied);
        });
    }
    events_.give_back(copied);
}

void PinnedCopies::to_host(std::byte* to, const std::byte* from, std::size_t bytes, CudaStream stream, Await await) {
    in_pieces(bytes, stream, await, [&](std::byte* pinned, std::size_t at, std::size_t length, auto&& await_copy) {
        device_.cuda().check(device_.api().MemcpyDtoHAsync(pinned, device_address(from + at), length, stream),
                             "cuMemcpyDtoHAsync");
        await_copy();
        std::memcpy(to + at, pinned, length);
    });
}

void PinnedCopies::to_device(std::byte* to, const std::byte* from, std::size_t bytes, CudaStream stream, Await await) {
    in_pieces(bytes, stream, await, [&](std::byte* pinned, std::size_t at, std::size_t length, auto&& await_copy) {
        std::memcpy(pinned, from + at, length);
        device_.cuda().check(device_.api().MemcpyHtoDAsync(device_address(to + at), pinned, length, stream),
                             "cuMemcpyHtoDAsync");
        await_copy();
    });
}

} // namespace nc::nccl
