// @ts-check
// Carries every open check through the server. All writes to checks happen here, in the worker, one after another.

import { createApi } from './api.js';
import { deleteThere } from './deletions.js';
import { answered, cancelled, dueCall, failed, heard, isOver, isSilent, isUpload, outdated, twin, uploading } from './state.js';
import { dropChecks, dropUploads, getChecks, getUpload, getSettings, hasConsent, putCheck } from './storage.js';

/** @typedef {import('./state.js').Check} Check */

const ALARM = 'checks';
const AWAKE_MS = 20_000;

/** @type {Promise<Map<string, Check>> | null} what storage holds, read once in a worker's life */
let loading = null;
/** @type {Map<string, AbortController>} checks with a call on its way; an upload is broken off by it */
const calling = new Map();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {(check: Check, before: Check | null) => unknown} */
let changed = () => {};

/** @param {(check: Check, before: Check | null) => unknown} listener told of every change */
export function onCheckChange(listener) {
    changed = listener;
}

export function allChecks() {
    loading ??= getChecks().then((checks) => new Map(checks.map((check) => [check.key, check])));
    loading.catch(() => (loading = null)); // the next one asks again
    return loading;
}

/** @param {string} key */
export async function getCheck(key) {
    return (await allChecks()).get(key) ?? null;
}

/** @param {Map<string, Check>} checks @param {Check} check */
async function put(checks, check) {
    const before = checks.get(check.key) ?? null;
    checks.set(check.key, check);
    await putCheck(check).catch(() => {}); // the disk is full: it goes on, and its card tells, as long as this worker lives
    if (isUpload(check) && !isWaitingToBeSent(check)) await dropUnneeded(checks);
    changed(check, before);
}

/** @param {Check | undefined} check */
function isWaitingToBeSent(check) {
    if (check?.phase === 'recording') return true; // it may have been stored this moment
    return Boolean(check && isUpload(check) && !check.serverId && !isOver(check));
}

/** Recordings and files that the server has, or that nobody waits for. @param {Map<string, Check>} checks */
function dropUnneeded(checks) {
    return dropUploads((key) => isWaitingToBeSent(checks.get(key)));
}

/** Store it, and tell. @param {Check} check */
export async function keep(check) {
    await put(await allChecks(), check);
}

/** Start a check, unless the same is under way. @param {Check} check @returns {Promise<Check>} the one that runs */
export async function begin(check) {
    const checks = await allChecks();
    const running = twin([...checks.values()], check);
    if (running) return running;
    await put(checks, check);
    await carryOn();
    return check;
}

/** Who asks for a video again within the hour is given the same check by the server: all of ours that are that one. @param {string | null} serverId */
async function sharing(serverId) {
    return [...(await allChecks()).values()].filter((check) => serverId && check.serverId === serverId);
}

/** @param {string} key */
export async function cancel(key) {
    const check = await getCheck(key);
    if (!check) return;
    const isWanted = (await sharing(check.serverId)).some((other) => other !== check && !isOver(other));
    await keep(cancelled(check, Date.now(), isWanted));
    calling.get(key)?.abort();
    await carryOn();
}

/** Forget checks here and on the server. @param {string[]} keys */
export async function remove(keys) {
    const checks = await allChecks();
    const removed = keys.map((key) => checks.get(key)).filter((check) => check !== undefined);
    keys.forEach((key) => checks.delete(key));
    keys.forEach((key) => calling.get(key)?.abort());
    await dropChecks(keys);
    await dropUnneeded(checks);
    await Promise.all(removed.map(forget));
}

/** Delete a check that was removed here on the server too, unless another one in the list is the same there. @param {Check} check */
async function forget({ serverId, server }) {
    if (serverId && (await sharing(serverId)).length === 0) await deleteThere({ server, serverId });
}

/** The browser threw the upload away, or never got it. @param {string} code @returns {import('./api.js').Problem} */
function lost(code) {
    return { kind: 'problem', status: 0, code, message: '', nextStep: '', retryAfterS: null };
}

/**
 * The browser stops a worker that has heard nothing for 30 s, in the middle of an upload too; but any call to the
 * browser counts.
 *
 * @template T
 * @param {Promise<T>} work
 */
async function awake(work) {
    const timer = setInterval(() => chrome.runtime.getPlatformInfo(), AWAKE_MS);
    try {
        return await work;
    } finally {
        clearInterval(timer);
    }
}

/** @param {Check} check @param {'submit' | 'get' | 'cancel'} what @param {ReturnType<typeof createApi>} api @param {AbortSignal} stop ends an upload */
async function ask(check, what, api, stop) {
    const once = `${check.key}.${check.attempt}`;
    if (what === 'submit' && isUpload(check)) {
        const [name, otherwise] = check.recordedS ? ['recording.webm', 'not_recorded'] : [check.url, 'not_kept'];
        const upload = await getUpload(check.key);
        return upload ? awake(api.upload(upload, name, once, stop)) : lost(otherwise);
    }
    if (what === 'submit') return api.submit(check.url, once);
    const id = /** @type {string} */ (check.serverId);
    return what === 'get' ? api.get(id) : api.cancel(id);
}

/** @param {Check} check @param {'submit' | 'get' | 'cancel'} what @param {import('./storage.js').Settings} settings */
async function step(check, what, settings) {
    const stop = new AbortController();
    calling.set(check.key, stop);
    try {
        if (what === 'submit' && isUpload(check)) await keep(uploading(check, Date.now()));
        if (isOver((await getCheck(check.key)) ?? check)) return;
        const reply = await ask(check, what, createApi(settings), stop.signal);
        const now = await getCheck(check.key); // it may have been cancelled or removed meanwhile
        if (now && now.attempt !== check.attempt) return; // and asked for again, maybe of another server
        if (now) await keep(answered(now, reply, Date.now()));
        else if (what === 'submit') await forget(answered(check, reply, Date.now()));
    } finally {
        calling.delete(check.key);
    }
}

/** A panel heard an event from the server. @param {string} key @param {any} body */
export async function hear(key, body) {
    const check = await getCheck(key);
    if (check) await keep(heard(check, body, Date.now()));
    await carryOn();
}

/** Make every call that is due, and come back when the next one is. */
export async function carryOn() {
    const [checks, settings] = await Promise.all([allChecks(), getSettings()]);
    const now = Date.now();
    for (const check of checks.values()) {
        // The consent was withdrawn, or is for another server by now: that one is not spoken to any more.
        const mayCall = hasConsent(settings) && check.server === settings.server;
        if (!isOver(check) && !mayCall) {
            await keep(failed(check, 'not_allowed', now));
            calling.get(check.key)?.abort();
        } else if (isSilent(check, now)) await keep(failed(check, 'not_recorded', now));
    }
    await setAlarm([...checks.values()].some((check) => !isOver(check)));
    const open = [...checks.values()].filter((check) => !isOver(check)); // nothing is awaited below: an answer that came in between counts
    for (const check of open) {
        const what = calling.has(check.key) ? null : dueCall(check, now);
        if (what) step(check, what, settings).then(carryOn); // not awaited: a slow server holds up no other check
    }
    const waits = open.filter((check) => !calling.has(check.key)).map((check) => check.nextAt ?? Infinity);
    clearTimeout(timer);
    if (waits.length > 0) timer = setTimeout(carryOn, Math.max(250, Math.min(...waits) - now));
}

/** The timer above dies with the worker; the alarm wakes the next one. @param {boolean} needed */
async function setAlarm(needed) {
    const alarm = await chrome.alarms.get(ALARM);
    if (needed && !alarm) await chrome.alarms.create(ALARM, { periodInMinutes: 0.5 });
    if (!needed && alarm) await chrome.alarms.clear(ALARM);
}

/** Drop what is older than the person wants to keep. */
export async function tidy() {
    const [checks, { keepDays }] = await Promise.all([allChecks(), getSettings()]);
    const old = outdated([...checks.values()], keepDays, Date.now());
    old.forEach((check) => checks.delete(check.key));
    await dropChecks(old.map((check) => check.key));
    await dropUnneeded(checks);
}
