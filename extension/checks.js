// @ts-check
// Carries every open check through the server. All writes to checks happen here, in the worker, one after another.

import { createApi } from './api.js';
import { answered, cancelled, dueCall, isOver, outdated } from './state.js';
import { dropChecks, getChecks, getSettings, putCheck } from './storage.js';

/** @typedef {import('./state.js').Check} Check */

const ALARM = 'checks';

/** @type {Promise<Map<string, Check>> | null} what storage holds, read once in a worker's life */
let loading = null;
/** @type {Set<string>} checks with a call on its way */
const calling = new Set();
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
    return loading;
}

/** @param {string} key */
export async function getCheck(key) {
    return (await allChecks()).get(key) ?? null;
}

/** Store it, tell, and see to it that it goes on even if this worker does not. @param {Check} check */
export async function keep(check) {
    const checks = await allChecks();
    const before = checks.get(check.key) ?? null;
    checks.set(check.key, check);
    await putCheck(check);
    changed(check, before);
}

/** @param {Check} check */
export async function begin(check) {
    await keep(check);
    await carryOn();
}

/** @param {string} key */
export async function cancel(key) {
    const check = await getCheck(key);
    if (!check) return;
    await keep(cancelled(check, Date.now()));
    await carryOn();
}

/** Forget checks here and on the server. @param {string[]} keys */
export async function remove(keys) {
    const checks = await allChecks();
    const settings = await getSettings();
    const removed = keys.map((key) => checks.get(key)).filter((check) => check !== undefined);
    keys.forEach((key) => checks.delete(key));
    await dropChecks(keys);
    const onServer = removed.filter((check) => check.serverId && check.server === settings.server);
    await Promise.all(onServer.map((check) => createApi(settings).remove(/** @type {string} */ (check.serverId))));
}

/** @param {Check} check @param {'submit' | 'get' | 'cancel'} what @param {ReturnType<typeof createApi>} api */
function ask(check, what, api) {
    if (what === 'submit') return api.submit(check.url, check.key);
    const id = /** @type {string} */ (check.serverId);
    return what === 'get' ? api.get(id) : api.cancel(id);
}

/** @param {Check} check @param {'submit' | 'get' | 'cancel'} what @param {import('./storage.js').Settings} settings */
async function step(check, what, settings) {
    calling.add(check.key);
    // A check belongs to the server it was sent to; the key is for the server that is set now.
    const apiKey = check.server === settings.server ? settings.apiKey : '';
    try {
        const reply = await ask(check, what, createApi({ server: check.server, apiKey }));
        const now = await getCheck(check.key); // it may have been cancelled or removed meanwhile
        if (now) await keep(answered(now, reply, Date.now()));
    } finally {
        calling.delete(check.key);
    }
}

/** Make every call that is due, and come back when the next one is. */
export async function carryOn() {
    const [checks, settings] = await Promise.all([allChecks(), getSettings()]);
    const open = [...checks.values()].filter((check) => !isOver(check));
    await setAlarm(open.length > 0);
    const now = Date.now();
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
}
