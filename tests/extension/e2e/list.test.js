// The panel's list and its reports, in a real Chromium: what is asked for there, followed, saved and deleted.
import assert from 'node:assert/strict';

import { checkUnderWay, KEY, startAgreed } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { faults } from '../support/access.js';
import { cardWith } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { bothLights, picture, placeOf } from '../support/pictures.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

let site, stub, browser;

before(async () => ([site, stub, browser] = await startAgreed()));
stopAfter(() => [browser, stub, site]);
beforeEach(() => stub.begin(done('likely_manipulated', 0.87)));

const underWay = () => checkUnderWay({ site, stub, browser });

/** The panel in a tab, as narrow as beside a page: the side panel itself is hidden from the debugger. */
async function narrowPanel() {
    const panel = await browser.openPanel();
    const session = await browser.context.newCDPSession(panel);
    await session.send('Emulation.setDeviceMetricsOverride', { width: 400, height: 800, deviceScaleFactor: 1, mobile: false });
    return panel;
}
const focusIn = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || document.activeElement?.nodeName);

/** The portrait, as the page shows it. */
async function pngOfFace() {
    const page = await browser.open(`${site.address}/`);
    const png = await page.locator('#v').screenshot();
    await page.close();
    return png;
}

test('an open panel hears of progress and verdict from the server’s events, with the key in a header', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    stub.refuse(503, { method: 'GET', path: /checks\/\w+$/, times: 99, headers: { 'Retry-After': '300' } }); // who polls waits for minutes
    const panel = await browser.openPanel();
    await panel.fill('#address', 'https://x.com/someone/status/77');
    await panel.press('#address', 'Enter');
    await until('progress', async () => (await panel.textContent('.report')).includes('30 %'));
    stub.road = [done('inconclusive', 0.5)];
    await until('the verdict', async () => (await panel.textContent('.report')).includes('Inconclusive'), 15);
    const streams = stub.requests.filter(({ path }) => path.endsWith('/events'));
    assert.deepEqual(streams.map(({ headers, url }) => [headers.authorization, url.includes(KEY)]), [[`Bearer ${KEY}`, false]]);
    await panel.close();
});

test('a panel whose server sends no events polls', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }, done('inconclusive', 0.5)];
    stub.refuse(429, { path: /events$/, times: 3 });
    const panel = await browser.openPanel();
    await panel.fill('#address', 'https://x.com/someone/status/78');
    await panel.press('#address', 'Enter');
    // the report before may be shown still, with the same words
    await until('the end', async () => (await browser.checks()).some(({ url, phase }) => url.endsWith('/78') && phase === 'done'), 15);
    await until('the verdict', async () => (await panel.textContent('.report')).includes('Inconclusive'), 15);
    await panel.close();
});

test('ten checks at once all come out right', async () => {
    stub.road = [{ status: 'queued' }];
    const panel = await browser.openPanel();
    for (let i = 0; i < 10; i++) {
        await panel.fill('#address', `https://x.com/someone/status/100${i}`);
        await panel.press('#address', 'Enter');
        await until('the answer', () => stub.submitted().length > i);
    }
    stub.road = [done('inconclusive', 0.5)];
    const of = (phase) => async () => (await browser.checks()).filter((check) => /status\/100\d$/.test(check.url) && check.phase === phase).length === 10;
    await until('ten verdicts', of('done'));
    assert.equal(stub.submitted().length, 10);
    await picture(panel, 'list');
    await panel.close();
});

test('a file can be chosen and uploaded in the panel', async () => {
    const panel = await browser.openPanel();
    await panel.setInputFiles('#file', process.env.UNMASK_TEST_VIDEO);
    await until('the upload', async () => (await panel.textContent('#list')).includes('clip.webm'));
    await until('the file at the server', () => stub.submitted().length > 0); // it is listed before it is sent
    assert.match(stub.submitted()[0].headers['content-type'], /^multipart/);
    await until('its verdict', async () => /Likely manipulated[^|]*clip\.webm/.test(await panel.textContent('#list li')));
    await panel.close();
});

test('the full report opens beside the page and can be saved', async () => {
    stub.artifacts.set('key-frames.png', await pngOfFace());
    stub.artifacts.set('heat-maps/face-1-at-3.75s.png', await pngOfFace());
    stub.artifacts.set('annotated.mp4', Buffer.from('not shown'));
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    const card = await cardWith(page, 'Likely manipulated');
    await card.press('Full report');
    await until('the side panel', () => browser.hasPanel());
    await pause(1000);
    await browser.display.grab(placeOf('side-panel.png'));
    await browser.closePanel();
    await page.close();
    // The same page in a tab of its own shows the report that was asked for.
    const wide = await browser.openPanel();
    await until('the report', () => wide.isVisible('.report .verdict'));
    assert.match(await wide.textContent('.report'), /Likely manipulated.*87 %.*Face 1.*What was looked at.*half of all videos are manipulated.*residual-lstm/s);
    await until('the pictures', async () => (await wide.locator('.report img').count()) === 2);
    await bothLights(wide, 'report');
    assert.deepEqual(await faults(wide), []);
    const [saved] = await Promise.all([wide.waitForEvent('download'), wide.click('text=Save report')]);
    const target = placeOf('report.html');
    await saved.saveAs(target);
    stub.artifacts.clear();
    const copy = await browser.open(`file://${target}`);
    assert.match(await copy.textContent('body'), /Likely manipulated.*87 %/s);
    assert.equal(await copy.locator('img[src^="data:"]').count(), 2);
    assert.equal(await copy.locator('[src^="http"], link, script, button').count(), 0);
    assert.equal(await copy.locator('.bar').first().evaluate((bar) => getComputedStyle(bar).printColorAdjust), 'exact'); // browsers print no backgrounds by themselves
    assert.equal(await copy.locator('main .verdict').count(), 1);
    await picture(copy, 'saved-report');
    await copy.close();
    await wide.close();
});

test('the card’s button for a file leads to where one is chosen, as often as it is pressed', async () => {
    stub.refuse(422, { code: 'login_required', method: 'POST' });
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    const card = await cardWith(page, 'upload the file');
    const panel = await narrowPanel();
    for (const times of [1, 2]) {
        await panel.locator('#list .open').first().click({ timeout: 5_000 }).catch(() => {}); // unless a report is shown already
        await until('a report', () => panel.isHidden('#upload'));
        await page.bringToFront();
        await card.press('Upload a file');
        await until(`the list, for the ${times}. time`, () => panel.isVisible('#upload'), 20);
        await until('the keyboard there', async () => (await focusIn(panel)) === 'upload', 5);
        await until('the side panel', () => browser.hasPanel());
        await pause(1000);
        await browser.display.grab(placeOf('side-panel-upload.png'));
        await browser.closePanel();
    }
    const later = await browser.openPanel();
    await until('the keyboard there too', async () => (await focusIn(later)) === 'upload', 5);
    for (const one of [later, panel, page]) await one.close();
});

test('keyboard and mouse keep their place in the list while checks go on, and after one is deleted', async () => {
    stub.refuse(503, { path: /events$/, times: 99 }); // so that the worker asks every second
    for (const status of [301, 302, 303]) {
        stub.road = [status === 303 ? { status: 'analyzing', progress: 0.3 } : done('inconclusive', 0.5)];
        const panel = await browser.openPanel();
        await panel.fill('#address', `https://x.com/someone/status/${status}`);
        await panel.press('#address', 'Enter');
        await until('its answer', async () => (await browser.checks()).some(({ url, serverId }) => url.endsWith(status) && serverId));
        if (status < 303) await until('its end', async () => (await browser.checks()).some(({ url, phase }) => url.endsWith(status) && phase === 'done'));
        await panel.close();
    }
    const panel = await narrowPanel();
    await panel.click('#back');
    await until('the keyboard on the list', async () => (await focusIn(panel)) === 'address', 5);
    const item = (status) => panel.locator(`#list li:has-text("status/${status}")`);
    const label = () => panel.evaluate(() => [document.activeElement.className, document.activeElement.getAttribute('aria-label')].join(' '));
    const progress = (of) => (stub.road = [{ status: 'analyzing', progress: of }]) && until(`${of * 100} %`, async () => (await panel.textContent('#list')).includes(`${of * 100} %`), 10);
    for (const status of [303, 302]) {
        await item(status).locator('.drop').focus();
        await progress(status === 303 ? 0.4 : 0.5);
        assert.match(await label(), new RegExp(`drop Delete.*status/${status}`));
    }
    const box = await item(303).locator('.title').boundingBox();
    await panel.mouse.move(box.x + 10, box.y + 5);
    await panel.mouse.down();
    await progress(0.6);
    await panel.mouse.up();
    await until('the report', () => panel.isVisible('#back'), 5);
    await panel.click('#back');
    await until('the list', async () => (await panel.isVisible('#list')) && (await focusIn(panel)) === 'address', 5);
    await item(302).locator('.drop').focus();
    await panel.keyboard.press('Enter');
    await until('it is deleted', async () => (await item(302).count()) === 0, 10);
    assert.match(await label(), /drop Delete.*status\/301/); // the next one
    await panel.click('#clear');
    await until('one is left', async () => (await panel.locator('#list li').count()) === 1, 10);
    await item(303).locator('.drop').focus();
    await panel.keyboard.press('Enter');
    await until('none is left', async () => (await panel.locator('#list li').count()) === 0, 10);
    assert.equal(await focusIn(panel), 'list-title');
    await panel.close();
});

test('the keyboard on Cancel goes on in the report when the check ends', async () => {
    const { page, key } = await underWay();
    const panel = await browser.openPanel(key);
    await panel.locator('#report button', { hasText: 'Cancel' }).focus();
    stub.road = [done('inconclusive', 0.5)];
    await until('the verdict', async () => (await panel.textContent('#report')).includes('Inconclusive'));
    assert.equal(await focusIn(panel), 'report');
    await panel.close();
    await page.close();
});

test('deleting a check deletes it on the server too', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, 'Likely manipulated');
    const { serverId, key } = await browser.latestCheck();
    const panel = await browser.openPanel();
    await panel.locator(`li[data-key="${key}"] .drop`).click();
    await until('the deletion', () => stub.requests.some(({ method, path }) => method === 'DELETE' && path.endsWith(serverId)));
    await panel.close();
    await page.close();
});
