/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation_hash_test.c - the masks' hash table: while it grows, bit by bit, nothing is lost and nothing comes back. */
#include "emulation/hash.h"

#include <stdlib.h>

#include "check.h"
#include "packet/random.h"

enum { NUMBERS = 20000 };

static bool same(const void *arg, uint32_t number)
{
    return *(const uint32_t *)arg == number;
}

/* Few hashes for many numbers: long probes. */
static uint32_t hash_of(uint32_t number)
{
    return (number / 3) * 2654435761u;
}

static bool has(const struct emu_hash *table, uint32_t number)
{
    uint32_t ref = emu_hash_find(table, hash_of(number), same, &number);
    CHECK(ref == 0 || ref == number + 1);
    return ref != 0;
}

static void grows_a_few_cells_at_a_time(void)
{
    uint64_t spent = 0;
    struct emu_hash table = {.spent = &spent};
    unsigned growing = 0;

    for (uint32_t number = 0; number < NUMBERS; number++) {
        uint32_t before = table.moved;
        bool grew = table.old != NULL;
        CHECK(emu_hash_room(&table));
        emu_hash_put(&table, hash_of(number), number);
        if (grew && table.old)
            CHECK(table.moved - before <= 16);
        growing += table.old != NULL;
        CHECK(has(&table, number));
        CHECK(has(&table, number / 2));
    }
    CHECK(growing > NUMBERS / 32); /* it took its time */
    for (uint32_t number = 0; number < NUMBERS; number++)
        CHECK(has(&table, number));
    CHECK(!has(&table, NUMBERS));
    CHECK(table.used == NUMBERS);
    emu_hash_fini(&table);
}

static void what_is_taken_out_stays_out(void)
{
    uint64_t spent = 0;
    struct emu_hash table = {.spent = &spent};
    bool *there = calloc(NUMBERS, sizeof(*there));
    struct nv_random random;
    unsigned count = 0;

    nv_random_seed(&random, 7, 0);
    for (unsigned turn = 0; turn < 20 * NUMBERS; turn++) {
        uint32_t number = (uint32_t)(nv_random_next(&random) >> 32) % (turn / 20 + 1);
        CHECK(has(&table, number) == there[number]);
        if (there[number] && turn % 3 == 0) {
            emu_hash_cut(&table, hash_of(number), number);
            there[number] = false;
            count--;
        } else if (!there[number]) {
            CHECK(emu_hash_room(&table));
            emu_hash_put(&table, hash_of(number), number);
            there[number] = true;
            count++;
        }
        CHECK(table.used == count);
    }
    for (uint32_t number = 0; number < NUMBERS; number++)
        CHECK(has(&table, number) == there[number]);
    free(there);
    emu_hash_fini(&table);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"grows_a_few_cells_at_a_time", grows_a_few_cells_at_a_time},
        {"what_is_taken_out_stays_out", what_is_taken_out_stays_out},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
