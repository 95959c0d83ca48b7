#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "connect.h"
#include "listen.h"
#include "options.h"
#include "rseq.h"
#include "sockets.h"
#include "template.h"
#include "title.h"
#include "irc_relay.h"
#include "upgrade_ask.h"
#include "version.h"

static const char usage[]
    = "Usage: irc-client --sockets --run-path=DIR [--index=K]\n"
      "                  [--log=FILE|stderr|syslog] [--log-level=LEVEL]\n"
      "                  [--relay-sessions=N] [--stay]\n"
      "                  [--state=DIR [--state-interval=SECONDS]]\n"
      "       irc-client --sockets --upgrade --run-path=DIR [--index=K]\n"
      "       irc-client --nick=NICK --server=HOST --port=PORT\n"
      "                  [--realname=NAME] [--channels=NAME,...]\n"
      "                  [--listen=DIR] [--log=DIR] [--instance=ID]\n"
      "                  [--sasl[=MECHANISM]] [--sasl-file=FILE]\n"
      "                  [--account=NAME] [--password-file=FILE]\n"
      "                  [--charset=NAME] [--charset-out=NAME] [--recode]\n"
      "                  [--sts[=off]] [--sts-file=FILE]\n"
      "                  [--tls] [--tls-ca=FILE] [--tls-fingerprint=HEX,...]\n"
      "                  [--tls-certificate=FILE [--tls-key=FILE]]\n"
      "                  [--tls-verify=on|off]\n"
      "           (for another program with --listen, else on a terminal)\n"
      "       irc-client --help | --version\n";


#ifdef EIRC_SANITIZE_REPORTS

/* Workers have nowhere else to write, and no environment to say so. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);


const char *
__asan_default_options(void)
{
    return "log_path=" EIRC_SANITIZE_REPORTS "/irc-client";
}


const char *
__ubsan_default_options(void)
{
    return "print_stacktrace=1:log_path=" EIRC_SANITIZE_REPORTS "/irc-client";
}


#endif


int
main(int argc, char **argv)
{
    char error[256];
    options_t o;

    if (options_parse(&o, argc, argv, error, sizeof(error)) == -1) {
        (void) fprintf(stderr, "irc-client: %s\n", error);
        return 1;
    }

    rseq_leave();

    /* helpers have an environment that is there to be overwritten */

    title_init(argc, argv,
               o.role == ROLE_TEMPLATE || o.role == ROLE_CONNECTOR
                       || o.role == ROLE_RELAY
                   ? environ
                   : NULL);

    switch (o.role) {

    case ROLE_SOCKETS:
        return sockets_run(&o);

    case ROLE_UPGRADE:
        return upgrade_ask_run(&o);

    case ROLE_PROBE:
        return 0;

    case ROLE_TEMPLATE:
        return template_run();

    case ROLE_CONNECTOR:
        return connect_run();

    case ROLE_RELAY:
        return irc_relay_run();

    case ROLE_HELP:
        (void) fputs(usage, stdout);
        return 0;

    case ROLE_VERSION:
        (void) puts("irc-client " VERSION);
        return 0;

    case ROLE_LISTEN:
        break;
    }

    return listen_main(argc, argv);
}
