// How soon a person sees that something is happening: from the key that takes our entry in the native menu to the
// toolbar's sign, the card in the page, and the first frame that shows it. In Debian's Chromium, in milliseconds.
//
//     node tests/extension/feedback.js [times]        (after `npm ci` there, in the environment of the project)
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const HERE = import.meta.dirname;
const ROOT = resolve(HERE, '../..');
const times = Number(process.argv[2] ?? 20);
const folder = mkdtempSync(join(tmpdir(), 'unmask-feedback-'));
process.env.UNMASK_PYTHON ??= 'python';
process.env.UNMASK_DIST ??= folder;
process.env.UNMASK_TEST_VIDEO ??= join(folder, 'clip.webm');
const python = (...args) => execFileSync(process.env.UNMASK_PYTHON, args, { env: { ...process.env, PYTHONPATH: ROOT } });
python(join(ROOT, 'extension', 'build.py'), process.env.UNMASK_DIST);
python(join(HERE, 'support', 'clip.py'), process.env.UNMASK_TEST_VIDEO);

const { startChromium } = await import('./support/chromium.js');
const { until } = await import('./support/display.js');
const { startSite } = await import('./support/site.js');
const { startStub } = await import('./support/stub.js');

/** In the worker: when the click came and when the sign was set, as `Date.now()` has it in every process. */
function watchWorker() {
    if (globalThis.stamps) return;
    globalThis.stamps = {};
    chrome.contextMenus.onClicked.addListener(() => (globalThis.stamps.event = Date.now()));
    const set = chrome.action.setBadgeText;
    chrome.action.setBadgeText = async (details) => {
        await set.call(chrome.action, details);
        globalThis.stamps.badge ??= Date.now();
    };
}

/** In the page: when the card was put in, and when the first frame with it was drawn. */
function watchPage() {
    globalThis.stamps = {};
    new MutationObserver(() => {
        if (globalThis.stamps.card) return;
        globalThis.stamps.card = Date.now();
        requestAnimationFrame(() => setTimeout(() => (globalThis.stamps.frame = Date.now())));
    }).observe(document.documentElement, { childList: true });
}

async function once(browser, site) {
    const page = await browser.open(`${site.address}/`);
    const worker = await browser.worker();
    await worker.evaluate(watchWorker);
    await worker.evaluate(() => (globalThis.stamps = {}));
    await page.evaluate(watchPage);
    const { x, y } = await browser.onScreen(page, '#v');
    await browser.display.openMenu(x, y);
    await browser.display.xdotool('key', 'Up', 'Up');
    const start = Date.now();
    await browser.display.xdotool('key', 'Return');
    const seen = await until('the first frame', () => page.evaluate(() => globalThis.stamps.frame && globalThis.stamps));
    await until('its own answer', async () => (await browser.checks()).every(({ phase }) => phase === 'done'));
    const all = { ...(await worker.evaluate(() => globalThis.stamps)), ...seen };
    await page.close();
    return Object.fromEntries(Object.entries(all).map(([name, at]) => [name, at - start]));
}

const [site, stub, browser] = [await startSite(), await startStub(), await startChromium()];
try {
    await browser.agree(stub.address);
    const runs = [];
    for (let i = 0; i < times; i++) runs.push(await once(browser, site));
    for (const name of ['event', 'badge', 'card', 'frame']) {
        const sorted = runs.map((run) => run[name]).sort((a, b) => a - b);
        console.log(`${name.padEnd(6)} median ${sorted[times >> 1]} ms, slowest ${sorted.at(-1)} ms`);
    }
} finally {
    await browser.stop();
    await stub.stop();
    await site.stop();
    rmSync(folder, { recursive: true, force: true });
}
