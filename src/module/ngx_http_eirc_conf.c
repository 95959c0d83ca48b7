
/*
 * The values of directives: parsed, bounded, and refused with the way out.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"
#include "ngx_http_eirc_conf.h"


/* defaults of eirc_deflate, from measurements: docs/directives.md */
#define NGX_HTTP_EIRC_DEFLATE_LEVEL          1
#define NGX_HTTP_EIRC_DEFLATE_LEVEL_CONTEXT  6
#define NGX_HTTP_EIRC_DEFLATE_MIN            256
#define NGX_HTTP_EIRC_DEFLATE_MIN_CONTEXT    32
#define NGX_HTTP_EIRC_DEFLATE_BITS_MAX       15
#define NGX_HTTP_EIRC_DEFLATE_BITS_CONTEXT   12


static char *ngx_http_eirc_client_processes(ngx_conf_t *cf,
    ngx_http_eirc_main_conf_t *emcf, ngx_str_t *value);
static char *ngx_http_eirc_client_state(ngx_conf_t *cf,
    ngx_http_eirc_main_conf_t *emcf, ngx_str_t *value);
static char *ngx_http_eirc_directory_check(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive);
static char *ngx_http_eirc_complex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv);
static ngx_int_t ngx_http_eirc_deflate_number(ngx_conf_t *cf, ngx_str_t *value,
    const char *name, ngx_int_t min, ngx_int_t max);
static char *ngx_http_eirc_bounds_check(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_int_t n);


char *
ngx_http_eirc_client(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_main_conf_t *emcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (emcf->client.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    emcf->client = value[1];

    if (ngx_strncmp(value[1].data, "unix:", 5) == 0) {
        emcf->client_unix = 1;
        emcf->client.data += 5;
        emcf->client.len -= 5;
    }

    if (emcf->client.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no path in \"%V\" of \"eirc_client\", write "
                           "the path of irc-client, or \"unix:\" and that "
                           "of a run directory", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &emcf->client, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (emcf->client_unix
        && ngx_http_eirc_run_path_check(cf, &emcf->client, "eirc_client")
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "processes=", 10) == 0) {
            rv = ngx_http_eirc_client_processes(cf, emcf, &value[i]);

        } else if (ngx_strncmp(value[i].data, "state=", 6) == 0) {
            rv = ngx_http_eirc_client_state(cf, emcf, &value[i]);

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"eirc_client\", "
                               "there are \"processes=N\" and \"state=PATH\" "
                               "only", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_eirc_client_processes(ngx_conf_t *cf,
    ngx_http_eirc_main_conf_t *emcf, ngx_str_t *value)
{
    if (emcf->processes != NGX_CONF_UNSET) {
        return "has duplicate \"processes\"";
    }

    emcf->processes = ngx_atoi(value->data + 10, value->len - 10);

    if (emcf->processes < 1 || emcf->processes > NGX_HTTP_EIRC_MAX_LAYERS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number in \"%V\" of \"eirc_client\", "
                           "it has to be from 1 to %d",
                           value, NGX_HTTP_EIRC_MAX_LAYERS);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* nginx makes the directory, with mode 0700 and for the user of workers. */

static char *
ngx_http_eirc_client_state(ngx_conf_t *cf, ngx_http_eirc_main_conf_t *emcf,
    ngx_str_t *value)
{
    ngx_path_t  *path;

    if (emcf->state) {
        return "has duplicate \"state\"";
    }

    if (emcf->client_unix) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"eirc_client\" is for layers that "
                           "nginx starts, give \"--state\" to those behind "
                           "\"unix:\"", value);
        return NGX_CONF_ERROR;
    }

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    path->name.data = value->data + 6;
    path->name.len = value->len - 6;

    if (path->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no path in \"%V\" of \"eirc_client\"", value);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_eirc_directory_check(cf, &path->name, "eirc_client")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    if (ngx_add_path(cf, &path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    emcf->state = path;

    return NGX_CONF_OK;
}


/*
 * It may be installed later, and what runs already goes on without it: a
 * warning, while every request that needs it answers 503.
 */

char *
ngx_http_eirc_client_check(ngx_conf_t *cf, ngx_http_eirc_main_conf_t *emcf)
{
    u_char           *path;
    ngx_file_info_t   fi;

    path = ngx_pnalloc(cf->temp_pool, emcf->client.len + 1);
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_cpystrn(path, emcf->client.data, emcf->client.len + 1);

    if (ngx_file_info(path, &fi) != NGX_FILE_ERROR && !ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "irc-client cannot be started: \"%s\" is no file, "
                           "name it with \"eirc_client\"", path);

    } else if (access((char *) path, X_OK) == -1) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           "irc-client cannot be started: access(\"%s\") "
                           "failed, install it there or name it with "
                           "\"eirc_client\"", path);
    }

    return NGX_CONF_OK;
}


char *
ngx_http_eirc_run_path_check(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive)
{
    size_t  len;

    len = path->len + sizeof("/sockets.63") - 1;

    if (len > NGX_HTTP_EIRC_UNIX_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the path \"%V\" of \"%s\" is too long: "
                           "with \"/sockets.NN\" it has %uz bytes, and a "
                           "UNIX address takes %uz; choose a shorter one",
                           path, directive, len, NGX_HTTP_EIRC_UNIX_MAX);
        return NGX_CONF_ERROR;
    }

    return ngx_http_eirc_directory_check(cf, path, directive);
}


/*
 * nginx gives what lies at a path to the user of the workers, whatever it is:
 * that must not be somebody's file.
 */

static char *
ngx_http_eirc_directory_check(ngx_conf_t *cf, ngx_str_t *path,
    const char *directive)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(path->data, &fi) != NGX_FILE_ERROR && !ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the path \"%V\" of \"%s\" is no directory, "
                           "choose another one", path, directive);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_eirc_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_str_t  *value;

    if (elcf->token) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_script_variables_count(&value[1]) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"eirc_token\" has no variable, so "
                           "every token would be the same: write one, "
                           "as in \"$arg_chat_token\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_eirc_complex(cf, &value[1], &elcf->token);
}


char *
ngx_http_eirc_auth_request(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_str_t  *value;

    if (elcf->auth_uri != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        elcf->auth_uri = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].data[0] != '/' && value[1].data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URI \"%V\" in \"eirc_auth_request\", "
                           "write that of an internal location, as in "
                           "\"/_auth\", or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_eirc_complex(cf, &value[1], &elcf->auth_uri);
}


static char *
ngx_http_eirc_complex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv)
{
    ngx_http_compile_complex_value_t  ccv;

    *cv = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*cv == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = *cv;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_eirc_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_int_t   msec;
    ngx_str_t  *value, s;

    if (elcf->ping != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts == 3) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"eirc_ping off\" has no \"%V\", "
                               "leave it away", &value[2]);
            return NGX_CONF_ERROR;
        }

        elcf->ping = 0;

        return NGX_CONF_OK;
    }

    msec = ngx_parse_time(&value[1], 0);

    if (msec == NGX_ERROR || msec == 0
        || msec > NGX_HTTP_EIRC_TIME_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"eirc_ping\", write "
                           "one as in \"25s\", at most \"1d\", or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    elcf->ping = msec;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "timeout=", 8) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"eirc_ping\", "
                           "there is \"timeout=TIME\" only", &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 8;
    s.len = value[2].len - 8;

    msec = ngx_parse_time(&s, 0);

    if (msec == NGX_ERROR || msec == 0
        || msec > NGX_HTTP_EIRC_TIME_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time in \"%V\" of \"eirc_ping\", write "
                           "one as in \"timeout=10s\", at most \"1d\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    elcf->ping_timeout = msec;

    return NGX_CONF_OK;
}


char *
ngx_http_eirc_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    size_t                 len;
    ngx_int_t              n, scale;
    ngx_str_t             *value;
    ngx_http_eirc_rate_t  *rate;

    rate = (ngx_http_eirc_rate_t *) (p + cmd->offset);

    if (rate->rate != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (cf->args->nelts == 3) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V off\" has no \"%V\", leave it away",
                               &cmd->name, &value[2]);
            return NGX_CONF_ERROR;
        }

        rate->rate = 0;
        rate->burst = 0;

        return NGX_CONF_OK;
    }

    len = value[1].len;
    scale = 0;

    if (len > 3) {
        if (ngx_strcmp(value[1].data + len - 3, "r/s") == 0) {
            scale = 1000;

        } else if (ngx_strcmp(value[1].data + len - 3, "r/m") == 0) {
            scale = 60;
        }
    }

    n = scale ? ngx_atoi(value[1].data, len - 3) : NGX_ERROR;

    if (n < 1 || n > 1000000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid rate \"%V\" in \"%V\", write it as in "
                           "\"5r/s\" or \"30r/m\", or \"off\"",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    /* lines per 1000 s */

    rate->rate = (scale == 60) ? (n * 1000 + 59) / 60 : n * 1000;
    rate->burst = (cmd->offset == offsetof(ngx_http_eirc_loc_conf_t, rate))
                  ? 30 : 10;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    n = NGX_ERROR;

    if (ngx_strncmp(value[2].data, "burst=", 6) == 0) {
        n = ngx_atoi(value[2].data + 6, value[2].len - 6);
    }

    if (n < 1 || n > 1000000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"%V\", write "
                           "\"burst=N\" with a number from 1 to 1000000",
                           &value[2], &cmd->name);
        return NGX_CONF_ERROR;
    }

    rate->burst = n;

    return NGX_CONF_OK;
}


char *
ngx_http_eirc_deflate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ssize_t                   size;
    ngx_int_t                 n;
    ngx_str_t                *value, s;
    ngx_uint_t                i;
    ngx_http_eirc_packing_t  *deflate;

    deflate = &elcf->deflate;

    if (deflate->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    deflate->enable = 1;
    deflate->level = NGX_CONF_UNSET;
    deflate->min_length = NGX_CONF_UNSET_SIZE;
    deflate->want.server_no_context_takeover = 1;
    deflate->want.client_no_context_takeover = 1;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "on") == 0
            || ngx_strcmp(value[i].data, "off") == 0)
        {
            if (cf->args->nelts > 2) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "\"%V\" in \"eirc_deflate\" stands "
                                   "alone: leave it or the parameters away",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }

            deflate->enable = (value[i].len == 2);

        } else if (ngx_strcmp(value[i].data, "context") == 0) {
            deflate->want.server_no_context_takeover = 0;
            deflate->want.client_no_context_takeover = 0;

        } else if (ngx_strncmp(value[i].data, "level=", 6) == 0) {
            deflate->level = ngx_http_eirc_deflate_number(cf, &value[i],
                                                          "level", 1, 9);
            if (deflate->level == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

        } else if (ngx_strncmp(value[i].data, "window=", 7) == 0) {
            n = ngx_http_eirc_deflate_number(cf, &value[i], "window", 8, 15);
            if (n == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

            deflate->want.server_window_bits = n;

        } else if (ngx_strncmp(value[i].data, "client_window=", 14) == 0) {
            n = ngx_http_eirc_deflate_number(cf, &value[i], "client_window",
                                             8, 15);
            if (n == NGX_ERROR) {
                return NGX_CONF_ERROR;
            }

            deflate->want.client_window_bits = n;

        } else if (ngx_strncmp(value[i].data, "min_length=", 11) == 0) {
            s.data = value[i].data + 11;
            s.len = value[i].len - 11;

            size = ngx_parse_size(&s);

            if (size == NGX_ERROR) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid size in \"%V\" of "
                                   "\"eirc_deflate\", write one as in "
                                   "\"min_length=256\"", &value[i]);
                return NGX_CONF_ERROR;
            }

            deflate->min_length = size;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"eirc_deflate\", there are \"on\", "
                               "\"off\", \"context\", \"level=N\", "
                               "\"window=BITS\", \"client_window=BITS\" and "
                               "\"min_length=SIZE\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_eirc_deflate_number(ngx_conf_t *cf, ngx_str_t *value,
    const char *name, ngx_int_t min, ngx_int_t max)
{
    size_t     len;
    ngx_int_t  n;

    len = ngx_strlen(name) + 1;

    n = ngx_atoi(value->data + len, value->len - len);

    if (n < min || n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number in \"%V\" of \"eirc_deflate\", "
                           "\"%s\" has to be from %i to %i",
                           value, name, min, max);
        return NGX_ERROR;
    }

    return n;
}


void
ngx_http_eirc_deflate_merge(ngx_http_eirc_packing_t *conf,
    ngx_http_eirc_packing_t *prev)
{
    ngx_uint_t  context;

    if (conf->enable == NGX_CONF_UNSET) {
        *conf = *prev;
    }

    if (conf->enable == NGX_CONF_UNSET) {
        conf->enable = 1;
        conf->want.server_no_context_takeover = 1;
        conf->want.client_no_context_takeover = 1;
    }

    /* a context costs memory by its window, and makes short lines worth it */

    context = !conf->want.server_no_context_takeover;

    ngx_conf_init_value(conf->level,
                        context ? NGX_HTTP_EIRC_DEFLATE_LEVEL_CONTEXT
                                : NGX_HTTP_EIRC_DEFLATE_LEVEL);

    ngx_conf_init_size_value(conf->min_length,
                             context ? NGX_HTTP_EIRC_DEFLATE_MIN_CONTEXT
                                     : NGX_HTTP_EIRC_DEFLATE_MIN);

    if (conf->want.server_window_bits == 0) {
        conf->want.server_window_bits = context
                                        ? NGX_HTTP_EIRC_DEFLATE_BITS_CONTEXT
                                        : NGX_HTTP_EIRC_DEFLATE_BITS_MAX;
    }

    if (conf->want.client_window_bits == 0) {
        conf->want.client_window_bits = context
                                        ? NGX_HTTP_EIRC_DEFLATE_BITS_CONTEXT
                                        : NGX_HTTP_EIRC_DEFLATE_BITS_MAX;
    }
}


char *
ngx_http_eirc_crash_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_eirc_loc_conf_t *elcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (elcf->crash_limit != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    if (n < 1 || n > 100) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" in \"eirc_crash_limit\", "
                           "it has to be from 1 to 100", &value[1]);
        return NGX_CONF_ERROR;
    }

    elcf->crash_limit = n;

    n = ngx_parse_time(&value[2], 0);

    if (n == NGX_ERROR || n == 0
        || n > NGX_HTTP_EIRC_TIME_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"eirc_crash_limit\", "
                           "write one as in \"60s\", at most \"1d\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    elcf->crash_time = n;

    return NGX_CONF_OK;
}


char *
ngx_http_eirc_msec_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    char        *rv;
    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_msec_t  *msec;

    msec = (ngx_msec_t *) (p + cmd->offset);

    if (*msec != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_parse_time(&value[1], 0);

    rv = ngx_http_eirc_bounds_check(cf, cmd, &value[1], n);
    if (rv == NGX_CONF_OK) {
        *msec = n;
    }

    return rv;
}


char *
ngx_http_eirc_size_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    char       *rv;
    size_t     *size;
    ssize_t     n;
    ngx_str_t  *value;

    size = (size_t *) (p + cmd->offset);

    if (*size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_parse_size(&value[1]);

    rv = ngx_http_eirc_bounds_check(cf, cmd, &value[1], n);
    if (rv == NGX_CONF_OK) {
        *size = n;
    }

    return rv;
}


char *
ngx_http_eirc_uint_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    char        *rv;
    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_uint_t  *number;

    number = (ngx_uint_t *) (p + cmd->offset);

    if (*number != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    rv = ngx_http_eirc_bounds_check(cf, cmd, &value[1], n);
    if (rv == NGX_CONF_OK) {
        *number = n;
    }

    return rv;
}


static char *
ngx_http_eirc_bounds_check(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_int_t n)
{
    ngx_http_eirc_bounds_t *bounds = cmd->post;

    if (n < 0 || (ngx_uint_t) n < bounds->min || (ngx_uint_t) n > bounds->max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", write %s",
                           value, &cmd->name, bounds->fix);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
