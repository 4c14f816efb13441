// @ts-check
// Words in the chosen language. `chrome.i18n` knows only the browser's own, so the same files are read here.

export const LANGUAGES = { en: 'English', es: 'Español', de: 'Deutsch', fr: 'Français', hi: 'हिन्दी', pt: 'Português' };

/**
 * Put values into a message: `$1`, `$2`, ... as in `_locales`.
 *
 * @param {Record<string, {message: string}>} messages
 * @returns {import('./view.js').Words}
 */
export function wordsFrom(messages) {
    return (name, ...values) => {
        const message = messages[name]?.message ?? name;
        return message.replace(/\$(\d)/g, (_, index) => String(values[Number(index) - 1] ?? ''));
    };
}

/** @param {string} wanted 'auto' or one of LANGUAGES */
export function languageFor(wanted) {
    const language = wanted === 'auto' ? chrome.i18n.getUILanguage().split('-')[0] : wanted;
    return Object.hasOwn(LANGUAGES, language) ? language : 'en';
}

/** @type {Map<string, Promise<import('./view.js').Words>>} read once: the card must not wait for them at every change */
const loaded = new Map();

/** @param {string} wanted */
export function loadWords(wanted) {
    const language = languageFor(wanted);
    const words = loaded.get(language) ?? readWords(language);
    loaded.set(language, words);
    return words;
}

/** @param {string} language */
async function readWords(language) {
    const response = await fetch(chrome.runtime.getURL(`_locales/${language}/messages.json`));
    return wordsFrom(await response.json());
}

/** Fill every element that names its words: `data-words` for the text, `data-label` for the accessible name. */
export function fillWords(root, t) {
    for (const element of root.querySelectorAll('[data-words]')) element.textContent = t(element.dataset.words);
    for (const element of root.querySelectorAll('[data-label]')) element.setAttribute('aria-label', t(element.dataset.label));
}
