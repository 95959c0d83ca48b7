/*
 * Completing the word before the caret: names of people, of channels,
 * of commands.  Pressing again goes on to the next that fits.
 */

export interface Completion {
    text: string;
    caret: number;
}

export class Completer {
    private found: string[] = [];
    private start = 0;
    private rest = '';
    private next = 0;
    private last: Completion | null = null;

    complete(
        text: string,
        caret: number,
        candidates: string[],
    ): Completion | null {
        if (
            this.last === null || this.last.text !== text
            || this.last.caret !== caret
        ) {
            const head = text.slice(0, caret);
            const word = /\S*$/.exec(head)?.[0] ?? '';

            if (word === '') {
                return null;
            }

            this.start = caret - word.length;
            this.rest = text.slice(caret);
            this.next = 0;
            this.found = candidates.filter((candidate) =>
                candidate.toLowerCase().startsWith(word.toLowerCase()));
        }

        const choice = this.found[this.next];

        if (choice === undefined) {
            return null;
        }

        this.next = (this.next + 1) % this.found.length;

        const command = choice.startsWith('/');
        const after = this.start === 0 && !command && !/^[#&]/.test(choice)
            ? ': '
            : ' ';
        const head = text.slice(0, this.start) + choice + after;

        this.last = {
            text: head + this.rest.replace(/^ /, ''),
            caret: head.length,
        };

        return this.last;
    }
}
