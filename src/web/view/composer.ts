/*
 * Where one types.  Enter sends, Shift+Enter begins another line, Tab
 * completes a name, the arrows bring back what was sent before.
 */

import type { Chat } from '../chat';
import { COMMANDS } from '../command';
import { Completer } from '../completion';
import type { Conversation } from '../conversation';
import { el, icon } from './dom';

const REMEMBERED = 50;

const MAX_ROWS = 6;

export class ComposerView {
    readonly element: HTMLFormElement;

    private readonly field = el('textarea', {
        rows: 1,
        autocomplete: 'off',
        enterkeyhint: 'send',
        id: 'composer',
    });
    private readonly label = el('label', {
        for: 'composer', class: 'unseen',
    });
    private readonly completer = new Completer();
    private shown: Conversation;
    private sent: string[] = [];
    private at = 0;

    constructor(private readonly chat: Chat) {
        this.shown = chat.current;
        this.element = el(
            'form',
            { class: 'composer' },
            this.label,
            this.field,
            el(
                'button',
                { type: 'submit', class: 'send', 'aria-label': 'Send' },
                icon('send'),
            ),
        );

        this.element.addEventListener('submit', (event) => {
            event.preventDefault();
            this.submit();
        });
        this.field.addEventListener('keydown', (event) => this.key(event));
        this.field.addEventListener('input', () => this.edited());

        chat.on('current', () => this.changed());
        this.changed();
        this.fill(this.shown.draft);
    }

    focus(): void {
        this.field.focus();
        this.grow();
    }

    private changed(): void {
        const { current } = this.chat;
        const hint = current.kind === 'server'
            ? 'Type a command, /help lists them'
            : `Message ${current.name}`;

        if (this.shown !== current) {
            this.shown = current;
            this.fill(current.draft);
        }

        this.field.placeholder = hint;
        this.label.textContent = hint;
    }

    private fill(text: string, caret = text.length): void {
        this.field.value = text;
        this.field.setSelectionRange(caret, caret);
        this.edited();
    }

    private edited(): void {
        this.shown.draft = this.field.value;
        this.grow();
    }

    /* As many rows as there are lines, also those that wrap. */
    private grow(): void {
        this.field.rows = 1;

        while (
            this.field.scrollHeight > this.field.clientHeight + 2
            && this.field.rows < MAX_ROWS
        ) {
            this.field.rows++;
        }
    }

    private submit(): void {
        const typed = this.field.value;

        if (typed.trim() === '') {
            return;
        }

        this.sent = [...this.sent, typed].slice(-REMEMBERED);
        this.at = this.sent.length;
        this.fill('');
        this.chat.type(typed);
        this.focus();
    }

    private key(event: KeyboardEvent): void {
        if (event.isComposing || event.altKey || event.ctrlKey) {
            return;
        }

        switch (event.key) {
        case 'Enter':
            if (!event.shiftKey) {
                event.preventDefault();
                this.submit();
            }

            break;

        case 'Tab':
            if (!event.shiftKey && this.complete()) {
                event.preventDefault();
            }

            break;

        case 'ArrowUp':
            if (this.recall(-1)) {
                event.preventDefault();
            }

            break;

        case 'ArrowDown':
            if (this.recall(1)) {
                event.preventDefault();
            }
        }
    }

    private complete(): boolean {
        const { current, state, conversations } = this.chat;
        const completion = this.completer.complete(
            this.field.value,
            this.field.selectionStart,
            [
                ...state.members(current.name).map((m) => m.nick),
                ...conversations.all.map((c) => c.name),
                ...Object.keys(COMMANDS).map((name) => `/${name}`),
            ].filter((name, i, all) => name !== ''
                && !state.isOwn(name) && all.indexOf(name) === i),
        );

        if (completion === null) {
            return false;
        }

        this.fill(completion.text, completion.caret);

        return true;
    }

    /* Only where the arrow has no work to do inside the text. */
    private recall(step: -1 | 1): boolean {
        const { value, selectionStart } = this.field;
        const inside = step === -1
            ? value.slice(0, selectionStart).includes('\n')
            : value.slice(selectionStart).includes('\n');
        const touched = this.at < this.sent.length
            ? value !== this.sent[this.at]
            : value !== '';
        const to = this.at + step;

        if (inside || touched || to < 0 || to > this.sent.length) {
            return false;
        }

        this.at = to;
        this.fill(this.sent[to] ?? '');

        return true;
    }
}
