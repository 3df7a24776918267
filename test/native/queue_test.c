/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue_test.c - the delivery queue against a simple model.
 *
 * Senders reserve, fill and publish by themselves here, in any order and with any pause. The model: the receiver
 * shows the packets of all published leases, lease after lease, and nothing of a lease that was taken away.
 */
#include <pthread.h>
#include <sched.h>

#include "port/port.h"
#include "world.h"

#define SENDERS 4u
#define LEASES  60000u /* in one run, at most */
#ifdef __SANITIZE_THREAD__
#define SCALE 5u
#else
#define SCALE 1u
#endif

struct log_entry {
    uint32_t first, n; /* numbers of its packets */
    bool published;
};

static struct nv_port *receiver, *sender[SENDERS];
static struct log_entry *leases; /* by sequence number - first_seq */
static uint32_t first_seq, next_number;
static uint32_t *shown, shown_count; /* numbers in the order they were received */
static uint64_t revoked;
static bool done;

static struct nv_queue *queue(void)
{
    return &receiver->rx[0].ctl->queue;
}

static void begin(uint32_t slots)
{
    const struct nv_open_options opt = {.rx_slots = slots};
    struct nv_error err = {0};
    char name[16];
    world_new();
    CHECK(nv_open("vale0:r", &opt, &receiver, &err) == 0, "%s", err.message);
    for (unsigned i = 0; i < SENDERS; i++) {
        snprintf(name, sizeof(name), "vale0:s%u", i);
        sender[i] = open_port(name);
    }
    leases = calloc(LEASES, sizeof(*leases));
    shown = calloc(LEASES * 16, sizeof(*shown));
    first_seq = queue()->head_seq;
    shown_count = 0;
    next_number = 0;
    revoked = 0;
    done = false;
}

/* A lease, and its buffers, which are noted before any is written: later they may be others. */
struct open_lease {
    struct nv_lease lease;
    uint32_t buf[16], filled;
};

static bool reserve(unsigned s, uint32_t want, struct open_lease *o)
{
    const struct nv_lease *lease = &o->lease;
    enum nv_reserve_result got =
        nv_queue_reserve(queue(), receiver->token, want, sender[s]->desc, sender[s]->generation, &o->lease);
    CHECK(got != NV_QUEUE_CLOSED && (got != NV_RESERVED || (lease->n >= 1 && lease->n <= want)));
    if (got != NV_RESERVED)
        return false;
    uint32_t at = lease->seq - first_seq;
    CHECK(at < LEASES && leases[at].n == 0, "lease %u was given twice", at);
    leases[at].first = __atomic_fetch_add(&next_number, lease->n, __ATOMIC_RELAXED);
    leases[at].n = lease->n;
    for (uint32_t i = 0; i < lease->n; i++)
        o->buf[i] = nv_queue_buffer(queue(), lease->pos + i);
    o->filled = 0;
    return true;
}

/* Fill positions up to `to` of the lease. */
static void fill(struct open_lease *o, uint32_t to)
{
    const struct nv_lease *lease = &o->lease;
    for (; o->filled < to; o->filled++) {
        uint32_t buf = o->buf[o->filled], number = leases[lease->seq - first_seq].first + o->filled;
        make_packet((uint8_t *)nv_region_buf(receiver->region, buf), 60, broadcast_mac, broadcast_mac, number);
        nv_queue_put(queue(), lease->pos + o->filled, nv_entry(buf, 1, false, 60, lease->seq));
    }
}

static void publish(const struct nv_lease *lease)
{
    bool published = nv_queue_publish(queue(), lease);
    leases[lease->seq - first_seq].published = published;
    if (!published)
        __atomic_fetch_add(&revoked, 1, __ATOMIC_RELAXED);
}

/* Receive up to `most` packets; false: something was torn. */
static bool receive(uint32_t most)
{
    if (nv_rxsync(receiver, 0) != 0)
        return false;
    for (int64_t number; most && (number = get_packet(receiver, 0, NULL)) != -2; most--) {
        if (number < 0 || shown_count == LEASES * 16)
            return false;
        shown[shown_count++] = (uint32_t)number;
    }
    return true;
}

/* Compare what was shown with the leases in their order. A whole lease may be missing when it was spoilt. */
static void compare(void)
{
    uint32_t at = 0, spoilt = 0;
    struct nv_port_stats s;
    for (uint32_t i = 0; i < LEASES && leases[i].n; i++) {
        const struct log_entry *l = &leases[i];
        if (l->published && at < shown_count && shown[at] == l->first)
            for (uint32_t n = 0; n < l->n; n++, at++)
                CHECK(at < shown_count && shown[at] == l->first + n, "lease %u is not whole", i);
        else if (l->published)
            spoilt += l->n;
    }
    nv_stats(receiver, &s);
    CHECK(at == shown_count, "%u of %u in order", at, shown_count);
    CHECK(spoilt == s.rx_drops[NV_DROP_STALE], "%u missing, %lu counted as stale", spoilt,
          (unsigned long)s.rx_drops[NV_DROP_STALE]);
    CHECK(s.rx_packets == shown_count);
}

static void end(void)
{
    compare();
    /* All buffers came back: the queue can be filled to the brim. */
    CHECK(nv_rxsync(receiver, 0) == 0);
    CHECK(nv_queue_space(queue()) == queue()->slots - 1, "%u", nv_queue_space(queue()));
    uint8_t *seen = calloc(1, nv_slots_backed(receiver));
    for (uint32_t i = 0; i < queue()->slots - 1; i++) {
        uint32_t buf = nv_queue_buffer(queue(), queue()->refill - 1 - i);
        CHECK(!seen[buf]++ && receiver->region->buf_owner[buf] == receiver->token, "buffer %u", buf);
    }
    free(seen);
    free(leases);
    free(shown);
    nv_close(receiver);
    for (unsigned i = 0; i < SENDERS; i++)
        nv_close(sender[i]);
    world_end();
}

/* ---- one thread plays all senders, with several leases open at once ---------------------------------------------- */

static void interleaved(void)
{
    uint64_t seed = 21;
    for (unsigned run = 0; run < 40 / SCALE && !check_failed; run++) {
        struct open_lease open[12];
        unsigned n = 0;
        begin(2 + random_below(&seed, 100));
        for (unsigned step = 0; step < 3000 && !check_failed; step++) {
            unsigned what = random_below(&seed, 10), pick = n ? random_below(&seed, n) : 0;
            if (what < 3 && n < 12 && reserve(random_below(&seed, SENDERS), 1 + random_below(&seed, 16), &open[n])) {
                n++;
            } else if (what < 6 && n) {
                struct open_lease *o = &open[pick];
                fill(o, o->filled + random_below(&seed, o->lease.n - o->filled + 1));
            } else if (what < 8 && n) {
                fill(&open[pick], open[pick].lease.n);
                publish(&open[pick].lease);
                open[pick] = open[--n];
            } else {
                CHECK(receive(random_below(&seed, 40)));
            }
        }
        while (n) {
            fill(&open[n - 1], open[n - 1].lease.n);
            publish(&open[--n].lease);
        }
        CHECK(receive(1000) && shown_count > 100);
        end();
    }
}

/* Sequence numbers and positions may pass any of their limits. */
static void numbers_wrap(void)
{
    static const uint32_t seqs[] = {0xfffffff0, 0x1fffff0, 0x0ffff0, 0x7ffffff0, 0xfff0};
    for (unsigned i = 0; i < 5; i++) {
        begin(8);
        struct nv_queue *q = queue();
        for (uint32_t k = 1; k <= q->mask + 1; k++)
            *nv_queue_record(q, seqs[i] - k) = nv_record(NV_LEASE_TAKEN, 0, 0, 0, seqs[i] - k);
        q->head_seq = first_seq = seqs[i];
        q->reserve = (uint64_t)seqs[i] << 32 | 0xfffffff8;
        uint32_t *empty = nv_queue_empty(q), first = empty[0];
        q->consumed = 0xfffffff8;
        q->refill = 0xfffffff8 + q->slots - 1;
        CHECK(first && q->mask == 7);
        for (unsigned n = 0; n < 200; n++) {
            struct open_lease o;
            CHECK(reserve(n % SENDERS, 1 + n % 3, &o));
            fill(&o, o.lease.n);
            publish(&o.lease);
            CHECK(receive(9));
        }
        end();
    }
}

/* ---- threads ------------------------------------------------------------------------------------------------------
 */

struct thread {
    pthread_t thread;
    unsigned id;
    uint32_t leases, long_stalls;
};

static void stall(uint64_t *seed)
{
    uint32_t r = random_below(seed, 1000);
    if (r < 100)
        sched_yield();
    else if (r < 110)
        usleep(random_below(seed, 300));
}

/* Until the receiver has lost its patience with this lease. */
static void stand_still(const struct nv_lease *lease)
{
    const uint32_t *head = &queue()->head_seq;
    for (unsigned i = 0; i < 100000 && (int32_t)(__atomic_load_n(head, __ATOMIC_ACQUIRE) - lease->seq) <= 0; i++)
        usleep(1000);
}

static void *send_leases(void *arg)
{
    struct thread *t = arg;
    struct open_lease o;
    uint64_t seed = t->id;
    uint32_t *inside = &sender[t->id]->desc_entry->inside;
    for (uint32_t n = 0; n < t->leases; n++) {
        while (!reserve(t->id, 1 + random_below(&seed, 15), &o))
            sched_yield();
        __atomic_fetch_add(inside, 1, __ATOMIC_ACQ_REL);
        stall(&seed);
        fill(&o, random_below(&seed, o.lease.n + 1));
        if (t->long_stalls && n % (t->leases / t->long_stalls) == 7)
            stand_still(&o.lease);
        stall(&seed);
        fill(&o, o.lease.n);
        publish(&o.lease);
        __atomic_fetch_sub(inside, 1, __ATOMIC_ACQ_REL);
    }
    return NULL;
}

static void *receive_leases(void *arg)
{
    uint64_t seed = 77;
    (void)arg;
    for (;;) {
        bool last = __atomic_load_n(&done, __ATOMIC_ACQUIRE);
        if (!receive(1 + random_below(&seed, 60)))
            return "a packet was torn";
        if (last && queue()->head_seq == (uint32_t)(queue()->reserve >> 32) && nm_ring_empty(nv_rxring(receiver, 0)))
            return NULL;
        stall(&seed);
    }
}

static void run_threads(uint32_t slots, uint32_t each, uint32_t long_stalls)
{
    struct thread t[SENDERS];
    pthread_t thread;
    void *why;
    begin(slots);
    for (unsigned i = 0; i < SENDERS; i++) {
        t[i] = (struct thread){.id = i, .leases = each, .long_stalls = i ? long_stalls : 0};
        CHECK(pthread_create(&t[i].thread, NULL, send_leases, &t[i]) == 0);
    }
    CHECK(pthread_create(&thread, NULL, receive_leases, NULL) == 0);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(t[i].thread, NULL);
    __atomic_store_n(&done, true, __ATOMIC_RELEASE);
    pthread_join(thread, &why);
    CHECK(!why, "%s", (char *)why);
    CHECK(long_stalls ? revoked > 0 : shown_count > each, "%lu revoked", (unsigned long)revoked);
    end();
}

static void threads(void)
{
    run_threads(64, 10000 / SCALE, 0);
    run_threads(3, 3000 / SCALE, 0);
    run_threads(1024, 15000 / SCALE, 0);
}

static void threads_that_stall(void)
{
    run_threads(64, 2000, 4);
    run_threads(17, 1000, 4);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"queue: leases of one thread in any order", interleaved},
        {"queue: numbers wrap", numbers_wrap},
        {"queue: four senders with short pauses", threads},
        {"queue: senders that stand still for too long", threads_that_stall},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
