#include "upgrade.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "eirc_base64.h"
#include "eirc_codes.h"
#include "eirc_slice.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* a SHA-1 in base64, and a NUL */
#define ACCEPT_SIZE 29


static void
accept_value(const uint8_t *key, char out[ACCEPT_SIZE])
{
    size_t len;
    uint8_t text[UPGRADE_KEY_SIZE - 1 + sizeof(GUID)];
    uint8_t digest[SHA_DIGEST_LENGTH];

    memcpy(text, key, UPGRADE_KEY_SIZE - 1);
    memcpy(text + UPGRADE_KEY_SIZE - 1, GUID, sizeof(GUID) - 1);
    (void) SHA1(text, UPGRADE_KEY_SIZE + sizeof(GUID) - 2, digest);
    (void) eirc_base64_encode((uint8_t *) out, ACCEPT_SIZE - 1, &len, digest,
                              sizeof(digest));
    out[len] = '\0';
}


/* the value of a header, without the space around it */
static eirc_slice_t
header(const uint8_t *head, size_t len, const char *name)
{
    size_t n;
    const uint8_t *p, *end, *last;

    n = strlen(name);
    last = head + len;

    for (p = head; p < last; p = end + 1) {
        end = memchr(p, '\n', (size_t) (last - p));

        if (end == NULL) {
            break;
        }

        if ((size_t) (end - p) <= n || p[n] != ':'
            || strncasecmp((const char *) p, name, n) != 0)
        {
            continue;
        }

        for (p += n + 1; p < end && *p == ' '; p++) {
            /* void */
        }

        n = (size_t) (end - p);

        while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == ' ')) {
            n--;
        }

        return eirc_slice(p, n);
    }

    return eirc_slice(NULL, 0);
}


size_t
upgrade_request(uint8_t *out, size_t cap, const char *path,
                char key[UPGRADE_KEY_SIZE])
{
    int n;
    size_t len;
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        return 0;
    }

    (void) eirc_base64_encode((uint8_t *) key, UPGRADE_KEY_SIZE - 1, &len,
                              bytes, sizeof(bytes));
    key[len] = '\0';

    n = snprintf((char *) out, cap,
                 "GET %s HTTP/1.1\r\n"
                 "Host: localhost\r\n"
                 "Origin: http://localhost\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "Sec-WebSocket-Key: %s\r\n"
                 "Sec-WebSocket-Version: 13\r\n"
                 "\r\n",
                 path, key);

    return n < 0 || (size_t) n >= cap ? 0 : (size_t) n;
}


int
upgrade_judge(const uint8_t *head, size_t len, const char *key)
{
    int status;
    size_t i;
    char want[ACCEPT_SIZE];
    eirc_slice_t have;

    if (len < 12 || memcmp(head, "HTTP/1.1 ", 9) != 0) {
        return 0;
    }

    for (status = 0, i = 9; i < 12; i++) {
        if (head[i] < '0' || head[i] > '9') {
            return 0;
        }

        status = status * 10 + head[i] - '0';
    }

    if (status != 101) {
        return status;
    }

    accept_value((const uint8_t *) key, want);
    have = header(head, len, "Sec-WebSocket-Accept");

    return eirc_slice_equal(have, eirc_slice_str(want)) ? 101 : 0;
}


size_t
upgrade_answer(uint8_t *out, size_t cap, const uint8_t *head, size_t len)
{
    int n;
    char value[ACCEPT_SIZE];
    eirc_slice_t key;

    key = header(head, len, "Sec-WebSocket-Key");

    if (key.len != UPGRADE_KEY_SIZE - 1) {
        return 0;
    }

    accept_value(key.p, value);

    n = snprintf((char *) out, cap,
                 "HTTP/1.1 101 Switching Protocols\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n"
                 "\r\n",
                 value);

    return n < 0 || (size_t) n >= cap ? 0 : (size_t) n;
}


size_t
upgrade_head(const uint8_t *p, size_t len)
{
    const uint8_t *end;

    end = memmem(p, len, "\r\n\r\n", 4);

    return end == NULL ? 0 : (size_t) (end - p) + 4;
}
