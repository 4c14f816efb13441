// Pages with several videos under one address, as feeds and playlists have them: no card stands beside another video than
// its own, in a real Chromium.
import assert from 'node:assert/strict';

import { saidOf } from '../support/access.js';
import { endAll, startAgreed } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { cardIn, cardWith } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { picture } from '../support/pictures.js';
import { afterEach, before, beforeEach, stopAfter, test } from '../support/timed.js';

const RUNNING = { status: 'analyzing', progress: 0.3 };
let site, stub, browser;

before(async () => ([site, stub, browser] = await startAgreed()));
stopAfter(() => [browser, stub, site]);
beforeEach(() => stub.begin(done('likely_manipulated', 0.87)));
afterEach(() => endAll({ site, stub, browser }));

async function asked(path, words = 'Likely manipulated') {
    const page = await browser.open(`${site.address}${path}`);
    await until('the video', () => page.evaluate(() => document.querySelector('video').readyState > 2));
    await browser.checkByKeys();
    return { page, card: await cardWith(page, words), key: (await browser.latestCheck()).key };
}
const underWay = (path) => ((stub.road = [RUNNING]), asked(path, '30 %'));
const scrollTo = (page, selector) => page.evaluate((wanted) => document.querySelector(wanted).scrollIntoView({ block: 'center' }), selector);
const noCard = (page) => until('no card', async () => (await cardIn(page)) === null, 10);
const told = async () => (await browser.worker()).evaluate(async () => {
    const [{ id: tabId }] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
    return { sign: await chrome.action.getBadgeText({ tabId }), notices: Object.keys(await chrome.notifications.getAll()) };
});

test('in a feed the card goes and comes with its video, and what there is to say while it is away is told by a notification', async () => {
    const { page, key } = await underWay('/feed');
    await scrollTo(page, '#b');
    await noCard(page);
    await picture(page, 'feed-scrolled');
    assert.ok(!(await saidOf(page)).includes('button Cancel'));
    stub.road = [done('likely_manipulated', 0.87)];
    await until('the notification', async () => (await told()).notices.includes(key), 15);
    assert.equal(await cardIn(page), null);
    await scrollTo(page, '#a');
    await cardWith(page, 'Likely manipulated');
    await picture(page, 'feed-back');
});

test('beside a video of which only an edge is left in view the card stays, and that is no notification', async () => {
    const { page, key } = await underWay('/feed');
    await page.evaluate(() => scrollTo(0, document.querySelector('#a').getBoundingClientRect().bottom - 40));
    await pause(1000);
    stub.road = [done('likely_manipulated', 0.87)];
    await cardWith(page, 'Likely manipulated');
    await picture(page, 'feed-edge');
    assert.ok(!(await told()).notices.includes(key));
});

test('the keyboard in a card that goes out of view with its video is back in the page', async () => {
    const { page } = await asked('/feed');
    await until('the keyboard in the card', async () => (await saidOf(page)).some((line) => line.startsWith('focus Unmask')), 10);
    await scrollTo(page, '#b');
    await noCard(page);
    await until('the keyboard in the page', async () => !(await saidOf(page)).some((line) => line.startsWith('focus Unmask')), 10);
});

test('a video that is taken out of the page takes its card along', async () => {
    const { page } = await asked('/feed');
    await page.evaluate(() => document.querySelector('#a').remove());
    await noCard(page);
});

test('a video that is pushed out of its strip takes its card along, though it would still be in the window', async () => {
    const { page } = await asked('/strip');
    await page.evaluate(() => (document.querySelector('#strip').scrollLeft = 420));
    await noCard(page);
    await page.evaluate(() => (document.querySelector('#strip').scrollLeft = 0));
    await cardWith(page, 'Likely manipulated');
});

test('while another video fills the screen the card is away', async () => {
    const { page } = await asked('/two');
    await page.click('#w');
    await page.evaluate(async () => {
        const player = document.createElement('div');
        document.body.append(player);
        player.append(document.querySelector('#w'));
        await player.requestFullscreen();
    });
    await noCard(page);
    await page.evaluate(() => document.exitFullscreen());
    await cardWith(page, 'Likely manipulated');
});

test('in a playlist that gives its player another source no verdict stands beside the next video', async () => {
    const { page, key } = await underWay('/');
    await page.evaluate(() => (document.querySelector('#v').src = '/clip.webm?next'));
    await noCard(page);
    await until('no sign', async () => (await told()).sign === '', 10);
    stub.road = [done('likely_manipulated', 0.87)];
    await until('the notification', async () => (await told()).notices.includes(key), 15);
    assert.equal(await cardIn(page), null);
});

test('where one of two checked videos gives way to another one, the sign of the other stays', async () => {
    const { page } = await asked('/feed');
    await scrollTo(page, '#b');
    await noCard(page);
    await browser.checkByMenu(page, '#b');
    await cardWith(page, 'Likely manipulated');
    const { sign } = await told();
    assert.notEqual(sign, '');
    await page.evaluate(() => (document.querySelector('#a').src = '/clip.webm?next'));
    await pause(2000); // four times as long as it takes to notice
    assert.equal((await told()).sign, sign);
    await page.evaluate(() => (document.querySelector('#b').src = '/clip.webm?next'));
    await until('no sign', async () => (await told()).sign === '', 10);
});

test('a player that sets the source anew that it has keeps its card, and so does a video beside which one jumps to a place in the page', async () => {
    const { page } = await underWay('/');
    await page.evaluate(() => {
        document.querySelector('#v').src = '/clip.webm';
        location.hash = 'text';
    });
    await pause(1500);
    assert.match((await cardIn(page)).text, /30 %/);
    stub.road = [done('likely_manipulated', 0.87)];
    await cardWith(page, 'Likely manipulated');
    assert.equal((await told()).sign, '!');
});
