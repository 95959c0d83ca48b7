/*
 * A session as the browser knows it: what it takes to resume it, how many
 * messages of the server have come, and the three messages in which the
 * server speaks of all this.
 */

export interface Ticket {
    id: string;
    /* Changes with every return. */
    key: string;
    /* For how long the session waits for its browser, in seconds. */
    linger: number;
}

export type Word =
    | { kind: 'session'; ticket: Ticket }
    | { kind: 'resumed'; count: number; key: string }
    | { kind: 'gap'; count: number };

/*
 * The server may notice later than we that a connection is lost: it pings
 * and waits.  Asking for a session that is gone costs one answer only.
 */
const SLACK = 60_000;

/* Every data message is counted but for the three about the session. */
export function counted(message: unknown): boolean {
    return typeof message !== 'string'
        || !/^:client (?:session|resumed|gap)(?: |$)/.test(message);
}

/* Null where it isn't one of the three, or not as it has to be. */
export function parseWord(message: string): Word | null {
    const [source, verb, ...words] = message.split(' ');
    const [first = '', second = '', third = ''] = words;
    const isKey = (text: string): boolean => /^[0-9a-f]{64}$/i.test(text);
    const isNumber = (text: string): boolean => /^\d{1,15}$/.test(text);

    if (source !== ':client') {
        return null;
    }

    if (
        verb === 'session' && words.length === 3
        && /^[\w-]{1,32}$/.test(first) && isKey(second) && isNumber(third)
    ) {
        return {
            kind: 'session',
            ticket: { id: first, key: second, linger: Number(third) },
        };
    }

    if (
        verb === 'resumed' && words.length === 2
        && isNumber(first) && isKey(second)
    ) {
        return { kind: 'resumed', count: Number(first), key: second };
    }

    return verb === 'gap' && words.length === 1 && isNumber(first)
        ? { kind: 'gap', count: Number(first) }
        : null;
}

/* What a page has had of a session. */
export interface Heard {
    /* Counted messages of the server. */
    received: number;
    /* The registration has ended. */
    ready: boolean;
}

export class Session implements Heard {
    received: number;
    ready: boolean;

    private lostAt: number | null = null;

    constructor(
        public ticket: Ticket | null = null,
        heard: Heard = { received: 0, ready: false },
    ) {
        this.received = heard.received;
        this.ready = heard.ready;
    }

    /* What the server is asked for. */
    get query(): string {
        return this.ticket === null
            ? ''
            : `${this.ticket.id}.${this.ticket.key}.${this.received}`;
    }

    /* The connection is gone; the session waits for a while. */
    lost(now: number): void {
        this.lostAt = now;
    }

    back(key: string): void {
        this.lostAt = null;

        if (this.ticket !== null) {
            this.ticket = { ...this.ticket, key };
        }
    }

    /* It is worth asking for. */
    mayLive(now: number): boolean {
        return this.ticket !== null && (this.lostAt === null
            || now - this.lostAt <= this.ticket.linger * 1000 + SLACK);
    }
}
