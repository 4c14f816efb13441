// @ts-check
// What the worker does in a tab: look for the video, show the card, set the badge. Everything here may fail, because
// the tab may be gone or be a page where no extension may act; a check goes on without it.

import { pageRule } from './targets.js';
import { BADGES } from './view.js';

/** The frame of a check in a page where no extension may act: it has no card, only the sign at the toolbar's button. */
export const NOWHERE = -1;
const ASKING = { width: 460, height: 330 }; // pixels, frame included
const BADGE_COLOURS = { likely_manipulated: '#b3420c', inconclusive: '#6741a8', no_signs_found: '#0b6e75' };

/**
 * Look around the click, and show the card there at once, because what it will say takes longer to find out. Where the
 * frame is another site's, the card is shown in the page around it, whose own videos were not meant: nothing is found.
 *
 * @param {number} tabId
 * @param {number} frameId
 * @param {import('./view.js').View} view of the check that begins
 * @param {import('./targets.js').Click} click
 * @param {string | undefined} pageUrl
 * @returns {Promise<{found: import('./targets.js').Found | null, frameId: number}>}
 */
export async function lookAround(tabId, frameId, view, click, pageUrl) {
    const hint = { srcUrl: click.srcUrl ?? '', fromMenu: click.pageUrl !== undefined, rule: pageRule(click.frameUrl ?? pageUrl) };
    for (const frame of new Set([frameId, 0])) {
        const where = { target: { tabId, frameIds: [frame] }, injectImmediately: true }; // else a page that still loads shows nothing
        try {
            await chrome.scripting.executeScript({ ...where, files: ['content/ask.js', 'content/find.js', 'content/card.js'] });
            const [answer] = await chrome.scripting.executeScript({ ...where, func: begin, args: [view, frame === frameId ? hint : null] });
            if (answer?.result) return { found: answer.result.found, frameId: frame }; // else it broke off: no card was shown there
        } catch {
            // try the page around it
        }
    }
    return { found: null, frameId: NOWHERE };
}

/** Runs in the page, where the files have just defined these. @param {any} view @param {object | null} hint null: look for nothing */
function begin(view, hint) {
    // @ts-ignore
    const { unmaskFind, unmaskShow } = globalThis;
    let found = null;
    try {
        found = hint && unmaskFind(view.key, hint);
    } catch {
        // a page that cannot be looked through: the card is about its address
    }
    unmaskShow(view);
    return { found };
}

/**
 * Call what the scripts in `content/` have defined, where the check's card is. Rejects if that page has gone.
 *
 * @param {{tabId: number | null, frameId: number}} where
 * @param {'unmaskObstacle' | 'unmaskRecord'} name
 * @param {(string | number)[]} args
 */
export async function callInPage({ tabId, frameId }, name, ...args) {
    const where = { target: { tabId: tabId ?? -1, frameIds: [frameId] }, injectImmediately: true };
    if (name === 'unmaskRecord') await chrome.scripting.executeScript({ ...where, files: ['content/record.js'] });
    // eslint-disable-next-line no-undef -- runs in the page
    const func = (/** @type {string} */ wanted, /** @type {(string | number)[]} */ values) => globalThis[wanted](...values);
    const [answer] = await chrome.scripting.executeScript({ ...where, func, args: [name, args] });
    return answer.result;
}

/** @type {Map<string, number>} windows that ask, by the check's key */
const asking = new Map();

/** Ask for a recording in a small window before the one the video is in. @param {string} key @param {number} [before] */
export async function askInWindow(key, before) {
    const url = chrome.runtime.getURL(`consent/consent.html#${key}`);
    if (!chrome.windows) return void chrome.tabs.create({ url }); // on a phone
    const open = asking.has(key) && (await chrome.windows.update(asking.get(key), { focused: true }).catch(() => null));
    if (open) return;
    const around = await chrome.windows.get(before ?? chrome.windows.WINDOW_ID_CURRENT);
    const middle = (/** @type {number} */ start, /** @type {number} */ size, /** @type {number} */ own) => Math.round(start + (size - own) / 2);
    const { width, height } = ASKING;
    const place = { left: middle(around.left ?? 0, around.width ?? width, width), top: middle(around.top ?? 0, around.height ?? height, height) };
    const { id } = await chrome.windows.create({ url, type: 'popup', width, height, ...place });
    asking.set(key, id);
}

/**
 * Answers whether the page in which the check was asked for is still there, as the tab may have gone on to another one,
 * and whether the card can be seen in it.
 *
 * @param {{tabId: number | null, frameId: number}} where
 * @param {import('./view.js').View} view
 * @param {{open?: boolean, focus?: boolean, asked?: boolean}} [how] `open`: also if it was closed, or never shown;
 *   `focus`: put the keyboard into it; `asked`: it was asked for just now, in the page that is there
 * @returns {Promise<{isHere: boolean, isSeen: boolean}>}
 */
export async function showCard({ tabId, frameId }, view, how = {}) {
    if (tabId !== null && frameId !== NOWHERE) {
        const answer = await chrome.tabs.sendMessage(tabId, { what: 'card', view, ...how }, { frameId }).catch(() => null);
        return answer ?? { isHere: false, isSeen: false };
    }
    const isHere = await hasBadge(tabId);
    return { isHere, isSeen: isHere };
}

/** Take the card away, of a check that did not come to be or is no more. Answers whether its page is still there. @param {{tabId: number | null, frameId: number}} where @param {string} key @returns {Promise<boolean>} */
export async function dropCard({ tabId, frameId }, key) {
    if (tabId === null || frameId === NOWHERE) return hasBadge(tabId);
    return (await chrome.tabs.sendMessage(tabId, { what: 'drop', key }, { frameId }).catch(() => false)) ?? false;
}

/** Whether the tab still shows the page in which a sign was set: the browser takes it away with the page. @param {number | null} tabId */
async function hasBadge(tabId) {
    return tabId !== null && (await chrome.action.getBadgeText({ tabId }).catch(() => '')) !== '';
}

/** @param {number | null} tabId @param {import('./view.js').Tone} tone @param {string} title */
export function setBadge(tabId, tone, title) {
    if (tabId === null) return;
    const gone = () => {}; // the tab was closed
    chrome.action.setBadgeText({ tabId, text: BADGES[tone] }).catch(gone);
    chrome.action.setBadgeBackgroundColor({ tabId, color: BADGE_COLOURS[tone] ?? '#3b5bdb' }).catch(gone);
    chrome.action.setBadgeTextColor?.({ tabId, color: '#ffffff' })?.catch(gone);
    if (title) chrome.action.setTitle({ tabId, title: `Unmask: ${title}` }).catch(gone);
}

/** Whether the person has the tab before them. @param {number | null} tabId */
export async function isInFront(tabId) {
    if (tabId === null) return false;
    try {
        const tab = await chrome.tabs.get(tabId);
        return tab.active && (await chrome.windows.get(tab.windowId)).focused;
    } catch {
        return false;
    }
}
