/* What irc-framework expects of Node, for a bundle. */

export { Buffer } from 'buffer/index.js';

export const process = {
    env: {},
    nextTick: (task, ...words) => queueMicrotask(() => task(...words)),
};
