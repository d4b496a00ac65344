#include "base/cancellation.h"
#include "base/error.h"
#include "jaccl/side_channel.h"

namespace nc::jaccl {
namespace {

class CustomChannel final : public SideChannel {
public:
    CustomChannel(const nc_backend_options& options, int size, Deadline deadline)
        : options_(options), size_(size), deadline_(deadline) {}

    void exchange(const void* own, std::size_t bytes, void* all) override {
        Cancellation(options_.cancel).check();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
        nc_error error = empty_error();
        const nc_status status = options_.side_channel(options_.side_channel_context, options_.rank, size_, own, bytes,
                                                       all, std::max<std::int64_t>(left, 1), &error);
        if (status != NC_OK)
            throw Error(status, error.message[0] != '\0' ? error.message : "the side channel failed without a reason",
                        error.peer, error.system_error);
    }

private:
    const nc_backend_options options_;
    const int size_;
    const Deadline deadline_;
};

} // namespace

std::unique_ptr<SideChannel> make_custom_channel(const nc_backend_options& options, int size, Deadline deadline) {
    return std::make_unique<CustomChannel>(options, size, deadline);
}

} // namespace nc::jaccl
