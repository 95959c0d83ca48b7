#include "filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>


/* Writes the program to a file; 0 or errno. */
static int
program_write(int fd, uint32_t otherwise, filter_rules_pt rules)
{
    int rc;
    scmp_filter_ctx ctx;

    ctx = seccomp_init(otherwise);
    if (ctx == NULL) {
        return ENOMEM;
    }

    /* a binary tree in place of a list: found in a few steps */

    (void) seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);

    rc = rules(ctx) == -1 ? errno : -seccomp_export_bpf(ctx, fd);

    seccomp_release(ctx);

    return rc;
}


/* The same in another process; 0, or -1 and errno. */
static int
program_write_apart(int fd, uint32_t otherwise, filter_rules_pt rules)
{
    int status;
    pid_t pid;

    pid = fork();

    if (pid == 0) {
        _exit(program_write(fd, otherwise, rules));
    }

    if (pid == -1) {
        return -1;
    }

    while (waitpid(pid, &status, 0) == -1) {

        if (errno != EINTR) {
            return -1;
        }
    }

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }

    errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;

    return -1;
}


static int
program_read(filter_t *f, int fd)
{
    ssize_t n;

    n = pread(fd, f->program, sizeof(f->program), 0);

    if (n == -1) {
        return -1;
    }

    /* one that fills it may have been longer */

    if (n == 0 || n == (ssize_t) sizeof(f->program)) {
        errno = E2BIG;
        return -1;
    }

    f->len = (size_t) n / sizeof(struct sock_filter);

    return 0;
}


int
filter_make(filter_t *f, uint32_t otherwise, filter_rules_pt rules)
{
    int fd, rc, error;

    f->len = 0;

    fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    rc = program_write_apart(fd, otherwise, rules);

    if (rc == 0) {
        rc = program_read(f, fd);
    }

    error = errno;
    (void) close(fd);
    errno = error;

    return rc;
}


int
filter_install(filter_t *f)
{
    struct sock_fprog prog;

    prog.len = (unsigned short) f->len;
    prog.filter = f->program;

    return (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}
