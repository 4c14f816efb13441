// A check asked for by real buttons and keys, in a real Chromium, and the card that answers.
import assert from 'node:assert/strict';

import { checkUnderWay, startAgreed } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { saidOf } from '../support/access.js';
import { cardIn, cardWith } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { bothLights, picture, placeOf } from '../support/pictures.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

const RUNNING = [{ status: 'queued' }, { status: 'fetching', progress: 0.1 }, { status: 'analyzing', progress: 0.42 }];
let site, stub, browser;

before(async () => ([site, stub, browser] = await startAgreed()));
stopAfter(() => [browser, stub, site]);
beforeEach(() => stub.begin(done('likely_manipulated', 0.87)));

const underWay = () => checkUnderWay({ site, stub, browser });

test('a right-click on a playing video shows progress and the verdict beside it', async () => {
    stub.road = [...RUNNING, done('likely_manipulated', 0.87)];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByMenu(page, '#v');
    const running = await cardWith(page, '42 %');
    await bothLights(page, 'card-analyzing');
    const card = await cardWith(page, 'Likely manipulated');
    assert.match(card.text, /Probability of manipulation 87 %, likely between 74 and 95 %/);
    const video = await page.locator('#v').boundingBox();
    for (const { box } of [running, card]) assert.deepEqual([box.x - (video.x + video.width), box.y - video.y], [12, 0]);
    assert.equal(JSON.parse(stub.submitted()[0].body).url, `${site.address}/clip.webm`);
    await bothLights(page, 'card-likely');
    await page.close();
});

test('a right-click on a link checks what the link leads to', async () => {
    stub.road = [done('no_signs_found', 0.04)];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByMenu(page, '#link');
    await cardWith(page, 'No signs found');
    assert.equal(JSON.parse(stub.submitted()[0].body).url, 'https://www.youtube.com/watch?v=aqz-KE-bpKQ');
    await bothLights(page, 'card-none');
    await page.close();
});

test('the keyboard checks the playing video', async () => {
    stub.road = [done('inconclusive', 0.48)];
    const page = await browser.open(`${site.address}/two`);
    await browser.checkByKeys();
    await cardWith(page, 'Inconclusive');
    assert.equal(JSON.parse(stub.submitted()[0].body).url, `${site.address}/clip.webm`);
    await bothLights(page, 'card-inconclusive');
    await page.close();
});

test('the keyboard alone reads the card, opens the report and closes the card', async () => {
    stub.road = [...RUNNING, done('inconclusive', 0.48)];
    const page = await browser.open(`${site.address}/`);
    await page.focus('#link');
    await browser.checkByKeys();
    await cardWith(page, '42 %');
    const running = await saidOf(page);
    assert.ok(running.includes('region Unmask') && running.includes('progressbar Looking at faces = 42'), running.join('\n'));
    await cardWith(page, 'Inconclusive');
    const said = await saidOf(page);
    for (const part of ['status polite', 'button Close', 'button Full report']) assert.ok(said.includes(part), `${part} in\n${said.join('\n')}`);
    assert.ok(said.some((part) => part.includes('Probability of manipulation 48 %, likely between 35 and 56 %')), said.join('\n'));
    await browser.display.xdotool('key', 'Tab', 'Tab');
    await until('the keyboard on the report', async () => (await saidOf(page)).includes('focus Full report'));
    await picture(page, 'card-keyboard');
    await browser.display.xdotool('key', 'Escape');
    await until('no card', async () => (await cardIn(page)) === null);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'link'); // back where the keyboard was
    await page.close();
});

test('progress is not read out anew at every step: the number stands where nothing is announced', async () => {
    const { page } = await underWay();
    const { said } = await cardIn(page);
    stub.road = [{ status: 'analyzing', progress: 0.6 }];
    const card = await cardWith(page, '60 %');
    await bothLights(page, 'card-progress');
    assert.equal(card.said, said);
    assert.match(said, /^Looking at faces \|/);
    await card.press('Cancel');
    await cardWith(page, 'You stopped this check');
    await page.close();
});

test('a key opens the panel beside the page', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.display.xdotool('key', 'alt+shift+l');
    await until('the side panel', () => browser.hasPanel());
    await browser.closePanel();
    await page.close();
});

test('the toolbar button checks the playing video, also where the panel is open', async () => {
    for (const checks of [1, 2]) {
        const page = await browser.open(`${site.address}/`);
        await browser.pressToolbarButton();
        await cardWith(page, 'Likely manipulated');
        await browser.display.grab(placeOf(`toolbar-${checks}.png`));
        assert.equal(stub.submitted().length, checks);
        await browser.display.xdotool('key', 'alt+shift+l');
        await until('the side panel', () => browser.hasPanel());
        await page.close();
    }
    await browser.closePanel();
});

test('a page with a strict Content-Security-Policy shows the card with its own looks', async () => {
    const page = await browser.open(`${site.address}/strict`);
    await browser.checkByMenu(page, '#v');
    const card = await cardWith(page, 'Likely manipulated');
    assert.equal(card.box.width, 320);
    await picture(page, 'card-strict-page');
    await page.close();
});

test('cancel in the card stops the check on the server', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    const card = await cardWith(page, '30 %');
    await card.press('Cancel');
    await cardWith(page, 'You stopped this check');
    assert.ok(stub.requests.some(({ path }) => path.endsWith('/cancel')));
    await page.close();
});

test('asking twice for one video makes one check', async () => {
    stub.road = [{ status: 'queued' }];
    const page = await browser.open(`${site.address}/`);
    for (let i = 0; i < 2; i++) {
        await browser.checkByKeys();
        await cardWith(page, 'Waiting for its turn');
    }
    await pause(500);
    assert.deepEqual([stub.submitted().length, (await cardIn(page)).count], [1, 1]);
    await (await cardIn(page)).press('Cancel');
    await page.close();
});

test('the chosen language is spoken at once', async () => {
    const options = await browser.open(browser.own('options/options.html'));
    await options.selectOption('#language', 'de');
    await until('German', async () => (await options.textContent('h1')) === 'Einstellungen');
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, 'Wahrscheinlich manipuliert');
    await page.close();
    await options.bringToFront();
    await options.selectOption('#language', 'hi');
    await until('Hindi', async () => (await options.textContent('h1')) === 'सेटिंग');
    await picture(options, 'settings-hindi');
    await options.selectOption('#language', 'en');
    await until('English', async () => (await options.textContent('h1')) === 'Settings');
    await options.close();
});
