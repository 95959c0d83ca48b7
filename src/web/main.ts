/*
 * The page's beginning: brings together token, connection, chat, views.
 */

import { Chat } from './chat';
import { Connection, type State } from './eirc';
import { bare, Keeper, type Kept } from './kept';
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

/*
 * What the tab keeps follows what happens, until the reader leaves or
 * there is nothing to come back to.
 */
function follow(chat: Chat, keeper: Keeper): void {
    const ended = new AbortController();
    const { signal } = ended;
    const { connection } = chat;
    let gone = false;
    const keep = (all: boolean): void => {
        const { state } = connection;
        const stands = state.name === 'closed'
            ? state.resuming
            : chat.entered;

        if (chat.left) {
            keeper.forget();
        } else if (stands && !gone) {
            const kept = {
                profile: chat.wanted,
                pack: connection.pack(),
                memory: all ? chat.pack() : null,
            };

            keeper.keep(all ? kept : bare(kept));
        }
    };

    connection.on('ticket', (ticket) => {
        keep(false);

        if (ticket !== null) {
            keeper.tell(ticket);
        }
    });
    keeper.hear((ticket) => {
        connection.taken(ticket);
        keep(false);
    }, signal);

    /* the page goes, or is put aside and comes back as it was */
    window.addEventListener('pagehide', () => {
        keep(true);
        gone = true;
    }, { signal });
    window.addEventListener('pageshow', () => {
        gone = false;
        keep(false);
    }, { signal });

    chat.on('status', (state) => {
        keep(false);

        if (state.name === 'closed' && !state.resuming) {
            keeper.forget();
        }

        if (state.name === 'closed' && chat.left) {
            ended.abort();
        }
    });
}

function start(app: HTMLElement, keeper: Keeper, note = ''): void {
    let chat: Chat | null = null;
    let page: PageView | null = null;

    const show = (shown: Chat): void => {
        page = new PageView(shown);
        app.replaceChildren(page.element);
        page.focus();
    };

    const changed = (shown: Chat, state: State): void => {
        if (page === null && state.name === 'open') {
            show(shown);
        } else if (page === null) {
            login.show(state);
        } else if (state.name === 'closed' && shown.left) {
            page.end();
            start(app, keeper, shown.farewell);
        }
    };

    const enter = (profile: Profile, kept?: Kept): Chat => {
        const connection: Connection = new Connection({
            token: (signal) => requestToken(
                new URL('token', document.baseURI).href,
                entered.wanted,
                signal,
            ),
            url: socketUrl,
            pack: kept?.pack,
            heard: kept?.memory?.heard,
        });
        const entered = new Chat(
            connection, { ...profile }, Date.now, kept?.memory,
        );

        chat = entered;
        follow(entered, keeper);
        entered.on('status', (state) => changed(entered, state));

        return entered;
    };

    const login = new LoginView(
        remembered(),
        (profile) => {
            remember(profile);
            enter(profile).connection.open();
        },
        () => chat?.connection.close(),
    );
    const kept = keeper.take();

    if (kept === null) {
        login.tell(note);
        app.replaceChildren(login.element);
        login.focus();
    } else {
        const entered = enter(kept.profile, kept);

        entered.entered = true;
        show(entered);
        entered.connection.open();
    }
}

const app = document.getElementById('app');

if (app !== null) {
    start(app, new Keeper());
}
