// The Firefox build, installed as it ships: set the server, check, see the verdict.
import assert from 'node:assert/strict';

import { KEY } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { pause, until } from '../support/display.js';
import { startFirefox } from '../support/firefox.js';
import { placeOf } from '../support/pictures.js';
import { startSite } from '../support/site.js';
import { startStub } from '../support/stub.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

let elsewhere, site, stub, browser, options;

before(async () => {
    elsewhere = await startSite();
    [site, stub, browser] = [await startSite(0, elsewhere.address), await startStub({ apiKey: KEY }), await startFirefox()];
});
stopAfter(() => [browser, stub, site, elsewhere]);
beforeEach(() => stub.begin(done('likely_manipulated', 0.87)));

const grab = (name) => browser.display.grab(placeOf(`firefox-${name}.png`));
/** The card's box; what is in it no page can read, and BiDi speaks as the page. */
const cardBox = (page) =>
    page.evaluate(() => {
        const last = document.documentElement.lastElementChild;
        if (last.localName !== 'div') return null;
        const { x, y, width, height } = last.getBoundingClientRect();
        return { x, y, width, height, isOpen: last.shadowRoot !== null };
    });

const checks = () => options.evaluate(async () => Object.values(await chrome.storage.local.get(null)).filter((one) => one?.phase));

test('nothing is sent before the person agrees, then the server is set', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.display.xdotool('key', 'alt+shift+u');
    await pause(1500);
    assert.equal(stub.requests.length, 0);
    await page.close();
    options = await browser.agree(stub.address, KEY);
    assert.ok((await options.evaluate(() => chrome.permissions.getAll())).data_collection.includes('authenticationInfo'));
    assert.ok((await options.$eval('#agreed', (element) => element.textContent)).includes(stub.address));
    await (await options.$('#test')).click();
    await until('the answer of the server', () => options.$eval('#tested', (element) => element.textContent.includes('0.1.0')));
    await grab('settings');
});

test('a right-click on a link brings the verdict, and the full report opens', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.checkByMenu(page, '#link');
    await until('the check', () => stub.requests.some(({ method, path }) => method === 'GET' && path.startsWith('/v1/checks/')));
    assert.equal(JSON.parse(stub.submitted()[0].body).url, 'https://www.youtube.com/watch?v=aqz-KE-bpKQ');
    await pause(1500); // its buttons answer after half a second
    const box = await cardBox(page);
    assert.deepEqual([box.width, box.isOpen], [320, false]);
    await grab('card');
    await page.mouse.click(box.x + box.width - 60, box.y + box.height - 34); // Full report
    const report = await browser.pageAt('/panel/');
    const text = await until('the report', () => report.$eval('.report', (element) => element.textContent));
    assert.match(text, /Likely manipulated.*87 %.*What was looked at/s);
    await grab('report');
    await report.close();
    await page.close();
});

test('a right-click on a playing video, and the keyboard on a page with a strict policy', async () => {
    const plain = await browser.open(`${site.address}/`);
    await browser.checkByMenu(plain, '#v');
    await until('the check', () => stub.submitted().length === 1);
    assert.equal(JSON.parse(stub.submitted()[0].body).url, `${site.address}/clip.webm`);
    await plain.close();
    const strict = await browser.open(`${site.address}/strict`);
    await pause(500);
    await browser.display.xdotool('key', 'alt+shift+u');
    await until('the card in its own looks', async () => (await cardBox(strict))?.width === 320 && (await cardBox(strict)).height > 100);
    await until('the second check', () => stub.submitted().length === 2);
    await grab('strict-page');
    await strict.close();
});

test('a right-click on a covered player among several means the one under it, and so does one on a player in a closed shadow tree', async () => {
    const cases = [['/covered', '#on-a', 'clip.webm?a'], ['/covered', '#on-b', 'clip.webm?b'], ['/closed', '#player', 'clip.webm?closed']];
    for (const [path, selector, sent] of cases) {
        stub.begin(done('likely_manipulated', 0.87));
        const page = await browser.open(`${site.address}${path}`);
        await until('all to play', () => page.evaluate(() => [...document.querySelectorAll('video')].every(({ readyState }) => readyState > 2)));
        await browser.checkByMenu(page, selector);
        await until('the check', () => stub.submitted().length === 1, 20);
        assert.equal(JSON.parse(stub.submitted()[0].body).url, `${site.address}/${sent}`);
        await page.close();
    }
});

for (const path of ['/svg', '/form-around', '/pictures']) {
    test(`the card beside a video goes on to the verdict where a page’s elements answer unlike others: ${path}`, async () => {
        const page = await browser.open(`${site.address}${path}`);
        const begin = Date.now();
        await browser.checkByMenu(page, '#v');
        const { url, frameId } = await until('the verdict', async () => (await checks()).find(({ createdAt, phase }) => createdAt >= begin && phase === 'done'));
        assert.deepEqual([url, frameId], [`${site.address}/clip.webm`, 0]); // without the frame nothing more would be told to the card
        await page.close();
    });
}

/** A page with a card, left for another one; `kept` is still there after the way back if the browser has kept the page. */
async function leftWithCard() {
    const page = await browser.open(`${site.address}/`);
    await browser.display.xdotool('key', 'alt+shift+u');
    await until('the card', async () => (await cardBox(page))?.width === 320);
    // Firefox keeps no page that is still loading something
    await until('the video to have come', () => page.evaluate(() => document.readyState === 'complete' && [...document.querySelectorAll('video')].every((video) => video.networkState !== HTMLMediaElement.NETWORK_LOADING)));
    await page.evaluate(() => (window.kept = true));
    await page.goto(`${site.address}/two`);
    return page;
}

test('who goes back to a page whose check was deleted meanwhile finds no card there', async () => {
    // Firefox may let go of a page it keeps, where memory is short for one: then it is left once more
    const lost = [];
    for (let isKept = false; !isKept; ) {
        assert.ok(lost.length < 5, `the browser kept none of five pages: ${lost}`);
        stub.begin({ status: 'analyzing', progress: 0.3 });
        const page = await leftWithCard();
        const keys = (await checks()).map(({ key }) => key);
        await options.evaluate((wanted) => chrome.runtime.sendMessage({ what: 'remove', keys: wanted }), keys);
        await page.evaluate(() => void setTimeout(() => history.back()));
        isKept = await until('the page before as it was', () => page.evaluate(() => window.kept), 5).catch(() => false);
        if (isKept) await until('no card', async () => (await cardBox(page)) === null, 10);
        else lost.push(await page.evaluate(() => `${location.pathname} ${document.readyState}`));
        await page.close();
    }
});

test('a key opens the sidebar', async () => {
    const page = await browser.open(`${site.address}/`);
    await browser.display.xdotool('key', 'alt+shift+l');
    await until('the sidebar', () => options.evaluate(() => chrome.extension.getViews({ type: 'sidebar' }).length === 1));
    await pause(1000);
    await grab('sidebar');
    await browser.display.xdotool('key', 'alt+shift+l');
    await page.close();
});

const uploads = () => stub.submitted().filter(({ headers }) => headers['content-type'].startsWith('multipart'));

/** A video the server is refused: take the offer to record, by the keyboard. */
async function askedOn(path) {
    stub.refuse(422, { code: 'login_required' });
    const page = await browser.open(`${site.address}${path}`);
    await until('the video', () => page.evaluate(() => document.querySelector('#v').readyState > 2));
    await browser.display.xdotool('key', 'alt+shift+u');
    await until('the refusal', async () => (await checks()).some(({ hasVideo, problem }) => hasVideo && problem?.code === 'login_required'));
    await pause(1500);
    await browser.display.xdotool('key', 'Tab', 'Tab', 'Return'); // past Close
    return page;
}

test('a blob video is recorded after one more yes, not before', async () => {
    const page = await askedOn('/blob');
    const asking = await browser.pageAt('/consent/');
    await until('the question', () => asking.$eval('#yes', ({ disabled }) => !disabled));
    await grab('ask-record');
    assert.equal(uploads().length, 0);
    await (await asking.$('#yes')).click();
    await until('the recording', async () => (await checks()).some(({ recordedS, phase }) => recordedS >= 7 && phase === 'done'));
    assert.equal(uploads().length, 1);
    assert.ok(uploads()[0].body.length > 5_000, String(uploads()[0].body.length)); // a busy machine records few frames
    await pause(500);
    await grab('recorded');
    await page.close();
});

test('a video of another site cannot be recorded, and that is said', async () => {
    const page = await askedOn('/tainted');
    await until('the reason', async () => (await checks()).some(({ problem }) => problem?.code === 'tainted'));
    await pause(500);
    await grab('tainted');
    assert.equal(uploads().length, 0);
    await page.close();
});

test('a hostile page sets off nothing and sees nothing of the card', async () => {
    const page = await browser.open(`${site.address}/hostile`);
    const powers = await page.evaluate(() => window.attack());
    await pause(1000);
    assert.equal(stub.submitted().length, 0);
    assert.deepEqual(powers, { runtime: 'undefined', find: 'undefined', show: 'undefined' });
    await browser.display.xdotool('key', 'alt+shift+u');
    await until('the card', async () => (await cardBox(page))?.width === 320);
    await pause(2500);
    const seen = await page.evaluate(() => [...window.seen, document.documentElement.innerText, document.documentElement.outerHTML].join('\n'));
    assert.ok(!seen.includes('manipulated') && !seen.startsWith('attachShadow'), seen);
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement.lastElementChild, '::backdrop').display), 'none');
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0); // their targets would be what is inside
    await grab('hostile-page');
    await page.close();
});

test('who no longer lets the key be sent, in the browser’s own settings, has withdrawn, and can agree anew', async () => {
    await options.evaluate(() => chrome.permissions.remove({ data_collection: ['authenticationInfo'] }));
    await until('the settings to say so', () => options.$eval('#withdraw', ({ hidden }) => hidden), 10);
    await browser.agree(stub.address, KEY);
});

test('who withdraws has given back the server and the right to send a key, and can agree anew', async () => {
    const allowed = async () => {
        const { origins, data_collection: data } = await options.evaluate(() => chrome.permissions.getAll());
        return [origins.length, data.includes('authenticationInfo')];
    };
    assert.deepEqual(await allowed(), [1, true]);
    await options.$eval('#withdraw', (button) => button.click());
    await until('the permissions to be gone', async () => String(await allowed()) === '0,false', 10);
    await browser.agree(stub.address, KEY);
    assert.deepEqual(await allowed(), [1, true]);
});

// the last one: its settings page goes with the extension
test('an update of the extension leaves no card that nobody answers any more, and the next one answers in the same page', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const page = await browser.open(`${site.address}/`);
    await browser.display.xdotool('key', 'alt+shift+u');
    await until('the card', async () => (await cardBox(page))?.height > 100);
    await options.evaluate(() => void setTimeout(() => chrome.runtime.reload(), 100));
    await page.bringToFront();
    const isInReach = async () => {
        const { x, y, width, height } = await cardBox(page);
        return page.evaluate((...at) => document.elementFromPoint(...at) === document.documentElement.lastElementChild, x + width / 2, y + height / 2);
    };
    await grab('orphaned');
    await until('no card in the way', async () => !(await isInReach()));
    await grab('updated');
    await browser.display.xdotool('key', 'alt+shift+u');
    await until('the card of the next one', isInReach);
    await page.close();
});
