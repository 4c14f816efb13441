// What is sent, to whom, and who may set it off, in a real Chromium: from before the yes until after it is withdrawn.
import assert from 'node:assert/strict';

import { checkUnderWay, KEY } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { faults } from '../support/access.js';
import { cardWith, startChromium } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { bothLights, picture } from '../support/pictures.js';
import { startSite } from '../support/site.js';
import { startStub } from '../support/stub.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

let site, stub, browser;

before(async () => {
    [site, stub, browser] = [await startSite(), await startStub({ apiKey: KEY }), await startChromium()];
});
stopAfter(() => [browser, stub, site]);
beforeEach(() => stub.begin(done('likely_manipulated', 0.87)));

const underWay = () => checkUnderWay({ site, stub, browser });

test('before the person has agreed, nothing is sent and the first-run page explains', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.pressKeys();
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
    await page.fill('#key', 'sk-of-nobody');
    await page.click('#test');
    await until('what is wrong', async () => (await page.textContent('#tested')).startsWith('The server wants an API key, or another one.'));
    await page.fill('#key', KEY);
    await page.click('#test');
    await until('the answer of the server', async () => (await page.textContent('#tested')).includes('0.1.0'));
    await bothLights(page, 'settings');
    assert.deepEqual(await faults(page), []);
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
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0); // their targets would be what is inside
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

test('who takes the permission back in the browser’s own settings has withdrawn: the card says so, nothing more is sent, and one can agree anew', async () => {
    const { page } = await underWay();
    const options = await browser.open(browser.own('options/options.html'));
    await options.evaluate(() => chrome.permissions.remove({ origins: ['http://127.0.0.1/*'] }));
    await until('the settings to say so', () => options.isHidden('#withdraw'), 10);
    await page.bringToFront();
    const card = await cardWith(page, 'You no longer send');
    assert.match(card.text, /Settings.*Try again/);
    const asked = stub.requests.length;
    await pause(3000);
    assert.equal(stub.requests.length, asked);
    await page.close();
    await options.close();
    const other = browser.context.pages().find((one) => one.url().includes('/options/')); // where one agreed the first time
    await other.reload();
    await browser.agree(stub.address, KEY);
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
    await browser.pressKeys();
    await pause(1500);
    assert.equal(stub.requests.length, asked);
    const { origins } = await (await browser.worker()).evaluate(() => chrome.permissions.getAll());
    assert.deepEqual(origins, []);
    await page.close();
});
