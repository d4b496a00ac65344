// One object for each thread that asks for it, which ends with the thread.
//
// In place of thread_local: in a library that is opened at run time the storage of that is freed by whichever thread
// comes next, behind ThreadSanitizer's back.
#pragma once

#include <pthread.h>

#include <stdexcept>

namespace nc::doubles {

// Lives as long as the process.
template <class Object>
class ThreadOwned {
public:
    ThreadOwned() {
        if (::pthread_key_create(&key_, [](void* object) { delete static_cast<Object*>(object); }) != 0)
            throw std::runtime_error("pthread_key_create");
    }
    ThreadOwned(const ThreadOwned&) = delete;
    ThreadOwned& operator=(const ThreadOwned&) = delete;

    Object& get() const {
        auto* object = static_cast<Object*>(::pthread_getspecific(key_));
        if (object == nullptr) {
            object = new Object;
            ::pthread_setspecific(key_, object);
        }
        return *object;
    }

private:
    pthread_key_t key_{};
};

} // namespace nc::doubles
