/* Lines sorted into conversations; what is typed, sent and shown. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { Chat, type Memory } from '../../src/web/chat';
import { KEPT, PACKED, PACKED_SIZE } from '../../src/web/conversation';
import { Connection, type Pack, type Socket } from '../../src/web/eirc';
import { read } from '../../src/web/kept';
import { ID, key, settle } from './bench';

class Wire implements Socket {
    onopen: ((event: never) => void) | null = null;
    onmessage: ((event: never) => void) | null = null;
    onclose: ((event: never) => void) | null = null;
    sent: string[] = [];

    constructor(readonly resume: string) {}

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

    constructor(channels = ['#x'], pack?: Pack, memory?: Memory | null) {
        this.connection = new Connection({
            token: async () => 't',
            url: (_token, resume) => resume,
            socket: (url) => {
                const wire = new Wire(url);

                this.wires.push(wire);

                return wire;
            },
            setTimeout: (call) => this.timers.push(call),
            clearTimeout: () => undefined,
            pack,
            heard: memory?.heard,
        });
        this.chat = new Chat(
            this.connection,
            { nick: 'me', realname: 'me', channels },
            () => ++this.clock,
            memory,
        );
    }

    /* The page is loaded anew: the next one. */
    reload(): Table {
        const { chat, connection } = this;
        const kept = read(JSON.stringify({
            profile: chat.wanted,
            pack: connection.pack(),
            memory: chat.pack(),
        }));

        assert.ok(kept?.memory);

        const next = new Table(
            kept.profile.channels, kept.pack, kept.memory,
        );

        next.clock = this.clock;
        next.connection.open();

        return next;
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
        await this.upgrade();
        this.register(nick);
    }

    async upgrade(): Promise<void> {
        await settle();
        this.wire.onopen?.(undefined as never);
    }

    register(nick = 'me'): void {
        this.wire.say(
            `:s 001 ${nick} :Welcome`, ':s 005 x CASEMAPPING=ascii :are',
            `:s 376 ${nick} :End`,
        );
    }

    /* In #x, in a session that can be resumed. */
    async resumable(): Promise<void> {
        this.connection.open();
        await this.upgrade();
        this.wire.say(`:client session ${ID} ${key(1)} 30`);
        this.register();
        this.join('#x');
    }

    end(code: number): void {
        this.wire.onclose?.({ code, reason: '' } as never);
    }

    /* Comes back; the server has so many of our messages. */
    async resume(count: number, ...lines: string[]): Promise<void> {
        this.connection.retry();
        await this.upgrade();
        this.wire.say(`:client resumed ${count} ${key(2)}`, ...lines);
    }

    /* Own entries in front, and what became of them. */
    get own(): string[] {
        return this.chat.current.entries.filter((e) => e.own).map(
            (e) => `${e.text}: ${e.delivery}`,
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
    table.end(1012);
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
    table.end(1006);
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

test('a page that is loaded anew has the same channel in front', async () => {
    const table = new Table(['#x', '#y']);

    await table.up();
    table.join('#x');
    table.join('#y');
    table.join('#z');
    table.chat.type('/join #y');
    assert.equal(table.chat.current.name, '#y');
    assert.deepEqual(table.chat.wanted.channels, ['#y', '#x', '#z']);
    assert.equal(new Table(table.chat.wanted.channels).chat.current.name, '#y');
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

test('a session that is resumed: nobody notices', async () => {
    const table = new Table();

    await table.resumable();

    const before = table.texts('#x');

    table.end(1006);
    assert.deepEqual(table.texts('#x'), before);
    assert.equal(table.chat.conversations.find('#x')?.joined, true);
    assert.equal(table.chat.state.members('#x').length, 2);
    table.chat.type('still there?');
    assert.deepEqual(table.own, ['still there?: pending']);
    await table.resume(0, ':a!u@h PRIVMSG #x :yes');
    assert.deepEqual(table.own, ['still there?: done']);
    assert.deepEqual(
        table.texts('#x').slice(before.length),
        ['me: still there?', 'a: yes'],
    );
});

test('a gap: windows say so, and the state is told anew', async () => {
    const table = new Table(['#x', '#y']);

    await table.resumable();
    table.join('#y');
    table.wire.say(':a!u@h PRIVMSG me :hi');
    table.end(1006);
    await table.resume(0, ':client gap 900');
    assert.equal(table.chat.state.members('#x').length, 0);
    table.register();
    table.join('#x');

    const words = 'Some lines may be missing here.';

    assert.equal(table.texts('#x').pop(), words);
    assert.equal(table.texts('#y').pop(), words);
    assert.equal(table.texts('a').pop(), words);
    assert.equal(table.chat.conversations.find('#x')?.joined, true);
    assert.equal(table.chat.conversations.find('#y')?.joined, false);
    assert.equal(table.chat.state.members('#x').length, 2);

    /* later it is news again */
    table.wire.say(':me!u@h PART #x');
    table.join('#x');
    assert.equal(table.texts('#x').pop(), 'You joined #x.');
});

test('a gap on a page that was loaded anew', async () => {
    const table = new Table(['#x'], {
        ticket: { id: ID, key: key(1), linger: 30 },
        outbox: { count: 0, flying: [], waiting: [] },
    });

    table.connection.open();
    await table.upgrade();
    table.wire.say(`:client resumed 0 ${key(2)}`, ':client gap 900');
    table.register();
    table.join('#x');
    assert.deepEqual(table.texts('#x'), [
        'Earlier lines are not shown.', 'You joined #x.',
    ]);
});

test('a session that is over: what is doubtful can go again', async () => {
    const table = new Table();

    await table.resumable();
    table.chat.type('one');
    table.chat.type('/topic two');
    table.end(1006);
    table.chat.type('three');
    assert.ok(!table.texts('#x').includes('Connection lost.'));
    table.connection.retry();
    await settle();
    table.end(4501);
    assert.ok(table.texts('#x').includes('Connection lost.'));
    assert.deepEqual(table.own, [
        'one: doubtful', 'three: pending', 'TOPIC #x :two: doubtful',
    ]);
    await table.again();
    assert.deepEqual(table.wire.sent, ['PRIVMSG #x :three']);

    const [one, three, two] = table.chat.current.entries.filter((e) => e.own);

    assert.ok(one && two && three);
    table.chat.said.again(one);
    table.chat.said.again(three);
    table.chat.said.again(two);
    table.chat.said.again(two);
    assert.deepEqual(table.wire.sent, [
        'PRIVMSG #x :three', 'PRIVMSG #x :one', 'TOPIC #x :two',
    ]);
    assert.deepEqual(table.own, [
        'one: done', 'three: done', 'TOPIC #x :two: done',
    ]);
});

test('the server has lost the session: it says so', async () => {
    const table = new Table();

    await table.resumable();
    table.wire.say(`:client session 0-new ${key(1)} 30`);
    assert.ok(table.texts('#x').pop()?.startsWith('The server had to begin'));
    assert.equal(table.chat.conversations.find('#x')?.joined, false);
    table.register();
    table.join('#x');
    assert.equal(table.texts('#x').pop(), 'You joined #x.');
});

test('another session is there at the return: it says so', async () => {
    for (const first of [
        `:client session 0-new ${key(1)} 30`, ':s NOTICE * :Welcome',
    ]) {
        const table = new Table();

        await table.resumable();
        table.chat.type('one');
        table.end(1006);
        table.connection.retry();
        await table.upgrade();
        table.wire.say(first);
        assert.deepEqual(table.own, ['one: doubtful']);
        assert.ok(table.texts('#x').pop()?.startsWith('The server had to'));
        assert.equal(table.chat.conversations.find('#x')?.joined, false);
        assert.equal(table.chat.state.members('#x').length, 0);
        table.register();
        table.join('#x');
        assert.equal(table.texts('#x').pop(), 'You joined #x.');
    }
});

test('taken over: the windows stay as they are', async () => {
    const table = new Table();

    await table.resumable();
    table.end(4001);
    assert.equal(table.chat.conversations.find('#x')?.joined, true);
    table.chat.type('no');
    assert.deepEqual(table.own, ['no: failed']);
    table.connection.open();
    await settle();
    assert.equal(table.texts('#x').pop(), 'Not sent: you are not connected.');
});

test('leaving with something unsent takes two words', async () => {
    const table = new Table();

    await table.resumable();
    table.end(1006);
    table.chat.type('one');
    table.chat.type('/quit');
    assert.ok(table.texts('#x').pop()?.startsWith('Not sent yet: 1 of'));
    assert.equal(table.chat.left, false);
    table.chat.type('/quit');
    assert.equal(table.chat.left, true);
    table.end(1006);
    assert.equal(table.connection.state.name, 'closed');
    assert.ok(table.chat.farewell.includes('may not have arrived'));
});

test('leaving when all is closed, or all is well', async () => {
    const closed = new Table();
    let told = 0;

    await closed.resumable();
    closed.end(1008);
    closed.chat.on('status', () => told++);
    closed.chat.type('/quit');
    assert.ok(closed.chat.left && told === 1);

    const well = new Table();

    await well.resumable();
    well.chat.type('one');
    well.chat.type('/quit');
    well.end(1000);
    assert.equal(well.chat.farewell, 'You left the chat.');
});

test('the IRC server goes and comes', async () => {
    const table = new Table();

    await table.resumable();
    table.wire.say(
        ':client notice :No IRC server could be reached. Next try in 4 s.',
    );
    assert.equal(
        table.chat.away?.text, 'No IRC server could be reached.',
    );
    assert.ok((table.chat.away?.until ?? 0) > 4000);
    assert.ok(table.texts('#x').pop()?.includes('Next try in 4 s.'));
    table.wire.say(':client notice :Connected to the IRC server again.');
    assert.equal(table.chat.away, null);
    assert.equal(table.chat.conversations.find('#x')?.joined, true);
});

test('what the page before had to say is shown, and goes out', async () => {
    const table = new Table(['#x'], {
        ticket: { id: ID, key: key(1), linger: 30 },
        outbox: {
            count: 3,
            flying: [
                { text: 'PRIVMSG #x :one', own: false },
                { text: 'PRIVMSG a :\x01ACTION waves\x01', own: false },
            ],
            waiting: ['JOIN #y', 'NOTICE #x :two'],
        },
    });

    assert.deepEqual(table.own, ['one: pending', 'two: pending']);
    table.connection.open();
    await table.upgrade();
    table.wire.say(`:client resumed 2 ${key(2)}`);
    assert.deepEqual(table.own, ['one: done', 'two: pending']);
    table.register();
    assert.deepEqual(table.wire.sent, [
        '', 'PRIVMSG a :\x01ACTION waves\x01', 'JOIN #y', 'NOTICE #x :two',
    ]);
    assert.deepEqual(table.own, ['one: done', 'two: done']);
    assert.deepEqual(table.texts('a'), ['me: waves']);
});

test('the next page goes on where this one was', async () => {
    const table = new Table(['#x', '#y']);

    await table.resumable();
    table.join('#y');
    table.wire.say(
        ':s 332 me #x :About x',
        ':a!u@h PRIVMSG me :psst',
        ':a!u@h PRIVMSG #y :me: here',
        ':me!u@h NICK :I',
        ':b!u@h PRIVMSG #x :hello',
    );
    table.chat.type('hello yourself');
    table.chat.current.draft = 'and';
    table.chat.type('/join #z');

    const looks = ({ chat, tabs }: Table): unknown => [
        chat.nick, chat.current.name, tabs,
        chat.state.channel('#x')?.topic, chat.state.members('#y'),
        chat.conversations.all.map((c) => [c.joined, c.seen, c.draft]),
        chat.conversations.all.map((c) => c.entries.map(
            (e) => [e.id, e.at, e.from, e.text, e.mention],
        )),
    ];
    const before = looks(table);
    let page = table;

    for (const round of [1, 2, 3]) {
        page = page.reload();
        assert.deepEqual(looks(page), before);
        await page.upgrade();
        assert.equal(page.wire.resume, `${ID}.${key(round === 1 ? 1 : 2)}.14`);
        page.wire.say(`:client resumed ${round + 1} ${key(2)}`);
        assert.equal(page.connection.state.name, 'open');
        assert.deepEqual(page.own, ['hello yourself: done']);
        assert.deepEqual(looks(page), before);
    }

    page.wire.say(':b!u@h PRIVMSG #x :still there, I?', ':a!u@h QUIT :x');
    page.join('#z');
    assert.equal(page.chat.current.name, '#z');
    assert.deepEqual(page.texts('#x').slice(-3), [
        'b: hello', 'I: hello yourself', 'b: still there, I?',
    ]);
    assert.equal(page.texts('a').pop(), 'a left the chat (x).');

    const ids = page.chat.conversations.all.flatMap(
        (c) => c.entries.map((e) => e.id),
    );

    assert.equal(new Set(ids).size, ids.length);
});

test('what was on its way is shown once', async () => {
    const table = new Table();

    await table.resumable();
    table.chat.type('one');
    table.chat.type('same');
    table.chat.type('/notice a three');
    table.end(1006);
    table.chat.type('same');
    assert.deepEqual(table.own, [
        'one: done', 'same: done', '→ a: three: done', 'same: pending',
    ]);

    const next = table.reload();

    assert.deepEqual(next.own, [
        'one: pending', 'same: pending', '→ a: three: pending',
        'same: pending',
    ]);
    await next.upgrade();
    next.wire.say(`:client resumed 2 ${key(2)}`);
    assert.deepEqual(next.wire.sent, [
        '', 'NOTICE a :three', 'PRIVMSG #x :same',
    ]);
    assert.deepEqual(next.own, [
        'one: done', 'same: done', '→ a: three: done', 'same: done',
    ]);
});

test('the next page and a gap', async () => {
    const table = new Table();

    await table.resumable();
    table.chat.type('one');
    table.wire.say(':b!u@h PRIVMSG #x :two');

    const next = table.reload();
    const before = next.texts('#x');

    await next.upgrade();
    next.wire.say(`:client resumed 1 ${key(2)}`, ':client gap 900');
    assert.equal(next.chat.state.members('#x').length, 0);

    /* and once more, in the middle of what follows */
    const third = next.reload();

    await third.upgrade();
    assert.equal(third.wire.resume, `${ID}.${key(2)}.900`);
    third.wire.say(`:client resumed 2 ${key(3)}`);
    third.register();
    third.join('#x');
    assert.deepEqual(
        third.texts('#x'), [...before, 'Some lines may be missing here.'],
    );
    assert.equal(third.chat.state.members('#x').length, 2);
});

test('the next page and another session', async () => {
    const table = new Table();

    await table.resumable();
    table.chat.type('one');

    for (const first of [
        `:client session 0-new ${key(1)} 30`, ':s NOTICE * :Welcome',
    ]) {
        const next = table.reload();

        await next.upgrade();
        next.wire.say(first);
        assert.deepEqual(next.own, ['one: doubtful']);
        assert.ok(next.texts('#x').pop()?.startsWith('The server had to'));
        assert.equal(next.chat.state.members('#x').length, 0);
        assert.equal(next.chat.conversations.find('#x')?.joined, false);
        next.register();
        next.join('#x');
        assert.equal(next.connection.state.name, 'open');
        assert.equal(next.texts('#x').pop(), 'You joined #x.');
    }

    const over = table.reload();

    await settle();
    over.end(4501);
    assert.deepEqual(over.own, ['one: doubtful']);
    assert.equal(over.texts('#x').pop(), 'Connection lost.');
    await over.again();
    assert.equal(over.wire.resume, '');
    assert.deepEqual(over.chat.wanted.channels, ['#x']);
});

test('the IRC server is away on the next page, too', async () => {
    const table = new Table();

    await table.resumable();
    table.wire.say(':client notice :It is gone. Next try in 4 s.');
    assert.deepEqual(table.reload().chat.away, table.chat.away);
});

test('only so much goes to the next page', async () => {
    const table = new Table(['#x', '#y']);

    await table.resumable();
    table.join('#y');

    for (let i = 0; i < PACKED + 10; i++) {
        table.wire.say(`:a!u@h PRIVMSG #x :${i}`);
    }

    const texts = table.reload().texts('#x');

    assert.equal(texts.length, PACKED);
    assert.equal(texts.pop(), `a: ${PACKED + 9}`);

    for (let i = 0; i < PACKED; i++) {
        table.wire.say(`:a!u@h PRIVMSG #y :${'"'.repeat(1000)}`);
    }

    const next = table.reload();
    const n = next.texts('#y').length;

    /* the newest of all, wherever they are */
    assert.equal(next.texts('#x').length, 0);
    assert.ok(n * 2000 <= PACKED_SIZE && n * 2500 > PACKED_SIZE);
    assert.equal(
        next.chat.conversations.find('#y')?.entries.pop()?.id,
        table.chat.conversations.find('#y')?.entries.pop()?.id,
    );

    /* a command is nothing that was said, and may hold a password */
    table.chat.type('/quote OPER me secret');
    table.end(1008);
    assert.ok(table.texts('#x').includes('/input OPER me secret'));
    assert.ok(!JSON.stringify(table.chat.pack()).includes('secret'));
});
