/*
 * The list of conversations, with marks for what is unread, and under it
 * who and how one is connected.
 */

import type { Chat } from '../chat';
import type { Conversation } from '../conversation';
import type { State } from '../eirc';
import { button, coalesce, el, icon, replaceKeyed } from './dom';
import { hue, initial } from './text';

export function stateText(state: State, away = false): string {
    switch (state.name) {
    case 'idle':
        return 'Not connected';
    case 'connecting':
        return 'Connecting…';
    case 'registering':
        return 'Entering…';
    case 'open':
        return away ? 'IRC server away' : 'Connected';
    case 'waiting':
        return 'Reconnecting…';
    case 'closed':
        return 'Disconnected';
    }
}

export class TabsView {
    readonly element: HTMLElement;

    private readonly list = el('ul', { class: 'tab-list' });
    private readonly tile = el('span', { 'aria-hidden': 'true' });
    private readonly me = el('bdi', { class: 'me-nick' });
    private readonly status = el('span', {
        class: 'me-state', role: 'status',
    });

    constructor(
        private readonly chat: Chat,
        private readonly chosen: () => void,
    ) {
        const channel = el('input', {
            type: 'text',
            placeholder: 'Join a channel',
            'aria-label': 'Join a channel',
            autocomplete: 'off',
            autocapitalize: 'none',
            spellcheck: 'false',
            enterkeyhint: 'go',
        });
        const form = el(
            'form',
            { class: 'join' },
            icon('plus'),
            channel,
        );

        form.addEventListener('submit', (event) => {
            event.preventDefault();

            if (channel.value.trim() !== '') {
                chat.type(`/join ${channel.value.trim()}`);
                channel.value = '';
                this.chosen();
            }
        });

        this.element = el(
            'nav',
            { class: 'tabs', 'aria-label': 'Conversations' },
            el(
                'p',
                { class: 'brand' },
                el('img', {
                    src: './icon.svg', alt: '', width: 26, height: 26,
                }),
                'eIRC',
            ),
            this.list,
            form,
            el(
                'div',
                { class: 'me' },
                this.tile,
                el('div', { class: 'me-text' }, this.me, this.status),
                button(
                    'Leave the chat',
                    { class: 'plain' },
                    () => chat.type('/quit'),
                    icon('leave'),
                ),
            ),
        );

        chat.on('tabs', coalesce(() => this.render()));
        chat.on('current', () => this.render());
        chat.on('status', (state) => this.renderStatus(state));

        this.render();
        this.renderStatus(chat.connection.state);
    }

    private render(): void {
        replaceKeyed(
            this.list,
            ...this.chat.conversations.all.map((c) => this.tab(c)),
        );
    }

    private tab(conversation: Conversation): HTMLElement {
        const { kind, unread, mentions } = conversation;
        const current = conversation === this.chat.current;
        const name = kind === 'server'
            ? this.chat.state.isupport.network || 'Server'
            : conversation.name;
        const news = unread === 0
            ? ''
            : mentions > 0
                ? `, ${unread} new, ${mentions} for you`
                : `, ${unread} new`;
        const sign = kind === 'server'
            ? icon('server')
            : kind === 'channel'
                ? name.charAt(0)
                : el(
                    'span', { class: `dot ${hue(name)}` }, initial(name),
                );
        const away = kind === 'channel' && !conversation.joined;
        const item = el(
            'li',
            { class: `tab ${kind}` },
            button(
                `${name}${away ? ', not joined' : ''}${news}`,
                {
                    class: 'tab-name',
                    'aria-current': current ? 'page' : null,
                    'data-key': `${kind} ${name}`,
                    title: name,
                },
                () => {
                    this.chat.show(conversation);
                    this.chosen();
                },
                el('span', { class: 'sign', 'aria-hidden': 'true' }, sign),
                el(
                    'bdi',
                    { class: 'label' },
                    kind === 'channel' ? name.slice(1) : name,
                ),
                unread === 0 || kind === 'server'
                    ? null
                    : el(
                        'span',
                        { class: 'badge' },
                        unread > 99 ? '99+' : String(unread),
                    ),
            ),
            kind === 'server'
                ? null
                : button(
                    kind === 'channel' ? `Leave ${name}` : `Close ${name}`,
                    { class: 'tab-close', 'data-key': `close ${name}` },
                    () => this.chat.closeTab(conversation),
                    icon('close'),
                ),
        );

        item.classList.toggle('current', current);
        item.classList.toggle('unread', unread > 0);
        item.classList.toggle('for-me', mentions > 0);
        item.classList.toggle('away', away);

        return item;
    }

    private renderStatus(state: State): void {
        const { away, nick } = this.chat;

        this.tile.className = `tile ${hue(nick)}`;
        this.tile.textContent = initial(nick);
        this.me.textContent = nick;
        this.status.textContent = stateText(state, away !== null);
        this.status.dataset.state = state.name === 'open' && away !== null
            ? 'waiting'
            : state.name;
    }
}
