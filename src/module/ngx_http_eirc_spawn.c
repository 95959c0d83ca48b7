
/*
 * The only file that starts a process: the socket layer, irc-client
 * --sockets. docs/processes.md has the table of what can go wrong when an
 * nginx worker starts a process, and where here each point has its answer.
 *
 * The layer becomes nobody's child: what nginx forks forks once more and is
 * gone. So nginx has nothing to reap but that one process, which always ends
 * with status 0 or 1, and the layer may die of a signal without an alert in
 * nginx's log. That a layer is gone is learned from the end of file of the
 * watch connection (watch.c).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_eirc.h"

#include <sched.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>


/* how long after one attempt to start a layer nobody makes another, ms */
#define NGX_HTTP_EIRC_SPAWN_INTERVAL  1000

/* environment: PATH and these, where nginx's own environment has them */
#define NGX_HTTP_EIRC_SPAWN_ENV       8

/* where the kernel has no close_range(): descriptors closed at most */
#define NGX_HTTP_EIRC_SPAWN_FDS       1048576


/* all that the child needs, prepared before the fork */
typedef struct {
    char                       *argv[8];
    char                       *envp[NGX_HTTP_EIRC_SPAWN_ENV + 2];
    char                       *directory;
    int                         null;
    struct rlimit               files;
    cpu_set_t                   cpus;
} ngx_http_eirc_spawn_t;


static ngx_int_t ngx_http_eirc_spawn_possible(ngx_http_eirc_main_conf_t *emcf,
    ngx_log_t *log);
static ngx_int_t ngx_http_eirc_spawn_turn(ngx_http_eirc_main_conf_t *emcf,
    ngx_uint_t layer, ngx_log_t *log);
static ngx_uint_t ngx_http_eirc_spawn_recent(ngx_fd_t fd);
static ngx_int_t ngx_http_eirc_spawn_prepare(ngx_http_eirc_spawn_t *sp,
    ngx_http_eirc_main_conf_t *emcf, ngx_uint_t layer, ngx_pool_t *pool,
    ngx_log_t *log);
static void ngx_http_eirc_spawn_log_option(ngx_http_eirc_main_conf_t *emcf,
    u_char *buf, size_t size);
static ngx_int_t ngx_http_eirc_spawn_log_file(ngx_str_t *error_log,
    u_char *buf, size_t size);
static ngx_int_t ngx_http_eirc_spawn_null(ngx_log_t *log);
static ngx_int_t ngx_http_eirc_spawn_fork(ngx_http_eirc_spawn_t *sp,
    ngx_log_t *log);
static void ngx_http_eirc_spawn_proc(ngx_cycle_t *cycle, void *data);
static void ngx_http_eirc_spawn_close(ngx_http_eirc_spawn_t *sp);


static char  *ngx_http_eirc_spawn_names[] = {
    "TZ",
    "ASAN_OPTIONS",
    "LSAN_OPTIONS",
    "UBSAN_OPTIONS",
    NULL
};


ngx_int_t
ngx_http_eirc_spawn_layer(ngx_http_eirc_main_conf_t *emcf, ngx_uint_t layer,
    ngx_log_t *log)
{
    ngx_int_t              rc;
    ngx_pool_t            *pool;
    ngx_http_eirc_spawn_t  sp;

    if (ngx_exiting || ngx_quit || ngx_terminate || ngx_test_config
        || emcf->client_unix
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_eirc_spawn_possible(emcf, log);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_eirc_spawn_turn(emcf, layer, log);

    if (rc != NGX_OK) {
        return (rc == NGX_AGAIN) ? NGX_OK : rc;
    }

    pool = ngx_create_pool(4096, log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_eirc_spawn_prepare(&sp, emcf, layer, pool, log);

    if (rc == NGX_OK) {
        rc = ngx_http_eirc_spawn_fork(&sp, log);
        (void) close(sp.null);
    }

    ngx_destroy_pool(pool);

    return rc;
}


/* Is there a program at all? Logged once a second at most. */

static ngx_int_t
ngx_http_eirc_spawn_possible(ngx_http_eirc_main_conf_t *emcf, ngx_log_t *log)
{
    ngx_err_t         err;
    ngx_file_info_t   fi;

    static ngx_msec_t  logged;

    err = 0;

    if (ngx_file_info(emcf->client.data, &fi) == NGX_FILE_ERROR) {
        err = ngx_errno;

    } else if (!ngx_is_file(&fi)) {
        err = NGX_EACCES;

    } else if (access((char *) emcf->client.data, X_OK) == -1) {
        err = ngx_errno;
    }

    if (err == 0) {
        return NGX_OK;
    }

    if (logged == 0
        || ngx_current_msec - logged >= NGX_HTTP_EIRC_SPAWN_INTERVAL)
    {
        logged = ngx_current_msec;

        ngx_log_error(NGX_LOG_ERR, log, err,
                      "irc-client \"%V\" cannot be started", &emcf->client);
    }

    return NGX_ERROR;
}


/*
 * Whose turn is it? The layer holds its lock file locked as long as it lives;
 * the time of the file is that of the last attempt, of whichever worker.
 * Whoever finds the file free and old enough, and says so in it under the
 * lock, starts the layer. NGX_AGAIN: somebody else is at it.
 */

static ngx_int_t
ngx_http_eirc_spawn_turn(ngx_http_eirc_main_conf_t *emcf, ngx_uint_t layer,
    ngx_log_t *log)
{
    u_char      path[NGX_MAX_PATH], *p;
    ngx_fd_t    fd;
    ngx_int_t   rc;
    ngx_uint_t  fresh;

    p = ngx_snprintf(path, NGX_MAX_PATH - 1, "%V/sockets.%ui.lock",
                     &emcf->run_path->name, layer);
    *p = '\0';

    fresh = 0;

    fd = open((char *) path, O_RDWR|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1 && ngx_errno == NGX_ENOENT) {
        fresh = 1;
        fd = open((char *) path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

        if (fd == -1 && ngx_errno == NGX_EEXIST) {
            return NGX_AGAIN;
        }
    }

    if (fd == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "open() \"%s\" failed", path);
        return NGX_ERROR;
    }

    rc = NGX_AGAIN;

    /* looked at twice: a layer that comes up must find its lock free */

    if (!fresh && ngx_http_eirc_spawn_recent(fd)) {
        goto done;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1) {

        if (ngx_errno != NGX_EAGAIN) {
            ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                          "flock() \"%s\" failed", path);
            rc = NGX_ERROR;
        }

        goto done;
    }

    if (!fresh && ngx_http_eirc_spawn_recent(fd)) {
        goto done;
    }

    if (futimens(fd, NULL) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "futimens() \"%s\" failed", path);
        rc = NGX_ERROR;
        goto done;
    }

    rc = NGX_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", path);
    }

    return rc;
}


/* Was there an attempt a moment ago? A time in the future says nothing. */

static ngx_uint_t
ngx_http_eirc_spawn_recent(ngx_fd_t fd)
{
    int64_t          age;
    struct stat      st;
    struct timespec  now;

    if (fstat(fd, &st) == -1 || clock_gettime(CLOCK_REALTIME, &now) == -1) {
        return 0;
    }

    age = ((int64_t) now.tv_sec - st.st_mtim.tv_sec) * 1000
          + (now.tv_nsec - st.st_mtim.tv_nsec) / 1000000;

    return age >= -50 && age < NGX_HTTP_EIRC_SPAWN_INTERVAL;
}


static ngx_int_t
ngx_http_eirc_spawn_prepare(ngx_http_eirc_spawn_t *sp,
    ngx_http_eirc_main_conf_t *emcf, ngx_uint_t layer, ngx_pool_t *pool,
    ngx_log_t *log)
{
    char        **name, *value;
    u_char       *p, *run_path, *index, *log_option, *state, *env;
    size_t        len;
    ngx_uint_t    n;

    ngx_memzero(sp, sizeof(ngx_http_eirc_spawn_t));

    len = sizeof("--run-path=") + emcf->run_path->name.len;

    run_path = ngx_pnalloc(pool, len);
    index = ngx_pnalloc(pool, sizeof("--index=") + NGX_INT_T_LEN);
    log_option = ngx_pnalloc(pool, NGX_MAX_PATH);

    if (run_path == NULL || index == NULL || log_option == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(run_path, "--run-path=%V", &emcf->run_path->name);
    *p = '\0';

    p = ngx_sprintf(index, "--index=%ui", layer);
    *p = '\0';

    ngx_http_eirc_spawn_log_option(emcf, log_option, NGX_MAX_PATH);

    sp->directory = (char *) run_path + sizeof("--run-path=") - 1;

    n = 0;
    sp->argv[n++] = (char *) emcf->client.data;
    sp->argv[n++] = "--sockets";
    sp->argv[n++] = (char *) run_path;
    sp->argv[n++] = (char *) index;
    sp->argv[n++] = (char *) log_option;

    if (emcf->state) {
        len = sizeof("--state=") + emcf->state->name.len;

        state = ngx_pnalloc(pool, len);
        if (state == NULL) {
            return NGX_ERROR;
        }

        p = ngx_sprintf(state, "--state=%V", &emcf->state->name);
        *p = '\0';

        sp->argv[n++] = (char *) state;
    }

    sp->argv[n] = NULL;

    n = 0;
    sp->envp[n++] = "PATH=/usr/local/bin:/usr/bin:/bin";

    for (name = ngx_http_eirc_spawn_names; *name; name++) {

        value = getenv(*name);
        if (value == NULL) {
            continue;
        }

        len = ngx_strlen(*name) + 1 + ngx_strlen(value) + 1;

        env = ngx_pnalloc(pool, len);
        if (env == NULL) {
            return NGX_ERROR;
        }

        p = ngx_sprintf(env, "%s=%s", *name, value);
        *p = '\0';

        sp->envp[n++] = (char *) env;
    }

    sp->envp[n] = NULL;

    /* whatever worker_cpu_affinity says: the kernel takes what there is */

    ngx_memset(&sp->cpus, 0xff, sizeof(cpu_set_t));

    if (getrlimit(RLIMIT_NOFILE, &sp->files) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "getrlimit(RLIMIT_NOFILE) failed");
        return NGX_ERROR;
    }

    sp->null = ngx_http_eirc_spawn_null(log);

    return (sp->null == -1) ? NGX_ERROR : NGX_OK;
}


/*
 * The layer's log is eirc.log beside nginx's error log, or, where nginx's
 * user may not write there, in the run directory; nginx logging to the system
 * log takes the layer there too.
 */

static void
ngx_http_eirc_spawn_log_option(ngx_http_eirc_main_conf_t *emcf, u_char *buf,
    size_t size)
{
    u_char      *p;
    ngx_log_t   *log;
    ngx_uint_t   syslog;

    syslog = 0;

    for (log = ngx_cycle->log; log; log = log->next) {

        if (log->file && log->file->name.len) {

            if (ngx_http_eirc_spawn_log_file(&log->file->name, buf, size)
                == NGX_OK)
            {
                return;
            }

        } else if (log->writer) {
            syslog = 1;
        }
    }

    p = syslog ? ngx_snprintf(buf, size - 1, "--log=syslog")
               : ngx_snprintf(buf, size - 1, "--log=%V/eirc.log",
                              &emcf->run_path->name);
    *p = '\0';
}


static ngx_int_t
ngx_http_eirc_spawn_log_file(ngx_str_t *error_log, u_char *buf, size_t size)
{
    u_char     *p, *file;
    ngx_str_t   dir;

    dir = *error_log;

    while (dir.len && dir.data[dir.len - 1] != '/') {
        dir.len--;
    }

    if (dir.len == 0
        || (dir.len == 5 && ngx_strncmp(dir.data, "/dev/", 5) == 0))
    {
        return NGX_DECLINED;
    }

    p = ngx_snprintf(buf, size - 1, "--log=%V", &dir);
    *p = '\0';

    file = buf + sizeof("--log=") - 1;

    if (access((char *) file, W_OK|X_OK) == 0) {
        p = ngx_snprintf(p, buf + size - 1 - p, "eirc.log");
        *p = '\0';

        if (access((char *) file, W_OK) == 0 || ngx_errno == NGX_ENOENT) {
            return NGX_OK;
        }

        return NGX_DECLINED;
    }

    /* not ours to create in, but the file may be there for us */

    p = ngx_snprintf(p, buf + size - 1 - p, "eirc.log");
    *p = '\0';

    return (access((char *) file, W_OK) == 0) ? NGX_OK : NGX_DECLINED;
}


/* Opens /dev/null on a descriptor above those it will be copied to. */

static ngx_int_t
ngx_http_eirc_spawn_null(ngx_log_t *log)
{
    int  fd, high;

    fd = open("/dev/null", O_RDWR|O_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "open() \"/dev/null\" failed");
        return -1;
    }

    if (fd > STDERR_FILENO) {
        return fd;
    }

    high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (high == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "fcntl(F_DUPFD_CLOEXEC) failed");
    }

    (void) close(fd);

    return high;
}


/*
 * The call itself. All signals are blocked around it: nginx's handlers must
 * not run in the child, and SIGCHLD finds the process table as it was. What
 * ngx_spawn_process() writes there is taken back: in a worker the table is a
 * copy that belongs to the master's messages, and nobody would ever free our
 * entry.
 */

static ngx_int_t
ngx_http_eirc_spawn_fork(ngx_http_eirc_spawn_t *sp, ngx_log_t *log)
{
    sigset_t       all, before;
    ngx_pid_t      pid;
    ngx_int_t      slot, last, used;
    ngx_process_t  entry;

    sigfillset(&all);

    if (sigprocmask(SIG_SETMASK, &all, &before) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "sigprocmask() failed");
        return NGX_ERROR;
    }

    slot = ngx_process_slot;
    last = ngx_last_process;

    /* the entry that ngx_spawn_process() is going to take */

    for (used = 0; used < last; used++) {
        if (ngx_processes[used].pid == -1) {
            break;
        }
    }

    if (used < NGX_MAX_PROCESSES) {
        entry = ngx_processes[used];

        pid = ngx_spawn_process((ngx_cycle_t *) ngx_cycle,
                                ngx_http_eirc_spawn_proc, sp,
                                "eirc socket layer", NGX_PROCESS_DETACHED);

        ngx_processes[used] = entry;

    } else {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "no entry of the process table is free");
        pid = NGX_INVALID_PID;
    }

    ngx_last_process = last;
    ngx_process_slot = slot;

    if (sigprocmask(SIG_SETMASK, &before, NULL) == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "sigprocmask() failed");
    }

    return (pid == NGX_INVALID_PID) ? NGX_ERROR : NGX_OK;
}


/*
 * The child. Only async-signal-safe calls, no log, no memory; never returns.
 * The status is 0 or 1: nginx gives a meaning of its own to 2.
 */

static void
ngx_http_eirc_spawn_proc(ngx_cycle_t *cycle, void *data)
{
    ngx_http_eirc_spawn_t *sp = data;

    int               i;
    pid_t             pid;
    sigset_t          none;
    struct sigaction  sa;

    /* a session of its own; the second fork leaves it without a leader */

    if (setsid() == -1) {
        _exit(1);
    }

    pid = fork();

    if (pid != 0) {
        _exit(pid == -1 ? 1 : 0);
    }

    /* every handler, and what nginx ignores: SIGPIPE and SIGSYS */

    ngx_memzero(&sa, sizeof(struct sigaction));
    sa.sa_handler = SIG_DFL;
    sigemptyset(&sa.sa_mask);

    for (i = 1; i < NSIG; i++) {
        (void) sigaction(i, &sa, NULL);
    }

    (void) umask(077);
    (void) setpriority(PRIO_PROCESS, 0, 0);
    (void) sched_setaffinity(0, sizeof(cpu_set_t), &sp->cpus);

    sp->files.rlim_cur = sp->files.rlim_max;
    (void) setrlimit(RLIMIT_NOFILE, &sp->files);

    if (chdir(sp->directory) == -1
        || dup2(sp->null, STDIN_FILENO) == -1
        || dup2(sp->null, STDOUT_FILENO) == -1
        || dup2(sp->null, STDERR_FILENO) == -1)
    {
        _exit(1);
    }

    ngx_http_eirc_spawn_close(sp);

    sigemptyset(&none);

    if (sigprocmask(SIG_SETMASK, &none, NULL) == -1) {
        _exit(1);
    }

    (void) execve(sp->argv[0], sp->argv, sp->envp);

    _exit(1);
}


/* Closes all descriptors but the first three. */

static void
ngx_http_eirc_spawn_close(ngx_http_eirc_spawn_t *sp)
{
    rlim_t  fd, last;

#ifdef SYS_close_range

    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0) {
        return;
    }

#endif

    last = ngx_min(sp->files.rlim_max, NGX_HTTP_EIRC_SPAWN_FDS);

    for (fd = STDERR_FILENO + 1; fd < last; fd++) {
        (void) close((int) fd);
    }
}
