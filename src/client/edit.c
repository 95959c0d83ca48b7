#include "edit.h"

#include <stdlib.h>
#include <string.h>


void
edit_init(edit_t *e)
{
    memset(e, 0, sizeof(edit_t));
}


void
edit_done(edit_t *e)
{
    unsigned i;

    for (i = 0; i < e->count; i++) {
        free(e->history[i]);
    }

    free(e->draft);
    edit_init(e);
}


/* It stands on the character before it, and goes where that goes. */
static bool
is_combining(const edit_t *e, size_t i)
{
    if (i == 0 || i >= e->len) {
        return false;
    }

    return wcwidth(e->text[i]) == 0;
}


static bool
is_space(const edit_t *e, size_t i)
{
    return e->text[i] == L' ';
}


/* the ends of the character, or of the word, beside the cursor */

static size_t
before(const edit_t *e)
{
    size_t i;

    i = e->pos;

    do {
        i -= i > 0;
    } while (is_combining(e, i));

    return i;
}


static size_t
behind(const edit_t *e)
{
    size_t i;

    i = e->pos;

    do {
        i += i < e->len;
    } while (is_combining(e, i));

    return i;
}


static size_t
word_before(const edit_t *e)
{
    size_t i;

    i = e->pos;

    while (i > 0 && is_space(e, i - 1)) {
        i--;
    }

    while (i > 0 && !is_space(e, i - 1)) {
        i--;
    }

    return i;
}


static size_t
word_behind(const edit_t *e)
{
    size_t i;

    i = e->pos;

    while (i < e->len && is_space(e, i)) {
        i++;
    }

    while (i < e->len && !is_space(e, i)) {
        i++;
    }

    return i;
}


/* Takes characters out; the cursor is where they were. */
static void
cut(edit_t *e, size_t start, size_t end)
{
    memmove(e->text + start, e->text + end,
            (e->len - end) * sizeof(e->text[0]));
    e->len -= end - start;
    e->pos = start;
}


void
edit_insert(edit_t *e, wchar_t c)
{
    if (e->len == EDIT_MAX || c < 0x20 || wcwidth(c) < 0) {
        return;
    }

    memmove(e->text + e->pos + 1, e->text + e->pos,
            (e->len - e->pos) * sizeof(e->text[0]));
    e->text[e->pos++] = c;
    e->len++;
}


void
edit_left(edit_t *e)
{
    e->pos = before(e);
}


void
edit_right(edit_t *e)
{
    e->pos = behind(e);
}


void
edit_home(edit_t *e)
{
    e->pos = 0;
}


void
edit_end(edit_t *e)
{
    e->pos = e->len;
}


void
edit_word_left(edit_t *e)
{
    e->pos = word_before(e);
}


void
edit_word_right(edit_t *e)
{
    e->pos = word_behind(e);
}


void
edit_backspace(edit_t *e)
{
    cut(e, before(e), e->pos);
}


void
edit_delete(edit_t *e)
{
    cut(e, e->pos, behind(e));
}


void
edit_kill_word(edit_t *e)
{
    cut(e, word_before(e), e->pos);
}


void
edit_kill_start(edit_t *e)
{
    cut(e, 0, e->pos);
}


void
edit_kill_end(edit_t *e)
{
    e->len = e->pos;
}


/* history */

/* A copy of the line, with a zero; NULL: no memory. */
static wchar_t *
copy(const edit_t *e)
{
    wchar_t *s;

    s = malloc((e->len + 1) * sizeof(wchar_t));

    if (s != NULL) {
        memcpy(s, e->text, e->len * sizeof(wchar_t));
        s[e->len] = L'\0';
    }

    return s;
}


static void
set(edit_t *e, const wchar_t *s)
{
    e->len = wcslen(s);
    memcpy(e->text, s, e->len * sizeof(wchar_t));
    e->pos = e->len;
}


static void
draft_forget(edit_t *e)
{
    free(e->draft);
    e->draft = NULL;
    e->at = e->count;
}


void
edit_older(edit_t *e)
{
    if (e->at == 0) {
        return;
    }

    if (e->at == e->count) {
        free(e->draft);
        e->draft = copy(e);
    }

    set(e, e->history[--e->at]);
}


void
edit_newer(edit_t *e)
{
    if (e->at == e->count) {
        return;
    }

    if (++e->at < e->count) {
        set(e, e->history[e->at]);
        return;
    }

    set(e, e->draft == NULL ? L"" : e->draft);
    draft_forget(e);
}


/* Notes the line, unless it is the last one again. */
static void
remember(edit_t *e)
{
    wchar_t *s;

    s = e->len == 0 ? NULL : copy(e);

    if (s == NULL
        || (e->count > 0 && wcscmp(e->history[e->count - 1], s) == 0)) {
        free(s);
        return;
    }

    if (e->count == EDIT_HISTORY_MAX) {
        free(e->history[0]);
        memmove(e->history, e->history + 1,
                (EDIT_HISTORY_MAX - 1) * sizeof(e->history[0]));
        e->count--;
    }

    e->history[e->count++] = s;
}


size_t
edit_take(edit_t *e, char out[EDIT_BYTES])
{
    size_t len;

    e->pos = e->len;
    len = edit_copy(e, 0, out, EDIT_BYTES);

    remember(e);
    draft_forget(e);

    e->len = 0;
    e->pos = 0;

    return len;
}


/* completion */

size_t
edit_word(const edit_t *e)
{
    size_t i;

    for (i = e->pos; i > 0 && !is_space(e, i - 1); i--) {
        /* void */
    }

    return i;
}


size_t
edit_copy(const edit_t *e, size_t start, char *out, size_t size)
{
    size_t i, n, len;
    char bytes[16];
    mbstate_t state;

    len = 0;
    memset(&state, 0, sizeof(state));

    for (i = start; i < e->pos; i++) {
        n = wcrtomb(bytes, e->text[i], &state);

        if (n == (size_t) -1) {
            memset(&state, 0, sizeof(state));
            continue;
        }

        if (len + n >= size) {
            break;
        }

        memcpy(out + len, bytes, n);
        len += n;
    }

    out[len] = '\0';

    return len;
}


void
edit_replace(edit_t *e, size_t start, const char *s)
{
    size_t n, len;
    wchar_t c;
    mbstate_t state;

    cut(e, start, e->pos);
    memset(&state, 0, sizeof(state));

    for (len = strlen(s); len > 0; len -= n) {
        n = mbrtowc(&c, s, len, &state);

        if (n == 0 || n == (size_t) -1 || n == (size_t) -2) {
            break;
        }

        edit_insert(e, c);
        s += n;
    }
}


/* showing */

size_t
edit_view(const edit_t *e, int columns, int *cursor)
{
    int used, width;
    size_t i;

    used = 0;

    /* the cursor needs a column of its own */

    for (i = e->pos; i > 0; i--) {
        width = wcwidth(e->text[i - 1]);
        width = width < 0 ? 0 : width;

        if (used + width >= columns) {
            break;
        }

        used += width;
    }

    while (is_combining(e, i)) {
        i++;
    }

    *cursor = used;

    return i;
}
