/*
 * Tells when there is no connection, why, and what can be done.
 */

import type { Chat } from '../chat';
import { CODE_TOKEN_REFUSED, type State } from '../eirc';
import { button, el } from './dom';

const REASONS: Record<number, string | undefined> = {
    1000: 'The server ended the connection.',
    1001: 'The server is restarting.',
    1005: 'The server ended the connection.',
    1006: 'The server could not be reached.',
    1008: 'The server refused the connection.',
    1009: 'A message was too large.',
    1012: 'The server is restarting.',
    1013: 'The server is busy.',
    4000: 'The connection to the IRC server was lost.',
    4001: 'This chat was opened somewhere else.',
    4002: 'Something failed on the server.',
    4003: 'This connection was too slow.',
    4004: 'The IRC server could not be reached.',
    4500: 'The IRC server does not let you in.',
};

/*
 * What the reader is told of a close code.  Reasons come in the words of
 * a log: they stand in brackets behind our own, or for them.
 */
export function reasonText(code: number, reason: string): string {
    /* a token that was not given: the reason is a sentence of ours */
    if (reason !== '' && (code === CODE_TOKEN_REFUSED || code === 1006)) {
        return reason;
    }

    const text = REASONS[code] ?? `The connection was closed (${code}).`;
    const told = code === 1008 || code === 4500 || REASONS[code] === undefined;

    return told && reason !== ''
        ? `${text.slice(0, -1)}: ${reason}.`
        : text;
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
