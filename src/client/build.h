/*
 * What a program was built from: the same words in irc-client and in the
 * irc-client-template that belongs to it, and no others. They are made by
 * src/Makefile, of all that both are linked from.
 */

#ifndef _BUILD_H_INCLUDED_
#define _BUILD_H_INCLUDED_

extern const char build_id[];

#endif /* _BUILD_H_INCLUDED_ */
