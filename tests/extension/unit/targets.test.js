// What a click means, on snippets of pages built like the big sites' and on plain ones.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

import { parseHTML } from 'linkedom';

import { chooseTarget, pageRule } from '../../../extension/targets.js';

const [ASK, FIND] = ['ask', 'find'].map((name) => readFileSync(new URL(`../../../extension/content/${name}.js`, import.meta.url), 'utf8'));

/** Run content/find.js on a page. `data-big`: fills most of the window; `data-out`: beside it; linkedom has no layout. */
function found(html, pageUrl, { srcUrl = '', clicked = null, fromMenu = false, selected = [] } = {}) {
    const { document, Element } = parseHTML(`<!doctype html><html><body>${html}</body></html>`);
    const listeners = {};
    for (const element of document.querySelectorAll('video, iframe')) {
        const side = element.hasAttribute('data-big') ? 400 : 100;
        const left = element.hasAttribute('data-out') ? -2000 : 0;
        element.getBoundingClientRect = () => ({ left, top: 0, right: left + side, bottom: side, width: side, height: side });
        element.currentSrc = element.getAttribute('src') ?? '';
        element.paused = !element.hasAttribute('data-playing');
        element.readyState = 4;
    }
    for (const link of document.querySelectorAll('a[href]')) {
        const href = new URL(link.getAttribute('href'), pageUrl).href;
        Object.defineProperty(link, 'href', { value: link.closest('svg') ? { baseVal: href, toJSON: () => assert.fail('an object left the page') } : href });
    }
    for (const [holder, selector] of [...[...document.querySelectorAll('form')].map((form) => [form, 'input']), [document, 'img[name]']]) {
        for (const named of [...holder.querySelectorAll(selector)]) Object.defineProperty(holder, named.getAttribute('name'), { value: named });
    }
    const getSelection = () => ({ isCollapsed: selected.length === 0, containsNode: (node) => selected.includes(node.id) });
    const location = { href: pageUrl };
    const world = { document, Element, getSelection, location, innerWidth: 1000, innerHeight: 800, addEventListener: (name, listener) => (listeners[name] = listener) };
    vm.runInNewContext(ASK + FIND, world);
    if (clicked) listeners.contextmenu({ isTrusted: true, composedPath: () => [document.querySelector(clicked)] });
    return JSON.parse(JSON.stringify(world.unmaskFind('key', { srcUrl, fromMenu: Boolean(fromMenu || clicked || srcUrl), rule: pageRule(pageUrl) })));
}

/** @param {string} html @param {object} click @param {string} page */
function target(html, page, click = {}, hint = {}) {
    const onMenu = Object.keys(click).length > 0 || hint.clicked || hint.fromMenu;
    const chosen = chooseTarget({
        click: onMenu ? { pageUrl: page, ...click } : {},
        found: found(html, page, { srcUrl: click.srcUrl, ...hint }),
        tabUrl: page,
    });
    return 'code' in chosen ? chosen.code : `${chosen.source} ${chosen.url}`;
}

const tweet = (id, inner) => `<article data-testid="tweet"><a href="/someone">Someone</a><div>${inner}</div><a href="/someone/status/${id}"><time>1h</time></a><a href="/someone/status/${id}/analytics">views</a></article>`;
const fields = (...names) => names.map((name) => `<input name="${name}">`).join('');
const onVideo = (srcUrl) => ({ mediaType: 'video', srcUrl });

const CASES = [
    ['a post in the X feed', tweet(1, '<video data-playing src="blob:https://x.com/1">') + tweet(2, '<video src="blob:https://x.com/2">'), 'https://x.com/home', onVideo('blob:https://x.com/2'), {}, 'permalink https://x.com/someone/status/2'],
    ['the playing post of the X feed, by the toolbar', tweet(1, '<video src="blob:https://x.com/1">') + tweet(2, '<video data-playing src="blob:https://x.com/2">'), 'https://x.com/home', {}, {}, 'permalink https://x.com/someone/status/2'],
    ['an overlay that swallows the click in the X feed', tweet(1, '<video data-big data-playing src="blob:1">') + tweet(2, '<div class="over"></div><p id="p">text</p>'), 'https://x.com/home', {}, { clicked: '#p' }, 'permalink https://x.com/someone/status/1'],
    ['a reply with a video under a post', tweet(1, '<video src="blob:https://x.com/1">') + tweet(9, '<video src="blob:https://x.com/9">'), 'https://x.com/someone/status/1', onVideo('blob:https://x.com/9'), {}, 'permalink https://x.com/someone/status/9'],
    ['a quoted post inside a post', tweet(1, '<div role="link"><video src="blob:https://x.com/1"><a href="/other/status/7">quoted</a></div>'), 'https://x.com/home', onVideo('blob:https://x.com/1'), {}, 'permalink https://x.com/other/status/7'],
    ['the X feed without any video', '<p>nothing</p>', 'https://x.com/home', {}, {}, 'no_post'],
    ['a link in the X feed', tweet(1, '<video src="blob:1">'), 'https://x.com/home', { linkUrl: 'https://twitter.com/nasa/status/5?s=20' }, {}, 'link https://x.com/nasa/status/5'],
    ['an advertisement link around a video in the X feed', tweet(1, '<video src="blob:1">'), 'https://x.com/home', { linkUrl: 'https://ads.example/buy', ...onVideo('blob:1') }, {}, 'permalink https://x.com/someone/status/1'],

    ['the main video of a YouTube page', '<ytd-player><video data-big data-playing src="blob:y"></video></ytd-player><ytd-compact-video-renderer><a href="/watch?v=bbbbbbbbbbb">next</a></ytd-compact-video-renderer>', 'https://www.youtube.com/watch?v=aaaaaaaaaaa&t=9', onVideo('blob:y'), {}, 'page https://www.youtube.com/watch?v=aaaaaaaaaaa'],
    ['a YouTube short', '<div><a href="/shorts/bbbbbbbbbbb">other</a><video data-playing src="blob:y"></video></div>', 'https://www.youtube.com/shorts/aaaaaaaaaaa', onVideo('blob:y'), {}, 'page https://www.youtube.com/watch?v=aaaaaaaaaaa'],
    ['a preview on the start page of YouTube', '<ytd-rich-item-renderer><a href="/watch?v=bbbbbbbbbbb"><video data-playing src="blob:p"></video></a></ytd-rich-item-renderer><ytd-rich-item-renderer><a href="/watch?v=ccccccccccc">c</a></ytd-rich-item-renderer>', 'https://www.youtube.com/', onVideo('blob:p'), {}, 'permalink https://www.youtube.com/watch?v=bbbbbbbbbbb'],
    ['a thumbnail on the start page of YouTube', '<a href="/watch?v=bbbbbbbbbbb"><img></a>', 'https://www.youtube.com/', { linkUrl: 'https://www.youtube.com/watch?v=bbbbbbbbbbb&pp=abc' }, {}, 'link https://www.youtube.com/watch?v=bbbbbbbbbbb'],

    ['the TikTok feed', '<div data-e2e="recommend-list-item-container"><div id="xgwrapper-0-7213245612512300330"><video data-playing src="blob:t"></video></div></div>', 'https://www.tiktok.com/foryou', onVideo('blob:t'), {}, 'permalink https://www.tiktok.com/@_/video/7213245612512300330'],
    ['a TikTok page whose video has a signed address', '<div><video data-playing src="https://v16-webapp.tiktok.com/x/?a=1988"></video></div>', 'https://www.tiktok.com/@nasa/video/7213245612512300330', onVideo('https://v16-webapp.tiktok.com/x/?a=1988'), {}, 'page https://www.tiktok.com/@nasa/video/7213245612512300330'],
    ['an Instagram feed', '<article><video src="blob:a"></video><a href="/nasa/p/AAAAAAAAAAA/">1h</a></article><article><video data-playing src="blob:b"></video><a href="/p/BBBBBBBBBBB/liked_by/">likes</a></article>', 'https://www.instagram.com/', onVideo('blob:b'), {}, 'permalink https://www.instagram.com/p/BBBBBBBBBBB/'],
    ['an Instagram post in its dialog', '<div role="dialog"><video data-playing src="blob:a"></video><a href="/p/AAAAAAAAAAA/c/178/">reply</a></div>', 'https://www.instagram.com/p/AAAAAAAAAAA/', onVideo('blob:a'), {}, 'permalink https://www.instagram.com/p/AAAAAAAAAAA/'],
    ['a Facebook feed whose links are hidden', '<div aria-posinset="1"><div data-video-id="647537299265662"><video data-playing src="blob:f"></video></div></div>', 'https://www.facebook.com/', onVideo('blob:f'), {}, 'permalink https://www.facebook.com/watch/?v=647537299265662'],
    ['a Facebook feed with links', '<div role="article"><video data-playing src="blob:f"></video><a href="/NASA/videos/647537299265662/?__cft__=1">2h</a></div>', 'https://www.facebook.com/', onVideo('blob:f'), {}, 'permalink https://www.facebook.com/NASA/videos/647537299265662'],
    ['a Facebook post with its own link', '<div role="article"><video data-playing src="blob:f"></video><a href="/attn/posts/pfbid0j1Czf2gGDVqeQ8KiML?__cft__=1">2h</a></div>', 'https://www.facebook.com/', onVideo('blob:f'), {}, 'permalink https://www.facebook.com/attn/posts/pfbid0j1Czf2gGDVqeQ8KiML'],
    ['a Reddit feed', '<shreddit-post permalink="/r/videos/comments/6rrwyj/title/"><video data-playing src="blob:r"></video></shreddit-post><shreddit-post permalink="/r/x/comments/aaaaaa/t/"></shreddit-post>', 'https://www.reddit.com/r/videos/', onVideo('blob:r'), {}, 'permalink https://www.reddit.com/r/videos/comments/6rrwyj/'],
    ['old Reddit', '<div class="thing" data-permalink="/r/videos/comments/6rrwyj/title/"><video data-playing src="blob:r"></video></div>', 'https://old.reddit.com/r/videos/', onVideo('blob:r'), {}, 'permalink https://www.reddit.com/r/videos/comments/6rrwyj/'],
    ['a Bluesky feed', '<div data-testid="feedItem-by-nasa.gov"><video data-playing src="blob:b"></video><a href="/profile/nasa.gov/post/3l4qhp7bcs52c">1h</a></div>', 'https://bsky.app/', onVideo('blob:b'), {}, 'permalink https://bsky.app/profile/nasa.gov/post/3l4qhp7bcs52c'],
    ['a LinkedIn feed', '<div data-urn="urn:li:activity:7016901149999955968"><video data-playing src="blob:l"></video></div>', 'https://www.linkedin.com/feed/', onVideo('blob:l'), {}, 'permalink https://www.linkedin.com/feed/update/urn:li:activity:7016901149999955968'],

    ['a plain video file in a page', '<video data-playing src="https://cdn.example/a.mp4"></video>', 'https://news.example/story', onVideo('https://cdn.example/a.mp4'), {}, 'src https://cdn.example/a.mp4'],
    ['the same by the toolbar', '<video data-playing src="https://cdn.example/a.mp4"></video>', 'https://news.example/story', {}, {}, 'src https://cdn.example/a.mp4'],
    ['a blob video on an unknown site', '<video data-playing src="blob:https://news.example/1"></video>', 'https://news.example/story?utm_source=x', onVideo('blob:https://news.example/1'), {}, 'page https://news.example/story'],
    ['the clicked one of two videos', '<video data-big data-playing src="https://cdn.example/a.mp4"></video><video src="https://cdn.example/b.mp4"></video>', 'https://news.example/', onVideo('https://cdn.example/b.mp4'), {}, 'src https://cdn.example/b.mp4'],
    ['one of two videos, covered by something that is clicked for the first time', '<video data-big data-playing src="https://cdn.example/a.mp4"></video><video src="https://cdn.example/b.mp4"></video>', 'https://news.example/', {}, { fromMenu: true }, 'unclear'],
    ['the same under a post', tweet(1, '<video data-playing src="blob:1">') + tweet(9, '<video src="blob:9">'), 'https://x.com/someone/status/1', {}, { fromMenu: true }, 'unclear'],
    ['the same where a link was clicked', '<video data-playing src="https://cdn.example/a.mp4"></video><video src="https://cdn.example/b.mp4"></video>', 'https://news.example/', { linkUrl: 'https://youtu.be/aaaaaaaaaaa' }, { fromMenu: true }, 'link https://www.youtube.com/watch?v=aaaaaaaaaaa'],
    ['the only video in view, covered by something that is clicked for the first time', '<video src="https://cdn.example/a.mp4"></video><video data-out data-playing src="https://cdn.example/b.mp4"></video>', 'https://news.example/', {}, { fromMenu: true }, 'src https://cdn.example/a.mp4'],
    ['the larger of two resting videos, by the toolbar', '<video src="https://cdn.example/a.mp4"></video><video data-big src="https://cdn.example/b.mp4"></video>', 'https://news.example/', {}, {}, 'src https://cdn.example/b.mp4'],
    ['a resting video in view and one that plays out of sight, by the toolbar', '<video data-big src="https://cdn.example/a.mp4"></video><video data-out data-playing src="https://cdn.example/b.mp4"></video>', 'https://news.example/', {}, {}, 'src https://cdn.example/a.mp4'],
    ['a video that plays out of sight alone', '<video data-out data-playing src="https://cdn.example/b.mp4"></video>', 'https://news.example/story', {}, {}, 'page https://news.example/story'],
    ['an article with a YouTube player', '<iframe data-big src="https://www.youtube-nocookie.com/embed/aaaaaaaaaaa"></iframe>', 'https://news.example/story', {}, {}, 'embed https://www.youtube.com/watch?v=aaaaaaaaaaa'],
    ['a click inside an embedded player', '', 'https://news.example/story', { frameUrl: 'https://player.vimeo.com/video/76979871' }, {}, 'embed https://vimeo.com/76979871'],
    ['the page of an unlisted video', '<video data-playing src="blob:v"></video>', 'https://vimeo.com/76979871?h=8272103f6e', onVideo('blob:v'), {}, 'page https://vimeo.com/76979871/8272103f6e'],
    ['a link to a post on an unknown site', '', 'https://news.example/', { linkUrl: 'https://youtu.be/aaaaaaaaaaa' }, {}, 'link https://www.youtube.com/watch?v=aaaaaaaaaaa'],
    ['a plain link on an unknown site', '', 'https://news.example/', { linkUrl: 'https://cdn.example/a.mp4?fbclid=1' }, {}, 'link https://cdn.example/a.mp4'],
    ['a script link over a video', '<video data-playing src="https://cdn.example/a.mp4"></video>', 'https://news.example/', { linkUrl: 'javascript:void(0)', ...onVideo('https://cdn.example/a.mp4') }, {}, 'src https://cdn.example/a.mp4'],
    ['an address in the selected text', '', 'https://news.example/', { selectionText: 'see https://x.com/nasa/status/5, wow' }, {}, 'selection https://x.com/nasa/status/5'],
    ['a link in the selection', '<a id="a" href="https://youtu.be/aaaaaaaaaaa">this</a>', 'https://news.example/', { selectionText: 'this' }, { selected: ['a'] }, 'selection https://www.youtube.com/watch?v=aaaaaaaaaaa'],
    ['selected words without a link', '<video data-playing src="https://cdn.example/a.mp4"></video>', 'https://news.example/', { selectionText: 'words' }, {}, 'src https://cdn.example/a.mp4'],
    ['a video beside words with a link that are still selected', '<a id="a" href="https://youtu.be/aaaaaaaaaaa">this</a><video data-playing src="https://cdn.example/a.mp4"></video>', 'https://news.example/', onVideo('https://cdn.example/a.mp4'), { selected: ['a'] }, 'src https://cdn.example/a.mp4'],
    ['the same where the browser tells of the selection at every click', '<a id="a" href="https://youtu.be/aaaaaaaaaaa">this</a><video data-playing src="https://cdn.example/a.mp4"></video>', 'https://news.example/', { selectionText: 'this', ...onVideo('https://cdn.example/a.mp4') }, { selected: ['a'] }, 'src https://cdn.example/a.mp4'],
    ['the toolbar where words with a link are still selected', '<a id="a" href="https://youtu.be/aaaaaaaaaaa">this</a><video data-playing src="https://cdn.example/a.mp4"></video>', 'https://news.example/', {}, { selected: ['a'] }, 'src https://cdn.example/a.mp4'],
    ['a drawing with a link beside a video', '<div><svg><a id="a" href="/chart">a chart</a></svg><video data-playing src="https://cdn.example/a.mp4"></video></div>', 'https://news.example/', {}, { selected: ['a'] }, 'src https://cdn.example/a.mp4'],
    ['a video in a form whose fields have the names of what it is asked', `<form>${fields('matches', 'parentElement', 'querySelectorAll', 'getAttribute', 'contains', 'getRootNode', 'shadowRoot', 'host')}<video data-playing src="https://cdn.example/a.mp4"></video></form>`, 'https://news.example/', {}, {}, 'src https://cdn.example/a.mp4'],
    ['such a form that is a post', `<form data-testid="feedItem-by-nasa.gov">${fields('matches', 'querySelectorAll')}<video data-playing src="blob:b"></video><a href="/profile/nasa.gov/post/3l4qhp7bcs52c">1h</a></form>`, 'https://bsky.app/', onVideo('blob:b'), {}, 'permalink https://bsky.app/profile/nasa.gov/post/3l4qhp7bcs52c'],
    ['such a form that was clicked', `<video data-playing src="https://cdn.example/a.mp4"></video><form id="f">${fields('getBoundingClientRect', 'matches')}</form>`, 'https://news.example/', {}, { clicked: '#f' }, 'src https://cdn.example/a.mp4'],
    ['pictures that have the names of what a document is asked', '<img name="querySelectorAll"><img name="host"><img name="body"><video data-playing src="https://cdn.example/a.mp4"></video>', 'https://news.example/', {}, {}, 'src https://cdn.example/a.mp4'],
    ['a page with nothing', '', 'https://news.example/story', {}, {}, 'page https://news.example/story'],
    ['a browser page', '', 'chrome://extensions/', {}, {}, 'no_address'],
    ['a file on this computer', '', 'file:///home/me/a.mp4', {}, {}, 'no_address'],
    ['a page that plants another site’s link around its video', '<article><a href="https://www.youtube.com/watch?v=eeeeeeeeeee">x</a><video data-playing src="blob:1"></video></article>', 'https://x.com/home', onVideo('blob:1'), {}, 'no_post'],
];

for (const [name, html, page, click, hint, expected] of CASES) {
    test(`${name}: ${expected}`, () => assert.equal(target(html, page, click, hint), expected));
}

test('a page cannot pretend where the person clicked', () => {
    const { document, Element } = parseHTML('<!doctype html><html><body><video id="a"></video></body></html>');
    const listeners = {};
    const world = { document, Element, innerWidth: 1000, innerHeight: 800, addEventListener: (name, listener) => (listeners[name] = listener) };
    vm.runInNewContext(ASK + FIND, world);
    let looked = false;
    listeners.contextmenu({ isTrusted: false, composedPath: () => (looked = true) && [document.querySelector('#a')] });
    assert.equal(looked, false);
});
