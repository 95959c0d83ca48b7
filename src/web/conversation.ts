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

/*
 * What outlives the page: of each conversation so many entries, and of
 * all together so many characters.
 */
export const PACKED = 200;
export const PACKED_SIZE = 400_000;

/* Everything, to be kept somewhere while a page is loaded anew. */
export type ConversationPack = Pick<
    Conversation,
    'kind' | 'name' | 'entries' | 'unread' | 'mentions' | 'seen' | 'joined'
    | 'leaving' | 'draft'
>;

/* A raw line that did not arrive is no talk, and may hold a password. */
function mayOutlive(entry: Entry): boolean {
    return !(entry.own && entry.kind === 'info');
}

export class Conversation {
    entries: Entry[] = [];
    unread = 0;
    mentions = 0;
    /* The last entry that had been seen when the reader turned away. */
    seen = 0;
    joined = false;
    /* We asked to leave: when that is done the tab goes. */
    leaving = false;
    /* Typed, and not sent. */
    draft = '';

    constructor(
        readonly kind: 'server' | 'channel' | 'query',
        public name: string,
        pack?: ConversationPack,
    ) {
        Object.assign(this, pack);
    }

    /* With the entries behind that one. */
    pack(oldest: number): ConversationPack {
        return {
            ...this,
            entries: this.last.filter((e) => e.id > oldest),
        };
    }

    /* Those that may outlive the page. */
    get last(): Entry[] {
        return this.entries.filter(mayOutlive).slice(-PACKED);
    }

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
    readonly server: Conversation;

    private list: Conversation[];

    constructor(
        private readonly fold: (name: string) => string,
        packs: readonly ConversationPack[] = [],
    ) {
        this.server = new Conversation(
            'server', '', packs.find((c) => c.kind === 'server'),
        );
        this.list = [this.server];

        for (const pack of packs) {
            if (pack.kind !== 'server' && !this.find(pack.name)) {
                this.list.push(new Conversation(pack.kind, pack.name, pack));
            }
        }

        this.sort();
    }

    /* The oldest entries are given up where there are too many. */
    pack(): ConversationPack[] {
        const entries = this.list.flatMap((c) => c.last);
        let room = PACKED_SIZE;

        entries.sort((a, b) => b.id - a.id);

        const beyond = entries.find((entry) => {
            room -= JSON.stringify(entry).length;

            return room < 0;
        });

        return this.list.map((c) => c.pack(beyond?.id ?? 0));
    }

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
