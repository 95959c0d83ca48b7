/*
 * What one says oneself: sent as lines, shown at once, and followed
 * until it has gone out.  The server doesn't send it back.
 */

import type { Chat } from './chat';
import { sayLines, type Intent } from './command';
import type { Entry } from './conversation';
import { deliver, settle } from './delivery';
import type { Unsent } from './eirc';
import { parse, parseCtcp, split } from './irc';

type Type = 'message' | 'action' | 'notice';

/*
 * Room for ":nick!user@host PRIVMSG target :" and CR LF in the 512 bytes
 * of a line as others get it: nick, user and host at their usual most.
 */
const ENVELOPE = 2 + 1 + 30 + 1 + 12 + 1 + 64 + 1 + 8 + 2 + 2 + 9;

export class Said {
    /* What was said last has been heard, as far as is known. */
    isHeard = true;

    constructor(private readonly chat: Chat) {
        const { connection } = chat;

        connection.on('sent', (line) => this.delivered(line));
        connection.on('unsent', (messages) => this.unsent(messages));
        connection.on(
            'forgotten', ({ count, lost }) => this.forgotten(count, lost),
        );
        connection.on('state', ({ name }) => {
            this.isHeard ||= name === 'open';
        });

        this.takeOver(connection.unconfirmed);
    }

    say(intent: Intent & { do: 'say' }): void {
        const { chat } = this;
        const { type, target, text } = intent;
        const room = 512 - ENVELOPE
            - new TextEncoder().encode(target).length;
        const pieces = split(text, room);

        sayLines(type, target, pieces).forEach((line, i) => {
            const sent = chat.connection.send(line);

            this.draw(type, target, pieces[i] ?? '', line, sent === 'sent'
                ? 'done'
                : sent === 'queued' ? 'pending' : 'failed');

            if (sent === 'refused') {
                this.refused();
            }
        });

        const conversation = chat.conversations.find(target);

        if (conversation !== undefined && intent.show) {
            chat.show(conversation);
        }

        chat.emitTabs();
    }

    /* What did not arrive, or may not have, is the reader's to send. */
    again(entry: Entry): void {
        if (entry.delivery !== 'failed' && entry.delivery !== 'doubtful') {
            return;
        }

        const sent = this.chat.connection.send(entry.line);

        if (sent === 'refused') {
            this.refused();
            return;
        }

        entry.delivery = sent === 'queued' ? 'pending' : 'done';
        this.chat.emitDelivery(entry);
    }

    refused(): void {
        this.chat.add(this.chat.current, {
            kind: 'error',
            text: this.chat.connection.state.name === 'closed'
                ? 'Not sent: you are not connected.'
                : 'Not sent: too much is waiting already.',
        });
    }

    private draw(
        type: Type,
        target: string,
        text: string,
        line: string,
        delivery: Entry['delivery'],
    ): void {
        const { conversations, current, nick, state } = this.chat;
        const conversation = type === 'notice'
            || state.isupport.isChannel(target)
            ? conversations.find(target)
            : conversations.ensure('query', target);

        this.chat.add(conversation ?? current, {
            kind: type,
            from: nick,
            text: conversation === undefined ? `→ ${target}: ${text}` : text,
            own: true,
            delivery,
            line,
        });
    }

    /* By the page that was here before this one: it waits again. */
    private takeOver(lines: string[]): void {
        const { changed, unseen } = settle(
            this.chat.entries,
            lines.map((text) => ({ text, doubtful: true })),
        );

        for (const entry of changed) {
            entry.delivery = 'pending';
        }

        unseen.forEach(({ text }) => this.redraw(text));
    }

    private redraw(line: string): void {
        const message = parse(line);
        const [target, text] = message?.params ?? [];

        if (target === undefined || text === undefined) {
            return;
        }

        const ctcp = parseCtcp(text);

        if (message?.command === 'NOTICE') {
            this.draw('notice', target, text, line, 'pending');
        } else if (message?.command === 'PRIVMSG' && ctcp !== null) {
            this.draw('action', target, ctcp.text, line, 'pending');
        } else if (message?.command === 'PRIVMSG') {
            this.draw('message', target, text, line, 'pending');
        }
    }

    private delivered(line: string): void {
        const entry = deliver(this.chat.entries, line);

        if (entry !== undefined) {
            this.chat.emitDelivery(entry);
        }
    }

    private unsent(messages: Unsent[]): void {
        const { chat } = this;
        const { changed, unseen } = settle(chat.entries, messages);

        this.isHeard = false;
        changed.forEach((entry) => chat.emitDelivery(entry));

        for (const { text, doubtful } of unseen) {
            const about = parse(text)?.params[0] ?? '';

            chat.add(chat.place(about) ?? chat.current, {
                kind: 'info',
                text,
                own: true,
                delivery: doubtful ? 'doubtful' : 'failed',
                line: text,
            });
        }
    }

    private forgotten(count: number, lost: boolean): void {
        const text = lost
            ? `Lost: ${count} of the messages you sent.`
            : 'The server is slow to take what you send. If the connection '
                + `breaks, ${count} of your messages can’t be sent again.`;

        this.chat.add(this.chat.current, { kind: 'error', text });
    }
}
