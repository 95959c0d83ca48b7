#include "sts.h"

#include "cap.h"
#include "flow.h"
#include "login.h"
#include "registration.h"


/* A number up to max; more is max. false: it is none. */
static bool
number_read(uint32_t *n, eirc_slice_t value, uint32_t max)
{
    size_t i;
    uint64_t number;

    number = 0;

    for (i = 0; i < value.len; i++) {

        if (value.p[i] < '0' || value.p[i] > '9') {
            return false;
        }

        number = number * 10 + (value.p[i] - '0');
        number = number < max ? number : max;
    }

    *n = (uint32_t) number;

    return value.len > 0;
}


static void
key_read(sts_t *sts, eirc_slice_t key, eirc_slice_t value)
{
    uint32_t n;

    if (eirc_slice_equal(key, EIRC_SLICE("port"))
        && number_read(&n, value, UINT16_MAX + 1) && n <= UINT16_MAX)
    {
        sts->port = (uint16_t) n;
    }

    if (eirc_slice_equal(key, EIRC_SLICE("duration"))
        && number_read(&n, value, STS_DURATION_MAX))
    {
        sts->duration = n;
        sts->lasts = true;
    }
}


void
sts_read(sts_t *sts, eirc_slice_t value)
{
    size_t n;
    eirc_slice_t key, word;

    sts->port = 0;
    sts->duration = 0;
    sts->lasts = false;

    while (value.len > 0) {

        for (n = 0; n < value.len && value.p[n] != ','; n++) {
            /* void */
        }

        key = cap_name(eirc_slice(value.p, n), &word);
        key_read(sts, key, word);

        n += n < value.len;
        value = eirc_slice(value.p + n, value.len - n);
    }
}


static bool
list_find(eirc_slice_t list, sts_t *sts)
{
    eirc_slice_t cap, value;

    for (;;) {
        cap = cap_next(&list);

        if (cap.len == 0) {
            return false;
        }

        if (eirc_slice_equal(cap_name(cap, &value), EIRC_SLICE("sts"))) {
            sts_read(sts, value);
            return true;
        }
    }
}


static void
go_on(user_t *u)
{
    if (u->sts.held) {
        u->sts.held = false;
        registration_go_on(u);
    }
}


bool
sts_cap(user_t *u, const eirc_irc_msg_t *msg)
{
    bool list, more;
    sts_t sts;

    if (!u->sts.ask) {
        return false;
    }

    list = eirc_irc_equal(EIRC_IRC_ASCII, msg->params[1], EIRC_SLICE("LS"));
    more = msg->nparams > 3
           && eirc_slice_equal(msg->params[2], EIRC_SLICE("*"));

    if ((list
         || eirc_irc_equal(EIRC_IRC_ASCII, msg->params[1], EIRC_SLICE("NEW")))
        && list_find(msg->params[msg->nparams - 1], &sts))
    {
        /* what is said without TLS can be anybody's, and is not kept */

        if (!u->sts.secure && sts.port != 0
            && u->session.state->phase == SESSION_REGISTERING)
        {
            u->sts.port = sts.port;
            return true;
        }

        if (u->sts.secure && sts.lasts) {
            u->event(u, EVENT_STS, (int32_t) sts.duration,
                     eirc_slice(NULL, 0));
        }
    }

    if (list && !more) {
        go_on(u);
    }

    return false;
}


void
sts_unknown(user_t *u)
{
    go_on(u);
}


/* One that knows nothing of capabilities may not even say so. */
void
sts_late(user_t *u)
{
    if (u->sts.held) {
        go_on(u);
        session_commit(&u->session);
    }
}


bool
sts_holds(user_t *u)
{
    u->sts.held = u->sts.holds && !u->sts.secure && u->login != NULL
                  && (u->session.state->caps & CAP_ASKED)
                  && u->login->secrets.password[0] != '\0';

    return u->sts.held;
}


void
sts_leave(user_t *u)
{
    session_t *s;

    s = &u->session;
    session_in_take(s, session_in_pending(s).len);
    flow_reset(u);

    s->state->skipping = 0;
    s->state->pinged = 0;
    s->state->caps = 0;
    s->state->phase = SESSION_CONNECTING;
    session_commit(s);

    u->sts.port = 0;
    u->sts.held = false;
    u->sts.secure = true;
}
