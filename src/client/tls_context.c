#include "tls_context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


/* Where the system has its trusted certificates in one file: a directory
 * would be read when it is too late for it, inside the sandbox. */
static const char *const stores[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};


static const char *
reason(void)
{
    const char *words;

    words = openssl.ERR_reason_error_string(openssl.ERR_peek_error());

    return words == NULL ? "unknown reason" : words;
}


static int
complain(tls_context_t *c, const char *what, const char *path)
{
    (void) snprintf(c->words, sizeof(c->words),
                    "TLS to %s is not possible: %s %s cannot be used: %s",
                    c->name, what, path, reason());
    return EIRC_ERROR;
}


/* An encrypted key has nobody to ask. */
static int
password_none(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return 0;
}


static int
store_load(tls_context_t *c, const char *ca)
{
    size_t i;

    if (*ca != '\0') {
        return openssl.SSL_CTX_load_verify_locations(c->ssl, ca, NULL) == 1
                   ? EIRC_OK
                   : complain(c, "the file of trusted certificates", ca);
    }

    ca = openssl.X509_get_default_cert_file();

    for (i = 0;; i++) {
        if (access(ca, R_OK) == 0
            && openssl.SSL_CTX_load_verify_locations(c->ssl, ca, NULL) == 1)
        {
            return EIRC_OK;
        }

        if (i == sizeof(stores) / sizeof(stores[0])) {
            return complain(c, "the system's trusted certificates", ca);
        }

        ca = stores[i];
    }
}


static int
certificate_load(tls_context_t *c, const char *certificate, const char *key)
{
    if (*certificate == '\0') {
        return EIRC_OK;
    }

    if (openssl.SSL_CTX_use_certificate_chain_file(c->ssl, certificate) != 1) {
        return complain(c, "the client certificate", certificate);
    }

    key = *key == '\0' ? certificate : key;

    if (openssl.SSL_CTX_use_PrivateKey_file(c->ssl, key, SSL_FILETYPE_PEM) != 1
        || openssl.SSL_CTX_check_private_key(c->ssl) != 1)
    {
        return complain(c, "the key of the client certificate", key);
    }

    return EIRC_OK;
}


static void
string_of(char *out, eirc_slice_t s)
{
    if (s.len > 0) {
        memcpy(out, s.p, s.len);
    }

    out[s.len] = '\0';
}


static int
files_load(tls_context_t *c, const eirc_link_tls_t *tls)
{
    char ca[EIRC_LINK_PATH_MAX + 1], certificate[EIRC_LINK_PATH_MAX + 1],
        key[EIRC_LINK_PATH_MAX + 1];

    string_of(ca, tls->ca);
    string_of(certificate, tls->certificate);
    string_of(key, tls->key);

    c->verify
        = tls->npins == 0 && (tls->flags & EIRC_LINK_TLS_UNVERIFIED) == 0;

    openssl.SSL_CTX_set_verify(
        c->ssl, c->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    openssl.SSL_CTX_set_default_passwd_cb(c->ssl, password_none);

    if (c->verify && store_load(c, ca) != EIRC_OK) {
        return EIRC_ERROR;
    }

    return certificate_load(c, certificate, key);
}


static int
settings_make(SSL_CTX *ssl)
{
    (void) openssl.SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION
                                                | SSL_OP_NO_COMPRESSION);

    (void) openssl.SSL_CTX_ctrl(ssl, SSL_CTRL_MODE,
                                SSL_MODE_ENABLE_PARTIAL_WRITE
                                    | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                    | SSL_MODE_RELEASE_BUFFERS,
                                NULL);

    return openssl.SSL_CTX_ctrl(ssl, SSL_CTRL_SET_MIN_PROTO_VERSION,
                                TLS1_2_VERSION, NULL)
                   == 1
               ? EIRC_OK
               : EIRC_ERROR;
}


void
tls_context_make(tls_context_t *c, const eirc_link_server_t *server,
                 const eirc_link_tls_t *tls)
{
    const char *missing;

    memset(c, 0, sizeof(tls_context_t));

    string_of(c->host, eirc_slice(server->host, server->host_len));
    (void) snprintf(c->name, sizeof(c->name), "%s %u", c->host, server->port);

    c->npins = (uint8_t) tls->npins;

    if (tls->npins > 0) {
        memcpy(c->pins, tls->pins, tls->npins * EIRC_LINK_PIN_SIZE);
    }

    missing = tls_lib_open();

    if (missing != NULL) {
        (void) snprintf(c->words, sizeof(c->words),
                        "TLS to %s is not possible: %s", c->name, missing);
        return;
    }

    c->ssl = openssl.SSL_CTX_new(openssl.TLS_client_method());

    if (c->ssl == NULL || settings_make(c->ssl) != EIRC_OK) {
        (void) snprintf(c->words, sizeof(c->words),
                        "TLS to %s is not possible: %s", c->name, reason());

    } else if (files_load(c, tls) == EIRC_OK) {
        return;
    }

    openssl.SSL_CTX_free(c->ssl);
    c->ssl = NULL;
}


/* Whom the certificate has to name; an address is no name to be sent. */
static int
host_set(const tls_context_t *c, SSL *ssl)
{
    uint8_t address[16];
    X509_VERIFY_PARAM *param;

    param = openssl.SSL_get0_param(ssl);

    if (inet_pton(AF_INET, c->host, address) == 1
        || inet_pton(AF_INET6, c->host, address) == 1)
    {
        return openssl.X509_VERIFY_PARAM_set1_ip_asc(param, c->host);
    }

    openssl.X509_VERIFY_PARAM_set_hostflags(
        param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

    return openssl.X509_VERIFY_PARAM_set1_host(param, c->host, 0) == 1
           && openssl.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
                               TLSEXT_NAMETYPE_host_name,
                               (void *) (uintptr_t) c->host)
                  == 1;
}


SSL *
tls_context_connect(const tls_context_t *c, int fd)
{
    SSL *ssl;

    ssl = openssl.SSL_new(c->ssl);

    if (ssl != NULL
        && (openssl.SSL_set_fd(ssl, fd) != 1 || host_set(c, ssl) != 1)) {
        openssl.SSL_free(ssl);
        ssl = NULL;
    }

    return ssl;
}


int
tls_context_pinned(const tls_context_t *c, const uint8_t *digest)
{
    size_t i;

    for (i = 0; i < c->npins; i++) {
        if (memcmp(c->pins + i * EIRC_LINK_PIN_SIZE, digest,
                   EIRC_LINK_PIN_SIZE)
            == 0) {
            return 1;
        }
    }

    return 0;
}


int
tls_context_judge(const tls_context_t *c, const SSL *ssl, char *words)
{
    int ok;
    unsigned len;
    uint8_t digest[EVP_MAX_MD_SIZE];
    X509 *certificate;

    /* a chain has been judged by the handshake */

    if (c->npins == 0) {
        return EIRC_OK;
    }

    certificate = openssl.SSL_get1_peer_certificate(ssl);

    ok = certificate != NULL
         && openssl.X509_digest(certificate, openssl.EVP_sha256(), digest,
                                &len)
                == 1
         && len == EIRC_LINK_PIN_SIZE && tls_context_pinned(c, digest);

    openssl.X509_free(certificate);

    if (ok) {
        return EIRC_OK;
    }

    (void) snprintf(words, TLS_CONTEXT_WORDS,
                    "TLS to %s failed: certificate refused: "
                    "its fingerprint is not the expected one",
                    c->name);

    return EIRC_ERROR;
}


void
tls_context_failed(const tls_context_t *c, const SSL *ssl, int error,
                   char *words)
{
    int saved;
    long verdict;

    saved = errno;
    verdict = openssl.SSL_get_verify_result(ssl);

    if (verdict != X509_V_OK && c->verify) {
        (void) snprintf(words, TLS_CONTEXT_WORDS,
                        "TLS to %s failed: certificate refused: %s", c->name,
                        openssl.X509_verify_cert_error_string(verdict));

    } else if (error == SSL_ERROR_SYSCALL) {
        (void) snprintf(words, TLS_CONTEXT_WORDS,
                        "TLS to %s failed: handshake: %s", c->name,
                        saved != 0 ? strerror(saved) : "connection closed");

    } else {
        (void) snprintf(words, TLS_CONTEXT_WORDS,
                        "TLS to %s failed: handshake: %s", c->name, reason());
    }
}
