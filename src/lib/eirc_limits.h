/*
 * Every number that stands on a wire or bounds one, once, with its reason.
 * Nothing but constants.
 */

#ifndef _EIRC_LIMITS_H_INCLUDED_
#define _EIRC_LIMITS_H_INCLUDED_


/* deflate */

/* the longest answer of permessage-deflate: its name, the two parameters
 * without and the two with a value (RFC 7692, 7.1): 128 */
#define EIRC_DEFLATE_ANSWER_MAX 160

/* bytes that a message leaves out at its end: RFC 7692, 7.2.1 */
#define EIRC_DEFLATE_TAIL 4


/* IRC */

/*
 * A channel name with its prefix.  RFC 1459, 1.3 permits 200, later documents
 * and servers less (CHANNELLEN): the server has the last word on names, this
 * only bounds our own tables.
 */
#define EIRC_IRC_CHANNEL_MAX 200

/* a line without tags and without CR LF: RFC 1459, 2.3 (512 with both) */
#define EIRC_IRC_CONTENT_MAX 510

/* a host in a source; InspIRCd, UnrealIRCd and DNS names need 63 to 253 */
#define EIRC_IRC_HOST_MAX 255

/*
 * A nick.  Servers have 9 to 31, some with UTF-8 nicks up to 64 bytes; the
 * server's NICKLEN has the last word.
 */
#define EIRC_IRC_NICK_MAX 64

/* parameters of a line (a count): RFC 2812, 2.3.1 */
#define EIRC_IRC_PARAMS_MAX 15

/* the user name in a source; servers have 9 to 18, the same slack as a nick */
#define EIRC_IRC_USER_MAX 64

/*
 * The tags of a line that a client sends, and of any line, with the '@' and
 * the space behind them: IRCv3 message tags, "Size limit"
 */
#define EIRC_IRC_TAGS_CLIENT_MAX 4096
#define EIRC_IRC_TAGS_MAX 8191

/*
 * A password of PASS or WEBIRC, and the name of a gateway: WEBIRC takes 143
 * bytes beside them, with the longest address twice and both ports, and all
 * of it is one line.
 */
#define EIRC_IRC_PASSWORD_MAX 255
#define EIRC_IRC_GATEWAY_MAX 63

/* a whole line without and with CR LF: tags and content as above */
#define EIRC_IRC_LINE_MAX (EIRC_IRC_TAGS_MAX + EIRC_IRC_CONTENT_MAX)
#define EIRC_IRC_LINE_BUFFER (EIRC_IRC_LINE_MAX + 2)


/* The link: docs/link.md. */

#define EIRC_LINK_VERSION 2

/* type, flags, value and count of every record */
#define EIRC_LINK_HEADER_SIZE 16

/* what a slow browser can make nginx hold back for one session */
#define EIRC_LINK_LINES_MAX 16384

/* one line: 8191 bytes of tags and 512 of the rest, IRCv3 message tags */
#define EIRC_LINK_LINE_MAX 8703

/* RFC 6455 sets no bound; a record has to fit the socket's send buffer */
#define EIRC_LINK_MESSAGE_MAX 65536

/* user object of the application, and our wrapping: who the browser is, and
 * passwords and character sets of the location, as JSON */
#define EIRC_LINK_USER_MAX 65536
#define EIRC_LINK_USER_WRAP 3072

/* the largest record of all, header included */
#define EIRC_LINK_RECORD_MAX (EIRC_LINK_HEADER_SIZE + EIRC_LINK_MESSAGE_MAX)

#define EIRC_LINK_TEXT_MAX 255
#define EIRC_LINK_ID_MAX 31
#define EIRC_LINK_ACCOUNT_MAX 64
#define EIRC_LINK_SERVERS_MAX 16
#define EIRC_LINK_SERVERS_SIZE 4000
#define EIRC_LINK_HOST_MAX 255

/*
 * What SESSION says of TLS: a head, fingerprints (SHA-256, a few for the time
 * of changing a certificate), and three paths of files; a record to a TLS
 * relay holds a server's name beside it.
 */
#define EIRC_LINK_TLS_HEAD 8
#define EIRC_LINK_PIN_SIZE 32
#define EIRC_LINK_PINS_MAX 8
#define EIRC_LINK_PATH_MAX 511
#define EIRC_LINK_TLS_MAX                                                     \
    (EIRC_LINK_TLS_HEAD + EIRC_LINK_PINS_MAX * EIRC_LINK_PIN_SIZE             \
     + 3 * EIRC_LINK_PATH_MAX)

/* the hash of a resume key, SHA-256; a key has as many bytes */
#define EIRC_LINK_KEY_SIZE 32

/* RESCUE: what a process shows that its socket layer left behind; the size of
 * card_t in irc-client, where there is no more to it than bytes */
#define EIRC_LINK_CARD_SIZE 132

/* SESSION without its servers and TLS */
#define EIRC_LINK_SESSION_SIZE 144
#define EIRC_LINK_SESSION_MAX                                                 \
    (EIRC_LINK_SESSION_SIZE + EIRC_LINK_SERVERS_SIZE + EIRC_LINK_TLS_MAX)

/* RESUME: an ID with a byte behind it that is always 0, two hashes of keys */
#define EIRC_LINK_RESUME_SIZE                                                 \
    (EIRC_LINK_HEADER_SIZE + EIRC_LINK_ID_MAX + 1 + 2 * EIRC_LINK_KEY_SIZE + 8)

/* RESUMED: a count and the length of the nick, then nick and account */
#define EIRC_LINK_RESUMED_SIZE (EIRC_LINK_HEADER_SIZE + 9)
#define EIRC_LINK_RESUMED_MAX                                                 \
    (EIRC_LINK_RESUMED_SIZE + EIRC_IRC_NICK_MAX + EIRC_LINK_ACCOUNT_MAX)

/* replay ring: a page at least; at most what 1,000 users may cost together */
#define EIRC_REPLAY_MIN 4096
#define EIRC_REPLAY_MAX (16 * 1024 * 1024)

/* how often a session may lose its state over one link: each time is logged,
 * and comes after several crashes */
#define EIRC_LINK_RESETS_MAX 100

/*
 * ADOPT: what a process shows that its socket layer left behind, which is of
 * irc-client's own: numbers, hashes of keys, and SESSION with its ID, signed.
 */
#define EIRC_LINK_ADOPT_MIN (80 + 36 + EIRC_LINK_SESSION_SIZE + 32)
#define EIRC_LINK_ADOPT_MAX (80 + 36 + EIRC_LINK_SESSION_MAX + 32)

/* a connection to the socket layer that says nothing, ms: longer than any
 * sane time limit of a request to the application */
#define EIRC_LINK_IDLE_TIME 180000


/* SASL */

/* a piece of an AUTHENTICATE payload: IRCv3 sasl-3.1 */
#define EIRC_SASL_PIECE_MAX 400


/* tokens and users */

/*
 * A token as it stands in the URI or a header.  Opaque tokens have up to 100
 * bytes, signed ones (JWT) with many claims up to some thousands; nginx takes
 * no request line above 8k (large_client_header_buffers).
 */
#define EIRC_TOKEN_MAX 4096

/* the user object of the application: profiles with pictures in them exist;
 * and what is read, to say what is wrong with it */
#define EIRC_USER_BODY_MAX EIRC_LINK_USER_MAX
#define EIRC_USER_OBJECT_MAX (EIRC_LINK_USER_MAX - EIRC_LINK_USER_WRAP)

/* its "sasl_secret": passwords, and tokens of some services */
#define EIRC_SASL_SECRET_MAX 1023


/* WebSocket */

/* the payload of a control frame: RFC 6455, 5.5 */
#define EIRC_WS_CONTROL_MAX 125

/* the reason in a close frame: a control payload less the code */
#define EIRC_WS_REASON_MAX (EIRC_WS_CONTROL_MAX - 2)

/* a frame's header: 2, the longest length 8, the mask 4 (RFC 6455, 5.2) */
#define EIRC_WS_HEADER_MAX 14

/*
 * A message of a session, over all fragments: unless configured, and at
 * most.  The default holds the longest IRC line with tags (8701), which the
 * IRCv3 WebSocket specification asks for, and a little pasting; the largest
 * still goes in one record of the link.
 */
#define EIRC_WS_MESSAGE_DEFAULT 16384
#define EIRC_WS_MESSAGE_MAX EIRC_LINK_MESSAGE_MAX

/*
 * What a browser has sent beyond its rate waits in a buffer of this size:
 * some hundred lines, or one message of the largest size.  A browser that
 * keeps it full for so long (ms) is no person who pasted something: 1008.
 */
#define EIRC_WS_PENDING_MAX EIRC_WS_MESSAGE_MAX
#define EIRC_WS_PENDING_TIME 60000

#endif /* _EIRC_LIMITS_H_INCLUDED_ */
