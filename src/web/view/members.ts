/*
 * Who is in the channel in front, by rank.
 */

import type { Chat } from '../chat';
import type { Member } from '../state';
import { button, coalesce, el, icon, replaceKeyed } from './dom';
import { hue, initial } from './text';

const RANKS: Record<string, string | undefined> = {
    '~': 'Owners',
    '&': 'Admins',
    '@': 'Operators',
    '%': 'Half-operators',
    '+': 'Voiced',
    '': 'Members',
};

export class MembersView {
    readonly element: HTMLElement;

    private readonly body = el('div', { class: 'members-body' });

    constructor(
        private readonly chat: Chat,
        private readonly chosen: () => void,
    ) {
        this.element = el(
            'aside',
            { class: 'members', 'aria-label': 'Members' },
            this.body,
        );

        const render = coalesce(() => this.render());

        chat.on('current', () => this.render());
        chat.on('tabs', render);
        chat.on('channel', (name) => {
            if (chat.state.isupport.equal(name, chat.current.name)) {
                render();
            }
        });

        this.render();
    }

    private render(): void {
        const { current, state } = this.chat;
        const groups = new Map<string, Member[]>();

        for (const member of state.members(current.name)) {
            const prefix = member.prefixes.charAt(0);

            groups.set(prefix, [...groups.get(prefix) ?? [], member]);
        }

        this.element.classList.toggle('none', groups.size === 0);
        replaceKeyed(
            this.body,
            ...[...groups].map(([prefix, members]) => el(
                'section',
                {},
                el(
                    'h2',
                    {},
                    RANKS[prefix] ?? `With ${prefix}`,
                    el('span', { class: 'count' }, String(members.length)),
                ),
                el('ul', {}, ...members.map((m) => this.member(m))),
            )),
        );
    }

    private member(member: Member): HTMLElement {
        const own = this.chat.state.isOwn(member.nick);
        const rank = RANKS[member.prefixes.charAt(0)];
        const parts = [
            el(
                'span',
                { class: `tile ${hue(member.nick)}`, 'aria-hidden': 'true' },
                initial(member.nick),
            ),
            el(
                'span',
                { class: 'prefix', title: rank ?? '' },
                member.prefixes,
            ),
            el('bdi', { class: 'label' }, member.nick),
        ];

        if (own) {
            return el(
                'li',
                {},
                el(
                    'span',
                    { class: 'member own' },
                    ...parts,
                    el('span', { class: 'tag' }, 'you'),
                ),
            );
        }

        return el(
            'li',
            {},
            button(
                `Talk to ${member.nick}`,
                { class: 'member', 'data-key': member.nick },
                () => {
                    this.chat.talkTo(member.nick);
                    this.chosen();
                },
                ...parts,
            ),
        );
    }
}

export function closeButton(label: string, press: () => void): HTMLElement {
    return button(
        label, { class: 'plain narrow closer' }, press, icon('close'),
    );
}
