// What people read: every language says everything, and the card says it for every state.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { LANGUAGES, wordsFrom } from '../../../extension/i18n.js';
import { asPercent, clock, fixed } from '../../../extension/numbers.js';
import { answered, cancelled, failed, newCheck, recorded, recording } from '../../../extension/state.js';
import { OWN_PROBLEMS, SHAPES, percentOf, shortAddress, viewOf } from '../../../extension/view.js';
import { analysis } from '../support/analysis.js';

const ROOT = new URL('../../../extension/', import.meta.url);
const read = (path) => readFileSync(new URL(path, ROOT), 'utf8');
const messages = (language) => JSON.parse(read(`_locales/${language}/messages.json`));
const english = messages('en');
const t = wordsFrom(english);

const sources = readdirSync(ROOT, { recursive: true }).filter((path) => /\.(?:js|html)$/.test(path)).map((path) => read(path)).join('\n');
const named = [
    ...[...sources.matchAll(/\bt\('(\w+)'/g), ...sources.matchAll(/data-(?:words|label)="(\w+)"/g)].map(([, name]) => name),
    ...[...read('manifest.json').matchAll(/__MSG_(\w+)__/g)].map(([, name]) => name),
    ...OWN_PROBLEMS.flatMap((code) => [`problem_${code}`, `next_${code}`]),
    ...['likely_manipulated', 'inconclusive', 'no_signs_found', 'no_face'].map((verdict) => `verdict_${verdict}`)
        .flatMap((verdict) => [verdict, `${verdict}_text`, `${verdict}_picture_text`]),
    ...['many', 'picture_many'].map((what) => `verdict_likely_manipulated_${what}_text`),
    ...['recording', 'sending', 'queued', 'fetching', 'analyzing'].flatMap((phase) => [`phase_${phase}`, `phase_${phase}_text`]),
    ...['report', 'cancel', 'again', 'settings', 'upload', 'record'].map((what) => `button_${what}`),
    ...['not_examined', 'absent'].map((audio) => `audio_${audio}`),
];

for (const language of Object.keys(LANGUAGES)) {
    test(`${language} has every message, with the same places for values`, () => {
        const own = messages(language);
        assert.deepEqual(Object.keys(own).sort(), Object.keys(english).sort());
        const places = (text) => [...text.matchAll(/\$\d/g)].map(([place]) => place).sort();
        for (const [name, { message }] of Object.entries(own)) {
            assert.ok(message.trim(), name);
            assert.deepEqual(places(message), places(english[name].message), `${language} ${name}`);
        }
    });
}

for (const language of Object.keys(LANGUAGES).filter((one) => one !== 'en')) {
    test(`${language} says what went wrong in its own words, and no longer than a card has room for`, () => {
        const own = messages(language);
        for (const name of OWN_PROBLEMS.flatMap((code) => [`problem_${code}`, `next_${code}`])) {
            assert.notEqual(own[name].message, english[name].message, `${language} ${name}`);
            assert.match(own[name].message, /^.{5,130}[.।]$/u, `${language} ${name}`);
        }
    });
}

test('every message that is named exists, and none is left over', () => {
    const used = new Set(named);
    assert.deepEqual([...used].filter((name) => !english[name]), []);
    const spoken = (name) => used.has(name) || sources.includes(`'${name}'`);
    assert.deepEqual(Object.keys(english).filter((name) => !spoken(name)), []);
});

test('no text calls a video fake or real as a verdict', () => {
    const verdicts = Object.keys(english).filter((name) => /^verdict_\w+(?<!_text)$/.test(name)).map((name) => english[name].message);
    assert.deepEqual(verdicts.filter((text) => /\b(?:fake|real)\b/i.test(text)), []);
});

const ABOUT = { key: 'k', url: 'https://x.com/a/status/1', site: 'X', source: 'link', server: 's', tabId: 1 };
const at = (reply) => answered(newCheck(ABOUT, 0), reply, 0);
const ok = (body) => ({ kind: 'ok', status: 200, body: { id: '0123456789', ...body } });

test('the card of a result says the verdict, its meaning and the probability with its interval', () => {
    const view = viewOf(at(ok({ status: 'done', analysis: analysis('likely_manipulated', 0.87) })), t);
    assert.deepEqual([view.tone, view.title], ['likely_manipulated', 'Likely manipulated']);
    assert.match(view.text, /1 real video in 20/);
    assert.match(view.percent.label, /87 %.*74 and 95 %/);
    assert.deepEqual(view.buttons.map(({ what }) => what), ['report']);
});

test('the card of a link names it, and that of what plays in the page does not', () => {
    const about = (source) => viewOf(newCheck({ ...ABOUT, source }, 0), t).about;
    assert.deepEqual(['link', 'selection'].map(about), ['x.com/a/status/1', 'x.com/a/status/1']);
    assert.deepEqual(['src', 'permalink', 'embed', 'page', 'file', 'none'].map(about), ['', '', '', '', '', '']);
});

test('a long address is shortened to whose it is and what tells it from others, and cannot pose as another host', () => {
    assert.equal(shortAddress('https://www.youtube.com/watch?v=aqz-KE-bpKQ'), 'youtube.com/watch?v=aqz-KE-bpKQ');
    assert.equal(shortAddress('https://news.example:8443/'), 'news.example:8443');
    const path = '/a-story-with-a-name-that-goes-on/and-on/2026-11-30.mp4';
    assert.equal(shortAddress(`https://news.example${path}`), 'news.example/a-story-with-a-…d-on/2026-11-30.mp4');
    assert.match(shortAddress(`https://youtube.com.${'login.'.repeat(20)}evil.example/v`), /^….{27}evil\.example\/v$/);
});

test('a probability is never shown as 0 or 100, as nowhere else', () => {
    const said = (probability) => viewOf(at(ok({ status: 'done', analysis: analysis('inconclusive', probability) })), t).percent.label;
    assert.match(said(0.002), /manipulation 1 %, likely between 1 and 8 %/);
    assert.match(said(0.998), /manipulation 99 %, likely between 87 and 99 %/);
});

test('an interval without width is not told as one between two equal numbers', () => {
    assert.equal(percentOf({ probability: 0.995, interval: [0.991, 0.999] }, t).label, 'Probability of manipulation about 99 %');
});

const WALLED = failed(newCheck({ ...ABOUT, hasVideo: true }, 0), 'login_required', 0);
const STATES = [
    ['sending', newCheck(ABOUT, 0), 'busy', ['cancel']],
    ['queued', at(ok({ status: 'queued' })), 'busy', ['cancel']],
    ['analysing', at(ok({ status: 'analyzing', progress: 0.42 })), 'busy', ['cancel']],
    ['a busy server', at({ kind: 'problem', status: 503, code: 'busy', retryAfterS: 3 }), 'waiting', ['cancel']],
    ['no server', at({ kind: 'unreachable' }), 'waiting', ['cancel']],
    ['stopping', cancelled(at(ok({ status: 'queued' })), 0), 'busy', []],
    ['cancelled', at(ok({ status: 'cancelled' })), 'cancelled', ['again']],
    ['no face', at(ok({ status: 'done', analysis: analysis(null, null) })), 'no_face', ['report']],
    ['a wrong key', failed(newCheck(ABOUT, 0), 'unauthorized', 0), 'problem', ['settings', 'again']],
    ['a server one has not agreed to', failed(newCheck(ABOUT, 0), 'not_allowed', 0), 'problem', ['settings', 'again']],
    ['a login wall', failed(newCheck(ABOUT, 0), 'login_required', 0), 'problem', ['upload', 'again']],
    ['a login wall before a video in the page', WALLED, 'problem', ['record', 'upload', 'again']],
    ['a protected video', failed({ ...WALLED, phase: 'sending' }, 'drm', 0), 'problem', ['upload', 'again']],
    ['a recording', recording(WALLED, 0.5, 0), 'busy', ['cancel']],
    ['a recording that is sent', recorded(WALLED, 8, 0), 'busy', ['cancel']],
    ['a failed upload', failed(newCheck({ ...ABOUT, source: 'file' }, 0), 'damaged', 0), 'problem', ['upload']],
];
for (const [name, check, tone, buttons] of STATES) {
    test(`${name}: a title, a shape of its own and what can be done`, () => {
        const view = viewOf(check, t);
        assert.equal(view.tone, tone);
        assert.ok(view.title && view.shape);
        assert.deepEqual(view.buttons.map(({ what }) => what), buttons);
        if (tone === 'problem') assert.ok(view.text && view.next);
    });
}

test('the result of a recording says that it was one, and of how many seconds', () => {
    const view = viewOf(answered(recorded(WALLED, 8.2, 0), ok({ status: 'done', analysis: analysis() }), 0), t);
    assert.equal(view.next, 'What was looked at is a recording of 8 s, made in your browser.');
});

/** What is said of an answer that differs so from that for a video with two faces and weights that can tell. */
function meaningOf({ verdict = 'inconclusive', media = {}, coverage = {}, ...parts }, check = newCheck(ABOUT, 0)) {
    const answer = analysis(verdict, 0.5);
    const changed = { ...answer, bands: [0.1, 0.9], media: { ...answer.media, ...media }, coverage: { ...answer.coverage, ...coverage }, ...parts };
    return viewOf(answered(check, ok({ status: 'done', analysis: changed }), 0), t).text;
}
const STILL = { media: { is_still: true }, coverage: { frames_examined: 1 } };
const MANY = { verdict: 'likely_manipulated', coverage: { faces_judged: 33 } };

test('weights that cannot tell such media are said to be why the answer is inconclusive, and not weak signs', () => {
    const bands = [0, 1];
    assert.match(meaningOf({ bands }), /^The answer is inconclusive whatever the number, .* manipulated videos .*not a sign that the video is real\.$/);
    assert.match(meaningOf({ bands, ...STILL }), / manipulated pictures .*not a sign that the picture is real\.$/);
    assert.match(meaningOf({ bands, coverage: { frames_examined: 1 } }), / manipulated pictures .*not a sign that the video is real\.$/);
    for (const some of [[0, 0.9], [0.1, 1], null, undefined]) assert.match(meaningOf({ bands: some }), /^The signs are too weak/);
});

test('a picture is called a picture', () => {
    for (const verdict of ['likely_manipulated', 'inconclusive', 'no_signs_found', null]) {
        assert.match(meaningOf({ verdict }), /\bvideo\b/);
        assert.match(meaningOf({ verdict, ...STILL }), /^(?=.*\bpicture\b)(?!.*video)/);
    }
});

test('with more faces than there are edges for one in twenty is not all that is claimed', () => {
    assert.match(meaningOf({ ...MANY, coverage: { faces_judged: 32 } }), /1 real video in 20 is flagged by mistake\.$/);
    assert.match(meaningOf(MANY), /1 real video in 20 is flagged by mistake, and more of those with so many faces\.$/);
    assert.match(meaningOf({ ...MANY, media: STILL.media }), /1 real picture in 20 is flagged by mistake, and more of those with so many faces\.$/);
    assert.match(meaningOf({ ...MANY, verdict: 'inconclusive' }), /^The signs are too weak/);
});

test('a recording is one of a video, also where it holds a single picture', () => {
    const recording = recorded(WALLED, 8, 0);
    assert.match(meaningOf(STILL, recording), /video is real/);
    assert.match(meaningOf({ bands: [0, 1], ...STILL }, recording), /manipulated pictures .* video is real/);
});

test('a server of another version that leaves fields out is told of as before', () => {
    for (const part of [undefined, null, {}]) {
        const { verdict, probability } = analysis('inconclusive', 0.5);
        const little = { verdict, probability, bands: part, media: part, coverage: part, model: part };
        const text = (more) => viewOf(at(ok({ status: 'done', analysis: { ...little, ...more } })), t).text;
        assert.equal(text({}), t('verdict_inconclusive_text'));
        assert.equal(text({ bands: [0, 1] }), t('undecided_video'));
    }
});

test('the shapes of the verdicts differ, so that colour is never the only sign', () => {
    assert.equal(new Set(Object.values(SHAPES)).size, Object.keys(SHAPES).length);
});

const german = wordsFrom(messages('de'));
const told = { message: 'So it is.', nextStep: 'Do that.' };

test('for a code it does not know the card repeats the server’s sentences, and names their language', () => {
    const view = viewOf(failed(newCheck(ABOUT, 0), 'brand_new', 0, told), german);
    assert.deepEqual([view.text, view.next, view.labels.words, view.labels.language], ['So it is.', 'Do that.', 'en', 'de']);
});

test('what the extension has words for itself is said in the chosen language', () => {
    for (const code of OWN_PROBLEMS) {
        const view = viewOf(failed(newCheck(ABOUT, 0), code, 0, told), german);
        assert.deepEqual([view.text, view.next, view.labels.words], [german(`problem_${code}`), german(`next_${code}`), 'de']);
    }
    const silent = viewOf(failed(newCheck(ABOUT, 0), 'brand_new', 0), german);
    assert.deepEqual([silent.text, silent.labels.words], [german('problem_internal'), 'de']);
});

test('a number of an untrained model is said to mean nothing', () => {
    const answer = analysis('inconclusive', 0.5);
    const view = viewOf(at(ok({ status: 'done', analysis: { ...answer, model: { ...answer.model, trained: false } } })), t);
    assert.deepEqual([view.text, view.next], ['', 'This model is untrained: the number means nothing.']);
});

test('a time reads as it does in the pictures beside it', () => {
    assert.deepEqual([0, 3.75, 7.96, 62, 3723].map((seconds) => clock(seconds)), ['0:00', '0:03', '0:08', '1:02', '1:02:03']);
    assert.deepEqual([clock(3.25, true), clock(3.75, true), clock(7.96, true)], ['0:03.2', '0:03.8', '0:08.0']);
});

// [value, decimals, what Python's format() writes]
const MIDDLES = [
    [0.5, 0, '0'], [1.5, 0, '2'], [2.5, 0, '2'], [52.5, 0, '52'], [53.5, 0, '54'], [2.51, 0, '3'], [2.49, 0, '2'],
    [0.25, 1, '0.2'], [0.75, 1, '0.8'], [5.25, 1, '5.2'], [5.75, 1, '5.8'], [10, 1, '10.0'],
    [0.15, 1, '0.1'], [0.35, 1, '0.3'], [0.45, 1, '0.5'], [8.05, 1, '8.1'], [7.95, 1, '8.0'], // no middles: these have no exact form
];
test('a number in the middle goes to the even side, as in every other report', () => {
    assert.deepEqual(MIDDLES.map(([value, decimals]) => fixed(value, decimals)), MIDDLES.map(([, , text]) => text));
    assert.deepEqual([0.125, 0.375, 0.625, 0.875].map(asPercent), ['12', '38', '62', '88']);
});

test('a check that is being cancelled says so, and a verdict of a later server is called unknown', () => {
    const going = viewOf(cancelled(at(ok({ status: 'analyzing', progress: 0.5 })), 0), t);
    assert.deepEqual([going.title, going.share, going.buttons], [t('phase_cancelling'), '', []]);
    const unknown = { ...analysis('inconclusive', 0.5), verdict: 'a_new_one' };
    assert.equal(viewOf(at(ok({ status: 'done', analysis: unknown })), t).text, t('problem_unknown_answer'));
});
