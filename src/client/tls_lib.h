/*
 * libssl, loaded when it is needed and by whom: a relay. Linked in, its
 * relocations would be private pages of the template, and its mappings be
 * copied with every fork of a worker. Call as openssl.SSL_read().
 */

#ifndef _TLS_LIB_H_INCLUDED_
#define _TLS_LIB_H_INCLUDED_

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* result, name, arguments */
/* clang-format off */
#define TLS_LIB_CALLS(X)                                                      \
    X(int, OPENSSL_init_ssl, (uint64_t, const OPENSSL_INIT_SETTINGS *))       \
    X(const SSL_METHOD *, TLS_client_method, (void))                          \
    X(SSL_CTX *, SSL_CTX_new, (const SSL_METHOD *))                           \
    X(void, SSL_CTX_free, (SSL_CTX *))                                        \
    X(long, SSL_CTX_ctrl, (SSL_CTX *, int, long, void *))                     \
    X(uint64_t, SSL_CTX_set_options, (SSL_CTX *, uint64_t))                   \
    X(int, SSL_CTX_load_verify_locations,                                     \
      (SSL_CTX *, const char *, const char *))                                \
    X(int, SSL_CTX_use_certificate_chain_file, (SSL_CTX *, const char *))     \
    X(int, SSL_CTX_use_PrivateKey_file, (SSL_CTX *, const char *, int))       \
    X(int, SSL_CTX_check_private_key, (const SSL_CTX *))                      \
    X(void, SSL_CTX_set_default_passwd_cb, (SSL_CTX *, pem_password_cb *))    \
    X(void, SSL_CTX_set_verify, (SSL_CTX *, int, SSL_verify_cb))              \
    X(SSL *, SSL_new, (SSL_CTX *))                                            \
    X(void, SSL_free, (SSL *))                                                \
    X(int, SSL_set_fd, (SSL *, int))                                          \
    X(long, SSL_ctrl, (SSL *, int, long, void *))                             \
    X(X509_VERIFY_PARAM *, SSL_get0_param, (SSL *))                           \
    X(int, SSL_connect, (SSL *))                                              \
    X(int, SSL_read, (SSL *, void *, int))                                    \
    X(int, SSL_write, (SSL *, const void *, int))                             \
    X(int, SSL_shutdown, (SSL *))                                             \
    X(int, SSL_get_error, (const SSL *, int))                                 \
    X(long, SSL_get_verify_result, (const SSL *))                             \
    X(X509 *, SSL_get1_peer_certificate, (const SSL *))                       \
    X(const char *, SSL_get_version, (const SSL *))                           \
    X(int, X509_VERIFY_PARAM_set1_host,                                       \
      (X509_VERIFY_PARAM *, const char *, size_t))                            \
    X(int, X509_VERIFY_PARAM_set1_ip_asc, (X509_VERIFY_PARAM *, const char *)) \
    X(void, X509_VERIFY_PARAM_set_hostflags,                                  \
      (X509_VERIFY_PARAM *, unsigned int))                                    \
    X(const char *, X509_verify_cert_error_string, (long))                    \
    X(const char *, X509_get_default_cert_file, (void))                       \
    X(int, X509_digest,                                                       \
      (const X509 *, const EVP_MD *, unsigned char *, unsigned int *))        \
    X(void, X509_free, (X509 *))                                              \
    X(const EVP_MD *, EVP_sha256, (void))                                     \
    X(void, ERR_clear_error, (void))                                          \
    X(unsigned long, ERR_peek_error, (void))                                  \
    X(const char *, ERR_reason_error_string, (unsigned long))
/* clang-format on */

/* a declaration, where nothing can stand in parentheses */
/* NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define TLS_LIB_MEMBER(result, name, args) result(*name) args;

typedef struct {
    TLS_LIB_CALLS(TLS_LIB_MEMBER)
} tls_lib_t;

extern tls_lib_t openssl;

/* NULL, or what is missing, in words. */
const char *tls_lib_open(void);

#endif /* _TLS_LIB_H_INCLUDED_ */
