/*
 * The command line: what this process is to be, and the options of a socket
 * layer. Those of a single user are listen.c's. Nothing is opened here.
 */

#ifndef _OPTIONS_H_INCLUDED_
#define _OPTIONS_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#define OPTIONS_INDEX_MAX 255

typedef enum {
    ROLE_LISTEN = 0, /* one user, standing alone */
    ROLE_SOCKETS,
    ROLE_UPGRADE, /* asks a socket layer to go on as another program */
    ROLE_PROBE,   /* looks whether it could be one */
    ROLE_TEMPLATE,
    ROLE_CONNECTOR,
    ROLE_RELAY,
    ROLE_HELP,
    ROLE_VERSION
} role_e;

/* strings point into argv; NULL: not given */
typedef struct {
    role_e role;

    /* the socket layer */
    const char *run_path;
    unsigned index;
    int log_level;           /* log_level_e */
    unsigned relay_sessions; /* users of one relay */
    int stay;                /* flag: also without anybody who watches */
    int image;               /* descriptor to go on from, or -1 */
    unsigned state_interval; /* s */

    /* the directory of sessions' files; NULL: none are kept */
    const char *state;

    /* a file, "stderr" or "syslog" */
    const char *log;
} options_t;

/* argv[1] of the processes that the socket layer starts */
#define OPTION_TEMPLATE "--role=template"
#define OPTION_CONNECTOR "--role=connector"
#define OPTION_RELAY "--role=relay"

/* arguments that a socket layer gives to the next program in its place */
#define OPTION_PROBE "--probe"
#define OPTION_IMAGE "--image="

/* s, between two files of a session */
#define OPTION_STATE_INTERVAL 30
#define OPTION_STATE_INTERVAL_MAX 86400

/* Fills o; 0, or -1 with a sentence in error. For ROLE_LISTEN nothing but the
 * role is looked at. */
int options_parse(options_t *o, int argc, char *const *argv, char *error,
                  size_t size);

#endif /* _OPTIONS_H_INCLUDED_ */
