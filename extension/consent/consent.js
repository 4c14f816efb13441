// @ts-check
// Asks whether a few seconds of a video may be recorded, in a window of the extension's own: what is in a page, the page
// can cover or move, so that a person presses what they do not see. Closing the window is a no.

import { fillWords, languageFor, loadWords } from '../i18n.js';
import { RECORD_S } from '../state.js';
import { getChecks, getSettings } from '../storage.js';

const MEANT_MS = 1_000; // a window that has only just come forward, under a finger already moving, is not answered
const at = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const key = location.hash.slice(1);
const [checks, { server, language }] = await Promise.all([getChecks(), getSettings()]);
const check = checks.find((one) => one.key === key);
const t = await loadWords(language);
const tab = await chrome.tabs.get(check?.tabId ?? -1).catch(() => null); // its address is told since the click there

document.documentElement.lang = languageFor(language);
fillWords(document, t);
at('where').textContent = new URL(tab?.url ?? check?.url ?? location.href).host;
at('what').textContent = t('ask_record_text', RECORD_S, server);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
function wait() {
    clearTimeout(timer);
    at('yes').disabled = true;
    timer = setTimeout(() => (at('yes').disabled = document.hidden), MEANT_MS);
}
for (const event of ['focus', 'blur', 'resize']) addEventListener(event, wait);
document.addEventListener('visibilitychange', wait);
wait();
const around = await chrome.windows?.getCurrent();
if (around?.type === 'popup') chrome.windows.update(around.id, { height: outerHeight - innerHeight + document.body.offsetHeight }); // as high as the words

at('no').addEventListener('click', () => close());
at('yes').addEventListener('click', async (/** @type {MouseEvent} */ event) => {
    if (!event.isTrusted) return;
    await chrome.runtime.sendMessage({ what: 'recordNow', key, server }).catch(() => {});
    close();
});
addEventListener('keydown', ({ key: pressed }) => pressed === 'Escape' && close());
