
/*
 * eirc_webirc, eirc_irc_password and eirc_sasl: how users are let in by IRC
 * servers. What they say becomes members of USER (docs/link.md, 6), as JSON,
 * when the configuration is read. No message has a password in it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "eirc_charset.h"
#include "eirc_irc.h"
#include "eirc_sasl.h"
#include "eirc_utf8.h"
#include "ngx_http_eirc.h"
#include "ngx_http_eirc_conf.h"


/* each byte of a text may get a backslash in front; names, quotes, policy and
 * the three mechanisms take 160 bytes; request.c adds some 300 to all */
#define NGX_HTTP_EIRC_LOGIN_MAX                                               \
    (2 * (2 * EIRC_IRC_PASSWORD_MAX + EIRC_IRC_GATEWAY_MAX) + 160)

/* no user has a key of his own here */
#define NGX_HTTP_EIRC_LOGIN_MECHANISMS                                        \
    (EIRC_SASL_PASSWORD | EIRC_SASL_BIT(EIRC_SASL_EXTERNAL))

#if (NGX_HTTP_EIRC_LOGIN_MAX + NGX_HTTP_EIRC_CHARSET_MAX + 512               \
     > EIRC_LINK_USER_WRAP)
#error "what is wrapped around a user object has to fit"
#endif


static ngx_uint_t ngx_http_eirc_login_secure(ngx_http_eirc_loc_conf_t *conf);
static char *ngx_http_eirc_login_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_str_t *secret);
static char *ngx_http_eirc_login_file(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_str_t *secret);
static char *ngx_http_eirc_login_line(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_str_t *secret, u_char *data, size_t len);
static ngx_uint_t ngx_http_eirc_login_valid(u_char *data, size_t len);
static u_char *ngx_http_eirc_login_member(u_char *p, const char *name,
    ngx_str_t *value);


static const char  *ngx_http_eirc_sasl_policies[] = {
    "off", "optional", "required"
};


char *
ngx_http_eirc_webirc(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    char       *rv;
    ngx_str_t  *value;

    if (elcf->webirc.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&elcf->webirc, "");
        return NGX_CONF_OK;
    }

    rv = ngx_http_eirc_login_secret(cf, cmd, &value[1], &elcf->webirc);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (!eirc_irc_word_valid(eirc_slice(elcf->webirc.data,
                                        elcf->webirc.len)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the password of \"eirc_webirc\" has a space or a "
                           "control character in it, or a colon in front, "
                           "which WEBIRC cannot have: choose another one");
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&elcf->webirc_gateway, "eirc");

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    /* where there is a password with a space in it, this is its rest */

    if (ngx_strncmp(value[2].data, "gateway=", 8) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid second parameter of \"eirc_webirc\", "
                           "there is \"gateway=NAME\" only");
        return NGX_CONF_ERROR;
    }

    elcf->webirc_gateway.data = value[2].data + 8;
    elcf->webirc_gateway.len = value[2].len - 8;

    if (elcf->webirc_gateway.len > EIRC_IRC_GATEWAY_MAX
        || !eirc_irc_word_valid(eirc_slice(elcf->webirc_gateway.data,
                                           elcf->webirc_gateway.len))
        || !eirc_utf8_valid(elcf->webirc_gateway.data,
                            elcf->webirc_gateway.len))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name in \"%V\" of \"eirc_webirc\", write "
                           "one of at most %d bytes without spaces",
                           &value[2], EIRC_IRC_GATEWAY_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_eirc_irc_password(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_str_t  *value;

    if (elcf->irc_password.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&elcf->irc_password, "");
        return NGX_CONF_OK;
    }

    return ngx_http_eirc_login_secret(cf, cmd, &value[1],
                                      &elcf->irc_password);
}


char *
ngx_http_eirc_sasl(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    uint32_t     bit;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (elcf->sasl != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < 3; i++) {
        if (ngx_strcmp(value[1].data, ngx_http_eirc_sasl_policies[i]) == 0) {
            elcf->sasl = i;
        }
    }

    if (elcf->sasl == NGX_CONF_UNSET_UINT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"eirc_sasl\" has to be \"required\", "
                           "\"optional\" or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (elcf->sasl == NGX_HTTP_EIRC_SASL_OFF && cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"eirc_sasl off\" has no \"%V\", leave it away",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    elcf->sasl_mechanisms = (cf->args->nelts > 2) ? 0 : EIRC_SASL_PASSWORD;

    for (i = 2; i < cf->args->nelts; i++) {

        bit = ngx_strlchr(value[i].data, value[i].data + value[i].len, ',')
              ? 0 : eirc_sasl_set(eirc_slice(value[i].data, value[i].len));

        if (!(bit & NGX_HTTP_EIRC_LOGIN_MECHANISMS)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown mechanism \"%V\" in \"eirc_sasl\", "
                               "there are \"PLAIN\", \"SCRAM-SHA-256\" and "
                               "\"EXTERNAL\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        elcf->sasl_mechanisms |= bit;
    }

    return NGX_CONF_OK;
}


/* A password as it stands there, or the first line of a file. */

static char *
ngx_http_eirc_login_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_str_t *secret)
{
    if (ngx_strncmp(value->data, "file:", 5) == 0) {
        return ngx_http_eirc_login_file(cf, cmd, value, secret);
    }

    return ngx_http_eirc_login_line(cf, cmd, NULL, secret, value->data,
                                    value->len);
}


static char *
ngx_http_eirc_login_file(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_str_t *secret)
{
    char      *rv;
    size_t     len;
    u_char    *end;
    ssize_t    n;
    ngx_fd_t   fd;
    ngx_str_t  path;

    u_char     buf[EIRC_IRC_PASSWORD_MAX + 2];

    path.data = value->data + 5;
    path.len = value->len - 5;

    if (path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no path in \"file:\" of \"%V\", write that of a "
                           "file whose first line is the password",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(path.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" of \"%V\" failed",
                           &path, &cmd->name);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" of \"%V\" failed",
                           &path, &cmd->name);
    }

    (void) ngx_close_file(fd);

    if (n == -1) {
        return NGX_CONF_ERROR;
    }

    end = ngx_strlchr(buf, buf + n, LF);
    len = end ? (size_t) (end - buf) : (size_t) n;

    if (len > 0 && end && buf[len - 1] == CR) {
        len--;
    }

    rv = ngx_http_eirc_login_line(cf, cmd, &path, secret, buf, len);

    ngx_explicit_memzero(buf, sizeof(buf));

    return rv;
}


static char *
ngx_http_eirc_login_line(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *path, ngx_str_t *secret, u_char *data, size_t len)
{
    const char  *why;

    why = NULL;

    if (len == 0) {
        why = "is empty";

    } else if (len > EIRC_IRC_PASSWORD_MAX) {
        why = "is longer than 255 bytes";

    } else if (!ngx_http_eirc_login_valid(data, len)) {
        why = "is no line of text in UTF-8";
    }

    if (why) {
        if (path) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the password in \"%V\" of \"%V\" %s, write "
                               "it into the first line",
                               path, &cmd->name, why);

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the password of \"%V\" %s, write another "
                               "one, \"file:PATH\" or \"off\"",
                               &cmd->name, why);
        }

        return NGX_CONF_ERROR;
    }

    secret->data = ngx_pnalloc(cf->pool, len);
    if (secret->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(secret->data, data, len);
    secret->len = len;

    return NGX_CONF_OK;
}


/* Without control characters, which JSON would make six bytes of. */

static ngx_uint_t
ngx_http_eirc_login_valid(u_char *data, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (data[i] < ' ' || data[i] == 0x7f) {
            return 0;
        }
    }

    return eirc_utf8_valid(data, len);
}


void
ngx_http_eirc_login_inherit(ngx_http_eirc_loc_conf_t *conf,
    ngx_http_eirc_loc_conf_t *prev)
{
    if (conf->webirc.data == NULL) {
        conf->webirc = prev->webirc;
        conf->webirc_gateway = prev->webirc_gateway;
    }

    if (conf->irc_password.data == NULL) {
        conf->irc_password = prev->irc_password;
    }

    if (conf->sasl == NGX_CONF_UNSET_UINT) {
        conf->sasl = prev->sasl;
        conf->sasl_mechanisms = prev->sasl_mechanisms;
    }

    if (conf->sasl == NGX_CONF_UNSET_UINT) {
        conf->sasl = NGX_HTTP_EIRC_SASL_OPTIONAL;
        conf->sasl_mechanisms = EIRC_SASL_PASSWORD;
    }
}


/* Is there a server with TLS from the beginning? */

static ngx_uint_t
ngx_http_eirc_login_secure(ngx_http_eirc_loc_conf_t *conf)
{
    const uint8_t       *p, *last;
    eirc_link_server_t   server;

    p = conf->servers.data;
    last = p + conf->servers.len;

    while (eirc_link_server_next(&p, last, &server) == EIRC_OK) {

        if (server.flags & EIRC_LINK_SERVER_TLS) {
            return 1;
        }
    }

    return 0;
}


/* For locations with eirc_pass, behind its own. */

char *
ngx_http_eirc_login_merge(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf)
{
    u_char     *p;
    uint32_t    set;
    ngx_str_t   name;

    u_char      buf[NGX_HTTP_EIRC_LOGIN_MAX];

    set = conf->sasl_mechanisms;

    if (conf->sasl != NGX_HTTP_EIRC_SASL_OFF
        && (set & EIRC_SASL_BIT(EIRC_SASL_EXTERNAL))
        && (conf->tls_certificate.len == 0
            || !ngx_http_eirc_login_secure(conf)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"EXTERNAL\" in \"eirc_sasl\" needs a "
                           "certificate to show: add "
                           "\"eirc_irc_tls_certificate\", and a server with "
                           "\"ircs://\"");
        return NGX_CONF_ERROR;
    }

    if (conf->sasl != NGX_HTTP_EIRC_SASL_OFF && conf->webirc.len
        && (set & EIRC_SASL_BIT(EIRC_SASL_EXTERNAL)))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "IRC servers forget a certificate when they get "
                           "\"eirc_webirc\": \"EXTERNAL\" in \"eirc_sasl\" "
                           "will not get anybody in");
    }

    conf->login_free = conf->webirc.len == 0 && conf->irc_password.len == 0
                       && conf->sasl != NGX_HTTP_EIRC_SASL_REQUIRED
                       && (conf->sasl == NGX_HTTP_EIRC_SASL_OFF
                           || (set & ~EIRC_SASL_SECRET) == 0);

    p = buf;

    if (conf->webirc.len) {
        p = ngx_cpymem(p, ",\"webirc\":{", sizeof(",\"webirc\":{") - 1);
        p = ngx_http_eirc_login_member(p, "password", &conf->webirc);
        *p++ = ',';
        p = ngx_http_eirc_login_member(p, "gateway", &conf->webirc_gateway);
        *p++ = '}';
    }

    if (conf->irc_password.len) {
        *p++ = ',';
        p = ngx_http_eirc_login_member(p, "password", &conf->irc_password);
    }

    name.data = (u_char *) ngx_http_eirc_sasl_policies[conf->sasl];
    name.len = ngx_strlen(name.data);

    *p++ = ',';
    p = ngx_http_eirc_login_member(p, "sasl", &name);

    if (conf->sasl != NGX_HTTP_EIRC_SASL_OFF) {
        p = ngx_cpymem(p, ",\"mechanisms\":\"",
                       sizeof(",\"mechanisms\":\"") - 1);

        while (set) {
            name.data = (u_char *) eirc_sasl_name(eirc_sasl_strongest(set));
            p = ngx_cpymem(p, name.data, ngx_strlen(name.data));
            set &= ~EIRC_SASL_BIT(eirc_sasl_strongest(set));
            *p++ = set ? ',' : '"';
        }
    }

    conf->login.len = p - buf;

    conf->login.data = ngx_pnalloc(cf->pool, conf->login.len);
    if (conf->login.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(conf->login.data, buf, conf->login.len);
    ngx_explicit_memzero(buf, sizeof(buf));

    return NGX_CONF_OK;
}


static u_char *
ngx_http_eirc_login_member(u_char *p, const char *name, ngx_str_t *value)
{
    *p++ = '"';
    p = ngx_cpymem(p, name, ngx_strlen(name));
    p = ngx_cpymem(p, "\":\"", 3);
    p = (u_char *) ngx_escape_json(p, value->data, value->len);
    *p++ = '"';

    return p;
}
