
/*
 * Coming back to a session: what a browser asks for in the argument "resume",
 * its key, what it is told (docs/resume.md), and which lines it is known to
 * have. Nothing here sends: session.c does.
 *
 * Of a line that was sent nobody knows whether it has arrived. So whenever a
 * quarter of the replay ring has gone out unconfirmed a ping goes behind it
 * that carries the count of lines before it, and the pong with that count
 * confirms them. One ping at a time is on its way.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "ngx_http_eirc_session.h"


/* a key as it is written */
#define NGX_HTTP_EIRC_KEY_LEN        (2 * EIRC_LINK_KEY_SIZE)

/* the longest of our lines: words, an ID or a number, a key, a number */
#define NGX_HTTP_EIRC_RESUME_LINE    160


static ngx_int_t ngx_http_eirc_resume_parse(ngx_http_eirc_resume_t *resume,
    ngx_str_t *value);
static ngx_int_t ngx_http_eirc_resume_number(u_char **pos, u_char *last,
    uint64_t *number);
static u_char *ngx_http_eirc_resume_entry(u_char *body, u_char *line,
    u_char *last);


ngx_int_t
ngx_http_eirc_resume_read(ngx_http_request_t *r,
    ngx_http_eirc_resume_t **resume)
{
    ngx_str_t                  value;
    ngx_http_eirc_resume_t    *rs;
    ngx_http_eirc_loc_conf_t  *elcf;

    elcf = ngx_http_get_module_loc_conf(r, ngx_http_eirc_module);

    *resume = NULL;

    if (ngx_http_arg(r, (u_char *) "resume", 6, &value) != NGX_OK
        || (value.len == 0 && elcf->linger == 0))
    {
        return NGX_OK;
    }

    rs = ngx_pcalloc(r->pool, sizeof(ngx_http_eirc_resume_t));
    if (rs == NULL) {
        return NGX_ERROR;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     rs->id = { 0, NULL };
     *     rs->lines = 0;
     *     rs->sent, pinged, confirmed = { 0 };
     *     rs->resets = 0;
     *     rs->back = 0;
     *     rs->waiting = 0;
     */

    rs->replay = elcf->replay;

    if (value.len && ngx_http_eirc_resume_parse(rs, &value) != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "client sent a malformed \"resume\"");
        return NGX_DECLINED;
    }

    *resume = rs;

    return NGX_OK;
}


/* ID.KEY.N */

static ngx_int_t
ngx_http_eirc_resume_parse(ngx_http_eirc_resume_t *resume, ngx_str_t *value)
{
    u_char     *p, *last;
    u_char      key[EIRC_LINK_KEY_SIZE];
    ngx_int_t   rc;

    p = value->data;
    last = p + value->len;

    p = ngx_strlchr(p, last, '.');
    if (p == NULL) {
        return NGX_DECLINED;
    }

    resume->id.data = value->data;
    resume->id.len = p - value->data;

    if (eirc_link_id_read((const char *) resume->id.data, resume->id.len,
                          &resume->layer)
        != EIRC_OK)
    {
        return NGX_DECLINED;
    }

    p++;

    if (last - p <= NGX_HTTP_EIRC_KEY_LEN || p[NGX_HTTP_EIRC_KEY_LEN] != '.') {
        return NGX_DECLINED;
    }

    rc = eirc_link_pin_read(key, eirc_slice(p, NGX_HTTP_EIRC_KEY_LEN));

    if (rc == EIRC_OK) {
        (void) SHA256(key, EIRC_LINK_KEY_SIZE, resume->presented);
    }

    ngx_explicit_memzero(key, EIRC_LINK_KEY_SIZE);

    if (rc != EIRC_OK) {
        return NGX_DECLINED;
    }

    p += NGX_HTTP_EIRC_KEY_LEN + 1;

    if (ngx_http_eirc_resume_number(&p, last, &resume->lines) != NGX_OK
        || p != last)
    {
        return NGX_DECLINED;
    }

    resume->back = 1;

    return NGX_OK;
}


/* Digits, at least one, as many as there are. */

static ngx_int_t
ngx_http_eirc_resume_number(u_char **pos, u_char *last, uint64_t *number)
{
    u_char    *p;
    uint64_t   n, digit;

    n = 0;

    for (p = *pos; p < last && *p >= '0' && *p <= '9'; p++) {
        digit = *p - '0';

        if (n > (UINT64_MAX - digit) / 10) {
            return NGX_DECLINED;
        }

        n = n * 10 + digit;
    }

    if (p == *pos) {
        return NGX_DECLINED;
    }

    *pos = p;
    *number = n;

    return NGX_OK;
}


ngx_int_t
ngx_http_eirc_resume_key(ngx_http_eirc_resume_t *resume, u_char *hash)
{
    if (RAND_bytes(resume->key, EIRC_LINK_KEY_SIZE) != 1) {
        return NGX_ERROR;
    }

    (void) SHA256(resume->key, EIRC_LINK_KEY_SIZE, hash);

    return NGX_OK;
}


size_t
ngx_http_eirc_resume_session(ngx_http_eirc_resume_t *resume, u_char *id,
    size_t len, ngx_msec_t linger, u_char *body)
{
    u_char  *p, *last, line[NGX_HTTP_EIRC_RESUME_LINE];

    last = line + NGX_HTTP_EIRC_RESUME_LINE;

    p = ngx_slprintf(line, last, ":client session %*s ", len, id);
    p = ngx_hex_dump(p, resume->key, EIRC_LINK_KEY_SIZE);
    p = ngx_slprintf(p, last, " %M", linger / 1000);

    last = ngx_http_eirc_resume_entry(body, line, p);

    ngx_explicit_memzero(line, NGX_HTTP_EIRC_RESUME_LINE);

    return last - body;
}


size_t
ngx_http_eirc_resume_resumed(ngx_http_eirc_resume_t *resume,
    eirc_link_resumed_t *resumed, u_char *body)
{
    u_char  *p, *last, line[NGX_HTTP_EIRC_RESUME_LINE];

    last = line + NGX_HTTP_EIRC_RESUME_LINE;

    p = ngx_slprintf(line, last, ":client resumed %uL ", resumed->messages);
    p = ngx_hex_dump(p, resume->key, EIRC_LINK_KEY_SIZE);

    p = ngx_http_eirc_resume_entry(body, line, p);

    ngx_explicit_memzero(line, NGX_HTTP_EIRC_RESUME_LINE);

    if (resumed->flags & EIRC_LINK_GAP) {
        last = ngx_slprintf(line, last, ":client gap %uL", resumed->lines);
        p = ngx_http_eirc_resume_entry(p, line, last);
    }

    return p - body;
}


static u_char *
ngx_http_eirc_resume_entry(u_char *body, u_char *line, u_char *last)
{
    size_t  len;

    len = last - line;

    eirc_link_entry_write(body, len);

    return ngx_cpymem(body + eirc_link_entry_head(len), line, len);
}


void
ngx_http_eirc_resume_begin(ngx_http_eirc_resume_t *resume, size_t replay,
    uint64_t lines)
{
    resume->replay = replay;
    resume->sent.lines = lines;
    resume->sent.bytes = 0;
    resume->confirmed = resume->sent;
    resume->waiting = 0;
}


void
ngx_http_eirc_resume_reset(ngx_http_eirc_resume_t *resume)
{
    /* a pong to what was sent before confirms nothing of what comes now */

    resume->resets++;

    ngx_http_eirc_resume_begin(resume, resume->replay, 0);
}


void
ngx_http_eirc_resume_sent(ngx_http_eirc_resume_t *resume, ngx_uint_t lines,
    size_t bytes)
{
    resume->sent.lines += lines;
    resume->sent.bytes += bytes;
}


ngx_uint_t
ngx_http_eirc_resume_ping_due(ngx_http_eirc_resume_t *resume)
{
    return !resume->waiting
           && resume->sent.bytes - resume->confirmed.bytes
              > resume->replay / 4;
}


/* The count; where an earlier state had others, with the number of resets. */

size_t
ngx_http_eirc_resume_ping(ngx_http_eirc_resume_t *resume, u_char *payload)
{
    u_char  *p, *last;

    resume->pinged = resume->sent;
    resume->waiting = 1;

    last = payload + EIRC_WS_CONTROL_MAX;

    p = ngx_slprintf(payload, last, "%uL", resume->sent.lines);

    if (resume->resets) {
        p = ngx_slprintf(p, last, ".%ui", resume->resets);
    }

    return p - payload;
}


ngx_uint_t
ngx_http_eirc_resume_pong(ngx_http_eirc_resume_t *resume, u_char *data,
    size_t len)
{
    u_char    *last;
    uint64_t   lines, resets;

    last = data + len;

    if (ngx_http_eirc_resume_number(&data, last, &lines) != NGX_OK) {
        return 0;
    }

    if (resume->resets) {

        if (data == last || *data++ != '.'
            || ngx_http_eirc_resume_number(&data, last, &resets) != NGX_OK
            || resets != resume->resets)
        {
            return 0;
        }
    }

    if (data != last || lines < resume->confirmed.lines
        || lines > resume->sent.lines)
    {
        return 0;
    }

    /* of any other count the bytes before it are not known */

    if (resume->waiting && lines == resume->pinged.lines) {
        resume->waiting = 0;
        resume->confirmed.bytes = resume->pinged.bytes;
    }

    if (lines == resume->confirmed.lines) {
        return 0;
    }

    resume->confirmed.lines = lines;

    return 1;
}


void
ngx_http_eirc_resume_wipe(ngx_http_eirc_resume_t *resume)
{
    ngx_explicit_memzero(resume->key, EIRC_LINK_KEY_SIZE);
    ngx_explicit_memzero(resume->presented, EIRC_LINK_KEY_SIZE);
}
