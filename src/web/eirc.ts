/*
 * The connection to eIRC: a token, a WebSocket, lines.  It knows no page
 * and no view, and of IRC only when a registration has ended and what a
 * PONG is; any page may use it.
 *
 *     idle --open()--> connecting --upgraded--> registering --ready--> open
 *                       ^   |  |                    |                   |
 *                       |   |  +------resumed-------|------------------>+
 *                       |   +-----------------------+-------------------+
 *                       |                           |
 *                       |            worth coming back    final, or ours
 *                       |                   v                   v
 *                       +----delay------ waiting              closed
 *
 * A session outlives its connection where the server lets it: then the
 * next one resumes it, each side says how much it has, and both send the
 * rest again (session.ts, outbox.ts).  Otherwise a new session begins,
 * with a new token, and what may not have arrived is given back.
 *
 * A socket that is given up for another one is closed only when that one
 * stands: the server takes a browser's close for the end of the session.
 */

import { Alarm, type Clock } from './alarm';
import {
    CODE_GONE, CODE_TAKEN, CODE_TOKEN_REFUSED, comesBack, delay,
} from './comeback';
import { Emitter } from './emitter';
import { Outbox, type Parcel, type Unsent } from './outbox';
import { Pulse } from './pulse';
import {
    counted, parseWord, Session, type Heard, type Ticket,
} from './session';
import { Wire, type Socket } from './wire';

export * from './comeback';
export type { Parcel, Unsent } from './outbox';
export type { Heard, Ticket } from './session';
export type { Socket } from './wire';

/* resuming: the session stands, or may do so. */
export type State =
    | { name: 'idle' }
    | { name: 'connecting'; attempt: number; resuming: boolean }
    | { name: 'registering' }
    | { name: 'open' }
    | {
        name: 'waiting';
        attempt: number;
        delay: number;
        code: number;
        reason: string;
        resuming: boolean;
    }
    | { name: 'closed'; code: number; reason: string; resuming: boolean };

export interface Events {
    state: State;
    line: string;
    /* A queued message has gone out: its text. */
    sent: string;
    /* Messages that will not be sent, or may not have arrived. */
    unsent: Unsent[];
    /* So many old ones could not be sent again should they be lost; or are. */
    forgotten: { count: number; lost: boolean };
    /* Lines are missing; the state of everything follows. */
    gap: null;
    /* The server has lost the session; this connection has a new one. */
    reset: null;
    /* What it takes to resume; null: nothing would. */
    ticket: Ticket | null;
}

/* All that a page needs to go on where another left off. */
export interface Pack {
    ticket: Ticket | null;
    outbox: Parcel;
}

/* Thrown by a page's token function when asking again can't help. */
export class TokenRefused extends Error {
    override name = 'TokenRefused';
}

export interface Options extends Partial<Clock> {
    /* Asked anew for every session: a token opens one only. */
    token: (signal: AbortSignal) => Promise<string>;
    /*
     * The address: with a token, none when a session is resumed, and
     * with the value of "resume", which is empty for a new session.
     */
    url: (token: string | null, resume: string) => string;
    socket?: (url: string) => Socket;
    random?: () => number;
    /* First and longest wait before another try, in milliseconds. */
    backoff?: { base: number; cap: number };
    /* How many messages wait while there is no open connection. */
    queue?: number;
    /* What another page has packed. */
    pack?: Pack | undefined;
    /* What that page has had, where this one shows it: it isn't asked for. */
    heard?: Heard | undefined;
}

/* How long a connection must have lasted to begin the backoff anew. */
const STABLE = 10_000;

/* How long the other side may take to end what we asked it to end. */
const GOODBYE = 3_000;

/* How long an upgrade may take, and the first word of a resumed session. */
const PATIENCE = 20_000;

/* A page that wakes up asks who is there, if it has just heard nobody. */
const RECENT = 5_000;
const WAKE = 10_000;

/* The end of a registration. */
function isReady(line: string): boolean {
    return /^(?:@\S+ +)?(?::\S+ +)?(?:376|422)(?: |$)/.test(line);
}

export class Connection extends Emitter<Events> {
    private current: State = { name: 'idle' };
    private session: Session | null = null;
    private wire: Wire | null = null;
    /* `:client resumed` has to be the first that it says. */
    private isAwaited = false;
    private behind: Wire[] = [];
    private asking: AbortController | null = null;
    private attempt = 0;
    private openedAt = 0;
    private heardAt = 0;
    private leaving = false;
    /* Said as soon as the session is resumed. */
    private goodbye: string | null = null;

    private readonly alarm: Alarm;
    /* With the other side, when we have asked for the end. */
    private readonly patience: Alarm;
    private readonly pulse: Pulse;
    private readonly outbox: Outbox;
    private readonly base: number;
    private readonly cap: number;
    private readonly random: () => number;
    private readonly now: () => number;

    constructor(private readonly options: Options) {
        super();

        const { backoff, heard, pack, queue } = options;
        const clock: Clock = {
            now: options.now ?? Date.now,
            setTimeout: options.setTimeout
                ?? ((call, ms) => globalThis.setTimeout(call, ms) as never),
            clearTimeout: options.clearTimeout
                ?? ((id) => globalThis.clearTimeout(id)),
        };

        this.base = backoff?.base ?? 1_000;
        this.cap = backoff?.cap ?? 30_000;
        this.random = options.random ?? Math.random;
        this.now = clock.now;
        this.alarm = new Alarm(clock);
        this.patience = new Alarm(clock);
        this.outbox = new Outbox(queue, pack?.outbox);
        this.pulse = new Pulse(
            clock,
            `eirc${Math.floor(this.random() * 2 ** 40).toString(36)}`,
            {
                ping: (line) => this.transmit(line),
                flown: () => this.outbox.flown,
                unanswered: (silent) => this.unanswered(silent),
            },
        );

        if (pack !== undefined && pack.ticket !== null) {
            this.session = new Session(pack.ticket, heard);
            this.session.lost(this.now());
        }
    }

    get state(): State {
        return this.current;
    }

    /* How many messages wait for an open connection. */
    get queued(): number {
        return this.outbox.queued;
    }

    /* Texts of all messages that are not known to have arrived. */
    get unconfirmed(): string[] {
        return this.outbox.texts;
    }

    /* Messages as both sides count them. */
    get counts(): { received: number; sent: number } {
        return {
            received: this.session?.received ?? 0,
            sent: this.outbox.sent,
        };
    }

    /* To be kept only together with all that came of it. */
    get heard(): Heard {
        return {
            received: this.session?.received ?? 0,
            ready: this.session?.ready ?? false,
        };
    }

    /* For a page that is about to be loaded anew. */
    pack(): Pack {
        return {
            ticket: this.session?.ticket ?? null,
            outbox: this.outbox.pack(),
        };
    }

    open(): void {
        if (this.current.name !== 'idle' && this.current.name !== 'closed') {
            return;
        }

        this.attempt = 0;
        this.leaving = false;
        this.goodbye = null;
        this.connect();
    }

    /* Comes back at once instead of after the delay. */
    retry(): void {
        if (this.current.name === 'waiting') {
            this.connect();
        }
    }

    /*
     * The network is there again, or the reader: comes back at once, or
     * finds out whether the connection that seems to stand does so.
     */
    wake(): void {
        this.retry();

        if (
            this.isOpen && !this.leaving && this.session?.ticket != null
            && this.now() - this.heardAt >= RECENT
        ) {
            this.pulse.ask(WAKE);
        }
    }

    /*
     * One message: a raw IRC line or a command.  It goes out now, or
     * when the connection is open; refused when there is none to wait
     * for or too many wait already.
     */
    send(message: string): 'sent' | 'queued' | 'refused' {
        const name = this.current.name;

        if (
            this.leaving || /[\0\r\n]/.test(message)
            || name === 'idle' || name === 'closed'
        ) {
            return 'refused';
        }

        const added = this.outbox.add(message);

        if (added === null) {
            return 'refused';
        }

        this.flush();

        if (!this.outbox.isWaiting(added)) {
            return 'sent';
        }

        added.told = false;

        return 'queued';
    }

    /*
     * Ends the session; the server says goodbye to IRC and closes.  One
     * that waits for us is gone back to for that, if it can be soon.
     */
    quit(message = '/quit'): void {
        const { name } = this.current;

        if (this.leaving) {
            return;
        }

        if (name === 'open' || name === 'registering') {
            this.patience.set(() => this.close(), GOODBYE);
            this.depart(message);
        } else if (
            (name === 'waiting' || name === 'connecting')
            && this.current.resuming
            && this.session?.mayLive(this.now()) === true
        ) {
            this.patience.set(() => this.close(), GOODBYE);
            this.leaving = true;
            this.goodbye = message;
            this.retry();
        } else {
            this.close();
        }
    }

    /* Ends the connection from this side, now, and the session with it. */
    close(code = 1000, reason = ''): void {
        if (this.current.name === 'idle' || this.current.name === 'closed') {
            return;
        }

        this.detach()?.close(code, reason);
        this.finish(code, reason, false);
    }

    /*
     * Another page of this browser has the session now, and a newer key
     * to it.  It isn't taken back unless somebody wants it.
     */
    taken({ id, key }: Ticket): void {
        const ticket = this.session?.ticket;
        const name = this.current.name;

        if (ticket == null || ticket.id !== id || ticket.key === key) {
            return;
        }

        ticket.key = key;

        if (
            name === 'waiting'
            || (name === 'connecting' && this.wire?.isUp !== true)
        ) {
            this.detach()?.close();
            this.finish(CODE_TAKEN, '', true);
        }
    }

    /*
     * What is told before the state is, is told in that state already.
     * False when a listener has made it another one at once.
     */
    private enter(state: State, before?: () => void): boolean {
        this.current = state;
        before?.();

        if (this.current === state) {
            this.emit('state', state);
        }

        return this.current === state;
    }

    /* Lets go of whatever this attempt held. */
    private detach(): Wire | null {
        const { wire } = this;

        this.alarm.stop();
        this.pulse.stop();
        this.asking?.abort();
        this.asking = null;
        this.isAwaited = false;
        this.wire = null;
        wire?.release();

        return wire;
    }

    /* For another wire, to which the session goes over. */
    private leaveBehind(): void {
        const wire = this.detach();

        if (wire?.isUp === true) {
            this.session?.lost(this.now());
            this.behind.push(wire);
        } else {
            wire?.close();
        }
    }

    private closeBehind(): void {
        for (const wire of this.behind.splice(0)) {
            wire.close();
        }
    }

    private connect(): void {
        this.alarm.stop();

        if (this.session?.mayLive(this.now()) === true) {
            this.resume();
        } else {
            this.renew();
        }
    }

    private resume(before?: () => void): void {
        const { attempt, session } = this;

        if (
            this.enter({ name: 'connecting', attempt, resuming: true }, before)
            && session !== null
        ) {
            this.upgrade(null, session.query);
        }
    }

    private renew(): void {
        const asking = new AbortController();
        const { attempt } = this;

        this.asking = asking;

        if (!this.enter(
            { name: 'connecting', attempt, resuming: false },
            () => this.giveUp(),
        )) {
            return;
        }

        this.options.token(asking.signal).then(
            (token) => {
                if (this.asking === asking) {
                    this.asking = null;
                    this.upgrade(token, '');
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
            this.finish(CODE_TOKEN_REFUSED, reason, false);
        } else {
            this.comeBack(1006, reason);
        }
    }

    private upgrade(token: string | null, resume: string): void {
        const url = this.options.url(token, resume);
        const wire: Wire = new Wire(
            this.options.socket?.(url) ?? (new WebSocket(url) as Socket),
            {
                up: () => this.upgraded(),
                message: (data) => this.receive(data, wire),
                ended: (code, reason) => this.ended(code, reason),
            },
        );

        this.wire = wire;
        this.isAwaited = token === null;
        this.alarm.set(() => {
            this.leaveBehind();
            this.comeBack(1006, 'The server does not answer.');
        }, PATIENCE);
    }

    private upgraded(): void {
        if (!this.isAwaited) {
            this.begin(new Session());
        }
    }

    /* A session in which nothing is counted yet. */
    private begin(session: Session, before?: () => void): void {
        this.alarm.stop();
        this.isAwaited = false;
        this.session = session;
        this.openedAt = this.now();
        this.enter({ name: 'registering' }, before);
    }

    private receive(data: unknown, wire: Wire): void {
        const word = typeof data === 'string' ? parseWord(data) : null;

        this.heardAt = this.now();
        this.pulse.heard();

        if (this.isAwaited && word?.kind === 'resumed') {
            this.resumed(word.count, word.key, wire);
            return;
        }

        if (this.isAwaited) {
            /* whatever this is, it isn't our session */
            const session = new Session();

            this.begin(session, () => {
                this.giveUp(session);
                this.emit('reset', null);
            });
        }

        if (this.wire !== wire || this.session === null) {
            return;
        }

        if (word?.kind === 'session') {
            this.named(word.ticket, this.session);
        } else if (word?.kind === 'gap' && this.session.ticket !== null) {
            this.session.received = word.count;
            this.emit('gap', null);
        } else if (counted(data)) {
            this.session.received++;
            this.take(data, wire);
        }
    }

    private take(data: unknown, wire: Wire): void {
        const text = typeof data === 'string' ? data : '';

        for (const line of text.split(/\r?\n/)) {
            if (line !== '' && this.wire === wire) {
                this.hear(line);
            }
        }
    }

    private hear(line: string): void {
        const question = Pulse.question(line);

        if (question !== null && this.outbox.confirm(question)) {
            this.pulse.stop();
            this.flush();
            return;
        }

        this.emit('line', line);

        if (this.current.name === 'registering' && isReady(line)) {
            this.opened();
        }
    }

    private opened(): void {
        if (this.session !== null) {
            this.session.ready = true;
        }

        if (this.enter({ name: 'open' })) {
            this.flush();
        }
    }

    /* The session can be resumed; or it is another one all at once. */
    private named(ticket: Ticket, session: Session): void {
        if (session.ticket === null) {
            session.ticket = ticket;
            this.emit('ticket', ticket);
        } else {
            this.reset(new Session(ticket));
        }
    }

    /*
     * The server has lost the session and goes on with a new one.  Which
     * of the messages on their way it has counted in that is not known
     * here; it is asked as by one who comes back.
     */
    private reset(session: Session): void {
        const before = (): void => {
            this.emit('ticket', session.ticket);
            this.emit('reset', null);
        };

        this.pulse.stop();

        if (this.leaving) {
            this.close();
            return;
        }

        this.outbox.reset();
        this.session = session;

        if (this.outbox.isUncertain) {
            this.leaveBehind();
            this.resume(before);
        } else {
            this.begin(session, before);
        }
    }

    /* So many messages of ours are there. */
    private resumed(count: number, key: string, wire: Wire): void {
        const { session } = this;

        if (session === null) {
            return;
        }

        this.alarm.stop();
        this.isAwaited = false;
        this.openedAt = this.now();
        session.back(key);
        this.emit('ticket', session.ticket);

        if (this.wire !== wire) {
            return;
        }

        const { arrived, unsent, lost } = this.outbox.resume(count);

        /* under the new key: with that the old one is of no use any more */
        this.transmit('');
        this.closeBehind();

        for (const message of arrived) {
            this.tell(message);
        }

        this.giveBack(unsent);

        if (lost > 0) {
            this.emit('forgotten', { count: lost, lost: true });
        }

        if (this.wire !== wire) {
            return;
        }

        if (session.ready) {
            this.opened();
        } else {
            this.enter({ name: 'registering' });
        }

        if (this.goodbye !== null && this.wire === wire) {
            this.depart(this.goodbye);
        }
    }

    /* The last of all messages. */
    private depart(goodbye: string): void {
        this.leaving = true;
        this.outbox.widen(Infinity);
        this.flush();
        this.pulse.stop();
        this.transmit(goodbye);
    }

    /* The session is over, with whatever had not arrived. */
    private giveUp(next: Session | null = null): void {
        const was = this.session?.ticket ?? null;
        const unsent = this.outbox.restart();

        this.closeBehind();
        this.session = next;

        if (was !== null) {
            this.emit('ticket', null);
        }

        this.giveBack(unsent);
    }

    private giveBack(unsent: Unsent[]): void {
        if (unsent.length > 0) {
            this.emit('unsent', unsent);
        }
    }

    private transmit(text: string): void {
        this.outbox.pass(text);
        this.wire?.send(text);
    }

    private get isOpen(): boolean {
        return this.current.name === 'open' && this.wire !== null;
    }

    private tell(message: { text: string; told: boolean }): void {
        if (!message.told) {
            message.told = true;
            this.emit('sent', message.text);
        }
    }

    private flush(): void {
        while (this.isOpen) {
            const message = this.outbox.next();

            if (message === undefined) {
                break;
            }

            this.wire?.send(message.text);
            this.tell(message);
        }

        const count = this.outbox.takeForgotten();

        if (count > 0) {
            this.emit('forgotten', { count, lost: false });
        }

        if (this.isOpen && !this.leaving && this.outbox.isAnxious) {
            this.pulse.want();
        }
    }

    /*
     * A connection on which nothing comes any more is dead, and what was
     * sent is there or not: the server says so to one who comes back.
     */
    private unanswered(silent: boolean): void {
        if (silent && this.session?.ticket != null) {
            this.leaveBehind();
            this.comeBack(1006, '');
            return;
        }

        this.outbox.widen();
        this.flush();
    }

    private ended(code: number, reason: string): void {
        const wasAwaited = this.isAwaited;
        const wire = this.detach();

        if (this.leaving && code === 1000) {
            /* all that was said before has gone that way, too */
            this.outbox.restart();
        }

        if (wasAwaited && code === CODE_GONE && !this.leaving) {
            this.renew();
            return;
        }

        if (this.leaving || !comesBack(code)) {
            this.finish(code, reason, !this.leaving && code === CODE_TAKEN);
            return;
        }

        if (wire?.isUp === true) {
            this.session?.lost(this.now());
        }

        this.comeBack(code, reason);
    }

    private comeBack(code: number, reason: string): void {
        const { name } = this.current;
        const now = this.now();
        const resuming = this.session?.mayLive(now) === true;

        if (
            (name === 'open' || name === 'registering')
            && now - this.openedAt >= STABLE
        ) {
            this.attempt = 0;
        }

        const ms = delay(
            this.attempt, code, this.base, this.cap, this.random,
        );

        this.attempt++;
        this.alarm.set(() => this.connect(), ms);
        this.enter(
            {
                name: 'waiting',
                attempt: this.attempt,
                delay: ms,
                code,
                reason,
                resuming,
            },
            () => {
                if (!resuming) {
                    this.giveUp();
                }
            },
        );
    }

    /* Nothing happens by itself any more; what is left is given back. */
    private finish(code: number, reason: string, stands: boolean): void {
        const resuming = stands && this.session?.ticket != null;

        this.patience.stop();
        this.enter({ name: 'closed', code, reason, resuming }, () => {
            const left = this.outbox.drain();

            this.closeBehind();

            if (resuming) {
                this.session?.lost(this.now());
            } else {
                this.giveUp();
            }

            this.giveBack(left);
        });
    }
}
