// Ranks of a jaccl group as threads, over verbs in software, one of which lies: in what it tells while the group is
// formed, or in its frames.
#pragma once

#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "fuzz_operations.h"
#include "jaccl/jaccl_group.h"
#include "jaccl/lifelines.h"
#include "jaccl/star.h"
#include "local_jaccl_ranks.h"
#include "lying_endpoint.h"
#include "raw_peer.h"
#include "softverbs/opened.h"

namespace nc::test {

// Where ranks meet to form a group. What the liar says in one of the exchanges reaches the others changed.
class LyingMeeting {
public:
    LyingMeeting(int ranks, int liar, int exchange, Lie lie)
        : ranks_(ranks), liar_(liar), lied_in_(exchange), lie_(std::move(lie)) {}

    std::unique_ptr<jaccl::SideChannel> channel(int rank, std::optional<Address> own_address = std::nullopt) {
        return std::make_unique<Channel>(*this, rank, own_address);
    }
    // Somebody has failed: nobody else comes.
    void give_up(int rank) {
        const std::lock_guard lock(mutex_);
        if (gone_ < 0) gone_ = rank;
        changed_.notify_all();
    }
    bool is_told() const { return is_told_; }

private:
    struct Round {
        std::vector<std::byte> table;
        int given = 0;
    };

    class Channel final : public jaccl::SideChannel {
    public:
        Channel(LyingMeeting& meeting, int rank, std::optional<Address> own_address)
            : meeting_(meeting), rank_(rank), own_address_(own_address) {}
        void exchange(const void* own, std::size_t bytes, void* all) override {
            meeting_.exchange(rank_, number_++, own, bytes, all);
        }
        std::optional<Address> own_address() const override { return own_address_; }

    private:
        LyingMeeting& meeting_;
        const int rank_;
        const std::optional<Address> own_address_;
        int number_ = 0;
    };

    void exchange(int rank, int number, const void* own, std::size_t bytes, void* all) {
        std::unique_lock lock(mutex_);
        Round& round = rounds_[number];
        if (round.given == 0) round.table.resize(bytes * index(ranks_));
        // Ranks that disagree about what they exchange would read each other's words wrongly over a connection too,
        // which this is not about.
        if (round.table.size() != bytes * index(ranks_)) {
            gone_ = gone_ < 0 ? rank : gone_;
            changed_.notify_all();
            throw Error(NC_RENDEZVOUS_FAILED, text("rank ", liar_, " speaks of something else"), liar_);
        }
        std::memcpy(round.table.data() + index(rank) * bytes, own, bytes);
        if (++round.given == ranks_) changed_.notify_all();
        if (!changed_.wait_until(lock, deadline_after(ample_ms), [&] { return round.given == ranks_ || gone_ >= 0; }) ||
            round.given < ranks_)
            throw Error(NC_RENDEZVOUS_FAILED, text("rank ", gone_, " gave up"), gone_);
        std::memcpy(all, round.table.data(), round.table.size());
        if (rank != liar_ && number == lied_in_)
            is_told_ |= lie_.change(0, static_cast<std::byte*>(all) + index(liar_) * bytes, bytes);
    }

    const int ranks_;
    const int liar_;
    const int lied_in_;
    const Lie lie_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<int, Round> rounds_;
    int gone_ = -1;
    bool is_told_ = false;
};

// What the frames that leave by a device's queue pairs are changed to, and the completions that come by it.
class LyingDevice {
public:
    using Change = std::function<void(int message, jaccl::verbs::SendRequest& request)>;
    using Completed = std::function<void(jaccl::verbs::WorkCompletion& completion)>;

    // message: counted on each queue pair.
    LyingDevice(jaccl::verbs::Context* context, Change change, Completed completed = {})
        : context_(context), change_(std::move(change)), completed_(std::move(completed)), truth_(context->ops) {
        {
            const std::lock_guard lock(mutex());
            liars()[context] = this;
        }
        if (change_) context->ops.post_send = &LyingDevice::post_send;
        if (completed_) context->ops.poll_cq = &LyingDevice::poll;
    }
    ~LyingDevice() {
        context_->ops = truth_;
        const std::lock_guard lock(mutex());
        liars().erase(context_);
    }
    LyingDevice(const LyingDevice&) = delete;

private:
    static std::mutex& mutex() {
        static std::mutex made;
        return made;
    }
    static std::map<jaccl::verbs::Context*, LyingDevice*>& liars() {
        static std::map<jaccl::verbs::Context*, LyingDevice*> made;
        return made;
    }
    static LyingDevice& of(jaccl::verbs::Context* context) {
        const std::lock_guard lock(mutex());
        return *liars().at(context);
    }
    static int post_send(jaccl::verbs::QueuePair* pair, jaccl::verbs::SendRequest* request,
                         jaccl::verbs::SendRequest** bad) {
        LyingDevice& liar = of(pair->context);
        liar.change_(liar.sent_[pair]++, *request);
        return liar.truth_.post_send(pair, request, bad);
    }
    static int poll(jaccl::verbs::CompletionQueue* queue, int entries, jaccl::verbs::WorkCompletion* completions) {
        LyingDevice& liar = of(queue->context);
        const int count = liar.truth_.poll_cq(queue, entries, completions);
        for (int i = 0; i < count; ++i) liar.completed_(completions[i]);
        return count;
    }

    jaccl::verbs::Context* const context_;
    const Change change_;
    const Completed completed_;
    const jaccl::verbs::ContextOperations truth_;
    std::map<jaccl::verbs::QueuePair*, int> sent_;
};

inline jaccl::Settings settings_of(const Shape& shape,
                                   jaccl::QueuePairType queue_pairs = jaccl::QueuePairType::Unreliable) {
    jaccl::Settings settings{};
    settings.library = verbs_library_path();
    settings.prefer_ring = shape.ring;
    settings.queue_pairs = queue_pairs;
    return settings;
}

// Ranks that are joined by lifelines, each by one connection with each other.
class LyingJaccl {
public:
    explicit LyingJaccl(const Shape& shape, int liar)
        : liar_(liar), losses_(index(shape.ranks)), groups_(index(shape.ranks)) {
        std::vector<std::vector<jaccl::Connection>> lifelines(groups_.size());
        const Descriptor listener = listen_on(loopback(0), 8);
        for (int rank = 0; rank < shape.ranks; ++rank) {
            for (int peer = rank + 1; peer < shape.ranks; ++peer) {
                Descriptor opened = connect_to(Address::local(listener.get()));
                Descriptor accepted = accept_one(listener);
                if (rank == liar) lines_of_liar_.emplace_back(::dup(opened.get()));
                if (peer == liar) lines_of_liar_.emplace_back(::dup(accepted.get()));
                lifelines[index(rank)].push_back({peer, std::move(opened), true});
                lifelines[index(peer)].push_back({rank, std::move(accepted), true});
            }
        }
        LyingMeeting meeting(shape.ranks, -1, -1, {});
        on_all_ranks(shape.ranks, [&](int rank) {
            const auto settings = settings_of(shape);
            const auto matrix = jaccl::DeviceMatrix::parse(matrix_json(shape), "the matrix");
            const auto channel = meeting.channel(rank);
            jaccl::Fabric fabric =
                jaccl::connect_ranks(jaccl::VerbsLibrary::load(settings.library), matrix, rank,
                                     matrix.choose(shape.ring), settings, *channel, Log(nullptr, nullptr));
            nc_backend_options options{};
            losses_[index(rank)] = std::make_unique<Loss>();
            losses_[index(rank)]->listen(options);
            groups_[index(rank)] = std::make_unique<jaccl::JacclGroup>(rank, matrix, settings, std::move(fabric),
                                                                       std::move(lifelines[index(rank)]), options);
        });
    }
    ~LyingJaccl() {
        for (const auto& group : groups_) {
            if (group != nullptr) group->abort();
        }
    }

    jaccl::JacclGroup& operator[](int rank) { return *groups_[index(rank)]; }
    // Its ends of them, to say more than it would.
    const std::vector<Descriptor>& lines_of_liar() const { return lines_of_liar_; }
    void take_loss(int rank, nc_error& error) { losses_[index(rank)]->take(error); }
    Ends run(const std::function<void(int, jaccl::JacclGroup&)>& body) {
        return run_beside_liar(groups_, losses_, liar_, body);
    }

private:
    const int liar_;
    std::vector<Descriptor> lines_of_liar_;
    std::vector<std::unique_ptr<Loss>> losses_; // what the groups report to
    std::vector<std::unique_ptr<jaccl::JacclGroup>> groups_;
};

} // namespace nc::test
