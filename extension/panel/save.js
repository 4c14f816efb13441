// @ts-check
// A report as a file: JSON for machines, one page without anything from outside for people.

/** @param {import('../state.js').Check} check */
export function reportJson(check) {
    const { url, site, source, createdAt, analysis } = check;
    return JSON.stringify({ url, site, source, checked_at: new Date(createdAt).toISOString(), analysis }, null, 2);
}

/**
 * @param {Element} report as shown
 * @param {string} title
 * @param {string} language
 * @param {string[]} styles
 */
export function reportPage(report, title, language, styles) {
    const page = document.implementation.createHTMLDocument(title);
    page.documentElement.lang = language;
    const meta = (/** @type {Record<string, string>} */ attributes) => {
        const element = page.createElement('meta');
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        page.head.append(element);
    };
    meta({ charset: 'utf-8' });
    meta({ 'http-equiv': 'Content-Security-Policy', content: "default-src 'none'; style-src 'unsafe-inline'; img-src data:" });
    meta({ name: 'viewport', content: 'width=device-width, initial-scale=1' });
    const style = page.createElement('style');
    style.textContent = [...styles, 'body { max-width: 760px; margin: 24px auto; padding: 0 16px; }'].join('\n');
    page.head.append(style);
    const copy = /** @type {Element} */ (page.importNode(report, true));
    copy.querySelectorAll('button').forEach((button) => button.remove());
    const main = page.createElement('main');
    main.append(copy);
    page.body.append(main);
    return `<!doctype html>\n${page.documentElement.outerHTML}`;
}

/** @param {string} text @param {string} type @param {string} name */
export function download(text, type, name) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
