/*
 * The link: records between an nginx worker, the socket layer and a session's
 * process, as docs/link.md has it. Everything here reads from slices and
 * writes into buffers of the caller; nothing is kept, nothing is sent. Strings
 * that come out of a reader point into the slice it was given.
 *
 * Readers trust nothing: they return EIRC_ERROR for whatever breaks a rule,
 * and the caller closes that connection.
 */

#ifndef _EIRC_LINK_H_INCLUDED_
#define _EIRC_LINK_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "eirc_codes.h"
#include "eirc_limits.h"
#include "eirc_protocol.h"
#include "eirc_slice.h"

typedef enum {
    EIRC_LINK_HELLO = 1,
    EIRC_LINK_WATCH = 2,
    EIRC_LINK_SESSION = 3,
    EIRC_LINK_USER = 4,
    EIRC_LINK_RESUME = 5,
    EIRC_LINK_RESCUE = 6,
    EIRC_LINK_UPGRADE = 7,
    EIRC_LINK_ADOPT = 8,
    EIRC_LINK_READY = 16,
    EIRC_LINK_REFUSED = 17,
    EIRC_LINK_LINES = 18,
    EIRC_LINK_MESSAGE = 19,
    EIRC_LINK_END = 20,
    EIRC_LINK_DETACH = 21,
    EIRC_LINK_CONFIRM = 22,
    EIRC_LINK_RESUMED = 23,
    EIRC_LINK_RESET = 24,
    EIRC_LINK_UPGRADED = 25
} eirc_link_type_e;

/* flags of HELLO, of READY, and of RESUMED */
#define EIRC_LINK_FULL 0x01
#define EIRC_LINK_READY_RESET 0x01
#define EIRC_LINK_GAP 0x01

typedef enum {
    EIRC_LINK_QUIT = 1,
    EIRC_LINK_CLOSED = 2,
    EIRC_LINK_VIOLATION = 3,
    EIRC_LINK_IRC_LOST = 4,
    EIRC_LINK_IRC_REFUSED = 5,
    EIRC_LINK_IRC_UNREACHABLE = 6,
    EIRC_LINK_SHUTDOWN = 7,
    EIRC_LINK_LIMIT = 8,
    EIRC_LINK_NO_ROOM = 9,
    EIRC_LINK_BAD_REQUEST = 10,
    EIRC_LINK_FAILED = 11,
    EIRC_LINK_SLOW = 12,
    EIRC_LINK_GONE = 13,
    EIRC_LINK_TAKEN = 14
} eirc_link_reason_e;

typedef struct {
    uint8_t type;
    uint8_t flags;
    uint32_t value;
    uint64_t count;
} eirc_link_header_t;

/* Writes EIRC_LINK_HEADER_SIZE bytes to p. */
void eirc_link_header_write(uint8_t *p, const eirc_link_header_t *h);

/*
 * Reads the header of a record of len bytes, of which only those of the header
 * have to be at p, and checks it against the rules of its type (docs/link.md,
 * 2 and 3): the bounds of its length, what has to be 0, the reason. Left to
 * the caller are the version, the counts, and the body. EIRC_ERROR: a rule is
 * broken.
 */
int eirc_link_header_read(eirc_link_header_t *h, const uint8_t *p, size_t len);

/*
 * Writes a whole record of header and text to p: READY with the session's ID,
 * REFUSED, END and UPGRADED with a text for the log, and, with text NULL, the records
 * without a body. A text is cut between characters at EIRC_LINK_TEXT_MAX, an
 * ID at EIRC_LINK_ID_MAX; controls and what is no UTF-8 become '?'. p holds
 * at least EIRC_LINK_HEADER_SIZE + EIRC_LINK_TEXT_MAX bytes. Returns the
 * record's length.
 */
size_t eirc_link_record_write(uint8_t *p, eirc_link_type_e type,
                              uint32_t value, uint64_t count,
                              const char *text);

/*
 * READY with flags, which is how a session says that its state is lost. The
 * ID as eirc_link_record_write() takes it.
 */
size_t eirc_link_ready_write(uint8_t *p, uint8_t flags, const char *id);

/* Name of a reason, for logs; "unknown" for any other number. */
const char *eirc_link_reason_name(uint32_t reason);

/* LINES (docs/link.md, 4): bytes before a line of len bytes: 2 or 4. */
size_t eirc_link_entry_head(size_t len);

/*
 * Writes the head of an entry for a line of len bytes (at most
 * EIRC_LINK_LINE_MAX) to p, eirc_link_entry_head(len) bytes of it.
 */
void eirc_link_entry_write(uint8_t *p, size_t len);

/*
 * Takes the next entry at *p, before end: the line is set to its bytes, *p to
 * the byte behind it. EIRC_DONE at the end, EIRC_ERROR when the entry breaks
 * a rule.
 */
int eirc_link_entry_next(const uint8_t **p, const uint8_t *end,
                         const uint8_t **line, size_t *len);

/*
 * Reads an ID (docs/link.md, 5.1): the number of its socket layer is set.
 * EIRC_ERROR: it is none.
 */
int eirc_link_id_read(const char *id, size_t len, uint32_t *layer);

/* SESSION (docs/link.md, 5) */
typedef struct {
    uint32_t limit;
    uint32_t replay; /* bytes */
    uint32_t linger; /* ms */
    uint32_t crash_limit;
    uint32_t crash_time; /* ms */
    uint32_t cpu;        /* EIRC_LINK_CPU_ANY: not pinned */
    const char *account; /* not terminated */
    size_t account_len;
    const uint8_t *servers; /* entries for eirc_link_server_next() */
    size_t servers_len;
    const uint8_t *tls; /* as eirc_link_tls_write() has it */
    size_t tls_len;     /* 0: nothing but defaults */
    eirc_protocol_e mode;
    uint8_t flags;
    const uint8_t *key; /* its hash, EIRC_LINK_KEY_SIZE bytes; NULL unless
                           the session is RESUMABLE */
} eirc_link_session_t;

#define EIRC_LINK_CPU_ANY 0xffffffffu

/* flags of SESSION: it waits for a browser that comes back with the key; USER
 * has no secret, and asks for no login */
#define EIRC_LINK_RESUMABLE 0x01
#define EIRC_LINK_NO_SECRET 0x02

/*
 * Writes the whole record to p, which holds EIRC_LINK_SESSION_MAX bytes.
 * Returns its length, or 0 when a member is out of bounds, or servers or TLS
 * are not as eirc_link_server_add() and eirc_link_tls_write() write them.
 */
size_t eirc_link_session_write(uint8_t *p, const eirc_link_session_t *s);

/* Reads a whole record, header included; servers and TLS are checked too. */
int eirc_link_session_read(eirc_link_session_t *s, const uint8_t *p,
                           size_t len);

/* RESUME (docs/link.md, 8) */
typedef struct {
    uint64_t lines; /* that the browser has */
    const char *id; /* not terminated */
    size_t id_len;
    const uint8_t *key;  /* hash of the one presented */
    const uint8_t *next; /* hash of the one that the browser is given now */
    eirc_protocol_e mode;
    uint32_t cpu; /* as in SESSION */
} eirc_link_resume_t;

/* Writes EIRC_LINK_RESUME_SIZE bytes to p and returns that, or 0 when a member
 * is out of bounds. */
size_t eirc_link_resume_write(uint8_t *p, const eirc_link_resume_t *r);

/* Reads a whole record, header included. */
int eirc_link_resume_read(eirc_link_resume_t *r, const uint8_t *p, size_t len);

/* RESUMED (docs/link.md, 8) */
typedef struct {
    uint8_t flags;     /* EIRC_LINK_GAP */
    uint32_t replay;   /* bytes of the ring, docs/link.md, 8 */
    uint64_t messages; /* taken so far */
    uint64_t lines;    /* sent before those that come now */
    eirc_slice_t nick;
    eirc_slice_t account; /* may be empty */
} eirc_link_resumed_t;

/*
 * Writes the whole record to p, which holds EIRC_LINK_RESUMED_MAX bytes.
 * Returns its length, or 0 when a member is out of bounds.
 */
size_t eirc_link_resumed_write(uint8_t *p, const eirc_link_resumed_t *r);

/* Reads a whole record, header included. */
int eirc_link_resumed_read(eirc_link_resumed_t *r, const uint8_t *p,
                           size_t len);

/* an IRC server, as connector and configuration know it */
typedef struct {
    uint8_t flags;
    uint16_t port;
    const char *host; /* not terminated */
    size_t host_len;
} eirc_link_server_t;

#define EIRC_LINK_SERVER_TLS 0x01
#define EIRC_LINK_SERVER_UNIX 0x02

/*
 * Appends a server to the entries at p, of which *len bytes of size are used.
 * EIRC_ERROR: out of bounds, or no room.
 */
int eirc_link_server_add(uint8_t *p, size_t *len, size_t size,
                         const eirc_link_server_t *server);

/* As eirc_link_entry_next(), for servers. */
int eirc_link_server_next(const uint8_t **p, const uint8_t *end,
                          eirc_link_server_t *server);

/* Takes the server with this number, from 0; EIRC_ERROR: there is none. */
int eirc_link_server_at(const uint8_t *p, size_t len, uint32_t number,
                        eirc_link_server_t *server);

/* How many there are, up to one that is none. */
uint32_t eirc_link_servers_count(const uint8_t *p, size_t len);

/*
 * The server with this number, which has neither TLS nor is a UNIX socket, is
 * to be reached with TLS at that port. EIRC_ERROR: there is none such.
 */
int eirc_link_server_secure(uint8_t *p, size_t len, uint32_t number,
                            uint16_t port);

/* how TLS servers of a session are to be verified, and what they are shown */
typedef struct {
    uint8_t flags;
    size_t npins;
    const uint8_t *pins; /* npins times EIRC_LINK_PIN_SIZE bytes */
    eirc_slice_t ca;     /* paths; empty: the system's store, and none */
    eirc_slice_t certificate;
    eirc_slice_t key; /* empty: in the file of the certificate */
} eirc_link_tls_t;

/* the server's certificate is not looked at */
#define EIRC_LINK_TLS_UNVERIFIED 0x01

/*
 * Writes it to p, which holds EIRC_LINK_TLS_MAX bytes. Returns its length, or
 * 0 when a member is out of bounds.
 */
size_t eirc_link_tls_write(uint8_t *p, const eirc_link_tls_t *tls);

/* Reads it; no bytes at all are the defaults. */
int eirc_link_tls_read(eirc_link_tls_t *tls, const uint8_t *p, size_t len);

/*
 * A fingerprint as people write it: 64 hexadecimal digits, of which each two
 * may have a colon between them and the next. Writes EIRC_LINK_PIN_SIZE bytes.
 */
int eirc_link_pin_read(uint8_t *pin, eirc_slice_t text);

#endif /* _EIRC_LINK_H_INCLUDED_ */
