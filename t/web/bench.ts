/* A connection on a bench: its WebSockets and its clock are made here. */

import * as assert from 'node:assert/strict';
import {
    Connection, type Options, type Socket, type State, type Unsent,
} from '../../src/web/eirc';

export const ID = '0-0123456789abcdef';

export function key(n: number): string {
    return String(n).padStart(64, '0');
}

export class FakeSocket implements Socket {
    onopen: ((event: never) => void) | null = null;
    onmessage: ((event: never) => void) | null = null;
    onclose: ((event: never) => void) | null = null;
    sent: string[] = [];
    closed: [number | undefined, string | undefined] | null = null;

    constructor(readonly url: string) {}

    send(data: string): void {
        this.sent.push(data);
    }

    close(code?: number, reason?: string): void {
        this.closed = [code, reason];
    }

    upgrade(): void {
        this.onopen?.(undefined as never);
    }

    say(...lines: unknown[]): void {
        for (const data of lines) {
            this.onmessage?.({ data } as never);
        }
    }

    end(code: number, reason = ''): void {
        this.onclose?.({ code, reason } as never);
    }
}

export class Bench {
    sockets: FakeSocket[] = [];
    states: State[] = [];
    lines: string[] = [];
    sent: string[] = [];
    unsent: Unsent[] = [];
    events: string[] = [];
    timers = new Map<number, { call: () => void; ms: number }>();
    time = 0;
    tokens = 0;
    tokenFails: Error | null = null;
    connection: Connection;
    private id = 0;

    constructor(options: Partial<Options> = {}) {
        this.connection = new Connection({
            token: async () => {
                this.tokens++;

                if (this.tokenFails !== null) {
                    throw this.tokenFails;
                }

                return `t${this.tokens}`;
            },
            url: (token, resume) => token === null
                ? `ws://test/chat?resume=${resume}`
                : `ws://test/chat?chat_token=${token}&resume=${resume}`,
            socket: (url) => {
                const socket = new FakeSocket(url);

                this.sockets.push(socket);

                return socket;
            },
            random: () => 0.5,
            now: () => this.time,
            setTimeout: (call, ms) => {
                this.timers.set(++this.id, { call, ms });

                return this.id;
            },
            clearTimeout: (id) => void this.timers.delete(id),
            ...options,
        });
        this.connection.on('state', (state) => this.states.push(state));
        this.connection.on('line', (line) => this.lines.push(line));
        this.connection.on('sent', (line) => this.sent.push(line));
        this.connection.on('unsent', (list) => this.unsent.push(...list));
        this.connection.on('gap', () => this.events.push('gap'));
        this.connection.on('reset', () => this.events.push('reset'));
        this.connection.on('forgotten', ({ count, lost }) =>
            this.events.push(`${lost ? 'lost' : 'forgotten'} ${count}`));
    }

    get socket(): FakeSocket {
        const socket = this.sockets[this.sockets.length - 1];

        assert.ok(socket);

        return socket;
    }

    get names(): string[] {
        return this.states.map((state) => state.name);
    }

    /* What has not arrived: the doubtful with a question mark. */
    get given(): string[] {
        return this.unsent.map((m) => m.text + (m.doubtful ? '?' : ''));
    }

    /* The only timer, run. */
    fire(): void {
        const [id, timer] = [...this.timers][0] ?? [];

        assert.equal(this.timers.size, 1);
        assert.ok(id !== undefined && timer !== undefined);
        this.timers.delete(id);
        timer.call();
    }

    async connect(): Promise<void> {
        this.connection.open();
        await settle();
    }

    async ready(): Promise<void> {
        await this.connect();
        this.socket.upgrade();
        this.socket.say(':s 001 me :Hi', ':s 376 me :End');
    }

    /* A session that can be resumed, with two lines received. */
    async resumable(linger = 30): Promise<void> {
        await this.connect();
        this.socket.upgrade();
        this.socket.say(
            `:client session ${ID} ${key(1)} ${linger}`,
            ':s 001 me :Hi', ':s 376 me :End',
        );
    }

    /* The wait is over, the server takes the next socket. */
    async back(...lines: string[]): Promise<void> {
        this.fire();
        await settle();
        this.socket.upgrade();
        this.socket.say(...lines);
    }
}

export async function settle(): Promise<void> {
    for (let i = 0; i < 5; i++) {
        await Promise.resolve();
    }
}
