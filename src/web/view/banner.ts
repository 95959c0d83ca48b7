/*
 * Tells when there is no connection, why, and what can be done.
 */

import type { Chat } from '../chat';
import { CODE_TAKEN, CODE_TOKEN_REFUSED, type State } from '../eirc';
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
    4501: 'The session is over.',
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

/*
 * A session that is resumed at the first try is back before anybody has
 * read why it was away.
 */
const QUIET = 1_000;

export class BannerView {
    readonly element = el('div', {
        class: 'banner', role: 'alert', hidden: true,
    });

    /* seconds that run down are not to be read out loud */
    private readonly clock = el('span', {
        class: 'clock', 'aria-hidden': 'true',
    });
    private until = 0;
    private ticking: number | undefined;
    private quiet: number | undefined;

    constructor(private readonly chat: Chat) {
        chat.on('status', (state) => this.render(state));
        this.render(chat.connection.state);
    }

    private render(state: State): void {
        if (state.name === 'connecting' && state.attempt > 0) {
            /* what is said of the wait for it still holds */
            return;
        }

        window.clearTimeout(this.quiet);
        window.clearInterval(this.ticking);

        if (state.name === 'waiting') {
            const show = (): void => this.waiting(state, until);
            const until = Date.now() + state.delay;

            if (state.resuming && state.attempt < 2) {
                this.quiet = window.setTimeout(show, QUIET);
            } else {
                show();
            }
        } else if (state.name === 'closed' && !this.chat.left) {
            this.closed(state);
        } else if (state.name === 'open' && this.chat.away !== null) {
            this.show(this.chat.away.text, this.countDown(
                this.chat.away.until,
            ));
        } else {
            this.element.hidden = true;
        }
    }

    private show(
        text: string,
        clock: HTMLElement | null,
        ...buttons: HTMLElement[]
    ): void {
        this.element.replaceChildren(el('span', {}, text, clock), ...buttons);
        this.element.hidden = false;
    }

    private countDown(until: number): HTMLElement {
        this.until = until;
        this.tick();
        this.ticking = window.setInterval(() => this.tick(), 500);

        return this.clock;
    }

    private tick(): void {
        const left = Math.ceil((this.until - Date.now()) / 1000);

        this.clock.textContent = left > 0
            ? ` Next try in ${left} s.`
            : ' Trying now.';
    }

    private closed(state: State & { name: 'closed' }): void {
        const words = state.code === CODE_TAKEN
            ? 'Use it here'
            : 'Connect again';

        this.show(
            reasonText(state.code, state.reason),
            null,
            button(
                words, { title: null },
                () => this.chat.connection.open(),
                words,
            ),
        );
    }

    private waiting(
        state: State & { name: 'waiting' },
        until: number,
    ): void {
        this.show(
            `${reasonText(state.code, state.reason)} Reconnecting.`,
            this.countDown(until),
            button(
                'Try now', { title: null },
                () => this.chat.connection.retry(),
                'Try now',
            ),
        );
    }
}
