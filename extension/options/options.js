// @ts-check
// The settings, and the first page a person sees: what is sent where, and whether they agree. Nothing is sent before.

import { createApi, isLoopback, serverAddress } from '../api.js';
import { fillWords, LANGUAGES, languageFor, loadWords } from '../i18n.js';
import { giveBack, permissionsFor } from '../permissions.js';
import { getSettings, hasConsent, onStorageChange, setSettings } from '../storage.js';
import { problemWords } from '../view.js';

const KEEP_DAYS = [1, 7, 30, 365];
const at = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

let settings = await getSettings();
let t = await loadWords(settings.language);
let isKeyAway = false; // while another server's address stands in the field

/** @param {string} id @param {string} sign a shape beside the words @param {string} [text] @param {string} [language] */
function say(id, sign, text, language = languageFor(settings.language)) {
    at(id).lang = language;
    at(id).hidden = !text;
    at(id).dataset.sign = sign;
    at(id).textContent = text ?? '';
}

function draw() {
    document.documentElement.lang = languageFor(settings.language);
    fillWords(document, t);
    const welcome = location.hash === '#welcome';
    at('heading').textContent = t(welcome ? 'welcome' : 'settings');
    at('how').hidden = !welcome;
    at('notify').checked = settings.notify;
    at('keep').replaceChildren(...KEEP_DAYS.map((days) => new Option(t('days', days), String(days), false, days === settings.keepDays)));
    const languages = [['auto', t('language_auto')], ...Object.entries(LANGUAGES)];
    at('language').replaceChildren(...languages.map(([code, name]) => new Option(name, code, false, code === settings.language)));
    drawServer();
    drawConsent();
}

function drawServer() {
    const server = serverAddress(at('server').value);
    const local = server && isLoopback(new URL(server.address).hostname);
    at('server-note').textContent = !server ? t('server_bad') : t(local ? 'server_local' : server.isOpen ? 'server_open' : 'server_remote');
    at('consent-where').textContent = t('consent_where', server?.address ?? '…');
    const same = server?.address === settings.server && hasConsent(settings);
    at('agree').textContent = t(same ? 'save' : 'agree');
}

/** The saved key is for the saved server: another one is not told it, not even by a test of the connection. */
function drawKey() {
    const server = serverAddress(at('server').value);
    if (!server) return; // half typed
    const isSaved = new URL(server.address).origin === new URL(settings.server).origin;
    if (isSaved && isKeyAway) at('key').value ||= settings.apiKey;
    else if (!isSaved && at('key').value === settings.apiKey) at('key').value = '';
    isKeyAway = !isSaved;
}

function drawConsent() {
    const agreed = hasConsent(settings);
    at('withdraw').hidden = !agreed;
    const day = agreed && new Date(/** @type {any} */ (settings.consent).at).toLocaleDateString(languageFor(settings.language));
    say('agreed', '✓', agreed ? t('agreed', day || '', settings.server) : '');
}

at('server').addEventListener('input', () => {
    drawServer();
    drawKey();
    say('tested', '');
});

/** What the server says of itself, or of the key if it wants one: the former it tells everybody. @param {string} server @param {string} apiKey */
async function tryOut(server, apiKey) {
    const api = createApi({ server, apiKey });
    const info = await api.info();
    if (info.kind !== 'ok' || !info.body?.needs_key) return info;
    const reply = await api.submitNothing();
    return reply.kind === 'problem' && reply.code === 'invalid' ? info : reply;
}

at('test').addEventListener('click', async () => {
    const server = serverAddress(at('server').value);
    if (!server) return say('tested', '×', t('server_bad'));
    // Asked for in direct answer to the click, or the browser refuses.
    const granted = await chrome.permissions.request(permissionsFor({ server: server.address, apiKey: at('key').value.trim() }));
    if (!granted) return say('tested', '×', t('not_permitted'));
    say('tested', '…', t('testing'));
    const reply = await tryOut(server.address, at('key').value.trim());
    if (serverAddress(at('server').value)?.address !== server.address) return; // what stands there now was not asked
    if (reply.kind === 'ok' && reply.body?.version) return say('tested', '✓', t('test_good', reply.body.version));
    const problem = reply.kind === 'problem' ? reply : { code: reply.kind === 'ok' ? 'not_unmask' : 'unreachable', message: '', nextStep: '' };
    const isOfKey = ('status' in problem && problem.status === 401) || problem.code === 'forbidden';
    const { text, next, language } = problemWords(isOfKey ? { ...problem, code: 'unauthorized' } : problem, t);
    say('tested', '×', `${text} ${next}`, language);
});

at('server-form').addEventListener('submit', async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const server = serverAddress(at('server').value);
    if (!server) return say('agreed', '×', t('server_bad'));
    const granted = await chrome.permissions.request(permissionsFor({ server: server.address, apiKey: at('key').value.trim() }));
    if (!granted) return say('agreed', '×', t('not_permitted'));
    const same = hasConsent(settings) && settings.server === server.address;
    const consent = same ? settings.consent : { server: server.address, at: Date.now() };
    settings = await setSettings({ server: server.address, apiKey: at('key').value.trim(), consent });
    await chrome.runtime.sendMessage({ what: 'poll' }); // the worker stops what is on its way to another server
    await giveBack(settings);
    at('server').value = settings.server;
    isKeyAway = false;
    drawServer();
    drawConsent();
});

at('withdraw').addEventListener('click', async () => {
    settings = await setSettings({ consent: null });
    await chrome.runtime.sendMessage({ what: 'poll' }); // the worker stops what is on its way
    await giveBack();
    drawServer();
    drawConsent();
});

at('rest').addEventListener('change', async () => {
    settings = await setSettings({ notify: at('notify').checked, keepDays: Number(at('keep').value), language: at('language').value });
    t = await loadWords(settings.language);
    draw();
    await chrome.runtime.sendMessage({ what: 'languageChanged' });
    await chrome.runtime.sendMessage({ what: 'tidy' });
});

// Withdrawn in another tab, or in the browser's own settings.
onStorageChange(async () => {
    const now = await getSettings();
    if (hasConsent(now) === hasConsent(settings)) return;
    settings = now;
    drawServer();
    drawConsent();
});

at('server').value = settings.server;
at('key').value = settings.apiKey;
draw();
