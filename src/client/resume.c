#include "resume.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>

#include "birth.h"
#include "held.h"
#include "revive.h"

/* which of both is nothing for whoever asks */
#define NONE "there is none, or with another key"


/* Is that hash one of a key, and the same? Takes as long for any two. */
static bool
is_key(const uint8_t *key, const uint8_t *other)
{
    static const uint8_t none[EIRC_LINK_KEY_SIZE];

    return CRYPTO_memcmp(key, none, EIRC_LINK_KEY_SIZE) != 0
           && CRYPTO_memcmp(key, other, EIRC_LINK_KEY_SIZE) == 0;
}


/* Is the key presented that of the session? The next one becomes the current
 * one by it. */
static bool
key_take(held_t *s, const uint8_t *key)
{
    if (is_key(s->next_key, key)) {
        memcpy(s->key, s->next_key, sizeof(s->key));
        return true;
    }

    return is_key(s->key, key);
}


static void
refuse(int fd, eirc_link_reason_e reason, const char *id, const char *text)
{
    log_write(reason == EIRC_LINK_GONE ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, 0,
              id, "session not resumed: %s", text);
    held_link_refuse(&fd, reason, text);
}


/* The present browser is told here, and not by the process, which may die
 * before it hears of the other one. */
static void
link_replace(held_t *s, int fd, const eirc_link_resume_t *request)
{
    held_link_end(&s->link, EIRC_LINK_TAKEN);

    s->link = fd;
    s->cpu = request->cpu;
    s->attachment++;
    s->attach_flags = CONTROL_ATTACH_RESUME;
    s->attach_lines = request->lines;
    memcpy(s->next_key, request->next, sizeof(s->next_key));
    sessions_attach(s);

    log_write(LOG_LEVEL_INFO, 0, s->id, "session resumed");

    birth_attach(s);
}


/* Why the browser does not get the session; NULL: it does. */
static const char *
resume_check(layer_t *l, held_t *s, const eirc_link_resume_t *request,
             eirc_link_reason_e *reason)
{
    *reason = EIRC_LINK_GONE;

    if (!s->resumable || s->doomed || !key_take(s, request->key)) {
        return NONE;
    }

    *reason = EIRC_LINK_BAD_REQUEST;

    if (s->mode != request->mode) {
        return "another subprotocol";
    }

    *reason = EIRC_LINK_LIMIT;

    if (!s->attached && s->limit != 0
        && sessions_of(&l->sessions, s->account->name, s->account->len)
               >= s->limit)
    {
        return "the account has its sessions";
    }

    return NULL;
}


/* A session that nobody has but a file. */
static void
resume_restored(layer_t *l, int fd, const eirc_link_resume_t *request)
{
    int rc;
    held_t *s;
    const char *why;
    eirc_link_reason_e reason;

    rc = revive_find(l, request->id, request->id_len, &s);

    if (rc == EIRC_ERROR) {
        refuse(fd, EIRC_LINK_NO_ROOM, NULL, "it can't be brought back now");
        return;
    }

    if (rc != EIRC_OK) {
        refuse(fd, EIRC_LINK_GONE, NULL, NONE);
        return;
    }

    why = resume_check(l, s, request, &reason);

    if (why != NULL) {
        refuse(fd, reason, reason == EIRC_LINK_GONE ? NULL : s->id, why);
        revive_drop(l, s);
        return;
    }

    if (revive_take(l, s) == -1) {
        refuse(fd, EIRC_LINK_FAILED, NULL, "its file can't be taken away");
        return;
    }

    link_replace(s, fd, request);
    revive_begin(l, s);
}


void
resume_begin(layer_t *l, int fd, const eirc_link_resume_t *request)
{
    held_t *s;
    const char *why;
    eirc_link_reason_e reason;

    if (l->stop_until != 0) {
        refuse(fd, EIRC_LINK_SHUTDOWN, NULL, "the socket layer is ending");
        return;
    }

    s = sessions_find_id(&l->sessions, request->id, request->id_len);

    /* its process may be on its way from a layer that has died */

    if (s == NULL && l->now < l->adopts_until) {
        refuse(fd, EIRC_LINK_FAILED, NULL,
               "it has not come to this layer yet");
        return;
    }

    if (s == NULL) {
        resume_restored(l, fd, request);
        return;
    }

    why = resume_check(l, s, request, &reason);

    if (why != NULL) {
        refuse(fd, reason, reason == EIRC_LINK_GONE ? NULL : s->id, why);
        return;
    }

    link_replace(s, fd, request);
}
