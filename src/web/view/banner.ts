/*
 * Tells when there is no connection, why, and what can be done.
 */

import type { Chat } from '../chat';
import type { State } from '../eirc';
import { button, el } from './dom';

/* What the reader is told of a close code. */
export function reasonText(code: number, reason: string): string {
    if (reason !== '') {
        return reason;
    }

    switch (code) {
    case 1000:
    case 1005:
        return 'The server ended the connection.';
    case 1006:
        return 'The server could not be reached.';
    case 1001:
    case 1012:
        return 'The server is restarting.';
    case 1013:
        return 'The server is busy.';
    case 1008:
        return 'The server refused the connection.';
    case 1009:
        return 'A message was too large.';
    default:
        return `The connection was closed (${code}).`;
    }
}

export class BannerView {
    readonly element = el('div', {
        class: 'banner', role: 'alert', hidden: true,
    });

    private timer: number | undefined;

    constructor(private readonly chat: Chat) {
        chat.on('status', (state) => this.render(state));
        this.render(chat.connection.state);
    }

    private render(state: State): void {
        window.clearInterval(this.timer);

        if (state.name === 'waiting') {
            this.waiting(state);
        } else if (state.name === 'closed' && !this.chat.left) {
            this.element.replaceChildren(
                el('span', {}, reasonText(state.code, state.reason)),
                button(
                    'Connect again', { title: null },
                    () => this.chat.connection.open(),
                    'Connect again',
                ),
            );
            this.element.hidden = false;
        } else if (state.name !== 'connecting' || state.attempt === 0) {
            this.element.hidden = true;
        }
    }

    private waiting(state: State & { name: 'waiting' }): void {
        const until = Date.now() + state.delay;
        /* seconds that run down are not to be read out loud */
        const clock = el('span', { class: 'clock', 'aria-hidden': 'true' });
        const tick = (): void => {
            const left = Math.ceil((until - Date.now()) / 1000);

            clock.textContent = left > 0
                ? ` Next try in ${left} s.`
                : ' Trying now.';
        };

        tick();
        this.timer = window.setInterval(tick, 500);
        this.element.replaceChildren(
            el(
                'span',
                {},
                `${reasonText(state.code, state.reason)} Reconnecting.`,
                clock,
            ),
            button(
                'Try now', { title: null },
                () => this.chat.connection.retry(),
                'Try now',
            ),
        );
        this.element.hidden = false;
    }
}
