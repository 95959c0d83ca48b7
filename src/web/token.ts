/*
 * The token that opens one connection, asked of the page's own server.
 */

import { TokenRefused } from './eirc';

export interface Profile {
    nick: string;
    realname: string;
    channels: string[];
}

const PATIENCE = 10_000;

function reasonFor(status: number, answer: unknown): string {
    const error = (answer as { error?: unknown } | null)?.error;

    switch (status) {
    case 400:
    case 422:
        return typeof error === 'string' && error !== ''
            ? `The server did not accept this: ${error}.`
            : 'The server did not accept this name.';
    case 401:
    case 403:
        return 'The server does not let you in.';
    case 404:
    case 405:
        return 'This server gives out no tokens.';
    default:
        return `The server answered ${status}.`;
    }
}

export async function requestToken(
    url: string,
    profile: Profile,
    signal: AbortSignal,
): Promise<string> {
    const patience = new AbortController();
    const stop = (): void => patience.abort();
    const timer = setTimeout(stop, PATIENCE);
    let response: Response;
    let answer: unknown;

    signal.addEventListener('abort', stop);

    try {
        response = await fetch(url, {
            method: 'POST',
            headers: {
                'Content-Type': 'application/json',
                Accept: 'application/json',
            },
            body: JSON.stringify(profile),
            cache: 'no-store',
            credentials: 'same-origin',
            signal: patience.signal,
        });

        answer = await response.json().catch(() => null) as unknown;
    } catch {
        throw new Error('The server could not be reached.');
    } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
    }

    if (!response.ok) {
        const refused = response.status >= 400 && response.status < 500
            && response.status !== 408 && response.status !== 429;
        const reason = reasonFor(response.status, answer);

        throw refused ? new TokenRefused(reason) : new Error(reason);
    }

    const token = (answer as { token?: unknown } | null)?.token;

    if (typeof token !== 'string' || token === '') {
        throw new Error('The server gave no token.');
    }

    return token;
}
