// @ts-check
// What the browser is asked to allow.

import { serverAddress } from './api.js';

/** To speak to the server; and to send it the key, where the browser wants to be asked for that: Firefox does. @param {{server: string, apiKey: string}} settings */
export function permissionsFor({ server, apiKey }) {
    const keys = chrome.runtime.getManifest().browser_specific_settings?.gecko.data_collection_permissions.optional;
    return { origins: [serverAddress(server)?.permission ?? ''], ...(apiKey && keys ? { data_collection: keys } : {}) };
}
