// What a report says in figures and times.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { parseHTML } from 'linkedom';

import { wordsFrom } from '../../../extension/i18n.js';
import { reportOf } from '../../../extension/panel/report.js';
import { answered, failed, newCheck } from '../../../extension/state.js';
import { analysis } from '../support/analysis.js';

const words = JSON.parse(readFileSync(new URL('../../../extension/_locales/en/messages.json', import.meta.url), 'utf8'));
const { document, Node } = parseHTML('<html><body></body></html>');
Object.assign(globalThis, { document, Node });

test('sentences that the server alone has words for are marked as English', () => {
    const german = JSON.parse(readFileSync(new URL('../../../extension/_locales/de/messages.json', import.meta.url), 'utf8'));
    const languages = (code) => {
        const check = failed(newCheck({ key: 'k', url: 'https://x.com/a/status/1', site: 'X', source: 'link', server: 's', tabId: 1 }, 0), code, 0, { message: 'So it is.', nextStep: 'Do that.' });
        return [...reportOf(check, wordsFrom(german), 'de', []).querySelectorAll('p[lang]')].map((line) => line.getAttribute('lang'));
    };
    assert.deepEqual([languages('brand_new'), languages('network')], [['en', 'en'], ['de', 'de']]);
});

function reported(result, pictures = []) {
    const asked = newCheck({ key: 'k', url: 'https://x.com/a/status/1', site: 'X', source: 'link', server: 's', tabId: 1 }, 0);
    const check = answered(asked, { kind: 'ok', status: 200, body: { id: '0123456789', status: 'done', analysis: result } }, 0);
    return reportOf(check, wordsFrom(words), 'en', pictures);
}

test('nowhere is a probability 0 or 100 per cent, which nobody can know', () => {
    const sure = analysis('likely_manipulated', 0.999);
    sure.interval = [0.001, 1];
    sure.faces[0].timeline.forEach((moment, index) => (moment.probability = index % 2));
    const report = reported(sure);
    report.querySelectorAll('.scale, .timeline > text').forEach((axis) => axis.remove());
    assert.match(report.textContent, /99 %, likely between 1 and 99 %/);
    assert.doesNotMatch(report.textContent, /\b(?:0|100) %/);
});

test('what a probability becomes where few are manipulated is told, and that nothing about a person should rest on it', () => {
    assert.match(reported(analysis('likely_manipulated', 0.89)).textContent, /Where 1 in 10 is, 89 % becomes 47 %; where 1 in 100 is, 8 %\..*no decision about a person/);
    const untrained = analysis();
    untrained.model.trained = false;
    assert.doesNotMatch(reported(untrained).textContent, /1 in 10 is/);
});

test('each moment of a second has a time of its own, in the table and beneath the heat maps', () => {
    const result = analysis();
    result.faces[0].timeline.forEach((moment, index) => (moment.t_s = index / 4));
    const pictures = [3, 3.5].map((t) => ({ name: 'heat', face: 1, t, source: 'data:,' }));
    const report = reported(result, pictures);
    const times = [...report.querySelector('.face').querySelectorAll('tbody tr')].map((row) => row.firstElementChild.textContent);
    assert.equal(times[2], '0:00.5');
    assert.equal(new Set(times).size, 16);
    assert.deepEqual([...report.querySelectorAll('figcaption')].map(({ textContent }) => textContent), ['Heat map, 0:03.0', 'Heat map, 0:03.5']);
});

/** How many moments each line of a face's timeline goes through; `times`: of each face. */
function linesOf(...times) {
    const result = analysis();
    result.faces = times.map((own, index) => ({ ...result.faces[0], id: index + 1, probability: 0.9 - index / 10, timeline: own.map((t_s) => ({ t_s, probability: 0.5 })) }));
    const drawn = [...reported(result).querySelectorAll('.timeline')];
    return drawn.map((one) => [...one.querySelectorAll('polyline')].map((line) => line.getAttribute('points').split(' ').length));
}

test('a line breaks where nothing was looked at', () => {
    assert.deepEqual(linesOf([0, 0.125, 0.25, 3, 3.125, 3.25]), [[3, 3]]);
});

test('a line breaks between windows even for a face judged rarely', () => {
    const within = (count, step) => [0, 2.5].flatMap((start) => Array.from({ length: count }, (_, i) => start + i * step));
    assert.deepEqual(linesOf(within(16, 1 / 8), within(4, 1 / 2)), [[16, 16], [4, 4]]);
});

test('the seconds that were looked at read as they do in the other reports', () => {
    const seconds = (examined, total) => {
        const result = analysis();
        Object.assign(result.coverage, { seconds_examined: examined, seconds_total: total });
        const names = [...reported(result).querySelectorAll('dt')];
        return names.find(({ textContent }) => textContent === 'Seconds')?.nextElementSibling.textContent;
    };
    assert.equal(seconds(5.25, 10.75), '5.2 of 10.8');
    assert.equal(seconds(0.15, 8.05), '0.1 of 8.1');
    assert.equal(seconds(undefined, 12), undefined);
});

test('of a picture neither times nor sound are told, and nowhere is it called a video', () => {
    const result = analysis();
    result.media = { ...result.media, is_still: true, duration_s: 0, has_audio: false };
    result.coverage = { ...result.coverage, frames_examined: 1, seconds_examined: 0, seconds_total: 0, audio: 'absent' };
    result.faces = result.faces.map((face) => ({ ...face, frames: 1, first_seen_s: 0, last_seen_s: 0, timeline: face.timeline.slice(0, 1) }));
    const report = reported(result, [{ name: 'heat', face: 1, t: 0, source: 'data:,' }]);
    report.querySelector('.about').remove();
    const own = report.textContent.replace(words.provenance_words.message, ''); // that is about files at large
    assert.match(own, /half of all pictures/);
    assert.doesNotMatch(own, /video|Seconds|Sound|\b0:00/);
});

for (const [name, part] of [['faces', { faces: {} }], ['warnings', { warnings: 'few' }], ['a timeline', { faces: [{ id: 1, verdict: 'inconclusive', timeline: 'none' }] }]]) {
    test(`the verdict is told of a server that tells ${name} in a form of its own, and that the rest is not understood`, () => {
        const { textContent } = reported({ ...analysis('inconclusive', 0.5), ...part });
        assert.match(textContent, /Inconclusive.*50 %.*this version of the extension does not know/s);
    });
}
