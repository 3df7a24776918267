/* SPDX-License-Identifier: BSD-2-Clause */
/* texts.c - see texts.h. */
#include "namespace/texts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const variables[] = {NV_COMMAND_GATEWAY, NV_COMMAND_GATEWAY6};

/* Allocate what printf would print; NULL: no memory. */
__attribute__((format(printf, 1, 2))) static char *print(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return text;
}

static void gateway_text(const struct nv_prefix *block, char *text, socklen_t size)
{
    const struct nv_prefix gateway = nv_subnet_end(block, NV_SUBNET_OUTSIDE);
    inet_ntop(gateway.family, gateway.address, text, size);
}

/* Is it one of our variables, from a link around the caller? */
static bool is_ours(const char *word)
{
    for (unsigned i = 0; i < 2; i++) {
        size_t length = strlen(variables[i]);
        if (!strncmp(word, variables[i], length) && word[length] == '=')
            return true;
    }
    return false;
}

/* New words, which alone are allocated, then the caller's without those of a link around him. */
static int make_environment(char *const *envp, const char *v4, const char *v6, struct nv_texts *out)
{
    size_t words = 0, n = 0;
    while (envp[words])
        words++;
    out->envp = calloc(words + 3, sizeof(*out->envp));
    if (!out->envp)
        return -ENOMEM;
    out->envp[n++] = print("%s=%s", variables[0], v4);
    if (v6 && out->envp[0])
        out->envp[n++] = print("%s=%s", variables[1], v6);
    if (!out->envp[n - 1])
        return -ENOMEM;
    for (size_t i = 0; i < words; i++)
        if (!is_ours(envp[i]))
            out->envp[n++] = envp[i];
    return 0;
}

int nv_texts_make(const struct nv_command_plan *plan, const struct nv_subnet *subnet, struct nv_texts *out)
{
    char v4[INET_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];
    memset(out, 0, sizeof(*out));
    gateway_text(&subnet->v4, v4, sizeof(v4));
    if (subnet->has_v6)
        gateway_text(&subnet->v6, v6, sizeof(v6));
    if (plan->resolv_conf && !(out->resolv_conf = print("nameserver %s\n%s", v4, plan->resolv_conf)))
        return -ENOMEM;
    if (plan->hosts) {
        out->hosts = subnet->has_v6
                         ? print("%s\t%s\n%s\t%s\n%s", v4, NV_COMMAND_HOST, v6, NV_COMMAND_HOST6, plan->hosts)
                         : print("%s\t%s\n%s", v4, NV_COMMAND_HOST, plan->hosts);
        if (!out->hosts)
            return -ENOMEM;
    }
    return make_environment(plan->envp, v4, subnet->has_v6 ? v6 : NULL, out);
}

void nv_texts_free(struct nv_texts *texts)
{
    free(texts->resolv_conf);
    free(texts->hosts);
    for (unsigned i = 0; texts->envp && i < 2; i++)
        if (texts->envp[i] && is_ours(texts->envp[i]))
            free(texts->envp[i]);
    free(texts->envp);
}
