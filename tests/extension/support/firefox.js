// Debian's Firefox with the extension as it ships, on a screen of its own. WebDriver BiDi installs the zip and drives
// pages; menus, keys and prompts are real ones.
import { join } from 'node:path';

import puppeteer from 'puppeteer-core';

import { pause, startDisplay, until } from './display.js';

export async function startFirefox() {
    const display = await startDisplay();
    const firefox = await puppeteer.launch({
        browser: 'firefox',
        executablePath: process.env.UNMASK_FIREFOX ?? '/usr/bin/firefox-esr',
        headless: false,
        env: display.env,
        defaultViewport: null,
        args: ['--width=1280', '--height=900'],
        extraPrefsFirefox: {
            'app.update.enabled': false,
            'browser.sessionhistory.max_total_viewers': 8, // of pages that were left; by itself it goes by the memory there is
            'media.autoplay.default': 0, // videos play by themselves
        },
    });
    await firefox.installExtension(join(process.env.UNMASK_DIST, 'unmask-firefox.zip'));

    /** An open page by what its address contains; BiDi lists extensions' pages as about:blank. */
    const pageAt = (part) =>
        until(`a page at ${part}`, async () => {
            for (const page of await firefox.pages()) {
                const address = await Promise.race([page.evaluate(() => location.href), pause(2000)]).catch(() => '');
                if (address?.includes(part)) return page;
            }
            return null;
        });

    return {
        display,
        pageAt,
        open: async (url) => {
            const page = await firefox.newPage();
            await page.goto(url);
            await page.bringToFront();
            return page;
        },
        agree: async (server, apiKey = '') => {
            const page = await pageAt('/options/');
            await page.bringToFront();
            await until('its settings', () => page.$eval('#server', (input) => input.value));
            await page.evaluate((...values) => {
                const fields = ['server', 'key'].map((id) => document.getElementById(id));
                fields.forEach((input, index) => (input.value = values[index]));
                fields[0].dispatchEvent(new Event('input'));
            }, server, apiKey);
            await (await page.$('#agree')).click();
            await until('the consent', async () => {
                await pause(1500); // the prompt ignores keys at first
                await display.xdotool('key', 'alt+a');
                await pause(300);
                return page.$eval('#withdraw', (button) => !button.hidden);
            });
            return page;
        },
        /** The right button, then our entry in the native menu: the last one. */
        checkByMenu: async (page, selector) => {
            const box = await (await page.$(selector)).boundingBox();
            const edge = await page.evaluate(() => ({ x: mozInnerScreenX, y: mozInnerScreenY }));
            await display.openMenu(Math.round(edge.x + box.x + box.width / 2), Math.round(edge.y + box.y + box.height / 2));
            await display.xdotool('key', 'Up', 'Return');
        },
        stop: async () => {
            await firefox.close();
            await display.stop();
        },
    };
}
