/* The little of Node that these tests use: its own types are a package. */

declare module 'node:test' {
    export function test(
        name: string,
        run: () => void | Promise<void>,
    ): Promise<void>;
}

declare module 'node:assert/strict' {
    export function equal(actual: unknown, expected: unknown): void;
    export function deepEqual(actual: unknown, expected: unknown): void;
    export function ok(value: unknown): asserts value;
    export function throws(run: () => unknown): void;
}
