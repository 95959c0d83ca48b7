/* Formatting codes and links in a message's text. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { plain, runs, safeHref, trimLink } from '../../src/web/format';

function links(text: string): string[] {
    return runs(text).flatMap((run) => run.href ?? []);
}

test('plain text is one run, whatever it looks like', () => {
    const text = '<b onclick="x()">no</b> & &amp; javascript:alert(1)';

    assert.deepEqual(runs(text), [{ text }]);
    assert.deepEqual(runs(''), []);
});

test('links, and the marks behind them', () => {
    assert.deepEqual(
        runs('see https://a.org/x, ok'),
        [
            { text: 'see ' },
            { text: 'https://a.org/x', href: 'https://a.org/x' },
            { text: ', ok' },
        ],
    );
    assert.deepEqual(links('(https://a.org/b_(c))'), ['https://a.org/b_(c)']);
    assert.deepEqual(links('<https://a.org/?q=1&r=2>.'),
        ['https://a.org/?q=1&r=2']);
    assert.deepEqual(links('http://a.org http://b.org'),
        ['http://a.org/', 'http://b.org/']);
    assert.equal(trimLink('https://a.org/...'), 'https://a.org/');
});

test('nothing but http and https becomes a link', () => {
    for (const text of [
        'javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd',
        'ftp://a.org', 'https://', 'http:// a', 'xhttp://a',
        'vbscript:x', 'HTTP//x',
    ]) {
        assert.deepEqual(links(text), []);
    }

    assert.equal(safeHref('javascript:alert(1)'), null);
    assert.equal(safeHref('nonsense'), null);
});

test('an address cannot break out of itself', () => {
    assert.deepEqual(
        links('https://a.org/"onmouseover="x()'), ['https://a.org/'],
    );
});

test('formatting', () => {
    assert.deepEqual(runs('a\x02b\x1dc\x02d\x0fe'), [
        { text: 'a' },
        { bold: true, text: 'b' },
        { bold: true, italic: true, text: 'c' },
        { italic: true, text: 'd' },
        { text: 'e' },
    ]);
    assert.deepEqual(
        runs('\x0304,12red\x03 \x04ff00ffpink\x07'),
        [{ text: 'red' }, { text: ' ' }, { text: 'pink' }],
    );
    assert.equal(plain('\x0312,1a\x02b\x1f\x01c'), 'abc');
});
