/*
 * One IRC line: taken apart, put together, and the rules by which names
 * are compared.  Pure functions; nothing here knows a connection.
 */

export interface Source {
    nick: string;
    user: string;
    host: string;
}

export interface Message {
    tags: Map<string, string>;
    source: Source | null;
    command: string;
    params: string[];
}

const ESCAPES: Record<string, string> = {
    ':': ';',
    s: ' ',
    r: '\r',
    n: '\n',
};

function unescapeTag(value: string): string {
    return value.replace(/\\(.?)/gs, (_all, c: string) => ESCAPES[c] ?? c);
}

export function parseTags(text: string): Map<string, string> {
    const tags = new Map<string, string>();

    for (const item of text.split(';')) {
        if (item === '') {
            continue;
        }

        const eq = item.indexOf('=');

        if (eq === -1) {
            tags.set(item, '');
        } else {
            tags.set(item.slice(0, eq), unescapeTag(item.slice(eq + 1)));
        }
    }

    return tags;
}

export function parseSource(text: string): Source {
    const at = text.indexOf('@');
    const front = at === -1 ? text : text.slice(0, at);
    const bang = front.indexOf('!');

    return {
        nick: bang === -1 ? front : front.slice(0, bang),
        user: bang === -1 ? '' : front.slice(bang + 1),
        host: at === -1 ? '' : text.slice(at + 1),
    };
}

/* Null for a line without a command; everything else parses. */
export function parse(line: string): Message | null {
    let rest = line.replace(/[\r\n]+$/, '');
    let tags = new Map<string, string>();
    let source: Source | null = null;

    const word = (): string => {
        const space = rest.indexOf(' ');
        const head = space === -1 ? rest : rest.slice(0, space);

        rest = space === -1 ? '' : rest.slice(space).replace(/^ +/, '');

        return head;
    };

    rest = rest.replace(/^ +/, '');

    if (rest.startsWith('@')) {
        tags = parseTags(word().slice(1));
    }

    if (rest.startsWith(':')) {
        source = parseSource(word().slice(1));
    }

    const verb = word();
    const command = /^[A-Za-z]+$/.test(verb) ? verb.toUpperCase() : verb;

    if (command === '') {
        return null;
    }

    const params: string[] = [];

    while (rest !== '') {
        if (rest.startsWith(':')) {
            params.push(rest.slice(1));
            break;
        }

        params.push(word());
    }

    return { tags, source, command, params };
}

/* What may never be inside a line: it would begin another one. */
function clean(text: string): string {
    return text.replace(/[\0\r\n]+/g, ' ');
}

/* Only the last parameter may hold spaces, be empty or begin with ':'. */
export function build(command: string, ...params: string[]): string {
    let line = command;

    params.forEach((param, i) => {
        const value = clean(param);

        if (i < params.length - 1) {
            if (value === '' || value.startsWith(':') || /\s/.test(value)) {
                throw new Error(`not a middle parameter: "${value}"`);
            }

            line += ` ${value}`;

        } else if (
            value === '' || value.startsWith(':') || value.includes(' ')
            || (i > 0 && TRAILING.has(command))
        ) {
            line += ` :${value}`;

        } else {
            line += ` ${value}`;
        }
    });

    return line;
}

/* Commands whose last parameter is text, always sent behind a colon. */
const TRAILING = new Set(['PRIVMSG', 'NOTICE', 'TOPIC', 'KICK']);

/* Names as the server compares them, by CASEMAPPING of its ISUPPORT. */
export function fold(name: string, mapping = 'rfc1459'): string {
    const lower = name.replace(/[A-Z]/g, (c) => c.toLowerCase());

    switch (mapping) {
    case 'ascii':
        return lower;

    case 'rfc1459':
        return lower.replace(/[[\]\\~]/g, rfc1459);

    case 'strict-rfc1459':
    case 'rfc1459-strict':
        return lower.replace(/[[\]\\]/g, rfc1459);

    default:
        /* rfc8265 and the like: close enough for showing names */
        return name.toLowerCase();
    }
}

function rfc1459(c: string): string {
    return c === '~' ? '^' : String.fromCharCode(c.charCodeAt(0) + 32);
}

/* A CTCP request or answer inside a PRIVMSG or NOTICE, else null. */
export function parseCtcp(
    text: string,
): { verb: string; text: string } | null {
    const match = /^\x01([^\x01 ]+)(?: ([^\x01]*))?\x01?$/.exec(text);

    if (match === null) {
        return null;
    }

    return { verb: (match[1] ?? '').toUpperCase(), text: match[2] ?? '' };
}

export function buildAction(target: string, text: string): string {
    return build('PRIVMSG', target, `\x01ACTION ${text}\x01`);
}

/*
 * Takes text apart so that no piece is longer than so many bytes of
 * UTF-8: between words where it can, never inside a character.
 */
export function split(text: string, bytes: number): string[] {
    const encoder = new TextEncoder();
    const pieces: string[] = [];
    let piece = '';
    let size = 0;

    for (const c of text) {
        const n = encoder.encode(c).length;

        if (size + n > bytes && piece !== '') {
            const space = piece.lastIndexOf(' ');

            if (c !== ' ' && space > piece.length / 2) {
                pieces.push(piece.slice(0, space));
                piece = piece.slice(space + 1);
            } else {
                pieces.push(piece);
                piece = '';
            }

            size = encoder.encode(piece).length;

            if (c === ' ' && piece === '') {
                continue;
            }
        }

        piece += c;
        size += n;
    }

    if (piece !== '') {
        pieces.push(piece);
    }

    return pieces;
}
