/*
 * Every number that stands on a wire or bounds one, once, with its reason.
 * Nothing but constants.
 */

#ifndef _EIRC_LIMITS_H_INCLUDED_
#define _EIRC_LIMITS_H_INCLUDED_

/* The link: docs/link.md. */

#define EIRC_LINK_VERSION 1

/* type, flags, value and count of every record */
#define EIRC_LINK_HEADER_SIZE 16

/* what a slow browser can make nginx hold back for one session */
#define EIRC_LINK_LINES_MAX 16384

/* one line: 8191 bytes of tags and 512 of the rest, IRCv3 message tags */
#define EIRC_LINK_LINE_MAX 8703

/* RFC 6455 sets no bound; a record has to fit the socket's send buffer */
#define EIRC_LINK_MESSAGE_MAX 65536

/* user object of the application and our wrapping */
#define EIRC_LINK_USER_MAX 65536

/* the largest record of all, header included */
#define EIRC_LINK_RECORD_MAX (EIRC_LINK_HEADER_SIZE + EIRC_LINK_MESSAGE_MAX)

#define EIRC_LINK_TEXT_MAX 255
#define EIRC_LINK_ID_MAX 31
#define EIRC_LINK_ACCOUNT_MAX 64
#define EIRC_LINK_SERVERS_MAX 16
#define EIRC_LINK_SERVERS_SIZE 4000
#define EIRC_LINK_HOST_MAX 255

/* SESSION without its servers */
#define EIRC_LINK_SESSION_SIZE 112
#define EIRC_LINK_SESSION_MAX                                                 \
    (EIRC_LINK_SESSION_SIZE + EIRC_LINK_SERVERS_SIZE)

/* replay ring: a page at least; at most what 1,000 users may cost together */
#define EIRC_REPLAY_MIN 4096
#define EIRC_REPLAY_MAX (16 * 1024 * 1024)

/* a connection to the socket layer that says nothing, ms: longer than any
 * sane time limit of a request to the application */
#define EIRC_LINK_IDLE_TIME 180000

#endif /* _EIRC_LIMITS_H_INCLUDED_ */
