// @ts-check
// Small helpers for building pages of text: nothing here parses markup.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} name
 * @param {Record<string, string | number | boolean | undefined>} [attributes] `text` becomes the element's text
 * @param {(Node | string | null | undefined | false)[]} children
 */
export function h(name, { text, ...attributes } = {}, ...children) {
    return filled(document.createElement(name), text, attributes, children);
}

/** The same for SVG. @param {string} name @param {Record<string, string | number | undefined>} [attributes] @param {Node[]} children */
export function svg(name, { text, ...attributes } = {}, ...children) {
    return filled(document.createElementNS(SVG, name), text, attributes, children);
}

function filled(element, text, attributes, children) {
    if (text !== undefined) element.textContent = String(text);
    for (const [key, value] of Object.entries(attributes)) {
        if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : String(value));
    }
    element.append(...children.filter((child) => child instanceof Node || typeof child === 'string'));
    return element;
}

/** A tone's sign. @param {string} path */
export function shape(path) {
    return svg('svg', { class: 'shape', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: path }));
}
