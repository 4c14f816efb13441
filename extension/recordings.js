// @ts-check
// For a video that no server can fetch: ask whether a few seconds may be recorded, let the page record them, and keep
// them until the server has them. The yes comes from a window of the extension's own, never from the page.

import { carryOn, getCheck, keep } from './checks.js';
import { askInWindow, callInPage } from './page.js';
import { failed, recorded, recording, RECORD_S } from './state.js';
import { dropUploads, getSettings, hasConsent, putUpload } from './storage.js';
import { mayRecord } from './view.js';

/** @typedef {import('./state.js').Check} Check */

const MOST = 48_000_000; // characters: a message holds 64 MiB
const OBSTACLES = ['drm', 'tainted', 'not_recorded'];

/** Say why it cannot be recorded, or ask. @param {Check} check @param {chrome.tabs.Tab} [tab] where it plays */
export async function offerRecording(check, tab) {
    if (!mayRecord(check)) return;
    const code = await callInPage(check, 'unmaskObstacle', check.key).catch(() => 'not_recorded');
    await (code ? keep(failed(check, code, Date.now())) : askInWindow(check.key, tab?.windowId));
}

/** The person said yes. @param {Check | null} check @param {string} server the one they were told of */
export async function startRecording(check, server) {
    if (!check || !mayRecord(check)) return;
    const settings = await getSettings();
    if (!hasConsent(settings) || settings.server !== server) return keep(failed(check, 'not_allowed', Date.now()));
    await keep(recording({ ...check, server }, 0, Date.now()));
    try {
        await callInPage(check, 'unmaskRecord', check.key, RECORD_S);
    } catch {
        await keep(failed(check, 'not_recorded', Date.now()));
    }
    await carryOn(); // sets the alarm that notices a page that has gone
}

/** The page records. Answers whether it is still wanted. @param {Check} check @param {{progress: number}} message */
export async function hearRecording(check, { progress }) {
    if (check.phase !== 'recording') return false;
    await keep(recording(check, progress, Date.now()));
    return true;
}

/** @param {Check} check @param {{code: string}} message */
export async function endRecording(check, { code }) {
    if (check.phase === 'recording') await keep(failed(check, OBSTACLES.includes(code) ? code : 'not_recorded', Date.now()));
}

/** @param {Check} check @param {{data: string, seconds: number}} message the recording in base64 */
export async function takeRecording(check, { data, seconds }) {
    if (check.phase !== 'recording') return;
    if (data.length > MOST) return keep(failed(check, 'too_large', Date.now()));
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    await putUpload(check.key, new Blob([bytes], { type: 'video/webm' }));
    const now = await getCheck(check.key); // it may have been cancelled or removed meanwhile
    if (now?.phase !== 'recording' || now.attempt !== check.attempt) return dropUploads((key) => key !== check.key);
    await keep(recorded(now, seconds, Date.now()));
    await carryOn();
}
