#include "check.h"

#define WINDOW 64


bool
check_take(check_t *c, check_pair_t *pair, uint32_t number)
{
    uint32_t step;
    uint64_t bit;

    c->delivered++;

    if (number >= pair->next) {
        step = number - pair->next + 1;
        pair->seen = step >= WINDOW ? 0 : pair->seen << step;
        pair->seen |= 1;
        pair->next = number + 1;
        pair->got++;
        return true;
    }

    step = pair->next - 1 - number;
    bit = step >= WINDOW ? 0 : UINT64_C(1) << step;

    if (step >= WINDOW || pair->seen & bit) {
        c->doubled++;
        return false;
    }

    pair->seen |= bit;
    pair->got++;
    c->late++;

    return true;
}


void
check_end(check_t *c, const check_pair_t *pair, uint32_t sent)
{
    if (pair->got < sent) {
        c->lost += sent - pair->got;
    }
}


void
check_print(const check_t *c, FILE *out)
{
    fprintf(out,
            "\"delivered\":%llu,\"lost\":%llu,\"doubled\":%llu,"
            "\"late\":%llu,\"stray\":%llu",
            (unsigned long long) c->delivered, (unsigned long long) c->lost,
            (unsigned long long) c->doubled, (unsigned long long) c->late,
            (unsigned long long) c->stray);
}
