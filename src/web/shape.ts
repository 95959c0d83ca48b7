/*
 * Readers of values that may be anything: each gives back what it has
 * checked, made anew, or throws.
 */

export type Reader<T> = (value: unknown) => T;

function checked<T>(is: (value: unknown) => boolean): Reader<T> {
    return (value) => {
        if (!is(value)) {
            throw new TypeError('not what it should be');
        }

        return value as T;
    };
}

export const text = checked<string>((value) => typeof value === 'string');

export const name = checked<string>(
    (value) => typeof value === 'string' && value !== '',
);

export const flag = checked<boolean>((value) => typeof value === 'boolean');

export const number = checked<number>((value) => Number.isFinite(value));

/* Of things that are counted. */
export const count = checked<number>(
    (value) => Number.isSafeInteger(value) && Number(value) >= 0,
);

/* A time that can be shown. */
export const time = checked<number>(
    (value) => typeof value === 'number'
        && !Number.isNaN(new Date(value).getTime()),
);

export function oneOf<T extends string | number>(...all: T[]): Reader<T> {
    return checked((value) => all.some((one) => one === value));
}

export function nullable<T>(read: Reader<T>): Reader<T | null> {
    return (value) => value === null ? null : read(value);
}

const array = checked<unknown[]>(Array.isArray);

export function list<T>(read: Reader<T>): Reader<T[]> {
    return (value) => array(value).map((item) => read(item));
}

export function pair<A, B>(a: Reader<A>, b: Reader<B>): Reader<[A, B]> {
    return (value) => {
        const [first, second] = array(value);

        return [a(first), b(second)];
    };
}

const object = checked<Record<string, unknown>>(
    (value) => typeof value === 'object' && value !== null,
);

/* What else is in it is left out. */
export function record<T extends object>(
    readers: { [K in keyof T]: Reader<T[K]> },
): Reader<T> {
    return (value) => {
        const from = object(value);
        const names = Object.keys(readers) as (keyof T & string)[];

        return Object.fromEntries(
            names.map((name) => [name, readers[name](from[name])]),
        ) as T;
    };
}

/* Null for whatever is not as it should be. */
export function tried<T>(read: Reader<T>): Reader<T | null> {
    return (value) => {
        try {
            return read(value);
        } catch {
            return null;
        }
    };
}
