#include "crowd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_codes.h"


int
crowd_make(crowd_t *c, unsigned nusers)
{
    unsigned i;

    if (nusers == 0 || nusers > CROWD_USERS_MAX) {
        return -1;
    }

    c->users = calloc(nusers, sizeof(user_t));

    if (c->users == NULL) {
        return -1;
    }

    c->nusers = nusers;

    for (i = 0; i < nusers; i++) {
        c->users[i].crowd = c;
        c->users[i].index = i;
        c->users[i].browser.user = &c->users[i];
        c->users[i].browser.stream.source.fd = -1;
        c->users[i].browser.state = BROWSER_LEFT;
    }

    crowd_mark(c);

    return 0;
}


static void
trouble_put(user_t *u, const char *format, va_list args)
{
    int n;
    size_t room;
    char *p;
    figures_t *f;

    f = &u->crowd->figures;

    if (f->ntroubles < CROWD_TROUBLES) {
        p = f->troubles[f->ntroubles];
        room = sizeof(f->troubles[0]);
        n = snprintf(p, room, "user %" PRIu32 ": ", u->index);
        (void) vsnprintf(p + n, room - (size_t) n, format, args);

        /* they are printed as JSON */

        for (; *p != '\0'; p++) {
            if (*p < ' ' || *p == '"' || *p == '\\' || *p > '~') {
                *p = '?';
            }
        }
    }

    f->ntroubles++;
}


void
crowd_trouble(user_t *u, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    trouble_put(u, format, args);
    va_end(args);
}


void
crowd_expect(user_t *u, const char *format, ...)
{
    va_list args;

    if (!u->lenient) {
        va_start(args, format);
        trouble_put(u, format, args);
        va_end(args);
    }
}


void
crowd_code(crowd_t *c, int code)
{
    int i;
    uint64_t now;
    crowd_code_t *list;

    list = c->figures.codes;

    for (i = 0; i < CROWD_CODES - 1; i++) {
        if (list[i].n == 0 || list[i].code == code) {
            break;
        }
    }

    list[i].code = code;
    list[i].n++;

    if (code == EIRC_WS_CODE_RESTART) {
        now = loop_now();
        c->figures.last_restart = now;

        if (c->figures.first_restart == 0) {
            c->figures.first_restart = now;
        }
    }
}


void
crowd_mark(crowd_t *c)
{
    memset(&c->figures, 0, sizeof(c->figures));
    c->figures.begun = loop_now();
}


user_t *
crowd_find(crowd_t *c, eirc_slice_t nick)
{
    size_t i, len;
    unsigned index;

    len = strlen(c->prefix);

    if (nick.len <= len || nick.len > len + 4
        || memcmp(nick.p, c->prefix, len) != 0)
    {
        return NULL;
    }

    for (index = 0, i = len; i < nick.len; i++) {
        if (nick.p[i] < '0' || nick.p[i] > '9') {
            return NULL;
        }

        index = index * 10 + nick.p[i] - '0';
    }

    return index < c->nusers ? &c->users[index] : NULL;
}


size_t
crowd_nick(const user_t *u, char *out, size_t cap)
{
    return (size_t) snprintf(out, cap, "%s%" PRIu32, u->crowd->prefix,
                             u->index);
}


bool
crowd_may_send(const crowd_t *c, flow_t *f, uint64_t now)
{
    uint32_t done;

    done = f->next > f->waved ? f->next : f->waved;

    if (!c->talking || f->sent - done >= c->window || now < f->after) {
        return false;
    }

    if (c->pace_us > 0) {
        f->after = now + (uint64_t) line_random(c->pace_us) * 1000;
    }

    return true;
}


/* Times of the line that ends a pause. */
static void
pause_end(user_t *u, const line_t *line)
{
    uint64_t now;
    figures_t *f;

    if (u->killed_by == 0) {
        return;
    }

    f = &u->crowd->figures;
    now = loop_now();

    if (u->killed != 0) {
        histogram_add(&f->pause, now - u->killed);
        u->killed = 0;
    }

    if (line->time > u->killed_by) {
        histogram_add(&f->delay, now - u->killed_by);
        u->killed_by = 0;
    }
}


void
crowd_heard(user_t *u, line_way_e way, eirc_slice_t text)
{
    line_t line;
    flow_t *flow;
    figures_t *f;
    const char *name;

    f = &u->crowd->figures;
    flow = way == LINE_UP ? &u->up : &u->down;
    name = way == LINE_UP ? "up" : "down";
    line.way = way;

    if (line_take(&line, text) != EIRC_OK) {
        f->spoiled++;
        crowd_expect(u, "%s: spoiled: %.*s", name, (int) text.len,
                     (const char *) text.p);
        return;
    }

    if (line.user != u->index) {
        f->leaked++;
        crowd_trouble(u, "%s: a line of user %" PRIu32, name, line.user);
        return;
    }

    if (line.number < flow->next) {
        f->doubled += !u->lenient;
        crowd_expect(u, "%s: %" PRIu32 " where %" PRIu32 " has to come", name,
                     line.number, flow->next);
        return;
    }

    if (line.number > flow->next) {
        if (u->lenient) {
            f->waved += line.number - flow->next;

        } else {
            f->lost += line.number - flow->next;
            crowd_trouble(u, "%s: %" PRIu32 " where %" PRIu32 " has to come",
                          name, line.number, flow->next);
        }
    }

    flow->next = line.number + 1;

    if (way == LINE_UP) {
        f->up++;
        return;
    }

    f->down++;
    pause_end(u, &line);
}


void
crowd_wave(user_t *u, flow_t *f)
{
    if (u->lenient) {
        f->waved = f->sent;
    }
}


void
crowd_killed(user_t *u, uint64_t time)
{
    if (u->killed_by == 0) {
        u->killed = time;
        u->killed_by = time;
    }
}
