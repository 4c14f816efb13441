// The panel while things change under the hand: in a real Chromium, in a tab, where it can be driven.
import assert from 'node:assert/strict';

import { analysis } from '../support/analysis.js';
import { startChromium } from '../support/chromium.js';
import { until } from '../support/display.js';
import { startStub } from '../support/stub.js';
import { after, before, beforeEach, test } from '../support/timed.js';

let stub, browser;

before(async () => {
    [stub, browser] = [await startStub(), await startChromium()];
});
after(async () => {
    await browser?.stop();
    await stub?.stop();
});
beforeEach(() => {
    stub.road = [{ status: 'done', progress: 1, analysis: analysis('inconclusive', 0.5) }];
    stub.requests.length = 0;
});

const openPanel = () => browser.open(browser.own('panel/panel.html'));

test('the server is agreed to', () => browser.agree(stub.address));

test('Cancel in a report takes the click that began before the progress changed', async () => {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const panel = await openPanel();
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
