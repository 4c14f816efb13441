// node's test functions with deadlines: a browser that hangs fails its test, and the others still run. The longest test
// takes 40 s on an idle machine.
import * as node from 'node:test';

const TEST = { timeout: 300_000 };
const HOOK = { timeout: 90_000 };

export const test = (name, body) => node.test(name, TEST, body);
export const before = (body) => node.before(body, HOOK);
export const after = (body) => node.after(body, HOOK);
export const afterEach = (body) => node.afterEach(body, HOOK);
export const { beforeEach } = node;
/** `all()`: what a file's tests were started with; that which did not start is undefined. */
export const stopAfter = (all) => after(async () => { for (const one of all()) await one?.stop(); });
