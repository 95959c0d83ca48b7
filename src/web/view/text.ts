/*
 * A message's text as nodes, and the look of a name.
 */

import { runs, type Run } from '../format';
import { el } from './dom';

const TAGS = [
    ['bold', 'strong'],
    ['italic', 'em'],
    ['underline', 'u'],
    ['strike', 's'],
    ['mono', 'code'],
] as const;

function node(run: Run): Node {
    let result: Node = document.createTextNode(run.text);

    for (const [style, tag] of TAGS) {
        if (run[style] === true) {
            result = el(tag, {}, result);
        }
    }

    if (run.href !== undefined) {
        result = el(
            'a',
            {
                href: run.href,
                target: '_blank',
                rel: 'noopener noreferrer nofollow ugc',
            },
            result,
        );
    }

    return result;
}

export function textNodes(text: string): Node[] {
    return runs(text).map(node);
}

const HUES = 12;

/* One of twelve colors: the same name has the same one everywhere. */
export function hue(nick: string): string {
    let hash = 0x811c9dc5;

    for (const c of nick.toLowerCase().replace(/[_`^|-]+$/, '')) {
        hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 0x01000193);
    }

    return `hue-${((hash ^ hash >>> 15) >>> 0) % HUES}`;
}

export function initial(nick: string): string {
    const letter = /[\p{L}\p{N}]/u.exec(nick);

    return (letter?.[0] ?? '?').toUpperCase();
}
