
/*
 * The types that the files of the module share. A request on its way to a
 * session passes handshake -> link (a connection to a socket layer) -> auth
 * (claim and verdict) -> link (a process) -> ws; session.c owns that order
 * and everything that comes into being on it.
 *
 * Who includes whom: every file of src/module includes this header; only
 * session.c and message.c call both ws and link.
 */

#ifndef _NGX_HTTP_EIRC_H_INCLUDED_
#define _NGX_HTTP_EIRC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "eirc_codes.h"
#include "eirc_deflate.h"
#include "eirc_limits.h"
#include "eirc_link.h"
#include "eirc_protocol.h"
#include "eirc_ws.h"


#if (EIRC_OK != NGX_OK || EIRC_ERROR != NGX_ERROR                             \
     || EIRC_AGAIN != NGX_AGAIN || EIRC_DONE != NGX_DONE)
#error "the codes of src/lib must be those of nginx"
#endif


/* eirc_token_issue: for whom */
#define NGX_HTTP_EIRC_ISSUE_OFF    0
#define NGX_HTTP_EIRC_ISSUE_ON     1  /* peers on this machine */
#define NGX_HTTP_EIRC_ISSUE_ANY    2  /* whom the location lets in */

/* eirc_sasl */
#define NGX_HTTP_EIRC_SASL_OFF       0
#define NGX_HTTP_EIRC_SASL_OPTIONAL  1
#define NGX_HTTP_EIRC_SASL_REQUIRED  2

#define NGX_HTTP_EIRC_TOKEN_HASH   32
#define NGX_HTTP_EIRC_MAX_LAYERS   64


typedef struct ngx_http_eirc_ws_s       ngx_http_eirc_ws_t;
typedef struct ngx_http_eirc_link_s     ngx_http_eirc_link_t;
typedef struct ngx_http_eirc_session_s  ngx_http_eirc_session_t;


/* a rate of lines and what may come at once */
typedef struct {
    ngx_uint_t                  rate;      /* lines per 1000 s, 0: no limit */
    ngx_uint_t                  burst;     /* lines */
} ngx_http_eirc_rate_t;


/* eirc_deflate */
typedef struct {
    ngx_flag_t                  enable;
    ngx_int_t                   level;     /* of zlib, 1 to 9 */
    size_t                      min_length;
    eirc_deflate_t              want;      /* our own bounds */
} ngx_http_eirc_packing_t;


typedef struct {
    ngx_str_t                   client;    /* binary, or directory if unix */
    ngx_int_t                   processes; /* NGX_CONF_UNSET: one a worker */
    unsigned                    client_unix:1;
    unsigned                    used:1;    /* there are sessions or tokens */

    ngx_path_t                 *run_path;  /* NULL if client_unix */
    ngx_path_t                 *state;     /* NULL: sessions aren't kept */
    ngx_shm_zone_t             *token_zone;
    ngx_msec_t                  token_timeout;

    void                       *layers;    /* watch.c: one per socket layer */
} ngx_http_eirc_main_conf_t;


typedef struct {
    ngx_array_t                *pass;      /* eirc_pass as it was written */
    ngx_str_t                   servers;   /* eirc_link_server_add() entries */
    ngx_str_t                   tls;       /* eirc_link_tls_write() */
    ngx_flag_t                  tls_verify;
    ngx_str_t                   tls_ca;
    ngx_str_t                   tls_certificate;
    ngx_str_t                   tls_certificate_key;
    ngx_array_t                *tls_pins;  /* tls.c; NULL: none */
    ngx_str_t                   login;     /* login.c: members of USER */
    ngx_str_t                   webirc;    /* password; empty: off */
    ngx_str_t                   webirc_gateway;
    ngx_str_t                   irc_password;     /* empty: off */
    ngx_uint_t                  sasl;      /* NGX_HTTP_EIRC_SASL_... */
    ngx_uint_t                  sasl_mechanisms;  /* bits, eirc_sasl.h */
    ngx_http_complex_value_t   *token;     /* NULL: chat_token, decoded */
    ngx_http_complex_value_t   *auth_uri;  /* NULL: no eirc_auth_request */
    ngx_uint_t                  issue;     /* NGX_HTTP_EIRC_ISSUE_... */
    ngx_flag_t                  echo;

    ngx_array_t                *origins;   /* origin.c; NULL: same host */

    ngx_msec_t                  ping;      /* 0: off */
    ngx_msec_t                  ping_timeout;
    size_t                      max_message_size;
    ngx_http_eirc_packing_t     deflate;
    ngx_http_eirc_rate_t        rate;
    ngx_http_eirc_rate_t        flood;
    ngx_str_t                   charset;   /* members of USER; may be empty */
    ngx_uint_t                  limit;
    ngx_uint_t                  crash_limit;
    ngx_msec_t                  crash_time;
    ngx_msec_t                  linger;
    size_t                      replay;
    unsigned                    login_free:1;  /* login holds no secret */
} ngx_http_eirc_loc_conf_t;


/* what the handshake found, RFC 6455, 4.2.1 */
typedef struct {
    u_char                      accept[28];
    ngx_str_t                   protocol;  /* to be answered, or empty */
    eirc_protocol_e             mode;      /* how IRC goes over it */
    eirc_deflate_t              deflate;   /* agreed on, if compressed */
    unsigned                    compressed:1;
} ngx_http_eirc_handshake_t;


/* our hold on a token in the zone; all zero: none */
typedef struct {
    u_char                      hash[NGX_HTTP_EIRC_TOKEN_HASH];
    uint64_t                    owner;     /* 0: nothing held */
} ngx_http_eirc_claim_t;


/* the context of a main request */
typedef struct {
    ngx_http_eirc_handshake_t   handshake;
    ngx_http_eirc_claim_t       claim;
    ngx_str_t                   token;     /* evaluated once */

    /* the verdict; strings in r->pool */
    ngx_str_t                   user;      /* the JSON object */
    ngx_str_t                   nick;
    ngx_str_t                   account;   /* the nick where none is given */

    /* auth.c, the subrequest on its way */
    ngx_http_request_t         *subrequest;
    ngx_uint_t                  auth_status;
    unsigned                    auth_started:1;
    unsigned                    auth_done:1;

    unsigned                    resuming:1; /* there is no token then */

    ngx_http_eirc_session_t    *session;
    ngx_http_eirc_ws_t         *ws;

    /* for variables and the access log */
    u_char                      id[EIRC_LINK_ID_MAX];
    size_t                      id_len;
    uint64_t                    lines_in;
    uint64_t                    lines_out;
    ngx_uint_t                  close_code;
} ngx_http_eirc_ctx_t;


/*
 * variables.c
 */

/*
 * Evaluates the token of the main request into ctx->token, once. NGX_OK;
 * NGX_DECLINED: none, or one that cannot be right (too long, control
 * characters, a dot segment); NGX_ERROR.
 */
ngx_int_t ngx_http_eirc_token_evaluate(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx);


/*
 * handshake.c
 */

/*
 * Checks method, version, headers, key and origin (RFC 6455, 4.2.1), and
 * chooses subprotocol and extension. NGX_OK: ctx->handshake is set. Otherwise
 * the status to answer with; the headers that belong to it
 * (Sec-WebSocket-Version, Allow) are already in r->headers_out, the reason is
 * in the log.
 */
ngx_int_t ngx_http_eirc_handshake_check(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx);

/*
 * Reads all Sec-WebSocket-Protocol headers (RFC 6455, 11.3.4). NGX_OK, or
 * NGX_DECLINED for what is no list of tokens.
 */
ngx_int_t ngx_http_eirc_handshake_protocol(ngx_http_request_t *r,
    eirc_protocol_t *protocol);

/* Sends the 101, RFC 6455, 4.2.2; NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_eirc_handshake_accept(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx);


/*
 * origin.c
 */

/* NGX_OK: admitted; NGX_DECLINED; NGX_ERROR. */
ngx_int_t ngx_http_eirc_origin_check(ngx_http_request_t *r, ngx_str_t *value);

char *ngx_http_eirc_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/*
 * ws.c: one WebSocket after the 101. It belongs to its request: memory from
 * r->pool or, for what comes and goes, ngx_alloc with an end of its own. An
 * idle WebSocket holds no buffer. Its owner is session.c or echo.c.
 */

typedef struct {
    /*
     * A whole message. data may be changed and is valid during the call.
     * NGX_OK: taken; NGX_AGAIN: not taken, the ws keeps it, goes on reading
     * into a bounded buffer and offers it again after ws_resume();
     * NGX_DONE: the ws was closed or finalized in the call, touch nothing.
     */
    ngx_int_t                 (*message)(ngx_http_eirc_ws_t *ws, u_char *data,
                                    size_t len, ngx_uint_t binary);

    /* All output has gone to the kernel after a send that said NGX_AGAIN. */
    void                      (*drained)(ngx_http_eirc_ws_t *ws);

    /*
     * Called once, when no frame will come any more: the peer closed (code is
     * its close code, 1005 for none), vanished (1006), broke a rule (the code
     * that we sent), did not answer a ping (1006), or our own close is
     * through. Never from inside a call of ours. The owner calls
     * ws_finalize() in it.
     */
    void                      (*closed)(ngx_http_eirc_ws_t *ws,
                                    ngx_uint_t code);

    /* The worker is exiting: the owner says goodbye (ws_close 1012). */
    void                      (*shutdown)(ngx_http_eirc_ws_t *ws);

    /*
     * A ping is about to leave behind what was sent so far: writes what it is
     * to carry, at most EIRC_WS_CONTROL_MAX bytes, and returns how many. Also
     * from inside a call of ours. NULL: pings carry nothing.
     */
    size_t                    (*ping)(ngx_http_eirc_ws_t *ws,
                                    u_char *payload);

    /* The peer has sent a pong, whatever is in it. NULL: nobody cares. */
    void                      (*pong)(ngx_http_eirc_ws_t *ws, u_char *data,
                                    size_t len);
} ngx_http_eirc_ws_handler_t;


/*
 * Takes the connection over after the 101 was sent: installs event handlers,
 * idle flag, ping timer, reads what the client sent early. Bytes that arrived
 * behind the request head (r->header_in) are read as frames.
 */
ngx_http_eirc_ws_t *ngx_http_eirc_ws_create(ngx_http_request_t *r,
    ngx_http_eirc_ws_handler_t *handler, void *data);

/* Starts reading; the first handler calls come later, never from inside. */
void ngx_http_eirc_ws_start(ngx_http_eirc_ws_t *ws);

void *ngx_http_eirc_ws_data(ngx_http_eirc_ws_t *ws);

/*
 * Sends one message as one frame. NGX_OK: all of it went to the kernel;
 * NGX_AGAIN: it is kept and will go, but send no more before drained();
 * NGX_ERROR: the connection is broken, closed() has been or will be called.
 */
ngx_int_t ngx_http_eirc_ws_send(ngx_http_eirc_ws_t *ws, ngx_uint_t binary,
    u_char *data, size_t len);

/*
 * The same for the body of a LINES record, whose entries are turned into
 * frames in place (docs/link.md, 4) and leave in one call. The entries have
 * been checked.
 */
ngx_int_t ngx_http_eirc_ws_send_entries(ngx_http_eirc_ws_t *ws,
    ngx_uint_t binary, u_char *body, size_t len);

/*
 * The same without compression, for what nobody else may know: its length
 * tells nothing, and what comes later never refers to it. body is wiped.
 */
ngx_int_t ngx_http_eirc_ws_send_secret(ngx_http_eirc_ws_t *ws,
    ngx_uint_t binary, u_char *body, size_t len);

/* What sending touches, a pointer into each line of the cache. */
#define NGX_HTTP_EIRC_WS_TOUCHED  8

void ngx_http_eirc_ws_touched(ngx_http_eirc_ws_t *ws, const void **lines);

/* Sends a ping behind all that was sent so far. */
void ngx_http_eirc_ws_ping(ngx_http_eirc_ws_t *ws);

/* Offers what was refused with NGX_AGAIN again; not from inside. */
void ngx_http_eirc_ws_resume(ngx_http_eirc_ws_t *ws);

/*
 * The buffer behind a message that was refused with NGX_AGAIN is full
 * (EIRC_WS_PENDING_MAX): nothing more is read from the browser.
 */
ngx_uint_t ngx_http_eirc_ws_full(ngx_http_eirc_ws_t *ws);

/*
 * Begins the closing handshake with this code; closed() follows when the peer
 * has answered or a few seconds have gone. reason: ASCII, at most 123 bytes.
 */
void ngx_http_eirc_ws_close(ngx_http_eirc_ws_t *ws, ngx_uint_t code,
    const char *reason);

/*
 * Ends the request, and with it the WebSocket: the one way after the 101. In
 * closed() or, without a word to the browser, at any time; from within a
 * callback of the handler as well.
 */
void ngx_http_eirc_ws_finalize(ngx_http_eirc_ws_t *ws);


/*
 * token.c and token_zone.c: the shared zone of bindings, keyed by the SHA-256
 * of the token. An entry is issued (a user object waits for its browser),
 * claimed (a request is asking the application), verified (the application
 * said yes, but no process could be had), or used. None is evicted before it
 * expires.
 */

char *ngx_http_eirc_token_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Creates the default zone where no directive did; NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_eirc_token_zone_default(ngx_conf_t *cf);

/*
 * Where a user object lies with the token already, NGX_OK, and a hash of its
 * account, by which a layer is chosen; else NGX_DECLINED. Says nothing about
 * whether the token can be claimed.
 */
ngx_int_t ngx_http_eirc_token_account(ngx_http_request_t *r, ngx_str_t *token,
    uint32_t *account);

/* That hash of an account. */
uint32_t ngx_http_eirc_token_account_hash(ngx_str_t *account);

/*
 * Claims a token for this request.
 * NGX_OK: ours, and somebody has to be asked about it;
 * NGX_DONE: ours, and its user object was there: copied to *user in r->pool;
 * NGX_DECLINED: claimed or used already, or (create == 0) not known;
 * NGX_BUSY: no room in the zone, or in the share for unverified claims;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_eirc_token_claim(ngx_http_request_t *r, ngx_str_t *token,
    ngx_uint_t create, ngx_http_eirc_claim_t *claim, ngx_str_t *user);

/*
 * The application said yes: the verdict stays with the claim, and the time
 * until it expires begins anew. NGX_OK; NGX_BUSY: no room for the verdict,
 * the claim is still held; NGX_DECLINED: the claim had expired and is lost.
 */
ngx_int_t ngx_http_eirc_token_verify(ngx_http_request_t *r,
    ngx_http_eirc_claim_t *claim, ngx_str_t *user, ngx_str_t *account);

/* The session stands: the token is used until it expires. */
void ngx_http_eirc_token_use(ngx_http_request_t *r,
    ngx_http_eirc_claim_t *claim);

/*
 * Gives the claim back: an entry with a user object can be claimed again, one
 * without goes away. Also the way for an application that said no. Harmless
 * on a claim that holds nothing. Registered as pool cleanup by claim(), so
 * that a request that ends in any way gives back what it held.
 */
void ngx_http_eirc_token_release(ngx_http_request_t *r,
    ngx_http_eirc_claim_t *claim);

/* init_process: a timer wipes what expired while nobody came. */
ngx_int_t ngx_http_eirc_token_init_process(ngx_cycle_t *cycle);

/* Issues a new random token for a user object of that account: written to
 * token (64 hex digits), NGX_OK or NGX_BUSY. */
ngx_int_t ngx_http_eirc_token_issue(ngx_http_request_t *r, ngx_str_t *user,
    ngx_str_t *account, u_char *token);


/*
 * auth.c: from a token to a user object. Called again and again from the
 * request's write_event_handler until it says something else than NGX_AGAIN.
 * NGX_OK: ctx->user, nick and account are set, the claim is held. Else the
 * status to answer with (400 no token, 401, 403, 503), the claim given back.
 */
ngx_int_t ngx_http_eirc_auth(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx);

/* Takes token and key out of the request line, as logs have it. */
void ngx_http_eirc_auth_mask(ngx_http_request_t *r, ngx_http_eirc_ctx_t *ctx);

/*
 * When the session stands, or won't: wipes the user object, which may hold a
 * secret, and frees what the subrequest's answer took. A session may last for
 * days.
 */
void ngx_http_eirc_auth_forget(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx);

/*
 * Answers with a small JSON object for a status that ngx_http_eirc_auth()
 * gave, unless an error_page of the location is there for it. Returns what
 * ngx_http_finalize_request() wants.
 */
ngx_int_t ngx_http_eirc_auth_refuse(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx, ngx_int_t status);

/* Sends text as the application/json body of an answer with this status. */
ngx_int_t ngx_http_eirc_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text);

/*
 * user.c
 */

/*
 * Checks that text is a user object: JSON, nick a valid nick; sets ctx->user,
 * nick and account. NGX_OK or NGX_DECLINED with a sentence in *why.
 */
ngx_int_t ngx_http_eirc_user_parse(ngx_http_request_t *r,
    ngx_http_eirc_ctx_t *ctx, ngx_str_t *text, const char **why);


/* issue.c, echo.c, session.c: content handlers */
ngx_int_t ngx_http_eirc_issue_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_eirc_echo_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_eirc_session_handler(ngx_http_request_t *r);

/* To be called for a location with eirc_token_issue when it is merged: keeps
 * the objects, which hold secrets, out of temporary files. */
void ngx_http_eirc_issue_merge(ngx_conf_t *cf);


/*
 * link.c: connections of requests to socket layers. watch.c keeps the watch
 * connections of the worker, and starts a layer through spawn.c where one is
 * missing.
 */

typedef struct {
    /* HELLO arrived: requests can be sent. */
    void                      (*open)(ngx_http_eirc_link_t *link);
    /* READY: the session stands. id is not terminated. */
    void                      (*ready)(ngx_http_eirc_link_t *link,
                                    u_char *id, size_t len);
    /* RESUMED: the session stands again. Valid during the call. */
    void                      (*resumed)(ngx_http_eirc_link_t *link,
                                    eirc_link_resumed_t *resumed);
    /*
     * READY in a session that stands: its state is lost, this is its new ID,
     * and all counts begin anew.
     */
    void                      (*reset)(ngx_http_eirc_link_t *link,
                                    u_char *id, size_t len);
    /*
     * New lines, checked, numbers already seen left out; body may be changed
     * and is valid during the call. n: how many.
     */
    void                      (*lines)(ngx_http_eirc_link_t *link,
                                    u_char *body, size_t len, ngx_uint_t n);
    /* A send that said NGX_AGAIN can be tried again. */
    void                      (*writable)(ngx_http_eirc_link_t *link);
    /*
     * REFUSED, END (reason of eirc_link.h), the end of file or an error of
     * ours or of the peer (EIRC_LINK_FAILED). Called once, the link is closed
     * after it; text is for the log.
     */
    void                      (*ended)(ngx_http_eirc_link_t *link,
                                    ngx_uint_t reason, ngx_str_t *text);
} ngx_http_eirc_link_handler_t;

/*
 * Opens a connection to the layer with this index, or to any when
 * NGX_CONF_UNSET. NULL: at once impossible. open() or ended() follows; never
 * from inside the call. The log is the request's connection's.
 */
ngx_http_eirc_link_t *ngx_http_eirc_link_open(ngx_http_request_t *r,
    ngx_int_t layer, ngx_http_eirc_link_handler_t *handler, void *data);

/* A layer that takes no new sessions will do as well; after link_open(). */
void ngx_http_eirc_link_take_full(ngx_http_eirc_link_t *link);

void *ngx_http_eirc_link_data(ngx_http_eirc_link_t *link);

/*
 * Lines that come touch *p: it is fetched while they are read, if it is one of
 * the first NGX_HTTP_EIRC_LINK_WARM. It is never accessed.
 */
void ngx_http_eirc_link_warm(ngx_http_eirc_link_t *link, const void *p);

ngx_uint_t ngx_http_eirc_link_layer(ngx_http_eirc_link_t *link);
ngx_uint_t ngx_http_eirc_link_layers(ngx_http_eirc_main_conf_t *emcf);

/* Sends SESSION and USER. NGX_OK or NGX_ERROR (ended() is not called). */
ngx_int_t ngx_http_eirc_link_request(ngx_http_eirc_link_t *link,
    eirc_link_session_t *request, ngx_str_t *user);

/* The same for RESUME; the answer is resumed(), ended(), or, where the state
 * of the session has been lost, ready(). */
ngx_int_t ngx_http_eirc_link_resume(ngx_http_eirc_link_t *link,
    eirc_link_resume_t *request);

/* Sends CONFIRM, later if need be: NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_eirc_link_confirm(ngx_http_eirc_link_t *link,
    uint64_t lines);

/* Sends MESSAGE: NGX_OK, NGX_AGAIN (not sent, writable() follows) or
 * NGX_ERROR. */
ngx_int_t ngx_http_eirc_link_message(ngx_http_eirc_link_t *link,
    u_char *data, size_t len);

/* Stops and continues reading of lines. */
void ngx_http_eirc_link_pause(ngx_http_eirc_link_t *link);
void ngx_http_eirc_link_continue(ngx_http_eirc_link_t *link);

/* Sends END with reason (0: DETACH) as well as it can, and closes. */
void ngx_http_eirc_link_close(ngx_http_eirc_link_t *link, ngx_uint_t reason,
    const char *text);

/* init_process: the watch connections begin (watch.c). */
ngx_int_t ngx_http_eirc_link_init_process(ngx_cycle_t *cycle);


/*
 * spawn.c: the only file that starts a process.
 */

/*
 * Starts the socket layer with this index: NGX_OK: started, or somebody else
 * is at it; NGX_DECLINED: not now (exiting); NGX_ERROR: cannot be, see log.
 */
ngx_int_t ngx_http_eirc_spawn_layer(ngx_http_eirc_main_conf_t *emcf,
    ngx_uint_t layer, ngx_log_t *log);


/*
 * session.c: joins one WebSocket to one link; owns both.
 */

/* The one way a session ends; harmless when run twice. */
void ngx_http_eirc_session_finalize(ngx_http_eirc_session_t *s,
    ngx_int_t rc);


extern ngx_module_t  ngx_http_eirc_module;


#endif /* _NGX_HTTP_EIRC_H_INCLUDED_ */
