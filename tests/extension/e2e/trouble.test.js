// A server that refuses, has no time or is away, and a worker or a browser that ends in the middle, in a real Chromium.
import assert from 'node:assert/strict';

import { KEY, startAgreed } from '../support/agreed.js';
import { done } from '../support/analysis.js';
import { cardIn, cardWith, startChromium } from '../support/chromium.js';
import { pause, until } from '../support/display.js';
import { bothLights, picture } from '../support/pictures.js';
import { startStub } from '../support/stub.js';
import { before, beforeEach, stopAfter, test } from '../support/timed.js';

let site, stub, browser;

before(async () => ([site, stub, browser] = await startAgreed()));
stopAfter(() => [browser, stub, site]);
beforeEach(() => stub.begin(done('likely_manipulated', 0.87)));

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

test('in another language what went wrong is said in it, and what only the server has words for is marked as English', async () => {
    const options = await browser.open(browser.own('options/options.html'));
    await options.selectOption('#language', 'de');
    await until('German', async () => (await options.textContent('h1')) === 'Einstellungen');
    const page = await browser.open(`${site.address}/`);
    for (const [code, words, language] of [['blocked_address', 'Der Link führt zu einer Adresse, die nicht öffentlich ist.', 'de'], ['a_new_code', 'The stub says a_new_code.', 'en']]) {
        stub.refuse(422, { code });
        await browser.checkByKeys();
        const card = await cardWith(page, words);
        assert.deepEqual([card.lang, card.languageOf(words)], ['de', language]);
        await bothLights(page, `card-german-${language}`);
    }
    await page.close();
    await options.selectOption('#language', 'en');
    await until('English', async () => (await options.textContent('h1')) === 'Settings');
    await options.close();
});

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
