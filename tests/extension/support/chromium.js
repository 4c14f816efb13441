// Debian's Chromium with the extension as it ships, on a screen of its own, driven by real buttons and keys.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { pause, startDisplay, until } from './display.js';

/** The zip that ships, unpacked: Chromium loads folders. */
export function unpacked(browser, folder) {
    execFileSync('python3', ['-m', 'zipfile', '-e', join(process.env.UNMASK_DIST, `unmask-${browser}.zip`), folder]);
    return folder;
}

/** The id that Chromium gives an unpacked extension: from its folder's path. */
function idOf(folder) {
    const hex = createHash('sha256').update(folder).digest('hex').slice(0, 32);
    return [...hex].map((digit) => 'abcdefghijklmnop'[parseInt(digit, 16)]).join('');
}

/** A fresh profile in which the person has pinned our button to the toolbar, whose window fills the screen, and where a folder may be loaded anew. */
function makeProfile(profile, id) {
    const screen = { left: 0, top: 0, right: 1280, bottom: 900, maximized: false };
    const wanted = { extensions: { pinned_extensions: [id], ui: { developer_mode: true } }, browser: { window_placement: screen } };
    mkdirSync(join(profile, 'Default'), { recursive: true });
    writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(wanted));
}

/**
 * The card in a page, read through the debugger: its shadow tree is closed to the page and to Playwright.
 * Null if there is none that is shown; `press` clicks its button with the real pointer.
 */
export async function cardIn(page) {
    const session = await page.context().newCDPSession(page);
    const { root } = await session.send('DOM.getDocument', { depth: -1, pierce: true });
    const walk = (node) => [node, ...(node.children ?? []).flatMap(walk), ...(node.shadowRoots ?? []).flatMap(walk)];
    const closed = walk(root).filter(({ shadowRootType }) => shadowRootType === 'closed');
    const texts = (node) => (node.nodeName === 'STYLE' ? [] : [node.nodeValue, ...(node.children ?? []).flatMap(texts)].filter(Boolean));
    const isShown = (shadow) => !walk(shadow).find(({ nodeName }) => nodeName === 'SECTION')?.attributes.includes('hidden');
    const cards = closed.filter(isShown).map((shadow) => ({ shadow, text: texts(shadow).join(' | ') })).filter(({ text }) => text.startsWith('Unmask'));
    if (cards.length === 0) {
        await session.detach();
        return null;
    }
    const { shadow, text } = cards.at(-1);
    const boxOf = async (node) => {
        const { model } = await session.send('DOM.getBoxModel', { backendNodeId: node.backendNodeId });
        return { x: model.border[0], y: model.border[1], width: model.width, height: model.height };
    };
    const section = walk(shadow).find(({ nodeName }) => nodeName === 'SECTION');
    const live = walk(shadow).find(({ attributes = [] }) => attributes.includes('aria-live'));
    const attribute = ({ attributes }, name) => attributes[attributes.indexOf(name) + 1];
    const own = (name) => attribute(section, name);
    const card = { text, texts: cards.map((one) => one.text), said: texts(live).join(' | '), count: cards.length, box: await boxOf(section), tone: own('class').replace('card ', ''), lang: own('lang') };
    card.languageOf = (words) => attribute(walk(live).find((node) => node.nodeName === 'P' && texts(node).join('') === words), 'lang');
    card.boxOf = (label) => boxOf(walk(shadow).find((node) => node.nodeName === 'BUTTON' && texts(node).join('') === label));
    card.press = async (label) => {
        const { x, y, width, height } = await card.boxOf(label);
        await pause(600); // a button that has only just come is not meant
        await page.mouse.click(x + width / 2, y + height / 2);
    };
    return card;
}

export const cardWith = (page, text) => until(`a card with ${text}`, async () => {
    const card = await cardIn(page);
    if (card && !card.text.includes(text)) throw new Error(`it says ${card.text}`);
    return card;
});

/** Where our entry is in the menu of a page, from below: above View page source as well. */
export const PAGE_MENU = 3;

/** `again`: the folder of a browser that was stopped with `keep`, to start it once more. */
export async function startChromium({ again = null } = {}) {
    const folder = again ?? mkdtempSync(join(tmpdir(), 'unmask-chromium-'));
    const extension = join(folder, 'extension');
    const id = idOf(extension);
    if (!again) {
        unpacked('chromium', extension);
        makeProfile(join(folder, 'profile'), id);
    }
    const display = await startDisplay();
    const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
        executablePath: process.env.UNMASK_CHROMIUM ?? '/usr/bin/chromium',
        headless: false,
        viewport: null,
        env: display.env,
        ignoreDefaultArgs: ['--disable-extensions', '--enable-automation', '--disable-back-forward-cache'],
        args: [
            `--load-extension=${extension}`, `--disable-extensions-except=${extension}`,
            '--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
            '--lang=en', '--autoplay-policy=no-user-gesture-required',
        ],
    });
    const worker = () => context.serviceWorkers()[0] ?? context.waitForEvent('serviceworker');
    await worker(); // it runs
    const main = (await display.windows()).at(-1);
    const own = (path) => `chrome-extension://${id}/${path}`;

    const browser = {
        context,
        display,
        folder,
        own,
        worker,
        open: async (url) => {
            const page = await context.newPage();
            await page.goto(url);
            await page.bringToFront();
            await display.xdotool('windowfocus', '--sync', main); // nobody else does it once another window has closed
            return page;
        },
        /** The panel's page in a tab, where it can be driven, with its words, its list and its buttons' work in place. */
        openPanel: async (key = '') => {
            const panel = await browser.open(own(`panel/panel.html${key && `#${key}`}`));
            await until('the list', () => panel.evaluate(() => document.querySelector('#list > li, #empty:not([hidden])') !== null));
            return panel;
        },
        /** Set the server and say yes to the page and to the browser's own prompt. */
        agree: async (server, apiKey = '') => {
            const page = await until('the first-run page', () => context.pages().find((one) => one.url().includes('/options/')));
            await page.bringToFront();
            await until('its settings', () => page.inputValue('#server'));
            await page.fill('#server', server);
            await page.fill('#key', apiKey);
            await page.click('#agree');
            // The prompt opens on Deny and keeps Allow grey at first, so that nobody says yes by mistake. On a busy
            // machine the keys may come before it does, or before Allow is there: that was a no, and is asked again.
            for (const wait of [1200, 2500, 5000, 10_000]) {
                await pause(wait);
                if (await page.isVisible('#withdraw')) break;
                await display.xdotool('key', 'Tab', 'Return');
                await pause(500);
                const wasDenied = await page.evaluate(() => document.getElementById('agreed').dataset.sign === '×');
                if (wasDenied) await page.click('#agree');
            }
            await until('the consent', () => page.isVisible('#withdraw'));
            return page;
        },
        /** Where on the screen a place in the page is. */
        onScreen: async (page, selector) => {
            const box = await page.locator(selector).boundingBox();
            const edge = await page.evaluate(() => ({ x: screenX + (outerWidth - innerWidth) / 2, y: screenY + outerHeight - innerHeight }));
            return { x: Math.round(edge.x + box.x + box.width / 2), y: Math.round(edge.y + box.y + box.height / 2) };
        },
        /** Press the right button on it, and take our entry in the native menu: the last but one, above Inspect; see PAGE_MENU. */
        checkByMenu: async (page, selector, up = 2) => {
            const { x, y } = await browser.onScreen(page, selector);
            await display.openMenu(x, y);
            await display.xdotool('key', ...Array(up).fill('Up'), 'Return');
        },
        pressKeys: () => display.xdotool('key', 'alt+shift+u'),
        /** Press the keys that check the playing video; again where a busy screen has lost them, as asking twice makes one check. */
        checkByKeys: async () => {
            const said = () => cardIn(context.pages().at(-1)).then((card) => card?.text, () => undefined);
            for (let tries = 0; tries < 3; tries++) {
                const [begin, before] = [Date.now(), await said()];
                await browser.pressKeys();
                const isHeard = async () => (await browser.checks()).some(({ createdAt }) => createdAt >= begin) || (await said()) !== before;
                if (await until('a check', isHeard, 10).catch(() => false)) return;
            }
        },
        /** Press our button wherever the toolbar has it: an open side panel, for one, moves it. */
        pressToolbarButton: async () => {
            const [x, y] = await until('our button in the toolbar', () => display.find(join(extension, 'icons', '16.png')));
            await display.xdotool('mousemove', x, y, 'click', 1);
        },
        closePanel: async () => {
            await (await worker()).evaluate(async () => chrome.sidePanel.close({ windowId: (await chrome.windows.getLastFocused()).id }));
            await until('no side panel', async () => !(await browser.hasPanel()));
        },
        /** Whether the side panel is open; Playwright does not see it. */
        hasPanel: async () => (await (await worker()).evaluate(() => chrome.runtime.getContexts({ contextTypes: ['SIDE_PANEL'] }))).length === 1,
        /** Stop the worker as the browser does when it is idle, at once. */
        killWorker: async () => {
            const session = await context.newCDPSession(context.pages()[0]);
            const { targetInfos } = await session.send('Target.getTargets');
            const running = targetInfos.filter(({ type, url }) => type === 'service_worker' && url === own('background.js'));
            for (const { targetId } of running) await session.send('Target.closeTarget', { targetId });
            await session.detach();
            return running.length;
        },
        /** What storage holds, as the worker sees it. */
        checks: async () =>
            (await worker()).evaluate(async () => {
                const all = await chrome.storage.local.get(null);
                return Object.entries(all).filter(([name]) => name.startsWith('check:')).map(([, check]) => check);
            }),
        latestCheck: async () => (await browser.checks()).sort((a, b) => b.createdAt - a.createdAt)[0],
        stop: async ({ keep = false } = {}) => {
            await context.close();
            await display.stop();
            if (!keep) rmSync(folder, { recursive: true, force: true });
        },
    };
    return browser;
}
