// The colours, light and dark: words stand out 4.5 to 1, edges of fields 3 to 1, as WCAG 2.2 AA asks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path) => readFileSync(new URL(`../../../extension/${path}`, import.meta.url), 'utf8');

/** The colours of a style, light and dark: the dark ones stand second. */
function coloursOf(style) {
    const [light, dark] = style.split('prefers-color-scheme: dark');
    const named = (text) => Object.fromEntries([...text.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, colour]) => [name, colour]));
    return { light: named(light), dark: named(dark) };
}

function contrast(one, other) {
    const luminance = (colour) => {
        const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
}

const theme = coloursOf(read('theme.css'));
const card = coloursOf(read('content/card.js'));

for (const [light, colours] of Object.entries(theme)) {
    test(`${light}: words stand out, and so do the edges of fields`, () => {
        const words = ['ink', 'soft', 'accent', 'likely', 'unsure', 'none', 'trouble'].map((name) => [name, contrast(colours[name], colours.ground)]);
        assert.deepEqual(words.filter(([, ratio]) => !(ratio >= 4.5)), []);
        assert.ok(contrast(colours['on-accent'], colours.accent) >= 4.5);
        const [, edge] = read('theme.css').match(/^input:not.*border: 1px solid var\(--([\w-]+)\)/m) ?? [];
        assert.ok(contrast(colours[edge], colours.ground) >= 3, `${edge} ${colours[edge]}`);
    });

    test(`${light}: the card in the page has the colours of the other pages`, () => {
        assert.deepEqual(Object.entries(card[light]).filter(([name, colour]) => theme[light][name] !== colour), []);
    });
}
