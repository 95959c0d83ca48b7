/*
 * The connection to eIRC: a token, a WebSocket, lines.  It knows no
 * page and no view, and of IRC only when a registration has ended; any
 * page may use it.
 *
 *     idle --open()--> connecting --upgraded--> registering --ready--> open
 *                       ^     |                     |                   |
 *                       |     +---------------------+-------------------+
 *                       |                           |
 *                       |            worth coming back    final, or ours
 *                       |                   v                   v
 *                       +----delay------ waiting              closed
 *
 * Each side counts the data messages of the other (class Counts), so
 * that a later connection can resume where this one broke off.
 */

import { Emitter } from './emitter';

export type State =
    | { name: 'idle' }
    | { name: 'connecting'; attempt: number }
    | { name: 'registering' }
    | { name: 'open' }
    | {
        name: 'waiting';
        attempt: number;
        delay: number;
        code: number;
        reason: string;
    }
    | { name: 'closed'; code: number; reason: string };

export interface Events {
    state: State;
    line: string;
    /* A queued message has gone out: its text. */
    sent: string;
}

/* Thrown by a page's token function when asking again can't help. */
export class TokenRefused extends Error {
    override name = 'TokenRefused';
}

/* The part of a WebSocket that is used, so that a test can bring its own. */
export interface Socket {
    onopen: ((event: never) => void) | null;
    onmessage: ((event: { data: unknown } & never) => void) | null;
    onclose: ((event: { code: number; reason: string } & never) => void)
        | null;
    send(data: string): void;
    close(code?: number, reason?: string): void;
}

export interface Options {
    /* Asked anew for every connection: a token opens one only. */
    token: (signal: AbortSignal) => Promise<string>;
    /* The address that belongs to a token. */
    url: (token: string) => string;
    socket?: (url: string) => Socket;
    random?: () => number;
    setTimeout?: (call: () => void, ms: number) => number;
    clearTimeout?: (id: number) => void;
    now?: () => number;
    /* First and longest wait before another try, in milliseconds. */
    backoff?: { base: number; cap: number };
    /* How many messages wait while there is no open connection. */
    queue?: number;
}

/* How long a connection must have lasted to begin the backoff anew. */
const STABLE = 10_000;

/* How long the other side may take to end what we asked it to end. */
const GOODBYE = 3_000;

/* Not on the wire: our own codes for what never was a connection. */
export const CODE_TOKEN_REFUSED = 0;

/*
 * What the close codes say: a reload (1012), a lost connection, an
 * overloaded server and 40xx: come back.  Policy, protocol and size
 * errors, 45xx and an ordinary end: don't.
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

/*
 * Data messages both ways since the session began.  Three messages are
 * about the counting itself and are not counted.
 */
export class Counts {
    received = 0;
    sent = 0;

    static counted(message: string): boolean {
        return !/^:client (?:session|resumed|gap)(?: |$)/.test(message);
    }

    countReceived(message: string): void {
        if (Counts.counted(message)) {
            this.received++;
        }
    }

    countSent(): void {
        this.sent++;
    }
}

/* End of registration: of a new session, or of one that is resumed. */
function isReady(line: string): boolean {
    return /^(?:@\S+ +)?(?::\S+ +)?(?:376|422)(?: |$)/.test(line)
        || /^:client (?:resumed|gap)(?: |$)/.test(line);
}

export class Connection extends Emitter<Events> {
    counts = new Counts();

    private current: State = { name: 'idle' };
    private socket: Socket | null = null;
    private asking: AbortController | null = null;
    private timer: number | null = null;
    private attempt = 0;
    private openedAt = 0;
    private leaving = false;
    private waiting: string[] = [];

    private readonly base: number;
    private readonly cap: number;
    private readonly limit: number;
    private readonly random: () => number;
    private readonly now: () => number;
    private readonly setTimer: (call: () => void, ms: number) => number;
    private readonly clearTimer: (id: number) => void;

    constructor(private readonly options: Options) {
        super();

        this.base = options.backoff?.base ?? 1_000;
        this.cap = options.backoff?.cap ?? 30_000;
        this.limit = options.queue ?? 100;
        this.random = options.random ?? Math.random;
        this.now = options.now ?? Date.now;
        this.setTimer = options.setTimeout
            ?? ((call, ms) => globalThis.setTimeout(call, ms) as never);
        this.clearTimer = options.clearTimeout
            ?? ((id) => globalThis.clearTimeout(id));
    }

    get state(): State {
        return this.current;
    }

    /* How many messages wait for an open connection. */
    get queued(): number {
        return this.waiting.length;
    }

    open(): void {
        if (this.current.name !== 'idle' && this.current.name !== 'closed') {
            return;
        }

        this.attempt = 0;
        this.leaving = false;
        this.connect();
    }

    /* Comes back at once instead of after the delay. */
    retry(): void {
        if (this.current.name === 'waiting') {
            this.connect();
        }
    }

    /*
     * One message: a raw IRC line or a command.  It goes out now, or
     * when the connection is open; refused when there is none to wait
     * for or too many wait already.
     */
    send(message: string): 'sent' | 'queued' | 'refused' {
        const name = this.current.name;

        if (this.leaving || /[\0\r\n]/.test(message)) {
            return 'refused';
        }

        if (name === 'open') {
            this.transmit(message);
            return 'sent';
        }

        if (
            name === 'idle' || name === 'closed'
            || this.waiting.length >= this.limit
        ) {
            return 'refused';
        }

        this.waiting.push(message);

        return 'queued';
    }

    /* Ends the session; the server says goodbye to IRC and closes. */
    quit(message = '/quit'): void {
        const name = this.current.name;

        if (this.socket === null || name === 'connecting') {
            this.close();
            return;
        }

        if (this.leaving) {
            return;
        }

        this.transmit(message);
        this.leaving = true;
        this.stopTimer();
        this.timer = this.setTimer(() => this.close(), GOODBYE);
    }

    /* Ends the connection from this side, now. */
    close(code = 1000, reason = ''): void {
        if (this.current.name === 'idle' || this.current.name === 'closed') {
            return;
        }

        this.drop(code, reason);
        this.waiting = [];
        this.enter({ name: 'closed', code, reason });
    }

    private enter(state: State): void {
        this.current = state;
        this.emit('state', state);
    }

    private stopTimer(): void {
        if (this.timer !== null) {
            this.clearTimer(this.timer);
            this.timer = null;
        }
    }

    /* Lets go of whatever this attempt held; its events come to nothing. */
    private drop(code: number, reason: string): void {
        const socket = this.socket;

        this.stopTimer();
        this.asking?.abort();
        this.asking = null;
        this.socket = null;

        if (socket !== null) {
            socket.onopen = null;
            socket.onmessage = null;
            socket.onclose = null;

            try {
                socket.close(code, reason);
            } catch {
                socket.close();
            }
        }
    }

    private connect(): void {
        this.stopTimer();

        const asking = new AbortController();

        this.asking = asking;
        this.enter({ name: 'connecting', attempt: this.attempt });

        if (this.asking !== asking) {
            /* a listener has closed us */
            return;
        }

        this.options.token(asking.signal).then(
            (token) => {
                if (this.asking === asking) {
                    this.asking = null;
                    this.upgrade(token);
                }
            },
            (error: unknown) => {
                if (this.asking === asking) {
                    this.asking = null;
                    this.tokenFailed(error);
                }
            },
        );
    }

    private tokenFailed(error: unknown): void {
        const reason = error instanceof Error ? error.message : String(error);

        if (error instanceof TokenRefused) {
            this.waiting = [];
            this.enter({ name: 'closed', code: CODE_TOKEN_REFUSED, reason });
        } else {
            this.comeBack(1006, reason);
        }
    }

    private upgrade(token: string): void {
        const url = this.options.url(token);
        const socket = this.options.socket?.(url)
            ?? (new WebSocket(url) as Socket);

        this.socket = socket;

        socket.onopen = () => {
            if (this.socket === socket) {
                this.upgraded();
            }
        };

        socket.onmessage = (event: { data: unknown }) => {
            if (this.socket === socket && typeof event.data === 'string') {
                this.receive(event.data);
            }
        };

        socket.onclose = (event: { code: number; reason: string }) => {
            if (this.socket === socket) {
                this.socket = null;
                this.ended(event.code, event.reason);
            }
        };
    }

    private upgraded(): void {
        /* Nothing is resumed yet, so it is a new session that counts. */
        this.counts = new Counts();
        this.openedAt = this.now();
        this.enter({ name: 'registering' });
    }

    private receive(message: string): void {
        this.counts.countReceived(message);

        for (const line of message.split(/\r?\n/)) {
            if (line === '') {
                continue;
            }

            this.emit('line', line);

            if (this.current.name === 'registering' && isReady(line)) {
                this.enter({ name: 'open' });
                this.flush();
            }
        }
    }

    private transmit(message: string): void {
        this.counts.countSent();
        this.socket?.send(message);
    }

    private flush(): void {
        const messages = this.waiting;

        this.waiting = [];

        for (const message of messages) {
            this.transmit(message);
            this.emit('sent', message);
        }
    }

    private ended(code: number, reason: string): void {
        this.stopTimer();

        if (this.leaving || !comesBack(code)) {
            this.waiting = [];
            this.enter({ name: 'closed', code, reason });
            return;
        }

        const lasted = this.current.name === 'open'
            || this.current.name === 'registering'
            ? this.now() - this.openedAt
            : 0;

        if (lasted >= STABLE) {
            this.attempt = 0;
        }

        this.comeBack(code, reason);
    }

    private comeBack(code: number, reason: string): void {
        const delay = backoff(this.attempt, this.base, this.cap, this.random);

        this.attempt++;
        this.timer = this.setTimer(() => this.connect(), delay);
        this.enter({
            name: 'waiting',
            attempt: this.attempt,
            delay,
            code,
            reason,
        });
    }
}
