/*
 * Sessions that are resumed, in worlds of chance: whatever breaks and
 * whenever, each message arrives once, and so does each line.
 */

import { test } from 'node:test';
import * as assert from 'node:assert/strict';
import { World, type Dangers } from './model';

const WORLDS = 100;
const STEPS = 300;

async function worlds(
    dangers: Dangers,
    check: (world: World, seed: number) => void,
): Promise<void> {
    const sum = {
        gaps: 0, resets: 0, sessions: 0, breaks: 0, resumed: 0, reloads: 0,
    };

    for (let seed = 1; seed <= WORLDS; seed++) {
        const world = new World(seed, dangers);

        await world.run(STEPS);

        try {
            assert.ok(world.isQuiet);
            check(world, seed);
        } catch (error) {
            throw new Error(`seed ${seed}: ${String(error)}`);
        }

        for (const name of Object.keys(sum) as (keyof typeof sum)[]) {
            sum[name] += world.events[name];
        }
    }

    /* it has all happened, many times */
    assert.ok(sum.breaks > WORLDS && sum.resumed > WORLDS);
    assert.ok(sum.reloads > WORLDS);
    assert.ok(sum.gaps > WORLDS / 4 || !dangers.gaps);
    assert.ok(sum.resets > WORLDS || !dangers.resets);
    assert.ok(sum.sessions > WORLDS * 1.1 || !dangers.ends);
}

function rises(numbers: number[]): boolean {
    return numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? 0));
}

/*
 * Nothing twice, nothing gone without a word, and all in order but for
 * what a session that was given up still took in.
 */
function isHonest(world: World): void {
    const { typed, taken, unsent } = world;

    assert.equal(new Set(taken).size, taken.length);
    assert.ok(rises(
        taken.filter((text) => !unsent.some((m) => m.text === text))
            .map((text) => typed.indexOf(text)),
    ));

    for (const text of typed) {
        const told = unsent.filter((m) => m.text === text);

        assert.ok(told.length <= 1);
        assert.ok(told.length === 1 || taken.includes(text));
        assert.ok(told[0]?.doubtful !== false || !taken.includes(text));
    }
}

test('connections break', () => worlds(
    { gaps: false, resets: false, ends: false },
    (world) => {
        assert.deepEqual(world.taken, world.typed);
        assert.deepEqual(world.unsent, []);
        assert.deepEqual(world.heard, world.said);
    },
));

test('lines are missing', () => worlds(
    { gaps: true, resets: false, ends: false },
    (world) => {
        const { said, heard } = world;

        assert.deepEqual(world.taken, world.typed);
        assert.deepEqual(world.unsent, []);
        assert.ok(rises(heard.map((line) => said.indexOf(line))));
        assert.ok(world.events.gaps > 0 || heard.length === said.length);
    },
));

test('sessions end', () => worlds(
    { gaps: false, resets: false, ends: true }, isHonest,
));

test('state is lost', () => worlds(
    { gaps: false, resets: true, ends: false }, isHonest,
));

test('everything', () => worlds(
    { gaps: true, resets: true, ends: true }, isHonest,
));
