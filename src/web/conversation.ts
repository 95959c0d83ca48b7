/*
 * A conversation is what stands behind one tab: the server's own, a
 * channel, or a talk with one person.  It keeps what was said (the last
 * so many entries) and how much of it nobody has seen.
 */

export interface Entry {
    id: number;
    at: number;
    kind: 'message' | 'action' | 'notice' | 'event' | 'error' | 'info';
    from: string;
    text: string;
    own: boolean;
    /* own nick was named, or it is to us alone */
    mention: boolean;
    /*
     * pending: waits for a connection; failed: never got one; doubtful:
     * got one that broke, and nobody knows
     */
    delivery: 'done' | 'pending' | 'failed' | 'doubtful';
    /* the line that carries it, if it is our own */
    line: string;
}

export const KEPT = 500;

export class Conversation {
    entries: Entry[] = [];
    unread = 0;
    mentions = 0;
    /* The last entry that had been seen when the reader turned away. */
    seen = 0;
    joined = false;
    /* We asked to leave: when that is done the tab goes. */
    leaving = false;

    constructor(
        readonly kind: 'server' | 'channel' | 'query',
        public name: string,
    ) {}

    add(entry: Entry, visible: boolean): void {
        this.entries.push(entry);

        if (this.entries.length > KEPT) {
            this.entries.splice(0, this.entries.length - KEPT);
        }

        if (visible) {
            this.seen = entry.id;
            return;
        }

        if (entry.own || entry.kind === 'event' || entry.kind === 'info') {
            return;
        }

        this.unread++;

        if (entry.mention) {
            this.mentions++;
        }
    }

    /* The reader looks at it. */
    read(): void {
        this.unread = 0;
        this.mentions = 0;
    }

    /* The reader turns away: what comes from now on is new. */
    leave(): void {
        this.seen = this.entries[this.entries.length - 1]?.id ?? this.seen;
    }
}

/* In the order of the tabs: server, channels by name, people by name. */
export class Conversations {
    readonly server = new Conversation('server', '');

    private list: Conversation[] = [this.server];

    constructor(private readonly fold: (name: string) => string) {}

    get all(): readonly Conversation[] {
        return this.list;
    }

    find(name: string): Conversation | undefined {
        const key = this.fold(name);

        return this.list.find(
            (c) => c.kind !== 'server' && this.fold(c.name) === key,
        );
    }

    ensure(kind: 'channel' | 'query', name: string): Conversation {
        let found = this.find(name);

        if (found === undefined) {
            found = new Conversation(kind, name);
            this.list.push(found);
            this.sort();
        }

        return found;
    }

    remove(conversation: Conversation): void {
        this.list = this.list.filter(
            (c) => c === this.server || c !== conversation,
        );
    }

    sort(): void {
        const rank = { server: 0, channel: 1, query: 2 };

        this.list.sort((a, b) => rank[a.kind] - rank[b.kind]
            || this.fold(a.name).localeCompare(this.fold(b.name)));
    }

    /* The one beside it, around the ends. */
    beside(conversation: Conversation, step: number): Conversation {
        const n = this.list.length;
        const i = this.list.indexOf(conversation);

        return this.list[(i + step + n) % n] ?? this.server;
    }

    /* The next one with something new in it. */
    nextUnread(conversation: Conversation): Conversation | undefined {
        const i = this.list.indexOf(conversation);
        const turned = [
            ...this.list.slice(i + 1), ...this.list.slice(0, i),
        ];

        return turned.find((c) => c.mentions > 0)
            ?? turned.find((c) => c.unread > 0);
    }
}
