#include "login_alone.h"

#include "sasl_ecdsa.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


static int
complain(char *words, const char *what, const char *more)
{
    (void) snprintf(words, LOGIN_ALONE_WORDS, "%s%s", what, more);
    return EIRC_ERROR;
}


/* Is the secret a key, and no password? */
static bool
has_key(const login_alone_t *o)
{
    return o->sasl != NULL
           && strcmp(o->sasl, eirc_sasl_name(EIRC_SASL_ECDSA)) == 0;
}


int
login_alone_check(const login_alone_t *o, char *words)
{
    if (o->sasl == NULL) {
        return EIRC_OK;
    }

    if (*o->sasl != '\0' && eirc_sasl_set(eirc_slice_str(o->sasl)) == 0) {
        return complain(words, "Unknown SASL mechanism: ", o->sasl);
    }

    if ((eirc_sasl_set(eirc_slice_str(o->sasl))
         & EIRC_SASL_BIT(EIRC_SASL_ECDSA))
        && !has_key(o))
    {
        return complain(words, "A key is no password, so this stands alone: ",
                        eirc_sasl_name(EIRC_SASL_ECDSA));
    }

    if (o->sasl_file == NULL
        && strcmp(o->sasl, eirc_sasl_name(EIRC_SASL_EXTERNAL)) != 0)
    {
        return complain(words, "A file with the secret is missing: ",
                        "--sasl-file=FILE is needed");
    }

    return EIRC_OK;
}


/* What is in a file that is nobody else's to read; -1: too much, too. */
static ssize_t
file_read(char *buf, size_t size, const char *path, char *words)
{
    int fd;
    ssize_t n;
    struct stat st;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd == -1 || fstat(fd, &st) == -1) {
        (void) complain(words, "open() of the file with the secret failed: ",
                        strerror(errno));
        return -1;
    }

    n = S_ISREG(st.st_mode) && (st.st_mode & 077) != 0 ? -1
                                                       : read(fd, buf, size);
    (void) close(fd);

    if (n == -1) {
        (void) complain(words,
                        "The file with the secret can be read by "
                        "others: ",
                        "chmod 600 is needed");
    }

    return n;
}


/* The first line of such a file; out holds one byte more than max. */
static int
secret_read(char *out, size_t max, const char *path, char *words)
{
    ssize_t n;
    char *end;
    char buf[SASL_SECRET_MAX + 2];

    n = file_read(buf, sizeof(buf), path, words);

    if (n == -1) {
        return EIRC_ERROR;
    }

    end = memchr(buf, '\n', (size_t) n);
    n = end == NULL ? n : end - buf;

    if (n > 0 && (size_t) n <= max
        && eirc_irc_text_valid(eirc_slice(buf, (size_t) n)))
    {
        memcpy(out, buf, (size_t) n);
        out[n] = '\0';
    }

    explicit_bzero(buf, sizeof(buf));

    return out[0] != '\0' ? EIRC_OK
                          : complain(words, "There is no secret in ", path);
}


/* The whole of it, a key in PEM; out holds SASL_SECRET_MAX + 1 bytes. */
static int
key_read(char *out, const char *path, char *words)
{
    ssize_t n;

    n = file_read(out, SASL_SECRET_MAX, path, words);

    if (n == -1) {
        return EIRC_ERROR;
    }

    out[n] = '\0';
    sasl_sign_with(sasl_ecdsa_sign);

    return sasl_ecdsa_usable(eirc_slice(out, (size_t) n))
               ? EIRC_OK
               : complain(words,
                          "There is no key of NIST P-256 without a "
                          "passphrase in ",
                          path);
}


static int
secrets_read(secrets_t *s, const login_alone_t *o, char *words)
{
    int rc;

    rc = o->sasl_file == NULL ? EIRC_OK
         : has_key(o)
             ? key_read(s->secret, o->sasl_file, words)
             : secret_read(s->secret, SASL_SECRET_MAX, o->sasl_file, words);

    if (rc == EIRC_OK && o->password_file != NULL) {
        rc = secret_read(s->password, EIRC_IRC_PASSWORD_MAX, o->password_file,
                         words);
    }

    return rc;
}


login_t *
login_alone_make(const login_alone_t *o, char *words)
{
    login_t *l;
    secrets_t *s;

    l = mmap(NULL, LOGIN_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (l == MAP_FAILED) {
        (void) complain(words, "There is no memory", "");
        return NULL;
    }

    s = &l->secrets;

    if (secrets_read(s, o, words) != EIRC_OK) {
        login_alone_forget(l);
        return NULL;
    }

    s->required = o->sasl != NULL;
    s->mechanisms = o->sasl != NULL && *o->sasl != '\0'
                        ? eirc_sasl_set(eirc_slice_str(o->sasl))
                        : EIRC_SASL_PASSWORD;

    /* an IRC client asks what the server can do */

    l->negotiates = true;

    return l;
}


void
login_alone_forget(login_t *login)
{
    explicit_bzero(login, sizeof(login_t));
    (void) munmap(login, LOGIN_SIZE);
}
