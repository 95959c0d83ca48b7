
/*
 * eirc_irc_tls_*: how the certificates of IRC servers are verified, and what
 * they are shown. Nothing of it is used here: irc-client's TLS relays are
 * told, and read the files; that they are good is found out with the
 * configuration.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_conf.h"

#if (NGX_OPENSSL)
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif


typedef struct {
    u_char                      bytes[EIRC_LINK_PIN_SIZE];
} ngx_http_eirc_pin_t;


static char *ngx_http_eirc_tls_path(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive);
static char *ngx_http_eirc_tls_check(ngx_conf_t *cf,
    ngx_http_eirc_loc_conf_t *conf);
#if (NGX_OPENSSL)
static int ngx_http_eirc_tls_password(char *buf, int size, int rwflag,
    void *data);
static char *ngx_http_eirc_tls_complain(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive);
static char *ngx_http_eirc_tls_load(ngx_conf_t *cf,
    ngx_http_eirc_loc_conf_t *conf, SSL_CTX *ssl);
#endif


char *
ngx_http_eirc_tls_fingerprint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_http_eirc_pin_t  *pin;

    if (elcf->tls_pins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        elcf->tls_pins = NULL;
        return NGX_CONF_OK;
    }

    if (cf->args->nelts - 1 > EIRC_LINK_PINS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d fingerprints in "
                           "\"eirc_irc_tls_fingerprint\": leave some away",
                           EIRC_LINK_PINS_MAX);
        return NGX_CONF_ERROR;
    }

    elcf->tls_pins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                      sizeof(ngx_http_eirc_pin_t));
    if (elcf->tls_pins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        pin = ngx_array_push(elcf->tls_pins);
        if (pin == NULL) {
            return NGX_CONF_ERROR;
        }

        if (eirc_link_pin_read(pin->bytes,
                               eirc_slice(value[i].data, value[i].len))
            != EIRC_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid fingerprint \"%V\" in "
                               "\"eirc_irc_tls_fingerprint\", write the 64 "
                               "hexadecimal digits of SHA-256", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* Only for locations with a server that has TLS. */

char *
ngx_http_eirc_tls_merge(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf)
{
    char             *rv;
    size_t            len;
    eirc_link_tls_t   tls;

    u_char            buf[EIRC_LINK_TLS_MAX];

    rv = ngx_http_eirc_tls_path(cf, &conf->tls_ca, "eirc_irc_tls_ca");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_eirc_tls_path(cf, &conf->tls_certificate,
                                "eirc_irc_tls_certificate");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_eirc_tls_path(cf, &conf->tls_certificate_key,
                                "eirc_irc_tls_certificate_key");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (conf->tls_certificate_key.len && conf->tls_certificate.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"eirc_irc_tls_certificate_key\" is of no use "
                           "without \"eirc_irc_tls_certificate\"");
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_eirc_tls_check(cf, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_memzero(&tls, sizeof(eirc_link_tls_t));

    tls.flags = conf->tls_verify ? 0 : EIRC_LINK_TLS_UNVERIFIED;
    tls.ca = eirc_slice(conf->tls_ca.data, conf->tls_ca.len);
    tls.certificate = eirc_slice(conf->tls_certificate.data,
                                 conf->tls_certificate.len);
    tls.key = eirc_slice(conf->tls_certificate_key.data,
                         conf->tls_certificate_key.len);

    if (conf->tls_pins) {
        tls.npins = conf->tls_pins->nelts;
        tls.pins = conf->tls_pins->elts;
    }

    len = eirc_link_tls_write(buf, &tls);

    conf->tls.data = ngx_pnalloc(cf->pool, len);
    if (conf->tls.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(conf->tls.data, buf, len);
    conf->tls.len = len;

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_tls_path(ngx_conf_t *cf, ngx_str_t *path, const char *directive)
{
    ngx_fd_t  fd;

    if (path->len == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (path->len > EIRC_LINK_PATH_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the path \"%V\" in \"%s\" is longer than %d "
                           "bytes, choose a shorter one",
                           path, directive, EIRC_LINK_PATH_MAX);
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" of \"%s\" failed",
                           path, directive);
        return NGX_CONF_ERROR;
    }

    (void) ngx_close_file(fd);

    return NGX_CONF_OK;
}


#if (NGX_OPENSSL)

/* an encrypted key has nobody to ask, neither here nor in a relay */

static int
ngx_http_eirc_tls_password(char *buf, int size, int rwflag, void *data)
{
    return 0;
}


static char *
ngx_http_eirc_tls_complain(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive)
{
    const char  *reason;

    reason = ERR_reason_error_string(ERR_peek_error());

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" of \"%s\" cannot be used: %s", path, directive,
                       reason ? reason : "unknown reason");
    ERR_clear_error();

    return NGX_CONF_ERROR;
}


static char *
ngx_http_eirc_tls_load(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf,
    SSL_CTX *ssl)
{
    ngx_str_t  *key;

    SSL_CTX_set_default_passwd_cb(ssl, ngx_http_eirc_tls_password);

    if (conf->tls_ca.len
        && SSL_CTX_load_verify_locations(ssl, (char *) conf->tls_ca.data, NULL)
           != 1)
    {
        return ngx_http_eirc_tls_complain(cf, &conf->tls_ca,
                                          "eirc_irc_tls_ca");
    }

    if (conf->tls_certificate.len == 0) {
        return NGX_CONF_OK;
    }

    if (SSL_CTX_use_certificate_chain_file(ssl,
                                          (char *) conf->tls_certificate.data)
        != 1)
    {
        return ngx_http_eirc_tls_complain(cf, &conf->tls_certificate,
                                          "eirc_irc_tls_certificate");
    }

    key = conf->tls_certificate_key.len ? &conf->tls_certificate_key
                                        : &conf->tls_certificate;

    if (SSL_CTX_use_PrivateKey_file(ssl, (char *) key->data, SSL_FILETYPE_PEM)
        != 1
        || SSL_CTX_check_private_key(ssl) != 1)
    {
        return ngx_http_eirc_tls_complain(cf, key,
                                          "eirc_irc_tls_certificate_key");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_tls_check(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf)
{
    char     *rv;
    SSL_CTX  *ssl;

    ERR_clear_error();

    ssl = SSL_CTX_new(TLS_client_method());
    if (ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_eirc_tls_load(cf, conf, ssl);

    SSL_CTX_free(ssl);

    return rv;
}

#else

static char *
ngx_http_eirc_tls_check(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf)
{
    return NGX_CONF_OK;
}

#endif
