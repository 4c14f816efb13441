// @ts-check
// While the panel is open the server itself says what is new with the check being looked at; the worker's polling,
// slower meanwhile, is what remains when it does not. One check only: a browser opens few connections to one server.

import { createApi } from '../api.js';
import { getSettings, hasConsent } from '../storage.js';

/** @typedef {import('../state.js').Check} Check */

const RETRY_MS = 5_000;
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {(key: string, body: any) => unknown} heard @returns {(check: Check | null) => void} which check to listen to from now on */
export function createListener(heard) {
    /** @type {{id: string | null, stop: AbortController} | null} */
    let current = null;
    return (check) => {
        if ((check?.serverId ?? null) === (current?.id ?? null)) return;
        current?.stop.abort();
        current = check && { id: check.serverId, stop: new AbortController() };
        if (check && current) listen(check, heard, current.stop.signal);
    };
}

/** @param {Check} check @param {(key: string, body: any) => unknown} heard @param {AbortSignal} signal */
async function listen(check, heard, signal) {
    const stream = { signal, last: '' };
    while (!signal.aborted) {
        const settings = await getSettings();
        if (check.server !== settings.server || !hasConsent(settings)) return;
        await createApi(settings).events(/** @type {string} */ (check.serverId), stream, (body) => heard(check.key, body));
        await pause(RETRY_MS);
    }
}
