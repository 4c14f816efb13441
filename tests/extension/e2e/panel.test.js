// The panel while things change under the hand: in a real Chromium, in a tab, where it can be driven.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { faults } from '../support/access.js';
import { done } from '../support/analysis.js';
import { startChromium } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { picture } from '../support/pictures.js';
import { startStub } from '../support/stub.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

let stub, browser;

before(async () => {
    [stub, browser] = [await startStub(), await startChromium()];
});
stopAfter(() => [browser, stub]);
beforeEach(() => stub.begin(done('inconclusive', 0.5)));

test('that one has to agree first is said until one has', async () => {
    const panel = await browser.openPanel();
    assert.match(await panel.textContent('#notice'), /please read the settings page and agree/);
    await browser.agree(stub.address);
    await until('no notice', () => panel.isHidden('#notice'), 10);
    await panel.close();
});

test('Cancel in a report takes the click that began before the progress changed', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const panel = await browser.openPanel();
    await panel.fill('#address', 'https://x.com/someone/status/1');
    await panel.press('#address', 'Enter');
    const shows = (words) => until(words, async () => (await panel.textContent('#report')).includes(words), 15);
    await shows('30 %');
    const box = await panel.locator('#report button', { hasText: 'Cancel' }).boundingBox();
    await panel.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await panel.mouse.down();
    stub.road = [{ status: 'analyzing', progress: 0.6 }];
    await shows('60 %');
    await panel.mouse.up();
    await shows('You stopped this check');
    assert.equal(await panel.locator('#report .verdict').count(), 1);
    await panel.close();
});

test('who hears the panel is told once of every step and of the verdict, and not of the progress', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const panel = await browser.openPanel();
    await panel.evaluate(() => {
        globalThis.heard = [];
        const region = document.querySelector('[role=status]:not(#notice)');
        new MutationObserver(() => globalThis.heard.push(region.textContent)).observe(region, { childList: true });
    });
    const shows = (words) => until(words, async () => (await panel.textContent('#report')).includes(words), 15);
    await panel.fill('#address', 'https://x.com/someone/status/4');
    await panel.press('#address', 'Enter');
    await shows('30 %');
    stub.road = [{ status: 'analyzing', progress: 0.6 }];
    await shows('60 %');
    stub.road = [done('no_signs_found', 0.06)];
    await shows('No signs found');
    const heard = await panel.evaluate(() => globalThis.heard);
    assert.match(heard.at(-1), /^No signs found\nProbability of manipulation 6 %/);
    assert.equal(heard.filter((words) => words === 'Looking at faces').length, 1);
    assert.equal(new Set(heard).size, heard.length, String(heard));
    assert.deepEqual(await faults(panel), []);
    await panel.close();
});

test('where the system forces its own colours the bar of a report is still seen', async () => {
    const panel = await browser.openPanel();
    await panel.emulateMedia({ forcedColors: 'active' });
    await panel.fill('#address', 'https://x.com/someone/status/2');
    await panel.press('#address', 'Enter');
    await until('the verdict', async () => (await panel.textContent('#report')).includes('Inconclusive'), 15);
    const colours = await panel.evaluate(() => ['.verdict', '.verdict .bar i', '.verdict .bar b'].map((selector) => getComputedStyle(document.querySelector(selector)).backgroundColor));
    await picture(panel, 'report-forced-colours');
    assert.equal(new Set(colours).size, 3, String(colours));
    await panel.close();
});

test('a report shows what a server of another version says, though it says less', async () => {
    stub.road = [{ status: 'done', progress: 1, analysis: { verdict: 'inconclusive', probability: 0.5, interval: [0.4, 0.6], faces: [{ id: 1, verdict: 'inconclusive', probability: 0.5 }] } }];
    const panel = await browser.openPanel();
    await panel.fill('#address', 'https://x.com/someone/status/3');
    await panel.press('#address', 'Enter');
    await until('the verdict', async () => /Inconclusive.*status\/3.*Face 1/s.test(await panel.textContent('#report')), 15);
    assert.doesNotMatch(await panel.textContent('#report'), /undefined|NaN/);
    await panel.close();
});

test('a report in a tab of its own stays when another one is asked for, and so does one in another window', async () => {
    const ask = async (panel, url) => {
        await panel.fill('#address', url);
        await panel.press('#address', 'Enter');
        await until('the report', async () => (await panel.textContent('#report')).includes(url), 15);
        return panel.evaluate((wanted) => chrome.storage.local.get(null).then((all) => Object.values(all).find((one) => one?.url === wanted).key), url);
    };
    const panel = await browser.openPanel();
    const first = await ask(panel, 'https://x.com/i/status/21');
    const second = await ask(panel, 'https://x.com/i/status/22');
    const own = await browser.openPanel(first);
    const opened = browser.context.waitForEvent('page');
    await panel.evaluate((url) => void chrome.windows.create({ url }), browser.own('panel/panel.html'));
    const far = await opened;
    await until('its list', () => far.locator('#list .open').count());
    await far.locator(`li[data-key="${first}"] .open`).click();
    await until('its report', async () => (await far.textContent('#report')).includes('status/21'), 10);
    await panel.evaluate(async (key) => {
        const { showInPanel } = await import('/storage.js');
        await showInPanel(key, (await chrome.windows.getCurrent()).id); // as the worker does for a card's button
    }, second);
    await until('the second report', async () => (await panel.textContent('#report')).includes('status/22'), 10);
    for (const page of [own, far]) assert.match(await page.textContent('#report'), /status\/21/);
    for (const page of [own, far, panel]) await page.close();
});

test('pictures that could not be had are asked for again when the report is next looked at', async () => {
    stub.artifacts.set('key-frames.png', Buffer.from('a picture'));
    stub.refuse(500, { path: /artifacts/ });
    const panel = await browser.openPanel();
    await panel.fill('#address', 'https://x.com/someone/status/5');
    await panel.press('#address', 'Enter');
    await until('the report', async () => (await panel.textContent('#report')).includes('status/5'), 15);
    const asked = () => stub.requests.filter(({ path }) => path.endsWith('key-frames.png')).length;
    await until('the refusal', () => asked() === 1, 15);
    const other = panel.locator('#list .open').nth(1);
    await other.click();
    await until('another report', async () => !(await panel.textContent('#report')).includes('status/5'), 10);
    await panel.locator('#list .open').first().click();
    await until('the picture', () => panel.locator('#report img.sheet').count(), 10);
    stub.artifacts.clear();
    await panel.close();
});

/** Choose a file in the panel, and wait until it is on its way. */
async function uploading(panel) {
    stub.uploadMs = 600_000;
    await panel.setInputFiles('#file', process.env.UNMASK_TEST_VIDEO);
    await until('the upload', () => stub.submitted().length === 1, 15);
    await until('its report', async () => (await panel.textContent('#report')).includes('Uploading clip.webm'), 15);
    stub.uploadMs = 0;
}
const kept = async () => (await browser.worker()).evaluate(async () => (await (await caches.open('recordings')).keys()).length);

test('a file on its way is broken off by Cancel, and another one can be chosen', async () => {
    const panel = await browser.openPanel();
    await uploading(panel);
    await picture(panel, 'panel-uploading');
    await panel.locator('#report button', { hasText: 'Cancel' }).click();
    await until('its end', () => stub.submitted()[0].brokenOff, 15);
    await until('what is said of it', async () => (await panel.textContent('#report')).includes('You stopped this check'), 5);
    assert.equal(await kept(), 0);
    await panel.setInputFiles('#file', process.env.UNMASK_TEST_VIDEO);
    await until('the verdict', async () => /Inconclusive.*clip\.webm/s.test(await panel.textContent('#report')), 15);
    assert.deepEqual([stub.submitted().length, await kept()], [2, 0]);
    await panel.close();
});

test('a file on its way arrives though the panel is closed and the worker stopped, as one check that can be deleted', async () => {
    const panel = await browser.openPanel();
    await uploading(panel);
    const { key } = await browser.latestCheck();
    await panel.close();
    assert.equal(await browser.killWorker(), 1);
    const list = await browser.openPanel(key);
    await until('the verdict', async () => /Inconclusive.*clip\.webm/s.test(await list.textContent('#report')), 15);
    const { serverId } = await browser.latestCheck();
    assert.equal(new Set(stub.submitted().map(({ headers }) => headers['idempotency-key'])).size, 1);
    const [sent, file] = [stub.submitted().at(-1).body, readFileSync(process.env.UNMASK_TEST_VIDEO)];
    assert.ok(sent.includes('filename="clip.webm"') && sent.length > file.toString().length);
    await list.locator(`li[data-key="${key}"] .drop`).click();
    await until('its deletion', () => !stub.checks.has(serverId), 10);
    assert.equal(await kept(), 0);
    await list.close();
});

test('a file that the browser has no room for is said to be so', async () => {
    const panel = await browser.openPanel();
    await panel.evaluate(() => (Cache.prototype.put = async () => { throw new DOMException('', 'QuotaExceededError'); }));
    await panel.setInputFiles('#file', process.env.UNMASK_TEST_VIDEO);
    await until('the reason', async () => (await panel.textContent('#report')).includes('could not keep the file'), 15);
    assert.equal(stub.submitted().length, 0);
    await panel.close();
});

test('two files of one name are two checks, also while the first is under way', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const panel = await browser.openPanel();
    const rows = panel.locator('#list li', { hasText: 'video.mp4' });
    for (const words of ['one', 'two']) {
        const before = await rows.count();
        await panel.setInputFiles('#file', { name: 'video.mp4', mimeType: 'video/mp4', buffer: Buffer.from(words) });
        await until('its row', async () => (await rows.count()) === before + 1, 15);
    }
    stub.road = [done('no_signs_found', 0.06)];
    const made = async () => (await browser.checks()).filter(({ url, phase }) => url === 'video.mp4' && phase === 'done').map(({ serverId }) => serverId);
    await until('both verdicts', async () => (await made()).length === 2, 15);
    assert.deepEqual((await made()).sort(), [...stub.checks.keys()].slice(-2).sort());
    await panel.close();
});

test('a file on its way is broken off when the consent is withdrawn, and one that is chosen afterwards is not sent', async () => {
    const panel = await browser.openPanel();
    await uploading(panel);
    const options = await browser.open(browser.own('options/options.html'));
    await options.click('#withdraw');
    await until('its end', () => stub.submitted()[0].brokenOff, 15);
    await until('the reason', async () => (await panel.textContent('#report')).includes('You no longer send'), 15);
    assert.equal(await kept(), 0);
    await panel.setInputFiles('#file', process.env.UNMASK_TEST_VIDEO);
    await until('the reason', async () => (await panel.textContent('#notice')).includes('agree there'), 15);
    assert.equal(stub.submitted().length, 1);
});

test('once the consent is withdrawn a report that is opened asks the server for no pictures', async () => {
    const panel = await browser.openPanel();
    const row = panel.locator('#list li', { hasText: 'of-pictures' }).locator('.open');
    await panel.evaluate(async (server) => {
        const { newCheck } = await import('/state.js');
        const { putCheck } = await import('/storage.js');
        const about = newCheck({ key: crypto.randomUUID(), url: 'https://x.com/of-pictures', source: 'link', server }, Date.now());
        await putCheck({ ...about, serverId: 'known-to-the-server', phase: 'done', nextAt: null, analysis: { verdict: null }, artifacts: ['key-frames.png'] });
    }, stub.address);
    await row.click();
    await until('the report', async () => (await panel.textContent('#report')).includes('of-pictures'), 10);
    await pause(1000);
    assert.deepEqual(stub.requests, []);
    await panel.close();
});
