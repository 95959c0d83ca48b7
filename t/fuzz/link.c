/*
 * Reads any bytes in every way that eirc_link has.  What is accepted must be
 * within the bounds of docs/link.md, and must come out the same when it is
 * written again.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_link.h"
#include "eirc_utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
read_header(const uint8_t *p, size_t len)
{
    uint8_t again[EIRC_LINK_HEADER_SIZE];
    eirc_link_header_t h;

    if (eirc_link_header_read(&h, p, len) != EIRC_OK) {
        return;
    }

    check(len >= EIRC_LINK_HEADER_SIZE && len <= EIRC_LINK_RECORD_MAX);
    check(h.flags == 0 || h.type == EIRC_LINK_HELLO
          || h.type == EIRC_LINK_READY || h.type == EIRC_LINK_RESUMED);

    eirc_link_header_write(again, &h);
    check(memcmp(again, p, EIRC_LINK_HEADER_SIZE) == 0);

    if (h.type == EIRC_LINK_REFUSED || h.type == EIRC_LINK_END) {
        check(strcmp(eirc_link_reason_name(h.value), "unknown") != 0);
    }
}


/* any text at all becomes a record that can be read */
static void
write_text(const uint8_t *p, size_t len)
{
    char *text;
    size_t i, n;
    uint8_t record[EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX];
    eirc_link_header_t h;

    text = malloc(len + 1);
    check(text != NULL);

    if (len > 0) {
        memcpy(text, p, len);
    }

    text[len] = '\0';

    n = eirc_link_record_write(record, EIRC_LINK_END, EIRC_LINK_FAILED, 0,
                               text);
    check(eirc_link_header_read(&h, record, n) == EIRC_OK);
    check(n > EIRC_LINK_HEADER_SIZE || text[0] == '\0');
    check(eirc_utf8_valid(record + EIRC_LINK_HEADER_SIZE,
                          n - EIRC_LINK_HEADER_SIZE));

    for (i = EIRC_LINK_HEADER_SIZE; i < n; i++) {
        check(record[i] >= ' ' && record[i] != 0x7f);
    }

    free(text);
}


static void
read_entries(const uint8_t *p, size_t len)
{
    int rc;
    size_t n, head;
    uint8_t again[4];
    const uint8_t *pos, *end, *line, *last;

    pos = p;
    end = p + len;

    for (;;) {
        last = pos;
        rc = eirc_link_entry_next(&pos, end, &line, &n);

        if (rc != EIRC_OK) {
            break;
        }

        check(n <= EIRC_LINK_LINE_MAX);
        head = eirc_link_entry_head(n);
        check(line == last + head && pos == line + n && pos <= end);
        eirc_link_entry_write(again, n);
        check(memcmp(again, last, head) == 0);
    }

    check(pos == last);
    check(rc == EIRC_ERROR || (rc == EIRC_DONE && pos == end));
}


static void
read_servers(const uint8_t *p, size_t len)
{
    int rc;
    size_t used, size;
    uint8_t *again;
    const uint8_t *pos;
    eirc_link_server_t server;

    pos = p;
    used = 0;
    size = len > 0 ? len : 1;
    again = malloc(size);
    check(again != NULL);

    while ((rc = eirc_link_server_next(&pos, p + len, &server)) == EIRC_OK) {
        check(server.host_len >= 1 && server.host_len <= EIRC_LINK_HOST_MAX);
        check(eirc_link_server_add(again, &used, size, &server) == EIRC_OK);
        check(used == (size_t) (pos - p));
    }

    check(rc == EIRC_ERROR || (rc == EIRC_DONE && used == len));
    check(used == 0 || memcmp(again, p, used) == 0);

    free(again);
}


static void
read_session(const uint8_t *p, size_t len)
{
    size_t n;
    uint8_t again[EIRC_LINK_SESSION_MAX];
    eirc_link_session_t s;

    if (eirc_link_session_read(&s, p, len) != EIRC_OK) {
        return;
    }

    n = eirc_link_session_write(again, &s);
    check(n == len && memcmp(again, p, n) == 0);
}


static void
read_id(const uint8_t *p, size_t len)
{
    uint32_t layer;

    if (eirc_link_id_read((const char *) p, len, &layer) != EIRC_OK) {
        return;
    }

    check(len > 2 && len <= EIRC_LINK_ID_MAX && layer < 100000);
    check(memchr(p, '-', len) != NULL && memchr(p, '.', len) == NULL
          && memchr(p, ' ', len) == NULL && memchr(p, 0, len) == NULL);
}


static void
read_resume(const uint8_t *p, size_t len)
{
    uint8_t again[EIRC_LINK_RESUME_SIZE];
    eirc_link_resume_t r;

    if (eirc_link_resume_read(&r, p, len) != EIRC_OK) {
        return;
    }

    check(eirc_link_resume_write(again, &r) == len);
    check(memcmp(again, p, len) == 0);
}


static void
read_resumed(const uint8_t *p, size_t len)
{
    uint8_t again[EIRC_LINK_RESUMED_MAX];
    eirc_link_resumed_t r;

    if (eirc_link_resumed_read(&r, p, len) != EIRC_OK) {
        return;
    }

    check(r.nick.len >= 1 && r.nick.len <= EIRC_IRC_NICK_MAX
          && r.account.len <= EIRC_LINK_ACCOUNT_MAX);
    check(eirc_link_resumed_write(again, &r) == len);
    check(memcmp(again, p, len) == 0);
}


static void
read_tls(const uint8_t *p, size_t len)
{
    size_t n;
    uint8_t again[EIRC_LINK_TLS_MAX];
    eirc_link_tls_t tls;

    if (len == 0 || eirc_link_tls_read(&tls, p, len) != EIRC_OK) {
        return;
    }

    n = eirc_link_tls_write(again, &tls);
    check(n == len && memcmp(again, p, n) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    size_t body;

    read_header(p, len);
    read_session(p, len);
    read_resume(p, len);
    read_resumed(p, len);
    read_id(p, len);
    read_entries(p, len);
    read_servers(p, len);
    read_tls(p, len);
    write_text(p, len);

    if (len > EIRC_LINK_HEADER_SIZE) {
        body = len - EIRC_LINK_HEADER_SIZE;
        read_entries(p + EIRC_LINK_HEADER_SIZE, body);
        write_text(p + EIRC_LINK_HEADER_SIZE, body);
    }

    if (len > EIRC_LINK_SESSION_SIZE) {
        read_servers(p + EIRC_LINK_SESSION_SIZE, len - EIRC_LINK_SESSION_SIZE);
    }

    return 0;
}
