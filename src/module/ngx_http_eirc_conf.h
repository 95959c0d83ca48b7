
/*
 * What the directive table calls. A mistake is logged with the directive, the
 * value and the way out, and NGX_CONF_ERROR returned. ngx_eirc_module.c alone
 * includes this, and the files that it describes.
 */

#ifndef _NGX_HTTP_EIRC_CONF_H_INCLUDED_
#define _NGX_HTTP_EIRC_CONF_H_INCLUDED_


#include "ngx_http_eirc.h"


/* the longest path of a UNIX address */
#define NGX_HTTP_EIRC_UNIX_MAX          (sizeof(((struct sockaddr_un *) 0)    \
                                               ->sun_path) - 1)

/* times are sent in 32 bits of milliseconds, and a day is long enough */
#define NGX_HTTP_EIRC_TIME_MAX          (24 * 60 * 60 * 1000)


/* what a number in a directive may be */
typedef struct {
    ngx_uint_t                  min;
    ngx_uint_t                  max;
    const char                 *fix;
} ngx_http_eirc_bounds_t;


/* ngx_eirc_module.c: gives a location its handler, if it has none */

char *ngx_http_eirc_handler_set(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_handler_pt handler);


/* conf.c: directives with a value of a kind; cmd->post: the bounds */

char *ngx_http_eirc_msec_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_eirc_size_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_eirc_uint_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* ... and those with a grammar of their own */

char *ngx_http_eirc_client(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_eirc_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_eirc_auth_request(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_eirc_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_eirc_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_eirc_deflate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_eirc_crash_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* inherits eirc_deflate as a whole */
void ngx_http_eirc_deflate_merge(ngx_http_eirc_packing_t *conf,
    ngx_http_eirc_packing_t *prev);

/* warns when irc-client is not there */
char *ngx_http_eirc_client_check(ngx_conf_t *cf,
    ngx_http_eirc_main_conf_t *emcf);

/* checks that sockets in this run directory fit a UNIX address */
char *ngx_http_eirc_run_path_check(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive);


/* pass.c */

char *ngx_http_eirc_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Turns eirc_pass into conf->servers, once all upstreams are known. */
char *ngx_http_eirc_pass_merge(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf);


/* charset.c: two tables of eirc_charset.h and the words around them */

#define NGX_HTTP_EIRC_CHARSET_MAX  (2 * EIRC_CHARSET_TEXT_MAX + 128)

char *ngx_http_eirc_charset(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* tls.c */

char *ngx_http_eirc_tls_fingerprint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Turns eirc_irc_tls_* into conf->tls; the files have to be good. */
char *ngx_http_eirc_tls_merge(ngx_conf_t *cf, ngx_http_eirc_loc_conf_t *conf);


/* login.c */

char *ngx_http_eirc_webirc(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_eirc_irc_password(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_eirc_sasl(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Each of the three is inherited as a whole. */
void ngx_http_eirc_login_inherit(ngx_http_eirc_loc_conf_t *conf,
    ngx_http_eirc_loc_conf_t *prev);

/* Turns them into conf->login, once the servers are known. */
char *ngx_http_eirc_login_merge(ngx_conf_t *cf,
    ngx_http_eirc_loc_conf_t *conf);


/* variables.c: preconfiguration */

ngx_int_t ngx_http_eirc_add_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_EIRC_CONF_H_INCLUDED_ */
