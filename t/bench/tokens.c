#include "tokens.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "upgrade.h"

#define OBJECT_MAX 512
#define REQUEST_MAX 1024
#define ANSWER_MAX 4096

/* nginx closes a connection after keepalive_requests, 1,000 by default */
#define REQUESTS 500


static int
tokens_connect(const people_t *people)
{
    int fd, on;

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    on = 1;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    if (connect(fd, (const struct sockaddr *) &people->issuer,
                sizeof(people->issuer))
        == -1)
    {
        (void) close(fd);
        return -1;
    }

    return fd;
}


/* Adds to a text of at most cap bytes; 0, or -1 if it doesn't fit. */
__attribute__((format(printf, 4, 5))) static int
add(char *text, size_t cap, size_t *len, const char *format, ...)
{
    int n;
    va_list args;

    va_start(args, format);
    n = vsnprintf(text + *len, cap - *len, format, args);
    va_end(args);

    if (n < 0 || (size_t) n >= cap - *len) {
        return -1;
    }

    *len += (size_t) n;

    return 0;
}


static int
tokens_object(const person_t *p, char *object, size_t cap, size_t *len)
{
    unsigned i;
    const people_t *people;

    people = p->people;
    *len = 0;

    if (add(object, cap, len, "{\"nick\":\"%s%u\",\"realname\":\"User %u\"",
            people->nick, p->index, p->index)
            == -1
        || add(object, cap, len, ",\"channels\":[") == -1)
    {
        return -1;
    }

    for (i = 0; i < people->nrooms; i++) {
        if (add(object, cap, len, "%s\"#%c%u\"", i == 0 ? "" : ",", 'c' + i,
                p->index / people->rooms[i])
            == -1)
        {
            return -1;
        }
    }

    return add(object, cap, len, "]}");
}


static int
tokens_answer(int fd, char *token)
{
    size_t len, head;
    ssize_t n;
    char *start;
    char answer[ANSWER_MAX];

    for (len = 0; len < sizeof(answer) - 1; len += (size_t) n) {
        n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);

        if (n <= 0) {
            return -1;
        }

        answer[len + (size_t) n] = '\0';
        head = upgrade_head((const uint8_t *) answer, len + (size_t) n);

        if (head == 0 || strchr(answer + head, '}') == NULL) {
            continue;
        }

        start = strstr(answer + head, "{\"token\":\"");

        if (start == NULL || strlen(start) < 10 + PEOPLE_TOKEN_SIZE) {
            return -1;
        }

        memcpy(token, start + 10, PEOPLE_TOKEN_SIZE - 1);
        token[PEOPLE_TOKEN_SIZE - 1] = '\0';

        return 0;
    }

    return -1;
}


static int
tokens_ask(int fd, person_t *p)
{
    size_t len, body;
    char object[OBJECT_MAX];
    char request[REQUEST_MAX];

    len = 0;

    if (tokens_object(p, object, sizeof(object), &body) == -1
        || add(request, sizeof(request), &len,
               "POST /token HTTP/1.1\r\n"
               "Host: localhost\r\n"
               "Content-Type: application/json\r\n"
               "Content-Length: %zu\r\n"
               "\r\n"
               "%s",
               body, object)
               == -1)
    {
        return -1;
    }

    if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t) len) {
        return -1;
    }

    return tokens_answer(fd, p->token);
}


int
tokens_fetch(people_t *people)
{
    int fd;
    unsigned i;

    fd = -1;

    for (i = 0; i < people->count; i++) {
        if (i % REQUESTS == 0) {
            if (fd != -1) {
                (void) close(fd);
            }

            fd = tokens_connect(people);
        }

        if (fd == -1 || tokens_ask(fd, &people->list[i]) == -1) {
            goto failed;
        }
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return 0;

failed:

    (void) snprintf(people->trouble, sizeof(people->trouble),
                    "no token for %s%u", people->nick, i);

    if (fd != -1) {
        (void) close(fd);
    }

    return -1;
}
