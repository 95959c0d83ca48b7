/* What a person types, and what is to be done then. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import {
    COMMANDS, interpret, sayLines, type Intent,
} from '../../src/web/command';
import { Completer } from '../../src/web/completion';

function typed(text: string, current = '#x'): Intent[] {
    return interpret(text, {
        current, isChannel: (name) => name.startsWith('#'),
    });
}

function line(text: string, current = '#x'): string {
    const [intent] = typed(text, current);

    return intent?.do === 'send' || intent?.do === 'quit'
        ? intent.line
        : intent?.do ?? '';
}

function say(
    type: string,
    target: string,
    text: string,
    show = true,
): unknown {
    return { do: 'say', type, target, text, show };
}

test('text goes to the conversation in front', () => {
    assert.deepEqual(typed('hello'), [say('message', '#x', 'hello')]);
    assert.deepEqual(typed('//etc'), [say('message', '#x', '/etc')]);
    assert.equal(typed('hello', '')[0]?.do, 'error');
    assert.deepEqual(typed('  \n '), []);
});

test('several lines are several messages and one command at most', () => {
    assert.deepEqual(typed('/me waves\n/quit\r\nx'), [
        say('action', '#x', 'waves'),
        say('message', '#x', '/quit'),
        say('message', '#x', 'x'),
    ]);
});

test('commands', () => {
    assert.deepEqual(typed('/me waves'), [say('action', '#x', 'waves')]);
    assert.deepEqual(typed('/msg a hi  there'),
        [say('message', 'a', 'hi  there')]);
    assert.deepEqual(typed('/notice a hi'),
        [say('notice', 'a', 'hi', false)]);
    assert.equal(line('/join lobby'), 'JOIN #lobby');
    assert.equal(line('/join #a,b key'), 'JOIN #a,#b key');
    assert.equal(line('/J #a'), 'JOIN #a');
    assert.equal(line('/part'), 'PART #x');
    assert.equal(line('/part #y see you'), 'PART #y :see you');
    assert.equal(line('/part see you'), 'PART #x :see you');
    assert.equal(line('/nick new'), 'NICK new');
    assert.equal(line('/topic'), 'TOPIC #x');
    assert.equal(line('/topic new one'), 'TOPIC #x :new one');
    assert.equal(line('/topic #y z'), 'TOPIC #y :z');
    assert.equal(line('/kick a'), 'KICK #x a :a');
    assert.equal(line('/kick #y a for that'), 'KICK #y a :for that');
    assert.equal(line('/mode +o a'), 'MODE #x +o a');
    assert.equal(line('/mode me +i', ''), 'MODE me +i');
    assert.equal(line('/names'), '/users #x');
    assert.equal(line('/quote PING x'), '/input PING x');
    assert.equal(line('/quit'), '/quit');
    assert.equal(line('/quit so long'), 'QUIT :so long');
    assert.deepEqual(typed('/query a'), [{ do: 'query', nick: 'a' }]);
    assert.deepEqual(typed('/clear'), [{ do: 'clear' }]);
});

test('a wrong use is told, not sent', () => {
    for (const text of [
        '/me', '/msg', '/msg a', '/join', '/nick', '/kick', '/invite',
        '/unknown', '/constructor', '/', '/whois', '/quote',
    ]) {
        assert.equal(typed(text)[0]?.do, 'error');
    }

    for (const text of ['/part', '/topic x', '/me x', '/kick a', '/mode +o']) {
        assert.equal(typed(text, '')[0]?.do, 'error');
    }

    assert.equal(typed('/nick :x')[0]?.do, 'send');
    assert.equal(typed('/msg :x y')[0]?.do, 'say');
});

test('every command has its usage and a word about it', () => {
    for (const [name, command] of Object.entries(COMMANDS)) {
        assert.equal(command?.usage.startsWith(`/${name}`), true);
        assert.ok(command?.about !== '');
    }
});

test('lines of a text', () => {
    assert.deepEqual(
        sayLines('message', '#x', ['a', 'b']),
        ['PRIVMSG #x :a', 'PRIVMSG #x :b'],
    );
    assert.deepEqual(
        sayLines('action', '#x', ['a']), ['PRIVMSG #x :\x01ACTION a\x01'],
    );
    assert.deepEqual(sayLines('notice', 'n', ['a']), ['NOTICE n :a']);
});

test('completing names', () => {
    const completer = new Completer();
    const all = ['anna', 'Anton', 'bert', '#art', '/away'];

    const first = completer.complete('an', 2, all);

    assert.deepEqual(first, { text: 'anna: ', caret: 6 });
    assert.deepEqual(
        completer.complete('anna: ', 6, all), { text: 'Anton: ', caret: 7 },
    );
    assert.deepEqual(
        completer.complete('Anton: ', 7, all), { text: 'anna: ', caret: 6 },
    );
    assert.deepEqual(
        completer.complete('hi be there', 5, all),
        { text: 'hi bert there', caret: 8 },
    );
    assert.deepEqual(
        completer.complete('/aw', 3, all), { text: '/away ', caret: 6 },
    );
    assert.equal(completer.complete('zz', 2, all), null);
    assert.equal(completer.complete('', 0, all), null);
    assert.equal(completer.complete('an ', 3, all), null);
});
