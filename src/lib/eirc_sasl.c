#include "eirc_sasl.h"

#include <stddef.h>

static const char *const names[EIRC_SASL_MECHANISMS] = {
    [EIRC_SASL_NONE] = "",
    [EIRC_SASL_PLAIN] = "PLAIN",
    [EIRC_SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [EIRC_SASL_ECDSA] = "ECDSA-NIST256P-CHALLENGE",
    [EIRC_SASL_EXTERNAL] = "EXTERNAL",
};


const char *
eirc_sasl_name(eirc_sasl_e mechanism)
{
    return names[mechanism];
}


uint32_t
eirc_sasl_set(eirc_slice_t list)
{
    int i;
    size_t start, end;
    uint32_t set;

    set = 0;

    for (start = 0; start < list.len; start = end + 1) {

        for (end = start; end < list.len && list.p[end] != ','; end++) {
            /* void */
        }

        for (i = EIRC_SASL_NONE + 1; i < EIRC_SASL_MECHANISMS; i++) {

            if (eirc_slice_equal(eirc_slice(list.p + start, end - start),
                                 eirc_slice_str(names[i])))
            {
                set |= EIRC_SASL_BIT(i);
            }
        }
    }

    return set;
}


eirc_sasl_e
eirc_sasl_strongest(uint32_t set)
{
    int i;

    for (i = EIRC_SASL_MECHANISMS - 1; i > EIRC_SASL_NONE; i--) {

        if (set & EIRC_SASL_BIT(i)) {
            break;
        }
    }

    return (eirc_sasl_e) i;
}
