import assert from 'node:assert/strict';
import { test } from 'node:test';

import { again, answered, cancelled, dueCall, failed, heard, isOver, isSilent, mayRepeat, newCheck, outdated, recorded, recording, twin, uploading } from '../../../extension/state.js';
import { analysis } from '../support/analysis.js';

const NOW = 1_700_000_000_000;
const ABOUT = { key: 'k1', url: 'https://x.com/a/status/1', site: 'X', source: 'link', server: 'http://127.0.0.1:8000', tabId: 7 };
const ID = '0123456789abcdef0123456789abcdef';
const fresh = () => newCheck(ABOUT, NOW);
const ok = (body, status = 200) => ({ kind: 'ok', status, body: { id: ID, ...body } });
const problem = (status, code = 'x', retryAfterS = null) => ({ kind: 'problem', status, code, message: 'm', nextStep: 'n', retryAfterS });
const UNREACHABLE = { kind: 'unreachable' };
const submitted = () => answered(fresh(), ok({ status: 'queued' }, 202), NOW);

test('a new check is sent at once', () => assert.equal(dueCall(fresh(), NOW), 'submit'));

test('a check goes from sending to its result', () => {
    let check = fresh();
    for (const [status, progress] of [['queued', 0], ['fetching', 0.1], ['analyzing', 0.6]]) {
        check = answered(check, ok({ status, progress }), NOW);
        assert.deepEqual([check.phase, check.progress, check.serverId], [status, progress, ID]);
        assert.equal(dueCall(check, NOW), null);
        assert.equal(dueCall(check, check.nextAt), 'get');
    }
    check = answered(check, ok({ status: 'done', progress: 1, analysis: analysis(), artifacts: ['key-frames.png', 7] }), NOW);
    assert.equal(check.phase, 'done');
    assert.equal(check.analysis.probability, 0.87);
    assert.equal(check.artifacts.length, 1);
    assert.equal(dueCall(check, NOW + 1e9), null);
});

test('a check whose worker was stopped before the answer is sent again under the same key', () => {
    const revived = JSON.parse(JSON.stringify(fresh())); // as storage gives it back
    assert.equal(dueCall(revived, NOW + 60_000), 'submit');
    assert.deepEqual([revived.key, revived.attempt], ['k1', 1]);
});

test('a failed check keeps the server’s code and words', () => {
    const check = answered(submitted(), ok({ status: 'failed', error: { code: 'login_required', message: 'Signed in only.', next_step: 'Upload it.' } }), NOW);
    assert.deepEqual(check.problem, { code: 'login_required', message: 'Signed in only.', nextStep: 'Upload it.' });
    assert.ok(isOver(check));
});

test('a server that does not answer is tried again, less and less often, and what was known stays', () => {
    let check = answered(submitted(), ok({ status: 'analyzing', progress: 0.4 }), NOW);
    const pauses = [];
    for (let i = 0; i < 8; i++) {
        check = answered(check, UNREACHABLE, NOW);
        pauses.push(check.nextAt - NOW);
    }
    assert.deepEqual(pauses, [...pauses].sort((a, b) => a - b));
    assert.deepEqual([pauses[0], pauses.at(-1)], [1_000, 30_000]);
    assert.deepEqual([check.phase, check.progress, check.waiting], ['analyzing', 0.4, 'unreachable']);
    check = answered(check, ok({ status: 'analyzing', progress: 0.5 }), NOW);
    assert.deepEqual([check.waiting, check.tries], [null, 0]);
});

test('a server that never comes back ends in a failure that says so', () => {
    let check = fresh();
    for (let i = 0; i < 100 && !isOver(check); i++) check = answered(check, UNREACHABLE, NOW);
    assert.equal(check.problem.code, 'unreachable');
});

for (const status of [429, 503]) {
    test(`${status} waits as long as Retry-After says`, () => {
        const check = answered(fresh(), problem(status, 'busy', 17), NOW);
        assert.deepEqual([check.waiting, check.nextAt], ['busy', NOW + 17_000]);
        assert.equal(dueCall(check, NOW + 17_000), 'submit');
    });
}

test('a Retry-After of a year is not waited for', () => {
    assert.equal(answered(fresh(), problem(429, 'busy', 31_536_000), NOW).nextAt, NOW + 300_000);
});

const REFUSALS = [
    [401, 'unauthorized', 'unauthorized'],
    [403, 'forbidden', 'unauthorized'],
    [403, 'foreign_origin', 'foreign_origin'],
    [404, 'not_found', 'not_unmask'],
    [422, 'unsupported_site', 'unsupported_site'],
    [413, 'too_large', 'too_large'],
    [409, 'idempotency_conflict', 'idempotency_conflict'],
];
for (const [status, code, expected] of REFUSALS) {
    test(`a submission answered ${status} ${code} fails as ${expected}`, () => {
        assert.equal(answered(fresh(), problem(status, code), NOW).problem.code, expected);
    });
}

test('a check the server has forgotten says so', () => {
    assert.equal(answered(submitted(), problem(404, 'not_found'), NOW).problem.code, 'expired');
});

test('500 is waited out like a server that restarts', () => {
    assert.equal(answered(submitted(), problem(500, 'internal'), NOW).waiting, 'unreachable');
});

test('what answers in place of a server that has the check is waited out, and is an error where no server was heard yet', () => {
    for (const status of [0, 403]) {
        assert.equal(answered(submitted(), problem(status, 'not_unmask'), NOW).waiting, 'unreachable');
        assert.equal(answered(fresh(), problem(status, 'not_unmask'), NOW).problem.code, 'not_unmask');
    }
});

test('503 of a proxy says that the server is not there, not that it is busy', () => {
    assert.equal(answered(fresh(), problem(503, 'http_503'), NOW).waiting, 'unreachable');
});

test('cancelling a running check asks the server, and its answer ends it', () => {
    const asked = cancelled(submitted(), NOW + 5);
    assert.equal(dueCall(asked, NOW + 5), 'cancel');
    assert.equal(answered(asked, ok({ status: 'cancelled' }), NOW + 6).phase, 'cancelled');
});

test('cancelling while the first call is on its way cancels on the server afterwards', () => {
    const asked = cancelled(fresh(), NOW);
    const known = answered(asked, ok({ status: 'queued' }, 202), NOW);
    assert.equal(dueCall(known, NOW), 'cancel');
});

test('cancelling a check that never reached the server ends it here', () => {
    const check = cancelled(answered(fresh(), UNREACHABLE, NOW), NOW);
    assert.deepEqual([check.phase, dueCall(check, NOW + 1e9)], ['cancelled', null]);
});

test('cancelling while a recording is on its way ends it here: it is not sent again to be cancelled', () => {
    const check = cancelled(uploading(recorded(fresh(), 8, NOW), NOW), NOW);
    assert.deepEqual([check.phase, dueCall(check, NOW + 1e9)], ['cancelled', null]);
});

test('a cancel that came too late lets the check end as it did', () => {
    const late = answered(cancelled(submitted(), NOW), problem(409, 'already_done'), NOW);
    assert.equal(dueCall(late, NOW), 'get');
    assert.equal(answered(late, ok({ status: 'done', analysis: analysis() }), NOW).phase, 'done');
});

test('an answer that arrives after the end changes nothing', () => {
    const over = failed(submitted(), 'expired', NOW);
    assert.equal(answered(over, ok({ status: 'queued' }), NOW), over);
});

test('trying again keeps the card and makes a new check', () => {
    const next = again(failed(submitted(), 'expired', NOW), 'http://other:8000', NOW + 9);
    assert.deepEqual([next.key, next.attempt, next.serverId, next.phase, next.server], ['k1', 2, null, 'sending', 'http://other:8000']);
});

test('what is over can be asked for again, but for a file, which is not kept, and a click that meant no address', () => {
    const over = failed(submitted(), 'expired', NOW);
    const sources = ['link', 'page', 'file', 'none'].filter((source) => mayRepeat({ ...over, source }));
    assert.deepEqual([sources, mayRepeat(submitted())], [['link', 'page'], false]);
});

test('the same video in the same tab is found while it is under way, and not after', () => {
    const running = submitted();
    assert.equal(twin([running], ABOUT), running);
    assert.equal(twin([running], { ...ABOUT, tabId: 8 }), null);
    assert.equal(twin([failed(running, 'expired', NOW)], ABOUT), null);
});

test('a file is never taken for another one of the same name', () => {
    const upload = (key) => newCheck({ key, url: 'video.mp4', source: 'file', server: ABOUT.server }, NOW);
    assert.equal(twin([upload('a')], upload('b')), null);
});

test('one video of a page that is being recorded, or was, is not taken for another one there', () => {
    const asked = { ...ABOUT, url: 'https://a.example/', source: 'page', hasVideo: true };
    const running = recording(failed(newCheck(asked, NOW), 'login_required', NOW), 0.5, NOW);
    const made = recorded(running, 8, NOW);
    for (const check of [running, made, answered(made, ok({ status: 'queued' }, 202), NOW)]) assert.equal(twin([check], asked), null);
});

test('a recording is made once more under a new key, and only then is there something to send', () => {
    const walled = failed({ ...submitted(), hasVideo: true }, 'login_required', NOW);
    const running = recording(walled, 0.5, NOW);
    assert.deepEqual([isOver(running), running.phase, running.progress, dueCall(running, NOW + 1e9)], [false, 'recording', 0.5, null]);
    const made = recorded(running, 7.6, NOW);
    assert.deepEqual([made.phase, made.recordedS, made.attempt, made.serverId, dueCall(made, NOW)], ['sending', 8, 2, null, 'submit']);
    assert.equal(again(failed(made, 'damaged', NOW), made.server, NOW).recordedS, 0); // it is not kept: the address again
});

test('uploads that nobody answers are counted, and the fourth is not begun; any answer starts the count again', () => {
    let made = recorded(recording(failed({ ...submitted(), hasVideo: true }, 'login_required', NOW), 1, NOW), 8, NOW);
    for (let i = 1; i <= 3; i++) {
        made = uploading(made, NOW);
        assert.deepEqual([made.phase, made.uploads, dueCall(made, NOW)], ['sending', i, 'submit']);
    }
    assert.equal(uploading(made, NOW).problem.code, 'upload_stopped');
    assert.equal(answered(made, { kind: 'unreachable' }, NOW).uploads, 0);
});

test('a recording can be cancelled, and is given up when its page says nothing more', () => {
    const running = recording(failed(fresh(), 'login_required', NOW), 0.1, NOW);
    assert.equal(cancelled(running, NOW).phase, 'cancelled');
    assert.deepEqual([isSilent(running, NOW + 14_000), isSilent(running, NOW + 16_000), isSilent(fresh(), NOW + 1e9)], [false, true, false]);
});

test('what a panel hears moves a check on, and calls become rare meanwhile', () => {
    const next = heard(submitted(), { id: ID, status: 'analyzing', progress: 0.7 }, NOW);
    assert.deepEqual([next.phase, next.progress, next.nextAt - NOW], ['analyzing', 0.7, 5_000]);
    assert.equal(heard(submitted(), { id: ID, status: 'done', analysis: analysis() }, NOW).phase, 'done');
    const other = submitted();
    assert.equal(heard(other, { id: 'another-check', status: 'done', analysis: analysis() }, NOW), other);
    assert.equal(dueCall(heard(cancelled(submitted(), NOW), { id: ID, status: 'queued' }, NOW), NOW), 'cancel');
});

test('finished checks are forgotten by age and number, running ones never', () => {
    const day = 86_400_000;
    const old = { ...failed(fresh(), 'expired', NOW), key: 'old', createdAt: NOW - 8 * day };
    const running = { ...submitted(), key: 'running', createdAt: NOW - 9 * day };
    const many = Array.from({ length: 203 }, (_, i) => ({ ...failed(fresh(), 'expired', NOW), key: `n${i}`, createdAt: NOW - i }));
    assert.deepEqual(outdated([old, running], 7, NOW), [old]);
    assert.deepEqual(outdated(many, 7, NOW).map(({ key }) => key), ['n200', 'n201', 'n202']);
});

test('nonsense from the server does not become a state', () => {
    const check = answered(submitted(), ok({ status: 'hacked', progress: 7, error: 3 }), NOW);
    assert.deepEqual([check.phase, check.progress], ['queued', 0]);
    assert.equal(answered(submitted(), ok({ status: 'done' }), NOW).problem.code, 'internal');
});

test('a clock that is set back holds no check up, and a pause that the server asked for is kept', () => {
    const hour = 3_600_000;
    assert.equal(dueCall(submitted(), NOW - 2 * hour), 'get');
    assert.ok(isSilent(recording(failed(fresh(), 'login_required', NOW), 0.1, NOW), NOW - 2 * hour));
    assert.equal(dueCall(answered(fresh(), problem(429, 'busy', 31_536_000), NOW), NOW), null);
});

test('a verdict of a newer server, which this version does not know, is not taken for one that there is no face', () => {
    const of = (verdict) => answered(submitted(), ok({ status: 'done', analysis: { ...analysis(), verdict } }), NOW);
    assert.equal(of('likely_generated').problem.code, 'unknown_answer');
    assert.equal(of(null).phase, 'done');
});
