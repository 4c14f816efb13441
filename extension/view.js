// @ts-check
// What a check looks like in words: the card in the page, the list and the notification all say this. Pure.

import { asPercent } from './numbers.js';
import { isOver, isUpload, leadsElsewhere, mayRepeat, VERDICTS } from './state.js';

/**
 * @typedef {import('./state.js').Check} Check
 * @typedef {(name: string, ...values: (string | number)[]) => string} Words
 * @typedef {'busy' | 'waiting' | 'likely_manipulated' | 'inconclusive' | 'no_signs_found' | 'no_face' | 'problem' | 'cancelled'} Tone
 *
 * @typedef {object} View plain strings and numbers: it crosses into pages' content scripts
 * @property {string} key
 * @property {Tone} tone
 * @property {string} shape an SVG path
 * @property {string} title
 * @property {string} about the link that was checked, shortened; '' where what plays in the page was
 * @property {string} text
 * @property {string} next what the reader can do
 * @property {number | null} progress 0 to 1
 * @property {string} share how much has been looked at, in per cent; no part of the title, which is read out whenever it changes
 * @property {Percent | null} percent
 * @property {{what: string, label: string}[]} buttons
 * @property {{language: string, words: string, close: string}} labels `words`: the language of `text` and `next`
 *
 * @typedef {{value: number, low: number, high: number, label: string}} Percent fractions, and the same in words
 */

/** What the extension says itself; for other codes it repeats the server's sentences. */
export const OWN_PROBLEMS = [
    'no_address', 'no_post', 'not_allowed', 'unreachable', 'busy', 'unauthorized', 'expired', 'not_unmask', 'internal',
    'unsupported_site', 'no_video', 'login_required', 'age_restricted', 'bot_check', 'geo_blocked', 'live', 'removed',
    'drm', 'site_busy', 'site_changed', 'blocked_address', 'network', 'bad_link', 'too_long', 'too_large', 'not_a_video',
    'no_video_stream', 'unsupported_codec', 'damaged', 'timed_out', 'out_of_memory', 'interrupted', 'disk_full', 'tainted',
    'not_recorded', 'not_kept', 'upload_stopped', 'unknown_answer', 'unclear',
];

/** When a video in the page may still be recorded there: what keeps the server from fetching it is no matter to the browser. */
const RECORDABLE = [
    'no_address', 'no_post', 'unsupported_site', 'no_video', 'login_required', 'age_restricted', 'bot_check', 'geo_blocked',
    'live', 'removed', 'site_changed', 'blocked_address', 'links_off', 'network', 'too_long', 'too_large', 'not_recorded', 'upload_stopped',
];

const MAX_FACES = 32; // as in core/calibration.py: the edge rises no further, and each face is one more chance

// Each tone has its own shape, drawn in a box of 24: colour is only the second sign.
/** @type {Record<Tone, string>} SVG paths */
export const SHAPES = {
    busy: 'M12 3a9 9 0 1 0 9 9',
    waiting: 'M12 3a9 9 0 1 0 9 9 M12 7v5l3 2',
    likely_manipulated: 'M12 3 22 20.5H2Z M12 10v5 M12 17.6v.4',
    inconclusive: 'M12 2 22 12 12 22 2 12Z M9.8 9.8a2.3 2.3 0 1 1 3.4 2c-.9.5-1.2.9-1.2 1.7 M12 16.2v.2',
    no_signs_found: 'M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18 M8 12h8',
    no_face: 'M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18',
    problem: 'M4 4h16v16H4Z M9 9l6 6 M15 9l-6 6',
    cancelled: 'M4 4h16v16H4Z',
};

/** Shapes that tell the tones apart without colour: the badge's letter. @type {Record<Tone, string>} */
export const BADGES = {
    busy: '…', waiting: '…', likely_manipulated: '!', inconclusive: '?', no_signs_found: '–', no_face: '○', problem: '×', cancelled: '',
};

/**
 * The probability with its interval, or null if nothing was judged.
 *
 * @param {{probability: number | null, interval: [number, number] | null}} result an Analysis or one face of it
 * @param {Words} t
 * @returns {Percent | null}
 */
export function percentOf({ probability, interval }, t) {
    if (typeof probability !== 'number') return null;
    const [low, high] = Array.isArray(interval) ? interval : [probability, probability];
    const [middle, least, most] = [probability, low, high].map(asPercent);
    const label = least === most ? t('probability_about_words', middle) : t('probability_words', middle, least, most);
    return { value: probability, low, high, label };
}

/**
 * An address short enough for a card. A host's end says whose it is; a path's begin and end tell it from its neighbours.
 *
 * @param {string} address
 */
export function shortAddress(address) {
    const { host, pathname, search } = new URL(address);
    const [site, path] = [host.replace(/^www\./, ''), `${pathname}${search}`.replace(/^\/$/, '')];
    const shortSite = site.length > 40 ? `…${site.slice(-39)}` : site;
    return shortSite + (path.length > 36 ? `${path.slice(0, 16)}…${path.slice(-19)}` : path);
}

/** @param {Check} check @returns {Tone} */
export function toneOf(check) {
    if (check.phase === 'failed') return 'problem';
    if (check.phase === 'cancelled') return 'cancelled';
    if (check.phase !== 'done') return check.waiting ? 'waiting' : 'busy';
    const verdict = check.analysis?.verdict;
    return VERDICTS.includes(verdict) ? verdict : 'no_face';
}

/** What happened and what to do, with the language of both. @param {{code: string, message: string, nextStep: string}} problem @param {Words} t */
export function problemWords({ code, message, nextStep }, t) {
    const isOwn = OWN_PROBLEMS.includes(code);
    if (message && !isOwn) return { text: message, next: nextStep, language: 'en' }; // a server speaks no other
    const own = isOwn ? code : 'internal';
    return { text: t(`problem_${own}`), next: t(`next_${own}`), language: t('language_code') };
}

/** @param {Check} check @param {Words} t */
function underWay(check, t) {
    if (check.cancelAsked) return { title: t('phase_cancelling'), text: '', next: '' };
    if (check.waiting) return { title: t('phase_waiting'), text: t(`problem_${check.waiting}`), next: t('waiting_next') };
    const sent = check.recordedS ? t('sending_recording', check.recordedS) : t('uploading', check.url);
    const text = check.phase === 'sending' && isUpload(check) ? sent : t(`phase_${check.phase}_text`, check.site ?? '');
    return { title: t(`phase_${check.phase}`), text, next: '' };
}

/** Whether a picture was asked about. A recording is one of a video, even where that stood still and gave one picture only. @param {Check} check */
export function isOfPicture({ analysis, recordedS }) {
    return Boolean(analysis?.media?.is_still) && !recordedS;
}

/** What the verdict means, in the cases of core/facts.py; a server of another version may say less. @param {Check} check @param {Tone} tone @param {Words} t */
function meaning(check, tone, t) {
    const { model, coverage, bands } = check.analysis;
    const isPicture = isOfPicture(check);
    if (tone !== 'no_face') {
        if (model?.trained === false) return ''; // that is said beneath, and is all there is to say
        if (bands?.[0] === 0 && bands[1] === 1) { // no number leads to a verdict
            if (isPicture) return t('undecided_picture');
            return t(coverage?.frames_examined === 1 ? 'undecided_frame' : 'undecided_video');
        }
    }
    const isMany = tone === 'likely_manipulated' && coverage?.faces_judged > MAX_FACES;
    return t(`verdict_${tone}${isPicture ? '_picture' : ''}${isMany ? '_many' : ''}_text`);
}

/** @param {Check} check @param {Tone} tone @param {Words} t @returns {{title: string, text: string, next: string, language?: string}} */
function wordsOf(check, tone, t) {
    if (tone === 'busy' || tone === 'waiting') return underWay(check, t);
    if (tone === 'problem') return { title: t('could_not_check'), ...problemWords(check.problem ?? { code: 'internal', message: '', nextStep: '' }, t) };
    if (tone === 'cancelled') return { title: t('phase_cancelled'), text: t('phase_cancelled_text'), next: '' };
    const isUntrained = check.analysis?.model?.trained === false; // then no number may be taken for one
    const notes = [check.recordedS ? t('recorded', check.recordedS) : '', isUntrained ? t('untrained') : ''];
    return { title: t(`verdict_${tone}`), text: meaning(check, tone, t), next: notes.filter(Boolean).join(' ') };
}

/** The title where nobody is told of every change: in the list and in the report. @param {View} view */
export function headingOf({ title, share }) {
    return share ? `${title}, ${share}` : title;
}

/** Whether to offer a recording of what plays in the page. @param {Check} check */
export function mayRecord(check) {
    return check.phase === 'failed' && check.hasVideo && RECORDABLE.includes(check.problem?.code ?? '');
}

/** @param {Check} check @param {Words} t @returns {View} */
export function viewOf(check, t) {
    const tone = toneOf(check);
    const button = (/** @type {string} */ what) => ({ what, label: t(`button_${what}`) });
    const { language = t('language_code'), ...words } = wordsOf(check, tone, t);
    const settle = check.problem && ['unauthorized', 'not_allowed', 'not_unmask', 'unreachable'].includes(check.problem.code);
    let buttons = [button('report')];
    if (!isOver(check)) buttons = check.cancelAsked ? [] : [button('cancel')];
    else if (tone === 'problem') buttons = [...(mayRecord(check) ? [button('record')] : []), button(settle ? 'settings' : 'upload'), button('again')];
    else if (tone === 'cancelled') buttons = [button('again')];
    if (!mayRepeat(check)) buttons = buttons.filter(({ what }) => what !== 'again');
    return {
        key: check.key,
        tone,
        shape: SHAPES[tone],
        ...words,
        about: leadsElsewhere(check) ? shortAddress(check.url) : '',
        progress: isOver(check) ? null : check.progress,
        share: tone === 'busy' && check.phase === 'analyzing' && !check.cancelAsked ? `${Math.round(check.progress * 100)} %` : '',
        percent: check.phase === 'done' ? percentOf(check.analysis, t) : null,
        buttons,
        labels: { language: t('language_code'), words: language, close: t('close') },
    };
}
