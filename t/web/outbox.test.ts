/* What was sent and what waits; the words about sessions; the pulse. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { Alarm } from '../../src/web/alarm';
import { Outbox } from '../../src/web/outbox';
import { Pulse } from '../../src/web/pulse';
import { counted, parseWord, Session } from '../../src/web/session';
import { key } from './bench';

function sent(outbox: Outbox): string[] {
    const texts: string[] = [];

    for (;;) {
        const message = outbox.next();

        if (message === undefined) {
            return texts;
        }

        texts.push(message.text);
    }
}

test('numbers are those that both sides count', () => {
    const outbox = new Outbox();

    for (const text of ['a', 'b', 'c', 'd']) {
        outbox.add(text);
    }

    assert.deepEqual(sent(outbox), ['a', 'b', 'c', 'd']);
    outbox.pass('PING :1');
    outbox.add('e');
    assert.equal(outbox.sent, 5);

    const { arrived, unsent, lost } = outbox.resume(2);

    assert.deepEqual(arrived.map((m) => m.text), ['a', 'b']);
    assert.deepEqual([unsent, lost], [[], 0]);
    assert.equal(outbox.sent, 2);
    assert.deepEqual(sent(outbox), ['c', 'd', 'e']);
    assert.equal(outbox.sent, 5);
});

test('what is confirmed is not sent again, nor anything before it', () => {
    const outbox = new Outbox();

    outbox.add('a');
    outbox.add('a');
    sent(outbox);
    outbox.pass('PING :1');
    outbox.add('a');
    sent(outbox);
    assert.equal(outbox.confirm('PING :2'), false);
    assert.equal(outbox.confirm('PING :1'), true);
    assert.deepEqual(outbox.texts, ['a']);
    outbox.resume(3);
    assert.deepEqual(sent(outbox), ['a']);
    assert.equal(outbox.sent, 4);
});

test('a count that can’t be', () => {
    const outbox = new Outbox();

    outbox.add('a');
    outbox.add('b');
    sent(outbox);
    outbox.pass('PING :1');
    outbox.confirm('PING :1');
    outbox.add('c');
    sent(outbox);

    /* less than was confirmed: those are lost */
    assert.equal(outbox.resume(1).lost, 2);
    assert.deepEqual(sent(outbox), ['c']);

    /* more than was sent */
    assert.deepEqual(
        outbox.resume(99).arrived.map((m) => m.text), ['c'],
    );
    assert.equal(outbox.sent, 99);
});

test('bounds: of what waits the newest is refused', () => {
    const few = new Outbox(2);

    assert.ok(few.add('a') !== null && few.add('b') !== null);
    assert.equal(few.add('c'), null);

    const big = new Outbox();
    const text = 'ü'.repeat(200_000);

    assert.ok(big.add(text) !== null && big.add(text) !== null);
    assert.equal(big.add(text), null);
    assert.equal(big.queued, 2);
});

test('bounds: of what flies the oldest is given up', () => {
    const outbox = new Outbox();

    for (let i = 0; i < 1_010; i++) {
        outbox.widen(Infinity);
        outbox.add(String(i));
        sent(outbox);
    }

    assert.equal(outbox.takeForgotten(), 10);
    assert.equal(outbox.takeForgotten(), 0);
    assert.equal(outbox.texts.length, 1_000);
    assert.deepEqual([outbox.resume(4).lost, outbox.sent], [6, 4]);
    assert.equal(outbox.texts[0], '10');

    const big = new Outbox();

    for (let i = 0; i < 12; i++) {
        big.widen(Infinity);
        big.add(String(i).padEnd(100_000));
        sent(big);
    }

    assert.equal(big.takeForgotten(), 2);
});

test('the end of a session, and of everything', () => {
    const outbox = new Outbox();

    outbox.pass('');
    outbox.add('a');
    sent(outbox);
    outbox.add('b');
    assert.deepEqual(outbox.restart(), [{ text: 'a', doubtful: true }]);
    assert.equal(outbox.sent, 0);
    assert.deepEqual(sent(outbox), ['b']);
    outbox.add('c');
    assert.deepEqual(outbox.drain(), [
        { text: 'b', doubtful: true }, { text: 'c', doubtful: false },
    ]);
    assert.deepEqual(outbox.drain(), []);
    assert.deepEqual([outbox.resume(7).lost, outbox.sent], [0, 7]);
});

test('the three words, and what is none', () => {
    assert.deepEqual(parseWord(`:client session 3-ab ${key(1)} 30`), {
        kind: 'session', ticket: { id: '3-ab', key: key(1), linger: 30 },
    });
    assert.deepEqual(parseWord(`:client resumed 12 ${key(2)}`), {
        kind: 'resumed', count: 12, key: key(2),
    });
    assert.deepEqual(
        parseWord(':client gap 0'), { kind: 'gap', count: 0 },
    );

    for (const line of [
        '', ':client', ':client session', `:client session a.b ${key(1)} 3`,
        `:client session a ${key(1)} x`, `:client session a ${key(1)}0 3`,
        `:client session a ${key(1)} 3 4`, ':client resumed 1 KEY',
        `:client resumed -1 ${key(1)}`, `:client resumed 1e3 ${key(1)}`,
        ':client gap', ':client gap 1 2', ':client gap 9999999999999999',
        `:client!u@h resumed 1 ${key(1)}`, ' :client gap 1',
        `:client  resumed 1 ${key(1)}`,
    ]) {
        assert.equal(parseWord(line), null);
    }

    assert.ok(!counted(':client gap') && !counted(':client gap x'));
    assert.ok(!counted(':client session') && !counted(':client resumed 1'));
    assert.ok(counted(':client!u@h gap') && counted(':client gaps'));
    assert.ok(counted('') && counted(new Uint8Array(1)));
});

test('for how long a session may be there', () => {
    const session = new Session({ id: 'a', key: key(1), linger: 5 });

    assert.ok(session.mayLive(1e9));
    session.lost(1_000);
    assert.ok(session.mayLive(66_000));
    assert.ok(!session.mayLive(66_001));
    session.back(key(2));
    assert.ok(session.mayLive(1e9));
    assert.equal(session.query, `a.${key(2)}.0`);
    assert.ok(!new Session().mayLive(0));
});

test('the answer to a PING, in whatever form', () => {
    for (const line of [
        ':s PONG s :x.1', ':s PONG s x.1', 'PONG :x.1', 'PONG x.1',
        '@a=b :s PONG s :x.1',
    ]) {
        assert.equal(Pulse.question(line), 'PING :x.1');
    }

    for (const line of [
        ':s PING s :x', ':s PONG', ':s PRIVMSG #x :PONG x', ':s PONG s :a b',
    ]) {
        assert.equal(Pulse.question(line), null);
    }
});

test('an alarm is one', () => {
    const calls: string[] = [];
    const timers = new Map<number, () => void>();
    let id = 0;
    const alarm = new Alarm({
        now: () => 0,
        setTimeout: (call) => {
            timers.set(++id, call);

            return id;
        },
        clearTimeout: (n) => void timers.delete(n),
    });

    alarm.set(() => calls.push('a'), 1);
    alarm.set(() => calls.push('b'), 1);
    assert.equal(timers.size, 1);
    timers.forEach((call) => call());
    assert.ok(!alarm.isSet);
    assert.deepEqual(calls, ['b']);
});
