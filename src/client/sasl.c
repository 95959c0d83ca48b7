#include "sasl.h"

#include "hash.h"

#include "eirc_base64.h"
#include "eirc_codes.h"

#include <string.h>

/* what an answer, or what is signed, is put together from */
typedef struct {
    uint8_t *p;
    size_t len;
    size_t cap;
} text_t;

/* the server's first message, taken apart */
typedef struct {
    eirc_slice_t nonce;
    eirc_slice_t salt; /* still base64 */
    int iterations;
} first_t;

/* client-first-bare, server-first, client-final without its proof, commas */
#define SIGNED_MAX (2 * SASL_CHALLENGE_MAX + 256)


static sasl_sign_pt sign;


void
sasl_sign_with(sasl_sign_pt with)
{
    sign = with;
}


void
sasl_begin(sasl_t *s, eirc_sasl_e mechanism, eirc_slice_t name,
           eirc_slice_t secret, const char *nonce)
{
    memset(s, 0, sizeof(sasl_t));
    s->mechanism = mechanism;
    s->name = name;
    s->secret = secret;
    strncpy(s->nonce, nonce, SASL_NONCE_MAX);
}


bool
sasl_complete(const sasl_t *s)
{
    return s->step == SASL_DONE;
}


static int
refuse(const char **why, const char *words)
{
    *why = words;
    return EIRC_ERROR;
}


/* Appends; what has no room is noted in a length above the cap. */
static void
text_add(text_t *t, eirc_slice_t s)
{
    if (t->len <= t->cap && s.len <= t->cap - t->len) {

        if (s.len > 0) {
            memcpy(t->p + t->len, s.p, s.len);
        }

        t->len += s.len;

    } else {
        t->len = t->cap + 1;
    }
}


static void
text_add_base64(text_t *t, const uint8_t *p, size_t len)
{
    size_t n;

    if (t->len > t->cap
        || eirc_base64_encode(t->p + t->len, t->cap - t->len, &n, p, len)
               != EIRC_OK)
    {
        t->len = t->cap + 1;
        return;
    }

    t->len += n;
}


/* PLAIN (RFC 4616) */

static int
plain_answer(sasl_t *s, text_t *out)
{
    /* who one acts as is said, too: there are servers that want to hear it */

    text_add(out, s->name);
    text_add(out, EIRC_SLICE("\0"));
    text_add(out, s->name);
    text_add(out, EIRC_SLICE("\0"));
    text_add(out, s->secret);

    s->step = SASL_DONE;

    return EIRC_OK;
}


/* SCRAM-SHA-256 (RFC 5802, 7677), without channel binding */

static bool
has_controls(eirc_slice_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {

        if (s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return true;
        }
    }

    return false;
}


/* client-first-bare: ',' and '=' have names of their own (RFC 5802, 5.1) */
static void
scram_first_bare(const sasl_t *s, text_t *out)
{
    size_t i;

    text_add(out, EIRC_SLICE("n="));

    for (i = 0; i < s->name.len; i++) {
        text_add(out, s->name.p[i] == ','   ? EIRC_SLICE("=2C")
                      : s->name.p[i] == '=' ? EIRC_SLICE("=3D")
                                            : eirc_slice(s->name.p + i, 1));
    }

    text_add(out, EIRC_SLICE(",r="));
    text_add(out, eirc_slice_str(s->nonce));
}


static int
scram_first(sasl_t *s, text_t *out, const char **why)
{
    if (has_controls(s->name) || has_controls(s->secret)) {
        return refuse(why, "the secret can't be used with SCRAM");
    }

    text_add(out, EIRC_SLICE("n,,"));
    scram_first_bare(s, out);
    s->step = SASL_PROOF;

    return EIRC_OK;
}


/* The value of the attribute that comes next, which is cut off. */
static int
attribute(eirc_slice_t *rest, uint8_t name, eirc_slice_t *value)
{
    size_t n;

    if (rest->len < 2 || rest->p[0] != name || rest->p[1] != '=') {
        return EIRC_ERROR;
    }

    for (n = 2; n < rest->len && rest->p[n] != ','; n++) {
        /* void */
    }

    *value = eirc_slice(rest->p + 2, n - 2);
    n = n < rest->len ? n + 1 : n;
    *rest = eirc_slice(rest->p + n, rest->len - n);

    return EIRC_OK;
}


static int
iterations_read(eirc_slice_t s)
{
    size_t i;
    int n;

    n = 0;

    for (i = 0; i < s.len && n <= SASL_ITERATIONS_MAX; i++) {

        if (s.p[i] < '0' || s.p[i] > '9') {
            return -1;
        }

        n = n * 10 + (s.p[i] - '0');
    }

    return n;
}


static int
first_read(const sasl_t *s, first_t *first, eirc_slice_t challenge,
           const char **why)
{
    size_t len;
    eirc_slice_t value;

    /* an extension that must be understood ("m=") stands in front */

    if (attribute(&challenge, 'r', &first->nonce) != EIRC_OK
        || attribute(&challenge, 's', &first->salt) != EIRC_OK
        || attribute(&challenge, 'i', &value) != EIRC_OK)
    {
        return refuse(why, "the server's challenge makes no sense");
    }

    len = strlen(s->nonce);

    if (first->nonce.len <= len || memcmp(first->nonce.p, s->nonce, len) != 0)
    {
        return refuse(why, "the server's challenge is none for this login");
    }

    first->iterations = iterations_read(value);

    if (first->iterations < SASL_ITERATIONS_MIN
        || first->iterations > SASL_ITERATIONS_MAX)
    {
        return refuse(why, "the server's number of iterations is out of "
                           "bounds");
    }

    return EIRC_OK;
}


/* with a key that is a hash itself */
static void
hmac(uint8_t *out, const uint8_t *key, eirc_slice_t text)
{
    hash_hmac(out, eirc_slice(key, HASH_SIZE), text);
}


/* RFC 5802, 3; proof and expected signature */
static int
scram_keys(const sasl_t *s, const first_t *first, eirc_slice_t text,
           uint8_t *proof, uint8_t *signature)
{
    int i;
    size_t len;
    uint8_t salt[SASL_CHALLENGE_MAX];
    struct {
        uint8_t salted[HASH_SIZE];
        uint8_t client[HASH_SIZE];
        uint8_t stored[HASH_SIZE];
        uint8_t server[HASH_SIZE];
    } key;

    if (eirc_base64_decode(salt, sizeof(salt), &len, first->salt.p,
                           first->salt.len)
            != EIRC_OK
        || len == 0)
    {
        return EIRC_ERROR;
    }

    hash_pbkdf2(key.salted, s->secret, eirc_slice(salt, len),
                (unsigned) first->iterations);

    hmac(key.client, key.salted, EIRC_SLICE("Client Key"));
    hash_sha256(key.stored, eirc_slice(key.client, HASH_SIZE));
    hmac(proof, key.stored, text);

    for (i = 0; i < HASH_SIZE; i++) {
        proof[i] ^= key.client[i];
    }

    hmac(key.server, key.salted, EIRC_SLICE("Server Key"));
    hmac(signature, key.server, text);

    explicit_bzero(&key, sizeof(key));

    return EIRC_OK;
}


static int
scram_proof(sasl_t *s, eirc_slice_t challenge, text_t *out, const char **why)
{
    first_t first;
    text_t text;
    uint8_t buf[SIGNED_MAX], proof[HASH_SIZE];

    if (first_read(s, &first, challenge, why) != EIRC_OK) {
        return EIRC_ERROR;
    }

    text_add(out, EIRC_SLICE("c=biws,r="));
    text_add(out, first.nonce);

    text.p = buf;
    text.len = 0;
    text.cap = sizeof(buf);

    scram_first_bare(s, &text);
    text_add(&text, EIRC_SLICE(","));
    text_add(&text, challenge);
    text_add(&text, EIRC_SLICE(","));
    text_add(&text, eirc_slice(out->p, out->len <= out->cap ? out->len : 0));

    if (text.len > text.cap || out->len > out->cap
        || scram_keys(s, &first, eirc_slice(buf, text.len), proof,
                      s->signature)
               != EIRC_OK)
    {
        return refuse(why, "the server's challenge makes no sense");
    }

    text_add(out, EIRC_SLICE(",p="));
    text_add_base64(out, proof, sizeof(proof));
    s->step = SASL_VERIFY;

    return EIRC_OK;
}


static int
scram_verify(sasl_t *s, eirc_slice_t challenge, const char **why)
{
    size_t len;
    uint8_t signature[HASH_SIZE + 1];
    eirc_slice_t value;

    if (attribute(&challenge, 'v', &value) != EIRC_OK
        || eirc_base64_decode(signature, sizeof(signature), &len, value.p,
                              value.len)
               != EIRC_OK
        || len != HASH_SIZE || !hash_equal(signature, s->signature))
    {
        return refuse(why, "the server does not know the secret itself");
    }

    s->step = SASL_DONE;

    return EIRC_OK;
}


static int
scram_answer(sasl_t *s, eirc_slice_t challenge, text_t *out, const char **why)
{
    switch (s->step) {

    case SASL_FIRST:
        return challenge.len == 0
                   ? scram_first(s, out, why)
                   : refuse(why, "the server's challenge makes no sense");

    case SASL_PROOF:
        return scram_proof(s, challenge, out, why);

    default:
        return scram_verify(s, challenge, why);
    }
}


/* ECDSA-NIST256P-CHALLENGE: the name, then the challenge, signed */

static int
ecdsa_answer(sasl_t *s, eirc_slice_t challenge, text_t *out, const char **why)
{
    size_t len;
    uint8_t signature[SASL_SIGNATURE_MAX];

    if (s->step == SASL_FIRST) {
        text_add(out, s->name);
        s->step = SASL_PROOF;
        return EIRC_OK;
    }

    if (sign == NULL || sign(s->secret, challenge, signature, &len) != EIRC_OK)
    {
        return refuse(why, "the server's challenge can't be signed");
    }

    text_add(out, eirc_slice(signature, len));
    s->step = SASL_DONE;

    return EIRC_OK;
}


int
sasl_answer(sasl_t *s, eirc_slice_t challenge, uint8_t *out, size_t *len,
            const char **why)
{
    int rc;
    text_t text;

    *len = 0;
    text.p = out;
    text.len = 0;
    text.cap = SASL_ANSWER_MAX;

    if (s->step == SASL_DONE) {
        return refuse(why, "the server asks more than there is to say");
    }

    if (s->mechanism == EIRC_SASL_SCRAM_SHA_256) {
        rc = scram_answer(s, challenge, &text, why);

    } else if (s->mechanism == EIRC_SASL_PLAIN) {
        rc = plain_answer(s, &text);

    } else if (s->mechanism == EIRC_SASL_ECDSA) {
        rc = ecdsa_answer(s, challenge, &text, why);

    } else {

        /* EXTERNAL: whoever the certificate says (RFC 4422, A) */

        s->step = SASL_DONE;
        rc = EIRC_OK;
    }

    if (rc == EIRC_OK && text.len > text.cap) {
        rc = refuse(why, "the answer is too long");
    }

    *len = rc == EIRC_OK ? text.len : 0;

    return rc;
}
