#include "cap.h"

#include "login.h"

static const eirc_slice_t sasl = EIRC_SLICE("sasl");


eirc_slice_t
cap_next(eirc_slice_t *list)
{
    size_t start, end;
    eirc_slice_t cap;

    for (start = 0; start < list->len && list->p[start] == ' '; start++) {
        /* void */
    }

    for (end = start; end < list->len && list->p[end] != ' '; end++) {
        /* void */
    }

    if (end == 0) {
        return eirc_slice(NULL, 0);
    }

    cap = eirc_slice(list->p + start, end - start);
    *list = eirc_slice(list->p + end, list->len - end);

    return cap;
}


eirc_slice_t
cap_name(eirc_slice_t cap, eirc_slice_t *value)
{
    size_t n;

    for (n = 0; n < cap.len && cap.p[n] != '='; n++) {
        /* void */
    }

    *value = n < cap.len ? eirc_slice(cap.p + n + 1, cap.len - n - 1)
                         : eirc_slice(NULL, 0);

    return eirc_slice(cap.p, n);
}


/* Is SASL in the list, and with which value? */
static bool
has_sasl(eirc_slice_t list, eirc_slice_t *value)
{
    eirc_slice_t cap;

    for (;;) {
        cap = cap_next(&list);

        if (cap.len == 0) {
            return false;
        }

        if (eirc_slice_equal(cap_name(cap, value), sasl)) {
            return true;
        }
    }
}


void
cap_begin(user_t *u)
{
    if (login_busy(u)) {
        (void) user_send(u, EIRC_SLICE("CAP LS 302"));
    }
}


static void
cap_listed(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t list)
{
    eirc_slice_t value;
    login_talk_t *talk;

    talk = &u->login->talk;

    if (talk->phase != LOGIN_LIST) {
        return;
    }

    if (has_sasl(list, &value)) {
        talk->offered = true;

        /* a list of mechanisms came with 302; without one, all are tried */

        if (value.p != NULL) {
            talk->set &= eirc_sasl_set(value);
        }
    }

    if (msg->nparams > 3 && eirc_slice_equal(msg->params[2], EIRC_SLICE("*")))
    {
        return;
    }

    if (!talk->offered) {
        login_skip(u, "the IRC server offers no login");
        return;
    }

    (void) user_send(u, EIRC_SLICE("CAP REQ :sasl"));
    talk->phase = LOGIN_ASKED;
}


void
cap_line(user_t *u, const eirc_irc_msg_t *msg)
{
    login_talk_t *talk;
    eirc_slice_t sub, list, value;

    talk = &u->login->talk;
    talk->cap = true;
    sub = msg->params[1];
    list = msg->params[msg->nparams - 1];

    if (eirc_irc_equal(EIRC_IRC_ASCII, sub, EIRC_SLICE("LS"))) {
        cap_listed(u, msg, list);
        return;
    }

    if (!has_sasl(list, &value)) {
        return;
    }

    if (eirc_irc_equal(EIRC_IRC_ASCII, sub, EIRC_SLICE("ACK"))) {

        if (talk->phase == LOGIN_ASKED) {
            login_try(u);
        }

    } else if (eirc_irc_equal(EIRC_IRC_ASCII, sub, EIRC_SLICE("NAK"))
               || eirc_irc_equal(EIRC_IRC_ASCII, sub, EIRC_SLICE("DEL")))
    {
        login_skip(u, "the IRC server offers no login");
    }
}


void
cap_unknown(user_t *u, bool known)
{
    u->login->talk.cap = known;
    login_skip(u, "the IRC server offers no login");
}


void
cap_done(user_t *u)
{
    if (!u->login->talk.cap || u->session.state->phase != SESSION_REGISTERING)
    {
        return;
    }

    u->session.state->caps |= CAP_OPEN;

    if (user_mode(u) == SESSION_EIRC) {
        cap_close(u);
    }
}


void
cap_close(user_t *u)
{
    if (u->session.state->caps & CAP_OPEN) {
        u->session.state->caps &= ~CAP_OPEN;
        (void) user_send(u, EIRC_SLICE("CAP END"));
    }
}
