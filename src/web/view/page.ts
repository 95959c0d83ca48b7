/*
 * The chat's page: puts the views in their places, opens and closes the
 * drawers of a narrow screen, and knows the keys that belong to no view.
 */

import type { Chat } from '../chat';
import { BannerView } from './banner';
import { ComposerView } from './composer';
import { coalesce, el } from './dom';
import { HeadingView } from './heading';
import { LogView } from './log';
import { closeButton, MembersView } from './members';
import { TabsView } from './tabs';

type Drawer = 'tabs' | 'members';

export class PageView {
    readonly element: HTMLElement;

    private readonly composer: ComposerView;
    private readonly log: LogView;
    private readonly tabs: TabsView;
    private readonly members: MembersView;
    private readonly talk: HTMLElement;
    /* as in narrow.css: a drawer lies over all else */
    private readonly small = matchMedia('(max-width: 1000px)');
    private readonly ended = new AbortController();

    constructor(private readonly chat: Chat) {
        const chosen = (): void => {
            this.drawer(null);

            /* on a touch screen the keyboard would jump up */
            if (!matchMedia('(pointer: coarse)').matches) {
                this.composer.focus();
            }
        };
        const close = (): void => this.drawer(null);
        const scrim = el('div', { class: 'scrim' });

        this.tabs = new TabsView(chat, chosen);
        this.members = new MembersView(chat, chosen);
        this.log = new LogView(chat);
        this.composer = new ComposerView(chat);

        this.tabs.element.append(closeButton('Close', close));
        this.members.element.append(closeButton('Close', close));
        scrim.addEventListener('click', close);

        this.talk = el(
            'main',
            { class: 'talk' },
            new HeadingView(
                chat,
                () => this.drawer('tabs'),
                () => this.drawer('members'),
            ).element,
            new BannerView(chat).element,
            this.log.element,
            this.composer.element,
        );
        this.element = el(
            'div',
            { class: 'chat' },
            this.tabs.element,
            this.talk,
            this.members.element,
            scrim,
        );

        const { signal } = this.ended;

        document.addEventListener(
            'keydown', (event) => this.key(event), { signal },
        );
        document.addEventListener(
            'visibilitychange', () => this.sight(), { signal },
        );
        window.addEventListener(
            'online', () => chat.connection.wake(), { signal },
        );
        this.small.addEventListener('change', close, { signal });

        chat.on('tabs', coalesce(() => this.title()));
        chat.on('current', () => this.title());
        this.sight();
        this.title();
    }

    focus(): void {
        this.composer.focus();
    }

    /* The page goes; the document's listeners go with it. */
    end(): void {
        this.ended.abort();
        document.title = 'eIRC';
    }

    private sight(): void {
        const visible = document.visibilityState === 'visible';

        this.chat.setVisible(visible);

        if (visible) {
            this.chat.connection.wake();
        }
    }

    private title(): void {
        const { current, conversations } = this.chat;

        if (this.ended.signal.aborted) {
            return;
        }

        const news = conversations.all.reduce(
            (sum, c) => sum + (c.kind === 'query' ? c.unread : c.mentions), 0,
        );
        const name = current.kind === 'server' ? 'Server' : current.name;

        document.title = `${news > 0 ? `(${news}) ` : ''}${name} · eIRC`;
    }

    private drawer(name: Drawer | null): void {
        const was = this.element.dataset.drawer;

        if (name === null) {
            delete this.element.dataset.drawer;
        } else {
            this.element.dataset.drawer = name;
        }

        /* what is behind it can't be reached, with keys neither */
        for (const part of [this.tabs, this.members]) {
            part.element.inert = name !== null && this.small.matches
                && part !== this[name];
        }

        this.talk.inert = name !== null && this.small.matches;

        if (name !== null) {
            const element = this[name].element;

            element.querySelector<HTMLElement>(
                '[aria-current], button.member, .closer',
            )?.focus();
        } else if (was !== undefined) {
            this.element.querySelector<HTMLElement>(
                was === 'tabs' ? '.heading .narrow' : '.members-button',
            )?.focus();
        }
    }

    private key(event: KeyboardEvent): void {
        const { chat } = this;

        if (event.key === 'Escape' && this.element.dataset.drawer) {
            this.drawer(null);
            event.preventDefault();
            return;
        }

        if (event.ctrlKey || event.metaKey) {
            return;
        }

        if (event.altKey && event.key === 'ArrowUp') {
            chat.show(chat.conversations.beside(chat.current, -1));
        } else if (event.altKey && event.key === 'ArrowDown') {
            chat.show(chat.conversations.beside(chat.current, 1));
        } else if (event.altKey && event.code === 'KeyA') {
            chat.show(
                chat.conversations.nextUnread(chat.current) ?? chat.current,
            );
        } else if (event.key === 'PageUp') {
            this.log.page(-1);
        } else if (event.key === 'PageDown') {
            this.log.page(1);
        } else {
            return;
        }

        event.preventDefault();
    }
}
