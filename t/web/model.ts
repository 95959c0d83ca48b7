/*
 * A world of one page and one server, in which anything may happen next:
 * a message arrives, a connection breaks with whatever is on its way, a
 * timer runs out, a session is lost, the page is loaded anew.  The server
 * keeps to what the documents say of sessions that are resumed; chance
 * decides the rest, from a seed.
 */

import {
    Connection, type Options, type Socket, type Unsent,
} from '../../src/web/eirc';
import { settle } from './bench';

/* What may happen besides messages and breaks. */
export interface Dangers {
    /* the ring of lines is short */
    gaps: boolean;
    /* the server's process loses its state */
    resets: boolean;
    /* sessions end while they wait for their browser */
    ends: boolean;
}

/* A session as the server's process has it. */
interface Held {
    id: string;
    key: string;
    next: string;
    count: number;
    lines: string[];
    /* the first line that is still there */
    first: number;
    link: Link | null;
}

/* A WebSocket, and nginx behind it. */
class Link implements Socket {
    onopen: ((event: never) => void) | null = null;
    onmessage: ((event: never) => void) | null = null;
    onclose: ((event: never) => void) | null = null;

    /* what is on its way, in each direction */
    toServer: (string | null)[] = [];
    toPage: (string | number | null)[] = [];
    /* what nginx has passed on and the process has not taken */
    passed: string[] = [];
    held: Held | null = null;
    isAsked = false;
    isUp = false;
    isHeard = false;
    isAborted = false;
    isOver = false;

    constructor(readonly url: string) {}

    send(data: string): void {
        this.toServer.push(data);
    }

    /* A close frame, where there is a WebSocket to send it over. */
    close(): void {
        if (this.isUp) {
            this.toServer.push(null);
        } else {
            this.isAborted = true;
        }
    }
}

export class World {
    page: Connection;
    /* what the page was given to send, and what the process has taken */
    readonly typed: string[] = [];
    readonly taken: string[] = [];
    readonly unsent: Unsent[] = [];
    /* lines that the page has heard, and that it was told to forget */
    heard: string[] = [];
    /* lines of the session that goes on */
    events = {
        gaps: 0, resets: 0, sessions: 0, breaks: 0, resumed: 0, reloads: 0,
    };

    private links: Link[] = [];
    private sessions: Held[] = [];
    private timers = new Map<
        number, { call: () => void; at: number }
    >();
    private time = 0;
    private serial = 0;
    private spoken = 0;

    constructor(private seed: number, private readonly dangers: Dangers) {
        this.page = this.load();
    }

    /* A page; of one that has gone nothing comes any more. */
    private load(left: Pick<Options, 'pack' | 'heard'> = {}): Connection {
        const isThere = (): boolean => this.page === page;
        const page: Connection = new Connection({
            ...left,
            token: async () => 'token',
            url: (_token, resume) => resume,
            socket: (url) => {
                const link = new Link(url);

                if (isThere()) {
                    this.links.push(link);
                }

                return link;
            },
            random: () => this.random(),
            now: () => this.time,
            setTimeout: (call, ms) => {
                if (isThere()) {
                    this.timers.set(++this.serial, {
                        call, at: this.time + ms,
                    });
                }

                return this.serial;
            },
            clearTimeout: (id) => void this.timers.delete(id),
        });

        page.on('line', (line) => {
            if (line.includes('NOTICE')) {
                this.heard.push(line);
            }
        });
        page.on('unsent', (list) => this.unsent.push(...list));
        page.on('gap', () => this.events.gaps++);

        return page;
    }

    /* What the page has sent goes out first, or some of it. */
    private reload(): void {
        if (this.page.state.name === 'closed') {
            return;
        }

        const left = JSON.stringify({
            pack: this.page.pack(), heard: this.page.heard,
        });

        for (const link of this.living) {
            for (let n = this.chance(link.toServer.length + 1); n > 0; n--) {
                this.pass(link);
            }

            this.abort(link);
        }

        this.events.reloads++;
        this.timers.clear();
        this.page = this.load(JSON.parse(left) as Partial<Options>);
        this.page.open();
    }

    /* All lines of the session that the page is in. */
    get said(): string[] {
        const last = this.sessions[this.sessions.length - 1];

        return (last?.lines ?? []).filter((l) => l.includes('NOTICE'));
    }

    private random(): number {
        /* mulberry32 */
        this.seed = (this.seed + 0x6d2b79f5) | 0;

        let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);

        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;

        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    }

    private chance(n: number): number {
        return Math.floor(this.random() * n);
    }

    async run(steps: number): Promise<void> {
        this.page.open();

        for (let i = 0; i < steps; i++) {
            this.step();
            await settle();
        }

        /* now nothing breaks any more, until nothing is left to do */
        for (let i = 0; i < 20_000 && !this.isQuiet; i++) {
            this.deliver() || this.tick();
            await settle();
        }
    }

    get isQuiet(): boolean {
        return this.page.state.name === 'open' && this.page.queued === 0
            && this.page.unconfirmed.length === 0
            && this.links.every((l) => l.isOver || (
                l.toServer.length + l.toPage.length + l.passed.length === 0
            ));
    }

    private step(): void {
        const n = this.chance(100);

        if (n < 12) {
            this.type();
        } else if (n < 22) {
            this.speak();
        } else if (n < 28) {
            this.tick();
        } else if (n < 32) {
            this.break();
        } else if (n < 33 && this.dangers.resets) {
            this.reset();
        } else if (n < 34 && this.dangers.ends) {
            this.end();
        } else if (n < 35) {
            this.reload();
        } else {
            this.deliver();
        }
    }

    private type(): void {
        const text = `m${this.typed.length}`;

        if (this.page.send(text) !== 'refused') {
            this.typed.push(text);
        }
    }

    private speak(): void {
        for (const held of this.sessions) {
            this.say(held, `:s NOTICE me :${++this.spoken}`);
        }
    }

    private say(held: Held, line: string): void {
        held.lines.push(line);
        held.link?.toPage.push(line);

        if (this.dangers.gaps && held.lines.length - held.first > 8) {
            held.first = held.lines.length - 8;
        }
    }

    /* The timer that is due next. */
    private tick(): void {
        const [next] = [...this.timers].sort(([, a], [, b]) => a.at - b.at);

        if (next !== undefined) {
            const [id, { call, at }] = next;

            this.time = Math.max(this.time, at);
            this.timers.delete(id);
            call();
        }
    }

    /* Seconds; where no session ends the page isn't to give one up. */
    private get linger(): number {
        return this.dangers.ends ? 30 : 999_999;
    }

    private get living(): Link[] {
        return this.links.filter((link) => !link.isOver);
    }

    private pick<T>(list: T[]): T | undefined {
        return list[this.chance(list.length)];
    }

    /* What is on its way is gone; the page hears of it, sooner or later. */
    private break(): void {
        const link = this.pick(this.living);

        if (link !== undefined) {
            this.events.breaks++;
            link.isAsked = true;
            link.toServer = [];
            link.toPage = [1006];
            this.detach(link);
        }
    }

    /* The process takes what nginx has passed on before. */
    private detach(link: Link): void {
        while (link.held?.link === link && link.passed.length > 0) {
            this.process(link);
        }

        if (link.held?.link === link) {
            link.held.link = null;
        }

        link.held = null;
        link.passed = [];
    }

    private reset(): void {
        const held = this.pick(this.sessions.filter((s) => s.link !== null));

        if (held?.link != null) {
            this.events.resets++;
            this.heard = [];
            held.link.passed = [];
            held.id = `r-${++this.serial}`;
            held.count = 0;
            held.lines = [];
            held.first = 0;
            held.link.toPage.push(
                `:client session ${held.id} ${held.key} ${this.linger}`,
            );
            this.register(held);
        }
    }

    private end(): void {
        this.sessions = this.sessions.filter((s) => s.link !== null);
    }

    private register(held: Held): void {
        this.say(held, ':s 001 me :Hi');
        this.say(held, ':s 376 me :End');
    }

    /* One thing goes one way further; false where nothing is on its way. */
    private deliver(): boolean {
        const acts: (() => void)[] = [];

        for (const link of this.living) {
            if (link.isAborted) {
                acts.push(() => this.abort(link));
                continue;
            }

            if (!link.isAsked) {
                acts.push(() => this.upgrade(link));
                continue;
            }

            if (link.toServer.length > 0) {
                acts.push(() => this.pass(link));
            }

            if (link.passed.length > 0) {
                acts.push(() => this.process(link));
            }

            if (link.toPage.length > 0) {
                acts.push(() => this.arrive(link));
            }
        }

        this.pick(acts)?.();

        return acts.length > 0;
    }

    private upgrade(link: Link): void {
        link.isAsked = true;
        link.toPage.push(null);

        if (link.url === '') {
            this.create(link);
        } else {
            this.resume(link);
        }
    }

    private create(link: Link): void {
        const held: Held = {
            id: `s-${++this.serial}`, key: this.key(), next: '', count: 0,
            lines: [], first: 0, link,
        };

        this.events.sessions++;
        this.heard = [];
        this.sessions.push(held);
        link.held = held;
        link.toPage.push(
            `:client session ${held.id} ${held.key} ${this.linger}`,
        );
        this.register(held);
    }

    private resume(link: Link): void {
        const [id, key, n] = link.url.split('.');
        const held = this.sessions.find((s) => s.id === id
            && (s.key === key || s.next === key));

        if (held === undefined) {
            link.toPage.push(4501);
            return;
        }

        const { link: old } = held;

        if (old !== null) {
            this.detach(old);
            old.toPage.push(4001);
        }

        this.events.resumed++;
        held.key = key ?? '';
        held.next = this.key();
        held.link = link;
        link.held = held;
        link.toPage.push(`:client resumed ${held.count} ${held.next}`);

        if (Number(n) >= held.first) {
            link.toPage.push(...held.lines.slice(Number(n)));
        } else {
            link.toPage.push(`:client gap ${held.lines.length}`);
            this.register(held);
        }
    }

    private key(): string {
        return String(++this.serial).padStart(64, '0');
    }

    private pass(link: Link): void {
        const text = link.toServer.shift();

        if (typeof text === 'string' && link.held?.link === link) {
            link.passed.push(text);
        } else if (text === null) {
            this.closed(link);
        }
    }

    private abort(link: Link): void {
        link.isOver = true;
        this.detach(link);
    }

    /* The page has closed it: where it had a session, that has ended. */
    private closed(link: Link): void {
        const { held } = link;

        this.detach(link);
        link.isOver = true;

        if (held !== null) {
            this.sessions = this.sessions.filter((s) => s !== held);
        }
    }

    private process(link: Link): void {
        const text = link.passed.shift() ?? '';
        const { held } = link;

        if (held === null) {
            return;
        }

        held.count++;

        if (!link.isHeard && held.next !== '') {
            held.key = held.next;
        }

        link.isHeard = true;

        if (text.startsWith('PING')) {
            this.say(held, `:s PONG s ${text.slice(5)}`);
        } else if (text !== '') {
            this.taken.push(text);
        }
    }

    private arrive(link: Link): void {
        const data = link.toPage.shift();

        if (data === null) {
            link.isUp = true;
            link.onopen?.(undefined as never);
        } else if (typeof data === 'number') {
            link.isOver = true;
            link.onclose?.({ code: data, reason: '' } as never);
        } else if (data !== undefined) {
            link.onmessage?.({ data } as never);
        }
    }
}
