/*
 * What a page keeps in its tab, so that it goes on when it is loaded
 * anew: who one is and the session's ticket, and what was not known to
 * have arrived when the page went.  A tab that is duplicated takes the
 * session with it; tabs tell each other the newest key, so that one can
 * take it back.
 */

import type { Pack, Parcel, Ticket } from './eirc';
import type { Profile } from './token';

export interface Kept {
    profile: Profile;
    pack: Pack;
}

const NAME = 'eirc.session';

const EMPTY: Parcel = { count: 0, flying: [], waiting: [] };

function isObject(value: unknown): value is Record<string, unknown> {
    return typeof value === 'object' && value !== null;
}

function strings(value: unknown): string[] | null {
    return Array.isArray(value) && value.every((v) => typeof v === 'string')
        ? value
        : null;
}

export function readTicket(value: unknown): Ticket | null {
    if (!isObject(value)) {
        return null;
    }

    const { id, key, linger } = value;

    return typeof id === 'string' && typeof key === 'string'
        && typeof linger === 'number'
        ? { id, key, linger }
        : null;
}

function readParcel(value: unknown): Parcel {
    if (!isObject(value) || !Array.isArray(value.flying)) {
        return EMPTY;
    }

    const { count } = value;
    const waiting = strings(value.waiting);
    const flying = value.flying.filter(isObject).map(({ text, own }) => ({
        text: String(text), own: own === true,
    }));

    return waiting === null || (count !== null && typeof count !== 'number')
        ? EMPTY
        : { count, flying, waiting };
}

/* Storage may hold anything, or be forbidden: then nothing was kept. */
export function read(text: string | null): Kept | null {
    let stored: unknown;

    try {
        stored = JSON.parse(text ?? 'null');
    } catch {
        return null;
    }

    if (
        !isObject(stored) || !isObject(stored.profile)
        || !isObject(stored.pack)
    ) {
        return null;
    }

    const { nick, realname } = stored.profile;
    const channels = strings(stored.profile.channels);

    if (
        typeof nick !== 'string' || nick === ''
        || typeof realname !== 'string' || channels === null
    ) {
        return null;
    }

    return {
        profile: { nick, realname, channels },
        pack: {
            ticket: readTicket(stored.pack.ticket),
            outbox: readParcel(stored.pack.outbox),
        },
    };
}

/* Of a page that lives: messages are in its own hands. */
export function bare({ profile, pack }: Kept): Kept {
    return { profile, pack: { ticket: pack.ticket, outbox: EMPTY } };
}

export class Keeper {
    private readonly tabs = 'BroadcastChannel' in globalThis
        ? new BroadcastChannel(NAME)
        : null;

    /* Taken out: what waits to be sent is sent by one page only. */
    take(): Kept | null {
        let kept: Kept | null = null;

        try {
            kept = read(sessionStorage.getItem(NAME));
        } catch {
            return null;
        }

        if (kept !== null) {
            this.keep(bare(kept));
        }

        return kept;
    }

    keep(kept: Kept): void {
        try {
            sessionStorage.setItem(NAME, JSON.stringify(kept));
        } catch {
            /* forbidden, or too much: the next page begins afresh */
        }
    }

    forget(): void {
        try {
            sessionStorage.removeItem(NAME);
        } catch {
            /* then nothing was kept either */
        }
    }

    tell(ticket: Ticket): void {
        this.tabs?.postMessage(ticket);
    }

    hear(listener: (ticket: Ticket) => void, signal: AbortSignal): void {
        this.tabs?.addEventListener('message', ({ data }) => {
            const ticket = readTicket(data);

            if (ticket !== null) {
                listener(ticket);
            }
        }, { signal });
    }
}
