#include "webirc.h"

#include "address.h"
#include "login.h"

#include <stdio.h>
#include <string.h>

/* " ADDRESS ADDRESS :secure remote-port=N local-port=N" */
#define WORDS_MAX (2 * ADDRESS_SIZE + 64)

_Static_assert(sizeof("WEBIRC ") + EIRC_IRC_PASSWORD_MAX + EIRC_IRC_GATEWAY_MAX
                       + WORDS_MAX
                   <= EIRC_IRC_CONTENT_MAX,
               "it is one line");


/* What stands behind the gateway's name; false: there is no address. The
 * address is the host name as well: nobody has looked that up. */
static bool
words_make(char *out, const session_identity_t *id)
{
    size_t len;
    char address[ADDRESS_SIZE];

    if (!address_write(address, id->address)) {
        return false;
    }

    len = (size_t) snprintf(out, WORDS_MAX, " %s %s :%s", address, address,
                            id->secure ? "secure " : "");

    if (id->port != 0) {
        len += (size_t) snprintf(out + len, WORDS_MAX - len, "remote-port=%u ",
                                 id->port);
    }

    if (id->local_port != 0) {
        len += (size_t) snprintf(out + len, WORDS_MAX - len, "local-port=%u ",
                                 id->local_port);
    }

    /* the last space, or, without any option, that and the colon */

    out[len - (out[len - 1] == ':' ? 2 : 1)] = '\0';

    return true;
}


void
webirc_say(user_t *u)
{
    char words[WORDS_MAX];
    eirc_slice_t parts[5];

    if (u->login == NULL || u->login->secrets.webirc[0] == '\0') {
        return;
    }

    /* nobody goes in under our own address by mistake */

    if (!words_make(words, u->session.identity)) {
        user_leave(u, EIRC_LINK_FAILED, EIRC_SLICE("QUIT"));
        return;
    }

    parts[0] = EIRC_SLICE("WEBIRC ");
    parts[1] = eirc_slice_str(u->login->secrets.webirc);
    parts[2] = EIRC_SLICE(" ");
    parts[3] = eirc_slice_str(u->login->secrets.gateway);
    parts[4] = eirc_slice_str(words);
    (void) login_out_add(u, parts, 5);
    u->introduced = true;
}
