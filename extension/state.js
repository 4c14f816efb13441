// @ts-check
// What becomes of a check, as pure functions over plain records. The records lie in storage, so that a worker that was
// stopped at any moment goes on where its predecessor was.

/**
 * @typedef {import('./api.js').Reply} Reply
 * @typedef {'recording' | 'sending' | 'queued' | 'fetching' | 'analyzing' | 'done' | 'failed' | 'cancelled'} Phase
 * @typedef {{code: string, message: string, nextStep: string}} Problem
 *
 * @typedef {object} Check
 * @property {string} key ours
 * @property {number} attempt counts from 1; with the key it makes the Idempotency-Key, so that sending twice makes one check
 * @property {string} url what was sent: an address, or the name of an uploaded file
 * @property {string | null} site
 * @property {string} source which of the click's addresses it is: link, permalink, src, embed, page, selection, file; none: the
 *   click meant no address, `url` is only where that was, and is never sent
 * @property {string} server the address it was sent to
 * @property {number | null} tabId where the card is
 * @property {number} frameId below 0: no card can be shown there
 * @property {string | null} serverId
 * @property {Phase} phase
 * @property {number} progress 0 to 1
 * @property {'unreachable' | 'busy' | null} waiting why the next call is put off
 * @property {number} tries failed calls in a row
 * @property {number | null} nextAt when to call next, ms; null: never
 * @property {boolean} cancelAsked
 * @property {boolean} hasVideo whether the click meant a video in the page, which may then be recorded
 * @property {number} recordedS seconds of the recording that is sent in place of the address; 0: the address is sent
 * @property {number} uploads how often a recording or file was sent without any answer, in a row
 * @property {any} analysis
 * @property {string[]} artifacts names of what the server has drawn
 * @property {Problem | null} problem
 * @property {number} createdAt ms
 * @property {number} changedAt ms
 */

export const VERDICTS = ['likely_manipulated', 'inconclusive', 'no_signs_found'];

const PHASES = ['queued', 'fetching', 'analyzing', 'done', 'failed', 'cancelled'];
const POLL_MS = 1_000;
const SLOW_POLL_MS = 4_000; // after a minute: a long queue
const HEARD_POLL_MS = 5_000; // while a panel listens to the server's events: only in case they stop
const MAX_TRIES = 40; // with the pauses below about 20 minutes without a server
const MAX_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 300_000; // that a server may ask for
const MAX_UPLOADS = 3;
const PUT_MS = 240_000; // for a copy of a large file on a slow disk
const SILENCE_MS = 15_000; // a page that says nothing of its recording for so long has gone

export const RECORD_S = 8; // as much as the detector looks at by default

/**
 * @param {{key: string, url: string, site?: string | null, source: string, server: string, tabId?: number | null, frameId?: number, hasVideo?: boolean}} about
 * @param {number} now
 * @returns {Check}
 */
export function newCheck({ key, url, site = null, source, server, tabId = null, frameId = 0, hasVideo = false }, now) {
    return {
        key, attempt: 1, url, site, source, server, tabId, frameId,
        serverId: null, phase: 'sending', progress: 0, waiting: null, tries: 0, nextAt: now, cancelAsked: false,
        hasVideo, recordedS: 0, uploads: 0, analysis: null, artifacts: [], problem: null, createdAt: now, changedAt: now,
    };
}

/** @param {Check} check */
export function isOver(check) {
    return check.phase === 'done' || check.phase === 'failed' || check.phase === 'cancelled';
}

/** Whether it is about what an address leads to, not about what plays in the page. @param {{source: string}} about */
export function leadsElsewhere({ source }) {
    return source === 'link' || source === 'selection';
}

/** Whether a file or a recording is sent in place of an address. @param {Check} check */
export function isUpload(check) {
    return check.recordedS > 0 || check.source === 'file';
}

/** Whether its address can be sent once more: a file is not kept. @param {Check} check */
export function mayRepeat(check) {
    return isOver(check) && check.source !== 'file' && check.source !== 'none';
}

/** @param {Check} check @param {number} progress 0 to 1 @param {number} now @returns {Check} */
export function recording(check, progress, now) {
    return { ...check, phase: 'recording', problem: null, progress: fraction(progress), nextAt: now + SILENCE_MS, changedAt: now };
}

/** The recording is there and takes the address's place. @param {Check} check @param {number} seconds @param {number} now @returns {Check} */
export function recorded(check, seconds, now) {
    return { ...again(check, check.server, now), recordedS: Math.max(1, Math.round(seconds)) };
}

/** A check of a file, which is still to be put where uploads wait: by then it is taken for lost. @param {{key: string, url: string, server: string}} about @param {number} now @returns {Check} */
export function ofFile(about, now) {
    return { ...newCheck({ ...about, source: 'file' }, now), nextAt: now + PUT_MS };
}

/** An upload goes out. Counted before, because whoever sends it may be stopped in the middle, again and again. @param {Check} check @param {number} now @returns {Check} */
export function uploading(check, now) {
    return check.uploads < MAX_UPLOADS ? { ...check, uploads: check.uploads + 1, changedAt: now } : failed(check, 'upload_stopped', now);
}

/** A time further off than any pause is of a clock that was set back meanwhile. @param {number} at @param {number} now */
function isDue(at, now) {
    return at <= now || at > now + LONGEST_PAUSE_MS;
}

/** Whether the page that recorded has gone. @param {Check} check @param {number} now */
export function isSilent(check, now) {
    return check.phase === 'recording' && isDue(check.nextAt ?? 0, now);
}

/** The call that is due: what to ask the server now, or null. @param {Check} check @param {number} now */
export function dueCall(check, now) {
    if (isOver(check) || check.phase === 'recording' || check.nextAt === null || !isDue(check.nextAt, now)) return null;
    if (!check.serverId) return 'submit';
    return check.cancelAsked ? 'cancel' : 'get';
}

/** @param {Check} check @param {string} code @param {number} now @param {{message?: string, nextStep?: string}} [words] @returns {Check} */
export function failed(check, code, now, { message = '', nextStep = '' } = {}) {
    return { ...check, phase: 'failed', problem: { code, message, nextStep }, waiting: null, nextAt: null, changedAt: now };
}

/** The person no longer wants it. Before the server knows of it, or while another one there `isWanted`, it ends here. @param {Check} check @param {number} now @param {boolean} [isWanted] @returns {Check} */
export function cancelled(check, now, isWanted = false) {
    if (isOver(check)) return check;
    const asked = { ...check, cancelAsked: true, nextAt: now, changedAt: now };
    // A call may be on its way: with the first failed one, or none, there is nothing to call back. An upload on its way
    // is broken off, and not sent again only to hear which check is to be cancelled.
    const isComing = check.phase === 'sending' && check.tries === 0 && !isUpload(check);
    return (check.serverId && !isWanted) || isComing ? asked : { ...asked, phase: 'cancelled', nextAt: null };
}

/** The same video once more. @param {Check} check @param {string} server @param {number} now @returns {Check} */
export function again(check, server, now) {
    return { ...newCheck({ ...check, server }, now), attempt: check.attempt + 1 };
}

/** @param {Check} check @param {'unreachable' | 'busy'} waiting @param {number} pauseMs @param {number} now @returns {Check} */
function putOff(check, waiting, pauseMs, now) {
    const tries = check.tries + 1;
    if (check.cancelAsked && !check.serverId) return { ...check, phase: 'cancelled', nextAt: null, changedAt: now };
    if (tries >= MAX_TRIES) return failed(check, waiting, now);
    return { ...check, waiting, tries, nextAt: now + pauseMs, changedAt: now };
}

/** @param {number} tries */
function pause(tries) {
    return Math.min(MAX_PAUSE_MS, 1_000 * 2 ** tries);
}

/** @param {unknown} value */
function fraction(value) {
    return typeof value === 'number' && value >= 0 && value <= 1 ? value : 0;
}

/** @param {Check} check @param {any} body @param {number} now @returns {Check} */
function followed(check, body, now) {
    const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value.slice(0, 500) : '');
    const phase = PHASES.includes(body.status) ? body.status : 'queued';
    /** @type {Check} */
    const next = {
        ...check, phase, serverId: body.id, waiting: null, tries: 0, changedAt: now,
        progress: fraction(body.progress),
        nextAt: now + (now - check.createdAt > 60_000 ? SLOW_POLL_MS : POLL_MS),
    };
    if (phase === 'failed') {
        const { code, message, next_step: nextStep } = body.error ?? {};
        return failed(next, text(code) || 'internal', now, { message: text(message), nextStep: text(nextStep) });
    }
    if (phase === 'done') {
        if (!body.analysis) return failed(next, 'internal', now);
        const { verdict = null } = body.analysis; // null: no face was judged, which a verdict of a newer server does not mean
        if (verdict !== null && !VERDICTS.includes(verdict)) return failed(next, 'unknown_answer', now);
        return { ...next, progress: 1, analysis: body.analysis, artifacts: Array.isArray(body.artifacts) ? body.artifacts.filter((/** @type {unknown} */ name) => typeof name === 'string') : [], nextAt: null };
    }
    if (phase === 'cancelled') return { ...next, nextAt: null };
    return check.cancelAsked ? { ...next, nextAt: now } : next;
}

/**
 * What a check is after the server's answer to the call that was due.
 *
 * @param {Check} check
 * @param {Reply} reply
 * @param {number} now
 * @returns {Check}
 */
export function answered(check, reply, now) {
    if (isOver(check)) return check; // it ended while the call was on its way
    return afterReply({ ...check, uploads: 0 }, reply, now);
}

/** @param {Check} check @param {Reply} reply @param {number} now @returns {Check} */
function afterReply(check, reply, now) {
    if (reply.kind === 'unreachable') return putOff(check, 'unreachable', pause(check.tries), now);
    if (reply.kind === 'ok') return followed(check, reply.body, now);
    const { status, code, message, nextStep, retryAfterS } = reply;
    if (status === 429 || (status === 503 && code !== 'http_503')) {
        const asked = retryAfterS === null ? pause(check.tries) : Math.min(LONGEST_PAUSE_MS, Math.max(1, retryAfterS) * 1_000);
        return putOff(check, 'busy', asked, now);
    }
    // A server that has the check was there: what now answers in its place, a proxy or a network's login page, will go.
    if (status >= 500 || (check.serverId && code === 'not_unmask' && status !== 404)) return putOff(check, 'unreachable', pause(check.tries), now);
    if (status === 401 || code === 'forbidden') return failed(check, 'unauthorized', now);
    if (check.serverId && (status === 404 || status === 410)) {
        // Asked to cancel what the server has forgotten: that is what was wanted.
        return check.cancelAsked ? { ...check, phase: 'cancelled', nextAt: null, changedAt: now } : failed(check, 'expired', now);
    }
    if (status === 404) return failed(check, 'not_unmask', now);
    // A cancel that came too late: the next look tells how the check ended.
    if (check.cancelAsked && status === 409) return { ...check, cancelAsked: false, nextAt: now, changedAt: now };
    return failed(check, code, now, { message, nextStep });
}

/** What a check is after an event that a panel heard from the server. @param {Check} check @param {any} body @param {number} now @returns {Check} */
export function heard(check, body, now) {
    if (isOver(check) || check.serverId !== body?.id) return check;
    const next = followed(check, body, now);
    return next.nextAt === null || next.cancelAsked ? next : { ...next, nextAt: now + HEARD_POLL_MS };
}

/** What may be forgotten: checks that are over and older than that. @param {Check[]} checks @param {number} keepDays @param {number} now */
export function outdated(checks, keepDays, now) {
    const MOST = 200; // what a storage area holds with room to spare
    const over = checks.filter(isOver).sort((a, b) => b.createdAt - a.createdAt);
    return over.filter((check, index) => index >= MOST || now - check.createdAt > keepDays * 86_400_000);
}

/** A check of the same video that is still under way or was just asked for. @param {Check[]} checks @param {{url: string, source: string, server: string, tabId?: number | null}} wanted */
export function twin(checks, { url, source, server, tabId = null }) {
    if (source === 'file') return null; // its name is no address: another file may have the same
    const isRecording = (/** @type {Check} */ check) => check.phase === 'recording' || check.recordedS > 0; // of one video of a page that may have several
    return checks.find((check) => check.url === url && check.server === server && check.tabId === tabId && !isOver(check) && !isRecording(check)) ?? null;
}
