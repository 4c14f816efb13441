// Videos that no server can fetch, in a real Chromium: nothing is recorded or sent before one more yes.
import assert from 'node:assert/strict';

import { KEY, startAgreed } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { faults } from '../support/access.js';
import { cardWith } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { bothLights, placeOf } from '../support/pictures.js';
import { PRESS, startSite } from '../support/site.js';
import { startStub } from '../support/stub.js';
import { afterEach, before, beforeEach, stopAfter, test } from '../support/timed.js';

let elsewhere, site, stub, browser;

before(async () => {
    elsewhere = await startSite();
    [site, stub, browser] = await startAgreed(await startSite(0, elsewhere.address));
});
stopAfter(() => [browser, stub, site, elsewhere]);
beforeEach(() => stub.begin(done('inconclusive', 0.48)));
afterEach(async () => {
    const left = browser.context.pages().filter((page) => /\/consent\/|127\.0\.0\.2/.test(page.url()));
    for (const page of left) await page.close();
});

const uploads = () => stub.submitted().filter(({ headers }) => headers['content-type'].startsWith('multipart'));

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

/** The extension's own window, once it takes a yes. */
const question = () =>
    until('the question', async () => {
        const asking = browser.context.pages().find((one) => one.url().includes('/consent/'));
        return asking && (await asking.isEnabled('#yes')) ? asking : null;
    });
/** Press a button of the question, whose window may be gone before the click is over. */
const answer = async (button) => {
    const asking = await question();
    await asking.click(button).catch((error) => { if (!asking.isClosed()) throw error; });
};
const sayYes = () => answer('#yes');

/** Whether the recorder is in the page. */
const recorderIn = async (page) =>
    (await browser.worker()).evaluate(async (url) => {
        const tab = (await chrome.tabs.query({})).find((one) => one.url === url);
        const [{ result }] = await chrome.scripting.executeScript({ target: { tabId: tab.id }, func: () => typeof globalThis.unmaskRecord });
        return result;
    }, page.url());

for (const path of ['/blob', '/mse']) {
    test(`a ${path.slice(1)} video is recorded after one more yes, not before, and the answer says so`, async () => {
        const page = await askedOn(path);
        const asking = await question();
        const words = await asking.textContent('main');
        for (const part of [stub.address, '8 seconds', new URL(site.address).host]) assert.ok(words.includes(part), words);
        assert.deepEqual([uploads().length, await recorderIn(page)], [0, 'undefined']);
        assert.doesNotMatch(stub.submitted()[0].body, /blob:/);
        if (path === '/blob') {
            await browser.display.grab(placeOf('ask-record.png'));
            await bothLights(asking, 'ask-record');
            assert.deepEqual(await faults(asking), []);
        }
        await sayYes();
        await cardWith(page, 'Nothing has been sent yet');
        assert.equal(uploads().length, 0);
        await until('the half', async () => (await browser.checks()).some(({ phase, progress }) => phase === 'recording' && progress > 0.4));
        if (path === '/blob') await bothLights(page, 'card-recording');
        const card = await cardWith(page, 'Inconclusive');
        const [, seconds] = card.text.match(/a recording of (\d+) s/);
        assert.ok(seconds >= (path === '/blob' ? 7 : 2) && seconds <= 8, seconds); // the fed one ends after 4 s, and begins again by itself
        if (path === '/blob') await bothLights(page, 'card-recorded');
        assert.equal(uploads().length, 1);
        assert.ok(uploads()[0].body.includes('webm') && uploads()[0].body.length > 5_000);
        assert.notEqual(uploads()[0].headers['idempotency-key'], stub.submitted()[0].headers['idempotency-key']);
        assert.deepEqual(await (await browser.worker()).evaluate(async () => (await (await caches.open('recordings')).keys()).length), 0);
        });
}

test('who says no sends nothing, and can still choose another way', async () => {
    const page = await askedOn('/blob');
    const asking = await question();
    await answer('#no');
    await until('no question', () => asking.isClosed());
    const card = await cardWith(page, 'signed in');
    assert.match(card.text, /Record it here.*Upload a file.*Try again/);
    await pause(1000);
    assert.deepEqual([uploads().length, await recorderIn(page)], [0, 'undefined']);
});

test('a page can neither give the yes nor have it pressed unseen', async () => {
    const page = await askedOn('/blob');
    const asking = await question();
    const key = asking.url().split('#')[1];
    await page.evaluate(`(${PRESS})()`); // presses that the page makes up
    // Not even the extension's own script in the page may say it.
    await (await browser.worker()).evaluate(async (about) => {
        const tab = (await chrome.tabs.query({})).find(({ url }) => url?.endsWith('/blob'));
        const send = (message) => chrome.runtime.sendMessage(message).catch(() => {});
        await chrome.scripting.executeScript({ target: { tabId: tab.id }, func: send, args: [about] });
    }, { what: 'recordNow', key, server: stub.address });
    assert.ok(await asking.isEnabled('#yes'));
    await asking.evaluate(() => document.querySelector('#yes').click()); // no person's press
    const enabled = await asking.evaluate(() => {
        dispatchEvent(new Event('focus')); // the window comes forward, as from behind another
        return !document.querySelector('#yes').disabled;
    });
    assert.equal(enabled, false); // the second of two clicks that were meant for the other lands on nothing
    await pause(500);
    assert.deepEqual([uploads().length, await recorderIn(page), asking.isClosed()], [0, 'undefined', false]);
    assert.ok((await browser.checks()).every(({ phase }) => phase !== 'recording'));
});

const WAYS_ON = [
    ['page', (page) => page.evaluate(() => history.pushState({}, '', '/the-next'))],
    ['source in the same player', (page) => page.evaluate(async () => {
        const blob = await (await fetch('/clip.webm')).blob();
        document.querySelector('#v').src = URL.createObjectURL(blob);
    })],
];
const ended = () => until('the end', async () => (await browser.checks()).sort((a, b) => b.createdAt - a.createdAt)[0].problem?.code === 'not_recorded', 20);

for (const [way, goOn] of WAYS_ON) {
    test(`where the site goes on to another ${way} before the yes, nothing is recorded`, async () => {
        const page = await askedOn('/blob');
        await question();
        await goOn(page);
        await sayYes();
        await ended();
        assert.equal(uploads().length, 0);
    });

    test(`a recording ends where the site goes on to another ${way}, and is not sent`, async () => {
        const page = await askedOn('/blob');
        await sayYes();
        await until('some of it', async () => (await browser.checks()).some(({ phase, progress }) => phase === 'recording' && progress > 0.2));
        await goOn(page);
        await ended();
        assert.equal(uploads().length, 0);
    });
}

test('a recording that is cancelled is thrown away', async () => {
    const page = await askedOn('/blob');
    await sayYes();
    await (await cardWith(page, 'Nothing has been sent yet')).press('Cancel');
    await cardWith(page, 'You stopped this check');
    await pause(3000);
    assert.equal(uploads().length, 0);
});

test('a video that stands still is played for the recording and stopped again', async () => {
    const page = await askedOn('/paused', 'unsupported_site');
    await sayYes();
    await until('it plays', () => page.evaluate(() => !document.querySelector('#v').paused));
    await cardWith(page, 'Inconclusive');
    assert.equal(await page.evaluate(() => document.querySelector('#v').paused), true);
    assert.equal(uploads().length, 1);
});

for (const [path, words] of [['/tainted', 'comes from another site than the page'], ['/protected', 'protected against copying']]) {
    test(`a ${path.slice(1)} video cannot be recorded, and that is said before anything is asked`, async () => {
        const page = await askedOn(path, 'unsupported_site');
        const card = await cardWith(page, words);
        assert.doesNotMatch(card.text, /Record/);
        await bothLights(page, `card-${path.slice(1)}`);
        await pause(1000);
        assert.deepEqual([uploads().length, await recorderIn(page)], [0, 'undefined']);
        });
}

test('the worker is killed while it records, and the server is away: the recording still arrives', async () => {
    const { port } = stub;
    const page = await askedOn('/blob');
    await sayYes();
    await cardWith(page, 'Nothing has been sent yet');
    assert.equal(await browser.killWorker(), 1);
    await stub.stop();
    await cardWith(page, 'The server does not answer');
    assert.equal(await browser.killWorker(), 1);
    stub = await startStub({ apiKey: KEY, port });
    await cardWith(page, 'a recording of');
    assert.ok(uploads().length > 0);
});

/** Record, and stop the worker in the middle of each of the first `times` uploads. An open panel wakes the next worker. */
async function stoppedUploads(times) {
    stub.uploadMs = 600_000;
    await askedOn('/blob');
    await sayYes();
    await until('the upload', () => uploads().length === 1);
    const panel = await browser.openPanel();
    for (let sent = 1; sent <= times; sent++) {
        await until(`upload ${sent}`, () => uploads().length === sent);
        if (sent === times) stub.uploadMs = 0;
        assert.equal(await browser.killWorker(), 1);
    }
    return panel;
}

test('an upload whose worker is stopped is made again, as the same check', async () => {
    const panel = await stoppedUploads(1);
    await until('the verdict', async () => /Inconclusive.*a recording of/s.test(await panel.textContent('#report')));
    const keys = uploads().map(({ headers }) => headers['idempotency-key']);
    assert.deepEqual([keys.length, new Set(keys).size], [2, 1]);
    await panel.close();
});

test('an upload that is stopped every time is given up, in words', async () => {
    const panel = await stoppedUploads(3);
    await until('the end', async () => /upload broke off several times/.test(await panel.textContent('#report')));
    assert.equal(uploads().length, 3);
    await panel.close();
});

test('a page that goes away while it records is not waited for', async () => {
    const page = await askedOn('/blob');
    await sayYes();
    await cardWith(page, 'Nothing has been sent yet');
    await page.close();
    await until('the end', async () => (await browser.checks()).some(({ problem }) => problem?.code === 'not_recorded'));
    assert.equal(uploads().length, 0);
});
