// What tests of cards start with: pages, a server that the person has agreed to send to, and Chromium.
import { startChromium } from './chromium.js';
import { startSite } from './site.js';
import { startStub } from './stub.js';

export async function startAgreed() {
    const [site, stub, browser] = [await startSite(), await startStub(), await startChromium()];
    await browser.agree(stub.address);
    return [site, stub, browser];
}
