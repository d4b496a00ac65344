#include "jaccl/contact.h"

#include "jaccl/star.h"
#include "os/random.h"

namespace nc::jaccl {

OwnContact open_contact(Address host, const std::string& source) {
    OwnContact own;
    try {
        fill_random(own.contact.token);
        host.set_port(0);
        own.listener = listen_for_ranks(host, source);
        const Address address = Address::local(own.listener.get());
        own.contact.is_open = 1;
        own.contact.address_bytes = static_cast<std::int32_t>(address.length());
        own.contact.storage = address.storage();
    } catch (const Error& error) {
        own.failure = error;
    }
    return own;
}

} // namespace nc::jaccl
