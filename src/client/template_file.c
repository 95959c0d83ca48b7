#include "template_file.h"

#include <stddef.h>

#ifdef EIRC_TEMPLATE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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


/* Reads the whole of it: the ID stands somewhere in there. */
static int
is_ours(int fd, size_t size)
{
    int rc;
    char *p;
    ssize_t n;
    size_t len;

    p = malloc(size);
    if (p == NULL) {
        return 0;
    }

    for (len = 0; len < size; len += (size_t) n) {
        n = pread(fd, p + len, size - len, (off_t) len);

        if (n <= 0) {
            break;
        }
    }

    rc = memmem(p, len, build_id, strlen(build_id)) != NULL;
    free(p);

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
