// What a card says when its check, its page or the extension goes away and comes back, in a real Chromium.
import assert from 'node:assert/strict';

import { startAgreed } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { cardIn, cardWith } from '../support/chromium.js';
import { until } from '../support/display.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

const RUNNING = { status: 'analyzing', progress: 0.3 };
let site, stub, browser;

before(async () => ([site, stub, browser] = await startAgreed()));
stopAfter(() => [browser, stub, site]);
beforeEach(() => {
    stub.road = [RUNNING];
    stub.requests.length = 0;
});

const latest = async () => (await browser.checks()).sort((a, b) => b.createdAt - a.createdAt)[0];

/** A page with a check that is under way, and its key. */
async function underWay() {
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, '30 %');
    return { page, key: (await latest()).key };
}

/** What the toolbar's button says in the tab before us. */
const sign = async () =>
    (await browser.worker()).evaluate(async () => {
        const [{ id: tabId }] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
        return chrome.action.getBadgeText({ tabId });
    });
const noCard = (page) => until('no card', async () => (await cardIn(page)) === null, 10);

test('a check that is deleted while it runs leaves no card, sign or notification behind', async () => {
    const { page, key } = await underWay();
    const panel = await browser.openPanel();
    await panel.locator(`li[data-key="${key}"] .drop`).click();
    await panel.close();
    await page.bringToFront();
    await noCard(page);
    await until('no sign', async () => (await sign()) === '', 10);
    await page.close();
});

test('who goes back to a page finds there what has become of its check meanwhile', async () => {
    const { page, key } = await underWay();
    await page.evaluate(() => (window.kept = true));
    await page.goto(`${site.address}/two`);
    stub.road = [done('likely_manipulated', 0.87)];
    await until('the end', async () => (await latest()).phase === 'done');
    await page.goBack({ waitUntil: 'commit' });
    assert.equal(await page.evaluate(() => window.kept), true); // the browser had kept the page
    await cardWith(page, 'Likely manipulated');
    await until('the sign', async () => (await sign()) === '!', 10);
    assert.equal((await latest()).key, key);
    await page.close();
});

test('who goes back to a page whose check was deleted finds no card', async () => {
    const { page, key } = await underWay();
    await page.goto(`${site.address}/two`);
    const panel = await browser.openPanel();
    await panel.locator(`li[data-key="${key}"] .drop`).click();
    await panel.close();
    await page.bringToFront();
    await page.goBack({ waitUntil: 'commit' });
    await noCard(page);
    await page.close();
});

/** What the browser shows where nothing answers: no extension may act there. */
async function nobodysPage() {
    const page = await browser.open(`${site.address}/`);
    await page.goto('http://127.0.0.3:8081/clip.webm').catch(() => {});
    await until('the browser’s own page', () => page.evaluate(() => location.protocol === 'chrome-error:'), 10);
    return page;
}

test('a check asked for where no card can be shown puts no sign at the next page of its tab', async () => {
    const page = await nobodysPage();
    await browser.checkByKeys();
    const { key } = await until('the check', async () => ((await latest()).phase === 'analyzing' ? latest() : null), 10);
    assert.deepEqual([(await latest()).frameId, await sign()], [-1, '…']);
    await page.goto(`${site.address}/two`);
    stub.road = [done('likely_manipulated', 0.87)];
    await until('the end', async () => (await latest()).phase === 'done', 10);
    const notices = async () => Object.keys(await (await browser.worker()).evaluate(() => chrome.notifications.getAll()));
    await until('the notification', async () => (await notices()).includes(key), 10);
    assert.equal(await sign(), '');
    await page.close();
});

test('a check asked for where no card can be shown has its sign', async () => {
    stub.road = [RUNNING, done('likely_manipulated', 0.87)];
    const page = await nobodysPage();
    await browser.checkByKeys();
    await until('the sign', async () => (await sign()) === '!', 10);
    await page.close();
});

test('a check deleted while the server is away is deleted there by the next worker, once it is back', async () => {
    stub.road = [done('inconclusive', 0.5)];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, 'Inconclusive');
    const { key, serverId } = await latest();
    const panel = await browser.openPanel();
    stub.refuse(503, { method: 'DELETE' });
    await panel.locator(`li[data-key="${key}"] .drop`).click();
    const deletions = () => stub.requests.filter(({ method, path }) => method === 'DELETE' && path.endsWith(serverId)).length;
    await until('the first attempt', () => deletions() === 1, 10);
    assert.equal(await browser.killWorker(), 1);
    await panel.evaluate(() => chrome.runtime.sendMessage({ what: 'tidy' })); // anything wakes the next one
    await until('the second', () => deletions() === 2, 10);
    assert.equal(stub.checks.has(serverId), false);
    await panel.close();
    await page.close();
});

test('an update of the extension leaves no card that nobody answers any more, and the check goes on', async () => {
    const { page, key } = await underWay();
    await (await browser.worker()).evaluate(() => void setTimeout(() => chrome.runtime.reload(), 100));
    await noCard(page);
    await until('the new worker', async () => (await browser.worker()).evaluate(() => true));
    await browser.checkByKeys(); // the new one answers in the same page
    await cardWith(page, '30 %');
    stub.road = [done('inconclusive', 0.5)];
    await cardWith(page, 'Inconclusive');
    assert.deepEqual([(await latest()).key, stub.submitted().length], [key, 1]);
    await page.close();
});
