/* SPDX-License-Identifier: BSD-2-Clause */
/* name_random_test.c - port names made at random: good ones survive printing and reading, rubbish does no harm. */
#include "check.h"

#include <errno.h>
#include <net/netmap.h>
#include "port/name.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t seed;

/* A number in [0, n); splitmix64. */
static unsigned pick(unsigned n)
{
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ z >> 31) % n);
}

static void put_word(char *text, unsigned max)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    char *end = text + strlen(text);
    for (unsigned n = 1 + pick(max); n; n--)
        *end++ = word[pick(sizeof(word) - 1)];
    *end = '\0';
}

static void put(char *text, const char *more)
{
    strcat(text, more);
}

static void put_number(char *text, unsigned low, unsigned high)
{
    sprintf(text + strlen(text), "%u", low + pick(high - low + 1));
}

/* [kind:]name with or without a pipe; names begin with 'n' so that they are never vale... or null. */
static void put_port(char *text)
{
    static const char *const kinds[] = {"", "netmap:", "xdp:", "packet:", "tap:"};
    unsigned kind = pick(7);
    if (kind >= 5) {
        put(text, "vale");
        put_word(text, 8);
        put(text, ":");
    } else {
        put(text, kinds[kind]);
        put(text, "n");
    }
    put_word(text, 14);
    if ((kind >= 5 || kind < 2) && pick(2)) {
        put(text, pick(2) ? "{" : "}");
        put_word(text, 20);
    }
}

static void put_keys(char *text, const char *option, const char *const *keys, unsigned count)
{
    unsigned chosen = 1 + pick((1u << count) - 1), written = 0;
    put(text, option);
    for (unsigned i = 0; i < count; i++) {
        if (chosen & 1u << i) {
            put(text, written++ ? "," : "");
            put(text, keys[i]);
            put(text, "=");
            put_number(text, 1, 65535);
        }
    }
}

/* A valid name of any form, with everything the grammar has. */
static void put_name(char *text)
{
    static const char *const conf[] = {"rings",    "tx-rings", "rx-rings",      "host-rings", "host-tx-rings",
                                       "tx-slots", "rx-slots", "host-rx-rings", "slots"};
    static const char *const extmem[] = {"if-num", "if-size", "ring-num", "ring-size", "buf-num", "buf-size"};
    unsigned mem_id = 1 + pick(65535), used = pick(3);
    bool host;
    text[0] = '\0';
    put_port(text);
    host = strncmp(text, "vale", 4) && !strpbrk(text, "{}");
    switch (pick(host ? 5 : 2)) {
    case 0:
        put(text, "-");
        put_number(text, 0, 4094);
        break;
    case 2:
        put(text, "^");
        break;
    case 3:
        put(text, "*");
        break;
    case 4:
        put(text, "^");
        put_number(text, 0, 4094);
        break;
    default:
        break;
    }
    for (unsigned n = pick(3); n; n--) {
        if (used && pick(2)) {
            sprintf(text + strlen(text), "@%u", mem_id);
            continue;
        }
        put(text, "/");
        for (unsigned k = 1 + pick(4); k; k--)
            put(text, (const char *[]){"x", "z", "t", "r", "R", "T"}[pick(6)]);
    }
    unsigned options = pick(8);
    if (options & 1)
        put_keys(text, "@conf:", conf, COUNT(conf));
    if (options & 2) {
        put_keys(text, "@extmem:", extmem, COUNT(extmem));
        put(text, ",file=/");
        put_word(text, 40);
    }
    if (options & 4) {
        put(text, pick(2) ? "@share:" : "@share=");
        put_port(text);
    }
}

/* parse(format(name)) == name, and the spelling is stable. */
static void check_round_trip(const char *text, const struct nv_name *name)
{
    static struct nv_name again;
    static char spelling[NV_SPELLING_SIZE], second[NV_SPELLING_SIZE];
    struct nv_error err;
    CHECK(nv_name_format(name, spelling, sizeof(spelling)) > 0, "%s", text);
    CHECK(nv_name_parse(spelling, &again, &err) == 0, "%s: %s", text, err.message);
    CHECK(!memcmp(&again, name, sizeof(again)), "%s: printed %s", text, spelling);
    CHECK(nv_name_format(&again, second, sizeof(second)) > 0 && !strcmp(spelling, second), "%s", text);
}

static void test_round_trips(void)
{
    static struct nv_name name;
    static char text[4096];
    struct nv_error err;
    seed = 14;
    for (int i = 0; i < 20000 && !check_failed; i++) {
        put_name(text);
        CHECK(nv_name_parse(text, &name, &err) == 0, "round %d: %s: %s", i, text, err.message);
        check_round_trip(text, &name);
    }
}

/*
 * Texts of up to 200 characters: any bytes, bytes of the grammar, and good names with bytes changed. Each lies in a
 * block of its exact size, so that reading past its end is seen by the sanitizer.
 */
static void test_rubbish(void)
{
    static const char grammar[] = "vale0netmapnull:::{}-*^/@xztrRT@confshare,rings=12";
    static struct nv_name name;
    static char text[4096];
    unsigned good = 0, bad = 0;
    seed = 88;
    for (int i = 0; i < 60000 && !check_failed; i++) {
        size_t length = pick(200);
        unsigned form = pick(3);
        if (form == 2) {
            put_name(text);
            length = strlen(text);
            for (unsigned n = 1 + pick(3); n; n--)
                text[pick((unsigned)length)] = grammar[pick(sizeof(grammar) - 1)];
            length -= pick(4) ? 0 : pick((unsigned)length);
        } else {
            for (size_t k = 0; k < length; k++)
                text[k] = form ? grammar[pick(sizeof(grammar) - 1)] : (char)(1 + pick(255));
        }
        char *exact = malloc(length + 1);
        memcpy(exact, text, length);
        exact[length] = '\0';
        struct nv_error err;
        int ret = nv_name_parse(exact, &name, &err);
        CHECK(ret == 0 || ret == -EINVAL || ret == -EOPNOTSUPP, "%s: %d", exact, ret);
        CHECK(err.code == -ret && (ret == 0) == !err.message[0], "%s: %s", exact, err.message);
        CHECK(memchr(err.message, 0, sizeof(err.message)) && !strpbrk(err.message, "\n\r"), "%s", exact);
        if (ret == 0)
            check_round_trip(exact, &name);
        *(ret ? &bad : &good) += 1;
        free(exact);
    }
    CHECK(good > 1000 && bad > 1000, "%u good, %u bad: the generator does not reach both", good, bad);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"name: round trips", test_round_trips},
        {"name: rubbish", test_rubbish},
    };
    return check_main(argc, argv, tests, COUNT(tests));
}
