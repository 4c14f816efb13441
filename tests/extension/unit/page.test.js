// What is looked for in a tab, and where; the browser that runs scripts in its frames is stood in for.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lookAround, NOWHERE } from '../../../extension/page.js';
import { chooseTarget } from '../../../extension/targets.js';

const OWN = { levels: [['https://news.example/own']], inPost: false, hasVideo: true, src: 'https://news.example/own.mp4', embeds: ['https://player.vimeo.com/video/1'], selected: [] };
const PAGE = 'https://news.example/story';

/** Look around a right-click in the frame 7 of a page with a video of its own. `open`: the frames that may be looked at. */
async function lookedAt(open, click, { find = () => OWN, show = () => {} } = {}) {
    const shown = [];
    globalThis.unmaskFind = find;
    globalThis.unmaskShow = (view) => show() ?? shown.push(view.key);
    const executeScript = async ({ target: { frameIds: [frame] }, func, args }) => {
        if (!open.includes(frame)) throw new Error('Cannot access contents of the page');
        try {
            return [{ result: func?.(...args) }];
        } catch {
            return [{ result: null }]; // as Chromium has it
        }
    };
    globalThis.chrome = { scripting: { executeScript } };
    const around = await lookAround(1, 7, { key: 'key' }, click, PAGE);
    return { ...around, shown, target: chooseTarget({ click, found: around.found, tabUrl: PAGE }) };
}
const clickIn = (frameUrl) => ({ pageUrl: PAGE, frameUrl, mediaType: 'video', srcUrl: `blob:${new URL(frameUrl).origin}/1` });

test('a click in another site’s player is never taken for the page’s own video', async () => {
    const known = await lookedAt([0], clickIn('https://player.vimeo.com/video/76979871'));
    assert.deepEqual([known.target.source, known.target.url], ['embed', 'https://vimeo.com/76979871']);
    const unknown = await lookedAt([0], clickIn('https://player.example/e/1'));
    assert.deepEqual([unknown.target.source, unknown.target.url], ['page', PAGE]);
    for (const { found, frameId, shown } of [known, unknown]) assert.deepEqual([found, frameId, shown], [null, 0, ['key']]);
});

test('a click in a frame of the page’s own site is looked around there', async () => {
    const { found, frameId, shown, target } = await lookedAt([0, 7], clickIn('https://news.example/player'));
    assert.deepEqual([found, frameId, shown, target.url], [OWN, 7, ['key'], OWN.src]);
});

const thrown = () => { throw new TypeError('element.matches is not a function'); };

test('where a page cannot be looked through the card is shown all the same', async () => {
    const { found, frameId, shown } = await lookedAt([0, 7], clickIn('https://news.example/player'), { find: thrown });
    assert.deepEqual([found, frameId, shown], [null, 7, ['key']]);
});

test('where no card could be shown none is spoken to', async () => {
    const { found, frameId, shown } = await lookedAt([0, 7], clickIn('https://news.example/player'), { show: thrown });
    assert.deepEqual([found, frameId, shown], [null, NOWHERE, []]);
});
