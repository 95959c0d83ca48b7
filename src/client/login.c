#include "login.h"

#include "cap.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define NONCE_BYTES 24

_Static_assert(sizeof(struct login_s) <= LOGIN_SIZE, "it has its room");
_Static_assert(EIRC_BASE64_ENCODED(NONCE_BYTES) <= SASL_NONCE_MAX, "a nonce");
_Static_assert(LOGIN_OUT_MAX >= EIRC_BASE64_ENCODED(SASL_ANSWER_MAX) + 7 * 16
                                    + 2 * (EIRC_IRC_CONTENT_MAX + 2),
               "an answer has room");


bool
login_busy(const user_t *u)
{
    return u->login != NULL && u->login->talk.phase != LOGIN_NONE
           && u->login->talk.phase != LOGIN_OVER;
}


/* lines */

int
login_out_add(user_t *u, const eirc_slice_t *parts, unsigned n)
{
    unsigned i;
    size_t len;
    login_talk_t *talk;

    talk = &u->login->talk;
    len = 2;

    for (i = 0; i < n; i++) {
        len += parts[i].len;
    }

    if (len > LOGIN_OUT_MAX - talk->out_len) {
        return EIRC_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (parts[i].len > 0) {
            memcpy(talk->out + talk->out_len, parts[i].p, parts[i].len);
            talk->out_len += parts[i].len;
        }
    }

    talk->out[talk->out_len++] = '\r';
    talk->out[talk->out_len++] = '\n';

    return EIRC_OK;
}


eirc_slice_t
login_out_pending(const user_t *u)
{
    const login_talk_t *talk;

    if (u->login == NULL) {
        return eirc_slice(NULL, 0);
    }

    talk = &u->login->talk;

    return eirc_slice(talk->out + talk->out_sent,
                      talk->out_len - talk->out_sent);
}


void
login_out_sent(user_t *u, size_t n)
{
    login_talk_t *talk;

    talk = &u->login->talk;
    explicit_bzero(talk->out + talk->out_sent, n);
    talk->out_sent += n;

    if (talk->out_sent == talk->out_len) {
        talk->out_sent = 0;
        talk->out_len = 0;
    }
}


bool
login_is_over(const user_t *u)
{
    const login_talk_t *talk;

    talk = &u->login->talk;

    return talk->phase == LOGIN_OVER && !talk->identify && talk->out_len == 0;
}


/* AUTHENTICATE with what is no secret: it must not overtake one. */
static void
authenticate(user_t *u, const char *what)
{
    eirc_slice_t parts[2];

    parts[0] = EIRC_SLICE("AUTHENTICATE ");
    parts[1] = eirc_slice_str(what);
    (void) login_out_add(u, parts, 2);
}


/* ends */

static void
finish(user_t *u)
{
    u->login->talk.phase = LOGIN_OVER;
    cap_done(u);
}


/* The server is left, for good, when there must be a login. */
static void
finish_without(user_t *u)
{
    if (!u->login->secrets.required) {
        finish(u);
        return;
    }

    u->login->talk.phase = LOGIN_OVER;
    u->login->talk.identify = false;
    u->session.state->refused = 1;
    user_leave(u, EIRC_LINK_IRC_REFUSED, EIRC_SLICE("QUIT"));
}


static void
tell(user_t *u, const char *why)
{
    char words[256];

    (void) snprintf(words, sizeof(words), "Login failed: %s.", why);
    user_tell_error(u, eirc_slice_str(words));
    u->event(u, EVENT_LOGIN_FAILED, 0, eirc_slice_str(why));
}


static void
fail(user_t *u, const char *why)
{
    tell(u, why);
    finish_without(u);
}


/*
 * A login that has to be, at another time: services come and go. The server
 * holds the registration back, as there is no CAP END, and closes; from there
 * on it is a connection lost.
 */
static void
fail_for_now(user_t *u, const char *why)
{
    tell(u, why);
    u->login->talk.phase = LOGIN_OVER;
    (void) user_send(u, EIRC_SLICE("QUIT"));
}


/* The server is told that we go on no further. */
static void
abort_talk(user_t *u, const char *why)
{
    authenticate(u, "*");
    fail(u, why);
}


void
login_skip(user_t *u, const char *why)
{
    const login_talk_t *talk;
    const secrets_t *secrets;

    talk = &u->login->talk;
    secrets = &u->login->secrets;

    if (!secrets->required) {
        u->login->talk.identify = secrets->secret[0] != '\0';
        finish(u);

    } else if (talk->cap && u->session.state->phase == SESSION_REGISTERING) {
        fail_for_now(u, why);

    } else {

        /* a server without capabilities holds nothing back, nor ever will */

        fail(u, why);
    }
}


/* the beginning */

/* The mechanisms that could be used, with these secrets. */
static uint32_t
usable(const secrets_t *secrets)
{
    return secrets->mechanisms
           & (secrets->secret[0] == '\0' ? ~EIRC_SASL_SECRET : ~0u);
}


bool
login_needed(const secrets_t *secrets)
{
    return secrets->secret[0] != '\0' || secrets->password[0] != '\0'
           || secrets->webirc[0] != '\0' || secrets->required
           || usable(secrets) != 0;
}


void
login_begin(user_t *u)
{
    login_talk_t *talk;
    const secrets_t *secrets;

    if (u->login == NULL) {
        return;
    }

    secrets = &u->login->secrets;
    talk = &u->login->talk;
    explicit_bzero(talk, sizeof(login_talk_t));
    talk->set = usable(secrets);
    talk->wanted = talk->set != 0;
    talk->phase = LOGIN_OVER;

    if (talk->wanted || u->login->negotiates) {
        talk->phase = LOGIN_LIST;

    } else if (secrets->required) {
        fail(u, "there is no secret to log in with");

    } else {
        talk->identify = secrets->secret[0] != '\0';
    }
}


void
login_pass(user_t *u)
{
    eirc_slice_t parts[2];

    if (u->login == NULL || u->login->secrets.password[0] == '\0') {
        return;
    }

    parts[1] = eirc_slice_str(u->login->secrets.password);
    parts[0] = eirc_irc_word_valid(parts[1]) ? EIRC_SLICE("PASS ")
                                             : EIRC_SLICE("PASS :");
    (void) login_out_add(u, parts, 2);
    u->passed = true;
}


/* the conversation */

static bool
nonce_make(char *out)
{
    size_t len;
    uint8_t random[NONCE_BYTES];

    if (getrandom(random, sizeof(random), GRND_NONBLOCK)
            != (ssize_t) sizeof(random)
        || eirc_base64_encode((uint8_t *) out, SASL_NONCE_MAX, &len, random,
                              sizeof(random))
               != EIRC_OK)
    {
        return false;
    }

    out[len] = '\0';

    return true;
}


void
login_try(user_t *u)
{
    const char *name;
    login_talk_t *talk;
    eirc_sasl_e mechanism;
    char nonce[SASL_NONCE_MAX + 1];

    talk = &u->login->talk;
    mechanism = eirc_sasl_strongest(talk->set);

    if (mechanism == EIRC_SASL_NONE) {

        if (u->login->secrets.required) {
            fail(u, "the IRC server has no mechanism that could be used");

        } else {
            login_skip(u, NULL);
        }

        return;
    }

    if (!nonce_make(nonce)) {
        fail(u, "there are no random bytes");
        return;
    }

    name = u->session.identity->account;

    if (name[0] == '\0') {
        name = u->session.identity->nick;
    }

    sasl_begin(&talk->sasl, mechanism, eirc_slice_str(name),
               eirc_slice_str(u->login->secrets.secret), nonce);
    authenticate(u, eirc_sasl_name(mechanism));

    talk->set &= ~EIRC_SASL_BIT(mechanism);
    talk->tried = true;
    talk->challenge_len = 0;
    talk->phase = LOGIN_MECHANISM;
}


/* An answer in pieces; one that ends with a whole piece needs an empty one. */
static int
answer_send(user_t *u, eirc_slice_t answer)
{
    int rc;
    size_t i, n, len;
    uint8_t buf[EIRC_BASE64_ENCODED(SASL_ANSWER_MAX)];
    eirc_slice_t parts[2];

    rc = eirc_base64_encode(buf, sizeof(buf), &len, answer.p, answer.len);
    parts[0] = EIRC_SLICE("AUTHENTICATE ");

    for (i = 0; rc == EIRC_OK; i += n) {
        n = len - i;
        n = n < EIRC_SASL_PIECE_MAX ? n : EIRC_SASL_PIECE_MAX;
        parts[1] = n > 0 ? eirc_slice(buf + i, n) : EIRC_SLICE("+");
        rc = login_out_add(u, parts, 2);

        if (n < EIRC_SASL_PIECE_MAX) {
            break;
        }
    }

    explicit_bzero(buf, sizeof(buf));

    return rc;
}


static void
challenge_answer(user_t *u)
{
    int rc;
    size_t len, n;
    const char *why;
    login_talk_t *talk;
    uint8_t challenge[LOGIN_CHALLENGE_MAX], answer[SASL_ANSWER_MAX];

    talk = &u->login->talk;
    talk->phase = LOGIN_TALKING;
    why = "the server's challenge makes no sense";

    rc = eirc_base64_decode(challenge, sizeof(challenge), &n, talk->challenge,
                            talk->challenge_len);
    talk->challenge_len = 0;

    if (rc == EIRC_OK && n <= SASL_CHALLENGE_MAX) {
        rc = sasl_answer(&talk->sasl, eirc_slice(challenge, n), answer, &len,
                         &why);

        if (rc == EIRC_OK) {
            rc = answer_send(u, eirc_slice(answer, len));
        }

        explicit_bzero(answer, sizeof(answer));

    } else {
        rc = EIRC_ERROR;
    }

    if (rc != EIRC_OK) {
        abort_talk(u, why);
    }
}


void
login_challenge(user_t *u, eirc_slice_t piece)
{
    login_talk_t *talk;

    if (!login_busy(u) || u->login->talk.phase < LOGIN_MECHANISM) {
        return;
    }

    talk = &u->login->talk;

    if (eirc_slice_equal(piece, EIRC_SLICE("+"))) {
        piece.len = 0;
    }

    if (piece.len > EIRC_SASL_PIECE_MAX
        || piece.len > LOGIN_CHALLENGE_MAX - talk->challenge_len)
    {
        abort_talk(u, "the server's challenge is too long");
        return;
    }

    if (piece.len > 0) {
        memcpy(talk->challenge + talk->challenge_len, piece.p, piece.len);
        talk->challenge_len += piece.len;
    }

    if (piece.len < EIRC_SASL_PIECE_MAX) {
        challenge_answer(u);
    }
}


static void
succeeded(user_t *u)
{
    if (!sasl_complete(&u->login->talk.sasl)) {
        abort_talk(u, "the server has not proven that it knows the secret");
        return;
    }

    u->event(u, EVENT_LOGGED_IN, 0,
             eirc_slice_str(eirc_sasl_name(u->login->talk.sasl.mechanism)));
    finish(u);
}


static void
refused(user_t *u, int number, const char *why)
{
    char words[128];

    if (user_mode(u) != SESSION_EIRC) {
        (void) snprintf(words, sizeof(words), "Login failed (%d): %s.", number,
                        why);
        user_tell_error(u, eirc_slice_str(words));

    } else {

        /* in the words that pages know */

        (void) snprintf(words, sizeof(words), "! SASL error (%d): %s", number,
                        why);
        user_tell(u, eirc_slice_str(words));
    }

    u->event(u, EVENT_LOGIN_FAILED, number, eirc_slice_str(why));
    finish_without(u);
}


void
login_numeric(user_t *u, int number, const eirc_irc_msg_t *msg)
{
    static const char *const words[] = {
        "account locked",         "",
        "authentication failed",  "mechanism too long",
        "authentication aborted", "already in progress",
    };

    if (!login_busy(u) || u->login->talk.phase < LOGIN_MECHANISM) {
        return;
    }

    if (number == 908) {
        u->login->talk.set &= eirc_sasl_set(eirc_irc_param(msg, 1));

    } else if (number == 903) {
        succeeded(u);

    } else if (u->login->talk.phase == LOGIN_MECHANISM && number != 907
               && u->login->talk.set != 0)
    {
        /* it doesn't know the mechanism, and nothing was said about us */

        login_try(u);

    } else {
        refused(u, number, words[number - 902]);
    }
}


void
login_late(user_t *u)
{
    const char *why;

    if (!login_busy(u) || u->login->talk.phase < LOGIN_ASKED
        || u->session.state->phase != SESSION_REGISTERING)
    {
        return;
    }

    why = "the server does not answer";

    if (u->login->talk.tried) {
        authenticate(u, "*");
    }

    if (u->login->secrets.required) {
        fail_for_now(u, why);

    } else {

        /* services without SASL behind a server that has it: as good as none */

        tell(u, why);
        login_skip(u, why);
    }

    session_commit(&u->session);
}


void
login_welcome(user_t *u)
{
    if (!login_busy(u)) {
        return;
    }

    if (u->login->talk.tried) {
        fail(u, "the server did not wait for it");

    } else {
        login_skip(u, "the IRC server offers no login");
    }
}


/* NickServ (contracts of the services that there are: the account goes in
 * front of the secret, unless it has the name of the nick). */
void
login_ready(user_t *u)
{
    const char *account;
    eirc_slice_t parts[4];

    if (u->login == NULL || !u->login->talk.identify) {
        return;
    }

    u->login->talk.identify = false;
    account = u->session.identity->account;

    parts[0] = EIRC_SLICE("PRIVMSG NickServ :IDENTIFY ");
    parts[1] = eirc_slice_str(account);
    parts[2] = EIRC_SLICE(" ");
    parts[3] = eirc_slice_str(u->login->secrets.secret);

    if (account[0] == '\0'
        || eirc_irc_equal(u->state.isupport.casemap, parts[1], user_nick(u)))
    {
        parts[1].len = 0;
        parts[2].len = 0;
    }

    if (parts[0].len + parts[1].len + parts[2].len + parts[3].len
            > u->state.isupport.linelen - 2
        || login_out_add(u, parts, 4) != EIRC_OK)
    {
        tell(u, "the secret is too long for NickServ");
    }
}
