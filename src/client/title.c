#include "title.h"

#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#define PREFIX "irc-client: "

static struct {
    char *start; /* NULL: no room */
    size_t size;
    bool set; /* there is a title, and it is ours */
} room;


void
title_init(int argc, char **argv, char **envp)
{
    int i;
    char *end;

    if (argc < 1) {
        return;
    }

    end = argv[0];

    for (i = 0; i < argc && argv[i] == end; i++) {
        end += strlen(end) + 1;
    }

    for (i = 0; envp != NULL && envp[i] != NULL && envp[i] == end; i++) {
        end += strlen(end) + 1;
    }

    room.start = argv[0];
    room.size = (size_t) (end - argv[0]);
}


void
title_move(char *start, size_t size)
{
    room.start = start;
    room.size = size;
    room.set = false;
}


void
title_set(const char *words)
{
    size_t len;

    if (room.start == NULL || room.size <= sizeof(PREFIX)) {
        (void) prctl(PR_SET_NAME, words, 0, 0, 0);
        return;
    }

    len = strlen(words);

    if (len > room.size - sizeof(PREFIX)) {
        len = room.size - sizeof(PREFIX);
    }

    if (room.set && memcmp(room.start, PREFIX, sizeof(PREFIX) - 1) == 0
        && memcmp(room.start + sizeof(PREFIX) - 1, words, len) == 0
        && room.start[sizeof(PREFIX) - 1 + len] == '\0')
    {
        return; /* it is so already */
    }

    (void) prctl(PR_SET_NAME, words, 0, 0, 0);

    /* the page is one that forked processes share, unless they write to it */

    if (!room.set) {
        room.set = true;
    }

    memset(room.start, 0, room.size);
    memcpy(room.start, PREFIX, sizeof(PREFIX) - 1);
    memcpy(room.start + sizeof(PREFIX) - 1, words, len);

    /*
     * The kernel shows what is behind the arguments as well, up to the first
     * zero, when their last byte isn't one (fs/proc/base.c): a long title
     * needs nothing more, and a short one ends in zeros.
     */
}
