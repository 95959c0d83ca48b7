#include "listen.h"

#include "charset_alone.h"
#include "log.h"
#include "login_alone.h"
#include "relay.h"
#include "relay_timers.h"
#include "request.h"
#include "server_alone.h"
#include "stream.h"
#include "tls_alone.h"
#include "title.h"
#include "ui.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* bytes; nothing is replayed here, this is for a reader that is slow */
#define REPLAY 65536

/* without TLS being asked for, this one is TLS */
#define PORT_TLS 6697

#define INSTANCE_MAX 64

typedef struct {
    const char *nick;
    const char *realname;
    const char *server;
    const char *port;
    const char *listen;
    const char *log;
    const char *instance;
    const char *channels;
    const char *account;
    charset_alone_t charset;
    const char *tls;
    tls_alone_t secure;
    const char *sts;
    const char *sts_file;
    login_alone_t login;

    /* made of these */
    server_alone_t reach;
    size_t blob_len;
    uint8_t blob[EIRC_LINK_TLS_MAX];
} alone_t;

typedef struct {
    struct sockaddr_un address;
    int fd;
} listener_t;

static const struct {
    const char *name;
    size_t offset;
} table[] = {
    {"--charset", offsetof(alone_t, charset.in)},
    {"--charset-out", offsetof(alone_t, charset.out)},
    {"--recode", offsetof(alone_t, charset.recode)},
    {"--sts", offsetof(alone_t, sts)},
    {"--sts-file", offsetof(alone_t, sts_file)},
    {"--tls", offsetof(alone_t, tls)},
    {"--tls-verify", offsetof(alone_t, secure.verify)},
    {"--tls-ca", offsetof(alone_t, secure.ca)},
    {"--tls-fingerprint", offsetof(alone_t, secure.fingerprint)},
    {"--tls-certificate", offsetof(alone_t, secure.certificate)},
    {"--tls-key", offsetof(alone_t, secure.key)},
    {"--nick", offsetof(alone_t, nick)},
    {"--realname", offsetof(alone_t, realname)},
    {"--server", offsetof(alone_t, server)},
    {"--port", offsetof(alone_t, port)},
    {"--listen", offsetof(alone_t, listen)},
    {"--log", offsetof(alone_t, log)},
    {"--instance", offsetof(alone_t, instance)},
    {"--channels", offsetof(alone_t, channels)},
    {"--account", offsetof(alone_t, account)},
    {"--sasl", offsetof(alone_t, login.sasl)},
    {"--sasl-file", offsetof(alone_t, login.sasl_file)},
    {"--password-file", offsetof(alone_t, login.password_file)},
};


static relay_t relay;
static int signal_pipe[2] = {-1, -1};


static void
on_signal(int signo)
{
    int saved;
    ssize_t n;

    (void) signo;

    saved = errno;
    n = write(signal_pipe[1], "", 1);
    (void) n;
    errno = saved;
}


static void
options_read(alone_t *o, int argc, char **argv)
{
    int i;
    size_t j, len;
    const char **value;

    memset(o, 0, sizeof(alone_t));

    for (i = 1; i < argc; i++) {
        len = strcspn(argv[i], "=");

        for (j = 0; j < sizeof(table) / sizeof(table[0]); j++) {

            if (strlen(table[j].name) != len
                || strncmp(argv[i], table[j].name, len) != 0) {
                continue;
            }

            value = (const char **) (void *) ((char *) o + table[j].offset);
            *value = argv[i][len] == '=' ? argv[i] + len + 1 : "";
        }
    }
}


static int
complain(const char *words, const char *more)
{
    (void) fprintf(stderr, "Exception: %s%s\n", words, more);
    return EIRC_ERROR;
}


/* A port from 1 to 65535, or 0. */
static long
port_read(const char *s)
{
    long port;
    char *end;

    errno = 0;
    port = strtol(s, &end, 10);

    if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || port > 65535) {
        return 0;
    }

    return port;
}


static int
options_check(alone_t *o)
{
    long port;
    char words[TLS_ALONE_WORDS];

    _Static_assert(sizeof(words) >= LOGIN_ALONE_WORDS, "either's words");

    if (o->nick == NULL || *o->nick == '\0') {
        return complain("Missing required argument: ", "--nick");
    }

    if (o->server == NULL || *o->server == '\0') {
        return complain("Missing required argument: ", "--server");
    }

    if (o->port == NULL || *o->port == '\0') {
        return complain("Missing required argument: ", "--port");
    }

    port = port_read(o->port);

    if (port == 0) {
        return complain("Invalid port: ", o->port);
    }

    if (port == PORT_TLS) {
        o->tls = "";
    }

    o->blob_len = tls_alone_blob(&o->secure, o->blob, words);

    if (o->blob_len == 0) {
        return complain(words, "");
    }

    o->reach.host = o->server;
    o->reach.port = (uint16_t) port;
    o->reach.tls = o->tls != NULL;
    o->reach.blob = o->blob;
    o->reach.blob_len = o->blob_len;
    o->reach.unverified = o->secure.verify != NULL
                          && strcmp(o->secure.verify, "off") == 0
                          && o->secure.fingerprint == NULL;
    o->reach.sts = o->sts == NULL || strcmp(o->sts, "off") != 0;
    o->reach.policies = o->sts_file;

    if (o->listen == NULL && !ui_possible()) {
        return complain("Missing required argument: ",
                        "--listen, without a terminal");
    }

    if (login_alone_check(&o->login, words) != EIRC_OK) {
        return complain(words, "");
    }

    if (o->instance != NULL
        && (strchr(o->instance, '/') != NULL
            || strlen(o->instance) > INSTANCE_MAX))
    {
        return complain("Invalid instance: ", o->instance);
    }

    return EIRC_OK;
}


static int
request_make(request_t *r, const alone_t *o)
{
    const char *why, *value, *realname;

    request_init(r);
    r->identity.flood_burst = 1;
    realname
        = o->realname != NULL && *o->realname != '\0' ? o->realname : o->nick;

    if (request_set(r, "nick", eirc_slice_str(o->nick), &why) != EIRC_OK
        || request_set(r, "account", eirc_slice_str(o->account), &why)
               != EIRC_OK
        || request_set(r, "realname", eirc_slice_str(realname), &why)
               != EIRC_OK
        || request_channels(r, eirc_slice_str(o->channels), &why) != EIRC_OK)
    {
        return complain(why, "");
    }

    if (charset_alone_set(r, &o->charset, &why, &value) != EIRC_OK) {
        return complain(why, value);
    }

    /* the user name is the real name, where that can be one */

    if (eirc_irc_user_valid(eirc_slice_str(realname))) {
        strcpy(r->identity.username, realname);

    } else {
        request_username(r->identity.username, eirc_slice_str(realname));
    }

    return request_finish(r, &why) == EIRC_OK ? EIRC_OK : complain(why, "");
}


/* An instance for who has none: 32 hexadecimal digits. */
static const char *
instance_make(char *out)
{
    size_t i;
    uint8_t random[16];

    memset(random, 0, sizeof(random));
    (void) !getrandom(random, sizeof(random), 0);

    for (i = 0; i < sizeof(random); i++) {
        (void) snprintf(out + 2 * i, 3, "%02x", random[i]);
    }

    return out;
}


static void
log_begin(const char *dir, const char *instance)
{
    char path[4096];

    dir = dir == NULL || *dir == '\0' ? "." : dir;
    (void) snprintf(path, sizeof(path), "%s/irc-client-%s.log", dir, instance);

    if (log_open(path, 0) == -1) {
        (void) fprintf(stderr, "irc-client: open() \"%s\" failed: %s\n", path,
                       strerror(errno));
    }
}


static int
listener_open(listener_t *l, const char *dir, const char *instance)
{
    int n;
    mode_t mask;
    struct stat st;

    memset(&l->address, 0, sizeof(l->address));
    l->address.sun_family = AF_UNIX;
    dir = *dir == '\0' ? "." : dir;
    n = snprintf(l->address.sun_path, sizeof(l->address.sun_path),
                 "%s/irc-client-%s.sock", dir, instance);

    if (n < 0 || (size_t) n >= sizeof(l->address.sun_path)) {
        return complain("The socket's path is too long: ", dir);
    }

    /* what a process of that instance has left behind */

    if (lstat(l->address.sun_path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        (void) unlink(l->address.sun_path);
    }

    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(077);
    n = l->fd == -1
            ? -1
            : bind(l->fd, (struct sockaddr *) &l->address, sizeof(l->address));
    (void) umask(mask);

    if (n == -1 || listen(l->fd, 1) == -1) {
        return complain("bind() failed: ", strerror(errno));
    }

    return EIRC_OK;
}


/* Waits for the one client. -1: the process is to stop. */
static int
listener_accept(const listener_t *l)
{
    int fd;
    struct pollfd pfd[2];

    for (;;) {
        pfd[0].fd = l->fd;
        pfd[0].events = POLLIN;
        pfd[1].fd = signal_pipe[0];
        pfd[1].events = POLLIN;

        if (poll(pfd, 2, -1) == -1 && errno != EINTR) {
            return -1;
        }

        if (pfd[1].revents != 0) {
            return -1;
        }

        fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd != -1) {
            return fd;
        }
    }
}


static void
listen_event(user_t *u, event_type_e type, int32_t status, eirc_slice_t text)
{
    int level;
    char words[2048];

    (void) u;

    if (type == EVENT_STS) {
        server_alone_policy((uint32_t) status);
    }

    level = event_format(words, sizeof(words), type, status,
                         (const char *) text.p, text.len);

    if (level >= 0) {
        log_write((log_level_e) level, 0, NULL, "%s", words);
    }
}


static int
signals_begin(void)
{
    struct sigaction sa;

    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) == -1) {
        return complain("pipe() failed: ", strerror(errno));
    }

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_signal;
    (void) sigaction(SIGTERM, &sa, NULL);
    (void) sigaction(SIGINT, &sa, NULL);
    (void) sigaction(SIGHUP, &sa, NULL);

    sa.sa_handler = SIG_IGN;
    (void) sigaction(SIGPIPE, &sa, NULL);

    return EIRC_OK;
}


static uint32_t
seed_make(void)
{
    uint32_t seed;

    seed = 0;
    (void) !getrandom(&seed, sizeof(seed), 0);

    return seed;
}


/* Carries lines from here on, between IRC and the relay's browser. */
static int
user_run(const request_t *request, login_t *login, const alone_t *o)
{
    int irc;
    void *segment;
    size_t size;

    size = session_segment_size(REPLAY);
    segment = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    relay.signals = signal_pipe[0];
    relay.renamed = title_set;
    relay.forget = login_alone_forget;
    relay.user.login = login;
    relay.user.event = listen_event;

    if (segment == MAP_FAILED
        || user_init(&relay.user, segment, size, REPLAY, request, seed_make(),
                     relay_now())
               != EIRC_OK)
    {
        return complain("There is no memory", "");
    }

    irc = server_alone_begin(&relay, &o->reach);

    /* no word of the command line is needed any more, the title covers it */

    title_set(request->identity.nick);

    if (irc != -1) {
        relay_connected(&relay, irc, 0, 1);

    } else {
        user_unreachable(&relay.user);
    }

    if (relay_run(&relay) == RELAY_FAILED) {
        (void) complain("epoll_wait() failed: ", strerror(errno));
    }

    server_alone_end();
    user_done(&relay.user);

    return irc == -1 ? EIRC_ERROR : EIRC_OK;
}


static int
relay_begin(void)
{
    int epoll, timer;

    if (relay_wait_open(&epoll, &timer) == -1) {
        return complain("epoll or timerfd failed: ", strerror(errno));
    }

    relay_init(&relay, epoll, timer);

    return EIRC_OK;
}


/* A person at a terminal. */
static int
terminal_run(const request_t *request, login_t *login, const alone_t *o)
{
    int rc;
    const char *why;

    if (relay_begin() != EIRC_OK) {
        return EIRC_ERROR;
    }

    if (ui_init(&relay.browser, o->server, o->nick, seed_make(), &why)
        != EIRC_OK) {
        return complain("No terminal: ", why);
    }

    ui_say("connecting to ", o->server);
    rc = user_run(request, login, o);
    ui_done();

    return rc;
}


/* Another program, which connects to a socket. */
static int
listen_run(const request_t *request, login_t *login, const alone_t *o)
{
    int rc, client;
    listener_t listener;

    if (listener_open(&listener, o->listen, o->instance) != EIRC_OK) {
        return EIRC_ERROR;
    }

    /* the IRC server hears nothing before somebody is there to listen */

    client = listener_accept(&listener);
    rc = client == -1 ? EIRC_OK : relay_begin();

    if (client != -1 && rc == EIRC_OK) {
        stream_init(&relay.browser, client);
        rc = user_run(request, login, o);
    }

    (void) unlink(listener.address.sun_path);
    (void) close(listener.fd);

    return rc;
}


int
listen_main(int argc, char **argv)
{
    int rc;
    char instance[33], words[LOGIN_ALONE_WORDS];
    login_t *login;
    alone_t o;
    static request_t request;

    options_read(&o, argc, argv);

    if (options_check(&o) != EIRC_OK || request_make(&request, &o) != EIRC_OK
        || signals_begin() != EIRC_OK)
    {
        return 1;
    }

    login = login_alone_make(&o.login, words);

    if (login == NULL) {
        (void) complain(words, "");
        return 1;
    }

    if (o.instance == NULL || *o.instance == '\0') {
        o.instance = instance_make(instance);
    }

    if (o.listen != NULL || o.log != NULL) {
        log_begin(o.log, o.instance);
    }

    rc = o.listen == NULL ? terminal_run(&request, login, &o)
                          : listen_run(&request, login, &o);

    return rc == EIRC_OK ? 0 : 1;
}
