// The settings page, against two servers on loopback; the browser's storage and permissions are stood in for.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { parseHTML } from 'linkedom';

import { until } from '../support/display.js';
import { startStub } from '../support/stub.js';
import { after, before, beforeEach, test } from '../support/timed.js';

const ROOT = new URL('../../../extension/', import.meta.url);
const read = (path) => readFileSync(new URL(path, ROOT), 'utf8');
const KEY = 'sk-of-the-saved-server';
const PLACES = ['http://127.0.0.1/*', 'https://tested-before.example/*'];

let saved, other, page, settings, origins, requested;
let manifest = {};
const told = [];
const at = (id) => page.document.getElementById(id);
const realFetch = globalThis.fetch;

before(async () => {
    [saved, other] = [await startStub({ apiKey: KEY }), await startStub()];
    globalThis.fetch = (url, init) => (url.startsWith('file:') ? new Response(readFileSync(new URL(url))) : realFetch(url, init));
    globalThis.chrome = {
        i18n: { getUILanguage: () => 'en' },
        permissions: {
            getAll: async () => ({ origins: [...origins] }),
            request: async (wanted) => Boolean((requested = wanted).origins.forEach((origin) => origins.add(origin)) ?? true),
            remove: async ({ origins: given }) => given.forEach((origin) => origins.delete(origin)),
        },
        runtime: { getManifest: () => manifest, getURL: (path) => new URL(path, ROOT).href, sendMessage: async ({ what }) => void told.push(what) },
        storage: { onChanged: { addListener: () => {} }, local: { get: async () => ({ settings }), set: async (items) => ({ settings } = items) } },
    };
});
after(async () => {
    await saved.stop();
    await other.stop();
});
let opened = 0;
beforeEach(async () => {
    settings = { server: saved.address, apiKey: KEY, consent: { server: saved.address, at: 0 }, language: 'en' };
    origins = new Set(PLACES);
    told.length = 0;
    page = parseHTML(read('options/options.html'));
    Object.assign(globalThis, { document: page.document, location: { hash: '' }, Option });
    await import(`../../../extension/options/options.js?${++opened}`);
});

function Option(text, value, _, isSelected) {
    return Object.assign(page.document.createElement('option'), { textContent: text, value, selected: isSelected });
}

const does = (id, name) => at(id).dispatchEvent(new page.Event(name, { cancelable: true }));
function type(id, text) {
    at(id).value = text;
    does(id, 'input');
}

test('another server is not told the saved key, not even by a test of the connection', async () => {
    type('server', other.address);
    assert.equal(at('key').value, '');
    does('test', 'click');
    await until('the answer', () => at('tested').textContent.includes('0.1.0'), 5);
    assert.equal(other.requests[0].headers.authorization, undefined);
});

async function tested(key) {
    at('key').value = key;
    at('tested').dataset.sign = '';
    does('test', 'click');
    await until('the answer', () => ['✓', '×'].includes(at('tested').dataset.sign), 5);
    return at('tested').textContent;
}

test('a connection is good only with a key that the server takes, and the test makes no check', async () => {
    assert.equal(await tested(KEY), 'An Unmask server answers, version 0.1.0.');
    for (const wrong of ['', 'sk-of-nobody', 'ключ']) assert.match(await tested(wrong), /^The server wants an API key, or another one\. Enter the key/);
    saved.refuse(403, { code: 'forbidden', method: 'POST' }); // it is a reviewer's
    assert.match(await tested(KEY), /^The server wants an API key, or another one\./);
    assert.equal(saved.checks.size, 0);
});

test('what only the server has words for is marked as English', async () => {
    at('language').querySelector('[value=de]').selected = true;
    does('rest', 'change');
    await until('German', () => at('heading').textContent === 'Einstellungen', 5);
    saved.refuse(409, { code: 'a_new_code' });
    assert.deepEqual([await tested(KEY), at('tested').lang], ['The stub says a_new_code. Try something else.', 'en']);
    saved.refuse(507, { code: 'disk_full' });
    assert.match(await tested(KEY), /^Auf der Festplatte/);
    assert.equal(at('tested').lang, 'de');
});

test('a key is asked about only where the server wants one', async () => {
    type('server', other.address);
    other.requests.length = 0;
    assert.match(await tested(''), /0\.1\.0/);
    assert.deepEqual(other.requests.map(({ path }) => path), ['/v1/info']);
});

test('Firefox is asked whether the key may be sent, where there is one, and no browser else', async () => {
    const gecko = { data_collection_permissions: { required: ['browsingActivity'], optional: ['authenticationInfo'] } };
    const asked = [];
    for (const [of, key] of [[{ browser_specific_settings: { gecko } }, KEY], [{ browser_specific_settings: { gecko } }, ''], [{}, KEY]]) {
        manifest = of;
        await tested(key);
        asked.push(requested.data_collection);
    }
    manifest = {};
    assert.deepEqual(asked, [['authenticationInfo'], undefined, undefined]);
});

test('a key that was typed for another server stays, and the saved one is back with its address', () => {
    type('server', other.address);
    at('key').value = 'sk-of-the-other';
    type('server', `${other.address}/path`);
    assert.equal(at('key').value, 'sk-of-the-other');
    at('key').value = '';
    type('server', `${saved.address.slice(0, -1)}`);
    type('server', 'http:');
    type('server', saved.address);
    assert.equal(at('key').value, KEY);
    at('key').value = ''; // wanted so
    type('server', `${saved.address}/path`);
    assert.equal(at('key').value, '');
});

test('saving another server gives back the permissions for all others, and the worker hears of it', async () => {
    type('server', 'https://unmask.example.org');
    does('server-form', 'submit');
    await until('the consent', () => settings.consent?.server === 'https://unmask.example.org' && origins.size === 1, 5);
    assert.deepEqual([[...origins], settings.apiKey, told], [['https://unmask.example.org/*'], '', ['poll']]);
});

test('withdrawing gives every permission back and has the worker stop', async () => {
    does('withdraw', 'click');
    await until('the withdrawal', () => at('withdraw').hidden, 5);
    assert.deepEqual([origins.size, settings.consent, told], [0, null, ['poll']]);
});

for (const [address, words] of [
    ['http://localhost.evil.example', 'not encrypted'],
    ['http://127.evil.example:8000', 'not encrypted'],
    ['https://localhost.evil.example', 'encrypted on the way'],
    ['http://localhost:8000', 'your own computer'],
    ['http://127.0.0.1:8000', 'your own computer'],
    ['http://[::1]:8000/unmask', 'your own computer'],
]) {
    test(`of ${address} it is said: ${words}`, () => {
        type('server', address);
        assert.ok(at('server-note').textContent.includes(words), at('server-note').textContent);
    });
}

test('choosing a language keeps an address and a key that were typed and not yet saved', async () => {
    type('server', 'https://unmask.example.org');
    at('key').value = 'typed';
    at('language').querySelector('[value=de]').selected = true;
    does('rest', 'change');
    await until('German', () => at('heading').textContent === 'Einstellungen', 5);
    assert.deepEqual([at('server').value, at('key').value, settings.server], ['https://unmask.example.org', 'typed', saved.address]);
});

test('the answer of a server whose address has been changed meanwhile is not said beside the other one', async () => {
    let answer = null;
    const slow = createServer((_, response) => (answer = () => response.end('{"version": "9.9.9"}')));
    await new Promise((resolve) => slow.listen(0, '127.0.0.1', resolve));
    type('server', `http://127.0.0.1:${slow.address().port}`);
    does('test', 'click');
    await until('the question', () => answer, 5);
    assert.equal(at('tested').textContent, 'Asking the server');
    type('server', 'https://unmask.example.org');
    answer();
    await new Promise((resolve) => slow.close(resolve)); // once all is said
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(at('tested').textContent, '');
});
