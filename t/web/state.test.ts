/* What is known from the server's lines. */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { parse } from '../../src/web/irc';
import { ChatState, type Fact } from '../../src/web/state';

function feed(state: ChatState, ...lines: string[]): Fact[] {
    return lines.flatMap((line) => {
        const message = parse(line);

        return message === null ? [] : state.apply(message);
    });
}

function started(...lines: string[]): ChatState {
    const state = new ChatState();

    feed(
        state,
        ':s 001 me :Welcome',
        ':s 005 me PREFIX=(qaohv)~&@%+ CHANTYPES=# CASEMAPPING=ascii '
            + 'CHANMODES=beI,k,l,imnpst NETWORK=Net\\x20Work STATUSMSG=@+ '
            + ':are supported',
        ':s 376 me :End',
        ...lines,
    );

    return state;
}

function names(state: ChatState, channel: string): string[] {
    return state.members(channel).map((m) => m.prefixes + m.nick);
}

const JOINED = [
    ':me!u@h JOIN #x',
    ':s 332 me #x :About x',
    ':s 333 me #x op!u@h 1700000000',
    ':s 353 me = #x :me @op +voice',
    ':s 353 me = #x :@+both zed Anna',
    ':s 366 me #x :End',
];

test('own nick, registration, ISUPPORT', () => {
    const state = started();

    assert.equal(state.nick, 'me');
    assert.ok(state.registered);
    assert.equal(state.isupport.network, 'Net Work');
    assert.deepEqual(state.isupport.prefixes, ['~', '&', '@', '%', '+']);
    assert.ok(!state.isupport.equal('a[', 'a{'));
});

test('422 ends registration too, and only once', () => {
    const state = new ChatState();

    assert.deepEqual(
        feed(state, ':s 001 me :Hi', ':s 422 me :No MOTD', ':s 376 me :End')
            .map((f) => f.kind),
        ['welcome', 'ready'],
    );
});

test('a channel: members by rank and name, topic', () => {
    const state = started(...JOINED);

    assert.deepEqual(
        names(state, '#X'),
        ['@+both', '@op', '+voice', 'Anna', 'me', 'zed'],
    );
    assert.equal(state.channel('#x')?.topic, 'About x');
    assert.equal(state.channel('#x')?.topicBy, 'op');
    assert.equal(state.channel('#x')?.topicAt, 1700000000);
});

test('a second list takes the place of the first', () => {
    const state = started(
        ...JOINED,
        ':s 353 me = #x :@me',
        ':late!u@h JOIN :#x',
        ':s 353 me = #x :late other!u@h',
    );

    feed(state, ':other!u@h NICK another', ':last!u@h JOIN #x');
    assert.equal(names(state, '#x').length, 8);
    feed(state, ':s 366 me #x :End');
    assert.deepEqual(names(state, '#x'), ['@me', 'another', 'last', 'late']);
});

test('one who goes while the list comes in is not on it', () => {
    const state = started(
        ':me!u@h JOIN #x', ':s 353 me = #x :me a b',
        ':a!u@h QUIT :bye', ':s 366 me #x :End',
    );

    assert.deepEqual(names(state, '#x'), ['b', 'me']);
});

test('a list without the symbol, or of a channel one is not in', () => {
    const state = started(
        ':me!u@h JOIN #x', ':s 353 me #x :me a', ':s 366 me #x :End',
    );

    assert.deepEqual(names(state, '#x'), ['a', 'me']);
    assert.deepEqual(
        feed(state, ':s 353 me = #y :a', ':s 366 me #y :End'), [],
    );
    assert.equal(state.channel('#y'), undefined);
});

test('coming and going of others', () => {
    const state = started(...JOINED);
    const facts = feed(
        state,
        ':new!u@h JOIN #x acct :Real Name',
        ':zed!u@h PART #x :bye',
        ':op!u@h KICK #x voice :out',
        ':both!u@h QUIT :gone',
        ':Anna!u@h NICK Bert',
    );

    assert.deepEqual(facts, [
        { kind: 'joined', channel: '#x', nick: 'new', own: false },
        {
            kind: 'parted', channel: '#x', nick: 'zed', text: 'bye',
            own: false,
        },
        {
            kind: 'kicked', channel: '#x', nick: 'voice', by: 'op',
            text: 'out', own: false,
        },
        { kind: 'quit', channels: ['#x'], nick: 'both', text: 'gone' },
        {
            kind: 'renamed', channels: ['#x'], from: 'Anna', to: 'Bert',
            own: false,
        },
    ]);
    assert.deepEqual(names(state, '#x'), ['@op', 'Bert', 'me', 'new']);
});

test('own going forgets the channel', () => {
    const parted = started(...JOINED, ':me!u@h PART #x');
    const kicked = started(...JOINED, ':op!u@h KICK #x me :out');

    assert.equal(parted.channels.size, 0);
    assert.equal(kicked.channels.size, 0);
});

test('own nick follows', () => {
    const state = started(...JOINED, ':me!u@h NICK :You');

    assert.equal(state.nick, 'You');
    assert.ok(state.isOwn('yOU'));
    assert.ok(names(state, '#x').includes('You'));
});

test('a change of case only keeps the member', () => {
    const state = started(...JOINED, ':op!u@h NICK OP');

    assert.ok(names(state, '#x').includes('@OP'));
    assert.equal(state.members('#x').length, 6);
});

test('modes of members, with parameters of other modes between', () => {
    const state = started(
        ...JOINED,
        ':op!u@h MODE #x +lkvb-o+b 5 key zed *!*@bad both *!*@worse',
        ':op!u@h MODE #x +o-l zed',
        ':op!u@h MODE #x -k+q-v * me voice',
    );

    assert.deepEqual(
        names(state, '#x'),
        ['~me', '@op', '@+zed', '+both', 'Anna', 'voice'],
    );
});

test('prefixes from defaults before 005', () => {
    const state = new ChatState();

    feed(
        state, ':s 001 me :Hi', ':me!u@h JOIN #x',
        ':s 353 me = #x :@a +b %c', ':s 366 me #x :End',
    );
    assert.deepEqual(names(state, '#x'), ['@a', '+b', '%c']);
});

test('messages find their conversation', () => {
    const state = started(...JOINED);
    const where = (line: string): unknown[] => feed(state, line).map(
        (f) => f.kind === 'message'
            ? [f.type, f.where, f.text, f.own, f.server]
            : f.kind,
    );

    assert.deepEqual(where(':a!u@h PRIVMSG #x :hi'),
        [['message', '#x', 'hi', false, false]]);
    assert.deepEqual(where(':a!u@h PRIVMSG me :hi'),
        [['message', 'a', 'hi', false, false]]);
    assert.deepEqual(where(':a!u@h PRIVMSG @#x :ops'),
        [['message', '#x', 'ops', false, false]]);
    assert.deepEqual(where(':a!u@h PRIVMSG #x :\x01ACTION waves\x01'),
        [['action', '#x', 'waves', false, false]]);
    assert.deepEqual(where(':me!u@h PRIVMSG a :hi'),
        [['message', 'a', 'hi', true, false]]);
    assert.deepEqual(where(':a!u@h NOTICE me :psst'),
        [['notice', 'a', 'psst', false, false]]);
    assert.deepEqual(where(':irc.example.org NOTICE me :news'),
        [['notice', 'irc.example.org', 'news', false, true]]);
    assert.deepEqual(where(':a!u@h PRIVMSG me :\x01VERSION\x01'), ['info']);
});

test('topic set, cleared, told', () => {
    const state = started(...JOINED);

    assert.deepEqual(
        feed(state, ':a!u@h TOPIC #x :new one'),
        [{ kind: 'topic', channel: '#x', text: 'new one', by: 'a' }],
    );
    assert.equal(state.channel('#x')?.topic, 'new one');
    feed(state, ':a!u@h TOPIC #x :');
    assert.equal(state.channel('#x')?.topic, '');
    assert.deepEqual(
        feed(state, ':s 331 me #x :No topic'),
        [{ kind: 'topic', channel: '#x', text: '', by: null }],
    );
});

test('errors and other numerics', () => {
    const state = started();

    assert.deepEqual(
        feed(state, ':s 433 me other :Nickname is already in use.'),
        [{
            kind: 'error', about: 'other',
            text: 'Nickname is already in use.', code: '433',
        }],
    );
    assert.deepEqual(
        feed(
            state, ':s 926 me #y :Channel #y is forbidden',
            ':s 696 me #x l ten :Invalid limit', ':s 723 me die :No privilege',
        ).map((f) => [f.kind, 'about' in f && f.about, 'text' in f && f.text]),
        [
            ['error', '#y', 'Channel #y is forbidden'],
            ['error', '#x', 'Invalid limit'],
            ['error', 'die', 'No privilege'],
        ],
    );
    assert.deepEqual(
        feed(state, ':s 318 me a :End of WHOIS'),
        [{ kind: 'info', about: 'a', text: 'a End of WHOIS', code: '318' }],
    );
    assert.deepEqual(
        feed(state, 'ERROR :Closing link'),
        [{ kind: 'error', about: '', text: 'Closing link', code: 'ERROR' }],
    );
    assert.deepEqual(
        feed(state, ':s 324 me #x +nt'),
        [{ kind: 'info', about: '#x', text: '#x +nt', code: '324' }],
    );
    assert.deepEqual(feed(state, 'PING :x', ':s 004 me s v u c'), []);
});

test('lines of the bridge', () => {
    const state = started(...JOINED);

    assert.deepEqual(
        feed(state, ':client error :Unrecognized command: "/x"'),
        [{
            kind: 'error', about: '',
            text: 'Unrecognized command: "/x"', code: 'client',
        }],
    );
    assert.deepEqual(
        feed(state, ':client users #x :@a, +b, c'),
        [{
            kind: 'info', about: '#x', text: 'users: @a, +b, c',
            code: 'client',
        }],
    );
    assert.deepEqual(
        feed(state, ':client channels :#a, #b', ':client channels: '),
        [
            {
                kind: 'info', about: '', text: 'channels: #a, #b',
                code: 'client',
            },
            {
                kind: 'info', about: '', text: 'channels: none',
                code: 'client',
            },
        ],
    );
    assert.deepEqual(
        feed(state, 'Disconnected.'),
        [{
            kind: 'info', about: '', text: 'Disconnected.',
            code: 'Disconnected.',
        }],
    );
    assert.deepEqual(feed(state, ':client gap', ':client session a b 30'), []);
    /* a person of that name is no bridge */
    assert.equal(feed(state, ':client!u@h JOIN #x')[0]?.kind, 'joined');
});

test('names that an object already has', () => {
    const state = started(':me!u@h JOIN #__proto__');

    feed(
        state, ':constructor!u@h JOIN #__proto__', 'constructor', 'toString x',
        ':s __proto__ x', 'PRIVMSG', 'JOIN', 'MODE', 'NICK', 'KICK', '353',
        ':s 366', ':x KICK #__proto__',
    );
    assert.ok(names(state, '#__proto__').includes('constructor'));
});

test('a new connection begins with nothing', () => {
    const state = started(...JOINED);

    state.reset();
    assert.equal(state.nick, '');
    assert.ok(!state.registered);
    assert.equal(state.channels.size, 0);
    assert.deepEqual(state.isupport.prefixes, ['@', '+']);
});
