/*
 * A page around irc-framework, the IRC library of web clients: what happens
 * is written down in the page, one element for each event, for a test to
 * read.  The library itself is as npm has it.
 */

import IRC from 'irc-framework';

window.note = (kind, ...words) => {
    const line = document.createElement('p');

    line.className = kind;
    line.textContent = words.join(' ');
    document.body.append(line);
};

window.notes = (kind) => [...document.querySelectorAll(`p.${kind}`)]
    .map((line) => line.textContent);

/* A token is good for one connection. */
const path = async (user) => {
    const answer = await fetch('/issue', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(user),
    });

    return `/chat?chat_token=${(await answer.json()).token}`;
};

window.start = async (user, options) => {
    const client = new IRC.Client({
        host: location.hostname,
        port: location.port,
        path: await path(user),
        enable_echomessage: true,
        ...options,
    });

    client.on('raw', (event) => note(event.from_server ? 'in' : 'out',
        event.line));
    client.on('registered', (event) => note('registered', event.nick));
    client.on('join', (event) => note('join', event.nick, event.channel));
    client.on('userlist', (event) => note('userlist', event.channel,
        event.users.map((u) => u.modes.join('') + u.nick).sort().join(',')));
    client.on('message', (event) => note(event.type, event.nick,
        event.target, event.time > 0 ? 'timed' : 'untimed', event.message));
    client.on('tagmsg', (event) => note('tagmsg', event.nick, event.target,
        JSON.stringify(event.tags['+draft/react'] ?? null)));
    client.on('nick', (event) => note('nick', event.nick, event.new_nick));
    client.on('nick in use', (event) => note('inuse', event.nick));
    client.on('quit', (event) => note('quit', event.nick, event.message));
    client.on('pong', (event) => note('pong', event.message));
    client.on('socket close', () => note('closed', client.user.nick));
    client.on('close', () => note('over', client.user.nick));

    client.on('reconnecting', async (event) => {
        note('reconnecting', event.attempt);
        client.options.path = await path(user);
    });

    client.connect();

    return Object.assign(window, { client }) && true;
};
