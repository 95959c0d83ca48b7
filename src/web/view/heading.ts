/*
 * The head of the conversation in front: its name and what it is about.
 */

import type { Chat } from '../chat';
import { button, coalesce, el, icon } from './dom';
import { textNodes } from './text';

export class HeadingView {
    readonly element: HTMLElement;

    private readonly name = el('h1', { class: 'name' });
    private readonly topic = el('p', { class: 'topic', dir: 'auto' });
    private readonly count = el('span', { class: 'count' });
    private readonly menu: HTMLButtonElement;
    private readonly people: HTMLButtonElement;

    constructor(
        private readonly chat: Chat,
        openTabs: () => void,
        openPeople: () => void,
    ) {
        this.menu = button(
            'Conversations', { class: 'plain narrow' }, openTabs,
            icon('menu'),
        );
        this.people = button(
            'Members', { class: 'plain members-button' }, openPeople,
            icon('people'), this.count,
        );
        this.element = el(
            'header',
            { class: 'heading' },
            this.menu,
            el('div', { class: 'about' }, this.name, this.topic),
            this.people,
        );

        const render = coalesce(() => this.render());

        chat.on('current', () => this.render());
        chat.on('channel', render);
        chat.on('tabs', render);

        this.render();
    }

    private render(): void {
        const { current, state } = this.chat;
        const channel = state.channel(current.name);
        const topic = current.kind === 'server'
            ? 'What the server has to say'
            : current.kind === 'query'
                ? 'Between the two of you'
                : channel === undefined
                    ? 'You are not in this channel.'
                    : channel.topic;
        const n = channel?.members.size ?? 0;
        const news = this.chat.conversations.all.some((c) => c.unread > 0);

        this.name.textContent = current.kind === 'server'
            ? state.isupport.network || 'Server'
            : current.name;
        this.topic.replaceChildren(
            ...textNodes(topic === '' ? 'No topic is set.' : topic),
        );
        this.topic.classList.toggle(
            'unset', channel === undefined || channel.topic === '',
        );
        this.topic.title = channel === undefined || channel.topicBy === ''
            ? ''
            : `Set by ${channel.topicBy}`;
        this.count.textContent = String(n);
        this.people.hidden = channel === undefined;
        this.people.setAttribute('aria-label', `Members: ${n}`);
        this.menu.classList.toggle('news', news);
        this.menu.setAttribute(
            'aria-label',
            news ? 'Conversations, some unread' : 'Conversations',
        );
    }
}
