
/*
 * eirc_pass: the IRC servers of a location, and what of them a session request
 * carries.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_conf.h"


#define NGX_HTTP_EIRC_PORT              6667
#define NGX_HTTP_EIRC_PORT_TLS          6697


typedef struct {
    ngx_str_t                   host;
    in_port_t                   port;
    unsigned                    no_port:1;
    unsigned                    unix_socket:1;
    unsigned                    tls:1;
} ngx_http_eirc_server_t;


static char *ngx_http_eirc_server_parse(ngx_conf_t *cf, ngx_str_t *value,
    ngx_uint_t tls, ngx_http_eirc_server_t *server);
static ngx_uint_t ngx_http_eirc_host_valid(ngx_str_t *host);
static ngx_http_upstream_srv_conf_t *ngx_http_eirc_upstream_find(
    ngx_conf_t *cf, ngx_http_eirc_server_t *server);
static char *ngx_http_eirc_upstream_servers(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *uscf, ngx_uint_t tls, u_char *entries,
    size_t *len, ngx_uint_t *n);
static char *ngx_http_eirc_server_add(ngx_conf_t *cf,
    ngx_http_eirc_server_t *server, u_char *entries, size_t *len,
    ngx_uint_t *n);


char *
ngx_http_eirc_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_uint_t                  i, tls;
    ngx_http_eirc_server_t     *server;
    ngx_http_eirc_main_conf_t  *emcf;

    rv = ngx_http_eirc_handler_set(cf, cmd, ngx_http_eirc_session_handler);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    emcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_eirc_module);
    emcf->used = 1;

    elcf->pass = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                  sizeof(ngx_http_eirc_server_t));
    if (elcf->pass == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_script_variables_count(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "variables are not allowed in \"eirc_pass\", "
                               "write the server of \"%V\" out", &value[i]);
            return NGX_CONF_ERROR;
        }

        tls = 0;

        if (ngx_strncasecmp(value[i].data, (u_char *) "irc://", 6) == 0) {
            value[i].data += 6;
            value[i].len -= 6;

        } else if (ngx_strncasecmp(value[i].data, (u_char *) "ircs://", 7)
                   == 0)
        {
            value[i].data += 7;
            value[i].len -= 7;
            tls = 1;

        } else if (ngx_strncmp(value[i].data, "unix:", 5) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in \"eirc_pass\", "
                               "write \"irc://HOST:PORT\", "
                               "\"ircs://HOST:PORT\" or \"unix:/PATH\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        server = ngx_array_push(elcf->pass);
        if (server == NULL) {
            return NGX_CONF_ERROR;
        }

        rv = ngx_http_eirc_server_parse(cf, &value[i], tls, server);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


/* HOST, HOST:PORT or unix:/PATH; no name is resolved here */

static char *
ngx_http_eirc_server_parse(ngx_conf_t *cf, ngx_str_t *value, ngx_uint_t tls,
    ngx_http_eirc_server_t *server)
{
    ngx_url_t  u;

    ngx_memzero(server, sizeof(ngx_http_eirc_server_t));

    server->tls = tls;

    if (!tls && ngx_strncmp(value->data, "unix:", 5) == 0) {
        server->unix_socket = 1;
        server->host.data = value->data + 5;
        server->host.len = value->len - 5;

        if (server->host.len == 0 || server->host.data[0] != '/') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the path in \"%V\" of \"eirc_pass\" has to "
                               "begin with \"/\"", value);
            return NGX_CONF_ERROR;
        }

        if (server->host.len > NGX_HTTP_EIRC_UNIX_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the path in \"%V\" of \"eirc_pass\" is longer "
                               "than the %uz bytes of a UNIX address, "
                               "choose a shorter one",
                               value, NGX_HTTP_EIRC_UNIX_MAX);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *value;
    u.default_port = tls ? NGX_HTTP_EIRC_PORT_TLS : NGX_HTTP_EIRC_PORT;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"%V\" of \"eirc_pass\", "
                           "write \"irc://HOST:PORT\"",
                           u.err ? u.err : "invalid address", value);
        return NGX_CONF_ERROR;
    }

    server->host = u.host;
    server->port = u.port;
    server->no_port = u.no_port;

    if (server->host.len > 2 && server->host.data[0] == '[') {
        server->host.data++;
        server->host.len -= 2;

        return NGX_CONF_OK;
    }

    if (!ngx_http_eirc_host_valid(&server->host)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid host in \"%V\" of \"eirc_pass\", "
                           "write \"irc://HOST:PORT\"", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_eirc_host_valid(ngx_str_t *host)
{
    u_char  ch;
    size_t  i;

    if (host->len == 0 || host->len > EIRC_LINK_HOST_MAX) {
        return 0;
    }

    for (i = 0; i < host->len; i++) {
        ch = host->data[i];

        if ((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z')
            || (ch >= 'a' && ch <= 'z') || ch == '-' || ch == '.'
            || ch == '_' || ch >= 0x80)
        {
            continue;
        }

        return 0;
    }

    return 1;
}


/*
 * Turns eirc_pass into what a session request carries. It has to wait for
 * the end of the configuration, for an upstream may stand behind its use.
 */

char *
ngx_http_eirc_pass_merge(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf)
{
    char                          *rv;
    size_t                         len;
    u_char                        *p;
    ngx_uint_t                     i, n, given;
    ngx_http_eirc_server_t        *server;
    ngx_http_upstream_srv_conf_t  *uscf;

    u_char                         entries[EIRC_LINK_SERVERS_SIZE];

    len = 0;
    n = 0;

    server = conf->pass->elts;

    for (i = 0; i < conf->pass->nelts; i++) {

        uscf = ngx_http_eirc_upstream_find(cf, &server[i]);

        if (uscf) {
            rv = ngx_http_eirc_upstream_servers(cf, uscf, server[i].tls,
                                                entries, &len, &n);

        } else {
            rv = ngx_http_eirc_server_add(cf, &server[i], entries, &len, &n);
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"eirc_pass\" has no server that is not \"down\", "
                           "add one to the upstream");
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(p, entries, len);

    conf->servers.data = p;
    conf->servers.len = len;

    /* a server without TLS may say that it wants it (IRCv3 sts) */

    given = !conf->tls_verify || conf->tls_ca.len || conf->tls_certificate.len
            || conf->tls_certificate_key.len || conf->tls_pins;

    for (i = 0; i < conf->pass->nelts; i++) {
        if (server[i].tls || (given && !server[i].unix_socket)) {
            return ngx_http_eirc_tls_merge(cf, conf);
        }
    }

    return NGX_CONF_OK;
}


static ngx_http_upstream_srv_conf_t *
ngx_http_eirc_upstream_find(ngx_conf_t *cf, ngx_http_eirc_server_t *server)
{
    ngx_uint_t                      i;
    ngx_http_upstream_srv_conf_t  **uscfp;
    ngx_http_upstream_main_conf_t  *umcf;

    if (server->unix_socket || !server->no_port) {
        return NULL;
    }

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);

    uscfp = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        /* others were made up by a proxy_pass and its like */

        if ((uscfp[i]->flags & NGX_HTTP_UPSTREAM_CREATE)
            && uscfp[i]->servers
            && uscfp[i]->host.len == server->host.len
            && ngx_strncasecmp(uscfp[i]->host.data, server->host.data,
                               server->host.len)
               == 0)
        {
            return uscfp[i];
        }
    }

    return NULL;
}


/* the servers of an upstream in order, those marked "backup" behind */

static char *
ngx_http_eirc_upstream_servers(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *uscf, ngx_uint_t tls, u_char *entries,
    size_t *len, ngx_uint_t *n)
{
    char                        *rv;
    ngx_uint_t                   i, backup;
    ngx_http_eirc_server_t       server;
    ngx_http_upstream_server_t  *us;

    us = uscf->servers->elts;

    for (backup = 0; backup < 2; backup++) {

        for (i = 0; i < uscf->servers->nelts; i++) {

            if (us[i].down || us[i].backup != backup) {
                continue;
            }

            rv = ngx_http_eirc_server_parse(cf, &us[i].name, tls, &server);
            if (rv != NGX_CONF_OK) {
                return rv;
            }

            rv = ngx_http_eirc_server_add(cf, &server, entries, len, n);
            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_server_add(ngx_conf_t *cf, ngx_http_eirc_server_t *server,
    u_char *entries, size_t *len, ngx_uint_t *n)
{
    eirc_link_server_t  entry;

    if (++*n > EIRC_LINK_SERVERS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many servers in \"eirc_pass\", \"%V\" is one "
                           "more than %d: leave some away",
                           &server->host, EIRC_LINK_SERVERS_MAX);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&entry, sizeof(eirc_link_server_t));

    entry.flags = server->unix_socket ? EIRC_LINK_SERVER_UNIX
                  : server->tls ? EIRC_LINK_SERVER_TLS
                  : 0;
    entry.port = server->port;
    entry.host = (const char *) server->host.data;
    entry.host_len = server->host.len;

    if (eirc_link_server_add(entries, len, EIRC_LINK_SERVERS_SIZE, &entry)
        != EIRC_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the servers of \"eirc_pass\" need more than %d "
                           "bytes at \"%V\": leave some away",
                           EIRC_LINK_SERVERS_SIZE, &server->host);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
