// @ts-check
// The only module that knows the browser's storage. Only extension pages and the worker may read it.

import { newCheck } from './state.js';

/**
 * @typedef {import('./state.js').Check} Check
 * @typedef {{server: string, apiKey: string, consent: {server: string, at: number} | null, notify: boolean, keepDays: number, language: string}} Settings
 */

/** @type {Settings} */
const DEFAULTS = {
    server: 'http://127.0.0.1:8000',
    apiKey: '',
    consent: null, // of which server, and when
    notify: true,
    keepDays: 30,
    language: 'auto',
};

const PREFIX = 'check:';

/** Keep content scripts out, where the browser can (Firefox has no such switch; ours never read it). */
export function lockStorage() {
    return chrome.storage.local.setAccessLevel?.({ accessLevel: 'TRUSTED_CONTEXTS' });
}

/** @returns {Promise<Settings>} */
export async function getSettings() {
    const { settings } = await chrome.storage.local.get('settings');
    return { ...DEFAULTS, ...settings };
}

/** @param {Partial<Settings>} changes */
export async function setSettings(changes) {
    const settings = { ...(await getSettings()), ...changes };
    await chrome.storage.local.set({ settings });
    return settings;
}

/** Whether the person agreed to send to this server. @param {Settings} settings */
export function hasConsent(settings) {
    return settings.consent?.server === settings.server;
}

/** Newest first. What an older version did not know of has its first value; what is no check is passed over. @returns {Promise<Check[]>} */
export async function getChecks() {
    const all = await chrome.storage.local.get(null);
    const stored = Object.entries(all).filter(([name, check]) => name.startsWith(PREFIX) && name === PREFIX + check?.key);
    const checks = stored.map(([, check]) => ({ ...newCheck(check, 0), ...check }));
    return checks.sort((a, b) => b.createdAt - a.createdAt);
}

/** @param {Check} check */
export function putCheck(check) {
    return chrome.storage.local.set({ [PREFIX + check.key]: check });
}

/** @param {string[]} keys */
export function dropChecks(keys) {
    return chrome.storage.local.remove(keys.map((key) => PREFIX + key));
}

// What was deleted here and is still to be deleted on the server.
const OWED = 'deletion:';

/** @returns {Promise<import('./deletions.js').Deletion[]>} */
export async function getDeletions() {
    const all = await chrome.storage.local.get(null);
    return Object.entries(all).filter(([name]) => name.startsWith(OWED)).map(([, deletion]) => deletion);
}

/** @param {import('./deletions.js').Deletion} deletion */
export function putDeletion(deletion) {
    return chrome.storage.local.set({ [OWED + deletion.serverId]: deletion });
}

/** @param {string} serverId */
export function dropDeletion(serverId) {
    return chrome.storage.local.remove([OWED + serverId]);
}

// Recordings and files wait here until the server has them: they are too large for storage.local.
const uploads = () => caches.open('recordings');
const nameOf = (/** @type {string} */ key) => `https://recording.invalid/${key}`;

/** @param {string} key @param {Blob} upload */
export async function putUpload(key, upload) {
    await (await uploads()).put(nameOf(key), new Response(upload));
}

/** @param {string} key */
export async function getUpload(key) {
    return (await (await uploads()).match(nameOf(key)))?.blob() ?? null;
}

/** @param {(key: string) => boolean} isNeeded all others go */
export async function dropUploads(isNeeded) {
    const cache = await uploads();
    const names = (await cache.keys()).map(({ url }) => url);
    await Promise.all(names.filter((name) => !isNeeded(name.slice(nameOf('').length))).map((name) => cache.delete(name)));
}

/** @typedef {{key: string | null, at: number, windowId?: number}} Shown the check to show, or the list with its upload; when that was asked for, and in which window */

/** What the panel of a window should show. @param {string | null} key @param {number} [windowId] */
export function showInPanel(key, windowId) {
    return chrome.storage.local.set({ shown: { key, at: Date.now(), windowId } });
}

/** @returns {Promise<Shown | null>} */
export async function shownInPanel() {
    return (await chrome.storage.local.get('shown')).shown ?? null;
}

/** Call back when settings, checks or the shown check change, from whichever context. @param {() => void} then */
export function onStorageChange(then) {
    chrome.storage.onChanged.addListener((_, area) => area === 'local' && then());
}
