#include "softverbs/provider.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "softverbs/configuration.h"
#include "softverbs/delivery.h"
#include "softverbs/fabric.h"

namespace nc::softverbs {
namespace {

// What an event is about, where it is not about a wire.
enum Source : std::uint64_t { waker_source = 1, timer_source, listener_source };

// How long what could not be sent yet is waited for at the end.
constexpr auto patience_at_end = std::chrono::milliseconds(200);

// How long the thread leaves the wires to somebody who polls.
constexpr auto time_for_pollers = std::chrono::milliseconds(1);

void close(int& descriptor) {
    if (descriptor >= 0) ::close(descriptor);
    descriptor = -1;
}

void watch(int poller, int descriptor, Source source) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = source;
    ::epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
    return address;
}

} // namespace

// The folder's own path may be longer than a socket's may be.
std::string Provider::socket_path(int process) const {
    return "/proc/self/fd/" + std::to_string(folder_) + "/process-" + std::to_string(process);
}

// The lock goes with the process, however that ends.
int Provider::claim_number() {
    const std::string& folder = Configuration::instance().fabric();
    ::mkdir(folder.c_str(), 0777);
    folder_ = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder_ < 0) return errno;
    for (int process = 1; process < static_cast<int>(process_limit); ++process) {
        claim_ = ::openat(folder_, ("process-" + std::to_string(process) + ".lock").c_str(),
                          O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (claim_ < 0) return errno;
        if (::flock(claim_, LOCK_EX | LOCK_NB) == 0) {
            process_ = process;
            return 0;
        }
        softverbs::close(claim_);
    }
    return EMFILE;
}

int Provider::listen() {
    listener_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener_ < 0) return errno;
    const std::string path = socket_path(process_);
    ::unlink(path.c_str());
    const sockaddr_un address = address_of(path);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, SOMAXCONN) != 0)
        return errno;
    watch(poller_, listener_, listener_source);
    return 0;
}

int Provider::start() {
    poller_ = ::epoll_create1(EPOLL_CLOEXEC);
    waker_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int error = poller_ < 0 || waker_ < 0 || timer_ < 0 ? errno : 0;
    if (error == 0) {
        watch(poller_, waker_, waker_source);
        watch(poller_, timer_, timer_source);
    }
    process_ = 0;
    if (!Configuration::instance().fabric().empty()) {
        // Others read our messages where they lie.
        ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
        if (error == 0) error = claim_number();
        if (error == 0) error = listen();
    }
    if (error != 0) {
        std::fprintf(stderr, "softverbs: no place on the fabric '%s': %s\n", Configuration::instance().fabric().c_str(),
                     std::strerror(error));
        release();
        return error;
    }
    stopping_ = false;
    thread_ = std::thread([this] { run(); });
    return 0;
}

void Provider::stop() {
    {
        const Lock lock(Fabric::instance().mutex);
        stopping_ = true;
        give_up_ = Clock::now() + patience_at_end;
    }
    wake();
    thread_.join();
    const Lock lock(Fabric::instance().mutex);
    release();
}

void Provider::release() {
    tasks_.clear();
    outgoing_.clear();
    wires_.clear();
    has_wires_ = false;
    if (listener_ >= 0) ::unlink(socket_path(process_).c_str());
    for (int* descriptor : {&listener_, &claim_, &folder_, &poller_, &waker_, &timer_}) softverbs::close(*descriptor);
}

void Provider::schedule(Clock::time_point time, Task task) {
    const bool first = tasks_.empty() || time < tasks_.begin()->first;
    tasks_.emplace(time, std::move(task));
    if (first) set_timer();
}

void Provider::set_timer() {
    itimerspec when{};
    if (!tasks_.empty()) {
        const auto time = std::max<std::int64_t>(
            1, std::chrono::duration_cast<std::chrono::nanoseconds>(tasks_.begin()->first.time_since_epoch()).count());
        when.it_value.tv_sec = time / 1'000'000'000;
        when.it_value.tv_nsec = time % 1'000'000'000;
    }
    ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

std::shared_ptr<Wire> Provider::wire_to(int process) {
    if (const auto found = outgoing_.find(process); found != outgoing_.end()) return found->second;
    if (folder_ < 0 || process == 0) return nullptr;
    int socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (socket < 0) return nullptr;
    const sockaddr_un address = address_of(socket_path(process));
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        softverbs::close(socket);
        return nullptr;
    }
    const std::uint64_t id = next_wire_++;
    auto wire = std::make_shared<Wire>(socket, poller_, id, process);
    wires_.emplace(id, wire);
    has_wires_ = true;
    outgoing_.emplace(process, wire);
    return wire;
}

std::shared_ptr<Wire> Provider::send(int process, const Frame& frame) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto wire = wire_to(process);
        if (wire == nullptr) return nullptr;
        wire->send(frame);
        if (!wire->broken()) return wire;
        // The process has left the fabric, which nobody has read yet. It may be back.
        outgoing_.erase(process);
    }
    return nullptr;
}

void Provider::accept_all() {
    for (;;) {
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) return;
        const Lock lock(Fabric::instance().mutex);
        const std::uint64_t id = next_wire_++;
        wires_.emplace(id, std::make_shared<Wire>(socket, poller_, id, -1));
        has_wires_ = true;
    }
}

void Provider::read(const std::shared_ptr<Wire>& wire) {
    Frame frame;
    std::size_t data_bytes = 0;
    bool ended = false;
    while (wire->receive(frame, buffer_, data_bytes, ended)) {
        Lock lock(Fabric::instance().mutex);
        received(wire, frame, std::span(buffer_).first(data_bytes), lock);
    }
    if (!ended) return;
    Lock lock(Fabric::instance().mutex);
    ::epoll_ctl(poller_, EPOLL_CTL_DEL, wire->socket(), nullptr);
    wires_.erase(wire->id());
    if (wire->peer() < 0) {
        sender_gone(wire, lock);
    } else {
        if (const auto found = outgoing_.find(wire->peer()); found != outgoing_.end() && found->second == wire)
            outgoing_.erase(found);
        receiver_gone(wire->peer(), lock);
    }
}

void Provider::run_due() {
    Lock lock(Fabric::instance().mutex);
    while (!tasks_.empty() && tasks_.begin()->first <= Clock::now()) {
        const Task task = std::move(tasks_.begin()->second);
        tasks_.erase(tasks_.begin());
        task(lock);
    }
    set_timer();
}

bool Provider::drained() const {
    for (const auto& [id, wire] : wires_) {
        if (wire->has_kept()) return false;
    }
    return true;
}

void Provider::handle(const epoll_event& event) {
    if (event.data.u64 == waker_source || event.data.u64 == timer_source) {
        std::uint64_t value = 0;
        if (::read(event.data.u64 == waker_source ? waker_ : timer_, &value, sizeof value) == sizeof value) run_due();
        return;
    }
    if (event.data.u64 == listener_source) {
        accept_all();
        return;
    }
    std::shared_ptr<Wire> wire;
    {
        const Lock lock(Fabric::instance().mutex);
        const auto found = wires_.find(event.data.u64);
        if (found == wires_.end()) return;
        wire = found->second;
        if ((event.events & EPOLLOUT) != 0) wire->send_kept();
    }
    if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read(wire);
}

void Provider::take_over(bool goes_on_polling) {
    if (!has_wires_) return;
    if (goes_on_polling) last_poll_ = Clock::now().time_since_epoch().count();
    const std::unique_lock handling(handling_, std::try_to_lock);
    if (!handling) return;
    std::array<epoll_event, 4> events{};
    const int count = ::epoll_wait(poller_, events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        // The waker is for the thread alone.
        if (events[static_cast<std::size_t>(i)].data.u64 != waker_source) handle(events[static_cast<std::size_t>(i)]);
    }
}

void Provider::attend() {
    last_poll_ = 0;
    if (left_to_pollers_) wake();
}

void Provider::wake() {
    const std::uint64_t one = 1;
    if (::write(waker_, &one, sizeof one) != sizeof one)
        std::fprintf(stderr, "softverbs: the provider's thread cannot be woken\n");
}

bool Provider::polled_lately() const {
    return Clock::now().time_since_epoch() - Clock::duration(last_poll_) < time_for_pollers;
}

// A thread that is woken for what a poller takes anyway only costs processor time.
void Provider::leave_to_pollers() {
    left_to_pollers_ = true;
    while (polled_lately()) {
        std::array<pollfd, 2> descriptors{{{waker_, POLLIN, 0}, {timer_, POLLIN, 0}}};
        if (::poll(descriptors.data(), descriptors.size(), static_cast<int>(time_for_pollers.count())) != 0) break;
    }
    left_to_pollers_ = false;
}

void Provider::run() {
    std::array<epoll_event, 16> events{};
    bool stopping = false;
    for (;;) {
        leave_to_pollers();
        const int count = ::epoll_wait(poller_, events.data(), static_cast<int>(events.size()), stopping ? 10 : -1);
        {
            const std::lock_guard handling(handling_);
            for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)]);
        }
        const Lock lock(Fabric::instance().mutex);
        stopping = stopping_;
        if (stopping && (drained() || Clock::now() >= give_up_)) return;
    }
}

} // namespace nc::softverbs
