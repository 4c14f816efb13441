// @ts-check
// The full report of one check, as a page of text and simple drawings. Everything the server says is put in as text.

import { h, shape, svg } from '../dom.js';
import { asPercent, clock, fixed } from '../numbers.js';
import { VERDICTS } from '../state.js';
import { headingOf, isOfPicture, percentOf, SHAPES, viewOf } from '../view.js';

/**
 * @typedef {import('../state.js').Check} Check
 * @typedef {import('../view.js').Words} Words
 * @typedef {{name: string, face: number | null, t: number | null, source: string}} Picture `source` is a data URL; face and
 *   time for a heat map, null for the sheet of all key frames
 */

/** @param {string} title @param {(Node | null)[]} children */
function section(title, ...children) {
    return h('section', {}, h('h2', { text: title }), ...children);
}

/** @param {import('../view.js').Percent} percent */
function percentBar({ value, low, high, label }) {
    const bar = h('div', { class: 'bar band', 'aria-hidden': 'true' }, h('i'), h('b'));
    const [band, mark] = /** @type {HTMLElement[]} */ ([...bar.children]);
    band.style.left = `${low * 100}%`;
    band.style.width = `${Math.max(1, (high - low) * 100)}%`;
    mark.style.left = `${value * 100}%`;
    const scale = h('div', { class: 'scale', 'aria-hidden': 'true' }, h('span', { text: '0 %' }), h('span', { text: '50 %' }), h('span', { text: '100 %' }));
    return h('div', {}, h('p', { text: label }), bar, scale);
}

/** @param {number} progress @param {string} label */
function progressBar(progress, label) {
    const done = h('i');
    done.style.width = `${Math.max(3, progress * 100)}%`;
    return h('div', { class: 'bar', role: 'progressbar', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(progress * 100) }, done);
}

/** @param {Check} check @param {Words} t @param {string} language */
function verdict(check, t, language) {
    const view = viewOf(check, t);
    const isAddress = check.source !== 'file' && check.url;
    return h(
        'section',
        { class: `verdict ${view.tone}` },
        h('div', { class: 'say' }, shape(view.shape), h('h1', { text: headingOf(view) })),
        view.percent && percentBar(view.percent),
        view.progress !== null && progressBar(view.progress, view.title),
        view.text ? h('p', { text: view.text, lang: view.labels.words }) : null,
        check.analysis?.reason ? h('p', { text: check.analysis.reason, lang: 'en' }) : null,
        view.next ? h('p', { text: view.next, lang: view.labels.words }) : null,
        h('p', { class: 'about soft' }, isAddress ? h('a', { href: check.url, text: check.url, rel: 'noreferrer noopener', target: '_blank' }) : check.url),
        h('p', { class: 'soft', text: new Date(check.createdAt).toLocaleString(language) }),
    );
}

/** For each step between ascending times, whether it is longer than two of the others, or more than a second where they are not. @param {number[]} times */
function gapsIn(times) {
    const steps = times.slice(1).map((time, index) => time - times[index]);
    const sorted = [...steps].sort((a, b) => a - b);
    const median = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
    return steps.map((step) => step > Math.max(0.3, Math.min(2.1 * median, 1), 1.1 * median));
}

/** The face's timeline in stretches without a gap, as core/draw.py has them: between them nothing was judged, so no line goes there. @param {any} face @param {any} analysis @returns {any[][]} */
export function runs(face, analysis) {
    const times = (/** @type {any} */ { timeline }) => (timeline ?? []).map((/** @type {any} */ moment) => moment.t_s);
    const lookedAt = [...new Set(analysis.faces.flatMap(times))].sort((a, b) => a - b);
    const gaps = gapsIn(lookedAt);
    const pauses = lookedAt.filter((_, index) => gaps[index]);
    const ownGaps = gapsIn(times(face));
    /** @type {any[][]} */
    const stretches = [];
    face.timeline.forEach((/** @type {any} */ moment, /** @type {number} */ i) => {
        const isApart = i === 0 || ownGaps[i - 1] || pauses.some((at) => face.timeline[i - 1].t_s <= at && at < moment.t_s);
        if (isApart) stretches.push([]);
        stretches.at(-1)?.push(moment);
    });
    return stretches;
}

/** One face's probability over time. @param {any} face @param {any} analysis @param {Words} t */
function timeline(face, analysis, t) {
    const duration = analysis.media?.duration_s ?? face.last_seen_s;
    const [width, height, left] = [320, 84, 34];
    const x = (/** @type {number} */ seconds) => left + ((width - left - 8) * seconds) / Math.max(duration, 0.1);
    const y = (/** @type {number} */ probability) => 8 + (height - 30) * (1 - probability);
    const points = face.timeline.map((/** @type {any} */ moment) => [x(moment.t_s), y(moment.probability), moment]);
    const title = t('timeline_words', face.id, asPercent(Math.max(...face.timeline.map((/** @type {any} */ m) => m.probability))), clock(face.first_seen_s, true), clock(face.last_seen_s, true));
    return svg(
        'svg',
        { class: 'timeline', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title },
        ...[0, 0.5, 1].flatMap((level) => [
            svg('line', { x1: left, x2: width - 8, y1: y(level), y2: y(level) }),
            svg('text', { x: left - 6, y: y(level) + 4, 'text-anchor': 'end', text: `${level * 100}%` }),
        ]),
        ...runs(face, analysis).map((run) => svg('polyline', { points: run.map((moment) => `${x(moment.t_s).toFixed(1)},${y(moment.probability).toFixed(1)}`).join(' ') })),
        ...points.map(([px, py, moment]) => svg('circle', { cx: px.toFixed(1), cy: py.toFixed(1), r: points.length > 40 ? 1.5 : 3 }, svg('title', { text: `${clock(moment.t_s, true)}: ${asPercent(moment.probability)} %` }))),
        svg('text', { x: left, y: height - 4, text: clock(0) }),
        svg('text', { x: width - 8, y: height - 4, 'text-anchor': 'end', text: clock(duration) }),
    );
}

/** The same for those who read tables. @param {any} face @param {Words} t */
function timelineTable(face, t) {
    const rows = face.timeline.map((/** @type {any} */ moment) => h('tr', {}, h('td', { text: clock(moment.t_s, true) }), h('td', { text: `${asPercent(moment.probability)} %` })));
    const head = h('tr', {}, h('th', { text: t('time'), scope: 'col' }), h('th', { text: t('probability'), scope: 'col' }));
    return h('details', {}, h('summary', { text: t('as_table') }), h('table', {}, h('thead', {}, head), h('tbody', {}, ...rows)));
}

/** @param {any} face @param {Check} check @param {Words} t @param {Picture[]} pictures */
function faceReport(face, check, t, pictures) {
    const tone = VERDICTS.includes(face.verdict) ? face.verdict : 'no_face';
    const percent = percentOf(face, t);
    const seen = t('face_seen', clock(face.first_seen_s, true), clock(face.last_seen_s, true), face.frames);
    const isPicture = isOfPicture(check);
    const own = pictures.filter((picture) => picture.face === face.id);
    const figures = own.map(({ source, t: at }) => {
        const caption = isPicture ? t('heat_map') : `${t('heat_map')}, ${clock(at ?? 0, true)}`;
        return h('figure', {}, h('img', { src: source, alt: `${t('face', face.id)}: ${caption}` }), h('figcaption', { text: caption }));
    });
    return h(
        'div',
        { class: `face ${tone}` },
        h('h3', {}, shape(/** @type {any} */ (SHAPES)[tone]), h('span', { text: `${t('face', face.id)}: ${t(`verdict_${tone}`)}` })),
        percent && h('p', { text: percent.label }),
        face.reason ? h('p', { text: face.reason, lang: 'en' }) : null,
        face.frames >= 0 && !isPicture ? h('p', { class: 'soft', text: seen }) : null,
        face.timeline?.length > 1 ? timeline(face, check.analysis, t) : null,
        face.timeline?.length > 1 ? h('p', { class: 'soft', text: t('frames_vary') }) : null,
        face.timeline?.length > 1 ? timelineTable(face, t) : null,
        figures.length > 0 ? h('div', { class: 'pictures' }, ...figures) : null,
        figures.length > 0 ? h('p', { class: 'soft', text: t('heat_map_words') }) : null,
    );
}

/** @param {[string, string | number | null | undefined][]} rows */
function facts(rows) {
    return h('dl', {}, ...rows.filter(([, value]) => value !== null && value !== undefined && value !== '').flatMap(([name, value]) => [h('dt', { text: name }), h('dd', { text: String(value) })]));
}

/** @param {any} coverage @param {boolean} isPicture it has neither time nor sound @param {Words} t */
function lookedAt(coverage, isPicture, t) {
    const { seconds_examined: examined, seconds_total: total } = coverage;
    const isTimed = !isPicture && typeof examined === 'number' && typeof total === 'number';
    return facts([
        [t('seconds_examined'), isTimed ? t('of', fixed(examined, 1), fixed(total, 1)) : null],
        [t('frames_examined'), coverage.frames_examined],
        [t('faces_judged'), t('of', coverage.faces_judged, coverage.faces_found)],
        [t('faces_too_small'), coverage.faces_too_small || null],
        [t('faces_too_short'), coverage.faces_too_short || null],
        [t('audio'), isPicture ? null : t(`audio_${coverage.audio}`)],
    ]);
}

/** @param {any} model @param {Words} t */
function modelFacts(model, t) {
    return facts([
        [t('model_name'), `${model.name} ${model.version}`],
        [t('model_trained'), model.trained ? null : t('model_untrained')],
        ['SHA-256', model.sha256],
    ]);
}

/** What the probability presumes, and what becomes of it where fewer are manipulated. @param {number} probability @param {boolean} isPicture @param {Words} t */
function presumed(probability, isPicture, t) {
    const whereOneIn = (/** @type {number} */ number) => { // as core/facts.py
        const fewer = probability / (probability + (1 - probability) * (number - 1));
        return fewer < 0.005 ? '<1' : asPercent(fewer);
    };
    return t(isPicture ? 'presumed_picture' : 'presumed', asPercent(probability), whereOneIn(10), whereOneIn(100));
}

/** What is known beyond the verdict. @param {Check} check @param {Words} t @param {Picture[]} pictures */
function sections(check, t, pictures) {
    const { analysis } = check;
    const isPicture = isOfPicture(check);
    const faces = [...(analysis.faces ?? [])].sort((a, b) => (b.probability ?? -1) - (a.probability ?? -1));
    const evidence = analysis.provenance;
    const isVerdict = Boolean(analysis.verdict && analysis.model?.trained);
    const sheet = pictures.find((picture) => picture.face === null);
    return [
        faces.length > 0 && section(t('faces'), ...faces.map((face) => faceReport(face, check, t, pictures))),
        sheet && section(t('key_frames'), h('img', { class: 'sheet', src: sheet.source, alt: t('key_frames') })),
        analysis.warnings?.length > 0 && section(t('uncertain'), h('ul', { lang: 'en' }, ...analysis.warnings.map((/** @type {any} */ warning) => h('li', { text: warning.message })))),
        analysis.coverage && section(t('looked_at'), lookedAt(analysis.coverage, isPicture, t)), // a server of another version may not say all
        evidence && section(t('provenance'), h('p', { text: evidence.summary, lang: 'en' }), facts([[t('signer'), evidence.signer], [t('generator'), evidence.claim_generator]]), h('p', { class: 'soft', text: t('provenance_words') })),
        isVerdict && section(t('probability'), h('p', { text: presumed(analysis.probability, isPicture, t) }), h('p', { text: t('no_proof') })),
        analysis.model && section(t('model'), modelFacts(analysis.model, t)),
    ];
}

/** The same; of a server of another version that says it in another form, only that it does. @param {Check} check @param {Words} t @param {Picture[]} pictures */
function whatIsKnown(check, t, pictures) {
    try {
        return sections(check, t, pictures);
    } catch {
        return [h('p', { text: `${t('problem_unknown_answer')} ${t('next_unknown_answer')}` })];
    }
}

/**
 * @param {Check} check
 * @param {Words} t
 * @param {string} language
 * @param {Picture[]} pictures
 */
export function reportOf(check, t, language, pictures) {
    return h('div', { class: 'report' }, verdict(check, t, language), ...(check.phase === 'done' ? whatIsKnown(check, t, pictures) : []));
}
