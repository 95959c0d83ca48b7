/*
 * Whether what was sent has arrived, and whether anybody is there.  A
 * PING is sent behind messages that one would like to know of; the IRC
 * server answers it when all before it has arrived.  Its answer is
 * nobody else's business.
 */

import { Alarm, type Clock } from './alarm';

/* After this long something that was sent is asked after. */
const DELAY = 2_000;

/*
 * The answer may take so long, and some time more for every message that
 * is on its way: flood control lets them pass slowly.
 */
const PATIENCE = 20_000;
const EACH = 1_000;

export interface Pulsed {
    ping(line: string): void;
    /* How many messages are on their way. */
    flown(): number;
    /* No answer; silent: nothing else was heard either. */
    unanswered(silent: boolean): void;
}

export class Pulse {
    private readonly alarm: Alarm;
    private asked = 0;
    private silent = true;

    constructor(
        clock: Clock,
        /* Told apart from other pages' by this. */
        private readonly name: string,
        private readonly pulsed: Pulsed,
    ) {
        this.alarm = new Alarm(clock);
    }

    /* Asks in a while, if it isn't about to. */
    want(): void {
        if (!this.alarm.isSet) {
            this.alarm.set(
                () => this.ask(PATIENCE + this.pulsed.flown() * EACH), DELAY,
            );
        }
    }

    /* Asks now. */
    ask(patience: number): void {
        this.silent = true;
        this.alarm.set(() => this.pulsed.unanswered(this.silent), patience);
        this.pulsed.ping(`PING :${this.name}.${++this.asked}`);
    }

    /* Something came. */
    heard(): void {
        this.silent = false;
    }

    stop(): void {
        this.alarm.stop();
    }

    /* The PING that a line is the answer to, or might be. */
    static question(line: string): string | null {
        const match
            = /^(?:@\S+ +)?(?::\S+ +)?PONG (?:[^ :]\S* +)?:?(\S+)$/.exec(line);

        return match === null ? null : `PING :${match[1]}`;
    }
}
