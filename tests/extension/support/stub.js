// A small server that speaks the API of the real one, over real HTTP on loopback, and does what a test tells it: how far
// a check is, what it ends in, which refusal comes next. It keeps every request it gets.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import { analysis } from './analysis.js';

export async function startStub({ apiKey = '', port = 0 } = {}) {
    /** @type {Map<string, any>} */
    const checks = new Map();
    const byKey = new Map(); // Idempotency-Key -> id
    const requests = [];
    const refusals = []; // [{status, code, headers, method, path}] used up one by one
    const stub = {
        checks,
        requests,
        /** The state that checks are in, in the order they are asked for; the last one stays. */
        road: [{ status: 'done', progress: 1, analysis: analysis() }],
        artifacts: new Map(),
        refuse: (status, { code = 'refused', headers = {}, times = 1, method = null, path = /./ } = {}) => {
            for (let i = 0; i < times; i++) refusals.push({ status, code, headers, method, path });
        },
        uploadMs: 0, // how long an upload takes
        answerMs: 0, // how long any answer takes
        /** What a test begins with: no requests, no refusals, and checks that take this road. */
        begin: (...road) => {
            Object.assign(stub, { road, uploadMs: 0 });
            requests.length = 0;
            refusals.length = 0;
        },
        submitted: () => requests.filter(({ method, path }) => method === 'POST' && path === '/v1/checks'),
    };

    function view(check) {
        const step = stub.road[Math.min(check.looks, stub.road.length - 1)];
        const artifacts = step.status === 'done' ? [...stub.artifacts.keys()] : [];
        return { id: check.id, status: 'queued', stage: null, progress: 0, artifacts, ...step, ...(check.cancelled ? { status: 'cancelled' } : {}) };
    }

    function answer(response, status, body, headers = {}) {
        const isProblem = status >= 400;
        response.writeHead(status, { 'Content-Type': isProblem ? 'application/problem+json' : 'application/json', ...headers });
        response.end(body === null ? '' : JSON.stringify(body));
    }

    function problem(response, status, code, headers) {
        answer(response, status, { type: 'about:blank', status, code, title: code, detail: `The stub says ${code}.`, next_step: 'Try something else.' }, headers);
    }

    async function submit(request, response, body, uploadMs) {
        if (body === '{}') return problem(response, 422, 'invalid');
        if (uploadMs && request.headers['content-type'].startsWith('multipart')) await new Promise((resolve) => setTimeout(resolve, uploadMs).unref());
        const known = byKey.get(request.headers['idempotency-key']);
        const check = known ? checks.get(known) : { id: randomBytes(16).toString('hex'), looks: 0, cancelled: false };
        checks.set(check.id, check);
        byKey.set(request.headers['idempotency-key'], check.id);
        answer(response, 202, { ...view(check), status: 'queued', analysis: undefined }, { Location: `/v1/checks/${check.id}` });
    }

    /** The check's states one after another, as Server-Sent Events. */
    function streamEvents(response, check) {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('retry: 2000\n\n');
        let number = 0;
        let last = '';
        const timer = setInterval(() => {
            const body = view(check);
            if (JSON.stringify(body) !== last) response.write(`id: ${++number}\nevent: ${body.status}\ndata: ${JSON.stringify(body)}\n\n`);
            last = JSON.stringify(body);
            if (['done', 'failed', 'cancelled'].includes(body.status)) response.end();
            check.looks += 1;
        }, 200);
        response.on('close', () => clearInterval(timer));
    }

    function route(request, response, path, body, uploadMs) {
        const wanted = refusals.findIndex(({ method, path: where }) => (!method || method === request.method) && where.test(path));
        if (wanted >= 0) {
            const [{ status, code, headers }] = refusals.splice(wanted, 1);
            return problem(response, status, code, headers);
        }
        if (path === '/v1/info') return answer(response, 200, { version: '0.1.0', model: { name: 'stub' }, sites: [], limits: {}, needs_key: Boolean(stub.apiKey) });
        if (stub.apiKey && request.headers.authorization !== `Bearer ${stub.apiKey}`) return problem(response, 401, 'unauthorized');
        if (path === '/v1/checks' && request.method === 'POST') return submit(request, response, body, uploadMs);
        const [, id, rest] = path.match(/^\/v1\/checks\/([\w-]+)(\/.*)?$/) ?? [];
        const check = checks.get(id);
        if (!check) return problem(response, 404, 'not_found');
        if (request.method === 'DELETE') return checks.delete(id) && answer(response, 204, null);
        if (rest === '/events') return streamEvents(response, check);
        if (rest === '/cancel') check.cancelled = true;
        if (rest?.startsWith('/artifacts/')) {
            const picture = stub.artifacts.get(rest.slice('/artifacts/'.length));
            if (!picture) return problem(response, 404, 'not_found');
            response.writeHead(200, { 'Content-Type': 'image/png' });
            return response.end(picture);
        }
        answer(response, 200, view(check));
        check.looks += 1;
    }

    const server = createServer((request, response) => {
        const parts = [];
        request.on('data', (part) => parts.push(part));
        request.on('end', () => {
            const { pathname } = new URL(request.url, 'http://stub');
            const body = Buffer.concat(parts).toString();
            const kept = { method: request.method, url: request.url, path: pathname, headers: request.headers, body, brokenOff: false };
            requests.push(kept);
            response.on('close', () => (kept.brokenOff = !response.writableFinished));
            const asked = [request, response, pathname, body, stub.uploadMs]; // as it was when the request came
            if (stub.answerMs) setTimeout(route, stub.answerMs, ...asked);
            else route(...asked); // at once: who sees a request sees what it did
        });
    });
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    stub.apiKey = apiKey;
    stub.port = server.address().port;
    stub.address = `http://127.0.0.1:${stub.port}`;
    stub.stop = () =>
        new Promise((resolve) => {
            server.close(resolve);
            server.closeAllConnections();
        });
    return stub;
}
