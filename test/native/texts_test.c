/* SPDX-License-Identifier: BSD-2-Clause */
/* texts_test.c - what a command is told of the other end of its link: files, and its environment. */
#include "namespace/texts.h"

#include <arpa/inet.h>

#include "check.h"

static char *const no_arguments[] = {NULL};

static struct nv_subnet subnet(bool v6)
{
    struct nv_subnet s = {.v4 = {.family = AF_INET, .bits = 16}, .has_v6 = v6};
    inet_pton(AF_INET, "100.70.0.0", s.v4.address);
    s.v6.family = AF_INET6;
    s.v6.bits = 48;
    inet_pton(AF_INET6, "fd00:1:2::", s.v6.address);
    return s;
}

static unsigned count(char *const *envp)
{
    unsigned n = 0;
    while (envp[n])
        n++;
    return n;
}

static bool has(char *const *envp, const char *word)
{
    for (; *envp; envp++)
        if (!strcmp(*envp, word))
            return true;
    return false;
}

static void files(void)
{
    const struct nv_command_plan plan = {.argv = no_arguments,
                                         .envp = no_arguments,
                                         .resolv_conf = "search example\n",
                                         .hosts = "127.0.0.1 localhost\n"};
    struct nv_subnet both = subnet(true), one = subnet(false);
    struct nv_texts texts;
    CHECK(nv_texts_make(&plan, &both, &texts) == 0);
    CHECK(!strcmp(texts.resolv_conf, "nameserver 100.70.0.1\nsearch example\n"), "%s", texts.resolv_conf);
    CHECK(!strcmp(texts.hosts, "100.70.0.1\tgateway.emulate\nfd00:1:2::1\tgateway6.emulate\n127.0.0.1 localhost\n"),
          "%s", texts.hosts);
    nv_texts_free(&texts);
    CHECK(nv_texts_make(&plan, &one, &texts) == 0);
    CHECK(!strcmp(texts.hosts, "100.70.0.1\tgateway.emulate\n127.0.0.1 localhost\n"), "%s", texts.hosts);
    nv_texts_free(&texts);
    const struct nv_command_plan leave = {.argv = no_arguments, .envp = no_arguments};
    CHECK(nv_texts_make(&leave, &both, &texts) == 0);
    CHECK(!texts.resolv_conf && !texts.hosts);
    nv_texts_free(&texts);
}

static void environment(void)
{
    /* Words of a link around this one go, and nothing else that begins like them. */
    char *const words[] = {
        "A=1", "EMULATE_GATEWAY=100.64.0.1", "EMULATE_GATEWAY6=fd00::1", "EMULATE_GATEWAYS=mine", "EMULATE_GATEWAY",
        NULL};
    const struct nv_command_plan plan = {.argv = no_arguments, .envp = words};
    struct nv_subnet both = subnet(true), one = subnet(false);
    struct nv_texts texts;
    CHECK(nv_texts_make(&plan, &both, &texts) == 0);
    CHECK(count(texts.envp) == 5);
    CHECK(has(texts.envp, "A=1") && has(texts.envp, "EMULATE_GATEWAYS=mine") && has(texts.envp, "EMULATE_GATEWAY"));
    CHECK(has(texts.envp, "EMULATE_GATEWAY=100.70.0.1") && has(texts.envp, "EMULATE_GATEWAY6=fd00:1:2::1"));
    nv_texts_free(&texts);
    CHECK(nv_texts_make(&plan, &one, &texts) == 0);
    CHECK(count(texts.envp) == 4);
    CHECK(has(texts.envp, "EMULATE_GATEWAY=100.70.0.1") && !has(texts.envp, "EMULATE_GATEWAY6=fd00::1"));
    nv_texts_free(&texts);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"files of a command name the gateway", files},
                                              {"its environment does, too, and the nearest", environment}};
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
