#include "softverbs/token.h"

#include <deque>
#include <mutex>
#include <vector>

namespace nc::softverbs {
namespace {

struct Words {
    std::mutex mutex;
    std::deque<std::atomic<std::uint64_t>> all;
    std::vector<std::atomic<std::uint64_t>*> unused;

    static Words& instance() {
        static auto& words = *new Words;
        return words;
    }
};

} // namespace

void Token::validate(std::uint64_t id) {
    Words& words = Words::instance();
    const std::lock_guard lock(words.mutex);
    if (words.unused.empty()) words.unused.push_back(&words.all.emplace_back(0));
    word_ = words.unused.back();
    words.unused.pop_back();
    *word_ = id;
}

void Token::invalidate() {
    if (word_ == nullptr) return;
    *word_ = 0;
    Words& words = Words::instance();
    const std::lock_guard lock(words.mutex);
    words.unused.push_back(word_);
    word_ = nullptr;
}

} // namespace nc::softverbs
