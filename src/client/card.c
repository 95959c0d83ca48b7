#include "card.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eirc_codes.h"

#define VERSION 1

#define KEY_FILE "key"

/* what the code is about */
#define SIGNED offsetof(card_t, code)


/* The key */

static int
key_file_check(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == -1) {
        return -1;
    }

    if ((st.st_uid != geteuid() && st.st_uid != 0)
        || (st.st_mode & (S_IRWXG | S_IRWXO)))
    {
        errno = EPERM;
        return -1;
    }

    if (!S_ISREG(st.st_mode) || st.st_size != CARD_KEY_SIZE) {
        errno = EBADMSG;
        return -1;
    }

    return 0;
}


static int
key_read(card_key_t *key, int dir)
{
    int fd, rc, error;

    fd = openat(dir, KEY_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd == -1) {
        return -1;
    }

    rc = key_file_check(fd);

    if (rc == 0 && read(fd, key->bytes, CARD_KEY_SIZE) != CARD_KEY_SIZE) {
        rc = -1;
        errno = EBADMSG;
    }

    error = errno;
    (void) close(fd);
    errno = error;

    return rc;
}


static int
key_write(const card_key_t *key, int dir, const char *name)
{
    int fd, rc, error;

    fd = openat(dir, name,
                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1) {
        return -1;
    }

    errno = EIO;
    rc = write(fd, key->bytes, CARD_KEY_SIZE) == CARD_KEY_SIZE
                 && fsync(fd) == 0
             ? 0
             : -1;

    error = errno;
    (void) close(fd);
    errno = error;

    return rc;
}


/* Complete under another name first: under its own it is whole, and the first
 * one stays. */
static int
key_make(int dir)
{
    int rc, error;
    char name[64];
    struct {
        card_key_t key;
        uint64_t name;
    } random;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random)) {
        return -1;
    }

    (void) snprintf(name, sizeof(name), KEY_FILE ".%016llx",
                    (unsigned long long) random.name);

    rc = key_write(&random.key, dir, name);

    if (rc == 0 && linkat(dir, name, dir, KEY_FILE, 0) == -1
        && errno != EEXIST) {
        rc = -1;
    }

    error = errno;
    (void) unlinkat(dir, name, 0);
    explicit_bzero(&random, sizeof(random));
    errno = error;

    return rc;
}


int
card_key_open(card_key_t *key, int dir)
{
    int rc;

    /* the library's own configuration is not for us to read */

    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG
                                | OPENSSL_INIT_NO_ATEXIT
                                | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
                            NULL)
        != 1)
    {
        errno = ENOSYS;
        return -1;
    }

    rc = key_read(key, dir);

    if (rc == -1 && errno == ENOENT && key_make(dir) == 0) {
        rc = key_read(key, dir);
    }

    return rc;
}


/* Cards */

static EVP_MAC_CTX *
code_context_make(void)
{
    EVP_MAC *mac;
    EVP_MAC_CTX *ctx;
    char digest[] = "SHA256";
    OSSL_PARAM params[2];

    mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    if (mac == NULL) {
        return NULL;
    }

    params[0]
        = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    params[1] = OSSL_PARAM_construct_end();

    ctx = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);

    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }

    return ctx;
}


int
card_sign(const card_key_t *key, const uint8_t *p, size_t len, uint8_t *code)
{
    size_t n;
    static EVP_MAC_CTX *ctx; /* to look it up would take as long as all else */

    if (ctx == NULL) {
        ctx = code_context_make();
    }

    return ctx != NULL
                   && EVP_MAC_init(ctx, key->bytes, CARD_KEY_SIZE, NULL) == 1
                   && EVP_MAC_update(ctx, p, len) == 1
                   && EVP_MAC_final(ctx, code, &n, CARD_CODE_SIZE) == 1
                   && n == CARD_CODE_SIZE
               ? EIRC_OK
               : EIRC_ERROR;
}


int
card_signed(const card_key_t *key, const uint8_t *p, size_t len,
            const uint8_t *code)
{
    uint8_t ours[CARD_CODE_SIZE];

    return card_sign(key, p, len, ours) == EIRC_OK
                   && CRYPTO_memcmp(ours, code, CARD_CODE_SIZE) == 0
               ? EIRC_OK
               : EIRC_ERROR;
}


int
card_write(const card_key_t *key, card_t *card, card_kind_e kind,
           const char *id)
{
    if (strlen(id) > EIRC_LINK_ID_MAX) {
        return EIRC_ERROR;
    }

    memset(card, 0, sizeof(card_t));

    card->version = VERSION;
    card->kind = (uint8_t) kind;
    strcpy(card->id, id);

    return card_sign(key, (const uint8_t *) card, SIGNED, card->code);
}


int
card_verify(const card_key_t *key, const card_t *card)
{
    /* the code goes first: what is not ours has nothing to tell */

    if (card_signed(key, (const uint8_t *) card, SIGNED, card->code)
        != EIRC_OK) {
        return EIRC_ERROR;
    }

    return card->version == VERSION
                   && memchr(card->id, '\0', sizeof(card->id)) != NULL
               ? EIRC_OK
               : EIRC_ERROR;
}
