/*
 * What goes out, each message once: first what was sent and isn't known
 * to have arrived, numbered as both sides count, then what waits to be
 * sent.
 *
 *     add() --> waiting --next()--> flying --confirm(), resume()--> gone
 *                  ^                  |  |
 *                  +-----resume()-----+  +--restart(), resume()--> doubtful
 *
 * Only so much flies at a time: more would wait at the server, which
 * closes when too much does.
 */

export interface Message {
    readonly text: string;
    readonly size: number;
    /* Of the connection itself: nobody would miss it. */
    readonly own: boolean;
    /* Whoever wanted it sent knows that it was. */
    told: boolean;
}

export interface Unsent {
    text: string;
    /* It may have arrived all the same. */
    doubtful: boolean;
}

/* What a session that is resumed has to say of what flew. */
export interface Outcome {
    arrived: Message[];
    unsent: Unsent[];
    lost: number;
}

/* Everything, to be kept somewhere while a page is loaded anew. */
export interface Parcel {
    /* Messages sent in this session; null where that isn't known. */
    count: number | null;
    flying: { text: string; own: boolean }[];
    waiting: string[];
}

/* What flies, in bytes. */
const WINDOW = 32_768;

/* What is kept of each kind, in bytes and in messages. */
const BYTES = 1_048_576;
const MESSAGES = 1_000;

function message(text: string, own: boolean, told: boolean): Message {
    return { text, own, told, size: new TextEncoder().encode(text).length };
}

function size(messages: Message[]): number {
    return messages.reduce((sum, m) => sum + m.size, 0);
}

function unsent(messages: Message[], doubtful: boolean): Unsent[] {
    return messages.filter((m) => !m.own).map(
        ({ text }) => ({ text, doubtful }),
    );
}

export class Outbox {
    private flying: Message[] = [];
    private flyingSize = 0;
    private waiting: Message[] = [];
    private waitingSize = 0;
    private room = WINDOW;
    private count: number | null = 0;
    private forgotten = 0;

    constructor(
        private readonly limit = MESSAGES,
        parcel?: Parcel,
    ) {
        if (parcel !== undefined) {
            this.count = parcel.count;
            this.fly(parcel.flying.map(
                ({ text, own }) => message(text, own, own),
            ));
            this.wait(parcel.waiting.map(
                (text) => message(text, false, false),
            ));
        }
    }

    /* How many messages were sent in this session. */
    get sent(): number {
        return this.count ?? 0;
    }

    get queued(): number {
        return this.waiting.length;
    }

    /* There is something of which one would like to know. */
    get isAnxious(): boolean {
        return this.flying.some((m) => !m.own);
    }

    /* How many are on their way. */
    get flown(): number {
        return this.flying.length;
    }

    /* Texts of all that is not known to have arrived, in order. */
    get texts(): string[] {
        return [...this.flying, ...this.waiting].filter(
            (m) => !m.own,
        ).map((m) => m.text);
    }

    /* Some of what flies was counted before the session began anew. */
    get isUncertain(): boolean {
        return this.count === null;
    }

    isWaiting(message: Message): boolean {
        return this.waiting.includes(message);
    }

    /* Null when too much is waiting already. */
    add(text: string): Message | null {
        const added = message(text, false, true);

        if (
            this.waiting.length >= this.limit
            || this.waitingSize + added.size > BYTES
        ) {
            return null;
        }

        this.waiting.push(added);
        this.waitingSize += added.size;

        return added;
    }

    /* The next one to be sent, which counts as sent now. */
    next(): Message | undefined {
        if (this.flyingSize >= this.room) {
            return undefined;
        }

        const found = this.waiting.shift();

        if (found !== undefined) {
            this.waitingSize -= found.size;
            this.launch(found);
        }

        return found;
    }

    /* One of the connection's own goes past all that waits. */
    pass(text: string): void {
        this.launch(message(text, true, true));
    }

    /* It has arrived, and with it all that was sent before. */
    confirm(text: string): boolean {
        const at = this.flying.map((m) => m.text).lastIndexOf(text);

        if (at === -1) {
            return false;
        }

        this.fly(this.flying.slice(at + 1));
        this.room = WINDOW;

        return true;
    }

    /* Nobody confirms anything: some more goes all the same. */
    widen(by = WINDOW): void {
        this.room = this.flyingSize + by;
    }

    /*
     * So many have arrived: the others wait again, before all that did so
     * already.  What is doubtful in a session that began anew isn't sent
     * again; what was given up and is lost can't be.
     */
    resume(count: number): Outcome {
        const n = this.flying.length;
        const first = (this.count ?? n) - n;
        let arrived: Message[];
        let doubtful: Message[] = [];

        if (this.count === null) {
            /* some before it began anew, some never, if it isn't all */
            arrived = count >= n ? this.flying : [];
            doubtful = count >= n ? [] : this.flying;

        } else {
            arrived = this.flying.slice(0, Math.max(count - first, 0));
            this.wait([
                ...this.flying.slice(arrived.length).filter((m) => !m.own),
                ...this.waiting,
            ]);
        }

        this.fly([]);
        this.room = WINDOW;
        this.count = count;

        return {
            arrived,
            unsent: unsent(doubtful, true),
            lost: Math.max(first - count, 0),
        };
    }

    /*
     * The session has begun anew below a connection that stands: some of
     * what flies may be counted in the new one already.
     */
    reset(): void {
        this.count = this.flying.length > 0 ? null : 0;
    }

    /* The session is over: what flew may have arrived. */
    restart(): Unsent[] {
        const lost = unsent(this.flying, true);

        this.fly([]);
        this.room = WINDOW;
        this.count = 0;

        return lost;
    }

    /* Nothing will be sent any more, and nobody knows what was counted. */
    drain(): Unsent[] {
        const left = [
            ...unsent(this.flying, true), ...unsent(this.waiting, false),
        ];

        this.fly([]);
        this.wait([]);
        this.room = WINDOW;
        this.count = null;

        return left;
    }

    /* How many had to be given up since this was asked. */
    takeForgotten(): number {
        const n = this.forgotten;

        this.forgotten = 0;

        return n;
    }

    pack(): Parcel {
        return {
            count: this.count,
            flying: this.flying.map(({ text, own }) => ({ text, own })),
            waiting: this.waiting.map((m) => m.text),
        };
    }

    /* The oldest are given up where too much flies. */
    private launch(launched: Message): void {
        this.flying.push(launched);
        this.flyingSize += launched.size;

        if (this.count !== null) {
            this.count++;
        }

        while (this.flyingSize > BYTES || this.flying.length > MESSAGES) {
            const oldest = this.flying.shift();

            this.flyingSize -= oldest?.size ?? 0;
            this.forgotten += oldest?.own === false ? 1 : 0;
        }
    }

    private fly(messages: Message[]): void {
        this.flying = messages;
        this.flyingSize = size(messages);
    }

    private wait(messages: Message[]): void {
        this.waiting = messages;
        this.waitingSize = size(messages);
    }
}
