/*
 * The page one comes in by: a name, the channels, and what goes wrong
 * while connecting.
 */

import type { State } from '../eirc';
import type { Profile } from '../token';
import { reasonText } from './banner';
import { el } from './dom';

/* What no server takes for a nick; the rest is for the server to say. */
export function nickProblem(nick: string): string {
    if (nick === '') {
        return 'Choose a name.';
    }

    if (/[\s\0!@#&:,.*?"'<>/+~%$;()=]/.test(nick)) {
        return 'A name has letters, digits and -_[]{}|^` only.';
    }

    return /^[0-9-]/.test(nick) ? 'A name begins with a letter.' : '';
}

export function channelNames(text: string): string[] {
    const names = text.split(/[\s,]+/).filter((name) => name !== '')
        .map((name) => /^[#&]/.test(name) ? name : `#${name}`);

    return [...new Set(names)].filter((name) => name.length > 1);
}

function field(
    id: string,
    label: string,
    hint: string,
    attributes: Record<string, string | number | boolean>,
): { input: HTMLInputElement; element: HTMLElement } {
    const input = el('input', {
        id,
        name: id,
        type: 'text',
        autocapitalize: 'none',
        spellcheck: 'false',
        'aria-describedby': `${id}-hint`,
        ...attributes,
    });

    return {
        input,
        element: el(
            'div',
            { class: 'field' },
            el('label', { for: id }, label),
            input,
            el('p', { class: 'hint', id: `${id}-hint` }, hint),
        ),
    };
}

export class LoginView {
    readonly element: HTMLElement;

    private readonly nick: HTMLInputElement;
    private readonly channels: HTMLInputElement;
    private readonly problem = el('p', { class: 'problem', role: 'alert' });
    private readonly submit = el(
        'button', { type: 'submit', class: 'primary' },
    );
    private busy = false;

    constructor(
        profile: Profile,
        private readonly enter: (profile: Profile) => void,
        private readonly cancel: () => void,
    ) {
        const nick = field(
            'nick', 'Your name', 'Others see you by this name.', {
                maxlength: 30,
                autocomplete: 'nickname',
                required: true,
                value: profile.nick,
            },
        );
        const channels = field(
            'channels', 'Channels', 'One or more, with spaces between.', {
                maxlength: 200,
                autocomplete: 'off',
                value: profile.channels.join(' '),
            },
        );
        const form = el(
            'form',
            { novalidate: true },
            nick.element,
            channels.element,
            this.problem,
            this.submit,
        );

        this.nick = nick.input;
        this.channels = channels.input;
        this.element = el(
            'main',
            { class: 'login' },
            el(
                'div',
                { class: 'card' },
                el('img', {
                    src: './icon.svg', alt: '', width: 56, height: 56,
                }),
                el('h1', {}, 'Join the conversation'),
                el(
                    'p',
                    { class: 'lead' },
                    'eIRC: chat in your browser, on IRC.',
                ),
                form,
            ),
        );

        form.addEventListener('submit', (event) => {
            event.preventDefault();
            this.submitted();
        });
        this.nick.addEventListener('input', () => {
            this.nick.removeAttribute('aria-invalid');
            this.tell('');
        });
        this.setBusy(false);
    }

    focus(): void {
        this.nick.focus();
        this.nick.select();
    }

    show(state: State): void {
        switch (state.name) {
        case 'connecting':
        case 'registering':
            this.setBusy(true);
            break;

        case 'waiting':
            this.setBusy(true);
            this.tell(`${reasonText(state.code, state.reason)} Trying again.`);
            break;

        case 'closed':
            this.setBusy(false);
            this.tell(reasonText(state.code, state.reason));
            break;

        default:
            this.setBusy(false);
        }
    }

    tell(text: string): void {
        this.problem.textContent = text;
    }

    private setBusy(busy: boolean): void {
        this.busy = busy;
        this.nick.readOnly = busy;
        this.channels.readOnly = busy;
        this.submit.classList.toggle('busy', busy);
        this.submit.textContent = busy ? 'Connecting… Cancel' : 'Join';
    }

    private submitted(): void {
        if (this.busy) {
            this.cancel();
            this.setBusy(false);
            this.tell('');
            return;
        }

        const nick = this.nick.value.trim();
        const problem = nickProblem(nick);

        if (problem !== '') {
            this.tell(problem);
            this.nick.setAttribute('aria-invalid', 'true');
            this.nick.focus();
            return;
        }

        this.tell('');
        this.enter({
            nick,
            realname: nick,
            channels: channelNames(this.channels.value),
        });
    }
}
