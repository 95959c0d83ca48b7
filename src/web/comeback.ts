/*
 * Whether a connection that ended is worth another try, and when.
 */

/* Not on the wire: our own code for what never was a connection. */
export const CODE_TOKEN_REFUSED = 0;

/* The session goes on in another browser, or in another tab of this one. */
export const CODE_TAKEN = 4001;

/* There is no such session any more. */
export const CODE_GONE = 4501;

/*
 * The first try, where a connection stood: what broke may be there again
 * by now, and the session waits.  After a reload every page of a site
 * wants to come back, and none of them before the others.
 */
const QUICK = 250;

const CROWDED = [1011, 1012, 1013];

/*
 * What the close codes say: a reload (1012), a lost connection, an
 * overloaded server and 40xx: come back.  Policy, protocol and size
 * errors, 45xx and an ordinary end: don't.  4001 could come back, but two
 * that do so would take the session from each other for ever.
 */
export function comesBack(code: number): boolean {
    switch (code) {
    case 1001:
    case 1006:
    case 1011:
    case 1012:
    case 1013:
    case 1014:
        return true;

    case CODE_TAKEN:
        return false;

    default:
        return code >= 4000 && code < 4100;
    }
}

/* Exponential backoff with full jitter: all of it is chance. */
export function backoff(
    attempt: number,
    base: number,
    cap: number,
    random: () => number,
): number {
    return Math.round(random() * Math.min(cap, base * 2 ** attempt));
}

/* The wait before a try. */
export function delay(
    attempt: number,
    code: number,
    base: number,
    cap: number,
    random: () => number,
): number {
    return attempt === 0 && !CROWDED.includes(code)
        ? backoff(0, Math.min(base, QUICK), cap, random)
        : backoff(Math.max(attempt - 1, 0), base, cap, random);
}
