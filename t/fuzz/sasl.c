/*
 * A server's challenges to each mechanism, split at LF: no answer without a
 * challenge that makes sense, and no server proven that doesn't know the
 * secret.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_codes.h"
#include "sasl.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* many iterations are many seconds here */
static int
is_slow(eirc_slice_t challenge)
{
    size_t i;

    for (i = 0; i + 6 < challenge.len; i++) {

        if (memcmp(challenge.p + i, "i=", 2) == 0 && challenge.p[i + 6] >= '0'
            && challenge.p[i + 6] <= '9')
        {
            return 1;
        }
    }

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int rc;
    sasl_t s;
    size_t len, n;
    const char *why;
    uint8_t *out, *copy;
    const uint8_t *end;

    if (size == 0) {
        return 0;
    }

    (void) eirc_sasl_set(eirc_slice(data, size));

    sasl_begin(&s, (eirc_sasl_e) (1 + data[0] % (EIRC_SASL_MECHANISMS - 1)),
               EIRC_SLICE("user"), EIRC_SLICE("pencil"), NONCE);
    data++;
    size--;

    do {
        end = size > 0 ? memchr(data, '\n', size) : NULL;
        n = end == NULL ? size : (size_t) (end - data);

        if (n > SASL_CHALLENGE_MAX || is_slow(eirc_slice(data, n))) {
            return 0;
        }

        copy = malloc(n + 1);
        out = malloc(SASL_ANSWER_MAX);

        if (copy == NULL || out == NULL) {
            abort();
        }

        if (n > 0) {
            memcpy(copy, data, n);
        }

        why = NULL;
        rc = sasl_answer(&s, eirc_slice(copy, n), out, &len, &why);

        if (len > SASL_ANSWER_MAX || (rc == EIRC_OK) != (why == NULL)
            || (rc != EIRC_OK && len != 0))
        {
            abort();
        }

        free(copy);
        free(out);

        n = end == NULL ? size : n + 1;
        data += n;
        size -= n;
    } while (rc == EIRC_OK && size > 0);

    return 0;
}
