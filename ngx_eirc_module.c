
/*
 * The module: its directives, what they are by default and how they are
 * inherited. Their values are parsed in src/module, where their names are
 * those of files, or in ngx_http_eirc_conf.c; there is no protocol here.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_conf.h"


/* an echo holds a message twice: as it came and as it goes */
#define NGX_HTTP_EIRC_ECHO_MAX          (16 * 1024 * 1024)

/* the longest IRC line without tags has to fit */
#define NGX_HTTP_EIRC_MESSAGE_MIN       512


static ngx_int_t ngx_http_eirc_init_process(ngx_cycle_t *cycle);
static void *ngx_http_eirc_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_eirc_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_eirc_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_eirc_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_eirc_echo(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_eirc_token_issue_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_http_eirc_bounds_t  ngx_http_eirc_message_bounds = {
    1, NGX_HTTP_EIRC_ECHO_MAX, "a size of at most 16m"
};

static ngx_http_eirc_bounds_t  ngx_http_eirc_replay_bounds = {
    EIRC_REPLAY_MIN, EIRC_REPLAY_MAX, "a size from 4k to 16m"
};

static ngx_http_eirc_bounds_t  ngx_http_eirc_linger_bounds = {
    0, NGX_HTTP_EIRC_TIME_MAX, "a time of at most 1d"
};

static ngx_http_eirc_bounds_t  ngx_http_eirc_limit_bounds = {
    0, 1000000, "a number of at most 1000000, or 0 for no limit"
};


static ngx_conf_enum_t  ngx_http_eirc_issue_values[] = {
    { ngx_string("off"), NGX_HTTP_EIRC_ISSUE_OFF },
    { ngx_string("on"), NGX_HTTP_EIRC_ISSUE_ON },
    { ngx_string("any"), NGX_HTTP_EIRC_ISSUE_ANY },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_eirc_commands[] = {

    { ngx_string("eirc_pass"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_eirc_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_irc_tls_verify"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, tls_verify),
      NULL },

    { ngx_string("eirc_irc_tls_ca"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, tls_ca),
      NULL },

    { ngx_string("eirc_irc_tls_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, tls_certificate),
      NULL },

    { ngx_string("eirc_irc_tls_certificate_key"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, tls_certificate_key),
      NULL },

    { ngx_string("eirc_irc_tls_fingerprint"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_CONF_1MORE,
      ngx_http_eirc_tls_fingerprint,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_webirc"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_webirc,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_irc_password"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_irc_password,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_sasl"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_eirc_sasl,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_client"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_eirc_client,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_run_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_path_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_eirc_main_conf_t, run_path),
      NULL },

    { ngx_string("eirc_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_token,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_token_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_token_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_auth_request"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_auth_request,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_token_issue"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_token_issue_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, issue),
      ngx_http_eirc_issue_values },

    { ngx_string("eirc_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_eirc_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_ping"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_ping,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_max_message_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, max_message_size),
      &ngx_http_eirc_message_bounds },

    { ngx_string("eirc_deflate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_eirc_deflate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, rate),
      NULL },

    { ngx_string("eirc_flood"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_eirc_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, flood),
      NULL },

    { ngx_string("eirc_irc_charset"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_eirc_charset,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_crash_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE2,
      ngx_http_eirc_crash_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("eirc_linger"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, linger),
      &ngx_http_eirc_linger_bounds },

    { ngx_string("eirc_replay"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, replay),
      &ngx_http_eirc_replay_bounds },

    { ngx_string("eirc_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_eirc_uint_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, limit),
      &ngx_http_eirc_limit_bounds },

    { ngx_string("eirc_echo"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_eirc_echo,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_eirc_loc_conf_t, echo),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_eirc_module_ctx = {
    ngx_http_eirc_add_variables,           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_eirc_create_main_conf,        /* create main configuration */
    ngx_http_eirc_init_main_conf,          /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_eirc_create_loc_conf,         /* create location configuration */
    ngx_http_eirc_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_eirc_module = {
    NGX_MODULE_V1,
    &ngx_http_eirc_module_ctx,             /* module context */
    ngx_http_eirc_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_eirc_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_path_init_t  ngx_http_eirc_run_path = {
    ngx_string("eirc"), { 0, 0, 0 }
};


static ngx_int_t
ngx_http_eirc_init_process(ngx_cycle_t *cycle)
{
    if (ngx_http_eirc_token_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_eirc_link_init_process(cycle);
}


static void *
ngx_http_eirc_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_eirc_main_conf_t  *emcf;

    emcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_eirc_main_conf_t));
    if (emcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     emcf->client = { 0, NULL };
     *     emcf->client_unix = 0;
     *     emcf->used = 0;
     *     emcf->run_path = NULL;
     *     emcf->state = NULL;
     *     emcf->token_zone = NULL;
     *     emcf->layers = NULL;
     */

    emcf->processes = NGX_CONF_UNSET;
    emcf->token_timeout = NGX_CONF_UNSET_MSEC;

    return emcf;
}


static char *
ngx_http_eirc_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_eirc_main_conf_t *emcf = conf;

    char  *rv;

    if (!emcf->used) {
        return NGX_CONF_OK;
    }

    if (ngx_http_eirc_token_zone_default(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (emcf->client.len == 0) {
        ngx_str_set(&emcf->client, NGX_HTTP_EIRC_CLIENT);
    }

    if (emcf->client_unix) {
        emcf->run_path = NULL;
        return NGX_CONF_OK;
    }

    rv = ngx_conf_merge_path_value(cf, &emcf->run_path, NULL,
                                   &ngx_http_eirc_run_path);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_eirc_run_path_check(cf, &emcf->run_path->name,
                                      "eirc_run_path");
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_eirc_client_check(cf, emcf);
}


static void *
ngx_http_eirc_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_eirc_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_eirc_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->pass = NULL;
     *     conf->servers = { 0, NULL };
     *     conf->tls = { 0, NULL };
     *     conf->tls_ca = { 0, NULL };
     *     conf->tls_certificate = { 0, NULL };
     *     conf->tls_certificate_key = { 0, NULL };
     *     conf->login = { 0, NULL };
     *     conf->webirc = { 0, NULL };
     *     conf->webirc_gateway = { 0, NULL };
     *     conf->irc_password = { 0, NULL };
     *     conf->sasl_mechanisms = 0;
     *     conf->token = NULL;
     *     conf->deflate.want = { 0 };
     *     conf->charset = { 0, NULL };
     */

    conf->tls_verify = NGX_CONF_UNSET;
    conf->tls_pins = NGX_CONF_UNSET_PTR;
    conf->sasl = NGX_CONF_UNSET_UINT;
    conf->auth_uri = NGX_CONF_UNSET_PTR;
    conf->issue = NGX_CONF_UNSET_UINT;
    conf->echo = NGX_CONF_UNSET;
    conf->origins = NGX_CONF_UNSET_PTR;
    conf->ping = NGX_CONF_UNSET_MSEC;
    conf->ping_timeout = NGX_CONF_UNSET_MSEC;
    conf->max_message_size = NGX_CONF_UNSET_SIZE;
    conf->deflate.enable = NGX_CONF_UNSET;
    conf->deflate.level = NGX_CONF_UNSET;
    conf->deflate.min_length = NGX_CONF_UNSET_SIZE;
    conf->rate.rate = NGX_CONF_UNSET_UINT;
    conf->flood.rate = NGX_CONF_UNSET_UINT;
    conf->limit = NGX_CONF_UNSET_UINT;
    conf->crash_limit = NGX_CONF_UNSET_UINT;
    conf->crash_time = NGX_CONF_UNSET_MSEC;
    conf->linger = NGX_CONF_UNSET_MSEC;
    conf->replay = NGX_CONF_UNSET_SIZE;

    return conf;
}


static char *
ngx_http_eirc_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_eirc_loc_conf_t *prev = parent;
    ngx_http_eirc_loc_conf_t *conf = child;

    char                      *rv;
    ngx_http_core_loc_conf_t  *clcf;

    if (conf->token == NULL) {
        conf->token = prev->token;
    }

    ngx_conf_merge_value(conf->tls_verify, prev->tls_verify, 1);
    ngx_conf_merge_str_value(conf->tls_ca, prev->tls_ca, "");
    ngx_conf_merge_ptr_value(conf->tls_pins, prev->tls_pins, NULL);

    /* a key belongs to its certificate: both are inherited, or none */

    if (conf->tls_certificate.data == NULL
        && conf->tls_certificate_key.data == NULL)
    {
        conf->tls_certificate = prev->tls_certificate;
        conf->tls_certificate_key = prev->tls_certificate_key;
    }

    ngx_http_eirc_login_inherit(conf, prev);

    ngx_conf_merge_ptr_value(conf->auth_uri, prev->auth_uri, NULL);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);

    if (conf->ping == NGX_CONF_UNSET_MSEC) {
        conf->ping = prev->ping;
        conf->ping_timeout = prev->ping_timeout;
    }

    ngx_conf_init_msec_value(conf->ping, 25000);
    ngx_conf_init_msec_value(conf->ping_timeout, 10000);

    ngx_conf_merge_size_value(conf->max_message_size, prev->max_message_size,
                              EIRC_WS_MESSAGE_DEFAULT);

    ngx_http_eirc_deflate_merge(&conf->deflate, &prev->deflate);

    if (conf->rate.rate == NGX_CONF_UNSET_UINT) {
        conf->rate = prev->rate;
    }

    if (conf->rate.rate == NGX_CONF_UNSET_UINT) {
        conf->rate.rate = 5000;
        conf->rate.burst = 30;
    }

    if (conf->flood.rate == NGX_CONF_UNSET_UINT) {
        conf->flood = prev->flood;
    }

    if (conf->flood.rate == NGX_CONF_UNSET_UINT) {
        conf->flood.rate = 2000;
        conf->flood.burst = 10;
    }

    ngx_conf_merge_str_value(conf->charset, prev->charset, "");

    ngx_conf_merge_uint_value(conf->limit, prev->limit, 3);

    if (conf->crash_limit == NGX_CONF_UNSET_UINT) {
        conf->crash_limit = prev->crash_limit;
        conf->crash_time = prev->crash_time;
    }

    ngx_conf_init_uint_value(conf->crash_limit, 3);
    ngx_conf_init_msec_value(conf->crash_time, 60000);

    ngx_conf_merge_msec_value(conf->linger, prev->linger, 30000);
    ngx_conf_merge_size_value(conf->replay, prev->replay, 64 * 1024);

    /*
     * As handlers are everywhere in nginx, the three directives that set one
     * are inherited by "if" and "limit_except" alone.
     */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!clcf->noname
        && ((conf->pass && clcf->handler != ngx_http_eirc_session_handler)
            || (conf->echo == 1
                && clcf->handler != ngx_http_eirc_echo_handler)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "another directive has taken location \"%V\" from "
                           "\"%s\": give it a location of its own",
                           &clcf->name, conf->pass ? "eirc_pass"
                                                   : "eirc_echo");
        return NGX_CONF_ERROR;
    }

    if (clcf->noname) {
        ngx_conf_merge_uint_value(conf->issue, prev->issue,
                                  NGX_HTTP_EIRC_ISSUE_OFF);
        ngx_conf_merge_value(conf->echo, prev->echo, 0);

        if (conf->pass == NULL) {
            conf->pass = prev->pass;
        }

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = conf->pass ? ngx_http_eirc_session_handler
                            : conf->echo ? ngx_http_eirc_echo_handler
                            : conf->issue ? ngx_http_eirc_issue_handler
                            : NULL;
        }
    }

    ngx_conf_init_uint_value(conf->issue, NGX_HTTP_EIRC_ISSUE_OFF);
    ngx_conf_init_value(conf->echo, 0);

    if (conf->issue != NGX_HTTP_EIRC_ISSUE_OFF) {
        ngx_http_eirc_issue_merge(cf);
    }

    if (conf->pass == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->max_message_size > EIRC_WS_MESSAGE_MAX
        || conf->max_message_size < NGX_HTTP_EIRC_MESSAGE_MIN)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"eirc_max_message_size\" is %uz in location "
                           "\"%V\" with \"eirc_pass\", which needs a size "
                           "from %d to %d",
                           conf->max_message_size, &clcf->name,
                           NGX_HTTP_EIRC_MESSAGE_MIN, EIRC_WS_MESSAGE_MAX);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_eirc_pass_merge(cf, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_eirc_login_merge(cf, conf);
}


static char *
ngx_http_eirc_echo(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    char  *rv;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK || !elcf->echo) {
        return rv;
    }

    return ngx_http_eirc_handler_set(cf, cmd, ngx_http_eirc_echo_handler);
}


static char *
ngx_http_eirc_token_issue_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_http_eirc_main_conf_t  *emcf;

    rv = ngx_conf_set_enum_slot(cf, cmd, conf);

    if (rv == NGX_CONF_ERROR) {
        value = cf->args->elts;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"eirc_token_issue\" has to be \"on\" "
                           "(for this machine alone), \"any\" or \"off\"",
                           &value[1]);
    }

    if (rv != NGX_CONF_OK || elcf->issue == NGX_HTTP_EIRC_ISSUE_OFF) {
        return rv;
    }

    emcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_eirc_module);
    emcf->used = 1;

    return ngx_http_eirc_handler_set(cf, cmd, ngx_http_eirc_issue_handler);
}


char *
ngx_http_eirc_handler_set(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == handler) {
        return "is duplicate";
    }

    if (clcf->handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in location \"%V\", which has a handler "
                           "already: give it a location of its own",
                           &cmd->name, &clcf->name);
        return NGX_CONF_ERROR;
    }

    clcf->handler = handler;

    return NGX_CONF_OK;
}
