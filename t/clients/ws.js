/*
 * A client of "ws", the WebSocket of Node that others build upon, against an
 * echo: says what was agreed on, and of each kind of message how many came
 * back as they were.  ws.js URL [CONTEXT]
 */

import WebSocket from 'ws';
import { randomBytes } from 'node:crypto';

const [url, context] = process.argv.slice(2);

const ws = new WebSocket(url, {
    maxPayload: 32 * 1024 * 1024,
    perMessageDeflate: {
        threshold: 0,
        serverNoContextTakeover: context !== 'context',
        clientNoContextTakeover: context !== 'context',
    },
});

const arrived = [];
let wake = () => {};

ws.on('message', (data, binary) => {
    arrived.push({ data, binary });
    wake();
});

ws.on('error', (error) => {
    console.log(`error: ${error.message}`);
    process.exit(1);
});

const next = async () => {
    while (arrived.length === 0) {
        await new Promise((resolve) => { wake = resolve; });
    }

    return arrived.shift();
};

const echo = async (name, messages) => {
    let same = 0;

    for (const message of messages) {
        ws.send(message);
    }

    for (const message of messages) {
        const binary = typeof message !== 'string';
        const { data, binary: was } = await next();

        if (binary === was && data.equals(Buffer.from(message))) {
            same++;
        }
    }

    console.log(`${name}: ${same} of ${messages.length}`);
};

ws.on('open', async () => {
    console.log(`extensions: ${ws.extensions}`);

    const line = ':alice!a@host PRIVMSG #room :message, caf\u00e9 \u{1f600} ';

    await echo('text', ['', 'hello', line.repeat(20), '\u00e9'.repeat(70000)]);
    await echo('binary', [Buffer.alloc(0), Buffer.alloc(300),
        randomBytes(1), randomBytes(1000), Buffer.alloc(65536, 'ab')]);
    await echo('large', [Buffer.alloc(8 << 20), randomBytes(8 << 20),
        line.repeat(50000)]);
    await echo('many', Array.from({ length: 2000 },
        (_, n) => line.repeat(n % 12) + n));

    ws.ping('ping');
    console.log(`pong: ${await new Promise((resolve) => {
        ws.once('pong', resolve);
    })}`);

    ws.on('close', (code) => console.log(`closed: ${code}`));
    ws.close(1000);
});
