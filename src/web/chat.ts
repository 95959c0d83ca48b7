/*
 * The chat as a whole, without a view: it feeds the connection's lines
 * to the state, sorts what happened into conversations, and turns what
 * is typed into lines.  The views listen and call its verbs.
 */

import { interpret, COMMANDS, type Intent } from './command';
import {
    Conversations,
    type Conversation,
    type ConversationPack,
    type Entry,
} from './conversation';
import { Connection, type Heard, type State } from './eirc';
import { Emitter } from './emitter';
import { plain } from './format';
import { build, parse } from './irc';
import { Said } from './said';
import { ChatState, type Fact, type StatePack } from './state';
import type { Profile } from './token';

export interface ChatEvents {
    /* connection state, that of the IRC server's, or own nick */
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

/* Of what is kept: another one whenever its shape or its sense changes. */
export const VERSION = 1;

/* All that the next page needs to show what this one does. */
export interface Memory {
    version: typeof VERSION;
    heard: Heard;
    state: StatePack;
    conversations: ConversationPack[];
    /* The name of the one in front; the server's has none. */
    front: string;
    away: Chat['away'];
    retold: string[];
    toShow: string[];
}

/* Answers to what one asks about a person belong where one asked. */
const ASKED = /^(?:301|30[56]|31[1-9]|330|335|338|341|37[89]|671|client)$/;

export class Chat extends Emitter<ChatEvents> {
    readonly state: ChatState;
    readonly conversations: Conversations;
    current: Conversation;
    /* Somebody looks at the page. */
    visible = true;

    /* The IRC server is away: why, and when it is tried again. */
    away: { text: string; until: number } | null;
    /* The reader has come in, now or on the page before this one. */
    entered = false;
    /* The reader has asked to leave. */
    left = false;
    readonly said: Said;

    private nextId: number;
    private warned = false;
    /* Channels whose state is being told anew. */
    private retold: Set<string>;
    /* Channels to bring to the front once they are joined. */
    private toShow: Set<string>;

    constructor(
        readonly connection: Connection,
        private readonly profile: Profile,
        private readonly clock: () => number = Date.now,
        memory: Memory | null = null,
    ) {
        super();

        this.state = new ChatState(memory?.state);
        this.conversations = new Conversations(
            (name) => this.state.isupport.fold(name), memory?.conversations,
        );
        this.away = memory?.away ?? null;
        this.retold = new Set(memory?.retold);
        this.toShow = new Set(memory?.toShow);
        this.nextId = 1 + Math.max(0, ...this.conversations.all.flatMap(
            (c) => [c.seen, ...c.entries.map((e) => e.id)],
        ));

        connection.on('state', (state) => this.connectionChanged(state));
        connection.on('line', (line) => this.receive(line));
        connection.on('gap', () => this.gap());
        connection.on('reset', () => this.lost(
            'The server had to begin anew. Some lines may be missing.',
        ));

        if (memory === null) {
            for (const name of profile.channels) {
                this.conversations.ensure('channel', name);
            }
        }

        this.current = this.conversations.find(
            memory?.front ?? profile.channels[0] ?? '',
        ) ?? this.conversations.server;
        this.said = new Said(this);
    }

    pack(): Memory {
        return {
            version: VERSION,
            heard: this.connection.heard,
            state: this.state.pack(),
            conversations: this.conversations.pack(),
            front: this.current.name,
            away: this.away,
            retold: [...this.retold],
            toShow: [...this.toShow],
        };
    }

    /*
     * Whom the server is to register, now: also when coming back.  The
     * channel in front is the first, and so in front on the next page.
     */
    get wanted(): Profile {
        const front = (c: Conversation): number => Number(c === this.current);

        return {
            ...this.profile,
            channels: this.conversations.all
                .filter((c) => c.kind === 'channel' && !c.leaving)
                .sort((a, b) => front(b) - front(a))
                .map((c) => c.name),
        };
    }

    /* What is said to one who has left. */
    get farewell(): string {
        return this.said.isHeard
            ? 'You left the chat.'
            : 'You left the chat. The last you said may not have arrived.';
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
            this.said.say(intent);
            break;

        case 'send':
            this.noteIntent(intent.line);
            this.post(intent.line);
            break;

        case 'query':
            this.talkTo(intent.nick);
            break;

        case 'quit':
            this.quit(intent.line);
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

    /* Leaves; but not without a word about what is still to be sent. */
    private quit(line: string): void {
        const { queued, state } = this.connection;

        if (queued > 0 && !this.warned) {
            this.warned = true;
            this.add(this.current, {
                kind: 'error',
                text: `Not sent yet: ${queued} of your messages. `
                    + '/quit again leaves without them.',
            });
            return;
        }

        this.left = true;

        if (state.name === 'closed') {
            this.emit('status', state);
        } else {
            this.connection.quit(line);
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
            this.said.refused();
        }

        return sent !== 'refused';
    }

    /* @internal: used by what one says, as those below */
    add(conversation: Conversation, part: Partial<Entry>): Entry {
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

    /* @internal */
    emitTabs(): void {
        this.emit('tabs', null);
    }

    /* @internal */
    emitDelivery(entry: Entry): void {
        this.emit('delivery', entry);
    }

    /* @internal */
    get entries(): Entry[] {
        return this.conversations.all.flatMap((c) => c.entries);
    }

    private connectionChanged(state: State): void {
        if (state.name === 'open') {
            this.entered = true;
            this.warned = false;
        } else if (state.name === 'closed' && !state.resuming) {
            this.lost(this.left ? 'You left the chat.' : 'Connection closed.');
        } else if (
            (state.name === 'connecting' || state.name === 'waiting')
            && !state.resuming
        ) {
            this.lost('Connection lost.');
        }

        this.emit('status', state);
    }

    /* Whoever can't resume a session knows nothing of the next one. */
    private lost(text: string): void {
        if (this.state.nick !== '') {
            for (const conversation of this.conversations.all) {
                if (conversation.kind === 'server' || conversation.joined) {
                    this.add(conversation, { kind: 'event', text });
                }
            }
        }

        this.retold.clear();
        this.forget();
    }

    private gap(): void {
        for (const conversation of this.conversations.all) {
            this.add(conversation, {
                kind: 'event',
                text: conversation.entries.length > 0
                    ? 'Some lines may be missing here.'
                    : 'Earlier lines are not shown.',
            });

            if (conversation.joined) {
                this.retold.add(
                    this.state.isupport.fold(conversation.name),
                );
            }
        }

        this.forget();
    }

    private forget(): void {
        this.state.reset();
        this.away = null;

        for (const conversation of this.conversations.all) {
            conversation.joined = false;
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

    /* @internal: where that is shown which is about a name, or nothing */
    place(about: string): Conversation | undefined {
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

            this.away = null;
            this.emit('status', this.connection.state);
            break;

        case 'irc':
            this.away = fact.up ? null : {
                text: fact.text, until: this.clock() + fact.wait * 1000,
            };
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

        if (
            this.retold.delete(this.state.isupport.fold(fact.channel))
        ) {
            this.emit('channel', fact.channel);
        } else {
            this.event([fact.channel], '', `You joined ${fact.channel}.`);
        }

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
