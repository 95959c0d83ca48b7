/*
 * The login of a client that stands alone: what the command line says of it,
 * and the files with its secrets.
 */

#ifndef _LOGIN_ALONE_H_INCLUDED_
#define _LOGIN_ALONE_H_INCLUDED_

#include "login.h"

/* values of options; NULL: not given */
typedef struct {
    const char *sasl;          /* mechanisms; empty: those with a password */
    const char *sasl_file;     /* the secret of the account */
    const char *password_file; /* of the server */
} login_alone_t;

#define LOGIN_ALONE_WORDS 512

/* Can there be such a login? EIRC_ERROR with words. */
int login_alone_check(const login_alone_t *o, char *words);

/* Reads the files. What it makes is the caller's, who gives it back to
 * login_alone_forget(). NULL with words. */
login_t *login_alone_make(const login_alone_t *o, char *words);

void login_alone_forget(login_t *login);

#endif /* _LOGIN_ALONE_H_INCLUDED_ */
