
/*
 * eirc_irc_charset: the tables that a session's process, which can open no
 * file, converts with; as members of USER (docs/link.md, 6).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_conf.h"

#include "eirc_charset.h"


static ngx_int_t ngx_http_eirc_charset_find(ngx_conf_t *cf,
    eirc_charset_t *charset, ngx_str_t *name);
static u_char *ngx_http_eirc_charset_write(u_char *p, const char *member,
    eirc_charset_t *charset);


char *
ngx_http_eirc_charset(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    u_char          *p;
    ngx_int_t        rc;
    ngx_str_t       *value, name;
    ngx_uint_t       i, recode, encode;
    eirc_charset_t   in, out;

    if (elcf->charset.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rc = ngx_http_eirc_charset_find(cf, &in, &value[1]);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_DONE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"eirc_irc_charset\" is what every "
                           "line is tried as, name what the others are in",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    recode = 0;
    encode = 0;

    /* "out" as in "recode", unless it is named */

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "recode") == 0 && !recode) {
            recode = 1;

        } else if (ngx_strncmp(value[i].data, "out=", 4) == 0 && !encode) {
            name.data = value[i].data + 4;
            name.len = value[i].len - 4;

            rc = ngx_http_eirc_charset_find(cf, &out, &name);

            if (rc == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

            encode = (rc == NGX_DONE) ? 1 : 2;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"eirc_irc_charset\", there are "
                               "\"out=NAME\" and \"recode\", each once",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (recode && !encode) {
        out = in;
        encode = 2;
    }

    elcf->charset.data = ngx_pnalloc(cf->pool, NGX_HTTP_EIRC_CHARSET_MAX);
    if (elcf->charset.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = elcf->charset.data;

    if (recode || !eirc_charset_is_default(&in)) {
        p = ngx_http_eirc_charset_write(p, "charset", &in);
    }

    if (recode) {
        p = ngx_cpymem(p, ",\"charset_all\":true",
                       sizeof(",\"charset_all\":true") - 1);
    }

    if (encode == 2) {
        p = ngx_http_eirc_charset_write(p, "charset_out", &out);
    }

    elcf->charset.len = p - elcf->charset.data;

    return NGX_CONF_OK;
}


/* NGX_DONE: it is UTF-8 */

static ngx_int_t
ngx_http_eirc_charset_find(ngx_conf_t *cf, eirc_charset_t *charset,
    ngx_str_t *name)
{
    const char  *why;

    /* a word of the configuration ends with a zero */

    switch (eirc_charset_find(charset, (const char *) name->data)) {

    case EIRC_OK:
        return NGX_OK;

    case EIRC_DONE:
        return NGX_DONE;

    case EIRC_AGAIN:
        why = "has more than a byte for a character, or is not ASCII below";
        break;

    default:
        why = "is not known to iconv";
        break;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" in \"eirc_irc_charset\" %s, write a name "
                       "as in \"koi8-r\"", name, why);

    return NGX_ERROR;
}


/* The characters are no ASCII, so there is nothing to be escaped. */

static u_char *
ngx_http_eirc_charset_write(u_char *p, const char *member,
    eirc_charset_t *charset)
{
    p = ngx_sprintf(p, ",\"%s\":\"", member);
    p += eirc_charset_write(p, charset);
    *p++ = '"';

    return p;
}
