#include "browser.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "eirc_irc.h"
#include "server.h"

#define PATH_SIZE 512

/* lines in one message, at most; one of so many messages is such a one, or
 * empty, or a question */
#define LINES_MAX 4
#define LINES_EACH 4
#define OTHER_EACH 64

/* handshakes at a time */
#define COMING_MAX 64

/* ms until it comes back, at most */
#define BACK_TIME 300

#define OUT_MAX 65536

/* connections left standing, at most */
#define SILENT_MAX 16

static struct {
    int fds[SILENT_MAX];
    unsigned n;
} silent;


/* a close frame of a browser */
static const uint8_t close_frame[]
    = {EIRC_WS_FIN | EIRC_WS_CLOSE, 0x82, 0, 0, 0, 0, 0x03, 0xe8};


static void
message_send(browser_t *b, const message_t *m)
{
    unsigned i;
    size_t len;
    line_t line;
    uint8_t text[LINES_MAX * (LINE_MAX_SIZE + 32)];

    if (m->kind == MESSAGE_ASK) {
        stream_put(&b->stream, "/channels", 9);
        return;
    }

    len = 0;

    for (i = 0; i < m->n; i++) {
        line.way = LINE_UP;
        line.user = b->user->index;
        line.number = m->first + i;
        line.time = 1;

        len += (size_t) snprintf((char *) text + len, 32,
                                 "%sPRIVMSG %s :", i == 0 ? "" : "\n",
                                 SERVER_CHANNEL);
        len += line_make(text + len, &line);
    }

    stream_put(&b->stream, text, len);
}


/* kept messages */

static message_t *
kept_at(const browser_t *b, size_t i)
{
    return &b->kept[(b->kept_first + i) % b->kept_size];
}


static void
kept_add(browser_t *b, message_t m)
{
    size_t i, size;
    message_t *list;

    if (b->kept_n == b->kept_size) {
        size = b->kept_size * 2 + 16;
        list = calloc(size, sizeof(message_t));

        if (list == NULL) {
            abort();
        }

        for (i = 0; i < b->kept_n; i++) {
            list[i] = *kept_at(b, i);
        }

        free(b->kept);
        b->kept = list;
        b->kept_size = size;
        b->kept_first = 0;
    }

    b->kept_n++;
    *kept_at(b, b->kept_n - 1) = m;
}


static void
kept_drop(browser_t *b, size_t n)
{
    if (n > 0) {
        b->kept_first = (b->kept_first + n) % b->kept_size;
        b->kept_n -= n;
        b->base += n;
    }
}


/* What has come to the IRC server has been counted as well. */
static void
kept_trim(browser_t *b)
{
    size_t i;
    message_t *m;

    for (i = 0; i < b->kept_n; i++) {
        m = kept_at(b, i);

        if (m->kind != MESSAGE_LINES) {
            continue;
        }

        if (m->first + m->n > b->user->up.next) {
            return;
        }

        kept_drop(b, i + 1);
        i = (size_t) -1;
    }
}


static void
kept_clear(browser_t *b)
{
    size_t i;

    for (i = 0; i < b->kept_n; i++) {
        b->asked_lost += kept_at(b, i)->kind == MESSAGE_ASK;
    }

    b->kept_first = 0;
    b->kept_n = 0;
    b->base = 0;
}


/* greetings */

/* ":client session ID KEY LINGER": a session begins, or begins anew. */
static void
session_begins(browser_t *b, eirc_slice_t id, eirc_slice_t key)
{
    user_t *u;

    u = b->user;
    u->crowd->figures.sessions++;

    if (b->told) {
        crowd_expect(u, "its session began anew");
        crowd_wave(u, &u->up);
        crowd_wave(u, &u->down);
        kept_clear(b);
    }

    b->told = true;
    b->received = 0;
    b->state = BROWSER_THERE;

    (void) snprintf(b->key, sizeof(b->key), "%.*s.%.*s", (int) id.len,
                    (const char *) id.p, (int) key.len, (const char *) key.p);
}


/* ":client resumed M KEY2" */
static void
session_resumed(browser_t *b, eirc_slice_t count, eirc_slice_t key)
{
    size_t i;
    user_t *u;
    uint64_t m, now;
    char digits[24];
    const message_t empty = {0, 0, MESSAGE_EMPTY};

    u = b->user;
    now = loop_now();

    (void) snprintf(digits, sizeof(digits), "%.*s", (int) count.len,
                    (const char *) count.p);
    m = strtoull(digits, NULL, 10);

    if (m < b->base || m > b->base + b->kept_n) {
        crowd_trouble(u,
                      "resumed with %" PRIu64 ", not %" PRIu64 " to %" PRIu64,
                      m, b->base, b->base + b->kept_n);
    } else {
        kept_drop(b, m - b->base);
    }

    /* the ID stays */

    i = (size_t) (strchr(b->key, '.') - b->key);
    (void) snprintf(b->key + i + 1, sizeof(b->key) - i - 1, "%.*s",
                    (int) key.len, (const char *) key.p);

    u->crowd->figures.resumed++;
    u->crowd->figures.last_resumed = now;
    histogram_add(&u->crowd->figures.back, now - b->at);
    b->state = BROWSER_THERE;

    for (i = 0; i < b->kept_n; i++) {
        message_send(b, kept_at(b, i));
    }

    /* it says something at once, so that the new key is the only one; or, as
     * a page that is cut off again, it doesn't */

    if (line_random(4) > 0) {
        kept_add(b, empty);
        message_send(b, &empty);
    }

    stream_flush(&b->stream);
}


/* What the module says by itself isn't counted. */
static bool
greeting_take(browser_t *b, const eirc_irc_msg_t *msg)
{
    char digits[24];
    eirc_slice_t word;

    if (!eirc_slice_equal(msg->source, EIRC_SLICE("client"))
        || !b->user->crowd->resume)
    {
        return false;
    }

    if (eirc_irc_verb_is(msg, "SESSION")) {
        session_begins(b, eirc_irc_param(msg, 0), eirc_irc_param(msg, 1));
        return true;
    }

    if (eirc_irc_verb_is(msg, "RESUMED")) {
        session_resumed(b, eirc_irc_param(msg, 0), eirc_irc_param(msg, 1));
        return true;
    }

    if (eirc_irc_verb_is(msg, "GAP")) {
        word = eirc_irc_param(msg, 0);
        (void) snprintf(digits, sizeof(digits), "%.*s", (int) word.len,
                        (const char *) word.p);
        b->received = strtoull(digits, NULL, 10);
        b->user->crowd->figures.gaps++;

        crowd_expect(b->user, "a gap");
        crowd_wave(b->user, &b->user->down);
        return true;
    }

    return false;
}


/* lines */

/* what the product itself says */
static void
client_said(browser_t *b, const eirc_irc_msg_t *msg, const uint8_t *line,
            size_t len)
{
    user_t *u;

    u = b->user;

    if (eirc_irc_verb_is(msg, "CHANNELS")) {
        b->answered++;
        return;
    }

    u->crowd->figures.errors++;

    crowd_expect(u, "told: %.*s", (int) len, (const char *) line);
}


static bool
is_numeric(const eirc_irc_msg_t *msg)
{
    return msg->verb.len == 3 && msg->verb.p[0] >= '0'
           && msg->verb.p[0] <= '9';
}


static void
browser_line(stream_t *s, const uint8_t *line, size_t len)
{
    user_t *u;
    browser_t *b;
    eirc_irc_msg_t msg;

    b = (browser_t *) s;
    u = b->user;

    if (eirc_irc_parse(&msg, line, len) != EIRC_OK) {
        u->crowd->figures.spoiled++;
        crowd_expect(u, "no line: %.*s", (int) len, (const char *) line);
        return;
    }

    if (greeting_take(b, &msg)) {
        return;
    }

    b->received++;

    if (b->state == BROWSER_GREETING) {
        crowd_expect(u, "no greeting before %.*s", (int) len,
                     (const char *) line);
        b->state = BROWSER_THERE;
    }

    if (eirc_irc_verb_is(&msg, "PRIVMSG")
        && eirc_slice_equal(msg.nick, EIRC_SLICE("soak")))
    {
        crowd_heard(u, LINE_DOWN, eirc_irc_param(&msg, 1));
        server_talk(u, loop_now());

    } else if (eirc_slice_equal(msg.source, EIRC_SLICE("client"))) {
        client_said(b, &msg, line, len);

    } else if (eirc_irc_verb_is(&msg, "366")) {
        b->joined = true;

    } else if (!is_numeric(&msg) && !eirc_irc_verb_is(&msg, "JOIN")
               && !eirc_irc_verb_is(&msg, "CAP"))
    {
        u->crowd->figures.strange++;
        crowd_expect(u, "the browser got %.*s", (int) len,
                     (const char *) line);
    }
}


static void
browser_opened(stream_t *s)
{
    browser_t *b;

    b = (browser_t *) s;
    b->user->crowd->coming--;
    b->user->crowd->figures.opened++;
    b->state = b->user->crowd->resume ? BROWSER_GREETING : BROWSER_THERE;
}


static void
browser_away(browser_t *b)
{
    if (b->state == BROWSER_COMING) {
        b->user->crowd->coming--;
    }

    b->state = BROWSER_AWAY;
    b->at = loop_now() + line_random(BACK_TIME) * LOOP_MS;
    b->cut = false;
}


static void
browser_closed(stream_t *s, int code, const char *why)
{
    user_t *u;
    browser_t *b;

    b = (browser_t *) s;
    u = b->user;

    if (b->state == BROWSER_LEFT) {
        return;
    }

    if (!b->cut) {
        crowd_code(u->crowd, code);

        if (!u->crowd->resume || (code >= 4500 && code < 5000)
            || code == EIRC_WS_CODE_POLICY || (code >= 200 && code < 500))
        {
            crowd_expect(u, "closed with %d, %s", code, why);

            /* there is nothing to come back to */

            b->key[0] = '\0';
            b->joined = false;
            u->lenient = true;
        }
    }

    browser_away(b);
}


static const stream_calls_t calls
    = {browser_opened, browser_line, browser_closed};


static void
browser_come(browser_t *b)
{
    crowd_t *c;
    char path[PATH_SIZE];
    struct sockaddr_in from;

    c = b->user->crowd;

    if (b->key[0] != '\0') {
        (void) snprintf(path, sizeof(path), "%s%s.%" PRIu64, c->resume_path,
                        b->key, b->received);

    } else {
        (void) snprintf(path, sizeof(path), "%s%s%" PRIu32 "-%u%s", c->path,
                        c->prefix, b->user->index, b->tries++,
                        c->resume ? "&resume=" : "");
    }

    memset(&from, 0, sizeof(from));
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    b->state = BROWSER_COMING;
    c->coming++;

    if (stream_connect(&b->stream, &c->loop, &calls, STREAM_WS, &from,
                       &c->http, path)
        == -1)
    {
        crowd_trouble(b->user, "no connection");
        browser_away(b);
    }
}


void
browser_begin(user_t *u)
{
    browser_t *b;

    b = &u->browser;
    kept_clear(b);
    b->state = BROWSER_AWAY;
    b->at = loop_now();
    b->key[0] = '\0';
    b->joined = false;
    b->told = false;
    b->cut = false;
    b->received = 0;
}


void
browser_tick(user_t *u, uint64_t now)
{
    browser_t *b;

    b = &u->browser;

    if (b->state == BROWSER_AWAY && now >= b->at
        && u->crowd->coming < COMING_MAX) {
        browser_come(b);
    }
}


/* The next message, whose lines are as many as the flow allows. */
static message_t
message_make(user_t *u, uint64_t now)
{
    message_t m;
    unsigned n;

    m.first = u->up.sent++;
    m.n = 1;
    m.kind = MESSAGE_LINES;
    n = line_random(LINES_EACH) == 0 ? 1 + line_random(LINES_MAX) : 1;

    while (m.n < n && crowd_may_send(u->crowd, &u->up, now)) {
        u->up.sent++;
        m.n++;
    }

    return m;
}


void
browser_talk(user_t *u, uint64_t now)
{
    browser_t *b;
    message_t m, other;

    b = &u->browser;

    if (b->state != BROWSER_THERE || !b->joined) {
        return;
    }

    kept_trim(b);

    while (b->stream.out_len < OUT_MAX
           && crowd_may_send(u->crowd, &u->up, now)) {

        if (line_random(OTHER_EACH) == 0) {
            memset(&other, 0, sizeof(other));
            other.kind = line_random(2) == 0 ? MESSAGE_EMPTY : MESSAGE_ASK;
            b->asked += other.kind == MESSAGE_ASK;
            kept_add(b, other);
            message_send(b, &other);
        }

        m = message_make(u, now);
        kept_add(b, m);
        message_send(b, &m);
    }

    stream_flush(&b->stream);
}


void
browser_sweep(bool all)
{
    while (silent.n > 0 && (all || silent.n == SILENT_MAX)) {
        (void) close(silent.fds[0]);
        silent.n--;
        memmove(silent.fds, silent.fds + 1, silent.n * sizeof(int));
    }
}


void
browser_cut(user_t *u, browser_cut_e how)
{
    size_t n;
    browser_t *b;
    struct linger linger;

    b = &u->browser;

    if (b->state != BROWSER_THERE && b->state != BROWSER_GREETING) {
        return;
    }

    u->crowd->figures.cuts++;
    b->cut = true;

    if (how == BROWSER_CUT_CLEAN) {

        /* what comes until nginx closes is read */

        (void) shutdown(b->stream.source.fd, SHUT_WR);
        return;
    }

    if (how == BROWSER_CUT_RESET) {
        linger.l_onoff = 1;
        linger.l_linger = 0;
        (void) setsockopt(b->stream.source.fd, SOL_SOCKET, SO_LINGER, &linger,
                          sizeof(linger));

    } else if (how == BROWSER_CUT_SILENT) {
        browser_sweep(false);
        (void) epoll_ctl(u->crowd->loop.epoll, EPOLL_CTL_DEL,
                         b->stream.source.fd, NULL);
        silent.fds[silent.n++] = dup(b->stream.source.fd);

    } else if (b->stream.out_len == 0) {
        stream_put(&b->stream, "PRIVMSG " SERVER_CHANNEL " :never whole", 27);
        n = 1 + line_random((uint32_t) b->stream.out_len - 1);
        (void) send(b->stream.source.fd, b->stream.out, n,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    stream_drop(&b->stream);
    browser_away(b);
}


void
browser_leave(user_t *u)
{
    browser_t *b;

    b = &u->browser;

    if (b->state == BROWSER_THERE || b->state == BROWSER_GREETING) {

        /* nginx closes */

        (void) send(b->stream.source.fd, close_frame, sizeof(close_frame),
                    MSG_NOSIGNAL | MSG_DONTWAIT);

    } else if (b->stream.source.fd != -1) {
        u->crowd->coming -= b->state == BROWSER_COMING;
        stream_drop(&b->stream);
    }

    b->state = BROWSER_LEFT;
}
