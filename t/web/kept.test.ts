/* What a tab keeps while its page is loaded anew; which entry is whose. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import type { Entry } from '../../src/web/conversation';
import { deliver, settle } from '../../src/web/delivery';
import { Chat, VERSION, type Memory } from '../../src/web/chat';
import { Connection } from '../../src/web/eirc';
import { bare, Keeper, read, type Kept } from '../../src/web/kept';
import { key } from './bench';

function entry(id: number, line: string, more: Partial<Entry> = {}): Entry {
    return {
        id, at: 0, kind: 'message', from: 'me', text: line, own: true,
        mention: false, delivery: 'done', line, ...more,
    };
}

test('the entries that messages belong to', () => {
    const entries = [
        entry(1, 'a'), entry(2, 'b'), entry(3, 'a'),
        entry(4, 'a', { delivery: 'pending' }),
        entry(5, 'b', { own: false }),
    ];
    const look = (): string => entries.map((e) => e.delivery).join(' ');

    assert.equal(deliver(entries, 'b'), undefined);
    assert.deepEqual(settle(entries, [
        { text: 'b', doubtful: true }, { text: 'a', doubtful: true },
        { text: 'x', doubtful: true }, { text: 'a', doubtful: false },
    ]).unseen, [{ text: 'x', doubtful: true }]);
    assert.equal(look(), 'done doubtful doubtful failed done');
    entries[2] = entry(3, 'a', { delivery: 'pending' });
    assert.equal(deliver(entries, 'a')?.id, 3);
    assert.equal(look(), 'done doubtful done failed done');
});

const empty = { count: 0, flying: [], waiting: [] };

/* With something in every place. */
const memory: Memory = {
    version: VERSION,
    heard: { received: 7, ready: true },
    state: {
        nick: 'me',
        registered: true,
        isupport: [['CASEMAPPING', 'ascii'], ['PREFIX', '(ohv)@%+']],
        channels: [{
            name: '#X', topic: 'T', topicBy: 'a', topicAt: 1,
            members: [['Me', '%+'], ['a', '']],
        }],
        incoming: [['#x', [['b', '@']]]],
    },
    conversations: [
        {
            kind: 'server', name: '', entries: [], unread: 0, mentions: 0,
            seen: 0, joined: false, leaving: false, draft: '',
        },
        {
            kind: 'channel', name: '#X', entries: [entry(2, 'x')], unread: 2,
            mentions: 1, seen: 1, joined: true, leaving: false, draft: 'y',
        },
    ],
    front: '#X',
    away: { text: 'gone', until: 5 },
    retold: ['#x'],
    toShow: ['#y'],
};

const kept: Kept = {
    profile: { nick: 'me', realname: 'Me', channels: ['#X'] },
    pack: {
        ticket: { id: 'a', key: key(1), linger: 30 },
        outbox: {
            count: 3, flying: [{ text: 'x', own: false }], waiting: ['y'],
        },
    },
    memory,
};

test('what a tab has kept, or anything else', () => {
    assert.deepEqual(read(JSON.stringify(kept)), kept);
    assert.deepEqual(
        read(JSON.stringify({ ...kept, memory: null })),
        { ...kept, memory: null },
    );
    assert.deepEqual(bare(kept), {
        profile: kept.profile,
        pack: { ...kept.pack, outbox: empty },
        memory: null,
    });

    for (const text of [
        null, '', '{', 'null', '[]', '{}', '{"profile":{},"pack":{}}',
        '{"profile":{"nick":"","realname":"x","channels":[]},"pack":{}}',
        '{"profile":{"nick":"a","realname":"x","channels":[1]},"pack":{}}',
    ]) {
        assert.equal(read(text), null);
    }

    for (const outbox of [
        null, 1, {}, { ...kept.pack.outbox, count: 'x' },
        { ...kept.pack.outbox, waiting: [1] },
    ]) {
        assert.deepEqual(
            read(JSON.stringify({
                ...kept, pack: { ticket: { id: 1 }, outbox },
            }))?.pack,
            { ticket: null, outbox: empty },
        );
    }
});

/* Every value in it, each by a function that puts another in its place. */
function places(value: unknown): ((other: unknown) => void)[] {
    return typeof value !== 'object' || value === null
        ? []
        : Object.entries(value).flatMap(([name, inner]) => [
            (other) => {
                (value as Record<string, unknown>)[name] = other;
            },
            ...places(inner),
        ]);
}

test('what is shown is read whole or not at all', () => {
    const n = places(memory).length;

    assert.ok(n > 60);

    for (let i = 0; i < n; i++) {
        for (const other of [undefined, { x: 1 }, true, -1.5]) {
            const broken = structuredClone(kept);

            places(broken.memory)[i]?.(other);

            const after = read(JSON.stringify(broken));
            const same = after?.memory !== null;

            /* where it happens to be of the right kind */
            assert.deepEqual(
                after,
                JSON.parse(JSON.stringify(
                    same ? broken : { ...kept, memory: null },
                )),
            );
            assert.ok(!same || other === true || other === -1.5);
        }
    }

    for (const change of [
        { version: VERSION + 1 },
        { conversations: [{ ...memory.conversations[1], kind: 'x' }] },
        { away: { text: 'x', until: 9e15 } },
        ...[{ at: 9e15 }, { kind: 'x' }, { delivery: 'x' }, { id: -1 }].map(
            (bad) => ({ conversations: [{
                ...memory.conversations[1],
                entries: [{ ...entry(1, 'x'), ...bad }],
            }] }),
        ),
    ]) {
        const other = { ...kept, memory: { ...memory, ...change } };

        assert.deepEqual(
            read(JSON.stringify(other)), { ...kept, memory: null },
        );
    }

    /* nor where something else of it is broken */
    for (const pack of [
        { ...kept.pack, outbox: 1 }, { ...kept.pack, ticket: 1 },
    ]) {
        assert.equal(read(JSON.stringify({ ...kept, pack }))?.memory, null);
    }
});

test('what was read is packed again as it was', () => {
    const connection = new Connection({
        token: async () => 't',
        url: () => 'ws://test/',
        pack: kept.pack,
        heard: memory.heard,
    });
    const chat = new Chat(connection, { ...kept.profile }, Date.now, memory);

    /* what was not known to have arrived, and is not shown yet */
    assert.equal(chat.conversations.find('#x')?.entries.length, 1);
    assert.deepEqual(chat.pack(), memory);
    assert.equal(chat.state.isOwn('ME'), true);
    assert.equal(chat.state.channel('#x')?.members.get('me')?.nick, 'Me');
    assert.equal(chat.state.isupport.rank('%'), 1);
});

test('storage that refuses, and what is taken out of it', () => {
    const store = { text: null as string | null, room: 1e6 };

    /* other tabs would be waited for */
    Reflect.deleteProperty(globalThis, 'BroadcastChannel');

    const keeper = new Keeper();

    Object.assign(globalThis, { sessionStorage: {
        getItem: () => store.text,
        setItem: (_name: string, text: string) => {
            if (text.length > store.room) {
                throw new Error('quota');
            }

            store.text = text;
        },
        removeItem: () => {
            store.text = null;
        },
    } });

    try {
        keeper.keep(kept);
        assert.deepEqual(keeper.take(), kept);
        assert.deepEqual(keeper.take(), bare(kept));
        store.room = JSON.stringify(kept).length - 1;
        keeper.keep(kept);
        assert.deepEqual(keeper.take(), { ...kept, memory: null });
        store.room = 10;
        keeper.keep(kept);
        assert.deepEqual(keeper.take(), bare(kept));
        keeper.forget();
        assert.equal(keeper.take(), null);
    } finally {
        Reflect.deleteProperty(globalThis, 'sessionStorage');
    }

    assert.equal(keeper.take(), null);
});
