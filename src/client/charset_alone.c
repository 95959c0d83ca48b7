#include "charset_alone.h"

#include "eirc_charset.h"


/* One for one direction; UTF-8 is no other one. */
static int
charset_find(request_t *r, eirc_charset_t *cs, uint32_t flag, const char *name,
             const char **error)
{
    switch (eirc_charset_find(cs, name)) {

    case EIRC_OK:
        r->identity.charsets |= flag;
        return EIRC_OK;

    case EIRC_DONE:
        return EIRC_OK;

    case EIRC_AGAIN:
        *error = "Not a byte for each character, or not ASCII below: ";
        return EIRC_ERROR;

    default:
        *error = "Unknown set of characters: ";
        return EIRC_ERROR;
    }
}


int
charset_alone_set(request_t *r, const charset_alone_t *o, const char **error,
                  const char **value)
{
    const char *out;

    if (o->recode != NULL && o->in == NULL) {
        *error = "Missing required argument: ";
        *value = "--charset, with --recode";
        return EIRC_ERROR;
    }

    *value = o->in;

    if (o->in != NULL
        && charset_find(r, &r->charsets.in, SESSION_CHARSET_IN, o->in, error)
               != EIRC_OK)
    {
        return EIRC_ERROR;
    }

    if (o->recode != NULL && r->identity.charsets & SESSION_CHARSET_IN) {
        r->identity.charsets |= SESSION_CHARSET_ALL;
    }

    out = o->out == NULL && o->recode != NULL ? o->in : o->out;
    *value = out;

    return out == NULL ? EIRC_OK
                       : charset_find(r, &r->charsets.out, SESSION_CHARSET_OUT,
                                      out, error);
}
