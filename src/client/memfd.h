/*
 * Memory with a descriptor and without a name in any file system, to be handed
 * from process to process.
 */

#ifndef _MEMFD_H_INCLUDED_
#define _MEMFD_H_INCLUDED_

#include <stddef.h>

/*
 * So many bytes of 0, that can't be executed, and for which seals may be added;
 * the name is for /proc. -1 and errno.
 */
int memfd_open(const char *name, size_t size);

/* No more changes of the kinds that the F_SEAL_* name, nor of this list; -1
 * and errno. */
int memfd_seal(int fd, int seals);

#endif /* _MEMFD_H_INCLUDED_ */
