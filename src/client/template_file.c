#include "template_file.h"

#include <stddef.h>

#ifdef EIRC_TEMPLATE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "program.h"

#define SUFFIX "-template"

/* it has about 1 MB */
#define FILE_MAX (64 * 1024 * 1024)


static int
beside_open(void)
{
    int fd;
    char *own, *path;
    size_t size;

    fd = -1;
    path = NULL;
    own = program_file();

    if (own != NULL) {
        size = strlen(own) + sizeof(SUFFIX);
        path = malloc(size);

        if (path != NULL) {
            (void) snprintf(path, size, "%s" SUFFIX, own);
            fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        }
    }

    free(path);
    free(own);

    return fd;
}


/* Reads the whole of it: the ID stands somewhere in there. Not into memory of
 * malloc()'s, which would not map pieces of that size by themselves again. */
static int
is_ours(int fd, size_t size)
{
    int rc;
    char *p;
    ssize_t n;
    size_t len;

    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    if (p == MAP_FAILED) {
        return 0;
    }

    for (len = 0; len < size; len += (size_t) n) {
        n = pread(fd, p + len, size - len, (off_t) len);

        if (n <= 0) {
            break;
        }
    }

    rc = memmem(p, len, build_id, strlen(build_id)) != NULL;
    (void) munmap(p, size);

    return rc;
}


int
template_file_open(const char **why)
{
    int fd;
    struct stat st;

    fd = beside_open();
    if (fd == -1) {
        *why = "it can't be opened";
        return -1;
    }

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)
        || (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
    {
        *why = "it is no program";

    } else if (st.st_size <= 0 || st.st_size > FILE_MAX
               || !is_ours(fd, (size_t) st.st_size))
    {
        *why = "it is of another build";

    } else {
        return fd;
    }

    (void) close(fd);

    return -1;
}

#else


int
template_file_open(const char **why)
{
    *why = NULL;

    return -1;
}

#endif
