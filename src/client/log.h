/*
 * The log that the socket layer writes: a file, standard error or syslog. One
 * process writes it, in lines of nginx's look, whole ones with each write. A file
 * that has been moved or removed is opened anew within a second.
 */

#ifndef _LOG_H_INCLUDED_
#define _LOG_H_INCLUDED_

#include <stdarg.h>

typedef enum {
    LOG_LEVEL_EMERG = 1,
    LOG_LEVEL_ALERT,
    LOG_LEVEL_CRIT,
    LOG_LEVEL_ERR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
} log_level_e;

/*
 * Opens the log: "stderr", "syslog", the path of a file, or NULL for none.
 * number is the K of the lines. Returns 0, or -1 and errno.
 */
int log_open(const char *target, unsigned number);

/* Opens the file again, or keeps the old one when that fails. */
void log_reopen(void);

/* Levels above this one are not written; LOG_LEVEL_INFO unless set. */
void log_level_set(log_level_e level);

/* The level of a name as in nginx's error_log, or -1. */
int log_level_parse(const char *name);

/* The name of a level. */
const char *log_level_name(log_level_e level);

/* The descriptor of the file, or -1: there is none. */
int log_descriptor(void);

/* Writes to that file until log_reopen(), where the target's can't be opened. */
void log_inherit(const char *target, unsigned number, int fd);

/*
 * From now on lines of LOG_LEVEL_INFO and less may wait for the next one that is
 * more, or for log_release(): for a round of a loop that says several things.
 */
void log_hold(void);

/* Writes what waits; no line does any more. Also before exec. */
void log_release(void);

/*
 * Writes a line; error is an errno to add in nginx's form, or 0; id, when not
 * NULL, the session's.
 */
void log_write(log_level_e level, int error, const char *id, const char *fmt,
               ...) __attribute__((format(printf, 4, 5)));

#endif /* _LOG_H_INCLUDED_ */
