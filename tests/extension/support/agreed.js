// What tests of cards start and end with: pages, a server that the person has agreed to send to, and Chromium.
import { cardWith, startChromium } from './chromium.js';
import { until } from './display.js';
import { startSite } from './site.js';
import { startStub } from './stub.js';

export const KEY = 'sk-extension-secret';

export async function startAgreed(site = null) {
    site ??= await startSite();
    const [stub, browser] = [await startStub({ apiKey: KEY }), await startChromium()];
    await browser.agree(stub.address, KEY);
    return [site, stub, browser];
}

/** Close the site's pages, and wait until no check is under way. */
export async function endAll({ site, stub, browser }) {
    stub.road = [{ status: 'cancelled' }];
    for (const page of browser.context.pages()) if (page.url().startsWith(site.address)) await page.close();
    await until('the end of all', async () => (await browser.checks()).every(({ phase }) => ['done', 'failed', 'cancelled'].includes(phase)));
}

/** A page with a check that is under way, and its key. */
export async function checkUnderWay({ site, stub, browser }) {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, '30 %');
    return { page, key: (await browser.latestCheck()).key };
}
