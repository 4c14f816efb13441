// How checks are carried through, against a server on loopback; only the browser's storage and alarms are stood in for.
import assert from 'node:assert/strict';

import { newCheck } from '../../../extension/state.js';
import { until } from '../support/display.js';
import { startStub } from '../support/stub.js';
import { after, before, test } from '../support/timed.js';

let stub, checks;
let alarm = async () => undefined;
const stored = new Map();

before(async () => {
    stub = await startStub();
    stored.set('settings', { server: stub.address, consent: { server: stub.address, at: 0 } });
    const local = {
        get: async () => Object.fromEntries(stored),
        set: async (items) => Object.entries(items).forEach(([name, value]) => stored.set(name, value)),
        remove: async (names) => names.forEach((name) => stored.delete(name)),
    };
    globalThis.chrome = { storage: { local }, alarms: { get: () => alarm(), create: async () => {}, clear: async () => {} } };
    checks = await import('../../../extension/checks.js');
});
after(() => stub.stop());

test('an answer that comes while another look is under way is not asked for again', async () => {
    stub.road = [{ status: 'queued' }, { status: 'done', analysis: {} }];
    await checks.begin(newCheck({ key: 'one', url: 'https://x.com/a/status/1', source: 'link', server: stub.address }, Date.now()));
    let goOn;
    const held = new Promise((resolve) => (goOn = resolve));
    alarm = () => {
        alarm = async () => undefined; // the first question alone is held up
        return held;
    };
    const look = checks.carryOn(); // as the panel asks for every two seconds
    await until('the answer', () => stored.get('check:one').serverId, 5);
    goOn();
    await look;
    await until('the end', () => stored.get('check:one').phase === 'done', 5);
    assert.equal(stub.submitted().length, 1);
});
