// How checks are carried through, against a server on loopback; only the browser's storage, cache and alarms are stood in for.
import assert from 'node:assert/strict';

import { again, newCheck, ofFile, recorded, recording } from '../../../extension/state.js';
import { putUpload } from '../../../extension/storage.js';
import { until } from '../support/display.js';
import { startStub } from '../support/stub.js';
import { after, before, test } from '../support/timed.js';

let stub, checks;
let alarm = async () => undefined;
const stored = new Map();
const cached = new Map();
const cache = {
    put: async (name, response) => void cached.set(name, await response.blob()),
    match: async (name) => (cached.has(name) ? new Response(cached.get(name)) : undefined),
    keys: async () => [...cached.keys()].map((url) => ({ url })),
    delete: async (name) => cached.delete(name),
};

before(async () => {
    stub = await startStub();
    stored.set('settings', { server: stub.address, consent: { server: stub.address, at: 0 } });
    const local = {
        get: async () => Object.fromEntries(stored),
        set: async (items) => Object.entries(items).forEach(([name, value]) => stored.set(name, value)),
        remove: async (names) => names.forEach((name) => stored.delete(name)),
    };
    globalThis.chrome = { storage: { local }, alarms: { get: () => alarm(), create: async () => {}, clear: async () => {} } };
    globalThis.caches = { open: async () => cache };
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

const WAYS = [
    ['the check is cancelled', (key) => checks.cancel(key), 'cancelled'],
    ['the check is deleted', (key) => checks.remove([key]), undefined],
    ['the consent is withdrawn', () => stored.set('settings', { server: stub.address, consent: null }) && checks.carryOn(), 'failed'],
];
for (const [name, stop, phase] of WAYS) {
    test(`when ${name}, a recording on its way is broken off, dropped and never sent again`, async () => {
        const settings = stored.get('settings');
        const key = name.replaceAll(' ', '-');
        stub.requests.length = 0;
        stub.uploadMs = 600_000;
        await putUpload(key, new Blob(['moving pictures']));
        await checks.keep(recorded(newCheck({ key, url: 'https://a.example/', source: 'page', server: stub.address }, Date.now()), 8, Date.now()));
        checks.carryOn();
        await until('the upload', () => stub.submitted().length, 5);
        await stop(key);
        await until('its end', () => stub.submitted()[0].brokenOff, 5);
        assert.deepEqual([stored.get(`check:${key}`)?.phase, cached.size], [phase, 0]);
        stub.uploadMs = 0;
        stored.set('settings', settings);
        const next = await import(`../../../extension/checks.js?after-${key}`); // the worker that the browser starts later
        await next.carryOn();
        await checks.carryOn();
        await new Promise((resolve) => setTimeout(resolve, 300));
        assert.equal(stub.submitted().length, 1);
    });
}

for (const [name, stop, phase] of WAYS.slice(0, 2)) {
    test(`when ${name} while its recording is being put away, that is dropped and not sent`, async () => {
        const { takeRecording } = await import('../../../extension/recordings.js');
        const { put } = cache;
        let goOn;
        const held = new Promise((resolve) => (goOn = resolve));
        cache.put = (...all) => held.then(() => put(...all));
        const key = `${name.replaceAll(' ', '-')}-early`;
        stub.requests.length = 0;
        const running = recording(newCheck({ key, url: 'https://a.example/', source: 'page', server: stub.address }, Date.now()), 1, Date.now());
        await checks.keep(running);
        const taken = takeRecording(running, { data: btoa('moving pictures'), seconds: 8 });
        await stop(key);
        goOn();
        await taken;
        cache.put = put;
        await new Promise((resolve) => setTimeout(resolve, 300));
        assert.deepEqual([stored.get(`check:${key}`)?.phase, cached.size, stub.requests], [phase, 0, []]);
    });
}

const about = (key) => newCheck({ key, url: 'https://x.com/a/status/2', source: 'link', server: stub.address }, Date.now());
const phaseOf = (key) => stored.get(`check:${key}`)?.phase;

test('a check that the server gave twice is cancelled there only with the last of the two, and deleted only with the last', async () => {
    stub.requests.length = 0;
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    await checks.begin({ ...about('first'), tabId: 1 });
    await until('its answer', () => phaseOf('first') === 'analyzing', 5);
    const { serverId } = stored.get('check:first');
    await checks.keep({ ...about('second'), tabId: 2, serverId, phase: 'analyzing' });
    await checks.cancel('first');
    assert.equal(phaseOf('first'), 'cancelled');
    stub.road = [{ status: 'done', analysis: {} }];
    await until('the end of the other', () => phaseOf('second') === 'done', 5);
    await checks.remove(['first']);
    assert.deepEqual(stub.requests.filter(({ method, path }) => method === 'DELETE' || path.endsWith('/cancel')), []);
    await checks.remove(['second']);
    assert.equal(stub.checks.has(serverId), false);
});

test('a check that is deleted while it is being sent is deleted on the server once its answer is there', async () => {
    stub.requests.length = 0;
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    await checks.begin(about('regretted'));
    await checks.remove(['regretted']);
    await until('the deletion', () => stub.requests.some(({ method }) => method === 'DELETE'), 5);
    assert.equal(stub.submitted().length, 1);
});

const NO_YES = [
    ['nobody has said yes', () => null],
    ['the yes was for another server', () => ({ server: 'https://other.example', at: 0 })],
];
for (const [name, consent] of NO_YES) {
    test(`where ${name}, nothing is sent, not even a deletion`, async () => {
        const settings = stored.get('settings');
        const key = name.replaceAll(' ', '-');
        stored.set('settings', { ...settings, consent: consent() });
        stub.requests.length = 0;
        await checks.begin(about(key));
        assert.equal(stored.get(`check:${key}`).problem.code, 'not_allowed');
        await checks.keep({ ...about(key), serverId: 'known-to-the-server', phase: 'done', nextAt: null });
        await checks.remove([key]);
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.deepEqual(stub.requests, []);
        stored.set('settings', settings);
    });
}

test('a check of a server that is set no more is neither sent to nor deleted on the one that is', async () => {
    stub.requests.length = 0;
    const old = { ...about('old'), server: 'https://other.example' };
    await checks.begin(old);
    assert.equal(stored.get('check:old').problem.code, 'not_allowed');
    await checks.keep({ ...old, serverId: 'known-to-the-other', phase: 'done', nextAt: null });
    await checks.remove(['old']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(stub.requests, []);
});

test('of a check that the server gave twice the last to be cancelled is cancelled there', async () => {
    stub.requests.length = 0;
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    await checks.begin({ ...about('one-tab'), url: 'https://x.com/a/status/3' });
    await until('its answer', () => phaseOf('one-tab') === 'analyzing', 5);
    const { serverId } = stored.get('check:one-tab');
    await checks.keep({ ...about('other-tab'), url: 'https://x.com/a/status/3', serverId, phase: 'analyzing' });
    await checks.cancel('one-tab');
    await checks.cancel('other-tab');
    await until('the server to be told', () => stub.requests.some(({ path }) => path.endsWith(`${serverId}/cancel`)), 5);
});

test('a recording that was stored this moment stays where another one is no longer needed', async () => {
    const isStored = () => [...cached.keys()].some((name) => name.includes('just-recorded'));
    await checks.keep(recording(about('just-recorded'), 0.9, Date.now()));
    await putUpload('just-recorded', new Blob(['moving pictures']));
    await checks.keep({ ...recorded(about('needed-no-more'), 8, Date.now()), phase: 'cancelled', nextAt: null });
    assert.ok(isStored());
    await checks.remove(['just-recorded', 'needed-no-more']);
    assert.ok(!isStored());
});

test('a recording that was sent three times without an answer is sent no more', async () => {
    stub.requests.length = 0;
    await putUpload('in-vain', new Blob(['moving pictures']));
    await checks.keep({ ...recorded(about('in-vain'), 8, Date.now()), uploads: 3 });
    await checks.carryOn();
    await until('its end', () => phaseOf('in-vain') === 'failed', 5);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(stored.get('check:in-vain').problem.code, 'upload_stopped');
    assert.equal(stub.submitted().length, 0);
});

test('a file that has not come where uploads wait is not waited for without end', async () => {
    stub.requests.length = 0;
    const check = ofFile({ key: 'never-put', url: 'clip.mp4', server: stub.address }, Date.now());
    await checks.begin(check);
    assert.equal(phaseOf('never-put'), 'sending');
    await checks.keep({ ...check, nextAt: Date.now() - 1 }); // as it is after some minutes
    await checks.carryOn();
    await until('its end', () => phaseOf('never-put') === 'failed', 5);
    assert.deepEqual([stored.get('check:never-put').problem.code, stub.submitted()], ['not_kept', []]);
});

test('an answer of the server that was set before says nothing of a check that was then asked for again at another', async () => {
    const settings = stored.get('settings');
    const other = await startStub();
    [stub.road, other.road] = [[{ status: 'queued' }], [{ status: 'done', analysis: { of: 'the other' } }]];
    stub.answerMs = 800;
    await checks.begin(about('moved'));
    await until('the call', () => stub.submitted().some(({ headers }) => headers['idempotency-key'] === 'moved.1'), 5);
    stored.set('settings', { server: other.address, consent: { server: other.address, at: 0 } });
    await checks.carryOn();
    assert.equal(stored.get('check:moved').problem.code, 'not_allowed');
    await checks.begin(again(stored.get('check:moved'), other.address, Date.now()));
    await until('the end', () => ['done', 'failed'].includes(phaseOf('moved')), 10);
    assert.deepEqual([stored.get('check:moved').analysis, other.submitted().length], [{ of: 'the other' }, 1]);
    stub.answerMs = 0;
    stored.set('settings', settings);
    await other.stop();
});

test('where nothing more can be stored, a check is still carried to its end, and that is told', async () => {
    const { local } = chrome.storage;
    const { set } = local;
    local.set = async () => { throw new Error('QUOTA_BYTES quota exceeded'); };
    stub.road = [{ status: 'analyzing', progress: 0.3 }, { status: 'done', analysis: {} }];
    const told = [];
    checks.onCheckChange((check) => check.key === 'no-room' && told.push(check.phase));
    await checks.begin(about('no-room'));
    await until('the end', () => told.includes('done'), 5);
    local.set = set;
    checks.onCheckChange(() => {});
});

test('a storage that cannot be read once is read the next time', async () => {
    const { local } = chrome.storage;
    const { get } = local;
    const fresh = await import('../../../extension/checks.js?unreadable');
    local.get = async () => { throw new Error('Corruption: block checksum mismatch'); };
    await assert.rejects(fresh.allChecks());
    local.get = get;
    assert.ok((await fresh.allChecks()).size > 0);
});

test('a check that an older version stored is carried on, and what is no check is passed over', async () => {
    stub.road = [{ status: 'done', analysis: {} }];
    const { key, url, server, source, createdAt } = about('older');
    stored.set('check:older', { key, url, server, source, createdAt, serverId: null, phase: 'sending', nextAt: 0 });
    for (const [index, damage] of [null, 7, 'text', {}].entries()) stored.set(`check:damaged-${index}`, damage);
    const next = await import('../../../extension/checks.js?updated');
    await next.carryOn();
    await until('the end', () => phaseOf('older') === 'done', 5);
    assert.deepEqual([...(await next.allChecks()).keys()].filter((name) => name.startsWith('damaged')), []);
    for (const index of [0, 1, 2, 3]) stored.delete(`check:damaged-${index}`);
});

test('a check that is deleted while the server is away is deleted there once it is back, also by a later worker', async () => {
    stub.road = [{ status: 'done', analysis: {} }];
    await checks.begin(about('owed'));
    await until('the end', () => phaseOf('owed') === 'done', 5);
    const { serverId } = stored.get('check:owed');
    stub.refuse(503, { method: 'DELETE', times: 2 });
    await checks.remove(['owed']);
    const { makeUp } = await import('../../../extension/deletions.js?later');
    await makeUp();
    assert.ok(stub.checks.has(serverId));
    await makeUp();
    assert.equal(stub.checks.has(serverId), false);
    stub.requests.length = 0;
    await makeUp();
    assert.deepEqual([stub.requests, [...stored.keys()].filter((name) => name.startsWith('deletion:'))], [[], []]);
});

const IN_PLACE = [
    ['a login page answers in its place', () => async () => new Response('<h1>Welcome to our network</h1>')],
    ['a proxy refuses in its place', () => async () => new Response('<h1>Sorry</h1>', { status: 403 })],
    ['it refuses the key', (send) => (...call) => stub.refuse(401, { code: 'unauthorized', method: 'DELETE' }) ?? send(...call)],
];
for (const [name, answering] of IN_PLACE) {
    test(`a deletion stays owed to a server where ${name}`, async () => {
        const key = name.replaceAll(' ', '-');
        const send = globalThis.fetch;
        stub.road = [{ status: 'done', analysis: {} }];
        await checks.begin(about(key));
        await until('the end', () => phaseOf(key) === 'done', 5);
        const { serverId } = stored.get(`check:${key}`);
        globalThis.fetch = answering(send);
        await checks.remove([key]);
        globalThis.fetch = send;
        assert.deepEqual([stub.checks.has(serverId), stored.has(`deletion:${serverId}`)], [true, true]);
        await (await import('../../../extension/deletions.js')).makeUp();
        assert.deepEqual([stub.checks.has(serverId), stored.has(`deletion:${serverId}`)], [false, false]);
    });
}

test('a check that is to be deleted stays on the server where it was asked for again meanwhile', async () => {
    stub.road = [{ status: 'done', analysis: {} }];
    await checks.begin(about('regretted-twice'));
    await until('the end', () => phaseOf('regretted-twice') === 'done', 5);
    const { serverId } = stored.get('check:regretted-twice');
    stub.refuse(503, { method: 'DELETE' });
    await checks.remove(['regretted-twice']);
    await checks.keep({ ...about('given-again'), serverId, phase: 'done', analysis: {} });
    await (await import('../../../extension/deletions.js')).makeUp();
    assert.deepEqual([stub.checks.has(serverId), [...stored.keys()].filter((name) => name.startsWith('deletion:'))], [true, []]);
});

test('a deletion that a server is owed is not asked of it once the consent is withdrawn', async () => {
    const settings = stored.get('settings');
    stub.road = [{ status: 'done', analysis: {} }];
    await checks.begin(about('withdrawn'));
    await until('the end', () => phaseOf('withdrawn') === 'done', 5);
    stored.set('settings', { server: stub.address, consent: null });
    stub.requests.length = 0;
    await checks.remove(['withdrawn']);
    assert.deepEqual([stub.requests, [...stored.keys()].filter((name) => name.startsWith('deletion:'))], [[], []]);
    stored.set('settings', settings);
});
