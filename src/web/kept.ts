/*
 * What a page keeps in its tab, so that it goes on when it is loaded
 * anew: who one is and the session's ticket; and when it goes, what was
 * not known to have arrived, and all that it shows.  A tab that is
 * duplicated takes the session with it; tabs tell each other the newest
 * key, so that one can take it back.
 *
 * Storage may hold anything: what another page has written, by whatever
 * version, is checked to the last value.
 */

import { VERSION, type Memory } from './chat';
import type { ConversationPack, Entry } from './conversation';
import type { Heard, Pack, Parcel, Ticket } from './eirc';
import {
    count, flag, list, name, nullable, number, oneOf, pair, record, text, time,
    tried,
} from './shape';
import type { StatePack } from './state';
import type { Profile } from './token';

export interface Kept {
    profile: Profile;
    pack: Pack;
    /* Null: all that the session still has is to be shown. */
    memory: Memory | null;
}

const NAME = 'eirc.session';

const EMPTY: Parcel = { count: 0, flying: [], waiting: [] };

const profile = record<Profile>({
    nick: name, realname: text, channels: list(text),
});

const ticket = record<Ticket>({ id: text, key: text, linger: number });

const parcel = record<Parcel>({
    count: nullable(number),
    flying: list(record({ text, own: flag })),
    waiting: list(text),
});

const members = list(pair(text, text));

const entry = record<Entry>({
    id: count,
    at: time,
    kind: oneOf('message', 'action', 'notice', 'event', 'error', 'info'),
    from: text,
    text,
    own: flag,
    mention: flag,
    delivery: oneOf('done', 'pending', 'failed', 'doubtful'),
    line: text,
});

const memory = record<Memory>({
    version: oneOf(VERSION),
    heard: record<Heard>({ received: count, ready: flag }),
    state: record<StatePack>({
        nick: text,
        registered: flag,
        isupport: members,
        channels: list(record<StatePack['channels'][number]>({
            name: text, topic: text, topicBy: text, topicAt: number, members,
        })),
        incoming: list(pair(text, members)),
    }),
    conversations: list(record<ConversationPack>({
        kind: oneOf('server', 'channel', 'query'),
        name: text,
        entries: list(entry),
        unread: count,
        mentions: count,
        seen: count,
        joined: flag,
        leaving: flag,
        draft: text,
    })),
    front: text,
    away: nullable(record({ text, until: time })),
    retold: list(text),
    toShow: list(text),
});

export const readTicket = tried(ticket);

const readAll = tried(record<Kept>({
    profile,
    pack: record<Pack>({ ticket: nullable(ticket), outbox: parcel }),
    memory: nullable(memory),
}));

const readSome = tried(record({
    profile,
    pack: record({ ticket: readTicket, outbox: tried(parcel) }),
}));

/*
 * Storage may be forbidden or empty: then nothing was kept.  What is
 * shown goes with all the rest or not at all.
 */
export function read(stored: string | null): Kept | null {
    let value: unknown;

    try {
        value = JSON.parse(stored ?? 'null');
    } catch {
        return null;
    }

    const all = readAll(value);
    const some = readSome(value);

    if (all !== null || some === null) {
        return all;
    }

    return {
        profile: some.profile,
        pack: { ...some.pack, outbox: some.pack.outbox ?? EMPTY },
        memory: null,
    };
}

/* Of a page that lives: messages are in its own hands. */
export function bare({ profile, pack: { ticket } }: Kept): Kept {
    return { profile, pack: { ticket, outbox: EMPTY }, memory: null };
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
            /* too much, or forbidden: the next page begins afresh */
            if (kept.memory !== null) {
                this.keep({ ...kept, memory: null });
            }
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
