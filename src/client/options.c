#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "irc_relay.h"

typedef enum {
    KIND_ROLE = 0, /* which role_find() and its like look for */
    KIND_FLAG,
    KIND_DESCRIPTOR,
    KIND_SECONDS,
    KIND_STRING,
    KIND_INDEX,
    KIND_LEVEL,
    KIND_USERS
} kind_e;

typedef struct {
    const char *name;
    kind_e kind;
    size_t offset; /* in options_t */
} option_t;

static const option_t table[] = {
    {"image", KIND_DESCRIPTOR, offsetof(options_t, image)},
    {"index", KIND_INDEX, offsetof(options_t, index)},
    {"log", KIND_STRING, offsetof(options_t, log)},
    {"log-level", KIND_LEVEL, offsetof(options_t, log_level)},
    {"probe", KIND_ROLE, 0},
    {"relay-sessions", KIND_USERS, offsetof(options_t, relay_sessions)},
    {"run-path", KIND_STRING, offsetof(options_t, run_path)},
    {"sockets", KIND_ROLE, 0},
    {"state", KIND_STRING, offsetof(options_t, state)},
    {"state-interval", KIND_SECONDS, offsetof(options_t, state_interval)},
    {"stay", KIND_FLAG, offsetof(options_t, stay)},
    {"upgrade", KIND_ROLE, 0},
};

#define NOPTIONS (sizeof(table) / sizeof(table[0]))


/* A decimal number up to max, and nothing else; -1: none. */
static long
number_parse(const char *s, long max)
{
    long n;

    n = 0;

    if (*s == '\0') {
        return -1;
    }

    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9') {
            return -1;
        }

        n = n * 10 + (*s - '0');

        if (n > max) {
            return -1;
        }
    }

    return n;
}


static const option_t *
option_find(const char *arg, size_t len)
{
    size_t i;

    for (i = 0; i < NOPTIONS; i++) {
        if (strlen(table[i].name) == len
            && strncmp(table[i].name, arg, len) == 0) {
            return &table[i];
        }
    }

    return NULL;
}


static int
value_set(options_t *o, const option_t *option, const char *value)
{
    long n;
    char *field;

    field = (char *) o + option->offset;

    switch (option->kind) {

    case KIND_STRING:
        if (*value == '\0') {
            return -1;
        }

        memcpy(field, &value, sizeof(value));
        return 0;

    case KIND_INDEX:
        n = number_parse(value, OPTIONS_INDEX_MAX);
        o->index = (unsigned) n;
        return n == -1 ? -1 : 0;

    case KIND_LEVEL:
        o->log_level = log_level_parse(value);
        return o->log_level;

    case KIND_USERS:
        n = number_parse(value, IRC_RELAY_USERS_MAX);
        o->relay_sessions = (unsigned) n;
        return n < 1 ? -1 : 0;

    case KIND_DESCRIPTOR:
        n = number_parse(value, 1 << 20);
        o->image = (int) n;
        return n < 3 ? -1 : 0;

    case KIND_SECONDS:
        n = number_parse(value, OPTION_STATE_INTERVAL_MAX);
        o->state_interval = (unsigned) n;
        return n < 1 ? -1 : 0;

    default:
        return -1;
    }
}


static void
flag_set(options_t *o, const option_t *option)
{
    static const int set = 1;

    if (option->kind == KIND_FLAG) {
        memcpy((char *) o + option->offset, &set, sizeof(set));
    }
}


/* One argument; -1 with a sentence. */
static int
argument_parse(options_t *o, const char *arg, char *error, size_t size)
{
    size_t len;
    const char *value;
    const option_t *option;

    if (strncmp(arg, "--", 2) != 0) {
        (void) snprintf(error, size, "Unknown argument: %s", arg);
        return -1;
    }

    len = strcspn(arg + 2, "=");
    value = (arg[2 + len] == '=') ? arg + 2 + len + 1 : NULL;

    option = option_find(arg + 2, len);
    if (option == NULL) {
        (void) snprintf(error, size, "Unknown option: %s", arg);
        return -1;
    }

    if (option->kind == KIND_ROLE || option->kind == KIND_FLAG) {
        if (value != NULL) {
            (void) snprintf(error, size, "--%s takes no value", option->name);
            return -1;
        }

        flag_set(o, option);
        return 0;
    }

    if (value == NULL) {
        (void) snprintf(error, size, "--%s needs a value", option->name);
        return -1;
    }

    if (value_set(o, option, value) == -1) {
        (void) snprintf(error, size, "Invalid value: %s", arg);
        return -1;
    }

    return 0;
}


/* Options that stand alone and decide everything. */
static int
role_find(options_t *o, const char *arg)
{
    size_t i;
    static const struct {
        const char *arg;
        role_e role;
    } roles[] = {
        {"--help", ROLE_HELP},
        {"--version", ROLE_VERSION},
        {OPTION_TEMPLATE, ROLE_TEMPLATE},
        {OPTION_CONNECTOR, ROLE_CONNECTOR},
        {OPTION_RELAY, ROLE_RELAY},
    };

    for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(arg, roles[i].arg) == 0) {
            o->role = roles[i].role;
            return 1;
        }
    }

    return 0;
}


static int
is_given(int argc, char *const *argv, const char *arg)
{
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], arg) == 0) {
            return 1;
        }
    }

    return 0;
}


int
options_parse(options_t *o, int argc, char *const *argv, char *error,
              size_t size)
{
    int i;

    memset(o, 0, sizeof(options_t));
    o->log_level = LOG_LEVEL_INFO;
    o->relay_sessions = IRC_RELAY_USERS;
    o->state_interval = OPTION_STATE_INTERVAL;
    o->image = -1;

    if (argc == 2 && role_find(o, argv[1])) {
        return 0;
    }

    if (!is_given(argc, argv, "--sockets")) {
        o->role = ROLE_LISTEN;
        return 0;
    }

    o->role = is_given(argc, argv, OPTION_PROBE)  ? ROLE_PROBE
              : is_given(argc, argv, "--upgrade") ? ROLE_UPGRADE
                                                  : ROLE_SOCKETS;

    for (i = 1; i < argc; i++) {
        if (argument_parse(o, argv[i], error, size) == -1) {
            return -1;
        }
    }

    if (o->run_path == NULL) {
        (void) snprintf(error, size, "Missing required argument: --run-path");
        return -1;
    }

    return 0;
}
