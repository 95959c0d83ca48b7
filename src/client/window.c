#include "window.h"

#include <stdlib.h>
#include <string.h>


/* one window */

static window_t *
window_create(window_kind_e kind, eirc_slice_t name, eirc_irc_casemap_e map,
              uint32_t seed)
{
    window_t *w;

    if (name.len == 0 || name.len > WINDOW_NAME_MAX) {
        return NULL;
    }

    w = calloc(1, sizeof(window_t));

    if (w != NULL) {
        w->kind = kind;
        memcpy(w->name, name.p, name.len);
        members_init(&w->members, map, seed);
    }

    return w;
}


static void
line_drop(window_t *w)
{
    window_line_t *line;

    line = w->lines[w->first];
    w->bytes -= line->len;
    w->first = (w->first + 1) % WINDOW_LINES_MAX;
    w->count--;

    if (w->below > 0 && w->below >= w->count) {
        w->below--;
    }

    free(line);
}


static void
window_destroy(window_t *w)
{
    while (w->count > 0) {
        line_drop(w);
    }

    members_done(&w->members);
    free(w);
}


static bool
line_add(window_t *w, time_t now, const char *text, size_t len)
{
    window_line_t *line;

    line = malloc(sizeof(window_line_t) + len + 1);

    if (line == NULL) {
        return false;
    }

    line->time = now;
    line->len = len;
    memcpy(line->text, text, len);
    line->text[len] = '\0';

    while (w->count == WINDOW_LINES_MAX
           || (w->count > 0 && w->bytes + len > WINDOW_BYTES_MAX))
    {
        line_drop(w);
    }

    w->lines[(w->first + w->count) % WINDOW_LINES_MAX] = line;
    w->count++;
    w->bytes += len;

    /* who reads older lines goes on reading them */

    w->below += w->below > 0;

    return true;
}


const window_line_t *
window_line(const window_t *w, unsigned i)
{
    return w->lines[(w->first + i) % WINDOW_LINES_MAX];
}


/* scrolling */

static unsigned
line_rows(const window_t *w, unsigned i, int columns)
{
    const window_line_t *line;

    line = window_line(w, i);

    return text_rows(text_of(line->text, line->len), columns);
}


/* As many lines below the view as there may be: the oldest are on top. */
static unsigned
below_max(const window_t *w, unsigned rows, int columns)
{
    unsigned i, used;

    used = 0;

    for (i = 0; i < w->count; i++) {
        used += line_rows(w, i, columns);

        if (used > rows) {
            break;
        }
    }

    return i < w->count ? w->count - (i > 0 ? i : 1) : 0;
}


void
window_page_up(window_t *w, unsigned rows, int columns)
{
    unsigned used, max, below;

    max = below_max(w, rows, columns);
    below = w->below;
    used = 0;

    while (below < max) {
        used += line_rows(w, w->count - 1 - below, columns);

        if (used >= rows && below > w->below) {
            break;
        }

        below++;
    }

    w->below = below;
}


void
window_page_down(window_t *w, unsigned rows, int columns)
{
    unsigned used, below;

    below = w->below;
    used = 0;

    while (below > 0) {
        used += line_rows(w, w->count - below, columns);

        if (used >= rows && below < w->below) {
            break;
        }

        below--;
    }

    w->below = below;
}


/* all of them */

int
windows_init(windows_t *ws, const char *server)
{
    memset(ws, 0, sizeof(windows_t));

    return windows_open(ws, EIRC_IRC_ASCII, WINDOW_SERVER,
                        eirc_slice_str(server), 0)
                   == NULL
               ? EIRC_ERROR
               : EIRC_OK;
}


void
windows_done(windows_t *ws)
{
    unsigned i;

    for (i = 0; i < ws->count; i++) {
        window_destroy(ws->list[i]);
    }

    memset(ws, 0, sizeof(windows_t));
}


window_t *
windows_active(const windows_t *ws)
{
    return ws->list[ws->active];
}


window_t *
windows_find(const windows_t *ws, eirc_irc_casemap_e map, eirc_slice_t name)
{
    unsigned i;

    for (i = 1; i < ws->count; i++) {

        if (eirc_irc_equal(map, eirc_slice_str(ws->list[i]->name), name)) {
            return ws->list[i];
        }
    }

    return NULL;
}


window_t *
windows_open(windows_t *ws, eirc_irc_casemap_e map, window_kind_e kind,
             eirc_slice_t name, uint32_t seed)
{
    window_t *w;

    w = windows_find(ws, map, name);

    if (w != NULL || ws->count == WINDOWS_MAX) {
        return w;
    }

    w = window_create(kind, name, map, seed);

    if (w != NULL) {
        ws->list[ws->count++] = w;
    }

    return w;
}


void
windows_close(windows_t *ws, unsigned n)
{
    unsigned i;

    if (n == 0 || n >= ws->count) {
        return;
    }

    window_destroy(ws->list[n]);
    ws->count--;

    for (i = n; i < ws->count; i++) {
        ws->list[i] = ws->list[i + 1];
    }

    if (ws->active >= n) {
        windows_show(ws, ws->active - 1);
    }
}


void
windows_show(windows_t *ws, unsigned n)
{
    window_t *w;

    if (n >= ws->count) {
        return;
    }

    ws->active = n;
    w = ws->list[n];
    w->unread = 0;
    w->called = false;
    w->events = false;
}


/* How much there is to look at. */
static int
urgency(const window_t *w)
{
    return w->called ? 3 : w->unread > 0 ? 2 : w->events ? 1 : 0;
}


void
windows_show_unread(windows_t *ws)
{
    unsigned i, n, best;

    best = ws->active;

    for (i = 1; i < ws->count; i++) {
        n = (ws->active + i) % ws->count;

        if (urgency(ws->list[n]) > urgency(ws->list[best])) {
            best = n;
        }
    }

    windows_show(ws, best);
}


unsigned
windows_number(const windows_t *ws, const window_t *w)
{
    unsigned i;

    for (i = 0; i < ws->count && ws->list[i] != w; i++) {
        /* void */
    }

    return i;
}


void
windows_add(windows_t *ws, window_t *w, window_weight_e weight, time_t now,
            const char *text, size_t len)
{
    if (!line_add(w, now, text, len) || w == windows_active(ws)) {
        return;
    }

    if (weight == WINDOW_EVENT) {
        w->events = true;
        return;
    }

    w->unread++;
    w->called = w->called || weight == WINDOW_CALL;
}
