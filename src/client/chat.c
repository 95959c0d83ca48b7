#include "chat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>


int
chat_init(chat_t *c, const char *server, const char *nick, uint32_t seed)
{
    memset(c, 0, sizeof(chat_t));
    isupport_init(&c->isupport);
    (void) snprintf(c->nick, sizeof(c->nick), "%s", nick);
    c->seed = seed;
    c->dirty = true;

    return windows_init(&c->windows, server);
}


void
chat_done(chat_t *c)
{
    windows_done(&c->windows);
}


bool
chat_is_own(const chat_t *c, eirc_slice_t nick)
{
    return eirc_irc_equal(c->isupport.casemap, eirc_slice_str(c->nick), nick);
}


bool
chat_is_channel(const chat_t *c, eirc_slice_t name)
{
    return isupport_is_channel(&c->isupport, name);
}


/* windows */

window_t *
chat_find(const chat_t *c, eirc_slice_t name)
{
    return windows_find(&c->windows, c->isupport.casemap, name);
}


window_t *
chat_server(const chat_t *c)
{
    return c->windows.list[0];
}


window_t *
chat_open(chat_t *c, window_kind_e kind, eirc_slice_t name)
{
    window_t *w;

    w = windows_open(&c->windows, c->isupport.casemap, kind, name, c->seed);
    c->dirty = true;

    return w == NULL ? chat_server(c) : w;
}


static void print(chat_t *c, window_t *w, window_weight_e weight,
                  const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));


static void
print(chat_t *c, window_t *w, window_weight_e weight, const char *format,
      va_list args)
{
    int n;
    char words[CHAT_LINE_MAX], text[CHAT_LINE_MAX];
    size_t len;

    n = vsnprintf(words, sizeof(words), format, args);

    if (n < 0) {
        return;
    }

    len = (size_t) n < sizeof(words) ? (size_t) n : sizeof(words) - 1;
    len = text_clean(text, sizeof(text), eirc_slice(words, len));

    windows_add(&c->windows, w, weight, time(NULL), text, len);
    c->dirty = true;
}


void
chat_print(chat_t *c, window_t *w, window_weight_e weight, const char *format,
           ...)
{
    va_list args;

    va_start(args, format);
    print(c, w, weight, format, args);
    va_end(args);
}


void
chat_tell(chat_t *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    print(c, windows_active(&c->windows), WINDOW_EVENT, format, args);
    va_end(args);
}


/* messages */

int
chat_send(chat_t *c, const char *format, ...)
{
    int n;
    size_t room;
    va_list args;

    room = sizeof(c->out) - c->out_len;

    va_start(args, format);
    n = vsnprintf(c->out + c->out_len, room, format, args);
    va_end(args);

    /* the last byte is for LF, which takes the place of the zero */

    if (n < 0 || (size_t) n >= room) {
        return EIRC_AGAIN;
    }

    c->out_len += (size_t) n;
    c->out[c->out_len++] = '\n';

    return EIRC_OK;
}


eirc_slice_t
chat_next(const chat_t *c, bool ready)
{
    const char *p, *lf, *end;

    if (c->out_len == 0 || (!ready && !c->leaving)) {
        return eirc_slice(NULL, 0);
    }

    p = c->out;
    end = c->out + c->out_len;
    lf = memchr(p, '\n', c->out_len);

    while (!ready && lf + 1 < end) {
        p = lf + 1;
        lf = memchr(p, '\n', (size_t) (end - p));
    }

    return eirc_slice(p, (size_t) (lf - p));
}


void
chat_sent(chat_t *c, eirc_slice_t message)
{
    size_t n;

    n = (size_t) ((const char *) message.p - c->out) + message.len + 1;
    c->out_len -= n;
    memmove(c->out, c->out + n, c->out_len);
}
