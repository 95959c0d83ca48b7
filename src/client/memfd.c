#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif


int
memfd_open(const char *name, size_t size)
{
    int fd, error;

    fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd == -1 && errno == EINVAL) {
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }

    if (fd != -1 && ftruncate(fd, (off_t) size) == -1) {
        error = errno;
        (void) close(fd);
        errno = error;
        return -1;
    }

    return fd;
}


int
memfd_seal(int fd, int seals)
{
    return fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SEAL);
}
