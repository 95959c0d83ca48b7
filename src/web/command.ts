/*
 * What a person types, turned into what is to be done.  Pure: it sends
 * nothing and shows nothing.
 */

import { build, buildAction } from './irc';

export type Intent =
    | {
        do: 'say';
        type: 'message' | 'action' | 'notice';
        target: string;
        text: string;
        /* bring the conversation to the front */
        show: boolean;
    }
    | { do: 'send'; line: string }
    | { do: 'query'; nick: string }
    | { do: 'quit'; line: string }
    | { do: 'clear' }
    | { do: 'help' }
    | { do: 'error'; text: string };

export interface Context {
    /* The conversation in front; empty on the server's own. */
    current: string;
    isChannel: (name: string) => boolean;
}

interface Command {
    usage: string;
    about: string;
    run: (rest: string, context: Context) => Intent[];
}

function words(text: string, n: number): string[] {
    const parts: string[] = [];
    let rest = text.trim();

    while (parts.length < n - 1 && rest !== '') {
        const space = rest.search(/\s/);

        if (space === -1) {
            break;
        }

        parts.push(rest.slice(0, space));
        rest = rest.slice(space).trim();
    }

    if (rest !== '') {
        parts.push(rest);
    }

    return parts;
}

function bad(text: string): Intent[] {
    return [{ do: 'error', text }];
}

function usage(name: string): Intent[] {
    return bad(`Usage: ${COMMANDS[name]?.usage ?? name}`);
}

/* "lobby" is "#lobby": nobody means a channel without its sign. */
function channelName(name: string, context: Context): string {
    return context.isChannel(name) ? name : `#${name}`;
}

/* The channel named first, or else the one in front. */
function channelAndRest(
    rest: string,
    context: Context,
): [string, string] | null {
    const [first = '', more = ''] = words(rest, 2);

    if (context.isChannel(first)) {
        return [first, more];
    }

    return context.isChannel(context.current)
        ? [context.current, rest.trim()]
        : null;
}

function say(
    type: 'message' | 'notice',
    name: string,
    rest: string,
): Intent[] {
    const [target, text] = words(rest, 2);

    if (target === undefined || text === undefined) {
        return usage(name);
    }

    return [{ do: 'say', type, target, text, show: type === 'message' }];
}

export const COMMANDS: Record<string, Command | undefined> = {
    me: {
        usage: '/me does something',
        about: 'say what you do',
        run: (rest, context) => rest.trim() === '' || context.current === ''
            ? usage('me')
            : [{
                do: 'say',
                type: 'action',
                target: context.current,
                text: rest.trim(),
                show: true,
            }],
    },

    join: {
        usage: '/join #channel [key]',
        about: 'enter a channel',
        run: (rest, context) => {
            const [list, key] = words(rest, 2);

            if (list === undefined) {
                return usage('join');
            }

            const names = list.split(',').filter((name) => name !== '')
                .map((name) => channelName(name, context)).join(',');

            return [{
                do: 'send',
                line: key === undefined
                    ? build('JOIN', names)
                    : build('JOIN', names, key),
            }];
        },
    },

    part: {
        usage: '/part [#channel] [reason]',
        about: 'leave a channel',
        run: (rest, context) => {
            const found = channelAndRest(rest, context);

            if (found === null) {
                return usage('part');
            }

            return [{
                do: 'send',
                line: found[1] === ''
                    ? build('PART', found[0])
                    : build('PART', found[0], found[1]),
            }];
        },
    },

    msg: {
        usage: '/msg nick message',
        about: 'talk to one person',
        run: (rest) => say('message', 'msg', rest),
    },

    query: {
        usage: '/query nick',
        about: 'open a conversation with one person',
        run: (rest) => {
            const [nick, text] = words(rest, 2);

            if (nick === undefined) {
                return usage('query');
            }

            return text === undefined
                ? [{ do: 'query', nick }]
                : say('message', 'query', rest);
        },
    },

    notice: {
        usage: '/notice target text',
        about: 'send a notice',
        run: (rest) => say('notice', 'notice', rest),
    },

    nick: {
        usage: '/nick name',
        about: 'take another name',
        run: (rest) => {
            const [nick] = words(rest, 2);

            return nick === undefined
                ? usage('nick')
                : [{ do: 'send', line: build('NICK', nick) }];
        },
    },

    topic: {
        usage: '/topic [#channel] [text]',
        about: 'show or set what a channel is about',
        run: (rest, context) => {
            const found = channelAndRest(rest, context);

            if (found === null) {
                return usage('topic');
            }

            return [{
                do: 'send',
                line: found[1] === ''
                    ? build('TOPIC', found[0])
                    : build('TOPIC', found[0], found[1]),
            }];
        },
    },

    names: {
        usage: '/names [#channel]',
        about: 'list who is in a channel',
        run: (rest, context) => {
            const found = channelAndRest(rest, context);

            return found === null
                ? usage('names')
                : [{ do: 'send', line: `/users ${found[0]}` }];
        },
    },

    channels: {
        usage: '/channels',
        about: 'list the channels you are in',
        run: () => [{ do: 'send', line: '/channels' }],
    },

    whois: {
        usage: '/whois nick',
        about: 'ask who somebody is',
        run: (rest) => {
            const [nick] = words(rest, 2);

            return nick === undefined
                ? usage('whois')
                : [{ do: 'send', line: build('WHOIS', nick) }];
        },
    },

    invite: {
        usage: '/invite nick [#channel]',
        about: 'ask somebody into a channel',
        run: (rest, context) => {
            const [nick, channel = context.current] = words(rest, 2);

            return nick === undefined || !context.isChannel(channel)
                ? usage('invite')
                : [{ do: 'send', line: build('INVITE', nick, channel) }];
        },
    },

    kick: {
        usage: '/kick [#channel] nick [reason]',
        about: 'put somebody out of a channel',
        run: (rest, context) => {
            const found = channelAndRest(rest, context);
            const [nick, reason] = words(found?.[1] ?? '', 2);

            if (found === null || nick === undefined) {
                return usage('kick');
            }

            return [{
                do: 'send',
                line: build('KICK', found[0], nick, reason ?? nick),
            }];
        },
    },

    mode: {
        usage: '/mode [target] modes',
        about: 'show or change modes',
        run: (rest, context) => {
            const text = rest.trim();
            const bare = text === '' || /^[+-]/.test(text);

            if (bare && context.current === '') {
                return usage('mode');
            }

            const target = bare ? `${context.current} ` : '';

            return [{ do: 'send', line: `MODE ${target}${text}`.trim() }];
        },
    },

    away: {
        usage: '/away [reason]',
        about: 'say that you are away, or back',
        run: (rest) => [{
            do: 'send',
            line: rest.trim() === ''
                ? 'AWAY'
                : build('AWAY', rest.trim()),
        }],
    },

    quote: {
        usage: '/quote LINE',
        about: 'send a line of IRC as it is',
        run: (rest) => rest.trim() === ''
            ? usage('quote')
            : [{ do: 'send', line: `/input ${rest.trim()}` }],
    },

    clear: {
        usage: '/clear',
        about: 'empty this window',
        run: () => [{ do: 'clear' }],
    },

    help: {
        usage: '/help',
        about: 'this list',
        run: () => [{ do: 'help' }],
    },

    quit: {
        usage: '/quit [reason]',
        about: 'leave the chat',
        run: (rest) => [{
            do: 'quit',
            line: rest.trim() === '' ? '/quit' : build('QUIT', rest.trim()),
        }],
    },
};

const ALIASES: Record<string, string | undefined> = {
    j: 'join',
    leave: 'part',
    m: 'msg',
    q: 'query',
    raw: 'quote',
    users: 'names',
    '?': 'help',
};

function typedLine(typed: string, context: Context): Intent[] {
    if (!typed.startsWith('/') || typed.startsWith('//')) {
        if (context.current === '') {
            return bad('This is the server’s window. '
                + 'Join a channel to talk: /join #lobby');
        }

        return [{
            do: 'say',
            type: 'message',
            target: context.current,
            text: typed.startsWith('//') ? typed.slice(1) : typed,
            show: true,
        }];
    }

    const match = /^\/(\S*)\s*(.*)$/s.exec(typed);
    const name = (match?.[1] ?? '').toLowerCase();
    const key = ALIASES[name] ?? name;
    const command = Object.hasOwn(COMMANDS, key) ? COMMANDS[key] : undefined;

    if (command === undefined) {
        return bad(`There is no command /${name}. Try /help.`);
    }

    try {
        return command.run(match?.[2] ?? '', context);
    } catch {
        return usage(key);
    }
}

/*
 * Several lines are several messages, but only one of them a command:
 * what is pasted behind a command is not to run as more of them.
 */
export function interpret(typed: string, context: Context): Intent[] {
    const lines = typed.split(/\r\n|\r|\n/).filter(
        (line) => line.trim() !== '',
    );

    return lines.flatMap((line, i) =>
        typedLine(i > 0 && line.startsWith('/') ? `/${line}` : line, context));
}

/* The lines that carry a text, each short enough to be relayed whole. */
export function sayLines(
    type: 'message' | 'action' | 'notice',
    target: string,
    pieces: string[],
): string[] {
    return pieces.map((piece) => type === 'action'
        ? buildAction(target, piece)
        : build(type === 'notice' ? 'NOTICE' : 'PRIVMSG', target, piece));
}
