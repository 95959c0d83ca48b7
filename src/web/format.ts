/*
 * Text of a message taken apart into runs: IRC's formatting codes become
 * properties, addresses become links.  The result is plain data; whoever
 * shows it makes text nodes of it and never parses it as HTML.
 */

export interface Run {
    text: string;
    href?: string;
    bold?: boolean;
    italic?: boolean;
    underline?: boolean;
    strike?: boolean;
    mono?: boolean;
}

type Style = 'bold' | 'italic' | 'underline' | 'strike' | 'mono';

const STYLES: Record<string, Style> = {
    '\x02': 'bold',
    '\x1d': 'italic',
    '\x1f': 'underline',
    '\x1e': 'strike',
    '\x11': 'mono',
};

/* Colors are read and dropped: they would fight the page's own. */
const CODE = new RegExp(
    '\\x03(?:\\d{1,2}(?:,\\d{1,2})?)?'
    + '|\\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?'
    + '|[\\x00-\\x08\\x0b-\\x1f\\x7f]',
    'g',
);

const LINK = /\bhttps?:\/\/[^\s<>"`\x00-\x1f]+/gi;

/* Closing marks that belong to the sentence, not to the address. */
export function trimLink(link: string): string {
    let end = link.length;

    for (; end > 0; end--) {
        const c = link.charAt(end - 1);

        if (/[.,;:!?'*_~]/.test(c)) {
            continue;
        }

        const open = { ')': '(', ']': '[', '}': '{' }[c];

        if (open === undefined) {
            break;
        }

        const body = link.slice(0, end);

        if (body.split(c).length <= body.split(open).length) {
            break;
        }
    }

    return link.slice(0, end);
}

/* Only http and https, and only what a browser takes for an address. */
export function safeHref(link: string): string | null {
    try {
        const url = new URL(link);

        return url.protocol === 'http:' || url.protocol === 'https:'
            ? url.href
            : null;
    } catch {
        return null;
    }
}

function linkRuns(text: string, style: Partial<Run>): Run[] {
    const runs: Run[] = [];
    let from = 0;

    for (const match of text.matchAll(LINK)) {
        const link = trimLink(match[0]);
        const href = safeHref(link);
        const start = match.index ?? 0;

        if (href === null) {
            continue;
        }

        if (start > from) {
            runs.push({ ...style, text: text.slice(from, start) });
        }

        runs.push({ ...style, text: link, href });
        from = start + link.length;
    }

    if (from < text.length) {
        runs.push({ ...style, text: text.slice(from) });
    }

    return runs;
}

export function runs(text: string): Run[] {
    const result: Run[] = [];
    let style: Partial<Record<Style, boolean>> = {};
    let from = 0;

    for (const match of text.matchAll(CODE)) {
        const at = match.index ?? 0;
        const name = STYLES[match[0]];

        result.push(...linkRuns(text.slice(from, at), style));
        from = at + match[0].length;

        if (match[0] === '\x0f') {
            style = {};
        } else if (name !== undefined) {
            const { [name]: was, ...others } = style;

            style = was === true ? others : { ...others, [name]: true };
        }
    }

    result.push(...linkRuns(text.slice(from), style));

    return result;
}

export function plain(text: string): string {
    return text.replace(CODE, '');
}
