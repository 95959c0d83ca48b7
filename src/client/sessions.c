#include "sessions.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 64


int
sessions_init(sessions_t *s, uint32_t seed)
{
    memset(s, 0, sizeof(sessions_t));
    table_init(&s->table, sizeof(held_t));

    s->seed = seed;
    s->accounts = calloc(SIZE_FIRST, sizeof(account_t *));
    s->pids = calloc(SIZE_FIRST, sizeof(held_t *));

    if (s->accounts == NULL || s->pids == NULL) {
        free(s->accounts);
        free(s->pids);
        return -1;
    }

    s->accounts_size = SIZE_FIRST;
    s->pids_size = SIZE_FIRST;

    return 0;
}


void
sessions_done(sessions_t *s)
{
    uint32_t slot;
    held_t *session;

    slot = 0;

    while ((session = table_next(&s->table, &slot)) != NULL) {
        sessions_remove(s, session);
    }

    table_done(&s->table);
    free(s->accounts);
    free(s->pids);
    s->accounts = NULL;
    s->pids = NULL;
}


/* FNV-1a; the seed keeps names from being chosen for their bucket */
static uint32_t
name_hash(uint32_t seed, const char *name, size_t len)
{
    size_t i;
    uint32_t h;

    h = 2166136261u ^ seed;

    for (i = 0; i < len; i++) {
        h = (h ^ (unsigned char) name[i]) * 16777619u;
    }

    return h ^ h >> 15;
}


static uint32_t
pid_hash(pid_t pid)
{
    return (uint32_t) pid * 2654435769u >> 8;
}


static account_t **
account_find(const sessions_t *s, uint32_t hash, const char *name, size_t len)
{
    account_t **p;

    p = &s->accounts[hash & (s->accounts_size - 1)];

    while (*p != NULL
           && ((*p)->hash != hash || (*p)->len != len
               || memcmp((*p)->name, name, len) != 0))
    {
        p = &(*p)->next;
    }

    return p;
}


/* A larger table when the old one is full; without memory the old one does. */
static void
accounts_grow(sessions_t *s)
{
    uint32_t i, size;
    account_t **table, *a, *next;

    if (s->naccounts < s->accounts_size) {
        return;
    }

    size = s->accounts_size * 2;

    table = calloc(size, sizeof(account_t *));
    if (table == NULL) {
        return;
    }

    for (i = 0; i < s->accounts_size; i++) {
        for (a = s->accounts[i]; a != NULL; a = next) {
            next = a->next;
            a->next = table[a->hash & (size - 1)];
            table[a->hash & (size - 1)] = a;
        }
    }

    free(s->accounts);
    s->accounts = table;
    s->accounts_size = size;
}


static account_t *
account_get(sessions_t *s, const char *name, size_t len)
{
    uint32_t hash;
    account_t **p, *a;

    hash = name_hash(s->seed, name, len);

    a = *account_find(s, hash, name, len);
    if (a != NULL) {
        return a;
    }

    accounts_grow(s);

    a = calloc(1, sizeof(account_t));
    if (a == NULL) {
        return NULL;
    }

    a->hash = hash;
    a->len = (uint32_t) len;
    memcpy(a->name, name, len);

    p = &s->accounts[hash & (s->accounts_size - 1)];
    a->next = *p;
    *p = a;
    s->naccounts++;

    return a;
}


static void
account_leave(sessions_t *s, account_t *a)
{
    account_t **p;

    if (--a->sessions > 0) {
        return;
    }

    p = account_find(s, a->hash, a->name, a->len);
    *p = a->next;
    s->naccounts--;
    free(a);
}


uint32_t
sessions_of(const sessions_t *s, const char *account, size_t len)
{
    account_t *a;

    a = *account_find(s, name_hash(s->seed, account, len), account, len);

    return a == NULL ? 0 : a->attached;
}


void
sessions_attach(held_t *session)
{
    if (!session->attached) {
        session->attached = 1;
        session->account->attached++;
    }
}


void
sessions_detach(held_t *session)
{
    if (session->attached) {
        session->attached = 0;
        session->account->attached--;
    }
}


held_t *
sessions_detached_most(const sessions_t *s, const held_t *session)
{
    uint32_t slot;
    account_t *a;
    held_t *other, *oldest;

    a = session->account;

    if (session->limit == 0 || a->sessions - a->attached <= session->limit) {
        return NULL;
    }

    slot = 0;
    oldest = NULL;

    while ((other = table_next(&s->table, &slot)) != NULL) {

        if (other->account == a && !other->attached && !other->doomed
            && (oldest == NULL || other->detached < oldest->detached))
        {
            oldest = other;
        }
    }

    return oldest;
}


/* Makes a session of an item of the table. */
static held_t *
session_init(sessions_t *s, held_t *session, const char *account, size_t len)
{
    account_t *a;

    if (session == NULL) {
        return NULL;
    }

    a = account_get(s, account, len);
    if (a == NULL) {
        table_remove(&s->table, session);
        return NULL;
    }

    a->sessions++;

    session->account = a;
    sessions_attach(session);
    session->pidfd = -1;
    session->link = -1;
    session->segment = -1;
    session->secret = -1;
    session->control = -1;
    session->irc = -1;
    session->worker_control = -1;
    session->before.control = -1;
    session->before.pidfd = -1;

    return session;
}


held_t *
sessions_add(sessions_t *s, const char *account, size_t len)
{
    if (len > EIRC_LINK_ACCOUNT_MAX) {
        return NULL;
    }

    return session_init(s, table_add(&s->table), account, len);
}


held_t *
sessions_put(sessions_t *s, uint64_t key, const char *account, size_t len)
{
    if (len > EIRC_LINK_ACCOUNT_MAX) {
        return NULL;
    }

    return session_init(s, table_put(&s->table, key), account, len);
}


void
sessions_remove(sessions_t *s, held_t *session)
{
    sessions_pid_clear(s, session);
    sessions_detach(session);
    account_leave(s, session->account);

    free(session->passport);
    free(session->crashes);
    session->passport = NULL;
    session->servers = NULL;
    session->crashes = NULL;

    table_remove(&s->table, session);
}


held_t *
sessions_find(const sessions_t *s, uint64_t key)
{
    return table_find(&s->table, key);
}


/* The table is walked: whoever comes back does so once. */
held_t *
sessions_find_id(const sessions_t *s, const char *id, size_t len)
{
    uint32_t slot;
    held_t *session;

    slot = 0;

    while ((session = table_next(&s->table, &slot)) != NULL) {

        if (strlen(session->id) == len && memcmp(session->id, id, len) == 0) {
            return session;
        }
    }

    return NULL;
}


held_t *
sessions_next(const sessions_t *s, uint32_t *slot)
{
    return table_next(&s->table, slot);
}


static held_t **
pid_find(const sessions_t *s, pid_t pid)
{
    held_t **p;

    p = &s->pids[pid_hash(pid) & (s->pids_size - 1)];

    while (*p != NULL && (*p)->pid != pid) {
        p = &(*p)->next_pid;
    }

    return p;
}


held_t *
sessions_find_pid(const sessions_t *s, pid_t pid)
{
    return *pid_find(s, pid);
}


static void
pids_grow(sessions_t *s)
{
    uint32_t i, h, size;
    held_t **table, *p, *next;

    if (s->npids < s->pids_size) {
        return;
    }

    size = s->pids_size * 2;

    table = calloc(size, sizeof(held_t *));
    if (table == NULL) {
        return;
    }

    for (i = 0; i < s->pids_size; i++) {
        for (p = s->pids[i]; p != NULL; p = next) {
            next = p->next_pid;
            h = pid_hash(p->pid) & (size - 1);
            p->next_pid = table[h];
            table[h] = p;
        }
    }

    free(s->pids);
    s->pids = table;
    s->pids_size = size;
}


void
sessions_pid_set(sessions_t *s, held_t *session, pid_t pid)
{
    held_t **p;

    pids_grow(s);

    session->pid = pid;

    p = &s->pids[pid_hash(pid) & (s->pids_size - 1)];
    session->next_pid = *p;
    *p = session;
    s->npids++;
}


void
sessions_pid_clear(sessions_t *s, held_t *session)
{
    held_t **p;

    if (session->pid == 0) {
        return;
    }

    p = &s->pids[pid_hash(session->pid) & (s->pids_size - 1)];

    while (*p != NULL && *p != session) {
        p = &(*p)->next_pid;
    }

    if (*p != NULL) {
        *p = session->next_pid;
        s->npids--;
    }

    session->pid = 0;
    session->next_pid = NULL;
}


static held_link_t *
link_of(const held_queue_t *q, held_t *session)
{
    return (held_link_t *) (void *) ((uint8_t *) session + q->link);
}


void
held_queue_init(held_queue_t *q, size_t link)
{
    memset(q, 0, sizeof(held_queue_t));
    q->link = link;
}


static int
is_queued(const held_queue_t *q, held_t *session)
{
    return q->first == session || link_of(q, session)->prev != NULL;
}


void
held_queue_add(held_queue_t *q, held_t *session)
{
    if (is_queued(q, session)) {
        return;
    }

    link_of(q, session)->prev = q->last;
    link_of(q, session)->next = NULL;

    if (q->last != NULL) {
        link_of(q, q->last)->next = session;

    } else {
        q->first = session;
    }

    q->last = session;
    q->count++;
}


void
held_queue_remove(held_queue_t *q, held_t *session)
{
    held_link_t *l;

    if (!is_queued(q, session)) {
        return;
    }

    l = link_of(q, session);

    if (l->prev != NULL) {
        link_of(q, l->prev)->next = l->next;

    } else {
        q->first = l->next;
    }

    if (l->next != NULL) {
        link_of(q, l->next)->prev = l->prev;

    } else {
        q->last = l->prev;
    }

    l->prev = NULL;
    l->next = NULL;
    q->count--;
}
