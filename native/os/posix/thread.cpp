#include "os/thread.h"

#include <pthread.h>
#include <signal.h>

namespace nc {
namespace {

// All signals but those that a thread raises itself, that profilers send, and the real-time ones: the .NET runtime
// interrupts threads that run managed code, such as a callback, by one of these.
sigset_t signals_of_the_process() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGCONT,
                             SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGVTALRM, SIGWINCH, SIGIO}) {
        sigaddset(&set, signal);
    }
    return set;
}

// A new thread begins with the signal mask of the one that starts it.
class SignalsBlocked {
public:
    SignalsBlocked() {
        const sigset_t blocked = signals_of_the_process();
        ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

void name_this_thread(const char* name) {
#ifdef __APPLE__
    ::pthread_setname_np(name);
#else
    ::pthread_setname_np(::pthread_self(), name);
#endif
}

} // namespace

std::thread start_thread(const char* name, std::function<void()> body) {
    const SignalsBlocked blocked;
    return std::thread([name, body = std::move(body)] {
        name_this_thread(name);
        body();
    });
}

} // namespace nc
