/*
 * What became of messages: finds the entries that show them.  Only the
 * text of a line tells them apart; of two that are the same the newest
 * is the one that has not arrived.
 */

import type { Entry } from './conversation';
import type { Unsent } from './outbox';

export interface Settled {
    /* Entries that look different now. */
    changed: Entry[];
    /* Messages that no entry shows. */
    unseen: Unsent[];
}

/* The first one that waits; all but for its look is as it was. */
export function deliver(entries: Entry[], line: string): Entry | undefined {
    const entry = entries.find(
        (e) => e.delivery === 'pending' && e.line === line,
    );

    if (entry !== undefined) {
        entry.delivery = 'done';
    }

    return entry;
}

export function settle(entries: Entry[], messages: Unsent[]): Settled {
    const open = entries.filter((e) => e.own && e.line !== '');
    const changed: Entry[] = [];
    const unseen: Unsent[] = [];

    open.sort((a, b) => a.id - b.id);

    for (const message of [...messages].reverse()) {
        const fits = (e: Entry): boolean => e.line === message.text
            && (e.delivery === 'pending'
                || (message.doubtful && e.delivery === 'done'));
        const entry = open.filter(fits).pop();

        if (entry === undefined) {
            unseen.unshift(message);
        } else {
            entry.delivery = message.doubtful ? 'doubtful' : 'failed';
            changed.push(entry);
        }
    }

    return { changed, unseen };
}
