#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>

/* columns of the time before a line, and of a screen too narrow for it */
#define TIME_COLUMNS 6
#define TIME_WITHOUT 30

/* rows for topic, status and what is typed */
#define ROWS_AROUND 3

/* no smaller than this, whatever the terminal says */
#define ROWS_MIN 4
#define COLUMNS_MIN 10

/* ms for what follows Esc in the same key */
#define ESCAPE_TIME 25

#define CELL_MAX (1 + TEXT_COMBINING_MAX)

static struct {
    SCREEN *terminal;
    WINDOW *window;
    int rows;
    int columns;
    bool repaint;
} screen;


static void
size_read(void)
{
    struct winsize size;

    screen.rows = getmaxy(screen.window);
    screen.columns = getmaxx(screen.window);

    memset(&size, 0, sizeof(size));

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0
        && size.ws_col > 0)
    {
        screen.rows = size.ws_row;
        screen.columns = size.ws_col;
    }

    screen.rows = screen.rows < ROWS_MIN ? ROWS_MIN : screen.rows;
    screen.columns
        = screen.columns < COLUMNS_MIN ? COLUMNS_MIN : screen.columns;
}


int
screen_begin(const char **why)
{
    screen.terminal = newterm(NULL, stdout, stdin);

    if (screen.terminal == NULL) {
        *why = "this kind of terminal is not known; see TERM";
        return EIRC_ERROR;
    }

    screen.window = newwin(0, 0, 0, 0);

    if (screen.window == NULL) {
        (void) endwin();
        *why = "there is no memory";
        return EIRC_ERROR;
    }

    (void) cbreak();
    (void) noecho();
    (void) nonl();
    (void) set_escdelay(ESCAPE_TIME);
    (void) keypad(screen.window, TRUE);
    (void) nodelay(screen.window, TRUE);

    screen_resize();

    return EIRC_OK;
}


void
screen_end(void)
{
    (void) endwin();
    delscreen(screen.terminal);
}


void
screen_resize(void)
{
    size_read();
    (void) resizeterm(screen.rows, screen.columns);
    (void) wresize(screen.window, screen.rows, screen.columns);
    screen.repaint = true;
}


void
screen_repaint(void)
{
    screen.repaint = true;
}


/* keys */

static screen_key_e
key_of(wint_t key)
{
    size_t i;
    static const struct {
        wint_t key;
        screen_key_e is;
    } keys[] = {
        {KEY_BACKSPACE, SCREEN_KEY_BACKSPACE},
        {KEY_DC, SCREEN_KEY_DELETE},
        {KEY_DOWN, SCREEN_KEY_DOWN},
        {KEY_END, SCREEN_KEY_END},
        {KEY_ENTER, SCREEN_KEY_ENTER},
        {KEY_HOME, SCREEN_KEY_HOME},
        {KEY_LEFT, SCREEN_KEY_LEFT},
        {KEY_NPAGE, SCREEN_KEY_PAGE_DOWN},
        {KEY_PPAGE, SCREEN_KEY_PAGE_UP},
        {KEY_RIGHT, SCREEN_KEY_RIGHT},
        {KEY_UP, SCREEN_KEY_UP},
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {

        if (keys[i].key == key) {
            return keys[i].is;
        }
    }

    return SCREEN_KEY_NONE;
}


/* Has the terminal gone, and isn't merely silent? */
static bool
is_gone(void)
{
    struct pollfd pfd;

    pfd.fd = STDIN_FILENO;
    pfd.events = POLLIN;

    return poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLHUP | POLLERR));
}


int
screen_key(wint_t *key, bool *code)
{
    int rc;

    rc = wget_wch(screen.window, key);

    if (rc == ERR) {
        return is_gone() ? EIRC_DONE : EIRC_AGAIN;
    }

    *code = rc == KEY_CODE_YES;

    if (*code) {
        *key = (wint_t) key_of(*key);
    }

    return EIRC_OK;
}


/* drawing */

unsigned
screen_rows(void)
{
    return (unsigned) (screen.rows - ROWS_AROUND);
}


static int
time_columns(void)
{
    return screen.columns < TIME_WITHOUT ? 0 : TIME_COLUMNS;
}


int
screen_columns(void)
{
    return screen.columns - time_columns();
}


static attr_t
attributes_of(unsigned text)
{
    return ((text & TEXT_BOLD) ? A_BOLD : 0)
           | ((text & TEXT_ITALIC) ? A_ITALIC : 0)
           | ((text & TEXT_UNDERLINE) ? A_UNDERLINE : 0)
           | ((text & TEXT_REVERSE) ? A_REVERSE : 0);
}


/* A character with those that stand on it. */
static void
cell_put(const wchar_t *cell, int n, attr_t attributes)
{
    (void) wattr_set(screen.window, attributes, 0, NULL);
    (void) waddnwstr(screen.window, cell, n);
}


/* Draws text at the cursor, in so many columns at most; returns how many it
 * took. */
static int
text_put(text_t t, int columns, attr_t base)
{
    int n, width, used;
    attr_t attributes;
    wchar_t c, cell[CELL_MAX];

    n = 0;
    used = 0;
    attributes = base;

    while (text_next(&t, &c, &width)) {

        if (width == 0) {
            if (n > 0 && n < CELL_MAX) {
                cell[n++] = c;
            }

            continue;
        }

        if (used + width > columns) {
            break;
        }

        if (n > 0) {
            cell_put(cell, n, attributes);
        }

        used += width;
        attributes = base ^ attributes_of(t.attributes);
        cell[0] = c;
        n = 1;
    }

    if (n > 0) {
        cell_put(cell, n, attributes);
    }

    return used;
}


static int
string_put(const char *s, int columns, attr_t base)
{
    return text_put(text_of(s, strlen(s)), columns, base);
}


/* A row in reverse, with a string at its start. */
static void
bar_put(int row, const char *s)
{
    int used;

    (void) wmove(screen.window, row, 0);
    used = string_put(s, screen.columns, A_REVERSE);

    while (used++ < screen.columns) {
        cell_put(L" ", 1, A_REVERSE);
    }
}


/* Draws a line so that it ends above row, as far as it is below the topic;
 * returns the row where it begins. */
static int
line_put(const window_line_t *line, int row)
{
    int i;
    char words[16];
    text_t rest, part;
    struct tm tm;

    rest = text_of(line->text, line->len);
    row -= (int) text_rows(rest, screen_columns());

    for (i = row; text_row(&rest, screen_columns(), &part); i++) {

        if (i >= 1) {
            (void) wmove(screen.window, i, time_columns());
            (void) text_put(part, screen_columns(), 0);
        }
    }

    if (row >= 1 && time_columns() > 0
        && localtime_r(&line->time, &tm) != NULL) {
        (void) strftime(words, sizeof(words), "%H:%M", &tm);
        (void) wmove(screen.window, row, 0);
        (void) string_put(words, TIME_COLUMNS, A_DIM);
    }

    return row;
}


static void
lines_put(const window_t *w)
{
    int row;
    unsigned i;

    row = screen.rows - ROWS_AROUND + 1;

    for (i = w->count - w->below; i > 0 && row > 1; i--) {
        row = line_put(window_line(w, i - 1), row);
    }
}


static void
topic_put(const window_t *w)
{
    char words[WINDOW_NAME_MAX + WINDOW_TOPIC_MAX + 8];
    char name[WINDOW_NAME_MAX + 1];

    (void) text_clean(name, sizeof(name), eirc_slice_str(w->name));
    (void) snprintf(words, sizeof(words), "%s%s%s", name,
                    w->topic[0] == '\0' ? "" : ": ", w->topic);
    bar_put(0, words);
}


/* "3:#one(2!)"; a window without news is left out where room is short */
static size_t
status_window(char *out, size_t size, const windows_t *ws, unsigned n)
{
    int len;
    char name[WINDOW_NAME_MAX + 1], news[24];
    const window_t *w;

    w = ws->list[n];
    (void) text_clean(name, sizeof(name), eirc_slice_str(w->name));

    if (w->unread > 0) {
        (void) snprintf(news, sizeof(news), "(%u%s)", w->unread,
                        w->called ? "!" : "");

    } else {
        (void) snprintf(news, sizeof(news), "%s", w->events ? "*" : "");
    }

    len = snprintf(out, size, n == ws->active ? " [%u:%s]" : " %u:%s%s", n + 1,
                   name, news);

    return len > 0 && (size_t) len < size ? (size_t) len : 0;
}


static void
status_put(const chat_t *c)
{
    bool all;
    char words[4096], nick[EIRC_IRC_NICK_MAX + 1];
    size_t len;
    unsigned i;
    const window_t *w;

    w = windows_active(&c->windows);
    (void) text_clean(nick, sizeof(nick), eirc_slice_str(c->nick));

    for (all = true;; all = false) {
        len = (size_t) snprintf(words, sizeof(words), "%s", nick);

        if (w->below > 0) {
            len += (size_t) snprintf(words + len, sizeof(words) - len,
                                     " -- %u more --", w->below);
        }

        for (i = 0; i < c->windows.count; i++) {

            if (all || i == c->windows.active
                || c->windows.list[i]->unread > 0) {
                len += status_window(words + len, sizeof(words) - len,
                                     &c->windows, i);
            }
        }

        if (!all || len <= (size_t) screen.columns) {
            break;
        }
    }

    bar_put(screen.rows - 2, words);
}


/* The line that is being typed, with the cursor where it belongs. */
static void
edit_put(const edit_t *e)
{
    int used, width, cursor;
    size_t i, n;

    i = edit_view(e, screen.columns, &cursor);

    for (used = 0; i < e->len; i += n) {
        width = wcwidth(e->text[i]);

        for (n = 1; i + n < e->len && wcwidth(e->text[i + n]) == 0; n++) {
            /* void */
        }

        if (used + width >= screen.columns) {
            break;
        }

        (void) wmove(screen.window, screen.rows - 1, used);
        cell_put(e->text + i, n < CELL_MAX ? (int) n : CELL_MAX, 0);
        used += width;
    }

    (void) wmove(screen.window, screen.rows - 1, cursor);
}


void
screen_draw(const chat_t *c, const edit_t *e)
{
    const window_t *w;

    w = windows_active(&c->windows);

    (void) wattr_set(screen.window, 0, 0, NULL);
    (void) werase(screen.window);

    topic_put(w);
    lines_put(w);
    status_put(c);
    edit_put(e);

    if (screen.repaint) {
        screen.repaint = false;
        (void) clearok(screen.window, TRUE);
    }

    (void) wrefresh(screen.window);
}
