// Videos that no server can fetch, in a real Chromium: nothing is recorded or sent before one more yes.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { analysis } from '../support/analysis.js';
import { cardIn, startChromium } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { PRESS, startSite } from '../support/site.js';
import { startStub } from '../support/stub.js';
import { after, before, beforeEach, test } from '../support/timed.js';

const PICTURES = process.env.UNMASK_PICTURES;
const KEY = 'sk-extension-secret';
let elsewhere, site, stub, browser;

before(async () => {
    mkdirSync(PICTURES, { recursive: true });
    elsewhere = await startSite();
    [site, stub, browser] = [await startSite(0, elsewhere.address), await startStub({ apiKey: KEY }), await startChromium()];
    await browser.agree(stub.address, KEY);
});
after(async () => {
    await browser?.stop();
    await stub?.stop();
    await site?.stop();
    await elsewhere?.stop();
});
beforeEach(() => {
    stub.road = [{ status: 'done', progress: 1, analysis: analysis('inconclusive', 0.48) }];
    stub.requests.length = 0;
    stub.forgive();
});

const cardWith = (page, text) => until(`a card with ${text}`, async () => {
    const card = await cardIn(page);
    return card?.text.includes(text) ? card : null;
});
const uploads = () => stub.submitted().filter(({ headers }) => headers['content-type'].startsWith('multipart'));

async function bothLights(page, name) {
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await pause(100);
        await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`) });
    }
    await page.emulateMedia({ colorScheme: 'light' });
}

/** Check the page's video, which the server refuses, and take the offer to record. */
async function askedOn(path, code = 'login_required') {
    stub.refuse(422, { code });
    const page = await browser.open(`${site.address}${path}`);
    await until('the video', () => page.evaluate(() => document.querySelector('#v').readyState > 2));
    await browser.checkByKeys();
    const card = await cardWith(page, 'Record it here');
    if (path === '/blob') await bothLights(page, 'card-login');
    await card.press('Record it here');
    return page;
}

/** Whether the recorder is in the page. */
const recorderIn = async () =>
    (await browser.worker()).evaluate(async () => {
        const [tab] = await chrome.tabs.query({ active: true });
        const [{ result }] = await chrome.scripting.executeScript({ target: { tabId: tab.id }, func: () => typeof globalThis.unmaskRecord });
        return result;
    });

for (const path of ['/blob', '/mse']) {
    test(`a ${path.slice(1)} video is recorded after one more yes, not before, and the answer says so`, async () => {
        const page = await askedOn(path);
        const question = await cardWith(page, 'Record a few seconds?');
        assert.ok(question.text.includes(stub.address) && question.text.includes('8 seconds'), question.text);
        await page.evaluate(`(${PRESS})()`); // a yes the page makes up is none
        await pause(1500);
        assert.deepEqual([uploads().length, await recorderIn()], [0, 'undefined']);
        assert.doesNotMatch(stub.submitted()[0].body, /blob:/);
        if (path === '/blob') await bothLights(page, 'card-ask-record');
        await question.press('Record and send');
        await cardWith(page, 'Nothing has been sent yet');
        await pause(2000);
        if (path === '/blob') await bothLights(page, 'card-recording');
        assert.equal(uploads().length, 0);
        const card = await cardWith(page, 'Inconclusive');
        const [, seconds] = card.text.match(/a recording of (\d+) s/);
        assert.ok(seconds >= (path === '/blob' ? 7 : 2) && seconds <= 8, seconds); // the fed one ends after 4 s, and begins again by itself
        if (path === '/blob') await bothLights(page, 'card-recorded');
        assert.equal(uploads().length, 1);
        assert.ok(uploads()[0].body.includes('webm') && uploads()[0].body.length > 50_000);
        assert.notEqual(uploads()[0].headers['idempotency-key'], stub.submitted()[0].headers['idempotency-key']);
        assert.deepEqual(await (await browser.worker()).evaluate(async () => (await (await caches.open('recordings')).keys()).length), 0);
        await page.close();
    });
}

test('who says no sends nothing, and can still choose another way', async () => {
    const page = await askedOn('/blob');
    await (await cardWith(page, 'Record a few seconds?')).press('No');
    const card = await cardWith(page, 'signed in');
    assert.match(card.text, /Upload a file.*Try again/);
    await pause(1000);
    assert.deepEqual([uploads().length, await recorderIn()], [0, 'undefined']);
    await page.close();
});

test('a recording that is cancelled is thrown away', async () => {
    const page = await askedOn('/blob');
    await (await cardWith(page, 'Record a few seconds?')).press('Record and send');
    await (await cardWith(page, 'Nothing has been sent yet')).press('Cancel');
    await cardWith(page, 'You stopped this check');
    await pause(3000);
    assert.equal(uploads().length, 0);
    await page.close();
});

test('a video that stands still is played for the recording and stopped again', async () => {
    const page = await askedOn('/paused', 'unsupported_site');
    await (await cardWith(page, 'Record a few seconds?')).press('Record and send');
    await until('it plays', () => page.evaluate(() => !document.querySelector('#v').paused));
    await cardWith(page, 'Inconclusive');
    assert.equal(await page.evaluate(() => document.querySelector('#v').paused), true);
    assert.equal(uploads().length, 1);
    await page.close();
});

for (const [path, words] of [['/tainted', 'comes from another site than the page'], ['/protected', 'protected against copying']]) {
    test(`a ${path.slice(1)} video cannot be recorded, and that is said before anything is asked`, async () => {
        const page = await askedOn(path, 'unsupported_site');
        const card = await cardWith(page, words);
        assert.doesNotMatch(card.text, /Record/);
        await bothLights(page, `card-${path.slice(1)}`);
        await pause(1000);
        assert.deepEqual([uploads().length, await recorderIn()], [0, 'undefined']);
        await page.close();
    });
}

test('the worker is killed while it records, and the server is away: the recording still arrives', async () => {
    const { port } = stub;
    const page = await askedOn('/blob');
    await (await cardWith(page, 'Record a few seconds?')).press('Record and send');
    await cardWith(page, 'Nothing has been sent yet');
    assert.equal(await browser.killWorker(), 1);
    await stub.stop();
    await cardWith(page, 'The server does not answer');
    assert.equal(await browser.killWorker(), 1);
    stub = await startStub({ apiKey: KEY, port });
    await cardWith(page, 'a recording of');
    assert.ok(uploads().length > 0);
    await page.close();
});

test('a page that goes away while it records is not waited for', async () => {
    const page = await askedOn('/blob');
    await (await cardWith(page, 'Record a few seconds?')).press('Record and send');
    await cardWith(page, 'Nothing has been sent yet');
    await page.close();
    await until('the end', async () => (await browser.checks()).some(({ problem }) => problem?.code === 'not_recorded'));
    assert.equal(uploads().length, 0);
});
