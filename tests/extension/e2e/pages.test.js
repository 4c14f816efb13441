// Pages that are in a card's way, by their making or on purpose, in a real Chromium.
import assert from 'node:assert/strict';

import { endAll, startAgreed } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { saidOf } from '../support/access.js';
import { cardIn, cardWith, PAGE_MENU } from '../support/chromium.js';
import { until } from '../support/display.js';
import { bothLights, picture } from '../support/pictures.js';
import { afterEach, before, beforeEach, stopAfter, test } from '../support/timed.js';

const RUNNING = { status: 'analyzing', progress: 0.3 };
let site, stub, browser;

before(async () => ([site, stub, browser] = await startAgreed()));
stopAfter(() => [browser, stub, site]);
beforeEach(() => stub.begin(done('likely_manipulated', 0.87)));
afterEach(() => endAll({ site, stub, browser }));

/** A page whose video is being checked, or has been: the keyboard asked for it. */
async function asked(path, words = 'Likely manipulated') {
    const page = await browser.open(`${site.address}${path}`);
    await browser.checkByKeys();
    return { page, card: await cardWith(page, words) };
}

test('a page whose elements have the names of our functions still gets its video found and its card', async () => {
    const { page } = await asked('/named');
    assert.equal(JSON.parse(stub.submitted()[0].body).url, `${site.address}/clip.webm`);
    await page.close();
});

for (const path of ['/pictures', '/form', '/form-around', '/svg']) {
    test(`a page whose elements have the names, or not the kind, of what they are asked for gets its video found and its card: ${path}`, async () => {
        const { page } = await asked(path);
        assert.equal(JSON.parse(stub.submitted()[0].body).url, `${site.address}/clip.webm`);
        await page.close();
    });
}

test('a video in a closed shadow tree is found, and the card stands beside it', async () => {
    const { page, card } = await asked('/closed');
    assert.equal(JSON.parse(stub.submitted()[0].body).url, `${site.address}/clip.webm?closed`);
    const { x, width } = await page.locator('#player').boundingBox();
    assert.ok(card.box.x < x + width, JSON.stringify(card.box)); // beside the video, in what is as wide as the page
    await picture(page, 'card-closed');
});

test('a right-click on a covered player among several sends nothing where nobody knows which was meant, and the next one sends that', async () => {
    const page = await browser.open(`${site.address}/covered`);
    await browser.checkByMenu(page, '#on-b', PAGE_MENU);
    const card = await cardWith(page, 'Right-click the video once more');
    await bothLights(page, 'card-unclear');
    assert.deepEqual([stub.submitted().length, /Try again|Record/.test(card.text)], [0, false]);
    await browser.checkByMenu(page, '#on-b', PAGE_MENU);
    assert.equal((await cardWith(page, 'Likely manipulated')).count, 1); // what was unclear is no more
    assert.equal(JSON.parse(stub.submitted()[0].body).url, `${site.address}/clip.webm?b`);
});

test('a page can put no curtain of its own under the card', async () => {
    const page = await browser.open(`${site.address}/hostile`);
    const shown = () => page.screenshot({ clip: { x: 200, y: 40, width: 300, height: 60 } }); // the heading
    const before = await shown();
    await browser.checkByKeys();
    await cardWith(page, 'Likely manipulated');
    await picture(page, 'card-no-curtain');
    assert.ok(before.equals(await shown()));
    await page.close();
});

test('in a page that is still loading a check begins at once, and its video can be recorded', async () => {
    stub.refuse(422, { code: 'login_required', method: 'POST' });
    const page = await browser.context.newPage();
    page.goto(`${site.address}/slow`).catch(() => {}); // closed before its end
    await until('the video', () => page.evaluate(() => document.querySelector('#v')?.readyState > 2));
    await page.bringToFront();
    await browser.checkByKeys();
    await (await cardWith(page, 'Record it here')).press('Record it here');
    await until('the question', () => browser.context.pages().find((one) => one.url().includes('/consent/')), 10);
    assert.equal(await page.evaluate(() => document.readyState), 'loading');
    for (const one of browser.context.pages()) if (one.url().includes('/consent/')) await one.close();
});

const isOpen = (page) => page.evaluate(() => document.querySelector('#d').open);

test('beside a video in a modal dialog the card can be read and pressed, and the site hears nothing of it', async () => {
    stub.road = [RUNNING];
    const { page, card } = await asked('/dialog', '30 %');
    assert.ok((await saidOf(page)).includes('button Cancel'));
    await page.evaluate(() => (window.heard.length = 0));
    await card.press('Cancel');
    await cardWith(page, 'You stopped this check');
    await picture(page, 'card-dialog');
    assert.deepEqual(await page.evaluate(() => window.heard), []);
    assert.ok(await isOpen(page));
});

test('Escape in a card in a dialog closes the card alone, and the keyboard is back in the dialog', async () => {
    const { page } = await asked('/dialog');
    await browser.display.xdotool('key', 'Escape');
    await until('no card', async () => (await cardIn(page)) === null, 10);
    assert.ok(await isOpen(page));
    assert.equal(await page.evaluate(() => document.activeElement.id), 'inside');
});

test('a card goes with the dialog its video is in and comes back with it, and outlives a site that throws out what is not its own', async () => {
    const { page } = await asked('/dialog');
    await page.evaluate(() => document.querySelector('#d').close());
    await until('no card', async () => (await cardIn(page)) === null, 10);
    await page.evaluate(() => document.querySelector('#d').show());
    await until('the card in the page', async () => (await saidOf(page)).includes('button Full report'), 10);
    await page.evaluate(() => [...document.documentElement.children].at(-1).remove());
    await until('the card again', async () => (await saidOf(page)).includes('button Full report'), 10);
});

test('a card outlives a page that is busy and answers nothing for long', async () => {
    stub.road = [RUNNING];
    const { page } = await asked('/', '30 %');
    await page.evaluate(() => {
        for (const end = Date.now() + 12_000; Date.now() < end; );
    });
    stub.road = [done('likely_manipulated', 0.87)];
    await cardWith(page, 'Likely manipulated');
    await until('the card to be seen', async () => (await saidOf(page)).includes('button Full report'), 10);
});

test('in a window lower than the card, as at a large zoom or in a small frame, every button can be reached', async () => {
    stub.refuse(422, { code: 'login_required', method: 'POST' });
    const page = await browser.open(`${site.address}/`);
    const session = await page.context().newCDPSession(page);
    await session.send('Emulation.setDeviceMetricsOverride', { width: 427, height: 230, deviceScaleFactor: 3, mobile: false });
    await browser.checkByKeys();
    const { box } = await cardWith(page, 'signed in');
    assert.ok(box.y >= 0 && box.y + box.height <= 230, JSON.stringify(box));
    await picture(page, 'card-low');
    await page.mouse.move(box.x + 100, box.y + 60);
    await page.mouse.wheel(0, 400);
    await picture(page, 'card-low-end');
    await (await cardIn(page)).press('Try again');
    await cardWith(page, 'Likely manipulated');
});

test('in a page written from right to left, in another language, the card runs as its own words do and names their language', async () => {
    const { page, card } = await asked('/rtl');
    await picture(page, 'card-rtl');
    const middle = card.box.x + card.box.width / 2;
    assert.deepEqual([(await card.boxOf('×')).x > middle, card.lang], [true, 'en']);
});

test('a video that is checked once more has one card, and Escape leaves none', async () => {
    const { page } = await asked('/links');
    stub.road = [done('inconclusive', 0.48)];
    await browser.checkByKeys();
    assert.equal((await cardWith(page, 'Inconclusive')).count, 1);
    await browser.display.xdotool('key', 'Escape');
    await until('no card', async () => (await cardIn(page)) === null, 10);
});

test('the cards of two links stand one below the other, and neither hides the other', async () => {
    stub.road = [RUNNING];
    const page = await browser.open(`${site.address}/links`);
    await browser.checkByMenu(page, '#one');
    const first = await cardWith(page, '30 %');
    await browser.checkByMenu(page, '#two');
    const second = await until('the second card', async () => {
        const card = await cardIn(page);
        return card?.count === 2 && card.text.includes('30 %') ? card : null;
    }, 20);
    await picture(page, 'card-links');
    assert.ok(second.box.y >= first.box.y + first.box.height, JSON.stringify([first.box, second.box]));
});

test('where several cards stand, that of a link says which link it is about, to those who see and to those who hear', async () => {
    const { page } = await asked('/links');
    for (const [link, address] of [['#one', 'status/1'], ['#two', 'status/2']]) {
        await browser.checkByMenu(page, link);
        await cardWith(page, address);
    }
    const { texts } = await until('three verdicts', async () => {
        const card = await cardIn(page);
        return card?.texts.filter((text) => text.includes('Likely manipulated')).length === 3 ? card : null;
    }, 20);
    await bothLights(page, 'card-named');
    const named = texts.map((text) => text.match(/Likely manipulated \| (x\.com\/someone\/status\/\d) \|/)?.[1]);
    assert.deepEqual(named, [undefined, 'x.com/someone/status/1', 'x.com/someone/status/2']);
    const regions = (await saidOf(page)).filter((line) => line.startsWith('region '));
    assert.deepEqual(regions, ['region Unmask', 'region Unmask: x.com/someone/status/1', 'region Unmask: x.com/someone/status/2']);
});

test('beside a video whose dialog is in a shadow tree, and in one that fills the screen, the card can be read', async () => {
    const { page } = await asked('/');
    const isRead = async () => (await saidOf(page)).includes('button Full report');
    await page.click('#text');
    await page.evaluate(async () => {
        const player = document.createElement('div');
        document.body.append(player);
        player.append(document.querySelector('#v'));
        await player.requestFullscreen();
    });
    await until('the card on the full screen', isRead, 10);
    await picture(page, 'card-fullscreen');
    await page.evaluate(async () => {
        await document.exitFullscreen();
        const host = document.createElement('div');
        document.body.append(host);
        const dialog = document.createElement('dialog');
        host.attachShadow({ mode: 'open' }).append(dialog);
        dialog.append(document.querySelector('#v'));
        dialog.showModal();
    });
    await until('the card in the dialog', isRead, 10);
});
