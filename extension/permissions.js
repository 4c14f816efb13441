// @ts-check
// What the browser is asked to allow.

import { serverAddress } from './api.js';

/** What the browser wants to be asked for before a key is sent: Firefox does. @returns {{data_collection?: string[]}} */
function toSendKeys() {
    const keys = chrome.runtime.getManifest().browser_specific_settings?.gecko.data_collection_permissions.optional;
    return keys ? { data_collection: keys } : {};
}

/** To speak to the server, and to send it the key. @param {{server: string, apiKey: string}} settings */
export function permissionsFor({ server, apiKey }) {
    return { origins: [serverAddress(server)?.permission ?? ''], ...(apiKey ? toSendKeys() : {}) };
}

/** Give back all that was allowed but for the server that is kept, tested or used before. @param {{server: string, apiKey: string}} [kept] */
export async function giveBack(kept) {
    const needed = kept && permissionsFor(kept);
    const { origins = [] } = await chrome.permissions.getAll();
    const others = origins.filter((origin) => !needed?.origins.includes(origin));
    await chrome.permissions.remove({ origins: others, ...(kept?.apiKey ? {} : toSendKeys()) });
}
