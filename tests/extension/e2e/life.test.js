// What a card says when its check, its page or the extension goes away and comes back, in a real Chromium.
import assert from 'node:assert/strict';

import { checkUnderWay, startAgreed } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { cardIn, cardWith } from '../support/chromium.js';
import { until } from '../support/display.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

const RUNNING = { status: 'analyzing', progress: 0.3 };
let site, stub, browser;

before(async () => ([site, stub, browser] = await startAgreed()));
stopAfter(() => [browser, stub, site]);
beforeEach(() => stub.begin(RUNNING));

const latest = () => browser.latestCheck();
const underWay = () => checkUnderWay({ site, stub, browser });

/** What the toolbar's button says in the tab before us, and which checks were told of by a notification. */
const toldOf = async () =>
    (await browser.worker()).evaluate(async () => {
        const [{ id: tabId }] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
        const [sign, title, notices] = await Promise.all([chrome.action.getBadgeText({ tabId }), chrome.action.getTitle({ tabId }), chrome.notifications.getAll()]);
        return { sign, title, notices: Object.keys(notices) };
    });
const sign = async () => (await toldOf()).sign;
const notified = (key) => until('the notification', async () => (await toldOf()).notices.includes(key));
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

test('who has moved on is told by a notification', async () => {
    const { page } = await underWay();
    const other = await browser.open('about:blank');
    stub.road = [done('inconclusive', 0.5)];
    await until('the notification', async () => Object.keys(await (await browser.worker()).evaluate(() => chrome.notifications.getAll())).length > 0);
    await other.close();
    await page.close();
});

test('on a site that goes on in the same document no verdict stands beside the next video', async () => {
    const { page, key } = await underWay();
    const goTo = (path) => page.evaluate((next) => {
        history.pushState({}, '', next);
        document.querySelector('#v').src = `/clip.webm?${next}`;
    }, path);
    await goTo('/another');
    await until('no card', async () => (await cardIn(page)) === null);
    await until('no sign', async () => (await toldOf()).sign === '');
    stub.road = [done('likely_manipulated', 0.87)];
    await notified(key);
    assert.equal(await cardIn(page), null);
    const { sign, title } = await toldOf();
    assert.deepEqual([sign, title], ['', 'Unmask: Check this video']);
    await browser.checkByKeys();
    const card = await cardWith(page, 'Likely manipulated'); // of the video that is there now
    assert.deepEqual([card.count, (await latest()).url, (await toldOf()).sign], [1, `${site.address}/clip.webm?/another`, '!']);
    await goTo('/a-third');
    await until('no card', async () => (await cardIn(page)) === null);
    await until('no sign', async () => (await toldOf()).sign === '');
    await page.close();
});

test('a verdict is told by a notification where its tab has gone on to another page, which says nothing of it', async () => {
    const { page, key } = await underWay();
    await page.goto(`${site.address}/two`);
    stub.road = [done('likely_manipulated', 0.87)];
    await notified(key);
    assert.equal((await toldOf()).sign, '');
    assert.equal(await cardIn(page), null);
    await page.close();
});

test('a check in the next page shows its own card and sign, and not those of the page before', async () => {
    const { page, key } = await underWay();
    await page.goto(`${site.address}/two`);
    await page.evaluate(() => document.querySelector('#v').remove());
    await browser.checkByKeys();
    await cardWith(page, '30 %');
    const [first, second] = [...stub.checks.values()].slice(-2);
    assert.notEqual((await latest()).key, key);
    first.cancelled = true; // ends before the other
    await until('the end', async () => (await browser.checks()).find((check) => check.key === key).phase === 'cancelled');
    assert.deepEqual([(await cardIn(page)).count, (await toldOf()).sign], [1, '…']);
    stub.road = [done('inconclusive', 0.48)];
    const card = await cardWith(page, 'Inconclusive');
    assert.deepEqual([card.count, (await toldOf()).sign, second.cancelled], [1, '?', false]);
    await page.close();
});

test('asking again for a check that is under way shows its card, also after the page was loaded anew', async () => {
    const { page, key } = await underWay();
    await page.reload();
    await browser.checkByKeys();
    const card = await cardWith(page, '30 %');
    assert.deepEqual([card.count, (await latest()).key], [1, key]);
    stub.road = [done('inconclusive', 0.48)];
    await cardWith(page, 'Inconclusive');
    assert.equal((await toldOf()).sign, '?');
    await page.close();
});
