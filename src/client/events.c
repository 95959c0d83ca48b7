#include "events.h"

#include "eirc_link.h"

#include <stdio.h>
#include <string.h>

typedef enum {
    STATUS_NONE = 0,
    STATUS_ERRNO,
    STATUS_REASON,
    STATUS_NUMBER
} status_e;

typedef struct {
    log_level_e level;
    status_e status;
    const char *phrase;
} event_t;

static const event_t events[EVENT_LAST] = {
    [EVENT_BAD_REQUEST] = {LOG_LEVEL_ERR, STATUS_NONE, "request refused"},
    [EVENT_LINK_BROKEN]
    = {LOG_LEVEL_ERR, STATUS_NUMBER, "broken record on the link"},
    [EVENT_REGISTERED] = {LOG_LEVEL_INFO, STATUS_NONE, "registered"},
    [EVENT_IRC_REFUSED]
    = {LOG_LEVEL_INFO, STATUS_NUMBER, "IRC server refused the user"},
    [EVENT_IRC_LOST]
    = {LOG_LEVEL_INFO, STATUS_ERRNO, "connection to IRC server lost"},
    [EVENT_IRC_TIMEOUT]
    = {LOG_LEVEL_INFO, STATUS_NONE, "IRC server timed out"},
    [EVENT_IRC_BROKEN]
    = {LOG_LEVEL_INFO, STATUS_NONE, "IRC server sent no IRC"},
    [EVENT_SLOW] = {LOG_LEVEL_WARN, STATUS_NONE, "browser took nothing"},
    [EVENT_SEGMENT]
    = {LOG_LEVEL_ALERT, STATUS_NONE, "segment can't be trusted"},
    [EVENT_SANDBOX]
    = {LOG_LEVEL_WARN, STATUS_ERRNO, "protection not enforced"},
    [EVENT_FAILED] = {LOG_LEVEL_CRIT, STATUS_ERRNO, "failed"},
    [EVENT_ENDED] = {LOG_LEVEL_INFO, STATUS_REASON, "session ended"},
    [EVENT_LOGGED_IN] = {LOG_LEVEL_INFO, STATUS_NONE, "logged in"},
    [EVENT_LOGIN_FAILED] = {LOG_LEVEL_WARN, STATUS_NUMBER, "login failed"},
    [EVENT_SUCCEEDED]
    = {LOG_LEVEL_NOTICE, STATUS_NONE, "goes on after one that dealt with"},
    [EVENT_PASSWORD_REFUSED]
    = {LOG_LEVEL_ERR, STATUS_NUMBER, "IRC server refused the password"},
    [EVENT_GATEWAY_REFUSED]
    = {LOG_LEVEL_ERR, STATUS_NUMBER, "IRC server refused the gateway"},
    [EVENT_STS] = {LOG_LEVEL_INFO, STATUS_NUMBER,
                   "IRC server wants TLS from now on, for seconds"},
};


size_t
event_escape(char *buf, size_t size, const char *text, size_t len)
{
    size_t i, used;
    unsigned char c;
    static const char hex[] = "0123456789abcdef";

    if (size == 0) {
        return 0;
    }

    used = 0;

    for (i = 0; i < len; i++) {
        c = (unsigned char) text[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            if (size - used < 2) {
                break;
            }

            buf[used++] = (char) c;
            continue;
        }

        if (size - used < 5) {
            break;
        }

        buf[used++] = '\\';
        buf[used++] = 'x';
        buf[used++] = hex[c >> 4];
        buf[used++] = hex[c & 0x0f];
    }

    buf[used] = '\0';

    return used;
}


/* The status in words, or the empty string. */
static void
status_format(char *buf, size_t size, status_e kind, int32_t status)
{
    buf[0] = '\0';

    switch (kind) {

    case STATUS_ERRNO:
        if (status > 0) {
            (void) snprintf(buf, size, " (%d: %s)", status, strerror(status));
        }

        break;

    case STATUS_REASON:
        (void) snprintf(buf, size, ": %s",
                        eirc_link_reason_name((uint32_t) status));
        break;

    case STATUS_NUMBER:
        if (status != 0) {
            (void) snprintf(buf, size, " (%d)", status);
        }

        break;

    case STATUS_NONE:
        break;
    }
}


int
event_level(uint32_t type)
{
    return type == 0 || type >= EVENT_LAST ? -1 : (int) events[type].level;
}


int
event_format(char *buf, size_t size, uint32_t type, int32_t status,
             const char *text, size_t len)
{
    char number[128], escaped[EVENT_TEXT_MAX * 4 + 1];

    if (size > 0) {
        buf[0] = '\0';
    }

    if (event_level(type) == -1) {
        return -1;
    }

    if (len > EVENT_TEXT_MAX) {
        len = EVENT_TEXT_MAX;
    }

    status_format(number, sizeof(number), events[type].status, status);
    (void) event_escape(escaped, sizeof(escaped), text, len);

    (void) snprintf(buf, size, len > 0 ? "%s%s: \"%s\"" : "%s%s",
                    events[type].phrase, number, escaped);

    return (int) events[type].level;
}
