// @ts-check
// Deletions on the server. One that does not answer is owed it, and asked again until it does, or has forgotten the check by itself.

import { createApi } from './api.js';
import { dropDeletion, getChecks, getDeletions, getSettings, hasConsent, putDeletion } from './storage.js';

/** @typedef {{server: string, serverId: string, at: number}} Deletion */

export const ALARM = 'deletions';
const MINUTES = 1; // between two attempts
const KEEP_MS = 86_400_000; // as long as a server keeps a check by default

/** Delete a check there. Noted before: whoever calls may be stopped in the middle. @param {{server: string, serverId: string}} check */
export async function deleteThere({ server, serverId }) {
    const deletion = { server, serverId, at: Date.now() };
    await putDeletion(deletion);
    await make(deletion, await getSettings());
    await setAlarm();
}

/** Make up for what is owed. */
export async function makeUp() {
    const [owed, settings, checks] = await Promise.all([getDeletions(), getSettings(), getChecks()]);
    // Who asks for the video again within the hour is given the check that was to go: then it stays.
    const isWanted = (/** @type {Deletion} */ { serverId }) => checks.some((check) => check.serverId === serverId);
    await Promise.all(owed.map((deletion) => (isWanted(deletion) ? dropDeletion(deletion.serverId) : make(deletion, settings))));
    await setAlarm();
}

/** @param {Deletion} deletion @param {import('./storage.js').Settings} settings */
async function make({ server, serverId, at }, settings) {
    // The consent was withdrawn, or is for another server by now: that one is not spoken to any more.
    const mayCall = hasConsent(settings) && server === settings.server && Math.abs(Date.now() - at) < KEEP_MS;
    const reply = mayCall ? await createApi(settings).remove(serverId) : null;
    if (!reply || !isOwed(reply)) await dropDeletion(serverId);
}

/** Whether the server is still to be asked: it was not there, or something else answered in its place, or it took no key as it is set now. @param {import('./api.js').Reply} reply */
function isOwed(reply) {
    if (reply.kind !== 'problem') return reply.kind === 'unreachable';
    const { status, code } = reply;
    return status >= 500 || status === 429 || status === 401 || code === 'forbidden' || (code === 'not_unmask' && status !== 404);
}

async function setAlarm() {
    if ((await getDeletions()).length === 0) await chrome.alarms.clear(ALARM);
    else if (!(await chrome.alarms.get(ALARM))) await chrome.alarms.create(ALARM, { periodInMinutes: MINUTES });
}
