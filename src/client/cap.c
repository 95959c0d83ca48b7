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
    const eirc_slice_t line = EIRC_SLICE("CAP LS 302");

    /* between WEBIRC and PASS, in their order: the segment's come behind */

    if (login_busy(u)) {
        (void) login_out_add(u, &line, 1);
        u->session.state->caps |= CAP_ASKED;
    }
}


/* Does more of the list follow? */
static bool
is_continued(const eirc_irc_msg_t *msg)
{
    return msg->nparams > 3
           && eirc_slice_equal(msg->params[2], EIRC_SLICE("*"));
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

    if (is_continued(msg)) {
        return;
    }

    u->session.state->caps &= ~CAP_ASKED;

    if (!talk->offered || !talk->wanted) {
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
    list = eirc_irc_param(msg, msg->nparams > 2 ? msg->nparams - 1 : 2);

    if (eirc_irc_equal(EIRC_IRC_ASCII, sub, EIRC_SLICE("LS"))) {
        cap_listed(u, msg, list);

    } else if (eirc_irc_equal(EIRC_IRC_ASCII, sub, EIRC_SLICE("ACK"))) {

        if (talk->phase == LOGIN_ASKED && has_sasl(list, &value)) {
            login_try(u);
        }

    } else if (eirc_irc_equal(EIRC_IRC_ASCII, sub, EIRC_SLICE("NAK"))) {

        /* there is no other request that it could be about */

        if (talk->phase == LOGIN_ASKED) {
            login_skip(u, "the IRC server offers no login");
        }

    } else if (eirc_irc_equal(EIRC_IRC_ASCII, sub, EIRC_SLICE("DEL"))
               && has_sasl(list, &value))
    {
        login_skip(u, "the IRC server offers no login");
    }
}


bool
cap_late(user_t *u, const eirc_irc_msg_t *msg)
{
    session_state_t *state;

    state = u->session.state;

    if (!(state->caps & CAP_ASKED)
        || !eirc_irc_equal(EIRC_IRC_ASCII, msg->params[1], EIRC_SLICE("LS")))
    {
        return false;
    }

    if (!is_continued(msg)) {
        state->caps = (state->caps & ~CAP_ASKED) | CAP_OPEN;

        /* a browser that negotiates would have taken the question over */

        if (user_mode(u) == SESSION_EIRC || state->nick[0] != '\0') {
            cap_close(u);
        }
    }

    return true;
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

    u->session.state->caps = CAP_OPEN;

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
