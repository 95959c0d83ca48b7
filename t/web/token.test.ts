/* Asking for a token, with a fetch() made here; words for what goes wrong. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { TokenRefused } from '../../src/web/eirc';
import { requestToken } from '../../src/web/token';
import { reasonText } from '../../src/web/view/banner';
import { channelNames, nickProblem } from '../../src/web/view/login';
import { hue, initial } from '../../src/web/view/text';

const profile = { nick: 'me', realname: 'Me', channels: ['#x'] };

function answer(status: number, body: string): RequestInit[] {
    const asked: RequestInit[] = [];

    globalThis.fetch = async (_url, init) => {
        asked.push(init ?? {});

        return new Response(body, { status });
    };

    return asked;
}

async function ask(): Promise<unknown> {
    try {
        return await requestToken(
            'http://test/token', profile, new AbortController().signal,
        );
    } catch (error) {
        return error;
    }
}

test('a token', async () => {
    for (const status of [200, 201]) {
        const asked = answer(status, '{"token":"abc","expires":180}');

        assert.equal(await ask(), 'abc');
        assert.equal(asked[0]?.method, 'POST');
        assert.deepEqual(JSON.parse(String(asked[0]?.body)), profile);
    }
});

test('refused for good', async () => {
    for (const status of [400, 401, 403, 404, 405, 413, 422]) {
        answer(status, '<html>no</html>');
        assert.ok(await ask() instanceof TokenRefused);
    }

    answer(400, '{"error":"\\"nick\\" is reserved"}');

    const error = await ask();

    assert.ok(error instanceof TokenRefused);
    assert.equal(
        error.message, 'The server did not accept this: "nick" is reserved.',
    );
});

test('worth asking again', async () => {
    for (const [status, body] of [
        [500, ''], [502, 'x'], [503, '{}'], [429, ''], [408, ''],
        [200, 'x'], [200, '{}'], [200, 'null'], [200, '{"token":5}'],
        [201, '{"token":""}'],
    ] as const) {
        answer(status, body);

        const error = await ask();

        assert.ok(error instanceof Error && !(error instanceof TokenRefused));
    }

    globalThis.fetch = async () => {
        throw new TypeError('network');
    };
    assert.ok(!(await ask() instanceof TokenRefused));
});

test('nobody waits any more', async () => {
    const gone = new AbortController();

    globalThis.fetch = (_url, init) => new Promise((_done, fail) => {
        init?.signal?.addEventListener('abort', () => fail(new Error('gone')));
    });

    const asked = requestToken('http://test/token', profile, gone.signal).then(
        () => 'token', () => 'nothing',
    );

    gone.abort();
    assert.equal(await asked, 'nothing');
});

test('words for the ends of a connection', () => {
    assert.equal(reasonText(1012, 'reload'), 'The server is restarting.');
    assert.equal(reasonText(1008, 'too many lines'),
        'The server refused the connection: too many lines.');
    assert.equal(reasonText(1008, ''), 'The server refused the connection.');
    assert.equal(reasonText(0, 'A sentence.'), 'A sentence.');
    assert.equal(reasonText(4001, 'x'),
        'This chat was opened somewhere else.');
    assert.equal(reasonText(4444, ''), 'The connection was closed (4444).');
    assert.equal(reasonText(4444, 'why'),
        'The connection was closed (4444): why.');
});

test('names and channels that are typed', () => {
    for (const nick of ['alice', 'a-b_c', '[x]`^{|}\\', '\u00e4nne']) {
        assert.equal(nickProblem(nick), '');
    }

    for (const nick of ['', 'a b', '1a', '-a', '#a', 'a!b', 'a@b', ':a']) {
        assert.ok(nickProblem(nick) !== '');
    }

    assert.deepEqual(channelNames(' #a,b  &c #a # '), ['#a', '#b', '&c']);
    assert.deepEqual(channelNames(''), []);
});

test('the look of a name', () => {
    assert.equal(hue('Alice'), hue('alice_'));
    assert.ok(/^hue-([0-9]|1[01])$/.test(hue('')));
    assert.equal(initial('_bert'), 'B');
    assert.equal(initial('\u00e4nne'), '\u00c4');
    assert.equal(initial('^^'), '?');
});
