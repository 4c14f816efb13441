// @ts-check
// The only module that speaks to the server. Pure: `fetch` comes in, every answer is a plain value, nothing throws.

import { readEvents } from './events.js';

const TIMEOUT_MS = 20_000; // a call is a note, not a wait
const UPLOAD_MS = 15 * 60_000; // a large file over a slow line
const ID = /^[\w-]{8,64}$/;

/**
 * @typedef {{kind: 'ok', status: number, body: any}} Ok
 * @typedef {{kind: 'problem', status: number, code: string, message: string, nextStep: string, retryAfterS: number | null}} Problem
 * @typedef {{kind: 'unreachable'}} Unreachable
 * @typedef {Ok | Problem | Unreachable} Reply
 */

/** Whether an address names this computer itself. @param {string} hostname */
export function isLoopback(hostname) {
    return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/**
 * A server's address as it is kept: origin and path, no trailing slash. Null if it is no http(s) address, or carries
 * credentials or a query. `isOpen`: whether what is sent there can be read on the way (http beyond this computer).
 *
 * @param {string} text
 * @returns {{address: string, permission: string, isOpen: boolean} | null}
 */
export function serverAddress(text) {
    let url;
    try {
        url = new URL(text.trim());
    } catch {
        return null;
    }
    if (!/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) return null;
    return {
        address: (url.origin + url.pathname).replace(/\/+$/, ''),
        permission: `${url.protocol}//${url.hostname}/*`, // match patterns know no port
        isOpen: url.protocol === 'http:' && !isLoopback(url.hostname),
    };
}

/** Something answers that is no Unmask server. @type {Problem} */
const NOT_UNMASK = { kind: 'problem', status: 0, code: 'not_unmask', message: '', nextStep: '', retryAfterS: null };

/** No header can carry the key that is set: so no server has given it. @type {Problem} */
const WRONG_KEY = { kind: 'problem', status: 401, code: 'unauthorized', message: '', nextStep: '', retryAfterS: null };

/** An Unmask server names every refusal. One without a name comes from a proxy before it, or from something else. @param {number} status */
function unnamed(status) {
    if (status === 413) return 'too_large'; // proxies have limits of their own
    return status < 500 ? 'not_unmask' : `http_${status}`;
}

/** @param {Response} response */
async function problemOf(response) {
    const body = await response.json().catch(() => null);
    const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value.slice(0, 500) : '');
    const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
    return {
        kind: /** @type {const} */ ('problem'),
        status: response.status,
        code: text(body?.code) || unnamed(response.status),
        message: text(body?.detail) || text(body?.title),
        nextStep: text(body?.next_step),
        retryAfterS: Number.isFinite(seconds) ? seconds : null,
    };
}

/**
 * @param {{server: string, apiKey?: string, fetch?: typeof fetch}} options
 */
export function createApi({ server, apiKey = '', fetch: send = fetch }) {
    /** @param {string} path @param {RequestInit} [init] @returns {Promise<Response>} */
    const call = (path, init = {}) => {
        const headers = new Headers(init.headers);
        if (apiKey) headers.set('Authorization', `Bearer ${apiKey}`);
        return send(`${server}/v1/${path}`, {
            signal: AbortSignal.timeout(TIMEOUT_MS),
            ...init,
            headers,
            credentials: 'omit',
            cache: 'no-store',
            redirect: 'manual', // the key goes to the address the person set, and nowhere else: not to a login page
            referrerPolicy: 'no-referrer',
        });
    };

    /** @param {string} path @param {RequestInit} [init] @returns {Promise<Reply>} */
    const ask = async (path, init) => {
        if (!/^[\x21-\x7e]*$/.test(apiKey)) return WRONG_KEY;
        try {
            const response = await call(path, init);
            if (!response.ok) return await problemOf(response); // of a redirect browsers tell nothing, status 0
            const body = response.status === 204 ? null : await response.json();
            return { kind: 'ok', status: response.status, body };
        } catch (error) {
            // An answer that is no JSON came from something that is not our server.
            if (error instanceof SyntaxError) return NOT_UNMASK;
            return { kind: 'unreachable' };
        }
    };

    /** @param {Reply} reply @returns {Reply} */
    const withId = (reply) => {
        if (reply.kind !== 'ok' || ID.test(reply.body?.id)) return reply;
        return NOT_UNMASK;
    };

    const at = (/** @type {string} */ id) => `checks/${encodeURIComponent(id)}`;
    return {
        info: () => ask('info'),
        /** Refused as `invalid` where the key may submit; no check is made of it. */
        submitNothing: () => ask('checks', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }),
        /** @param {string} url @param {string} key the same key may be sent again: it is one check */
        submit: async (url, key) =>
            withId(await ask('checks', {
                method: 'POST',
                headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
                body: JSON.stringify({ url, artifacts: 'pictures' }),
            })),
        /** @param {Blob} file @param {string} name @param {string} key @param {AbortSignal} [stop] breaks it off */
        upload: async (file, name, key, stop) => {
            const form = new FormData();
            form.append('file', file, name);
            form.append('artifacts', 'pictures');
            return withId(await ask('checks', {
                method: 'POST',
                headers: { 'Idempotency-Key': key },
                body: form,
                signal: AbortSignal.any([AbortSignal.timeout(UPLOAD_MS), ...(stop ? [stop] : [])]),
            }));
        },
        /** @param {string} id */
        get: async (id) => withId(await ask(at(id))),
        /**
         * Hear every new state of a check, until the server ends the stream or it breaks. The key stands in a header.
         *
         * @param {string} id
         * @param {{signal: AbortSignal, last: string}} stream `last` is kept: the event from which to go on next time
         * @param {(body: any) => void} told
         */
        events: async (id, stream, told) => {
            try {
                const headers = { Accept: 'text/event-stream', ...(stream.last ? { 'Last-Event-ID': stream.last } : {}) };
                const response = await call(`${at(id)}/events`, { headers, signal: stream.signal });
                if (!response.ok || !response.body) return;
                await readEvents(response.body, (event) => {
                    stream.last = event.id || stream.last;
                    told(JSON.parse(event.data));
                });
            } catch {
                // it broke off, or was no stream: whoever calls tries again, or polls
            }
        },
        /** @param {string} id */
        cancel: (id) => ask(`${at(id)}/cancel`, { method: 'POST' }),
        /** @param {string} id */
        remove: (id) => ask(at(id), { method: 'DELETE' }),
        /** A picture of the result, or null. @param {string} id @param {string} name may hold folders @returns {Promise<Blob | null>} */
        artifact: async (id, name) => {
            try {
                const response = await call(`${at(id)}/artifacts/${name.split('/').map(encodeURIComponent).join('/')}`);
                return response.ok ? await response.blob() : null;
            } catch {
                return null;
            }
        },
    };
}
