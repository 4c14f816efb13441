import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { createApi, serverAddress } from '../../../extension/api.js';
import { eventsIn } from '../../../extension/events.js';
import { analysis } from '../support/analysis.js';
import { startStub } from '../support/stub.js';

const stub = await startStub({ apiKey: 'sk-test' });
const api = createApi({ server: stub.address, apiKey: 'sk-test' });
after(() => stub.stop());

test('a link is submitted as JSON with key and Idempotency-Key', async () => {
    const reply = await api.submit('https://x.com/a/status/1', 'k1.1');
    const sent = stub.submitted().at(-1);
    assert.equal(reply.kind, 'ok');
    assert.deepEqual(JSON.parse(sent.body).url, 'https://x.com/a/status/1');
    assert.equal(sent.headers.authorization, 'Bearer sk-test');
    assert.equal(sent.headers['idempotency-key'], 'k1.1');
});

test('sending twice under one key makes one check', async () => {
    const first = await api.submit('https://x.com/a/status/2', 'k2.1');
    const second = await api.submit('https://x.com/a/status/2', 'k2.1');
    assert.equal(first.body.id, second.body.id);
});

test('a submission of nothing is refused for that alone, and makes no check', async () => {
    const before = stub.checks.size;
    const reply = await api.submitNothing();
    assert.deepEqual([reply.kind, reply.status, reply.code, stub.checks.size], ['problem', 422, 'invalid', before]);
});

test('the key never stands in an address', async () => {
    await api.info();
    assert.ok(stub.requests.every(({ path }) => !path.includes('sk-test')));
});

test('an upload is a multipart form with the file', async () => {
    const reply = await api.upload(new Blob(['moving pictures']), 'clip.mp4', 'k3');
    const sent = stub.submitted().at(-1);
    assert.equal(reply.kind, 'ok');
    assert.match(sent.headers['content-type'], /^multipart\/form-data/);
    assert.match(sent.body, /name="file"; filename="clip\.mp4"[\s\S]*moving pictures/);
});

test('a refusal keeps status, code and Retry-After', async () => {
    stub.refuse(429, { code: 'too_many', headers: { 'Retry-After': '12' } });
    const reply = await api.info();
    assert.deepEqual([reply.kind, reply.status, reply.code, reply.retryAfterS], ['problem', 429, 'too_many', 12]);
});

test('without the right key the server says 401', async () => {
    const reply = await createApi({ server: stub.address }).submitNothing();
    assert.deepEqual([reply.kind, reply.status], ['problem', 401]);
});

for (const apiKey of ['sk\u200btest', '••••••', 'key–1', 'ключ', 'sk\ntest', 'sk test']) {
    test(`a key that no header can carry, ${JSON.stringify(apiKey)}, is said to be wrong, and no call is made`, async () => {
        const before = stub.requests.length;
        const reply = await createApi({ server: stub.address, apiKey }).info();
        assert.deepEqual([reply.kind, reply.status, reply.code, stub.requests.length], ['problem', 401, 'unauthorized', before]);
    });
}

test('pictures are asked for and no annotated copy, which would take longer than the check', async () => {
    await api.submit('https://x.com/a/status/9', 'k9.1');
    assert.equal(JSON.parse(stub.submitted().at(-1).body).artifacts, 'pictures');
    await api.upload(new Blob(['video']), 'a.webm', 'k9.2');
    assert.match(stub.submitted().at(-1).body, /name="artifacts"\s+pictures/);
});

test('cancel and delete reach the check', async () => {
    const { body } = await api.submit('https://x.com/a/status/3', 'k4.1');
    assert.equal((await api.cancel(body.id)).body.status, 'cancelled');
    assert.equal((await api.remove(body.id)).kind, 'ok');
    assert.equal((await api.get(body.id)).status, 404);
});

test('a picture comes as a blob, a missing one as null', async () => {
    stub.artifacts.set('heat-maps/face-1-at-3.75s.png', Buffer.from('picture'));
    const { body } = await api.submit('https://x.com/a/status/4', 'k5.1');
    assert.equal(await (await api.artifact(body.id, 'heat-maps/face-1-at-3.75s.png')).text(), 'picture');
    assert.equal(await api.artifact(body.id, 'other.png'), null);
});

test('events are heard in order, the key stands in a header, and a broken stream goes on where it was', async () => {
    stub.road = [{ status: 'queued' }, { status: 'analyzing', progress: 0.5 }, { status: 'done', progress: 1, analysis: analysis() }];
    const { body } = await api.submit('https://x.com/a/status/5', 'k6.1');
    const stream = { signal: AbortSignal.timeout(20_000), last: '7' };
    const heard = [];
    await api.events(body.id, stream, ({ status }) => heard.push(status));
    assert.deepEqual([heard, stream.last], [['queued', 'analyzing', 'done'], '3']);
    const request = stub.requests.findLast(({ path }) => path.endsWith('/events'));
    assert.deepEqual([request.headers.authorization, request.headers['last-event-id']], ['Bearer sk-test', '7']);
    stub.refuse(429, { method: 'GET' });
    await api.events(body.id, stream, () => heard.push('refused')); // nothing is thrown
    assert.equal(heard.length, 3);
});

test('events are found whatever pieces they come in', () => {
    const text = 'retry: 2000\r\n\r\n: still here\n\nid: 4\nevent: done\ndata: {"a":\ndata: 1}\n\nid: 5\ndata: {';
    assert.deepEqual(eventsIn(text), { events: [{ id: '4', data: '{"a":\n1}' }], rest: 'id: 5\ndata: {' });
    assert.deepEqual(eventsIn(''), { events: [], rest: '' });
});

test('a server that is not there is unreachable, not an exception', async () => {
    const gone = await startStub();
    await gone.stop();
    assert.deepEqual(await createApi({ server: gone.address }).info(), { kind: 'unreachable' });
});

async function served(handler, act) {
    const server = createServer(handler);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
        return await act(`http://127.0.0.1:${server.address().port}`);
    } finally {
        server.closeAllConnections();
        server.close();
    }
}

test('a web page in place of the server is named as such', async () => {
    const reply = await served((_, response) => response.end('<h1>It works!</h1>'), (server) => createApi({ server }).info());
    assert.equal(reply.code, 'not_unmask');
});

test('an answer without a proper id is no check', async () => {
    const reply = await served((_, response) => response.end('{"id": "../../x"}'), (server) => createApi({ server }).submit('https://a.example', 'k'));
    assert.equal(reply.code, 'not_unmask');
});

test('a redirect is not followed, so that the key stays with the server it is for', async () => {
    const before = stub.requests.length;
    const reply = await served((_, response) => response.writeHead(302, { Location: `${stub.address}/v1/info` }).end(), (server) => createApi({ server, apiKey: 'sk-test' }).info());
    assert.equal(reply.code, 'not_unmask'); // a login page, for one
    assert.equal(stub.requests.length, before);
});

for (const [status, code] of [[403, 'not_unmask'], [405, 'not_unmask'], [413, 'too_large'], [502, 'http_502']]) {
    test(`${status} as a proxy says it, in a web page, is ${code}`, async () => {
        const page = (_, response) => response.writeHead(status, { 'Content-Type': 'text/html' }).end('<h1>Sorry</h1>');
        assert.equal((await served(page, (server) => createApi({ server }).info())).code, code);
    });
}

const ADDRESSES = [
    [' http://127.0.0.1:8000/ ', 'http://127.0.0.1:8000', 'http://127.0.0.1/*', false],
    ['http://localhost:8000', 'http://localhost:8000', 'http://localhost/*', false],
    ['http://[::1]:8000', 'http://[::1]:8000', 'http://[::1]/*', false],
    ['https://unmask.example.org/api/', 'https://unmask.example.org/api', 'https://unmask.example.org/*', false],
    ['http://unmask.example.org', 'http://unmask.example.org', 'http://unmask.example.org/*', true],
    ['http://127.0.0.1.example.org', 'http://127.0.0.1.example.org', 'http://127.0.0.1.example.org/*', true],
];
for (const [text, address, permission, isOpen] of ADDRESSES) {
    test(`${text.trim()} is kept as ${address}`, () => assert.deepEqual(serverAddress(text), { address, permission, isOpen }));
}
for (const text of ['', '127.0.0.1:8000', 'ftp://a.example', 'https://me:pw@a.example', 'https://a.example/?key=1', 'javascript:alert(1)']) {
    test(`${text || 'nothing'} is no server's address`, () => assert.equal(serverAddress(text), null));
}

test('a call carries no cookie, no page it comes from and no key that was not set', async () => {
    const seen = [];
    const fetch = async (_url, init) => seen.push(init) && new Response('{}');
    for (const apiKey of ['', 'a-key']) await createApi({ server: 'https://a.example', apiKey, fetch }).info();
    for (const { credentials, referrerPolicy, cache } of seen) {
        assert.deepEqual([credentials, referrerPolicy, cache], ['omit', 'no-referrer', 'no-store']);
    }
    assert.deepEqual(seen.map(({ headers }) => headers.get('Authorization')), [null, 'Bearer a-key']);
});
