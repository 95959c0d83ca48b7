/*
 * What is known from the server's lines: own nick, channels, members,
 * topics.  apply() takes one parsed line, changes the state and returns
 * what happened as facts.  No page, no connection, no clock.
 */

import { Isupport } from './isupport';
import { parseCtcp, type Message } from './irc';

export interface Member {
    nick: string;
    prefixes: string;
}

export interface Channel {
    name: string;
    topic: string;
    topicBy: string;
    topicAt: number;
    members: Map<string, Member>;
}

/* Nicks and their prefixes. */
type MemberList = [string, string][];

/* Everything, to be kept somewhere while a page is loaded anew. */
export interface StatePack {
    nick: string;
    registered: boolean;
    isupport: [string, string][];
    channels: (Omit<Channel, 'members'> & { members: MemberList })[];
    incoming: [string, MemberList][];
}

function listed(members: Map<string, Member>): MemberList {
    return [...members.values()].map((m) => [m.nick, m.prefixes]);
}

export type Fact =
    | { kind: 'welcome'; nick: string; text: string }
    | { kind: 'ready' }
    | { kind: 'isupport' }
    | { kind: 'joined'; channel: string; nick: string; own: boolean }
    | {
        kind: 'parted';
        channel: string;
        nick: string;
        text: string;
        own: boolean;
    }
    | {
        kind: 'kicked';
        channel: string;
        nick: string;
        by: string;
        text: string;
        own: boolean;
    }
    | { kind: 'quit'; channels: string[]; nick: string; text: string }
    | {
        kind: 'renamed';
        channels: string[];
        from: string;
        to: string;
        own: boolean;
    }
    | { kind: 'names'; channel: string }
    | {
        kind: 'topic';
        channel: string;
        text: string;
        /* null: told at joining, nobody has just changed it */
        by: string | null;
    }
    | { kind: 'topicinfo'; channel: string }
    | { kind: 'mode'; target: string; by: string; text: string }
    | { kind: 'invited'; nick: string; by: string; channel: string }
    | {
        kind: 'message';
        type: 'message' | 'action' | 'notice';
        from: string;
        /* a channel, or a nick for a message to that person alone */
        target: string;
        /* the name of the conversation: channel or the other's nick */
        where: string;
        text: string;
        own: boolean;
        /* from a server, or before registration: no conversation */
        server: boolean;
    }
    /* eIRC's own connection to the IRC server; seconds to its next try */
    | { kind: 'irc'; up: boolean; text: string; wait: number }
    | { kind: 'error'; about: string; text: string; code: string }
    | { kind: 'info'; about: string; text: string; code: string };

/* Errors have 4 or 5 in front, and since then some others. */
const ERROR = /^(?:[45]|69|723$|926$)/;

const QUIET = new Set(['PING', 'PONG', 'CAP', 'AUTHENTICATE']);

/* Numerics with nothing a reader would want. */
const SILENT = new Set(['004', '329', '396']);

export class ChatState {
    nick = '';
    registered = false;
    isupport = new Isupport();
    channels = new Map<string, Channel>();

    /* Members of a channel while its list is still coming in. */
    private incoming = new Map<string, Map<string, Member>>();

    constructor(pack?: StatePack) {
        if (pack === undefined) {
            return;
        }

        this.nick = pack.nick;
        this.registered = pack.registered;
        this.isupport = new Isupport(pack.isupport);

        const members = (list: MemberList): Map<string, Member> => new Map(
            list.map(([nick, prefixes]) => [
                this.isupport.fold(nick), { nick, prefixes },
            ]),
        );

        for (const channel of pack.channels) {
            this.channels.set(this.isupport.fold(channel.name), {
                ...channel, members: members(channel.members),
            });
        }

        for (const [key, list] of pack.incoming) {
            this.incoming.set(key, members(list));
        }
    }

    pack(): StatePack {
        return {
            nick: this.nick,
            registered: this.registered,
            isupport: this.isupport.pack(),
            channels: [...this.channels.values()].map((channel) => ({
                ...channel, members: listed(channel.members),
            })),
            incoming: [...this.incoming].map(
                ([key, list]) => [key, listed(list)],
            ),
        };
    }

    /* A new connection knows nothing of the one before. */
    reset(): void {
        this.nick = '';
        this.registered = false;
        this.isupport = new Isupport();
        this.channels.clear();
        this.incoming.clear();
    }

    channel(name: string): Channel | undefined {
        return this.channels.get(this.isupport.fold(name));
    }

    isOwn(nick: string): boolean {
        return this.nick !== '' && this.isupport.equal(nick, this.nick);
    }

    /* By rank, then by name. */
    members(name: string): Member[] {
        const members = [...(this.channel(name)?.members.values() ?? [])];

        return members.sort((a, b) =>
            this.isupport.rank(a.prefixes) - this.isupport.rank(b.prefixes)
            || a.nick.localeCompare(b.nick, undefined, {
                sensitivity: 'base',
            })
            || (a.nick < b.nick ? -1 : 1));
    }

    apply(message: Message): Fact[] {
        if (message.source?.nick === 'client' && message.source.host === '') {
            return this.bridge(message);
        }

        const handler = HANDLERS[message.command];

        if (handler !== undefined) {
            return handler.call(
                this, message.params, message.source?.nick ?? '', message,
            );
        }

        return this.other(message);
    }

    /* A line of the bridge itself, not of the IRC server. */
    private bridge(message: Message): Fact[] {
        const [first = ''] = message.params;
        const verb = message.command.toLowerCase().replace(/:$/, '');

        if (verb === 'error') {
            return [{
                kind: 'error', about: '', text: first, code: 'client',
            }];
        }

        if (verb === 'session' || verb === 'resumed' || verb === 'gap') {
            return [];
        }

        if (verb === 'notice') {
            return this.noticed(message.params[message.params.length - 1]);
        }

        const about = verb === 'users' ? first : '';
        const text = message.params.slice(about === '' ? 0 : 1).join(' ');

        return [{
            kind: 'info',
            about,
            text: `${verb}: ${text === '' ? 'none' : text}`,
            code: 'client',
        }];
    }

    /* Its words are those of src/client/comeback.c. */
    private noticed(said = ''): Fact[] {
        const facts: Fact[] = [
            { kind: 'info', about: '', text: said, code: 'client' },
        ];
        const [, text, wait] = /^(.*) Next try in (\d+) s\.$/.exec(said) ?? [];

        if (text !== undefined) {
            facts.push({ kind: 'irc', up: false, text, wait: Number(wait) });
        } else if (/^Connected to the IRC server\b/.test(said)) {
            facts.push({ kind: 'irc', up: true, text: '', wait: 0 });
        }

        return facts;
    }

    private other(message: Message): Fact[] {
        const { command, params } = message;

        if (QUIET.has(command) || SILENT.has(command)) {
            return [];
        }

        if (!/^\d{3}$/.test(command)) {
            const words = [command === '!' ? '' : command, ...params];

            return [{
                kind: command === '!' ? 'error' : 'info',
                about: '',
                text: words.filter((w) => w !== '').join(' '),
                code: command,
            }];
        }

        const about = params.length > 2 ? params[1] ?? '' : '';
        const text = params.slice(1).join(' ');

        if (ERROR.test(command)) {
            const said = params[params.length - 1] ?? '';

            return [{
                kind: 'error',
                about,
                text: said,
                code: command,
            }];
        }

        return [{ kind: 'info', about, text, code: command }];
    }

    private with(nick: string): Channel[] {
        const key = this.isupport.fold(nick);

        return [...this.channels].filter(
            ([name, channel]) => channel.members.has(key)
                || this.incoming.get(name)?.has(key) === true,
        ).map(([, channel]) => channel);
    }

    /* @internal: used by the handlers below */
    forget(channel: string): void {
        this.channels.delete(this.isupport.fold(channel));
        this.incoming.delete(this.isupport.fold(channel));
    }

    /* @internal */
    enter(channel: Channel, nick: string): void {
        const key = this.isupport.fold(nick);
        const member = { nick, prefixes: '' };

        channel.members.set(key, member);
        this.incoming.get(this.isupport.fold(channel.name))?.set(key, member);
    }

    /* @internal */
    remove(channel: Channel, nick: string): void {
        const key = this.isupport.fold(nick);

        channel.members.delete(key);
        this.incoming.get(this.isupport.fold(channel.name))?.delete(key);
    }

    /* @internal */
    leave(nick: string): string[] {
        const channels = this.with(nick);

        channels.forEach((channel) => this.remove(channel, nick));

        return channels.map((channel) => channel.name);
    }

    /* @internal */
    rename(from: string, to: string): string[] {
        const channels = this.with(from);

        for (const channel of channels) {
            const key = this.isupport.fold(channel.name);

            for (const list of [channel.members, this.incoming.get(key)]) {
                const member = list?.get(this.isupport.fold(from));

                if (list !== undefined && member !== undefined) {
                    list.delete(this.isupport.fold(from));
                    list.set(this.isupport.fold(to), { ...member, nick: to });
                }
            }
        }

        return channels.map((channel) => channel.name);
    }

    /* @internal */
    listed(name: string, names: string): void {
        const key = this.isupport.fold(name);
        let list = this.incoming.get(key);

        if (list === undefined) {
            list = new Map();
            this.incoming.set(key, list);
        }

        for (const word of names.split(' ')) {
            const { prefixes, rest } = this.isupport.splitPrefixes(word);
            const nick = rest.split('!')[0] ?? '';

            if (nick !== '') {
                list.set(this.isupport.fold(nick), {
                    nick,
                    prefixes: this.isupport.sortPrefixes(prefixes),
                });
            }
        }
    }

    /* @internal */
    listEnded(name: string): boolean {
        const key = this.isupport.fold(name);
        const list = this.incoming.get(key);
        const channel = this.channels.get(key);

        this.incoming.delete(key);

        if (list === undefined || channel === undefined) {
            return false;
        }

        channel.members = list;

        return true;
    }

    /* @internal: what a MODE does to the prefixes of members */
    grant(channel: Channel, modes: string, params: string[]): void {
        const rest = [...params];
        let set = true;

        for (const mode of modes) {
            if (mode === '+' || mode === '-') {
                set = mode === '+';
                continue;
            }

            const param = this.isupport.takesParameter(mode, set)
                ? rest.shift()
                : undefined;
            const prefix = this.isupport.prefixOf(mode);

            if (prefix === undefined || param === undefined) {
                continue;
            }

            const member = channel.members.get(this.isupport.fold(param));

            if (member !== undefined) {
                member.prefixes = this.isupport.sortPrefixes(
                    set
                        ? member.prefixes + prefix
                        : member.prefixes.replace(prefix, ''),
                );
            }
        }
    }
}

type Handler = (
    this: ChatState,
    params: string[],
    from: string,
    message: Message,
) => Fact[];

function text(
    this: ChatState,
    params: string[],
    from: string,
    message: Message,
): Fact[] {
    const [to = '', said = ''] = params;
    const { target } = this.isupport.splitStatus(to);
    const ctcp = parseCtcp(said);
    const own = this.isOwn(from);
    const notice = message.command === 'NOTICE';

    if (ctcp !== null && ctcp.verb !== 'ACTION') {
        return [{
            kind: 'info',
            about: '',
            text: `${from}: CTCP ${ctcp.verb} ${ctcp.text}`.trim(),
            code: 'CTCP',
        }];
    }

    const channel = this.isupport.isChannel(target);

    return [{
        kind: 'message',
        type: ctcp !== null ? 'action' : notice ? 'notice' : 'message',
        from,
        target,
        where: channel || own ? target : from,
        text: ctcp !== null ? ctcp.text : said,
        own,
        /* a server's name has dots and no user; so has a global notice */
        server: from === '' || target.startsWith('$')
            || (message.source?.host === '' && !channel
                && (from.includes('.') || !this.registered)),
    }];
}

function registrationEnded(this: ChatState): Fact[] {
    const first = !this.registered;

    this.registered = true;

    return first ? [{ kind: 'ready' }] : [];
}

const HANDLERS: Record<string, Handler | undefined> = Object.assign(
    Object.create(null) as Record<string, Handler>,
    {
        '001'(this: ChatState, [nick = '', said = '']: string[]): Fact[] {
            this.nick = nick;
            return [{ kind: 'welcome', nick, text: said }];
        },

        '005'(this: ChatState, params: string[]): Fact[] {
            this.isupport.add(params.slice(1, -1));
            return [{ kind: 'isupport' }];
        },

        '332'(this: ChatState, [, name = '', said = '']: string[]): Fact[] {
            const channel = this.channel(name);

            if (channel !== undefined) {
                channel.topic = said;
            }

            return [{ kind: 'topic', channel: name, text: said, by: null }];
        },

        '331'(this: ChatState, [, name = '']: string[]): Fact[] {
            const channel = this.channel(name);

            if (channel !== undefined) {
                channel.topic = '';
            }

            return [{ kind: 'topic', channel: name, text: '', by: null }];
        },

        '333'(this: ChatState, params: string[]): Fact[] {
            const [, name = '', by = '', at = ''] = params;
            const channel = this.channel(name);

            if (channel === undefined) {
                return [];
            }

            channel.topicBy = by.split('!')[0] ?? '';
            channel.topicAt = Number(at) || 0;

            return [{ kind: 'topicinfo', channel: channel.name }];
        },

        '353'(this: ChatState, params: string[]): Fact[] {
            /* the symbol (= * @) is missing on some servers */
            const names = params[params.length - 1] ?? '';
            const name = params[params.length - 2] ?? '';

            this.listed(name, names);

            return [];
        },

        '366'(this: ChatState, [, name = '']: string[]): Fact[] {
            return this.listEnded(name)
                ? [{ kind: 'names', channel: name }]
                : [];
        },

        '376': registrationEnded,
        '422': registrationEnded,

        JOIN(this: ChatState, [list = '']: string[], from: string): Fact[] {
            return list.split(',').filter((n) => n !== '').map((name) => {
                const key = this.isupport.fold(name);
                const own = this.isOwn(from);
                let channel = this.channels.get(key);

                if (own) {
                    channel = {
                        name,
                        topic: '',
                        topicBy: '',
                        topicAt: 0,
                        members: new Map(),
                    };
                    this.channels.set(key, channel);
                }

                if (channel !== undefined) {
                    this.enter(channel, from);
                }

                return {
                    kind: 'joined' as const,
                    channel: channel?.name ?? name,
                    nick: from,
                    own,
                };
            });
        },

        PART(
            this: ChatState,
            [list = '', said = '']: string[],
            from: string,
        ): Fact[] {
            return list.split(',').filter((n) => n !== '').map((name) => {
                const channel = this.channel(name);
                const own = this.isOwn(from);

                if (own) {
                    this.forget(name);
                } else if (channel !== undefined) {
                    this.remove(channel, from);
                }

                return {
                    kind: 'parted' as const,
                    channel: channel?.name ?? name,
                    nick: from,
                    text: said,
                    own,
                };
            });
        },

        KICK(
            this: ChatState,
            [name = '', nick = '', said = '']: string[],
            from: string,
        ): Fact[] {
            const channel = this.channel(name);
            const own = this.isOwn(nick);

            if (own) {
                this.forget(name);
            } else if (channel !== undefined) {
                this.remove(channel, nick);
            }

            return [{
                kind: 'kicked',
                channel: channel?.name ?? name,
                nick,
                by: from,
                text: said,
                own,
            }];
        },

        QUIT(this: ChatState, [said = '']: string[], from: string): Fact[] {
            return [{
                kind: 'quit',
                channels: this.leave(from),
                nick: from,
                text: said,
            }];
        },

        NICK(this: ChatState, [to = '']: string[], from: string): Fact[] {
            const own = this.isOwn(from);
            const channels = this.rename(from, to);

            if (own) {
                this.nick = to;
            }

            return [{ kind: 'renamed', channels, from, to, own }];
        },

        TOPIC(
            this: ChatState,
            [name = '', said = '']: string[],
            from: string,
        ): Fact[] {
            const channel = this.channel(name);

            if (channel !== undefined) {
                channel.topic = said;
                channel.topicBy = from;
                channel.topicAt = 0;
            }

            return [{
                kind: 'topic',
                channel: channel?.name ?? name,
                text: said,
                by: from,
            }];
        },

        MODE(
            this: ChatState,
            [target = '', modes = '', ...rest]: string[],
            from: string,
        ): Fact[] {
            const channel = this.channel(target);

            if (channel !== undefined) {
                this.grant(channel, modes, rest);
            }

            return [{
                kind: 'mode',
                target: channel?.name ?? target,
                by: from,
                text: [modes, ...rest].join(' '),
            }];
        },

        INVITE(
            this: ChatState,
            [nick = '', channel = '']: string[],
            from: string,
        ): Fact[] {
            return [{ kind: 'invited', nick, by: from, channel }];
        },

        ERROR(this: ChatState, [said = '']: string[]): Fact[] {
            return [{
                kind: 'error', about: '', text: said, code: 'ERROR',
            }];
        },

        PRIVMSG: text,
        NOTICE: text,
    },
);
