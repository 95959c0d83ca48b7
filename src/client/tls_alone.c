#include "tls_alone.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "helper.h"
#include "options.h"

/* ms: longer than the relay itself waits for a handshake */
#define ANSWER_TIME 15000


static size_t
complain(char *words, const char *what, const char *value)
{
    (void) snprintf(words, TLS_ALONE_WORDS, "%s%.400s", what, value);
    return 0;
}


/* The path from the root on, for the relay works there; -1: there is none. */
static int
path_find(const char *path, char *out, eirc_slice_t *slice)
{
    if (path == NULL) {
        *slice = eirc_slice(NULL, 0);
        return 0;
    }

    if (realpath(path, out) == NULL) {
        return -1;
    }

    *slice = eirc_slice_str(out);

    return slice->len > EIRC_LINK_PATH_MAX ? -1 : 0;
}


static int
pins_read(const char *list, uint8_t *pins, size_t *n)
{
    size_t len;

    for (*n = 0; list != NULL; (*n)++) {
        len = strcspn(list, ",");

        if (*n == EIRC_LINK_PINS_MAX
            || eirc_link_pin_read(pins + *n * EIRC_LINK_PIN_SIZE,
                                  eirc_slice(list, len))
                   != EIRC_OK)
        {
            return -1;
        }

        list = list[len] == ',' ? list + len + 1 : NULL;
    }

    return 0;
}


size_t
tls_alone_blob(const tls_alone_t *o, uint8_t *blob, char *words)
{
    size_t len;
    char ca[PATH_MAX], certificate[PATH_MAX], key[PATH_MAX];
    uint8_t pins[EIRC_LINK_PINS_MAX * EIRC_LINK_PIN_SIZE];
    eirc_link_tls_t tls;

    memset(&tls, 0, sizeof(tls));
    tls.pins = pins;

    if (o->verify != NULL && strcmp(o->verify, "off") == 0) {
        tls.flags = EIRC_LINK_TLS_UNVERIFIED;

    } else if (o->verify != NULL && strcmp(o->verify, "on") != 0) {
        return complain(words, "--tls-verify is on or off, not ", o->verify);
    }

    if (pins_read(o->fingerprint, pins, &tls.npins) == -1) {
        return complain(words, "Invalid --tls-fingerprint: ", o->fingerprint);
    }

    if (path_find(o->ca, ca, &tls.ca) == -1) {
        return complain(words, "Invalid --tls-ca: ", o->ca);
    }

    if (path_find(o->certificate, certificate, &tls.certificate) == -1) {
        return complain(words, "Invalid --tls-certificate: ", o->certificate);
    }

    if (path_find(o->key, key, &tls.key) == -1) {
        return complain(words, "Invalid --tls-key: ", o->key);
    }

    len = eirc_link_tls_write(blob, &tls);

    return len > 0
               ? len
               : complain(words, "--tls-key needs a --tls-certificate", "");
}


static int
relay_ask(int relay, const eirc_link_server_t *server, const uint8_t *blob,
          size_t len, const int *fds)
{
    size_t used;
    uint64_t id;
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_RELAY_SERVER;
    c.value = 1;
    c.status = -1;

    used = 0;

    if (eirc_link_server_add((uint8_t *) c.data, &used, EIRC_LINK_HOST_MAX + 4,
                             server)
        != EIRC_OK)
    {
        errno = EINVAL;
        return -1;
    }

    memcpy(c.data + used, blob, len);
    c.size = (uint32_t) (used + len);

    if (control_send(relay, &c, NULL, 0) != EIRC_OK) {
        return -1;
    }

    /* there is one, and nobody asks for it */

    id = 0;
    c.type = CONTROL_RELAY_CARRY;
    c.size = sizeof(id);
    memcpy(c.data, &id, sizeof(id));

    return control_send(relay, &c, fds, 2) == EIRC_OK ? 0 : -1;
}


/* 0, or -1 with words. */
static int
relay_wait(int relay, char *words)
{
    int rc;
    control_t c;
    struct pollfd pfd;

    pfd.fd = relay;
    pfd.events = POLLIN;

    for (;;) {
        rc = control_recv(relay, &c, NULL, NULL);

        if (rc == EIRC_OK && c.type == CONTROL_RELAY_STANDS) {
            if (c.status == 0) {
                return 0;
            }

            (void) snprintf(words, TLS_ALONE_WORDS, "%.*s", (int) c.size,
                            c.data);
            return -1;
        }

        if ((rc != EIRC_OK && rc != EIRC_AGAIN)
            || (poll(&pfd, 1, ANSWER_TIME) <= 0 && errno != EINTR))
        {
            (void) complain(words, "the relay died", "");
            return -1;
        }
    }
}


int
tls_alone_connect(int fd, const char *host, uint16_t port, const uint8_t *blob,
                  size_t len, char *words)
{
    int rc, exe, fds[2], pair[2];
    helper_t h;
    eirc_link_server_t server;

    server.flags = EIRC_LINK_SERVER_TLS;
    server.port = port;
    server.host = host;
    server.host_len = strlen(host);

    helper_init(&h, "relay", "irc-client: relay", OPTION_RELAY);
    pair[0] = -1;
    pair[1] = -1;
    rc = -1;
    exe = helper_open();

    if (exe == -1 || helper_start(&h, exe, 0) == -1
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                      pair)
               == -1)
    {
        (void) complain(words, "no relay: ", strerror(errno));
        goto done;
    }

    fds[0] = fd;
    fds[1] = pair[1];

    if (relay_ask(h.fd, &server, blob, len, fds) == -1) {
        (void) complain(words, "no relay: ", strerror(errno));
        goto done;
    }

    (void) close(pair[1]);
    (void) close(fd);
    pair[1] = -1;
    fd = -1;

    rc = relay_wait(h.fd, words);

done:

    /* without us it goes on with its one connection, and ends behind it */

    if (h.fd != -1) {
        (void) close(h.fd);
    }

    if (exe != -1) {
        (void) close(exe);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    if (pair[1] != -1) {
        (void) close(pair[1]);
    }

    if (rc == -1 && pair[0] != -1) {
        (void) close(pair[0]);
        pair[0] = -1;
    }

    return pair[0];
}
