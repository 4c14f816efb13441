// The extension as it ships, in a real Chromium, asked by real buttons and keys, against a server that speaks the API.
import assert from 'node:assert/strict';

import { done } from '../support/analysis.js';
import { cardIn, cardWith, startChromium } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { faults, saidOf } from '../support/access.js';
import { bothLights, picture, placeOf } from '../support/pictures.js';
import { startSite } from '../support/site.js';
import { startStub } from '../support/stub.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

const KEY = 'sk-extension-secret';
const RUNNING = [{ status: 'queued' }, { status: 'fetching', progress: 0.1 }, { status: 'analyzing', progress: 0.42 }];

let site, stub, browser;

before(async () => {
    [site, stub, browser] = [await startSite(), await startStub({ apiKey: KEY }), await startChromium()];
});
stopAfter(() => [browser, stub, site]);
beforeEach(() => {
    stub.road = [done('likely_manipulated', 0.87)];
    stub.requests.length = 0;
    stub.forgive();
});

test('before the person has agreed, nothing is sent and the first-run page explains', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await pause(1500);
    assert.equal(stub.requests.length, 0);
    assert.ok(browser.context.pages().some((one) => one.url().endsWith('/options/options.html#welcome')));
    await page.close();
});

test('the person sets the server, says yes to the browser’s prompt, and the connection is good', async () => {
    const page = await browser.agree(stub.address, KEY);
    assert.match(await page.textContent('#agreed'), new RegExp(stub.address));
    await page.click('#test');
    await until('the answer of the server', async () => (await page.textContent('#tested')).includes('0.1.0'));
    await bothLights(page, 'settings');
    assert.deepEqual(await faults(page), []);
});

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

test('a hostile page cannot read or restyle the card, set off a check, or reach the extension', async () => {
    const page = await browser.open(`${site.address}/hostile`);
    const powers = await page.evaluate(() => window.attack());
    await pause(1000);
    assert.equal(stub.requests.length, 0);
    assert.deepEqual(powers, { runtime: 'undefined', find: 'undefined', show: 'undefined' });
    await browser.checkByKeys();
    const card = await cardWith(page, 'Likely manipulated');
    assert.equal(card.box.width, 320);
    const seen = await page.evaluate(() => [...window.seen, document.documentElement.innerText, document.documentElement.outerHTML].join('\n'));
    assert.ok(!seen.includes('attachShadow\n') && !seen.startsWith('attachShadow'), seen);
    assert.ok(!seen.includes('manipulated') && !seen.includes('87 %'), seen);
    assert.match(seen, /added DIV true/); // it sees that something is there, an element whose inside is closed
    assert.equal(stub.submitted().length, 1);
    await picture(page, 'card-hostile-page');
    const asked = stub.requests.length;
    await page.evaluate(() => window.attack());
    await pause(1000);
    assert.equal(stub.requests.length, asked);
    await page.close();
});

test('a script in the page’s own frame of the extension cannot read the API key', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, 'Likely manipulated');
    const answers = await (await browser.worker()).evaluate(async () => {
        const [tab] = await chrome.tabs.query({ active: true });
        const [{ result }] = await chrome.scripting.executeScript({
            target: { tabId: tab.id },
            func: () => chrome.storage.local.get(null).then((all) => JSON.stringify(all), (error) => `refused: ${error.message}`),
        });
        return result;
    });
    assert.match(answers, /^refused/);
    await page.close();
});

test('of a page that is no web address nothing is ever sent, whatever is pressed', async () => {
    const page = await browser.open(`file://${process.env.UNMASK_TEST_VIDEO}`);
    await browser.checkByKeys();
    const { key } = await until('the reason', async () => (await browser.checks()).find(({ problem }) => problem?.code === 'no_address'));
    const panel = await browser.openPanel(key);
    await until('the reason in words', async () => (await panel.textContent('#report')).includes('no web address'));
    assert.equal(await panel.locator('#report button').count(), 0);
    await panel.evaluate((about) => chrome.runtime.sendMessage(about), { what: 'again', key });
    assert.equal((await browser.checks()).find((check) => check.key === key).phase, 'failed');
    assert.equal(stub.requests.length, 0);
    await panel.close();
    await page.close();
});

const REFUSALS = [
    [401, 'unauthorized', 'The server wants an API key', 'unauthorized'],
    [422, 'unsupported_site', 'cannot fetch videos from this site', 'unsupported'],
    [413, 'a_new_code', 'The stub says a_new_code.', 'other'],
];
for (const [status, code, words, name] of REFUSALS) {
    test(`${status} ${code} is said in words, with what can be done`, async () => {
        stub.refuse(status, { code });
        const page = await browser.open(`${site.address}/`);
        await browser.checkByKeys();
        const card = await cardWith(page, words);
        assert.match(card.text, /Could not be checked.*Try again/);
        await bothLights(page, `card-${name}`);
        await card.press('Try again');
        await cardWith(page, 'Likely manipulated');
        await page.close();
    });
}

for (const status of [429, 503]) {
    test(`${status} is waited out as Retry-After says, and the verdict still comes`, async () => {
        stub.refuse(status, { code: 'busy', headers: { 'Retry-After': '6' } }); // long enough to be seen
        const page = await browser.open(`${site.address}/`);
        await browser.checkByKeys();
        await cardWith(page, 'many videos to check');
        await picture(page, `card-${status}`);
        await cardWith(page, 'Likely manipulated');
        assert.equal(stub.submitted().length, 2);
        assert.equal(stub.submitted()[0].headers['idempotency-key'], stub.submitted()[1].headers['idempotency-key']);
        await page.close();
    });
}

test('a server that dies and comes back is waited for', async () => {
    const { port } = stub;
    await stub.stop();
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, 'The server does not answer');
    await bothLights(page, 'card-unreachable');
    stub = await startStub({ apiKey: KEY, port });
    await cardWith(page, 'Likely manipulated');
    await page.close();
});

test('the worker is killed in the middle of a check and the verdict still arrives', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, '30 %');
    assert.equal(await browser.killWorker(), 1);
    stub.road = [done('likely_manipulated', 0.87)];
    await pause(2500);
    assert.ok(!(await cardIn(page)).text.includes('Likely')); // it is really dead: nothing polls
    await cardWith(page, 'Likely manipulated'); // the alarm wakes the next one
    assert.equal(stub.submitted().length, 1);
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
    assert.match(await wide.textContent('.report'), /Likely manipulated.*87 %.*Face 1.*What was looked at.*residual-lstm.*half of all videos are manipulated/s);
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

/** The panel in a tab, as narrow as beside a page: the side panel itself is hidden from the debugger. */
async function narrowPanel() {
    const panel = await browser.openPanel();
    const session = await browser.context.newCDPSession(panel);
    await session.send('Emulation.setDeviceMetricsOverride', { width: 400, height: 800, deviceScaleFactor: 1, mobile: false });
    return panel;
}
const focusIn = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.className || document.activeElement?.nodeName);

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
    const [{ serverId, key }] = (await browser.checks()).sort((a, b) => b.createdAt - a.createdAt);
    const panel = await browser.openPanel();
    await panel.locator(`li[data-key="${key}"] .drop`).click();
    await until('the deletion', () => stub.requests.some(({ method, path }) => method === 'DELETE' && path.endsWith(serverId)));
    await panel.close();
    await page.close();
});

test('who has moved on is told by a notification', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, '30 %');
    const other = await browser.open('about:blank');
    stub.road = [done('inconclusive', 0.5)];
    await until('the notification', async () => Object.keys(await (await browser.worker()).evaluate(() => chrome.notifications.getAll())).length > 0);
    await other.close();
    await page.close();
});

/** What the toolbar's button says in the tab before us, and which checks were told of by a notification. */
const toldOf = async () =>
    (await browser.worker()).evaluate(async () => {
        const [{ id: tabId }] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
        const [sign, title, notices] = await Promise.all([chrome.action.getBadgeText({ tabId }), chrome.action.getTitle({ tabId }), chrome.notifications.getAll()]);
        return { sign, title, notices: Object.keys(notices) };
    });
const latest = async () => (await browser.checks()).sort((a, b) => b.createdAt - a.createdAt)[0];

/** A page with a check that is under way, and its key. */
async function underWay() {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, '30 %');
    return { page, key: (await latest()).key };
}
const notified = (key) => until('the notification', async () => (await toldOf()).notices.includes(key));

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

test('a check goes on after the browser was closed in the middle of it', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, '30 %');
    await browser.stop({ keep: true });
    stub.road = [done('no_signs_found', 0.05)];
    browser = await startChromium({ again: browser.folder });
    await until('the verdict', async () => (await browser.checks()).some(({ phase, analysis: answer }) => phase === 'done' && answer.probability === 0.05));
});

test('after the consent is withdrawn nothing is sent, the permission is gone, and who asks again is led to where one agrees', async () => {
    const { page } = await underWay();
    const options = await browser.open(browser.own('options/options.html'));
    await options.click('#withdraw');
    await until('the withdrawal', () => options.isHidden('#withdraw'));
    await page.bringToFront();
    const card = await cardWith(page, 'You no longer send');
    assert.match(card.text, /Settings.*Try again/);
    const asked = stub.requests.length;
    const isWelcome = (one) => one.url().endsWith('#welcome');
    const before = browser.context.pages().filter(isWelcome).length;
    await card.press('Try again');
    await until('the page where one agrees', () => browser.context.pages().filter(isWelcome).length === before + 1, 20);
    await page.bringToFront();
    await browser.checkByKeys();
    await pause(1500);
    assert.equal(stub.requests.length, asked);
    const { origins } = await (await browser.worker()).evaluate(() => chrome.permissions.getAll());
    assert.deepEqual(origins, []);
    await page.close();
});

/** The portrait, as the page shows it. */
async function pngOfFace() {
    const page = await browser.open(`${site.address}/`);
    const png = await page.locator('#v').screenshot();
    await page.close();
    return png;
}
