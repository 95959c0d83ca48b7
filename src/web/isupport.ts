/*
 * What the server says of itself in 005: prefixes, channel types and
 * modes, the rule for comparing names.  Pure facts with defaults.
 */

import { fold } from './irc';

export class Isupport {
    private readonly tokens: Map<string, string>;
    /* Mode letter to prefix, highest rank first. */
    private ranks: [string, string][] = [['o', '@'], ['v', '+']];

    constructor(packed: readonly [string, string][] = []) {
        this.tokens = new Map(packed);
        this.rankModes();
    }

    pack(): [string, string][] {
        return [...this.tokens];
    }

    /* The parameters of one 005, without nick and closing text. */
    add(params: string[]): void {
        for (const param of params) {
            if (param.startsWith('-')) {
                this.tokens.delete(param.slice(1));
                continue;
            }

            const eq = param.indexOf('=');
            const name = eq === -1 ? param : param.slice(0, eq);
            const value = eq === -1 ? '' : param.slice(eq + 1);

            this.tokens.set(
                name,
                value.replace(/\\x([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
                    String.fromCharCode(parseInt(hex, 16))),
            );
        }

        this.rankModes();
    }

    get network(): string {
        return this.tokens.get('NETWORK') ?? '';
    }

    get casemapping(): string {
        return this.tokens.get('CASEMAPPING') ?? 'rfc1459';
    }

    /* All prefixes, highest rank first. */
    get prefixes(): string[] {
        return this.ranks.map(([, symbol]) => symbol);
    }

    fold(name: string): string {
        return fold(name, this.casemapping);
    }

    equal(a: string, b: string): boolean {
        return this.fold(a) === this.fold(b);
    }

    isChannel(name: string): boolean {
        return name !== ''
            && (this.tokens.get('CHANTYPES') ?? '#&').includes(
                name.charAt(0),
            );
    }

    prefixOf(mode: string): string | undefined {
        return this.ranks.find(([m]) => m === mode)?.[1];
    }

    /* 0 is the highest; a member without prefix stands behind all. */
    rank(prefixes: string): number {
        const i = this.prefixes.findIndex((p) => prefixes.includes(p));

        return i === -1 ? this.ranks.length : i;
    }

    /* In order of rank, each once. */
    sortPrefixes(prefixes: string): string {
        return this.prefixes.filter((p) => prefixes.includes(p)).join('');
    }

    /* "@+nick" taken apart. */
    splitPrefixes(text: string): { prefixes: string; rest: string } {
        let n = 0;

        while (n < text.length && this.prefixes.includes(text.charAt(n))) {
            n++;
        }

        return { prefixes: text.slice(0, n), rest: text.slice(n) };
    }

    /* "@#channel": a message to part of a channel. */
    splitStatus(target: string): { status: string; target: string } {
        const status = this.tokens.get('STATUSMSG') ?? '';

        if (
            target !== '' && status.includes(target.charAt(0))
            && this.isChannel(target.slice(1))
        ) {
            return { status: target.charAt(0), target: target.slice(1) };
        }

        return { status: '', target };
    }

    /* Does this mode of a channel take a parameter? */
    takesParameter(mode: string, set: boolean): boolean {
        if (this.prefixOf(mode) !== undefined) {
            return true;
        }

        const [a = '', b = '', c = ''] = (
            this.tokens.get('CHANMODES') ?? 'beI,k,l,imnpst'
        ).split(',');

        return a.includes(mode) || b.includes(mode)
            || (set && c.includes(mode));
    }

    private rankModes(): void {
        const match = /^\(([^)]*)\)(.*)$/.exec(
            this.tokens.get('PREFIX') ?? '(ov)@+',
        );

        if (match !== null) {
            const symbols = [...(match[2] ?? '')];

            this.ranks = [...(match[1] ?? '')].map(
                (mode, i) => [mode, symbols[i] ?? ''],
            );
        }
    }
}
