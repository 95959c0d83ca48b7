/* Lines sorted into conversations; what is typed, sent and shown. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { Chat } from '../../src/web/chat';
import { KEPT } from '../../src/web/conversation';
import { Connection, type Socket } from '../../src/web/eirc';

class Wire implements Socket {
    onopen: ((event: never) => void) | null = null;
    onmessage: ((event: never) => void) | null = null;
    onclose: ((event: never) => void) | null = null;
    sent: string[] = [];

    send(data: string): void {
        this.sent.push(data);
    }

    close(): void {
        this.onclose = null;
    }

    say(...lines: string[]): void {
        lines.forEach((data) => this.onmessage?.({ data } as never));
    }
}

class Table {
    wires: Wire[] = [];
    connection: Connection;
    chat: Chat;
    private clock = 0;
    timers: (() => void)[] = [];

    constructor(channels = ['#x']) {
        this.connection = new Connection({
            token: async () => 't',
            url: () => 'ws://test/',
            socket: () => {
                const wire = new Wire();

                this.wires.push(wire);

                return wire;
            },
            setTimeout: (call) => this.timers.push(call),
            clearTimeout: () => undefined,
        });
        this.chat = new Chat(
            this.connection,
            { nick: 'me', realname: 'me', channels },
            () => ++this.clock,
        );
    }

    get wire(): Wire {
        const wire = this.wires[this.wires.length - 1];

        assert.ok(wire);

        return wire;
    }

    async up(nick = 'me'): Promise<void> {
        this.connection.open();
        await this.again(nick);
    }

    async again(nick = 'me'): Promise<void> {
        for (let i = 0; i < 5; i++) {
            await Promise.resolve();
        }

        this.wire.onopen?.(undefined as never);
        this.wire.say(
            `:s 001 ${nick} :Welcome`, ':s 005 x CASEMAPPING=ascii :are',
            `:s 376 ${nick} :End`,
        );
    }

    join(name: string): void {
        this.wire.say(
            `:${this.chat.nick}!u@h JOIN ${name}`,
            `:s 353 x = ${name} :@op ${this.chat.nick}`, `:s 366 x ${name} :E`,
        );
    }

    /* name, unread, mentions of every tab */
    get tabs(): string[] {
        return this.chat.conversations.all.map(
            (c) => `${c.name}:${c.unread}:${c.mentions}`,
        );
    }

    texts(name: string): string[] {
        const conversation = name === ''
            ? this.chat.conversations.server
            : this.chat.conversations.find(name);

        return (conversation?.entries ?? []).map((e) =>
            e.from === '' ? e.text : `${e.from}: ${e.text}`);
    }
}

test('the wanted channel is in front from the start', async () => {
    const table = new Table(['#x', '#a']);

    assert.equal(table.chat.current.name, '#x');
    await table.up();
    table.join('#a');
    table.join('#x');
    assert.equal(table.chat.current.name, '#x');
    assert.deepEqual(table.tabs, [':0:0', '#a:0:0', '#x:0:0']);
});

test('talk, marks for what is unread, and looking at it', async () => {
    const table = new Table(['#x', '#y']);

    await table.up();
    table.join('#x');
    table.join('#y');
    table.wire.say(
        ':a!u@h PRIVMSG #x :seen', ':a!u@h PRIVMSG #y :one',
        ':a!u@h PRIVMSG #y :Me, two', ':a!u@h PRIVMSG #y :meet menu',
        ':a!u@h PRIVMSG me :psst', ':b!u@h JOIN #y',
    );
    assert.deepEqual(
        table.tabs, [':0:0', '#x:0:0', '#y:3:1', 'a:1:1'],
    );

    const y = table.chat.conversations.find('#Y');

    assert.ok(y);
    assert.equal(
        table.chat.conversations.nextUnread(table.chat.current), y,
    );
    table.chat.show(y);
    assert.deepEqual(
        table.tabs, [':0:0', '#x:0:0', '#y:0:0', 'a:1:1'],
    );
    table.chat.setVisible(false);
    table.wire.say(':a!u@h PRIVMSG #y :again');
    assert.equal(y.unread, 1);
    table.chat.setVisible(true);
    assert.equal(y.unread, 0);
});

test('own messages are drawn here', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');
    table.chat.type('hello\n/me too');
    table.chat.type('/me waves');
    table.chat.type('/msg a hi');
    assert.deepEqual(table.wire.sent, [
        'PRIVMSG #x :hello', 'PRIVMSG #x :/me too',
        'PRIVMSG #x :\x01ACTION waves\x01', 'PRIVMSG a :hi',
    ]);
    assert.deepEqual(
        table.texts('#x').slice(1),
        ['me: hello', 'me: /me too', 'me: waves'],
    );
    assert.deepEqual(table.texts('a'), ['me: hi']);
    assert.equal(table.chat.current.name, 'a');
});

test('a long message becomes several that are relayed whole', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');
    table.chat.type('\u00e4'.repeat(1000));
    assert.ok(table.wire.sent.length > 2);
    assert.ok(table.wire.sent.every((line) =>
        new TextEncoder().encode(line).length < 420));
});

test('joining and leaving by command', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');
    table.chat.type('/join y');
    assert.deepEqual(table.wire.sent, ['JOIN #y']);
    assert.equal(table.chat.current.name, '#x');
    table.join('#y');
    assert.equal(table.chat.current.name, '#y');
    table.chat.type('/part');
    assert.deepEqual(table.wire.sent, ['JOIN #y', 'PART #y']);
    table.wire.say(':me!u@h PART #y');
    assert.deepEqual(table.tabs, [':0:0', '#x:0:0']);
    assert.equal(table.chat.current.name, '#x');
    table.chat.closeTab(table.chat.current);
    assert.equal(table.wire.sent[2], 'PART #x');
    assert.deepEqual(table.tabs, [':0:0']);
});

test('one who is removed keeps the tab', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');
    table.wire.say(':op!u@h KICK #x me :out');
    assert.deepEqual(table.tabs, [':0:0', '#x:0:0']);
    assert.equal(table.chat.conversations.find('#x')?.joined, false);
    assert.equal(table.texts('#x').pop(), 'op removed you (out).');
});

test('coming, going and renaming stand where they are seen', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');
    table.wire.say(
        ':a!u@h JOIN #x', ':a!u@h PRIVMSG me :hi', ':a!u@h NICK b',
        ':b!u@h QUIT :bye',
    );
    assert.deepEqual(
        table.texts('#x').slice(1),
        ['a joined.', 'a is now known as b.', 'b left the chat (bye).'],
    );
    assert.equal(table.texts('b').pop(), 'b left the chat (bye).');
    assert.deepEqual(table.tabs, [':0:0', '#x:0:0', 'b:1:1']);
});

test('another nick than the one asked for is told', async () => {
    const table = new Table();

    await table.up('me_');
    assert.equal(table.chat.nick, 'me_');
    assert.ok(table.texts('#x').includes('You are known as me_.'));
});

test('errors stand where they belong', async () => {
    const table = new Table(['#x', '#y']);

    await table.up();
    table.join('#x');
    table.wire.say(
        ':s 404 me #y :Cannot send', ':s 403 me #z :No such channel',
        ':client error :Unrecognized command: "/x"',
    );
    assert.equal(table.texts('#y').pop(), 'Cannot send');
    assert.deepEqual(
        table.texts('#x').slice(1),
        ['#z: No such channel', 'Unrecognized command: "/x"'],
    );
    table.chat.type('/nonsense');
    assert.ok(table.texts('#x').pop()?.includes('/nonsense'));
});

test('what is typed while away waits, and is marked', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');
    table.wire.onclose?.({ code: 1012, reason: '' } as never);
    assert.equal(table.texts('#x').pop(), 'Connection lost.');
    assert.equal(table.chat.conversations.find('#x')?.joined, false);
    table.chat.type('still there?');

    const entry = table.chat.current.entries.at(-1);

    assert.equal(entry?.delivery, 'pending');
    assert.deepEqual(table.chat.wanted.channels, ['#x']);
    table.connection.retry();
    await table.again();
    assert.equal(entry?.delivery, 'done');
    assert.deepEqual(table.wire.sent, ['PRIVMSG #x :still there?']);
    table.join('#x');
    assert.equal(table.chat.conversations.find('#x')?.joined, true);
});

test('what could not be sent says so', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');
    table.wire.onclose?.({ code: 1006, reason: '' } as never);
    table.chat.type('lost');
    table.connection.close();
    assert.ok(table.chat.current.entries.some(
        (e) => e.text === 'lost' && e.delivery === 'failed'));
    table.chat.type('more');
    assert.equal(
        table.texts('#x').pop(), 'Not sent: you are not connected.',
    );
});

test('a channel that was left is not asked for again', async () => {
    const table = new Table(['#x', '#y']);

    await table.up();
    table.join('#x');
    table.join('#y');
    table.chat.type('/part');
    assert.deepEqual(table.chat.wanted.channels, ['#y']);
});

test('a conversation keeps so much and no more', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');

    for (let i = 0; i < KEPT + 50; i++) {
        table.wire.say(`:a!u@h PRIVMSG #x :${i}`);
    }

    assert.equal(table.chat.current.entries.length, KEPT);
    assert.equal(table.texts('#x').pop(), `a: ${KEPT + 49}`);
});

test('notices of services open no tab', async () => {
    const table = new Table();

    await table.up();
    table.join('#x');
    table.wire.say(
        ':NickServ!s@services NOTICE me :not registered',
        ':irc.example.org NOTICE me :news',
    );
    assert.deepEqual(table.tabs, [':0:0', '#x:0:0']);
    assert.equal(table.texts('#x').pop(), 'NickServ: not registered');
    assert.equal(table.texts('').pop(), 'irc.example.org: news');
});
