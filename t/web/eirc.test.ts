/* The connection, with a WebSocket and a clock made here. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { backoff, comesBack, TokenRefused } from '../../src/web/eirc';
import { Bench, settle } from './bench';

test('token, upgrade, registration', async () => {
    const bench = new Bench();

    assert.equal(bench.connection.state.name, 'idle');
    await bench.connect();
    assert.equal(bench.socket.url, 'ws://test/chat?chat_token=t1&resume=');
    bench.socket.upgrade();
    assert.equal(bench.connection.state.name, 'registering');
    bench.socket.say(':s 001 me :Hi', ':s 372 me :- 376 422');
    assert.equal(bench.connection.state.name, 'registering');
    bench.socket.say(':s 376 me :End');
    assert.deepEqual(bench.names, ['connecting', 'registering', 'open']);
    assert.equal(bench.lines.length, 3);
});

test('422 is ready too', async () => {
    for (const line of [
        ':s 422 me :No MOTD', '@time=x :s 376 me :End', '422 me :x',
    ]) {
        const bench = new Bench();

        await bench.connect();
        bench.socket.upgrade();
        bench.socket.say(line);
        assert.equal(bench.connection.state.name, 'open');
    }
});

test('messages wait for the end of registration, in order', async () => {
    const bench = new Bench();

    assert.equal(bench.connection.send('early'), 'refused');
    bench.connection.open();
    assert.equal(bench.connection.send('one'), 'queued');
    await settle();
    bench.socket.upgrade();
    assert.equal(bench.connection.send('two'), 'queued');
    assert.equal(bench.connection.queued, 2);
    assert.deepEqual(bench.socket.sent, []);
    bench.socket.say(':s 376 me :End');
    assert.equal(bench.connection.send('three'), 'sent');
    assert.deepEqual(bench.socket.sent, ['one', 'two', 'three']);
    assert.deepEqual(bench.sent, ['one', 'two']);
});

test('the queue has an end; no message holds a second one', async () => {
    const bench = new Bench({ queue: 2 });

    bench.connection.open();
    assert.equal(bench.connection.send('one'), 'queued');
    assert.equal(bench.connection.send('two'), 'queued');
    assert.equal(bench.connection.send('three'), 'refused');
    await bench.ready();
    assert.equal(bench.connection.send('a\r\nQUIT'), 'refused');
    assert.equal(bench.connection.send('a\0'), 'refused');
});

test('counts both ways, without the three about counting', async () => {
    const bench = new Bench();

    await bench.ready();
    bench.socket.say(
        ':client session ID KEY 30', ':client resumed 4 KEY2', ':client gap',
        ':client sessions x', ':client error :x', ':client gaps', 'x',
    );
    bench.connection.send('one');
    bench.connection.send('');
    assert.equal(bench.connection.counts.received, 2 + 4);
    assert.equal(bench.connection.counts.sent, 2);
    assert.deepEqual(bench.lines.slice(2), [
        ':client sessions x', ':client error :x', ':client gaps', 'x',
    ]);
});

test('a message of several lines counts once', async () => {
    const bench = new Bench();

    await bench.ready();
    bench.socket.say('a\r\nb\nc\n', new Uint8Array(2));
    assert.deepEqual(bench.lines.slice(2), ['a', 'b', 'c']);
    assert.equal(bench.connection.counts.received, 4);
});

test('which close codes come back', () => {
    for (const code of [1001, 1006, 1011, 1012, 1013, 4000, 4002, 4099]) {
        assert.ok(comesBack(code));
    }

    for (const code of [
        1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 3000, 4001, 4100,
        4500, 4501, 4599,
    ]) {
        assert.ok(!comesBack(code));
    }
});

test('comes back with a new token and counts from nothing', async () => {
    const bench = new Bench();

    await bench.ready();
    bench.connection.send('x');
    bench.socket.end(1012, 'reload');
    assert.deepEqual(bench.connection.state, {
        name: 'waiting', attempt: 1, delay: 500, code: 1012,
        reason: 'reload', resuming: false,
    });
    assert.deepEqual(bench.given, ['x?']);
    assert.equal(bench.connection.send('later'), 'queued');
    bench.fire();
    await settle();
    assert.equal(bench.sockets.length, 2);
    assert.equal(bench.socket.url, 'ws://test/chat?chat_token=t2&resume=');
    bench.socket.upgrade();
    assert.equal(bench.connection.counts.received, 0);
    assert.equal(bench.connection.counts.sent, 0);
    bench.socket.say(':s 376 me :End');
    assert.deepEqual(bench.socket.sent, ['later']);
});

test('stays away when told so', async () => {
    const bench = new Bench();

    await bench.ready();
    bench.socket.end(1008, 'too much');
    assert.deepEqual(bench.connection.state, {
        name: 'closed', code: 1008, reason: 'too much', resuming: false,
    });
    assert.equal(bench.timers.size, 0);
    assert.equal(bench.connection.send('x'), 'refused');
    bench.connection.open();
    await settle();
    assert.equal(bench.sockets.length, 2);
});

test('waits longer each time, up to the cap, and by chance', async () => {
    const bench = new Bench({ backoff: { base: 1000, cap: 6000 } });
    const delays: number[] = [];

    await bench.connect();

    for (let i = 0; i < 5; i++) {
        bench.socket.end(1006);

        const state = bench.connection.state;

        delays.push(state.name === 'waiting' ? state.delay : -1);
        bench.fire();
        await settle();
    }

    assert.deepEqual(delays, [125, 500, 1000, 2000, 3000]);
    assert.equal(backoff(3, 1000, 30000, () => 0), 0);
    assert.equal(backoff(3, 1000, 30000, () => 0.999), 7992);
});

test('only a connection that lasted begins the waiting anew', async () => {
    const bench = new Bench();
    const delay = async (): Promise<number> => {
        const state = bench.connection.state;

        assert.ok(state.name === 'waiting');
        bench.fire();
        await settle();

        return state.delay;
    };
    const up = (): void => {
        bench.socket.upgrade();
        bench.socket.say(':s 376 me :End');
    };

    await bench.ready();
    bench.socket.end(1006);
    assert.equal(await delay(), 125);
    up();
    bench.socket.end(1006);
    assert.equal(await delay(), 500);
    up();
    bench.time += 10_000;
    bench.socket.end(1013);
    assert.equal(await delay(), 500);
    up();
    bench.time += 10_000;
    bench.socket.end(1006);
    assert.equal(await delay(), 125);
});

test('retry() does not wait', async () => {
    const bench = new Bench();

    await bench.ready();
    bench.connection.retry();
    assert.equal(bench.sockets.length, 1);
    bench.socket.end(1006);
    bench.connection.retry();
    await settle();
    assert.equal(bench.sockets.length, 2);
    assert.deepEqual([...bench.timers.values()].map((t) => t.ms), [20_000]);
});

test('a server that says nothing is left', async () => {
    const bench = new Bench();

    await bench.connect();
    bench.fire();
    assert.equal(bench.connection.state.name, 'waiting');
    assert.deepEqual(bench.socket.closed, [1000, '']);
    bench.socket.upgrade();
    assert.equal(bench.connection.state.name, 'waiting');
});

test('no token: refused is final, anything else is tried again', async () => {
    const bench = new Bench();

    bench.tokenFails = new Error('down');
    await bench.connect();
    assert.deepEqual(bench.connection.state, {
        name: 'waiting', attempt: 1, delay: 125, code: 1006, reason: 'down',
        resuming: false,
    });
    bench.tokenFails = new TokenRefused('go away');
    bench.fire();
    await settle();
    assert.deepEqual(bench.connection.state, {
        name: 'closed', code: 0, reason: 'go away', resuming: false,
    });
    assert.equal(bench.sockets.length, 0);
});

test('quit() asks the server and takes its end for the end', async () => {
    const bench = new Bench();

    await bench.ready();
    bench.connection.quit();
    assert.deepEqual(bench.socket.sent, ['/quit']);
    assert.equal(bench.connection.send('x'), 'refused');
    bench.connection.quit();
    bench.socket.say('ERROR :Closing link');
    bench.socket.end(1006);
    assert.equal(bench.connection.state.name, 'closed');
    assert.equal(bench.timers.size, 0);
});

test('quit() does not wait for ever', async () => {
    const bench = new Bench();

    await bench.ready();
    bench.connection.quit('QUIT :bye');
    bench.fire();
    assert.equal(bench.connection.state.name, 'closed');
    assert.deepEqual(bench.socket.closed, [1000, '']);
});

test('close() at every point; what comes after it is nothing', async () => {
    const bench = new Bench();

    bench.connection.open();
    bench.connection.close();
    await settle();
    assert.equal(bench.sockets.length, 0);
    assert.equal(bench.connection.state.name, 'closed');

    await bench.connect();
    bench.connection.close();

    const socket = bench.socket;

    socket.upgrade();
    socket.say('x');
    socket.end(1006);
    assert.equal(bench.connection.state.name, 'closed');
    assert.deepEqual(bench.lines, []);

    await bench.ready();
    bench.socket.end(1006);
    bench.connection.close();
    assert.equal(bench.timers.size, 0);
    assert.equal(bench.connection.state.name, 'closed');
});

test('the token function hears that nobody waits any more', async () => {
    let signal: AbortSignal | undefined;
    const bench = new Bench({
        token: (given) => {
            signal = given;

            return new Promise(() => undefined);
        },
    });

    bench.connection.open();
    assert.equal(signal?.aborted, false);
    bench.connection.close();
    assert.equal(signal?.aborted, true);
});

test('a listener can be taken away', async () => {
    const bench = new Bench();
    const heard: string[] = [];
    const off = bench.connection.on('line', (line) => heard.push(line));

    await bench.ready();
    off();
    bench.socket.say('x');
    assert.equal(heard.length, 2);
});
