// @ts-check
// The side panel, the sidebar and the report's tab: one page. It reads storage and asks the worker for the rest.

import { createApi } from '../api.js';
import { h, shape } from '../dom.js';
import { fillWords, languageFor, loadWords } from '../i18n.js';
import { isOver, mayRepeat } from '../state.js';
import { getChecks, getSettings, hasConsent, onStorageChange, putUpload, shownInPanel } from '../storage.js';
import { cleaned } from '../targets.js';
import { headingOf, viewOf } from '../view.js';
import { createListener } from './listen.js';
import { picturesOf } from './pictures.js';
import { reportOf } from './report.js';
import { download, reportJson, reportPage } from './save.js';

/** @typedef {import('../state.js').Check} Check */

const at = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const tell = (/** @type {object} */ message) => chrome.runtime.sendMessage(message);
const settings = await getSettings();
const language = languageFor(settings.language);
const t = await loadWords(settings.language);

/** @type {Check[]} */
let checks = [];
/** @type {string | null} */
let shown = location.hash.slice(1) || null;
/** @type {Map<string, import('./report.js').Picture[]>} */
const pictures = new Map();
let drawn = '';
const listenTo = createListener((key, body) => tell({ what: 'heard', key, body }));
const isWide = matchMedia('(min-width: 820px)');

document.documentElement.lang = language;
fillWords(document, t);

/** An item of the list, still without words. @param {string} key */
function newItem(key) {
    const open = h('button', { class: 'open', type: 'button' }, shape(''), h('span', { class: 'title' }), h('span', { class: 'where soft' }));
    open.addEventListener('click', () => show(key));
    const drop = h('button', { class: 'drop', type: 'button', title: t('delete'), text: '×' });
    drop.addEventListener('click', () => tell({ what: 'remove', keys: [key] }));
    return h('li', { 'data-key': key }, open, drop);
}

/** What changes of an item is written into it: one that is built anew takes the keyboard's place and a click with it. @param {Element} item @param {Check} check */
function fillItem(item, check) {
    const view = viewOf(check, t);
    const [open, drop] = item.children;
    const [sign, title, where] = open.children;
    open.className = `open ${view.tone}`;
    open.setAttribute('aria-current', String(check.key === shown));
    sign.firstElementChild?.setAttribute('d', view.shape);
    title.textContent = headingOf(view);
    where.textContent = [check.site, check.url.replace(/^https?:\/\/(?:www\.)?/, '')].filter(Boolean).join(' · ');
    drop.setAttribute('aria-label', t('delete_one', check.url));
}

function drawList() {
    const list = at('list');
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest('#list button'));
    const place = [...list.children].indexOf(focused?.closest('li'));
    const items = new Map([...list.children].map((item) => [item.dataset.key, item]));
    const wanted = new Set(checks.map(({ key }) => key));
    for (const [key, item] of items) if (!wanted.has(key)) item.remove();
    checks.forEach((check, index) => {
        const item = items.get(check.key) ?? newItem(check.key);
        fillItem(item, check);
        if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    });
    if (!focused || document.activeElement === focused) return;
    // It was deleted, or has moved: the keyboard goes on there, or where it stood.
    const next = focused.isConnected ? focused : (list.children[place] ?? list.lastElementChild)?.querySelector(`.${focused.classList[0]}`);
    (next ?? at('list-title')).focus();
}

/** @param {Check} check */
function buttonsFor(check) {
    const button = (/** @type {string} */ name, /** @type {() => void} */ act) => {
        const element = h('button', { type: 'button', text: t(name) });
        element.addEventListener('click', act);
        return element;
    };
    const name = `unmask-${new Date(check.createdAt).toISOString().slice(0, 10)}-${check.key.slice(0, 8)}`;
    const savePage = async () => {
        const styles = await Promise.all(['../theme.css', 'report.css'].map(async (path) => (await fetch(path)).text()));
        download(reportPage(at('report').querySelector('.report'), `Unmask: ${viewOf(check, t).title}`, language, styles), 'text/html', `${name}.html`);
    };
    if (!isOver(check)) return [button('button_cancel', () => tell({ what: 'cancel', key: check.key }))];
    if (check.phase === 'done') return [button('save_page', savePage), button('save_json', () => download(reportJson(check), 'application/json', `${name}.json`))];
    return mayRepeat(check) ? [button('button_again', () => tell({ what: 'again', key: check.key }))] : [];
}

/** @param {Check} check */
async function loadPictures(check) {
    if (check.phase !== 'done' || pictures.has(check.key) || check.artifacts.length === 0) return;
    const now = await getSettings();
    if (check.server !== now.server || !hasConsent(now) || pictures.has(check.key)) return;
    pictures.set(check.key, []); // asked for once
    const found = await picturesOf(check, createApi(now).artifact);
    if (found.length === 0) return void pictures.delete(check.key); // the server may be back when this is next looked at
    pictures.set(check.key, found);
    if (shown === check.key) drawReport();
}

/** Put another report around buttons that stay: the keyboard's place is in them, and a click that has begun. @param {HTMLElement} buttons @param {Element} report */
function swapAround(buttons, report) {
    const verdict = /** @type {Element} */ (buttons.parentElement);
    const [fresh, ...rest] = report.children;
    verdict.className = fresh.className;
    for (const child of [...verdict.children]) if (child !== buttons) child.remove();
    buttons.before(...fresh.children);
    while (verdict.nextElementSibling) verdict.nextElementSibling.remove();
    verdict.after(...rest);
}

function drawReport() {
    const check = checks.find(({ key }) => key === shown);
    document.body.dataset.view = check ? 'report' : 'list';
    const place = at('report');
    if (!check) return place.replaceChildren();
    const buttons = h('div', { class: 'buttons' }, ...buttonsFor(check));
    buttons.dataset.of = `${check.key} ${buttons.textContent}`;
    const kept = place.querySelector('.buttons');
    const report = reportOf(check, t, language, pictures.get(check.key) ?? []);
    if (kept?.dataset.of === buttons.dataset.of) swapAround(kept, report);
    else {
        const isFocused = kept?.contains(document.activeElement);
        report.querySelector('.verdict')?.append(buttons);
        place.replaceChildren(report);
        if (isFocused) place.focus(); // Cancel goes when the check ends
    }
    loadPictures(check);
}

/** What becomes of the shown check, read aloud once: without its progress, which would be read out at every step. @param {Check | undefined} check */
function say(check) {
    const view = check && viewOf(check, t);
    const outcome = view && check && isOver(check) ? [view.percent?.label ?? view.text, view.next] : [];
    const lines = [view?.title, ...outcome].filter(Boolean);
    if (at('said').textContent === lines.join('\n')) return;
    at('said').replaceChildren(...lines.map((line, index) => h('span', { text: index ? `\n${line}` : line, lang: index ? view?.labels.words : language })));
}

async function draw() {
    checks = await getChecks();
    if (isWide.matches) shown ??= checks[0]?.key ?? null; // the report has its own column there
    drawList();
    at('empty').hidden = checks.length > 0;
    at('clear').hidden = !checks.some(isOver);
    const check = checks.find(({ key }) => key === shown);
    const state = JSON.stringify([shown, check]);
    listenTo([check, ...checks].find((one) => one?.serverId && !isOver(one)) ?? null);
    if (state === drawn) return; // a report that is read stays as it is
    drawn = state;
    drawReport();
    say(check);
}

/** @param {string | null} key @param {string} place where the keyboard goes on */
function show(key, place = key ? 'report' : 'address') {
    shown = key;
    const typed = () => document.activeElement === at('address') && at('address').value; // nobody takes the field away meanwhile
    draw().then(() => typed() || at(place).focus());
}

/** @param {string} [text] */
function notice(text) {
    at('notice').textContent = text ?? '';
    at('notice').hidden = !text;
}

async function allowed() {
    const agreed = hasConsent(await getSettings());
    if (!agreed) notice(t('consent_needed'));
    return agreed;
}

at('ask').addEventListener('submit', async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const target = cleaned(at('address').value.trim());
    if (!target) return notice(t('problem_no_address'));
    if (!(await allowed())) return;
    notice();
    at('address').value = '';
    show(await tell({ what: 'checkAddress', ...target }));
});
at('upload').addEventListener('click', async () => (await allowed()) && at('file').click());
at('file').addEventListener('change', async () => {
    const [file] = at('file').files;
    at('file').value = '';
    if (!file || !(await allowed())) return; // the consent may be withdrawn while one looks for the file
    notice();
    const key = await tell({ what: 'takeFile', name: file.name });
    if (!key) return notice(t('consent_needed')); // withdrawn this moment
    show(key);
    // The worker sends it, so that this panel may be closed.
    const isKept = await putUpload(key, file).then(() => true, () => false);
    await tell({ what: 'tookFile', key, isKept });
});
at('back').addEventListener('click', () => show(null));
at('clear').addEventListener('click', () => tell({ what: 'remove', keys: checks.filter(isOver).map(({ key }) => key) }));

onStorageChange(draw);
onStorageChange(async () => {
    if (hasConsent(await getSettings()) && at('notice').textContent === t('consent_needed')) notice();
});
let asked = await shownInPanel();
const isOfOneReport = Boolean(shown); // a tab that was opened for it
onStorageChange(async () => {
    const now = await shownInPanel();
    if (!now || now.at === asked?.at || isOfOneReport) return;
    if (now.windowId !== (await chrome.windows?.getCurrent())?.id) return; // asked for beside another window's page
    asked = now;
    show(now.key, now.key ? undefined : 'upload');
});
if (!hasConsent(settings)) notice(t('consent_needed'));
const wantsUpload = !shown && asked?.key === null;
shown ??= asked?.key ?? null;
await draw();
if (wantsUpload) at('upload').focus();
// While somebody is looking, the worker is kept at it.
setInterval(() => checks.some((check) => !isOver(check)) && tell({ what: 'poll' }), 2_000);
