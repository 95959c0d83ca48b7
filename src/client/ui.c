#include "ui.h"

#include "chat.h"
#include "complete.h"
#include "edit.h"
#include "screen.h"
#include "show.h"
#include "typed.h"

#include "eirc_link.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define CONTROL(c) ((c) &0x1f)

/* There is one terminal. */
static struct {
    chat_t chat;
    edit_t edit;
    complete_t complete;
    size_t word; /* where the one begins that is being completed */
    int resized; /* signalfd */
    bool meta;   /* Alt, or Esc, came before */
    bool gone;   /* the terminal is */
} ui;


/* keys */

static void
key_enter(void)
{
    char line[EDIT_BYTES];
    size_t len;

    len = edit_take(&ui.edit, line);
    typed_line(&ui.chat, eirc_slice(line, len));
}


static void
key_tab(void)
{
    char word[COMPLETE_MAX * 4], out[COMPLETE_MAX];
    size_t len;

    if (!ui.complete.active) {
        ui.word = edit_word(&ui.edit);
        len = edit_copy(&ui.edit, ui.word, word, sizeof(word));
        complete_begin(&ui.complete, eirc_slice(word, len), ui.word == 0);
    }

    if (complete_next(&ui.complete, &ui.chat, out)) {
        edit_replace(&ui.edit, ui.word, out);
    }
}


static void
window_step(unsigned step)
{
    windows_t *ws;

    ws = &ui.chat.windows;
    windows_show(ws, (ws->active + step) % ws->count);
}


static void
key_next(void)
{
    window_step(1);
}


static void
key_previous(void)
{
    window_step(ui.chat.windows.count - 1);
}


static void
key_page_up(void)
{
    window_page_up(windows_active(&ui.chat.windows), screen_rows(),
                   screen_columns());
}


static void
key_page_down(void)
{
    window_page_down(windows_active(&ui.chat.windows), screen_rows(),
                     screen_columns());
}


/* What edits the line. */
static const struct {
    bool code; /* a key without a character */
    wint_t key;
    void (*run)(edit_t *e);
} edits[] = {
    {false, CONTROL('a'), edit_home},
    {false, CONTROL('b'), edit_left},
    {false, CONTROL('d'), edit_delete},
    {false, CONTROL('e'), edit_end},
    {false, CONTROL('f'), edit_right},
    {false, CONTROL('h'), edit_backspace},
    {false, CONTROL('k'), edit_kill_end},
    {false, CONTROL('u'), edit_kill_start},
    {false, CONTROL('w'), edit_kill_word},
    {false, 0x7f, edit_backspace},
    {true, SCREEN_KEY_BACKSPACE, edit_backspace},
    {true, SCREEN_KEY_DELETE, edit_delete},
    {true, SCREEN_KEY_DOWN, edit_newer},
    {true, SCREEN_KEY_END, edit_end},
    {true, SCREEN_KEY_HOME, edit_home},
    {true, SCREEN_KEY_LEFT, edit_left},
    {true, SCREEN_KEY_RIGHT, edit_right},
    {true, SCREEN_KEY_UP, edit_older},
};

/* What does anything else. */
static const struct {
    bool code;
    wint_t key;
    void (*run)(void);
} actions[] = {
    {false, CONTROL('l'), screen_repaint},
    {false, CONTROL('n'), key_next},
    {false, CONTROL('p'), key_previous},
    {false, '\n', key_enter},
    {false, '\r', key_enter},
    {true, SCREEN_KEY_ENTER, key_enter},
    {true, SCREEN_KEY_PAGE_DOWN, key_page_down},
    {true, SCREEN_KEY_PAGE_UP, key_page_up},
};


/* With Alt. */
static void
key_meta(wint_t key)
{
    switch (key) {

    case 'a':
        windows_show_unread(&ui.chat.windows);
        break;

    case 'b':
        edit_word_left(&ui.edit);
        break;

    case 'f':
        edit_word_right(&ui.edit);
        break;

    case 0x7f:
    case CONTROL('h'):
        edit_kill_word(&ui.edit);
        break;

    default:

        if (key >= '1' && key <= '9') {
            windows_show(&ui.chat.windows, key - '1');
        }
    }
}


static void
key_pressed(wint_t key, bool code)
{
    size_t i;

    ui.chat.dirty = true;

    if (ui.meta) {
        ui.meta = false;

        if (!code) {
            key_meta(key);
        }

        return;
    }

    if (!code && key == '\t') {
        key_tab();
        return;
    }

    complete_end(&ui.complete);

    if (!code && key == 0x1b) {
        ui.meta = true;
        return;
    }

    for (i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {

        if (edits[i].key == key && edits[i].code == code) {
            edits[i].run(&ui.edit);
            return;
        }
    }

    for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {

        if (actions[i].key == key && actions[i].code == code) {
            actions[i].run();
            return;
        }
    }

    if (!code) {
        edit_insert(&ui.edit, (wchar_t) key);
    }
}


/* All that were pressed, and the size, if it is another one. */
static void
terminal_read(void)
{
    int rc;
    bool code;
    wint_t key;
    struct signalfd_siginfo info;

    while (read(ui.resized, &info, sizeof(info)) > 0) {
        screen_resize();
        ui.chat.dirty = true;
    }

    for (;;) {
        rc = screen_key(&key, &code);

        if (rc != EIRC_OK) {
            break;
        }

        key_pressed(key, code);
    }

    ui.gone = rc == EIRC_DONE;

    /* Esc that nothing follows is a key of its own, for nothing */

    ui.meta = false;
}


static void
draw(void)
{
    if (ui.chat.dirty) {
        ui.chat.dirty = false;
        screen_draw(&ui.chat, &ui.edit);
    }
}


/* the browser */

static bool
is_ready(const session_t *s)
{
    return session_committed(s)->phase == SESSION_READY;
}


/* Takes the first message there is into the segment; false: there is none. */
static bool
message_take(session_t *s)
{
    eirc_slice_t message;

    message = chat_next(&ui.chat, is_ready(s));

    if (message.len == 0) {
        return false;
    }

    memcpy(s->message, message.p, message.len);
    session_message_add(s, message.len);
    session_commit(s);

    chat_sent(&ui.chat, message);

    return true;
}


static int
ui_receive(browser_t *b, session_t *s)
{
    terminal_read();
    draw();

    if (message_take(s)) {
        b->more = chat_next(&ui.chat, is_ready(s)).len > 0;
        return EIRC_OK;
    }

    b->more = false;

    return ui.gone ? EIRC_DONE : EIRC_AGAIN;
}


/* The line in the ring, which may be in two pieces; 0: there is none. */
static bool
line_next(const session_t *s, uint64_t *pos, uint8_t *buf, size_t *len)
{
    int i, n;
    struct iovec iov[2];

    n = session_ring_next(s, pos, iov);
    *len = 0;

    for (i = 0; i < n; i++) {
        memcpy(buf + *len, iov[i].iov_base, iov[i].iov_len);
        *len += iov[i].iov_len;
    }

    return n > 0;
}


static int
ui_send(browser_t *b, session_t *s)
{
    size_t len;
    uint8_t line[EIRC_LINK_LINE_MAX];
    uint32_t n;
    uint64_t pos;

    pos = s->state->ring_sent;

    for (n = 0; line_next(s, &pos, line, &len); n++) {
        show_line(&ui.chat, eirc_slice(line, len));
    }

    if (n > 0) {
        session_ring_sent(s, n);
        session_commit(s);
    }

    draw();

    /* what was typed before the user was registered */

    b->more = chat_next(&ui.chat, is_ready(s)).len > 0;

    return EIRC_OK;
}


static int
ui_end(browser_t *b, uint32_t reason)
{
    (void) b;

    /* nobody has to be told what he wanted */

    if (reason == EIRC_LINK_QUIT || reason == EIRC_LINK_SHUTDOWN) {
        ui.chat.error[0] = '\0';
    }

    return EIRC_OK;
}


/* coming and going */

bool
ui_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}


/* Characters are those of UTF-8, whatever else the locale may be. */
static void
locale_set(void)
{
    if (setlocale(LC_CTYPE, "") == NULL
        || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
    {
        (void) setlocale(LC_CTYPE, "C.UTF-8");
    }
}


/* One descriptor that is readable when a key was pressed or the size is
 * another one; -1: errno. */
static int
events_open(void)
{
    int fd;
    sigset_t set;
    struct epoll_event event;

    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGWINCH);
    (void) sigprocmask(SIG_BLOCK, &set, NULL);

    ui.resized = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    fd = epoll_create1(EPOLL_CLOEXEC);

    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;

    if (ui.resized == -1 || fd == -1
        || epoll_ctl(fd, EPOLL_CTL_ADD, ui.resized, &event) == -1
        || epoll_ctl(fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) == -1)
    {
        return -1;
    }

    return fd;
}


int
ui_init(browser_t *b, const char *server, const char *nick, uint32_t seed,
        const char **why)
{
    locale_set();
    edit_init(&ui.edit);

    b->fd = events_open();
    b->receive = ui_receive;
    b->send = ui_send;
    b->end = ui_end;
    b->error = 0;
    b->more = false;

    if (b->fd == -1 || chat_init(&ui.chat, server, nick, seed) != EIRC_OK) {
        *why = strerror(errno);
        return EIRC_ERROR;
    }

    return screen_begin(why);
}


void
ui_say(const char *words, const char *more)
{
    chat_print(&ui.chat, chat_server(&ui.chat), WINDOW_EVENT, "-- %s%s", words,
               more);
    draw();
}


void
ui_done(void)
{
    screen_end();

    if (ui.chat.error[0] != '\0') {
        (void) fprintf(stderr, "irc-client: %s\n", ui.chat.error);
    }

    chat_done(&ui.chat);
    edit_done(&ui.edit);
}
