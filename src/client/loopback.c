#include "loopback.h"

#include <stdio.h>

#include "eirc_codes.h"
#include "race.h"
#include "resolve.h"


int
loopback_connect(const eirc_link_server_t *server, char name[PACE_NAME_SIZE])
{
    int fd;
    unsigned which;
    race_t race;
    resolve_answer_t answer;
    char host[EIRC_LINK_HOST_MAX + 1];

    (void) snprintf(host, sizeof(host), "%.*s", (int) server->host_len,
                    server->host);

    if ((server->flags & EIRC_LINK_SERVER_UNIX)
        || !resolve_address(host, &answer) || !resolve_is_loopback(&answer, 0))
    {
        return -1;
    }

    race_init(&race);
    race_set(&race, &answer, server->port);

    if (race_next(&race, &which) != EIRC_OK
        || race_event(&race, which, &fd) != EIRC_OK)
    {
        race_end(&race);
        return -1;
    }

    (void) snprintf(name, PACE_NAME_SIZE, "%s %u", host, server->port);

    return fd;
}
