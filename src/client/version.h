/*
 * The version of irc-client.
 */

#ifndef _VERSION_H_INCLUDED_
#define _VERSION_H_INCLUDED_

#define VERSION "1.0.0"

#endif /* _VERSION_H_INCLUDED_ */
