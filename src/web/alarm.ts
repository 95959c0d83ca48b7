/*
 * One thing to be done later: setting it takes back what was set before.
 */

export interface Clock {
    now: () => number;
    setTimeout: (call: () => void, ms: number) => number;
    clearTimeout: (id: number) => void;
}

export class Alarm {
    private id: number | null = null;

    constructor(private readonly clock: Clock) {}

    get isSet(): boolean {
        return this.id !== null;
    }

    set(call: () => void, ms: number): void {
        this.stop();
        this.id = this.clock.setTimeout(() => {
            this.id = null;
            call();
        }, ms);
    }

    stop(): void {
        if (this.id !== null) {
            this.clock.clearTimeout(this.id);
            this.id = null;
        }
    }
}
