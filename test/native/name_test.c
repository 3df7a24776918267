/* SPDX-License-Identifier: BSD-2-Clause */
/* name_test.c - port names: good ones and their parts, bad ones and their errors, sizes. */
#include "check.h"

#include <errno.h>
#include <net/netmap.h>
#include "port/name.h"
#include "ports/kinds.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The members that the base of a name sets: a VALE port, an interface, a pipe on each. */
#define VALE(s, p)     .kind = &nv_kind_vale, .name = s ":" p, .parent = s ":" p, .sw = s, .port = p
#define ON(k, n)       .kind = &nv_kind_##k, .name = n, .parent = n
#define PIPE(n, c, id) .kind = &nv_kind_netmap, .name = n c id, .parent = n, .pipe_id = id
#define VALE_PIPE(s, p, c, id)                                                                                         \
    .kind = &nv_kind_vale, .name = s ":" p c id, .parent = s ":" p, .sw = s, .port = p, .pipe_id = id
#define ALL      .mode = NR_REG_ALL_NIC
#define RING(n)  .mode = NR_REG_ONE_NIC, .ring_id = n
#define MASTER   .pipe = NV_PIPE_MASTER
#define SLAVE    .pipe = NV_PIPE_SLAVE
#define RINGS(n) .tx_rings = n, .rx_rings = n

static const struct {
    const char *text;
    const char *spelling; /* canonical; NULL: as the text */
    struct nv_name want;
} goods[] = {
    {"vale0:a", NULL, {VALE("vale0", "a"), ALL}},
    {"vale:a", NULL, {VALE("vale", "a"), ALL}},
    {"vale_x9:0", NULL, {VALE("vale_x9", "0"), ALL}},
    {"vale_15__chars_:a", NULL, {VALE("vale_15__chars_", "a"), ALL}},
    {"vale0:port_of_15_char", NULL, {VALE("vale0", "port_of_15_char"), ALL}},
    {"vale0:a{1", NULL, {VALE_PIPE("vale0", "a", "{", "1"), MASTER, ALL}},
    {"vale0:a}left-0", NULL, {VALE_PIPE("vale0", "a", "}", "left"), SLAVE, RING(0)}},
    {"netmap:p{1", NULL, {PIPE("p", "{", "1"), MASTER, ALL}},
    {"p}1", "netmap:p}1", {PIPE("p", "}", "1"), SLAVE, ALL}},
    {"eth0", "netmap:eth0", {ON(netmap, "eth0"), ALL}},
    {"tap0", "netmap:tap0", {ON(netmap, "tap0"), ALL}},
    {"netmap:eth0.100", NULL, {ON(netmap, "eth0.100"), ALL}},
    {"netmap:eth0-2", NULL, {ON(netmap, "eth0"), RING(2)}},
    {"netmap:eth0-04094", "netmap:eth0-4094", {ON(netmap, "eth0"), RING(4094)}},
    {"netmap:eth0^", NULL, {ON(netmap, "eth0"), .mode = NR_REG_SW}},
    {"netmap:eth0^3", NULL, {ON(netmap, "eth0"), .mode = NR_REG_ONE_SW, .ring_id = 3}},
    {"netmap:eth0*/x@7", NULL, {ON(netmap, "eth0"), .mode = NR_REG_NIC_SW, .flags = NR_EXCLUSIVE, .mem_id = 7}},
    {"vale0:a@7/rt@7/r",
     "vale0:a/tr@7",
     {VALE("vale0", "a"), ALL, .flags = NR_MONITOR_RX | NR_MONITOR_TX, .mem_id = 7}},
    {"netmap:eth0/xztr", NULL, {ON(netmap, "eth0"), ALL, .flags = 0xf00}},
    {"netmap:eth0/RT", NULL, {ON(netmap, "eth0"), ALL, .flags = NR_RX_RINGS_ONLY | NR_TX_RINGS_ONLY}},
    {"vale0:b@65535", NULL, {VALE("vale0", "b"), ALL, .mem_id = 65535}},
    {"vale0:b@share:vale0:a", NULL, {VALE("vale0", "b"), ALL, .share = "vale0:a"}},
    {"vale0:b@share=p{1", "vale0:b@share:netmap:p{1", {VALE("vale0", "b"), ALL, .share = "p{1"}},
    {"vale0:b@share:port=vale1:c", "vale0:b@share:vale1:c", {VALE("vale0", "b"), ALL, .share = "vale1:c"}},
    {"vale0:b@2@share:vale0:a", NULL, {VALE("vale0", "b"), ALL, .mem_id = 2, .share = "vale0:a"}},
    {"p{1@conf:4,slots=512,tx-slots=256",
     "netmap:p{1@conf:rings=4,tx-slots=256,rx-slots=512",
     {PIPE("p", "{", "1"), MASTER, ALL, .conf = {RINGS(4), .tx_slots = 256, .rx_slots = 512}}},
    {"eth0@conf:rx-rings=2,host-rings=3,host-rx-rings=65535",
     "netmap:eth0@conf:rx-rings=2,host-tx-rings=3,host-rx-rings=65535",
     {ON(netmap, "eth0"), ALL, .conf = {.rx_rings = 2, .host_tx_rings = 3, .host_rx_rings = 65535}}},
    {"vale0:a@3@extmem:/mnt/huge,buf-num=4096,if-size=1024@conf:rx-slots=4294967295",
     "vale0:a@3@conf:rx-slots=4294967295@extmem:file=/mnt/huge,if-size=1024,buf-num=4096",
     {VALE("vale0", "a"), ALL, .mem_id = 3, .conf = {.rx_slots = UINT32_MAX},
      .extmem = {.used = true, .if_size = 1024, .buf_num = 4096}, .file = "/mnt/huge"}},
    {"eth0@extmem:buf-size=2048,file=/x=y:z",
     "netmap:eth0@extmem:file=/x=y:z,buf-size=2048",
     {ON(netmap, "eth0"), ALL, .extmem = {.used = true, .buf_size = 2048}, .file = "/x=y:z"}},
    {"xdp:eth0-1@2", NULL, {ON(xdp, "eth0"), RING(1), .mem_id = 2}},
    {"packet:lo", NULL, {ON(packet, "lo"), ALL}},
    {"tap:", NULL, {ON(tap, ""), ALL}},
    {"tap:+", NULL, {ON(tap, ""), ALL, .keep = true}},
    {"tap:@fd:7", NULL, {ON(tap, ""), ALL, .fd = 7}},
    {"tap:@conf:slots=64@fd:2147483647",
     NULL,
     {ON(tap, ""), ALL, .conf = {.tx_slots = 64, .rx_slots = 64}, .fd = 2147483647}},
    {"tap:t0", NULL, {ON(tap, "t0"), ALL}},
    {"tap:t0+@conf:2", "tap:t0+@conf:rings=2", {ON(tap, "t0"), ALL, .keep = true, .conf = {RINGS(2)}}},
    {"pcap:/a b-2{@share:x^.pcap\n", NULL, {.kind = &nv_kind_pcap, ALL, .file = "/a b-2{@share:x^.pcap\n"}},
    {"pcap:a.pcap@conf:speed=2.5", NULL, {.kind = &nv_kind_pcap, ALL, .file = "a.pcap", .speed = 2501}},
    {"pcap:a@conf:speed=0", NULL, {.kind = &nv_kind_pcap, ALL, .file = "a", .speed = 1}},
    {"pcap:a@conf:speed=1.050", "pcap:a@conf:speed=1.05", {.kind = &nv_kind_pcap, ALL, .file = "a", .speed = 1051}},
    {"pcap:-", NULL, {.kind = &nv_kind_pcap, ALL, .file = "-"}},
    {"null:", NULL, {.kind = &nv_kind_null, ALL}},
    {"null", "null:", {.kind = &nv_kind_null, ALL}},
    {"null@conf:4", "null:@conf:rings=4", {.kind = &nv_kind_null, ALL, .conf = {RINGS(4)}}},
    {"null:sink-0", NULL, {ON(null, "sink"), RING(0)}},
    {"null{1", "netmap:null{1", {PIPE("null", "{", "1"), MASTER, ALL}},
};

#define CHARS_57 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234"

static const struct {
    const char *text;
    const char *says; /* the message after the name */
    int code;         /* 0: EINVAL */
} bads[] = {
    {NULL, "position 1: the name is empty", 0},
    {"", "position 1: the name is empty", 0},
    {"foo:bar", "position 1: no such kind of port; expected vale0:, null:", 0},
    {"VALE0:a", "position 1: no such kind of port", 0},
    {":a", "position 1: no such kind of port", 0},
    {"vale0", "position 6: expected ':' and the name of a port after a switch, but the name ends", 0},
    {"vale-0:a", "position 5: expected ':' and the name of a port after a switch, not '-'", 0},
    {"vale0:", "position 7: expected the name of a port, but the name ends", 0},
    {"vale0:-1", "position 7: expected the name of a port, not '-'", 0},
    {"vale0:a.b", "position 8: expected a mode", 0},
    {"vale0:port_of_16_chars", "position 22: the name of a port has at most 15 characters", 0},
    {"netmap:port_of_16_chars", "position 23: the name of a port has at most 15 characters", 0},
    {"vale_of_16_chars:a", "position 16: the name of a switch has at most 15 characters", 0},
    {"vale" CHARS_57 "56789:a", "position 16: the name of a switch has at most 15 characters", 0},
    {"p{abc" CHARS_57 "56", "position 64: the name is too long, at most 63 characters", 0},
    {"netmap:p{abc" CHARS_57 "56", "position 71: the name is too long, at most 63 characters", 0},
    {"netmap:", "position 8: expected the name of an interface, but the name ends", 0},
    {"netmap:.", "position 8: expected the name of an interface, not '.'", 0},
    {"netmap:vale0:0", "position 8: names with 'vale' are for switches: write vale0:PORT", 0},
    {"xdp:vale0", "position 5: names with 'vale' are for switches", 0},
    {"netmap:eth0&", "position 12: expected a mode ('-N', '^', '*'), '/', '@' or the end, not '&'", 0},
    {"netmap:eth0\n", "position 12: expected a mode ('-N', '^', '*'), '/', '@' or the end, not '\\x0a'", 0},
    {"eth0:1", "position 1: no such kind of port", 0},
    {"eth0+", "position 5: expected a mode", 0},
    {"vale0:a{", "position 9: a pipe needs an identifier after '{'", 0},
    {"vale0:a}-1", "position 9: a pipe needs an identifier after '}'", 0},
    {"vale0:{1", "position 7: a pipe needs the name of its parent before '{'", 0},
    {"}1", "position 1: a pipe needs the name of its parent before '}'", 0},
    {"p{1{2", "position 4: expected a mode", 0},
    {"p{a.b", "position 4: expected a mode", 0},
    {"xdp:eth0{1", "position 9: only netmap: and vale: ports have pipes, xdp: ports have not", 0},
    {"null:x{1", "position 7: only netmap: and vale: ports have pipes, null: ports have not", 0},
    {"p{1^", "position 4: a pipe has no host rings ('^')", 0},
    {"vale0:a*", "position 8: a vale port has no host rings ('*')", 0},
    {"null:^0", "position 6: a null port has no host rings ('^')", 0},
    {"vale0:a-", "position 9: expected a ring number, but the name ends", 0},
    {"vale0:a-x", "position 9: expected a ring number, not 'x'", 0},
    {"vale0:a--1", "position 9: expected a ring number, not '-'", 0},
    {"vale0:a-4095", "position 9: expected a ring number, at most 4094", 0},
    {"vale0:a-99999999999999999999999", "position 9: expected a ring number, at most 4094", 0},
    {"vale0:a-2-4", "position 10: expected a mode", 0},
    {"eth0**", "position 6: expected a mode", 0},
    {"vale0:a/", "position 9: expected a flag (x z t r R T), but the name ends", 0},
    {"vale0:a/q", "position 9: expected a flag (x z t r R T), not 'q'", 0},
    {"vale0:a/xq", "position 10: expected a flag (x z t r R T), '/' or '@', not 'q'", 0},
    {"vale0:a@0", "position 9: expected a memory id, at least 1", 0},
    {"vale0:a@65536", "position 9: expected a memory id, at most 65535", 0},
    {"vale0:a@1@2", "position 11: memory id 2, but it is already 1", 0},
    {"vale0:a@1/x@2", "position 13: memory id 2, but it is already 1", 0},
    {"vale0:a@", "position 9: expected an option (conf, share, extmem, fd)", 0},
    {"vale0:a@@conf:2", "position 9: expected an option", 0},
    {"vale0:a@foo:1", "position 9: expected an option", 0},
    {"vale0:a@conf:2@3", "position 16: expected an option", 0},
    {"vale0:a@conf", "position 13: expected ':' after @conf", 0},
    {"vale0:a@conf=2", "position 13: expected ':' after @conf", 0},
    {"vale0:a@conf:", "position 14: @conf: expected a value for rings", 0},
    {"vale0:a@conf:rings=", "position 20: @conf: expected a value for rings", 0},
    {"vale0:a@conf:2,", "position 16: @conf: rings is given twice", 0},
    {"vale0:a@conf:slots=2,,", "position 22: @conf: expected a value for rings", 0},
    {"vale0:a@conf:rings=2,rings=2", "position 22: @conf: rings is given twice", 0},
    {"vale0:a@conf:2,rings=2", "position 16: @conf: rings is given twice", 0},
    {"vale0:a@conf:ring=2", "position 14: @conf has no such key", 0},
    {"vale0:a@conf:=2", "position 14: @conf has no such key", 0},
    {"vale0:a@conf:rings=0", "position 20: expected a number, at least 1", 0},
    {"vale0:a@conf:rings=65536", "position 20: expected a number, at most 65535", 0},
    {"vale0:a@conf:slots=4294967296", "position 20: expected a number, at most 4294967295", 0},
    {"vale0:a@conf:rings=2x", "position 21: expected a number and nothing after it", 0},
    {"vale0:a@conf:rings=-2", "position 20: expected a number, not '-'", 0},
    {"vale0:a@conf:2@conf:3", "position 16: @conf is given twice", 0},
    {"vale0:a@share", "position 14: expected ':' after @share", 0},
    {"vale0:a@share:", "position 15: @share: expected a value for port", 0},
    {"vale0:a@share:vale0:b-1", "position 22: @share: a port is named here without mode", 0},
    {"vale0:a@share:vale0:", "position 21: expected the name of a port, but the name ends", 0},
    {"vale0:a@share:foo:b", "position 15: no such kind of port", 0},
    {"vale0:a@share:null:", "position 15: @share: expected the name of a port that has a region", 0},
    {"vale0:a@share:pcap:/x", "position 15: @share: expected the name of a port that has a region", 0},
    {"vale0:a@share:vale0:b,vale0:c", "position 23: @share: port is given twice", 0},
    {"vale0:a@extmem:if-num=3", "position 24: @extmem needs a file", 0},
    {"eth0@extmem:/mnt/a=b", "position 13: @extmem has no such key", 0},
    {"vale0:a@offset:initial=2", "position 9: @offset is not supported", EOPNOTSUPP},
    {"pcap:a@conf:speed=1.0505", "position 13: expected speed= and a number", 0},
    {"pcap:a@conf:speed=.5", "position 13: expected speed= and a number", 0},
    {"pcap:a@conf:speed=", "position 13: expected speed= and a number", 0},
    {"pcap:a@conf:speed=1000001", "position 13: expected speed= and a number", 0},
    {"pcap:a@conf:rings=1", "position 13: expected speed= and a number", 0},
    {"pcap:@conf:speed=2", "position 6: expected the path of a capture file", 0},
    {"pcap:", "position 6: expected the path of a capture file, but the name ends", 0},
    {"tap:a@fd:7", "@fd goes with tap: without a name", 0},
    {"vale0:a@fd:7", "@fd goes with tap: without a name", 0},
    {"tap:@fd:0", "expected a number, at least 1", 0},
    {"tap:a++", "position 7: expected a mode", 0},
    {"packet:\xc3\xa4", "position 8: expected the name of an interface, not '\\xc3'", 0},
};

static void test_good_names(void)
{
    static struct nv_name got;
    static struct nv_error err;
    char spelling[NV_SPELLING_SIZE];
    for (size_t i = 0; i < COUNT(goods); i++) {
        const char *text = goods[i].text, *want = goods[i].spelling ? goods[i].spelling : text;
        CHECK(nv_name_parse(text, &got, &err) == 0, "%s: %s", text, err.message);
        CHECK(!memcmp(&got, &goods[i].want, sizeof(got)), "%s: some part is wrong", text);
        CHECK(err.code == 0 && !err.message[0], "%s", text);
        int length = nv_name_format(&got, spelling, sizeof(spelling));
        CHECK(length == (int)strlen(want) && !strcmp(spelling, want), "%s: printed %s", text, spelling);
    }
}

static void test_bad_names(void)
{
    static const struct nv_name nothing;
    static struct nv_name got;
    struct nv_error err;
    for (size_t i = 0; i < COUNT(bads); i++) {
        const char *text = bads[i].text ? bads[i].text : "";
        int code = bads[i].code ? bads[i].code : EINVAL;
        memset(&err, 'x', sizeof(err));
        CHECK(nv_name_parse(bads[i].text, &got, &err) == -code, "%s", text);
        CHECK(err.code == code && strstr(err.message, bads[i].says), "%s: %s", text, err.message);
        CHECK(!strncmp(err.message, "bad port name \"", 15), "%s: %s", text, err.message);
        CHECK(!memcmp(&got, &nothing, sizeof(got)), "%s: something is left", text);
        CHECK(nv_name_parse(bads[i].text, &got, NULL) == -code, "%s: without an error record", text);
    }
    CHECK(nv_name_parse("vale0:a{", &got, &err) == -EINVAL);
    CHECK(!strcmp(err.message, "bad port name \"vale0:a{\": position 9: a pipe needs an identifier after '{'"), "%s",
          err.message);
}

static void test_long_texts(void)
{
    static char text[NV_PATH_SIZE + 64], spelling[NV_SPELLING_SIZE];
    static struct nv_name got;
    struct nv_error err;
    memset(text, 'a', sizeof(text) - 1);
    CHECK(nv_name_parse(text, &got, &err) == -EINVAL && strstr(err.message, "aaa...\": position 16: "), "%s",
          err.message);
    memcpy(text, "pcap:", 5);
    CHECK(nv_name_parse(text, &got, &err) == -EINVAL);
    CHECK(strstr(err.message, "position 4101: the path is too long, at most 4095 characters"), "%s", err.message);
    text[5 + NV_PATH_SIZE - 1] = '\0';
    CHECK(nv_name_parse(text, &got, &err) == 0 && strlen(got.file) == NV_PATH_SIZE - 1, "%s", err.message);
    memcpy(text, "vale0:a@extmem:", 15);
    text[15 + NV_PATH_SIZE - 1] = '\0';
    text[5 + NV_PATH_SIZE - 1] = 'a';
    CHECK(nv_name_parse(text, &got, &err) == 0, "%s", err.message);
    CHECK(nv_name_format(&got, spelling, sizeof(spelling)) > NV_PATH_SIZE);
    text[15 + NV_PATH_SIZE - 1] = 'a';
    CHECK(nv_name_parse(text, &got, &err) == -EINVAL && strstr(err.message, "the path is too long"), "%s", err.message);
}

/* Every buffer that is too small gets nothing, and one that just fits gets all. */
static void test_format_size(void)
{
    static struct nv_name name;
    const char *text = "vale0:a{1-2/x@3@conf:rings=4@extmem:file=/x,buf-num=9";
    size_t length = strlen(text);
    CHECK(nv_name_parse(text, &name, NULL) == 0);
    for (size_t size = 0; size <= length + 1; size++) {
        char *buf = malloc(size ? size : 1); /* exact, so that the sanitizer sees one byte too many */
        buf[0] = 'x';
        int ret = nv_name_format(&name, buf, size);
        CHECK(ret == (size > length ? (int)length : -ENOSPC), "size %zu: %d", size, ret);
        CHECK(size == 0 ? buf[0] == 'x' : !strcmp(buf, size > length ? text : ""), "size %zu", size);
        free(buf);
    }
}

static void test_kinds(void)
{
    CHECK(nv_kind_find("vale0", 5) == &nv_kind_vale && nv_kind_find("vale", 4) == &nv_kind_vale);
    CHECK(nv_kind_find("null:", 4) == &nv_kind_null && !nv_kind_find("null:", 5) && !nv_kind_find("val", 3));
    CHECK(nv_kind_default() == &nv_kind_netmap);
    for (uint32_t i = 1; i <= nv_kind_count; i++)
        CHECK(nv_kind_number(nv_kind_of(i)) == i);
    CHECK(!nv_kind_of(0) && !nv_kind_of(nv_kind_count + 1) && !nv_kind_of(UINT32_MAX));
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"name: good names", test_good_names}, {"name: bad names", test_bad_names},
        {"name: long texts", test_long_texts}, {"name: format into any size", test_format_size},
        {"name: kind names", test_kinds},
    };
    return check_main(argc, argv, tests, COUNT(tests));
}
