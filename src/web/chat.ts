/*
 * The chat as a whole, without a view: it feeds the connection's lines
 * to the state, sorts what happened into conversations, and turns what
 * is typed into lines.  The views listen and call its verbs.
 */

import { interpret, sayLines, COMMANDS, type Intent } from './command';
import {
    Conversations,
    type Conversation,
    type Entry,
} from './conversation';
import { Connection, type State } from './eirc';
import { Emitter } from './emitter';
import { plain } from './format';
import { build, parse, split } from './irc';
import { ChatState, type Fact } from './state';
import type { Profile } from './token';

export interface ChatEvents {
    /* connection state, or own nick */
    status: State;
    /* tabs were added, removed, renamed, or their marks changed */
    tabs: null;
    /* another conversation is in front, or was emptied */
    current: Conversation;
    entry: { conversation: Conversation; entry: Entry };
    delivery: Entry;
    /* topic or members of a channel */
    channel: string;
}

/*
 * Room for ":nick!user@host PRIVMSG target :" and CR LF in the 512 bytes
 * of a line as others get it: nick, user and host at their usual most.
 */
const ENVELOPE = 2 + 1 + 30 + 1 + 12 + 1 + 64 + 1 + 8 + 2 + 2 + 9;

/* Answers to what one asks about a person belong where one asked. */
const ASKED = /^(?:301|30[56]|31[1-9]|330|335|338|341|37[89]|671|client)$/;

export class Chat extends Emitter<ChatEvents> {
    readonly state = new ChatState();
    readonly conversations = new Conversations(
        (name) => this.state.isupport.fold(name),
    );
    current: Conversation = this.conversations.server;
    /* Somebody looks at the page. */
    visible = true;

    private nextId = 1;
    /* The reader has asked to leave. */
    left = false;
    /* Channels to bring to the front once they are joined. */
    private toShow = new Set<string>();

    constructor(
        readonly connection: Connection,
        private readonly profile: Profile,
        private readonly clock: () => number = Date.now,
    ) {
        super();

        connection.on('state', (state) => this.connectionChanged(state));
        connection.on('line', (line) => this.receive(line));
        connection.on('sent', (line) => this.delivered(line));

        for (const name of profile.channels) {
            this.conversations.ensure('channel', name);
        }

        this.current = this.conversations.find(profile.channels[0] ?? '')
            ?? this.current;
    }

    /* Whom the server is to register, now: also when coming back. */
    get wanted(): Profile {
        return {
            ...this.profile,
            channels: this.conversations.all
                .filter((c) => c.kind === 'channel' && !c.leaving)
                .map((c) => c.name),
        };
    }

    get nick(): string {
        return this.state.nick === '' ? this.profile.nick : this.state.nick;
    }

    show(conversation: Conversation): void {
        if (conversation === this.current) {
            return;
        }

        this.current.leave();
        this.current = conversation;
        conversation.read();
        this.emit('current', conversation);
        this.emit('tabs', null);
    }

    /* The page came into sight or went out of it. */
    setVisible(visible: boolean): void {
        this.visible = visible;

        if (visible && this.current.unread > 0) {
            this.current.read();
            this.emit('tabs', null);
        } else if (!visible) {
            this.current.leave();
        }
    }

    talkTo(nick: string): void {
        const conversation = this.conversations.ensure('query', nick);

        this.emit('tabs', null);
        this.show(conversation);
    }

    join(name: string): void {
        this.toShow.add(this.state.isupport.fold(name));
        this.post(build('JOIN', name));
    }

    /* Closes a tab; leaves the channel behind it. */
    closeTab(conversation: Conversation): void {
        if (conversation.kind === 'server') {
            return;
        }

        if (conversation.joined) {
            conversation.leaving = true;
            this.post(build('PART', conversation.name));
        }

        this.removeTab(conversation);
    }

    type(typed: string): void {
        const intents = interpret(typed, {
            current: this.current.name,
            isChannel: (name) => this.state.isupport.isChannel(name),
        });

        intents.forEach((intent) => this.perform(intent));
    }

    private removeTab(conversation: Conversation): void {
        const beside = this.conversations.beside(conversation, -1);

        this.conversations.remove(conversation);

        if (conversation === this.current) {
            this.show(beside);
        }

        this.emit('tabs', null);
    }

    private perform(intent: Intent): void {
        switch (intent.do) {
        case 'say':
            this.say(intent);
            break;

        case 'send':
            this.noteIntent(intent.line);
            this.post(intent.line);
            break;

        case 'query':
            this.talkTo(intent.nick);
            break;

        case 'quit':
            this.left = true;
            this.connection.quit(intent.line);
            break;

        case 'clear':
            this.current.entries = [];
            this.emit('current', this.current);
            break;

        case 'help':
            for (const command of Object.values(COMMANDS)) {
                this.add(this.current, {
                    kind: 'info',
                    text: `${command?.usage}: ${command?.about}`,
                });
            }

            break;

        case 'error':
            this.add(this.current, { kind: 'error', text: intent.text });
        }
    }

    /* What is typed tells which tab is to come or go. */
    private noteIntent(line: string): void {
        const message = parse(line);
        const names = message?.params[0]?.split(',') ?? [];

        if (message?.command === 'JOIN') {
            for (const name of names) {
                const found = this.conversations.find(name);

                if (found?.joined === true) {
                    this.show(found);
                } else {
                    this.toShow.add(this.state.isupport.fold(name));
                }
            }
        } else if (message?.command === 'PART') {
            for (const name of names) {
                const found = this.conversations.find(name);

                if (found?.joined === true) {
                    found.leaving = true;
                } else if (found !== undefined) {
                    this.removeTab(found);
                }
            }
        }
    }

    private post(line: string): boolean {
        const sent = this.connection.send(line);

        if (sent === 'refused') {
            this.refused();
        }

        return sent !== 'refused';
    }

    private refused(): void {
        this.add(this.current, {
            kind: 'error',
            text: this.connection.state.name === 'closed'
                ? 'Not sent: you are not connected.'
                : 'Not sent: too much is waiting already.',
        });
    }

    private say(intent: Intent & { do: 'say' }): void {
        const { type, target, text } = intent;
        const channel = this.state.isupport.isChannel(target);
        const room = 512 - ENVELOPE
            - new TextEncoder().encode(target).length;
        const pieces = split(text, room);
        const conversation = channel
            ? this.conversations.find(target)
            : type === 'notice'
                ? this.conversations.find(target)
                : this.conversations.ensure('query', target);

        sayLines(type, target, pieces).forEach((line, i) => {
            const sent = this.connection.send(line);

            if (sent === 'refused') {
                this.refused();
                return;
            }

            this.add(conversation ?? this.current, {
                kind: type,
                from: this.nick,
                text: conversation === undefined
                    ? `→ ${target}: ${pieces[i]}`
                    : pieces[i] ?? '',
                own: true,
                delivery: sent === 'queued' ? 'pending' : 'done',
                line: sent === 'queued' ? line : '',
            });
        });

        if (conversation !== undefined && intent.show) {
            this.show(conversation);
        }

        this.emit('tabs', null);
    }

    private add(conversation: Conversation, part: Partial<Entry>): Entry {
        const entry: Entry = {
            id: this.nextId++,
            at: this.clock(),
            kind: 'event',
            from: '',
            text: '',
            own: false,
            mention: false,
            delivery: 'done',
            line: '',
            ...part,
        };
        const seen = conversation === this.current && this.visible;

        conversation.add(entry, seen);
        this.emit('entry', { conversation, entry });

        if (!seen) {
            this.emit('tabs', null);
        }

        return entry;
    }

    private pending(): Entry[] {
        return this.conversations.all.flatMap((c) =>
            c.entries.filter((entry) => entry.delivery === 'pending'));
    }

    private delivered(line: string): void {
        const entry = this.pending().find((e) => e.line === line);

        if (entry !== undefined) {
            entry.delivery = 'done';
            entry.line = '';
            this.emit('delivery', entry);
        }
    }

    private connectionChanged(state: State): void {
        if (state.name === 'registering') {
            this.state.reset();
        }

        if (state.name === 'waiting' || state.name === 'closed') {
            this.lost(state);
        }

        this.emit('status', state);
    }

    private lost(state: State & { name: 'waiting' | 'closed' }): void {
        if (this.state.nick !== '') {
            const text = state.name === 'waiting'
                ? 'Connection lost.'
                : this.left
                    ? 'You left the chat.'
                    : 'Connection closed.';

            for (const conversation of this.conversations.all) {
                if (conversation.kind === 'server' || conversation.joined) {
                    this.add(conversation, { kind: 'event', text });
                }

                conversation.joined = false;
            }
        }

        this.state.reset();

        if (state.name === 'closed') {
            for (const entry of this.pending()) {
                entry.delivery = 'failed';
                this.emit('delivery', entry);
            }
        }

        this.emit('channel', this.current.name);
        this.emit('tabs', null);
    }

    private receive(line: string): void {
        const message = parse(line);

        if (message === null) {
            return;
        }

        for (const fact of this.state.apply(message)) {
            this.tell(fact);
        }
    }

    /* Where something is shown that is about a name, or about nothing. */
    private place(about: string): Conversation | undefined {
        return about === '' ? undefined : this.conversations.find(about);
    }

    private event(where: string[], nick: string, text: string): void {
        const query = this.place(nick);

        for (const name of where) {
            const conversation = this.place(name);

            if (conversation !== undefined) {
                this.add(conversation, { kind: 'event', text });
            }

            this.emit('channel', name);
        }

        if (query?.kind === 'query') {
            this.add(query, { kind: 'event', text });
        }
    }

    private tell(fact: Fact): void {
        const server = this.conversations.server;
        const because = (text: string): string =>
            text === '' ? '' : ` (${plain(text)})`;

        switch (fact.kind) {
        case 'welcome':
            this.add(server, { kind: 'info', text: fact.text });

            if (fact.nick !== this.profile.nick) {
                this.add(this.current, {
                    kind: 'event',
                    text: `You are known as ${fact.nick}.`,
                });
            }

            this.emit('status', this.connection.state);
            break;

        case 'isupport':
            this.conversations.sort();
            this.emit('tabs', null);
            break;

        case 'ready':
            break;

        case 'joined':
            this.joined(fact);
            break;

        case 'parted':
            this.parted(fact);
            break;

        case 'kicked': {
            const conversation = this.place(fact.channel);

            if (fact.own && conversation !== undefined) {
                conversation.joined = false;
                this.emit('tabs', null);
            }

            this.event(
                [fact.channel],
                '',
                fact.own
                    ? `${fact.by} removed you${because(fact.text)}.`
                    : `${fact.by} removed ${fact.nick}`
                        + `${because(fact.text)}.`,
            );
            break;
        }

        case 'quit':
            this.event(
                fact.channels,
                fact.nick,
                `${fact.nick} left the chat${because(fact.text)}.`,
            );
            break;

        case 'renamed':
            this.renamed(fact);
            break;

        case 'names':
        case 'topicinfo':
            this.emit('channel', fact.channel);
            break;

        case 'topic':
            if (fact.by !== null) {
                this.event(
                    [fact.channel],
                    '',
                    fact.text === ''
                        ? `${fact.by} cleared the topic.`
                        : `${fact.by} set the topic: ${plain(fact.text)}`,
                );
            } else if (this.state.channel(fact.channel) === undefined) {
                this.add(server, {
                    kind: 'info',
                    text: `${fact.channel}: ${plain(fact.text)}`,
                });
            }

            this.emit('channel', fact.channel);
            break;

        case 'mode':
            if (this.place(fact.target) !== undefined) {
                this.event(
                    [fact.target], '', `${fact.by} set mode ${fact.text}.`,
                );
            } else {
                this.add(server, {
                    kind: 'info',
                    text: `Mode of ${fact.target}: ${fact.text}`,
                });
            }

            break;

        case 'invited':
            this.add(this.current, {
                kind: 'notice',
                from: fact.by,
                text: this.state.isOwn(fact.nick)
                    ? `invites you to ${fact.channel}: `
                        + `/join ${fact.channel}`
                    : `invited ${fact.nick} to ${fact.channel}`,
                mention: this.state.isOwn(fact.nick),
            });
            break;

        case 'message':
            this.message(fact);
            break;

        case 'error': {
            const place = this.place(fact.about)
                ?? (this.state.registered ? this.current : server);

            this.add(place, {
                kind: 'error',
                text: fact.about === '' || place === this.place(fact.about)
                    ? plain(fact.text)
                    : `${fact.about}: ${plain(fact.text)}`,
            });
            break;
        }

        case 'info': {
            const place = this.place(fact.about)
                ?? (ASKED.test(fact.code) ? this.current : server);

            this.add(place, { kind: 'info', text: fact.text });
        }
        }
    }

    private joined(fact: Fact & { kind: 'joined' }): void {
        if (!fact.own) {
            this.event([fact.channel], '', `${fact.nick} joined.`);
            return;
        }

        const conversation = this.conversations.ensure(
            'channel', fact.channel,
        );

        conversation.name = fact.channel;
        conversation.joined = true;
        conversation.leaving = false;
        this.event([fact.channel], '', `You joined ${fact.channel}.`);

        if (
            this.toShow.delete(this.state.isupport.fold(fact.channel))
            || this.current.kind === 'server'
        ) {
            this.show(conversation);
        }

        this.emit('tabs', null);
    }

    private parted(fact: Fact & { kind: 'parted' }): void {
        const conversation = this.place(fact.channel);
        const why = fact.text === '' ? '' : ` (${plain(fact.text)})`;

        if (!fact.own) {
            this.event([fact.channel], '', `${fact.nick} left${why}.`);
            return;
        }

        if (conversation === undefined) {
            return;
        }

        conversation.joined = false;

        if (conversation.leaving) {
            this.removeTab(conversation);
        } else {
            this.event([fact.channel], '', `You left${why}.`);
            this.emit('tabs', null);
        }
    }

    private renamed(fact: Fact & { kind: 'renamed' }): void {
        const query = this.place(fact.from);

        if (fact.own) {
            this.profile.nick = fact.to;
            this.emit('status', this.connection.state);
        }

        this.event(
            fact.channels,
            fact.from,
            fact.own
                ? `You are now known as ${fact.to}.`
                : `${fact.from} is now known as ${fact.to}.`,
        );

        if (fact.own && fact.channels.length === 0) {
            this.add(this.current, {
                kind: 'event', text: `You are now known as ${fact.to}.`,
            });
        }

        if (
            query?.kind === 'query'
            && (this.place(fact.to) ?? query) === query
        ) {
            query.name = fact.to;
            this.conversations.sort();
            this.emit('tabs', null);

            if (query === this.current) {
                this.emit('current', query);
            }
        }
    }

    private mentions(text: string): boolean {
        const nick = this.state.nick.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

        return nick !== '' && new RegExp(
            `(?<![\\p{L}\\p{N}_])${nick}(?![\\p{L}\\p{N}_])`, 'iu',
        ).test(text);
    }

    private message(fact: Fact & { kind: 'message' }): void {
        const channel = this.state.isupport.isChannel(fact.where);
        let place: Conversation | undefined;

        if (fact.server) {
            place = this.conversations.server;
        } else if (channel || fact.type === 'notice') {
            place = this.conversations.find(fact.where)
                ?? (channel ? this.conversations.server : this.current);
        } else {
            place = this.conversations.ensure('query', fact.where);
        }

        if (fact.server && fact.type === 'notice') {
            this.add(place, {
                kind: 'info', from: fact.from, text: plain(fact.text),
            });
            return;
        }

        this.add(place, {
            kind: fact.type,
            from: fact.from,
            text: channel && place === this.conversations.server
                ? `${fact.where}: ${fact.text}`
                : fact.text,
            own: fact.own,
            mention: !fact.own && (channel
                ? this.mentions(fact.text)
                : fact.type !== 'notice'),
        });
    }
}
