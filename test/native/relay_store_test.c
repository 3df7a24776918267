/* SPDX-License-Identifier: BSD-2-Clause */
/* relay_store_test.c - the packed store: pieces do not overlap, the bound holds, pages go round. */
#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "relay/store.h"

enum { PIECES = 4000 };

static struct {
    uint8_t *data;
    size_t size;
    uint8_t mark;
} piece[PIECES];

static uint64_t seed = 7;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static bool whole(unsigned i)
{
    for (size_t at = 0; at < piece[i].size; at++)
        if (piece[i].data[at] != piece[i].mark)
            return false;
    return true;
}

static void pieces_keep_what_is_in_them(void)
{
    struct nv_store *store = nv_store_new(64u << 20);
    size_t refused = 0;

    for (unsigned round = 0; round < 40000; round++) {
        unsigned i = (unsigned)(draw() % PIECES);
        if (piece[i].data) {
            CHECK(whole(i));
            nv_store_give(store, piece[i].data);
            piece[i].data = NULL;
            continue;
        }
        size_t size = 1 + draw() % (draw() % 50 == 0 ? NV_STORE_PIECE_MAX : 2000);
        piece[i].data = nv_store_take(store, size);
        if (!piece[i].data) {
            refused++;
            continue;
        }
        CHECK((uintptr_t)piece[i].data % 64 == 0);
        piece[i].size = size;
        piece[i].mark = (uint8_t)round;
        memset(piece[i].data, piece[i].mark, size);
    }
    CHECK(refused < 20000);
    CHECK(nv_store_used(store) <= nv_store_size(store));
    for (unsigned i = 0; i < PIECES; i++)
        if (piece[i].data) {
            CHECK(whole(i));
            nv_store_give(store, piece[i].data);
        }
    CHECK(nv_store_used(store) == 0);
    nv_store_free(store);
}

static void the_bound_holds_for_every_size_and_all_comes_back(void)
{
    struct nv_store *store = nv_store_new(4u << 20);
    static void *taken[80000];

    for (size_t size = 1; size <= NV_STORE_PIECE_MAX; size = size * 3 / 2 + 1) {
        unsigned count = 0;
        while ((taken[count] = nv_store_take(store, size)))
            count++;
        CHECK(count > 0);
        CHECK(count * size <= nv_store_size(store));
        /* Pages of 256 KiB hold at least one piece, and waste less than a piece and a quarter of each. */
        CHECK(count >= nv_store_size(store) / (256 * 1024));
        while (count)
            nv_store_give(store, taken[--count]);
        CHECK(nv_store_used(store) == 0);
    }
    CHECK(nv_store_take(store, 0) == NULL);
    CHECK(nv_store_take(store, NV_STORE_PIECE_MAX + 1) == NULL);
    nv_store_free(store);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"store: pieces keep what is in them", pieces_keep_what_is_in_them},
        {"store: the bound holds for every size, and all comes back",
         the_bound_holds_for_every_size_and_all_comes_back},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
