// From the right-click to the verdict, through the real server, its fetching, its worker and its detector.
import assert from 'node:assert/strict';

import { asPercent } from '../../../extension/numbers.js';
import { cardIn, startChromium } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { bothLights, picture, placeOf } from '../support/pictures.js';
import { startSite } from '../support/site.js';
import { before, stopAfter, test } from '../support/timed.js';

const SERVER = process.env.UNMASK_SERVER;
let site, browser;

before(async () => {
    [site, browser] = [await startSite(Number(process.env.UNMASK_SITE_PORT)), await startChromium()];
});
stopAfter(() => [browser, site]);

const latest = async () => (await (await fetch(`${SERVER}/v1/checks`)).json()).checks[0];

test('the connection to the real server is good', async () => {
    const options = await browser.agree(SERVER);
    await options.click('#test');
    await until('the server’s version', async () => (await options.getAttribute('#tested', 'data-sign')) === '✓');
});

test('a right-click on a playing video shows the probability that the server’s detector found', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.checkByMenu(page, '#v');
    const card = await until('the verdict', async () => {
        const shown = await cardIn(page);
        return /Full report|Could not/.test(shown?.text) ? shown : null;
    }, 120);
    const check = await latest();
    assert.equal(check.status, 'done', JSON.stringify(check.error));
    const words = { likely_manipulated: 'Likely manipulated', inconclusive: 'Inconclusive', no_signs_found: 'No signs found' };
    assert.ok(card.text.includes(words[check.analysis.verdict]), card.text);
    assert.ok(card.text.includes(`Probability of manipulation ${asPercent(check.analysis.probability)} %`), card.text);
    await bothLights(page, 'real-card');
    await card.press('Full report');
    await until('the side panel', () => browser.hasPanel());
    await pause(1500);
    await browser.display.grab(placeOf('real-panel.png'));
    await browser.closePanel();
    const report = await browser.openPanel();
    await until('the heat maps', async () => (await report.locator('.report .pictures img').count()) > 0);
    assert.ok((await report.textContent('.report')).includes(check.analysis.model.sha256));
    await bothLights(report, 'real-report', { fullPage: true });
    await report.close();
    await page.close();
});

test('a video that the server cannot fetch is recorded here and judged', async () => {
    const page = await browser.open(`${site.address}/blob`); // the page is no video, and the server fetches nothing blob:
    await until('the video', () => page.evaluate(() => document.querySelector('#v').readyState > 2));
    await browser.checkByKeys();
    const offered = await until('the offer', async () => {
        const shown = await cardIn(page);
        return shown?.text.includes('Record it here') ? shown : null;
    });
    await offered.press('Record it here');
    const question = await until('the question', async () => {
        const asking = browser.context.pages().find((one) => one.url().includes('/consent/'));
        return asking && (await asking.isEnabled('#yes')) ? asking : null;
    });
    await browser.display.grab(placeOf('real-ask-record.png'));
    await question.click('#yes');
    await until('the verdict on a recording', async () => {
        const { text } = await cardIn(page);
        if (/a recording of \d+ s.*Probability of manipulation \d+ %/.test(text)) return true;
        throw new Error(text);
    }, 240);
    const check = await latest();
    assert.deepEqual([check.status, check.analysis.faces.length], ['done', 1]);
    assert.ok(check.analysis.coverage.seconds_examined > 3, JSON.stringify(check.analysis.coverage));
    await picture(page, 'real-recorded');
    await page.close();
});

test('a link the server does not know is refused in words', async () => {
    const panel = await browser.openPanel();
    await panel.fill('#address', 'https://unknown.example/video');
    await panel.press('#address', 'Enter');
    await until('the refusal', async () => (await panel.textContent('main')).includes('cannot fetch videos from this site'));
    await panel.close();
});

test('a file uploaded in the panel is judged', async () => {
    const panel = await browser.openPanel();
    await panel.setInputFiles('#file', process.env.UNMASK_TEST_VIDEO);
    await until('its verdict', async () => {
        const check = (await browser.checks()).find(({ source }) => source === 'file');
        return check?.phase === 'done' && typeof check.analysis.probability === 'number';
    }, 120);
    await panel.close();
});
