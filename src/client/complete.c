#include "complete.h"

#include "typed.h"

#include <stdio.h>
#include <string.h>


void
complete_begin(complete_t *t, eirc_slice_t word, bool first)
{
    memset(t, 0, sizeof(complete_t));

    if (word.len > 0 && word.len <= COMPLETE_WORD_MAX) {
        memcpy(t->word, word.p, word.len);
        t->active = true;
        t->first = first;
    }
}


void
complete_end(complete_t *t)
{
    t->active = false;
}


/* Does it begin with the word? *n more of those are passed over. */
static bool
fits(const complete_t *t, const chat_t *c, eirc_slice_t name, unsigned *n)
{
    size_t len;

    len = strlen(t->word);

    if (name.len < len || name.len > COMPLETE_WORD_MAX
        || !eirc_irc_equal(c->isupport.casemap, eirc_slice(name.p, len),
                           eirc_slice(t->word, len)))
    {
        return false;
    }

    return (*n)-- == 0;
}


static bool
command_find(const complete_t *t, const chat_t *c, unsigned n,
             eirc_slice_t *found)
{
    unsigned i;

    for (i = 0; typed_command(i) != NULL; i++) {
        *found = eirc_slice_str(typed_command(i));

        if (fits(t, c, *found, &n)) {
            return true;
        }
    }

    return false;
}


static bool
channel_find(const complete_t *t, const chat_t *c, unsigned n,
             eirc_slice_t *found)
{
    unsigned i;

    for (i = 1; i < c->windows.count; i++) {
        *found = eirc_slice_str(c->windows.list[i]->name);

        if (c->windows.list[i]->kind == WINDOW_CHANNEL
            && fits(t, c, *found, &n)) {
            return true;
        }
    }

    return false;
}


static bool
nick_find(const complete_t *t, const chat_t *c, unsigned n,
          eirc_slice_t *found)
{
    uint8_t prefixes;
    uint32_t cursor;
    window_t *w;

    w = windows_active(&c->windows);
    cursor = 0;

    if (w->kind == WINDOW_QUERY) {
        *found = eirc_slice_str(w->name);
        return fits(t, c, *found, &n);
    }

    while (members_next(&w->members, &cursor, found, &prefixes)) {

        if (!chat_is_own(c, *found) && fits(t, c, *found, &n)) {
            return true;
        }
    }

    return false;
}


static bool
find(const complete_t *t, const chat_t *c, unsigned n, eirc_slice_t *found,
     const char **behind)
{
    *behind = " ";

    if (t->first && t->word[0] == '/') {
        return command_find(t, c, n, found);
    }

    if (strchr(c->isupport.chantypes, t->word[0]) != NULL) {
        return channel_find(t, c, n, found);
    }

    *behind = t->first ? ": " : " ";

    return nick_find(t, c, n, found);
}


bool
complete_next(complete_t *t, const chat_t *c, char out[COMPLETE_MAX])
{
    const char *behind;
    eirc_slice_t found;

    if (!t->active) {
        return false;
    }

    if (!find(t, c, t->next, &found, &behind)) {

        if (t->next == 0 || !find(t, c, 0, &found, &behind)) {
            return false;
        }

        t->next = 0;
    }

    t->next++;
    (void) snprintf(out, COMPLETE_MAX, "%.*s%s", CHAT_SLICE(found), behind);

    return true;
}
