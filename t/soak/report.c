#include "report.h"

#include <inttypes.h>

#include "server.h"


static void
put(FILE *out, const char *name, uint64_t n)
{
    fprintf(out, "\"%s\":%" PRIu64 ",", name, n);
}


static void
put_histogram(FILE *out, const char *name, const histogram_t *h)
{
    fprintf(out, "\"%s\":", name);
    histogram_print(h, out);
    fputc(',', out);
}


static void
put_codes(FILE *out, const crowd_code_t *codes)
{
    int i;

    fprintf(out, "\"codes\":{");

    for (i = 0; i < CROWD_CODES && codes[i].n > 0; i++) {
        fprintf(out, "%s\"%d\":%u", i == 0 ? "" : ",", codes[i].code,
                codes[i].n);
    }

    fprintf(out, "},");
}


static void
put_troubles(FILE *out, const figures_t *f)
{
    unsigned i;

    fprintf(out, "\"troubles\":%u,\"trouble\":[", f->ntroubles);

    for (i = 0; i < f->ntroubles && i < CROWD_TROUBLES; i++) {
        fprintf(out, "%s\"%s\"", i == 0 ? "" : ",", f->troubles[i]);
    }

    fprintf(out, "]");
}


static uint64_t
ms_since(uint64_t from, uint64_t to)
{
    return to > from && from > 0 ? (to - from) / LOOP_MS : 0;
}


void
report_print(crowd_t *c, FILE *out)
{
    const figures_t *f;

    f = &c->figures;

    fputc('{', out);
    put(out, "users", c->nusers);
    put(out, "ms", ms_since(f->begun, loop_now()));
    put(out, "up", f->up);
    put(out, "down", f->down);
    put(out, "lost", f->lost);
    put(out, "doubled", f->doubled);
    put(out, "spoiled", f->spoiled);
    put(out, "leaked", f->leaked);
    put(out, "strange", f->strange);
    put(out, "waved", f->waved);
    put(out, "connections", f->connections);
    put(out, "ends", f->ends);
    put(out, "quits", f->quits);
    put(out, "standing", server_count());
    put(out, "opened", f->opened);
    put(out, "sessions", f->sessions);
    put(out, "resumed", f->resumed);
    put(out, "gaps", f->gaps);
    put(out, "cuts", f->cuts);
    put(out, "errors", f->errors);
    put(out, "kills", f->kills);
    put(out, "stepped", f->stepped);
    put(out, "again", f->again);
    put(out, "restart_ms", ms_since(f->first_restart, f->last_restart));
    put(out, "resumed_ms", ms_since(f->first_restart, f->last_resumed));
    put_histogram(out, "pause", &f->pause);
    put_histogram(out, "delay", &f->delay);
    put_histogram(out, "back", &f->back);
    put_codes(out, f->codes);
    put_troubles(out, f);
    fprintf(out, "}\n");
}
