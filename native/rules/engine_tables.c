/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_tables.c - tables and interfaces of a running engine. */
#include <errno.h>

#include "rules/engine.h"

static int check_id(uint32_t id, bool special, struct nv_error *err)
{
    uint32_t most = special ? NV_RULES_TABLE_ME : NV_RULES_TABLE_MAX_ID;
    return id <= most ? 0 : nv_fail(err, EINVAL, "table id %u is over %u", id, most);
}

static int no_table(uint32_t id, struct nv_error *err)
{
    return nv_fail(err, ENOENT, "table %u does not exist", id);
}

int nv_rules_table_create(struct nv_rules *engine, uint32_t id, uint32_t type, uint32_t flow_fields, uint32_t limit,
                          struct nv_error *err)
{
    if (check_id(id, false, err) != 0)
        return -EINVAL;
    if (type == 0 || type >= NV_TABLE_TYPE_COUNT)
        return nv_fail(err, EINVAL, "table %u: unknown type %u", id, type);
    if (type == NV_TABLE_FLOW ? flow_fields == 0 || flow_fields > 31 : flow_fields != 0)
        return nv_fail(err, EINVAL, "table %u: impossible flow fields %#x", id, flow_fields);
    pthread_mutex_lock(&engine->lock);
    int error = 0;
    if (engine->tables[id]) {
        error = nv_fail(err, EEXIST, "table %u exists already", id);
    } else {
        struct rules_table *table = rules_table_new(type, flow_fields, limit);
        if (table)
            __atomic_store_n(&engine->tables[id], table, __ATOMIC_RELEASE);
        else
            error = nv_fail(err, ENOMEM, "no memory for table %u", id);
    }
    pthread_mutex_unlock(&engine->lock);
    return error;
}

static bool in_use(const struct rules_image *image, uint32_t id)
{
    for (uint32_t i = 0; i < image->pattern_count; i++) {
        if (image->patterns[i].kind == NV_IFACE_TABLE && image->patterns[i].arg == id)
            return true;
    }
    for (uint32_t rule = 0; rule < image->rule_count; rule++) {
        const struct nv_rules_insn *insn = rule_tests(image, rule), *end = rule_actions(image, rule);
        for (; insn != end; insn = insn_next(insn)) {
            if (insn->opcode == NV_OP_LOOKUP && insn->arg == id)
                return true;
        }
    }
    return false;
}

int nv_rules_table_destroy(struct nv_rules *engine, uint32_t id, struct nv_error *err)
{
    if (check_id(id, false, err) != 0)
        return -EINVAL;
    pthread_mutex_lock(&engine->lock);
    struct rules_table *table = engine->tables[id];
    int error = 0;
    if (!table) {
        error = no_table(id, err);
    } else if (in_use(engine->image, id)) {
        error = nv_fail(err, EBUSY, "table %u is used by a rule: delete the rule first", id);
    } else {
        __atomic_store_n(&engine->tables[id], NULL, __ATOMIC_RELEASE);
        engine_grace(engine);
        rules_table_free(table);
    }
    pthread_mutex_unlock(&engine->lock);
    return error;
}

int nv_rules_table_limit(struct nv_rules *engine, uint32_t id, uint32_t limit, struct nv_error *err)
{
    if (check_id(id, false, err) != 0)
        return -EINVAL;
    pthread_mutex_lock(&engine->lock);
    int error = engine->tables[id] ? 0 : no_table(id, err);
    if (error == 0 && limit && rules_table_entries(engine->tables[id]) > limit)
        error = nv_fail(err, EFBIG, "table %u has more than %u entries", id, limit);
    if (error == 0)
        engine->tables[id]->limit = limit;
    pthread_mutex_unlock(&engine->lock);
    return error;
}

int nv_rules_table_swap(struct nv_rules *engine, uint32_t a, uint32_t b, struct nv_error *err)
{
    if (check_id(a, false, err) != 0 || check_id(b, false, err) != 0)
        return -EINVAL;
    pthread_mutex_lock(&engine->lock);
    struct rules_table *x = engine->tables[a], *y = engine->tables[b];
    int error = 0;
    if (!x || !y) {
        error = no_table(x ? b : a, err);
    } else if (x->type != y->type || x->flow_fields != y->flow_fields) {
        error = nv_fail(err, EINVAL, "tables %u and %u are not of the same type", a, b);
    } else if ((x->limit && rules_table_entries(y) > x->limit) || (y->limit && rules_table_entries(x) > y->limit)) {
        error = nv_fail(err, EFBIG, "tables %u and %u: one's entries exceed the other's limit", a, b);
    } else {
        uint64_t content = x->content;
        __atomic_store_n(&x->content, y->content, __ATOMIC_RELEASE);
        __atomic_store_n(&y->content, content, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&engine->lock);
    return error;
}

int nv_rules_table_update(struct nv_rules *engine, const void *update, size_t size, uint32_t *bad_entry,
                          struct nv_error *err)
{
    struct rules_change change = {0};
    struct rules_content *stale = NULL;
    uint32_t bad = 0, id;

    if (bad_entry)
        *bad_entry = 0;
    if (size < sizeof(struct nv_rules_update))
        return nv_fail(err, EINVAL, "table update of %zu bytes is too short", size);
    memcpy(&id, (const char *)update + offsetof(struct nv_rules_update, table), sizeof(id));
    if (check_id(id, true, err) != 0)
        return -EINVAL;
    pthread_mutex_lock(&engine->lock);
    int error = engine->tables[id]
                    ? rules_table_apply(engine->tables[id], &change, &engine->secret, update, size, &stale, &bad, err)
                    : no_table(id, err);
    if (error != 0)
        rules_change_undo(&change);
    if (change.count)
        engine_grace(engine);
    rules_change_free(&change, error == 0);
    rules_content_free(stale);
    pthread_mutex_unlock(&engine->lock);
    if (bad_entry)
        *bad_entry = bad;
    return error;
}

int nv_rules_table_lookup(struct nv_rules *engine, uint32_t id, const struct nv_rules_entry *key,
                          struct nv_rules_value *value, struct nv_error *err)
{
    if (check_id(id, true, err) != 0)
        return -EINVAL;
    pthread_mutex_lock(&engine->lock);
    int error = engine->tables[id] ? 0 : no_table(id, err);
    if (error == 0) {
        uint64_t token = rules_table_match(engine->tables[id], &engine->secret, key);
        if (token)
            *value = value_of(token);
        else
            error = nv_fail(err, ENOENT, "table %u: no entry matches", id);
    }
    pthread_mutex_unlock(&engine->lock);
    return error;
}

int64_t nv_rules_table_count(struct nv_rules *engine, uint32_t id)
{
    int64_t count = -ENOENT;
    pthread_mutex_lock(&engine->lock);
    if (id < NV_RULES_MAX_TABLES && engine->tables[id])
        count = (int64_t)rules_table_entries(engine->tables[id]);
    pthread_mutex_unlock(&engine->lock);
    return count;
}

int nv_rules_interface(struct nv_rules *engine, const char *name, struct nv_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length >= INTERFACE_NAME)
        return nv_fail(err, ENAMETOOLONG, "interface name '%s' has not 1 to 15 characters", name);
    pthread_mutex_lock(&engine->lock);
    uint32_t id = 1;
    while (id <= engine->interface_count && strcmp(engine->interfaces[id], name) != 0)
        id++;
    int result = (int)id;
    if (id > engine->interface_count) {
        if (id > NV_RULES_MAX_INTERFACES) {
            result = nv_fail(err, ENOSPC, "at most %u interfaces in a rule engine", NV_RULES_MAX_INTERFACES);
        } else {
            memcpy(engine->interfaces[id], name, length + 1);
            engine->interface_count++;
            int error = engine->image->pattern_count ? engine_rebuild(engine, err) : 0;
            if (error != 0) {
                engine->interface_count--;
                result = error;
            }
        }
    }
    pthread_mutex_unlock(&engine->lock);
    return result;
}

int nv_rules_interface_address(struct nv_rules *engine, unsigned id, uint32_t address, struct nv_error *err)
{
    pthread_mutex_lock(&engine->lock);
    int error = 0;
    if (id == 0 || id > engine->interface_count) {
        error = nv_fail(err, ENOENT, "interface %u does not exist", id);
    } else {
        uint32_t before = engine->addresses[id];
        engine->addresses[id] = address;
        if (engine->image->pattern_count)
            error = engine_rebuild(engine, err);
        if (error != 0)
            engine->addresses[id] = before;
    }
    pthread_mutex_unlock(&engine->lock);
    return error;
}
