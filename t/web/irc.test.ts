/* Lines taken apart and put together, names compared, text split. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import {
    build, buildAction, fold, parse, parseCtcp, parseTags, split,
} from '../../src/web/irc';

function parts(line: string): unknown[] {
    const message = parse(line);

    return message === null
        ? []
        : [
            message.source?.nick ?? null,
            message.command,
            ...message.params,
        ];
}

test('a command alone', () => {
    assert.deepEqual(parts('PING'), [null, 'PING']);
});

test('source, command, parameters and text', () => {
    assert.deepEqual(
        parts(':a!b@c PRIVMSG #x :hello  there :-)'),
        ['a', 'PRIVMSG', '#x', 'hello  there :-)'],
    );
});

test('user and host of a source', () => {
    assert.deepEqual(
        parse(':a!b@c@d QUIT')?.source,
        { nick: 'a', user: 'b', host: 'c@d' },
    );
    assert.deepEqual(
        parse(':irc.example.org 001 x')?.source,
        { nick: 'irc.example.org', user: '', host: '' },
    );
    assert.deepEqual(
        parse(':a@h QUIT')?.source, { nick: 'a', user: '', host: 'h' },
    );
});

test('many spaces, none at the end, an empty text', () => {
    assert.deepEqual(
        parts(':s   353  me  =   #x   :a b'),
        ['s', '353', 'me', '=', '#x', 'a b'],
    );
    assert.deepEqual(parts('JOIN #x   '), [null, 'JOIN', '#x']);
    assert.deepEqual(parts('TOPIC #x :'), [null, 'TOPIC', '#x', '']);
    assert.deepEqual(parts('A :b:c'), [null, 'A', 'b:c']);
    assert.deepEqual(parts('A b:c'), [null, 'A', 'b:c']);
});

test('line ends are no part of it', () => {
    assert.deepEqual(parts('PRIVMSG x :y\r\n'), [null, 'PRIVMSG', 'x', 'y']);
});

test('letters become upper case, other words stay', () => {
    assert.deepEqual(parts('privmsg x y'), [null, 'PRIVMSG', 'x', 'y']);
    assert.deepEqual(parts('Disconnected.'), [null, 'Disconnected.']);
    assert.deepEqual(
        parts('! SASL error (904): authentication failed').slice(0, 2),
        [null, '!'],
    );
});

test('nothing to take apart', () => {
    assert.equal(parse(''), null);
    assert.equal(parse('   '), null);
    assert.equal(parse(':source'), null);
    assert.equal(parse('@tag :source '), null);
});

test('tags are taken off, their escapes resolved', () => {
    const message = parse('@a=b;c;d=x\\:\\s\\\\\\r\\n\\q\\;+e= :s CMD p');

    assert.equal(message?.command, 'CMD');
    assert.deepEqual(
        [...message?.tags ?? []],
        [['a', 'b'], ['c', ''], ['d', 'x; \\\r\nq'], ['+e', '']],
    );
    assert.deepEqual([...parseTags('a=1;a=2;')], [['a', '2']]);
});

test('every prefix of a line parses or is nothing', () => {
    const line = '@a=b\\ :n!u@h PRIVMSG #x :two words';

    for (let n = 0; n <= line.length; n++) {
        const message = parse(line.slice(0, n));

        assert.ok(message === null || message.command !== '');
    }
});

test('building', () => {
    assert.equal(build('JOIN', '#a,#b', 'key'), 'JOIN #a,#b key');
    assert.equal(build('PRIVMSG', '#x', 'hi'), 'PRIVMSG #x :hi');
    assert.equal(build('TOPIC', '#x'), 'TOPIC #x');
    assert.equal(build('PART', '#x', 'two words'), 'PART #x :two words');
    assert.equal(build('MODE', '#x', '+k', ':key'), 'MODE #x +k ::key');
    assert.equal(buildAction('#x', 'waves'),
        'PRIVMSG #x :\x01ACTION waves\x01');
});

test('no second line can be smuggled', () => {
    assert.equal(
        build('PRIVMSG', '#x', 'a\r\nQUIT\0b'), 'PRIVMSG #x :a QUIT b',
    );
    assert.throws(() => build('PRIVMSG', '#x y', 'a'));
    assert.throws(() => build('PRIVMSG', '', 'a'));
    assert.throws(() => build('PRIVMSG', ':x', 'a'));
    assert.throws(() => build('PRIVMSG', '#x\r\nQUIT', 'a'));
});

test('what is built is parsed to the same', () => {
    for (const text of [
        '', ' ', ':', 'a', 'a b', ' a', ':a', '\u00e4 \u{1f642}',
    ]) {
        assert.deepEqual(
            parse(build('PRIVMSG', '#x', text))?.params, ['#x', text],
        );
    }
});

test('names by casemapping', () => {
    assert.equal(fold('A[]\\~Z'), 'a{}|^z');
    assert.equal(fold('A[]\\~Z', 'strict-rfc1459'), 'a{}|~z');
    assert.equal(fold('A[]\\~\u00c4', 'ascii'), 'a[]\\~\u00c4');
    assert.equal(fold('\u00c4', 'rfc8265'), '\u00e4');
});

test('CTCP', () => {
    assert.deepEqual(
        parseCtcp('\x01ACTION waves a bit\x01'),
        { verb: 'ACTION', text: 'waves a bit' },
    );
    assert.deepEqual(parseCtcp('\x01VERSION\x01'),
        { verb: 'VERSION', text: '' });
    assert.deepEqual(parseCtcp('\x01action x'),
        { verb: 'ACTION', text: 'x' });
    assert.equal(parseCtcp('ACTION x'), null);
    assert.equal(parseCtcp('a \x01ACTION x\x01'), null);
});

test('long text is split by bytes, between words where it can', () => {
    const bytes = (text: string): number =>
        new TextEncoder().encode(text).length;

    assert.deepEqual(split('one two three', 9), ['one two', 'three']);
    assert.deepEqual(split('short', 400), ['short']);
    assert.deepEqual(split('abcdef', 4), ['abcd', 'ef']);
    assert.deepEqual(split('', 4), []);

    const smile = '\u{1f642}'.repeat(9);

    for (let limit = 4; limit < 20; limit++) {
        const pieces = split(smile, limit);

        assert.equal(pieces.join(''), smile);
        assert.ok(pieces.every((piece) => bytes(piece) <= limit));
    }

    const words = 'gr\u00fc\u00dfe aus k\u00f6ln und umgebung '.repeat(40)
        .trim();

    for (let limit = 16; limit < 90; limit += 7) {
        const pieces = split(words, limit);

        assert.equal(pieces.join(' '), words);
        assert.ok(pieces.every((piece) => bytes(piece) <= limit));
    }
});
