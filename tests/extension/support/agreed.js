// What tests of cards start with: pages, a server that the person has agreed to send to, and Chromium.
import { cardWith, startChromium } from './chromium.js';
import { startSite } from './site.js';
import { startStub } from './stub.js';

export const KEY = 'sk-extension-secret';

export async function startAgreed(site = null) {
    site ??= await startSite();
    const [stub, browser] = [await startStub({ apiKey: KEY }), await startChromium()];
    await browser.agree(stub.address, KEY);
    return [site, stub, browser];
}

/** A page with a check that is under way, and its key. */
export async function checkUnderWay({ site, stub, browser }) {
    stub.road = [{ status: 'analyzing', progress: 0.3 }];
    const page = await browser.open(`${site.address}/`);
    await browser.checkByKeys();
    await cardWith(page, '30 %');
    return { page, key: (await browser.latestCheck()).key };
}
