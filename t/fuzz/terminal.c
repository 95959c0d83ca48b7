/*
 * A terminal's windows: lines of the input are said by the core, or typed
 * where they begin with '>'. Nothing that a terminal obeys may be in what is
 * shown, and messages for the core are whole lines.
 */

#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "complete.h"
#include "edit.h"
#include "show.h"
#include "typed.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static chat_t chat;
static edit_t edit;


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_text(const char *s, size_t len)
{
    int width;
    text_t t;
    wchar_t c;

    t = text_of(s, len);

    while (text_next(&t, &c, &width)) {
        check(c >= 0x20 && (c < 0x7f || c >= 0xa0));
    }
}


static void
check_window(window_t *w)
{
    unsigned i;

    check(w->count <= WINDOW_LINES_MAX && w->bytes <= WINDOW_BYTES_MAX);
    check_text(w->topic, strlen(w->topic));

    for (i = 0; i < w->count; i++) {
        check_text(window_line(w, i)->text, window_line(w, i)->len);
    }

    window_page_up(w, 5, 20);
    window_page_up(w, 3, 1);
    window_page_down(w, 5, 20);
    check(w->below == 0 || w->below < w->count);
}


/* Typed as far as it is there, completed, and sent. */
static void
line_type(eirc_slice_t line)
{
    int cursor;
    char typed[EDIT_BYTES], out[COMPLETE_MAX];
    size_t start;
    complete_t complete;

    memcpy(typed, line.p, line.len);
    typed[line.len] = '\0';
    edit_replace(&edit, edit.pos, typed);
    (void) edit_view(&edit, 20, &cursor);
    check(cursor >= 0 && cursor < 20);

    start = edit_word(&edit);
    complete_begin(&complete,
                   eirc_slice(typed, edit_copy(&edit, start, typed, 100)),
                   start == 0);

    if (complete_next(&complete, &chat, out)
        && complete_next(&complete, &chat, out))
    {
        edit_replace(&edit, start, out);
    }

    typed_line(&chat, eirc_slice(typed, edit_take(&edit, typed)));
}


static void
messages_take(void)
{
    eirc_slice_t message;

    for (;;) {
        message = chat_next(&chat, true);

        if (message.len == 0) {
            break;
        }

        check(message.p[0] == '/');
        check(memchr(message.p, '\n', message.len) == NULL);
        chat_sent(&chat, message);
    }

    check(chat.out_len == 0);
}


static void
line_run(eirc_slice_t line)
{
    if (line.len > 0 && line.p[0] == '>' && line.len < EDIT_MAX) {
        line_type(eirc_slice(line.p + 1, line.len - 1));
        messages_take();
        return;
    }

    if (line.len <= EIRC_LINK_LINE_MAX) {
        show_line(&chat, line);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    size_t n;
    unsigned i;

    (void) setlocale(LC_CTYPE, "C.UTF-8");
    check(chat_init(&chat, "irc", "me", 7) == EIRC_OK);
    edit_init(&edit);

    while (len > 0) {

        for (n = 0; n < len && p[n] != '\n'; n++) {
            /* void */
        }

        line_run(eirc_slice(p, n));
        n += n < len;
        p += n;
        len -= n;
    }

    check(chat.windows.count <= WINDOWS_MAX);
    check(chat.windows.active < chat.windows.count);
    check(strlen(chat.nick) <= EIRC_IRC_NICK_MAX);
    check_text(chat.error, strlen(chat.error));

    for (i = 0; i < chat.windows.count; i++) {
        check_window(chat.windows.list[i]);
    }

    chat_done(&chat);
    edit_done(&edit);

    return 0;
}
