// @ts-check
// The worker: a click in, a check begun, its state shown. Listeners stand at the top level, because the browser stops
// this worker whenever it is idle and starts it again for an event; whatever must last lies in storage.

import { allChecks, begin, cancel, carryOn, getCheck, hear, keep, onCheckChange, remove, tidy } from './checks.js';
import { ALARM as DELETIONS, makeUp } from './deletions.js';
import { loadWords } from './i18n.js';
import { permissionsFor } from './permissions.js';
import { dropCard, isInFront, lookAround, NOWHERE, setBadge, showCard } from './page.js';
import { endRecording, hearRecording, offerRecording, startRecording, takeRecording } from './recordings.js';
import { again, failed, isOver, leadsElsewhere, mayRepeat, newCheck, ofFile } from './state.js';
import { getSettings, hasConsent, lockStorage, setSettings, showInPanel } from './storage.js';
import { chooseTarget } from './targets.js';
import { toneOf, viewOf } from './view.js';

/** @typedef {import('./state.js').Check} Check */

const MENU = { check: 'check', list: 'list' };
const { sidePanel } = chrome; // Chromium only; Firefox has a sidebar
const WEB_PAGES = ['http://*/*', 'https://*/*'];

lockStorage();
tidy().then(carryOn).then(makeUp); // whatever woke this worker: go on where the last one was stopped

chrome.runtime.onInstalled.addListener(async ({ reason }) => {
    await makeMenus();
    if (reason === 'install') openOptions(true);
});
chrome.runtime.onStartup.addListener(makeMenus); // the browser's language may have changed
chrome.alarms.onAlarm.addListener(({ name }) => (name === DELETIONS ? makeUp() : carryOn()));
chrome.action.onClicked.addListener((tab) => startFromClick({}, tab)); // the keyboard command too: it is _execute_action
chrome.commands.onCommand.addListener((name, tab) => name === MENU.list && openPanel(tab));
chrome.contextMenus.onClicked.addListener((info, tab) => {
    if (info.menuItemId === MENU.list) openPanel(tab);
    else if (tab) startFromClick(info, tab);
});
chrome.permissions.onRemoved.addListener(keepToPermission);
chrome.notifications.onClicked.addListener(async (key) => {
    chrome.notifications.clear(key);
    await openInTab(key);
});
chrome.runtime.onMessage.addListener((message, sender, reply) => {
    const handlers = sender.url?.startsWith(chrome.runtime.getURL('')) ? fromOurPages : fromCards;
    if (sender.id !== chrome.runtime.id || !Object.hasOwn(handlers, message?.what)) return false;
    Promise.resolve(handlers[message.what](message, sender)).then(reply, () => reply(null));
    return true; // keeps the channel open until the promise settles
});
onCheckChange(tell);

async function words() {
    return loadWords((await getSettings()).language);
}

async function makeMenus() {
    const t = await words();
    await chrome.contextMenus.removeAll();
    chrome.contextMenus.create({ id: MENU.check, title: t('menu_check'), contexts: ['video', 'link', 'page', 'frame', 'selection'], documentUrlPatterns: WEB_PAGES });
    chrome.contextMenus.create({ id: MENU.list, title: t('menu_list'), contexts: ['action'] });
}

/** @param {import('./targets.js').Click & {frameId?: number}} click @param {chrome.tabs.Tab} tab */
async function startFromClick(click, tab) {
    const tabId = tab.id ?? null;
    setBadge(tabId, 'busy', ''); // before anything that takes time
    const [settings, t] = await Promise.all([getSettings(), words()]);
    if (!hasConsent(settings)) {
        setBadge(tabId, 'cancelled', '');
        return openOptions(true);
    }
    const pageUrl = click.pageUrl ?? tab.url;
    const begun = newCheck({ key: crypto.randomUUID(), url: pageUrl ?? '', source: 'page', server: settings.server, tabId }, Date.now());
    const around = tabId === null ? { found: null, frameId: NOWHERE } : await lookAround(tabId, click.frameId ?? 0, viewOf(begun, t), click, pageUrl);
    const target = chooseTarget({ click, found: around.found, tabUrl: tab.url });
    const hasVideo = Boolean(around.found?.hasVideo) && !('source' in target && leadsElsewhere(target));
    const about = { ...begun, frameId: around.frameId, hasVideo };
    if ('code' in target) return keep(failed({ ...about, source: 'none' }, target.code, Date.now()));
    const check = { ...about, ...target };
    const running = await begin(check);
    if (running !== check) await dropCard(check, check.key);
    else for (const old of (await allChecks()).values()) if (isReplaced(old, check)) dropCard(old, old.key); // the new card takes its place
    const byKeys = click.pageUrl === undefined; // or by the toolbar's button: then the keyboard goes on in the card
    const now = (await getCheck(running.key)) ?? running;
    if (running !== check || byKeys) await showCard(now, viewOf(now, t), { open: true, focus: byKeys, asked: true });
}

/** Whether there is nothing more to say of a check beside a new one: of the same, or where it was not clear what was meant. @param {Check} old @param {Check} check */
function isReplaced(old, check) {
    return old.key !== check.key && isOver(old) && old.tabId === check.tabId && (old.url === check.url || old.source === 'none');
}

/** Show what became of a check wherever it is shown. @param {Check} check @param {Check | null} before */
async function tell(check, before) {
    const t = await words();
    const view = viewOf(check, t);
    const news = toneOf(check) !== (before && toneOf(before));
    const { isHere, isSeen } = await showCard(check, view, { open: !before || (news && isOver(check)) });
    if (news && isHere) setBadge(check.tabId, view.tone, view.title); // the next page is not spoken of
    if (before && news && isOver(check) && check.phase !== 'cancelled') await notify(check, view, isSeen);
}

/** @param {Check} check @param {import('./view.js').View} view @param {boolean} isSeen whether its page is still there, and the card not scrolled away in it */
async function notify(check, view, isSeen) {
    if (!(await getSettings()).notify || (isSeen && (await isInFront(check.tabId)))) return;
    const message = [check.site ?? check.url, view.percent?.label ?? view.text].join('\n');
    await chrome.notifications.create(check.key, { type: 'basic', iconUrl: chrome.runtime.getURL('icons/128.png'), title: view.title, message });
}

/** @param {boolean} welcome */
function openOptions(welcome) {
    return chrome.tabs.create({ url: chrome.runtime.getURL(`options/options.html${welcome ? '#welcome' : ''}`) });
}

/** Who no longer lets it speak to the server, or send the key, in the browser's own settings, has withdrawn as well. */
async function keepToPermission() {
    const settings = await getSettings();
    if (!hasConsent(settings) || (await chrome.permissions.contains(permissionsFor(settings)))) return;
    await setSettings({ consent: null });
    await carryOn();
}

/** @param {string} key */
function openInTab(key) {
    return chrome.tabs.create({ url: chrome.runtime.getURL(`panel/panel.html#${key}`) });
}

/** The panel beside the page. Browsers open it only in direct answer to a click: nothing may be awaited before. */
function openPanel(tab) {
    if (sidePanel) return sidePanel.open({ windowId: tab.windowId });
    return chrome.sidebarAction.open();
}

/** @param {Check | null} check */
async function checkAgain(check) {
    if (!check || !mayRepeat(check)) return;
    const settings = await getSettings(); // the server may have been changed since
    await (hasConsent(settings) ? begin(again(check, settings.server, Date.now())) : openOptions(true));
}

/** Forget checks, and take away what was said of them. @param {string[]} keys */
async function removeEverywhere(keys) {
    const removed = (await Promise.all(keys.map(getCheck))).filter((check) => check !== null);
    const removal = remove(keys); // its call to the server may take long
    for (const check of removed) {
        chrome.notifications.clear(check.key);
        if (await dropCard(check, check.key)) await clearBadge(check.tabId);
    }
    await removal;
}

/** @param {number | null} tabId */
async function clearBadge(tabId) {
    setBadge(tabId, 'cancelled', (await words())('menu_check'));
}

/** What is to be said in a page that the browser had kept; null of a check that is no more. @param {{key: string}} message @param {chrome.runtime.MessageSender} sender */
async function lookAgain({ key }, { tab }) {
    const check = await getCheck(key);
    if (!check || check.tabId !== tab?.id) return null;
    const view = viewOf(check, await words());
    setBadge(check.tabId, view.tone, view.title);
    return view;
}

/** @param {chrome.runtime.MessageSender} sender @param {string | null} key null: where a file is chosen */
function openInPanel(sender, key) {
    showInPanel(key, sender.tab?.windowId);
    if (!sidePanel || !sender.tab) return openInTab(key ?? ''); // Firefox opens its sidebar only from its own buttons
    return sidePanel.open({ windowId: sender.tab.windowId }).catch(() => openInTab(key ?? ''));
}

/** A card may speak of the check it shows, of no other. @param {(check: Check, message: any, sender: chrome.runtime.MessageSender) => unknown} act */
function ofItsCheck(act) {
    return async (/** @type {{key: string}} */ message, /** @type {chrome.runtime.MessageSender} */ sender) => {
        const check = await getCheck(message.key);
        return check && check.tabId === sender.tab?.id ? act(check, message, sender) : null;
    };
}

const fromCards = {
    cancel: ofItsCheck((check) => cancel(check.key)),
    again: ofItsCheck(checkAgain),
    settings: () => openOptions(false),
    left: (/** @type {object} */ _, /** @type {chrome.runtime.MessageSender} */ { tab }) => clearBadge(tab?.id ?? null),
    back: lookAgain,
    record: ofItsCheck((check, _, sender) => offerRecording(check, sender.tab)),
    recording: ofItsCheck(hearRecording),
    recorded: ofItsCheck(takeRecording),
    notRecorded: ofItsCheck(endRecording),
    report: (/** @type {{key: string}} */ { key }, /** @type {chrome.runtime.MessageSender} */ sender) => openInPanel(sender, key),
    upload: (/** @type {object} */ _, /** @type {chrome.runtime.MessageSender} */ sender) => openInPanel(sender, null),
};

/** What the panel, the settings and the window that asks for a recording may ask for. */
const fromOurPages = {
    poll: () => carryOn(),
    heard: (/** @type {{key: string, body: any}} */ { key, body }) => hear(key, body),
    cancel: (/** @type {{key: string}} */ { key }) => cancel(key),
    again: async (/** @type {{key: string}} */ { key }) => checkAgain(await getCheck(key)),
    recordNow: async (/** @type {{key: string, server: string}} */ { key, server }) => startRecording(await getCheck(key), server),
    remove: (/** @type {{keys: string[]}} */ { keys }) => removeEverywhere(keys),
    languageChanged: () => makeMenus(),
    tidy: () => tidy(),
    /** An address typed into the panel. Answers with the key of its check. */
    checkAddress: async (/** @type {{url: string, site: string | null}} */ { url, site }) => {
        const settings = await getSettings();
        if (!hasConsent(settings)) return null;
        return (await begin(newCheck({ key: crypto.randomUUID(), url, site, source: 'link', server: settings.server }, Date.now()))).key;
    },
    /** A file chosen in the panel, which then puts it where uploads wait. Answers with the key of its check. */
    takeFile: async (/** @type {{name: string}} */ { name }) => {
        const settings = await getSettings();
        if (!hasConsent(settings)) return null;
        return (await begin(ofFile({ key: crypto.randomUUID(), url: name, server: settings.server }, Date.now()))).key;
    },
    /** The file is there, or the browser has no room for it. */
    tookFile: async (/** @type {{key: string, isKept: boolean}} */ { key, isKept }) => {
        const check = await getCheck(key);
        if (!check || isOver(check)) return tidy(); // it is not wanted any more
        await keep(isKept ? { ...check, nextAt: Date.now() } : failed(check, 'not_kept', Date.now()));
        await carryOn();
    },
};
