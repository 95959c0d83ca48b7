/* What a tab keeps while its page is loaded anew; which entry is whose. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import type { Entry } from '../../src/web/conversation';
import { deliver, settle } from '../../src/web/delivery';
import { bare, read } from '../../src/web/kept';
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

test('what a tab has kept, or anything else', () => {
    const kept = {
        profile: { nick: 'me', realname: 'Me', channels: ['#x'] },
        pack: {
            ticket: { id: 'a', key: key(1), linger: 30 },
            outbox: {
                count: 3, flying: [{ text: 'x', own: false }],
                waiting: ['y'],
            },
        },
    };
    const empty = { count: 0, flying: [], waiting: [] };

    assert.deepEqual(read(JSON.stringify(kept)), kept);
    assert.deepEqual(bare(kept).pack, { ...kept.pack, outbox: empty });

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
