/*
 * What was said in the conversation in front.  It follows the newest
 * entry as long as the reader is at the end of it.
 */

import type { Chat } from '../chat';
import { KEPT, type Conversation, type Entry } from '../conversation';
import { button, el, icon } from './dom';
import { hue, initial, textNodes } from './text';

const TIME = new Intl.DateTimeFormat(undefined, {
    hour: '2-digit', minute: '2-digit',
});
const DAY = new Intl.DateTimeFormat(undefined, {
    weekday: 'long', day: 'numeric', month: 'long',
});
const FULL = new Intl.DateTimeFormat(undefined, {
    dateStyle: 'medium', timeStyle: 'medium',
});

/* Within this time one person's messages stand together. */
const TOGETHER = 5 * 60_000;

const NEAR = 48;

export class LogView {
    readonly element: HTMLElement;

    private readonly list = el('ol', { class: 'entries' });
    private readonly scroller: HTMLElement;
    private readonly jump: HTMLButtonElement;
    private previous: Entry | null = null;
    private marked = false;
    private following = true;
    private missed = 0;
    private top = 0;

    constructor(private readonly chat: Chat) {
        this.scroller = el(
            'div',
            {
                class: 'scroller',
                role: 'log',
                'aria-live': 'polite',
                'aria-relevant': 'additions',
                tabindex: 0,
            },
            this.list,
        );
        this.jump = button(
            'Go to the newest message',
            { class: 'jump', hidden: true },
            () => this.toEnd(),
        );
        this.element = el('div', { class: 'log' }, this.scroller, this.jump);

        this.scroller.addEventListener('scroll', () => this.scrolled());
        new ResizeObserver(() => this.follow()).observe(this.scroller);

        chat.on('current', () => this.render());
        chat.on('entry', ({ conversation, entry }) => {
            if (conversation === chat.current) {
                this.append(conversation, entry);
            }
        });
        chat.on('delivery', (entry) => this.deliver(entry));

        this.render();
    }

    page(direction: -1 | 1): void {
        this.scroller.scrollBy({
            top: direction * this.scroller.clientHeight * 0.85,
        });
    }

    private render(): void {
        const conversation = this.chat.current;
        const items: HTMLElement[] = [];

        this.previous = null;
        this.marked = false;
        this.missed = 0;
        this.following = true;

        for (const entry of conversation.entries) {
            items.push(...this.items(conversation, entry));
        }

        this.list.replaceChildren(...items);
        this.list.classList.toggle('empty', items.length === 0);
        this.scroller.setAttribute(
            'aria-label',
            conversation.kind === 'server'
                ? 'Messages of the server'
                : `Messages in ${conversation.name}`,
        );
        this.toEnd();
    }

    private append(conversation: Conversation, entry: Entry): void {
        this.list.append(...this.items(conversation, entry));
        this.list.classList.remove('empty');

        /* separators stand between entries, so count generously */
        while (this.list.childElementCount > KEPT * 1.2) {
            this.list.firstElementChild?.remove();
        }

        if (entry.own) {
            this.toEnd();
        } else if (this.following) {
            this.follow();
        } else {
            this.missed++;
            this.showJump();
        }
    }

    private deliver(entry: Entry): void {
        const item = this.list.querySelector(`[data-id="${entry.id}"]`);

        if (item instanceof HTMLElement) {
            this.mark(item, entry);
        }
    }

    /* What has not arrived, or may not have, can be sent again. */
    private mark(item: HTMLElement, entry: Entry): void {
        const { delivery } = entry;

        item.dataset.delivery = delivery;
        item.querySelector('.again')?.remove();

        if (delivery === 'failed' || delivery === 'doubtful') {
            item.append(button(
                'Send again', { class: 'again', title: null },
                () => this.chat.said.again(entry), 'Send again',
            ));
        }
    }

    private items(conversation: Conversation, entry: Entry): HTMLElement[] {
        const items: HTMLElement[] = [];
        const before = this.previous;
        const day = new Date(entry.at).toDateString();

        if (before !== null && new Date(before.at).toDateString() !== day) {
            items.push(el(
                'li', { class: 'mark day' },
                el('span', {}, DAY.format(entry.at)),
            ));
        }

        if (
            !this.marked && before !== null && !entry.own
            && entry.id > conversation.seen && conversation.seen > 0
            && entry.kind !== 'event' && entry.kind !== 'info'
        ) {
            this.marked = true;
            items.push(el(
                'li', { class: 'mark new' }, el('span', {}, 'New'),
            ));
        }

        const item = this.item(entry, items.length === 0 ? before : null);

        /* in a talk with one person everything is to us */
        item.classList.toggle(
            'mention', entry.mention && conversation.kind === 'channel',
        );
        items.push(item);
        this.previous = entry;

        return items;
    }

    private item(entry: Entry, before: Entry | null): HTMLElement {
        const time = el(
            'time',
            {
                datetime: new Date(entry.at).toISOString(),
                title: FULL.format(entry.at),
            },
            TIME.format(entry.at),
        );
        const item = el('li', {
            class: `entry ${entry.kind}`,
            'data-id': entry.id,
        });

        item.classList.toggle('own', entry.own);

        const text = el(
            'span', { class: 'text', dir: 'auto' }, ...textNodes(entry.text),
        );

        if (entry.kind === 'message' || entry.kind === 'notice') {
            const together = before?.kind === entry.kind
                && before.from === entry.from
                && entry.at - before.at < TOGETHER;

            item.classList.toggle('more', together);
            item.append(
                el(
                    'span',
                    {
                        class: `tile ${hue(entry.from)}`,
                        'aria-hidden': 'true',
                    },
                    initial(entry.from),
                ),
                el(
                    'span',
                    { class: 'by' },
                    el(
                        'bdi',
                        { class: `nick ${hue(entry.from)}` },
                        entry.from,
                    ),
                    entry.kind === 'notice'
                        ? el('span', { class: 'tag' }, 'notice')
                        : null,
                    ' ',
                ),
                text,
                time,
            );
        } else {
            if (entry.kind === 'action') {
                text.prepend(
                    el(
                        'bdi',
                        { class: `nick ${hue(entry.from)}` },
                        entry.from,
                    ),
                    ' ',
                );
            }

            item.append(text, time);
        }

        this.mark(item, entry);

        return item;
    }

    private scrolled(): void {
        const { scrollTop, scrollHeight, clientHeight } = this.scroller;

        if (scrollHeight - scrollTop - clientHeight < NEAR) {
            this.following = true;
            this.missed = 0;

        } else if (scrollTop < this.top) {
            /* not where the window has only become smaller */
            this.following = false;
        }

        this.top = scrollTop;
        this.showJump();
    }

    private showJump(): void {
        this.jump.hidden = this.following;
        this.jump.replaceChildren(
            icon('down'),
            this.missed > 0 ? `${this.missed} new` : 'Newest',
        );
    }

    private follow(): void {
        if (this.following) {
            this.scroller.scrollTop = this.scroller.scrollHeight;
            this.top = this.scroller.scrollTop;
        }
    }

    private toEnd(): void {
        this.following = true;
        this.missed = 0;
        this.showJump();
        this.follow();
    }
}
