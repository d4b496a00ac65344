// A function object that somebody else keeps.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace nc {

template <class Signature>
class FunctionRef;

template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
public:
    FunctionRef() = default;
    FunctionRef(std::nullptr_t) {}
    // of must outlive this.
    template <class Function>
    requires(!std::same_as<std::remove_const_t<Function>, FunctionRef>) FunctionRef(Function& of)
        : object_(const_cast<void*>(static_cast<const void*>(&of))), call_([](void* object, Arguments... arguments) {
              return (*static_cast<Function*>(object))(std::forward<Arguments>(arguments)...);
          }) {}

    explicit operator bool() const { return call_ != nullptr; }
    Result operator()(Arguments... arguments) const { return call_(object_, std::forward<Arguments>(arguments)...); }

private:
    void* object_ = nullptr;
    Result (*call_)(void* object, Arguments... arguments) = nullptr;
};

} // namespace nc
