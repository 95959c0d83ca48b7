
/*
 * The user object, as an application gives it: checked here, so that the one
 * who made it learns what is wrong, and once more by the user's process.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <jansson.h>

#include "eirc_irc.h"
#include "ngx_http_eirc.h"


static const char *ngx_http_eirc_user_check(json_t *root);
static const char *ngx_http_eirc_user_check_string(json_t *root,
    const char *name, bool (*valid)(eirc_slice_t), const char *why);
static const char *ngx_http_eirc_user_check_channels(json_t *channels);
static bool ngx_http_eirc_channel_valid(eirc_slice_t name);
static bool ngx_http_eirc_account_valid(eirc_slice_t account);
static bool ngx_http_eirc_secret_valid(eirc_slice_t secret);
static ngx_int_t ngx_http_eirc_user_string(ngx_http_request_t *r,
    json_t *root, const char *name, ngx_str_t *value);


ngx_int_t
ngx_http_eirc_user_parse(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx,
    ngx_str_t *text, const char **why)
{
    json_t        *root;
    json_error_t   error;

    if (text->len == 0) {
        *why = "it is empty";
        return NGX_DECLINED;
    }

    if (text->len > EIRC_USER_OBJECT_MAX) {
        *why = "it is larger than 61k";
        return NGX_DECLINED;
    }

    /* two members of one name could be read in two ways */

    root = json_loadb((char *) text->data, text->len, JSON_REJECT_DUPLICATES,
                      &error);
    if (root == NULL) {
        *why = "it is not valid JSON";
        return NGX_DECLINED;
    }

    *why = ngx_http_eirc_user_check(root);

    if (*why == NULL
        && (ngx_http_eirc_user_string(r, root, "nick", &ctx->nick) != NGX_OK
            || ngx_http_eirc_user_string(r, root, "account", &ctx->account)
               != NGX_OK))
    {
        *why = "there is no memory for it";
    }

    json_decref(root);

    if (*why != NULL) {
        return NGX_DECLINED;
    }

    if (ctx->account.len == 0) {
        ctx->account = ctx->nick;
    }

    ctx->user = *text;

    return NGX_OK;
}


/* NULL, or a sentence about the first thing that is wrong. */

static const char *
ngx_http_eirc_user_check(json_t *root)
{
    json_t        *nick;
    const char    *why;
    eirc_slice_t   s;

    if (!json_is_object(root)) {
        return "it is no JSON object";
    }

    nick = json_object_get(root, "nick");

    if (nick == NULL) {
        return "\"nick\" is missing";
    }

    if (!json_is_string(nick)) {
        return "\"nick\" is no string";
    }

    s = eirc_slice(json_string_value(nick), json_string_length(nick));

    if (eirc_irc_nick_reserved(s)) {
        return "\"nick\" is reserved";
    }

    if (!eirc_irc_nick_valid(s)) {
        return "\"nick\" is not a valid nick";
    }

    why = ngx_http_eirc_user_check_string(root, "account",
              ngx_http_eirc_account_valid,
              "\"account\" is no string of 1 to 64 characters without spaces");
    if (why != NULL) {
        return why;
    }

    why = ngx_http_eirc_user_check_string(root, "realname",
              eirc_irc_text_valid,
              "\"realname\" is no string of one line");
    if (why != NULL) {
        return why;
    }

    why = ngx_http_eirc_user_check_string(root, "username",
              eirc_irc_user_valid,
              "\"username\" is not a valid user name");
    if (why != NULL) {
        return why;
    }

    why = ngx_http_eirc_user_check_string(root, "sasl_secret",
              ngx_http_eirc_secret_valid,
              "\"sasl_secret\" is no string of one line of at most 1,023 "
              "bytes");
    if (why != NULL) {
        return why;
    }

    return ngx_http_eirc_user_check_channels(json_object_get(root,
                                                             "channels"));
}


/* null and an empty string are as good as no member at all */

static const char *
ngx_http_eirc_user_check_string(json_t *root, const char *name,
    bool (*valid)(eirc_slice_t), const char *why)
{
    json_t  *value;

    value = json_object_get(root, name);

    if (value == NULL || json_is_null(value)) {
        return NULL;
    }

    if (!json_is_string(value)
        || (json_string_length(value) != 0
            && !valid(eirc_slice(json_string_value(value),
                                 json_string_length(value)))))
    {
        return why;
    }

    return NULL;
}


static const char *
ngx_http_eirc_user_check_channels(json_t *channels)
{
    size_t       i;
    json_t      *name;
    const char  *p, *end, *last;

    static const char  *why = "\"channels\" is neither a string nor an array "
                              "of strings that are channel names";

    if (channels == NULL || json_is_null(channels)) {
        return NULL;
    }

    if (json_is_string(channels)) {
        p = json_string_value(channels);
        last = p + json_string_length(channels);

        while (p <= last) {
            end = memchr(p, ',', last - p);

            if (end == NULL) {
                end = last;
            }

            if (!ngx_http_eirc_channel_valid(eirc_slice(p, end - p))) {
                return why;
            }

            p = end + 1;
        }

        return NULL;
    }

    if (!json_is_array(channels)) {
        return why;
    }

    for (i = 0; i < json_array_size(channels); i++) {
        name = json_array_get(channels, i);

        if (!json_is_string(name)
            || !ngx_http_eirc_channel_valid(
                   eirc_slice(json_string_value(name),
                              json_string_length(name))))
        {
            return why;
        }
    }

    return NULL;
}


/* With or without its prefix; an empty name is left out by the process. */

static bool
ngx_http_eirc_channel_valid(eirc_slice_t name)
{
    u_char  buf[EIRC_IRC_CHANNEL_MAX];

    while (name.len > 0 && name.p[0] == ' ') {
        name = eirc_slice(name.p + 1, name.len - 1);
    }

    while (name.len > 0 && name.p[name.len - 1] == ' ') {
        name.len--;
    }

    if (name.len == 0) {
        return true;
    }

    if (memchr("#&+!", name.p[0], 4) != NULL) {
        return name.len == 1 || eirc_irc_channel_valid(name);
    }

    if (name.len + 1 > sizeof(buf)) {
        return false;
    }

    buf[0] = '#';
    ngx_memcpy(buf + 1, name.p, name.len);

    return eirc_irc_channel_valid(eirc_slice(buf, name.len + 1));
}


static bool
ngx_http_eirc_account_valid(eirc_slice_t account)
{
    size_t  i;

    if (account.len == 0 || account.len > EIRC_LINK_ACCOUNT_MAX) {
        return false;
    }

    for (i = 0; i < account.len; i++) {
        if (account.p[i] <= ' ' || account.p[i] == 0x7f) {
            return false;
        }
    }

    return true;
}


static bool
ngx_http_eirc_secret_valid(eirc_slice_t secret)
{
    return secret.len <= EIRC_SASL_SECRET_MAX && eirc_irc_text_valid(secret);
}


static ngx_int_t
ngx_http_eirc_user_string(ngx_http_request_t *r, json_t *root,
    const char *name, ngx_str_t *value)
{
    size_t   len;
    json_t  *s;

    s = json_object_get(root, name);

    if (s == NULL || !json_is_string(s)) {
        ngx_str_null(value);
        return NGX_OK;
    }

    len = json_string_length(s);

    value->data = ngx_pnalloc(r->pool, len);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(value->data, json_string_value(s), len);
    value->len = len;

    return NGX_OK;
}
