/*
 * The page's beginning: brings together token, connection, chat, views.
 */

import { Chat } from './chat';
import { Connection } from './eirc';
import { requestToken, type Profile } from './token';
import { channelNames, LoginView } from './view/login';
import { PageView } from './view/page';

const REMEMBERED = 'eirc.profile';

function remembered(): Profile {
    const profile = { nick: '', realname: '', channels: ['#lobby'] };

    try {
        const stored: unknown = JSON.parse(
            localStorage.getItem(REMEMBERED) ?? '{}',
        );
        const { nick, channels } = stored as Partial<Profile>;

        if (typeof nick === 'string') {
            profile.nick = nick;
        }

        if (Array.isArray(channels) && channels.length > 0) {
            profile.channels = channels.map(String);
        }
    } catch {
        /* storage may be forbidden or hold anything: begin afresh */
    }

    /* an address that ends in #channel means that channel */
    const named = channelNames(decodeURIComponentOrNothing(location.hash));

    return named.length > 0 ? { ...profile, channels: named } : profile;
}

function decodeURIComponentOrNothing(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return '';
    }
}

function remember(profile: Profile): void {
    try {
        localStorage.setItem(REMEMBERED, JSON.stringify(profile));
    } catch {
        /* then it is typed again next time */
    }
}

function socketUrl(token: string | null, resume: string): string {
    const url = new URL('chat', document.baseURI);

    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    url.search = token === null
        ? `?resume=${encodeURIComponent(resume)}`
        : `?chat_token=${encodeURIComponent(token)}&resume=`;

    return url.href;
}

function start(app: HTMLElement, note = ''): void {
    let connection: Connection | null = null;

    const enter = (profile: Profile): void => {
        remember(profile);

        const opened: Connection = new Connection({
            token: (signal) => requestToken(
                new URL('token', document.baseURI).href,
                chat.wanted,
                signal,
            ),
            url: socketUrl,
        });
        const chat: Chat = new Chat(opened, { ...profile });
        let page: PageView | null = null;

        connection = opened;
        chat.on('status', (state) => {
            if (page === null && state.name === 'open') {
                page = new PageView(chat);
                app.replaceChildren(page.element);
                page.focus();
            } else if (page === null) {
                login.show(state);
            } else if (state.name === 'closed' && chat.left) {
                page.end();
                start(app, chat.farewell);
            }
        });
        opened.open();
    };

    const login = new LoginView(
        remembered(),
        enter,
        () => connection?.close(),
    );

    login.tell(note);
    app.replaceChildren(login.element);
    login.focus();
}

const app = document.getElementById('app');

if (app !== null) {
    start(app);
}
