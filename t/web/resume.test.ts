/* A session that outlives its connections: every race, one by one. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { TokenRefused, type Connection } from '../../src/web/eirc';
import { Bench, ID, key, settle, type FakeSocket } from './bench';

const resumed = (m: number, n: number): string =>
    `:client resumed ${m} ${key(n)}`;

const resume = (n: number, k: number): string =>
    `ws://test/chat?resume=${ID}.${key(k)}.${n}`;

function send(bench: Bench, ...messages: string[]): void {
    messages.forEach((message) => bench.connection.send(message));
}

/* What a confirmation asks with, and what answers it. */
function question(socket: FakeSocket): string {
    const asked = socket.sent.at(-1) ?? '';

    assert.ok(asked.startsWith('PING :'));

    return asked.slice(6);
}

test('a session is resumed without a token', async () => {
    const bench = new Bench();

    await bench.resumable();
    assert.deepEqual(bench.connection.counts, { received: 2, sent: 0 });
    bench.socket.end(1006);
    assert.deepEqual(bench.connection.state, {
        name: 'waiting', attempt: 1, delay: 125, code: 1006, reason: '',
        resuming: true,
    });
    bench.fire();
    assert.equal(bench.tokens, 1);
    assert.equal(bench.socket.url, resume(2, 1));
    bench.socket.upgrade();
    assert.equal(bench.connection.state.name, 'connecting');
    bench.socket.say(resumed(0, 2), ':a!u@h PRIVMSG #x :meanwhile');
    assert.equal(bench.connection.state.name, 'open');
    assert.deepEqual(bench.socket.sent, ['']);
    assert.equal(bench.lines.length, 3);
    assert.deepEqual(bench.connection.counts, { received: 3, sent: 1 });
    assert.deepEqual(bench.given, []);
});

test('the rest is sent again, then what waited', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one', 'two', 'three');
    bench.socket.end(1006);
    send(bench, 'four');
    await bench.back();
    send(bench, 'five');
    assert.deepEqual(bench.socket.sent, []);
    bench.socket.say(resumed(1, 2));
    send(bench, 'six');
    assert.deepEqual(
        bench.socket.sent, ['', 'two', 'three', 'four', 'five', 'six'],
    );
    assert.deepEqual(bench.sent, ['four', 'five']);
    assert.equal(bench.connection.counts.sent, 7);
});

test('lost behind "resumed", before anything arrived', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one', 'two');
    bench.socket.end(1006);
    await bench.back(resumed(1, 2));
    bench.socket.end(1006);
    await bench.back();
    assert.equal(bench.socket.url, resume(2, 2));
    bench.socket.say(resumed(1, 3));
    assert.deepEqual(bench.socket.sent, ['', 'two']);
    bench.socket.end(1006);

    /* the empty one has arrived: it isn't sent again */
    await bench.back(resumed(2, 4));
    assert.deepEqual(bench.socket.sent, ['', 'two']);
    bench.socket.end(1006);
    await bench.back(resumed(4, 5));
    assert.deepEqual(bench.socket.sent, ['']);
    assert.deepEqual(bench.given, []);
});

test('lost before "resumed": nothing is sent, the key is old', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.socket.end(1006);
    await bench.back();
    bench.socket.end(1006);
    assert.deepEqual(bench.socket.sent, []);
    await bench.back();
    assert.equal(bench.socket.url, resume(2, 1));
    bench.socket.say(resumed(0, 3));
    assert.deepEqual(bench.socket.sent, ['', 'one']);
});

test('resumed before the registration had ended', async () => {
    const bench = new Bench();

    await bench.connect();
    bench.socket.upgrade();
    bench.socket.say(`:client session ${ID} ${key(1)} 30`, ':s 001 me :Hi');
    send(bench, 'one');
    bench.socket.end(1012);
    await bench.back(resumed(0, 2));
    assert.equal(bench.connection.state.name, 'registering');
    assert.deepEqual(bench.socket.sent, ['']);
    bench.socket.say(':s 376 me :End');
    assert.deepEqual(bench.socket.sent, ['', 'one']);
});

test('4501: a new session at once, and the old one’s rest', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.socket.end(1006);
    send(bench, 'two');
    await bench.back();
    assert.deepEqual(bench.given, []);
    bench.socket.end(4501, 'session gone');
    await settle();
    assert.deepEqual(bench.given, ['one?']);
    assert.equal(bench.tokens, 2);
    assert.equal(bench.socket.url, 'ws://test/chat?chat_token=t2&resume=');
    bench.socket.upgrade();
    bench.socket.say(':s 376 me :End');
    assert.deepEqual(bench.socket.sent, ['two']);
    assert.deepEqual(bench.connection.counts, { received: 1, sent: 1 });

    /* where nothing was to be resumed it is final */
    bench.socket.end(4501);
    assert.equal(bench.connection.state.name, 'closed');
});

test('the session is asked for while it may be there', async () => {
    const bench = new Bench();

    await bench.resumable(30);
    bench.socket.end(1006);
    bench.time += 90_000;
    bench.fire();
    assert.equal(bench.socket.url, resume(2, 1));
    bench.socket.end(1006);
    bench.time += 1;
    bench.fire();
    await settle();
    assert.equal(bench.socket.url, 'ws://test/chat?chat_token=t2&resume=');
});

test('it has been there until the last one broke', async () => {
    const bench = new Bench();

    await bench.resumable(30);
    bench.socket.end(1006);
    bench.time += 80_000;
    await bench.back();
    bench.socket.end(1006);
    bench.time += 80_000;
    bench.fire();
    assert.equal(bench.socket.url, resume(2, 1));
});

test('no token when the session is over: what was said is kept', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.socket.end(1006);
    send(bench, 'two');
    bench.tokenFails = new Error('down');
    await bench.back();
    bench.socket.end(4501);
    await settle();
    assert.equal(bench.connection.state.name, 'waiting');
    assert.deepEqual(bench.given, ['one?']);
    send(bench, 'three');
    bench.tokenFails = new TokenRefused('no');
    bench.fire();
    await settle();
    assert.deepEqual(bench.given, ['one?', 'two', 'three']);
    assert.equal(bench.connection.state.name, 'closed');
});

test('a gap: the count is the server’s', async () => {
    const bench = new Bench();

    await bench.resumable();
    bench.socket.end(1006);
    await bench.back(
        resumed(0, 2), ':client gap 700', ':s 001 me :Hi', ':s 376 me :End',
    );
    assert.deepEqual(bench.events, ['gap']);
    assert.equal(bench.connection.counts.received, 702);
    bench.socket.end(1006);
    bench.fire();
    assert.equal(bench.socket.url, resume(702, 2));
});

test('the state is lost below a connection, nothing under way', async () => {
    const bench = new Bench();

    await bench.resumable();
    bench.socket.say(`:client session 0-new ${key(1)} 30`);
    assert.deepEqual(bench.events, ['reset']);
    assert.equal(bench.sockets.length, 1);
    assert.equal(bench.connection.state.name, 'registering');
    assert.equal(bench.connection.send('one'), 'queued');
    bench.socket.say(':s 001 me :Hi', ':s 376 me :End');
    assert.deepEqual(bench.socket.sent, ['one']);
    assert.deepEqual(bench.connection.counts, { received: 2, sent: 1 });
    bench.socket.end(1006);
    bench.fire();
    assert.equal(
        bench.socket.url, `ws://test/chat?resume=0-new.${key(1)}.2`,
    );
});

test('the state is lost, messages under way: it is asked', async () => {
    for (const [m, given] of [[0, 2], [1, 2], [2, 0]] as const) {
        const bench = new Bench();

        await bench.resumable();
        send(bench, 'one', 'two');

        const old = bench.socket;

        bench.socket.say(`:client session 0-new ${key(1)} 30`);
        assert.equal(bench.sockets.length, 2);
        assert.equal(
            bench.socket.url, `ws://test/chat?resume=0-new.${key(1)}.0`,
        );
        send(bench, 'three');
        bench.socket.upgrade();

        /* a close would be the end of the session */
        assert.equal(old.closed, null);
        bench.socket.say(
            resumed(m, 2), ':s 001 me :Hi', ':s 376 me :End',
        );
        assert.deepEqual(old.closed, [1000, '']);
        assert.deepEqual(bench.given, ['one?', 'two?'].slice(0, given));
        assert.deepEqual(bench.socket.sent, ['', 'three']);
        assert.deepEqual(
            bench.connection.counts, { received: 2, sent: m + 2 },
        );
    }
});

test('the state is lost once more before that is answered', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.socket.say(`:client session 0-new ${key(1)} 30`);
    bench.socket.upgrade();
    bench.socket.end(4501);
    await settle();
    assert.deepEqual(bench.given, ['one?']);
    assert.deepEqual(bench.sockets[0]?.closed, [1000, '']);
    assert.equal(bench.socket.url, 'ws://test/chat?chat_token=t2&resume=');
});

test('taken over: it stays away until it is wanted', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.socket.end(4001, 'taken');
    assert.deepEqual(bench.connection.state, {
        name: 'closed', code: 4001, reason: 'taken', resuming: true,
    });
    assert.deepEqual(bench.given, ['one?']);
    assert.equal(bench.timers.size, 0);
    assert.equal(bench.connection.send('two'), 'refused');
    bench.connection.taken({ id: 'other', key: key(8), linger: 30 });
    bench.connection.taken({ id: ID, key: key(7), linger: 30 });
    bench.connection.open();
    assert.equal(bench.socket.url, resume(2, 7));
    bench.socket.upgrade();

    /* the other one has sent some: none of it is ours */
    bench.socket.say(resumed(5, 9));
    send(bench, 'three');
    assert.deepEqual(bench.socket.sent, ['', 'three']);
    assert.equal(bench.connection.counts.sent, 7);
    assert.deepEqual(bench.events, []);
});

test('taken over while away: it does not fight', async () => {
    const bench = new Bench();
    const taken = { id: ID, key: key(7), linger: 30 };

    await bench.resumable();
    bench.connection.taken(taken);
    assert.equal(bench.connection.state.name, 'open');
    bench.socket.end(1006);
    bench.connection.taken(taken);
    assert.equal(bench.connection.state.name, 'waiting');
    bench.connection.taken({ ...taken, key: key(8) });
    assert.equal(bench.connection.state.name, 'closed');
    assert.equal(bench.timers.size, 0);
});

test('what was sent is asked after, once', async () => {
    const bench = new Bench();

    await bench.resumable();
    assert.equal(bench.timers.size, 0);
    send(bench, 'one', 'two');
    assert.deepEqual([...bench.timers.values()].map((t) => t.ms), [2_000]);
    bench.fire();
    send(bench, 'three');
    assert.deepEqual([...bench.timers.values()].map((t) => t.ms), [22_000]);

    const asked = question({ sent: bench.socket.sent.slice(0, 3) } as never);

    bench.socket.say(':s PONG s :other');
    assert.equal(bench.lines.pop(), ':s PONG s :other');
    bench.socket.say(`:s PONG s :${asked}`);
    assert.equal(bench.lines.length, 2);
    assert.deepEqual(bench.connection.unconfirmed, ['three']);
    bench.fire();
    bench.socket.say(`:s PONG s ${question(bench.socket)}`);
    assert.deepEqual(bench.connection.unconfirmed, []);
    assert.equal(bench.timers.size, 0);
    assert.equal(bench.connection.counts.received, 5);

    /* now nothing is doubtful, and nothing sent again */
    bench.socket.end(1006);
    await bench.back();
    bench.socket.end(4501);
    assert.deepEqual(bench.given, []);
});

test('no answer and no word: the connection is dead', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.fire();
    bench.fire();
    assert.equal(bench.connection.state.name, 'waiting');

    const [old] = bench.sockets;

    old?.say('too late');
    await bench.back();
    assert.equal(old?.closed, null);
    bench.socket.say(resumed(0, 2));
    assert.deepEqual(old?.closed, [1000, '']);
    assert.deepEqual(bench.socket.sent.slice(0, 2), ['', 'one']);
    assert.equal(bench.lines.length, 2);
});

test('no answer, but words: it lives, and is asked again', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.fire();
    bench.socket.say(':a!u@h PRIVMSG #x :hi');
    bench.fire();
    assert.equal(bench.connection.state.name, 'open');
    bench.fire();
    assert.equal(
        bench.socket.sent.filter((m) => m.startsWith('PING')).length, 2,
    );
});

test('without a session the silent one is not left', async () => {
    const bench = new Bench();

    await bench.ready();
    send(bench, 'one');
    bench.fire();
    bench.fire();
    assert.equal(bench.connection.state.name, 'open');
    assert.equal(bench.sockets.length, 1);
});

test('only so much is on its way at a time', async () => {
    const bench = new Bench({ queue: 1000 });
    const long = (n: number): string => String(n).padEnd(1024, '.');
    const big = Array.from({ length: 80 }, (_, i) => long(i));

    await bench.resumable();
    send(bench, ...big);
    assert.deepEqual(bench.socket.sent, big.slice(0, 32));
    bench.fire();
    bench.socket.say(`:s PONG s :${question(bench.socket)}`);
    assert.equal(bench.socket.sent.length, 65);
    assert.equal(bench.connection.queued, 16);
    bench.socket.end(1006);

    /* again: the window holds for that as well */
    await bench.back(resumed(43, 2));
    assert.deepEqual(bench.socket.sent, ['', ...big.slice(42, 74)]);
    assert.equal(bench.connection.send('last'), 'queued');

    /* one who never answers gets the next lot nevertheless */
    bench.fire();
    bench.socket.say('x');
    bench.fire();
    assert.deepEqual(
        bench.socket.sent.filter((m) => m !== '' && !m.startsWith('PING')),
        [...big.slice(42), 'last'],
    );
});

test('wake() does not wait', async () => {
    const bench = new Bench();

    await bench.resumable();
    bench.connection.wake();
    assert.equal(bench.timers.size, 0);
    bench.time += 5_000;
    bench.connection.wake();
    assert.deepEqual([...bench.timers.values()].map((t) => t.ms), [10_000]);
    bench.socket.say(`:s PONG s :${question(bench.socket)}`);
    assert.equal(bench.timers.size, 0);
    bench.time += 5_000;
    bench.connection.wake();
    bench.fire();
    assert.equal(bench.connection.state.name, 'waiting');
    bench.connection.wake();
    assert.equal(bench.sockets.length, 2);
    bench.connection.wake();
    assert.equal(bench.sockets.length, 2);
});

test('a server that takes the connection and says nothing', async () => {
    const bench = new Bench();

    await bench.resumable();
    bench.socket.end(1006);
    await bench.back();
    bench.fire();
    assert.equal(bench.connection.state.name, 'waiting');
    assert.equal(bench.socket.closed, null);
    await bench.back(resumed(0, 2));
    assert.deepEqual(bench.sockets[1]?.closed, [1000, '']);
});

test('what answers is another session', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.socket.end(1006);
    await bench.back(`:client session 0-other ${key(5)} 30`, ':s 001 me :x');
    assert.deepEqual(bench.given, ['one?']);
    assert.equal(bench.connection.state.name, 'registering');
    assert.equal(bench.connection.counts.received, 1);
    assert.equal(bench.connection.pack().ticket?.id, '0-other');
    bench.socket.say(':s 376 me :End');
    assert.equal(bench.connection.state.name, 'open');
});

test('words that nobody waits for', async () => {
    const bench = new Bench();

    await bench.resumable();
    bench.socket.say(
        resumed(0, 9), ':client gap', ':client gap x',
        ':client session', `:client session a.b ${key(3)} 30`,
    );
    assert.deepEqual(bench.events, []);
    assert.deepEqual(bench.socket.sent, []);
    assert.equal(bench.connection.pack().ticket?.key, key(1));
    assert.equal(bench.connection.counts.received, 2);

    const plain = new Bench();

    await plain.ready();
    plain.socket.say(':client gap 5');
    assert.deepEqual(plain.events, []);
    assert.equal(plain.connection.counts.received, 2);
});

test('leaving: what is told of the last words', async () => {
    for (const [code, given] of [[1000, []], [1006, ['one?']]] as const) {
        const bench = new Bench();

        await bench.resumable();
        send(bench, 'one');
        bench.connection.quit();
        assert.deepEqual(bench.socket.sent, ['one', '/quit']);
        bench.socket.end(code);
        assert.deepEqual(bench.given, given);
        assert.equal(bench.connection.pack().ticket, null);
    }
});

test('leaving while there is no connection: back for a word', async () => {
    for (const ready of [true, false]) {
        const bench = new Bench();

        await bench.resumable();
        send(bench, 'one', 'two');
        bench.socket.end(1006);
        send(bench, 'three');

        if (!ready) {
            bench.connection.retry();
        }

        bench.connection.quit('QUIT :bye');
        bench.connection.quit();
        assert.equal(bench.connection.send('four'), 'refused');
        assert.equal(bench.sockets.length, 2);
        bench.socket.upgrade();
        bench.socket.say(resumed(1, 2));
        assert.deepEqual(
            bench.socket.sent, ['', 'two', 'three', 'QUIT :bye'],
        );
        bench.socket.end(1000);
        assert.equal(bench.connection.state.name, 'closed');
        assert.deepEqual(bench.given, []);
        assert.equal(bench.timers.size, 0);
    }
});

test('leaving before the registration had ended', async () => {
    const bench = new Bench();

    await bench.connect();
    bench.socket.upgrade();
    bench.socket.say(`:client session ${ID} ${key(1)} 30`);
    send(bench, 'one');
    bench.socket.end(1006);
    bench.connection.quit();
    bench.socket.upgrade();
    bench.socket.say(resumed(0, 2));
    assert.deepEqual(bench.socket.sent, ['', '/quit']);
    bench.socket.end(1000);
    assert.deepEqual(bench.given, ['one']);
});

test('leaving while there can be no connection', async () => {
    for (const how of ['late', 'refused', 'gone', 'over'] as const) {
        const bench = new Bench();

        await bench.resumable();
        bench.socket.end(1006);
        send(bench, 'one');
        bench.time += how === 'over' ? 1e6 : 0;
        bench.connection.quit();

        if (how === 'late') {
            const [id, timer] = [...bench.timers].find(
                ([, { ms }]) => ms === 3_000,
            ) ?? [0];

            bench.timers.delete(id);
            timer?.call();
        } else if (how === 'refused') {
            bench.socket.end(1006);
        } else if (how === 'gone') {
            bench.socket.upgrade();
            bench.socket.end(4501);
        }

        await settle();
        assert.equal(bench.connection.state.name, 'closed');
        assert.deepEqual(bench.given, ['one']);
        assert.equal(bench.timers.size, 0);
        assert.equal(bench.tokens, 1);
    }
});

test('leaving, and coming in again', async () => {
    const bench = new Bench();

    await bench.resumable();
    bench.connection.quit();
    bench.socket.end(1000);
    bench.connection.open();
    await settle();
    assert.equal(bench.socket.url, 'ws://test/chat?chat_token=t2&resume=');
});

test('leaving when the state is lost below it', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one');
    bench.connection.quit();
    bench.socket.say(`:client session 0-new ${key(1)} 30`);
    assert.equal(bench.connection.state.name, 'closed');
    assert.deepEqual(bench.socket.closed, [1000, '']);
});

test('close() on the way back; what comes after it is nothing', async () => {
    const points: ((bench: Bench) => Promise<void>)[] = [
        async () => undefined,
        async (bench) => bench.fire(),
        async (bench) => bench.back(),
        async (bench) => bench.back(resumed(0, 2)),
    ];

    for (const reach of points) {
        const bench = new Bench();

        await bench.resumable();
        bench.socket.end(1006);
        await reach(bench);

        const n = bench.sockets.length;

        bench.connection.close();
        assert.equal(bench.connection.state.name, 'closed');
        assert.equal(bench.timers.size, 0);
        bench.socket.upgrade();
        bench.socket.say(resumed(0, 5), 'x');
        bench.socket.end(1006);
        await settle();
        assert.equal(bench.sockets.length, n);
        assert.equal(bench.lines.length, 2);
        assert.equal(bench.connection.state.name, 'closed');
        assert.equal(bench.connection.pack().ticket, null);
    }
});

test('close() by whoever is told something', async () => {
    const names = [
        'state', 'ticket', 'unsent', 'sent', 'line', 'gap',
    ] as const;

    for (const name of names) {
        /* before there is a socket: in eirc.test.ts */
        for (let nth = name === 'state' ? 2 : 1; nth < 12; nth++) {
            const bench = new Bench();
            const { connection } = bench;
            let left = nth;

            connection.on(name, () => {
                if (--left === 0) {
                    connection.close();
                    assert.equal(connection.send('x'), 'refused');
                }
            });
            await bench.resumable();
            send(bench, 'one');
            await end(bench, 1006);
            await end(bench, 1006, resumed(0, 2), ':client gap 9', 'y');
            await end(bench, 4501);
            await end(bench, 1000);

            const states = bench.names;

            assert.equal(connection.state.name, 'closed');
            assert.equal(states.lastIndexOf('closed'), states.length - 1);
            assert.equal(states.indexOf('closed'), states.length - 1);
            assert.equal(bench.timers.size, 0);
        }
    }
});

async function end(
    bench: Bench,
    code: number,
    ...lines: string[]
): Promise<void> {
    bench.socket.upgrade();
    bench.socket.say(...lines);
    bench.connection.send('more');
    bench.socket.end(code);
    bench.connection.retry();
    await settle();
}

test('a page that is loaded anew goes on', async () => {
    const bench = new Bench();

    await bench.resumable();
    send(bench, 'one', 'two');
    bench.socket.end(1006);
    send(bench, 'three');

    const pack = JSON.parse(JSON.stringify(bench.connection.pack())) as
        ReturnType<Connection['pack']>;
    const next = new Bench({ pack });

    assert.deepEqual(next.connection.unconfirmed, ['one', 'two', 'three']);
    await next.connect();
    assert.equal(next.tokens, 0);
    assert.equal(next.socket.url, resume(0, 1));
    next.socket.upgrade();
    next.socket.say(resumed(1, 2));
    assert.deepEqual(next.sent, ['one']);
    assert.equal(next.connection.state.name, 'registering');
    next.socket.say(':s 001 me :Hi', ':s 376 me :End');
    assert.deepEqual(next.socket.sent, ['', 'two', 'three']);
    assert.deepEqual(next.sent, ['one', 'two', 'three']);
    assert.deepEqual(next.connection.counts, { received: 2, sent: 4 });
});

test('a page that is loaded anew when all is over', async () => {
    const pack = {
        ticket: { id: ID, key: key(1), linger: 30 },
        outbox: {
            count: 4,
            flying: [{ text: '', own: true }, { text: 'one', own: false }],
            waiting: ['two'],
        },
    };
    const bench = new Bench({ pack });

    await bench.connect();
    bench.socket.upgrade();
    bench.socket.end(4501);
    await settle();
    assert.deepEqual(bench.given, ['one?']);
    bench.socket.upgrade();
    bench.socket.say(':s 376 me :End');
    assert.deepEqual(bench.socket.sent, ['two']);

    const alone = new Bench({ pack: { ...pack, ticket: null } });

    await alone.connect();
    assert.equal(alone.tokens, 1);
    assert.deepEqual(alone.given, ['one?']);
});
