#include "jaccl/endpoint.h"

#include "jaccl/star.h"
#include "os/random.h"

namespace nc::jaccl {

OwnEndpoint open_endpoint(Address host, const std::string& source) {
    OwnEndpoint own;
    try {
        fill_random(own.endpoint.token);
        host.set_port(0);
        own.listener = listen_for_ranks(host, source);
        const Address address = Address::local(own.listener.get());
        own.endpoint.is_open = 1;
        own.endpoint.address_bytes = static_cast<std::int32_t>(address.length());
        own.endpoint.storage = address.storage();
    } catch (const Error& error) {
        own.failure = error;
    }
    return own;
}

} // namespace nc::jaccl
