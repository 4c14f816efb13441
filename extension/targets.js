// @ts-check
// Which address does a click mean? Pure: no browser API but URL.

import { PAGES, POSTS, TRACKING } from './sites.js';

const MAX_LENGTH = 2048; // characters; longer ones are data, not addresses

/**
 * @typedef {{url: string, site: string | null}} Post
 * @typedef {{linkUrl?: string, srcUrl?: string, mediaType?: string, frameUrl?: string, pageUrl?: string, selectionText?: string}} Click
 *   as `contextMenus.onClicked` gives it; empty for the toolbar button and the keyboard
 * @typedef {{levels: string[][], inPost: boolean, hasVideo: boolean, isUnclear?: boolean, src: string, embeds: string[], selected: string[]}} Found
 *   what content/find.js saw around the click: addresses by nearness (one list per surrounding element, up to the
 *   post's own element where the page has one), whether there is a video, whether there are several and nobody knows which was clicked, its own source, embedded players, links in the selection
 * @typedef {{url: string, site: string | null, source: 'selection' | 'link' | 'permalink' | 'src' | 'embed' | 'page'}} Target
 * @typedef {{code: 'no_address' | 'no_post' | 'unclear'}} NoTarget
 */

/**
 * An absolute http(s) address without fragment and credentials, or null.
 *
 * @param {unknown} text
 * @param {string} [base]
 */
export function webAddress(text, base) {
    if (typeof text !== 'string' || !text || text.length > MAX_LENGTH) return null;
    let url;
    try {
        url = new URL(text, base);
    } catch {
        return null;
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return null;
    url.hash = '';
    url.username = '';
    url.password = '';
    return url;
}

/** @param {string} hostname @param {string[]} hosts */
function isAt(hostname, hosts) {
    return hosts.some((host) => hostname === host || hostname.endsWith(`.${host}`));
}

/** The site's name if one of the rules is about this host. @param {unknown} text */
function siteOf(text) {
    const url = webAddress(text);
    return (url && POSTS.find((rule) => isAt(url.hostname, rule.hosts))?.site) ?? null;
}

/** What content/find.js needs to know of the site at hand. @param {unknown} text */
export function pageRule(text) {
    const site = siteOf(text);
    return PAGES.find((rule) => rule.site === site) ?? null;
}

/**
 * The post an address leads to, in the site's own form, or null if no rule knows it.
 *
 * @param {unknown} text
 * @param {string} [base]
 * @returns {{url: string, site: string} | null}
 */
export function postOf(text, base) {
    const url = webAddress(text, base);
    if (!url) return null;
    for (const rule of POSTS) {
        const path = isAt(url.hostname, rule.hosts) && url.pathname.match(new RegExp(rule.path));
        if (!path) continue;
        const inner = rule.inner && url.searchParams.get(rule.inner);
        if (inner) return postOf(inner);
        const parts = { ...path.groups };
        const missing = Object.entries(rule.query ?? {}).some(([name, pattern]) => {
            parts[name] = url.searchParams.get(name) ?? '';
            return !new RegExp(pattern).test(parts[name]);
        });
        if (missing || !rule.to) continue;
        return { site: rule.site, url: rule.to.replace(/\{(\w+)\}/g, (_, name) => parts[name]) };
    }
    return null;
}

/** Any web address as it is sent: the post's own form, or without tracking parameters. @param {unknown} text @returns {Post | null} */
export function cleaned(text) {
    const post = postOf(text);
    if (post) return post;
    const url = webAddress(text);
    if (!url) return null;
    for (const name of [...url.searchParams.keys()]) if (TRACKING.test(name)) url.searchParams.delete(name);
    return { url: url.href, site: null };
}

/** The first web address written in a text. @param {string | undefined} text */
export function addressIn(text) {
    const match = text?.match(/https?:\/\/[^\s<>"'“”«»]+/i);
    return match ? match[0].replace(/[.,;:!?)\]]+$/, '') : null;
}

/**
 * Choose the one address that a click means.
 *
 * The order is: an address in the selection, if that was clicked and no video; the link (one that leads to a known post, or any if no video was
 * clicked); on a known site the permalink nearest to the click, or the page if it is a post, because media addresses
 * there are signed and short-lived; the video's own http(s) source; an embedded player; the page. `blob:` and the like
 * are never addresses. A known site's start page is no video, and where several may have been meant it is none of them:
 * rather none than the wrong one.
 *
 * @param {{click?: Click, found?: Found | null, tabUrl?: string}} at
 * @returns {Target | NoTarget}
 */
export function chooseTarget({ click = {}, found = null, tabUrl }) {
    const page = click.pageUrl ?? tabUrl;
    const onVideo = click.mediaType === 'video' || click.mediaType === 'audio';
    const site = siteOf(click.frameUrl) ?? siteOf(page);
    /** @returns {Target | null} */
    const target = (/** @type {Post | null} */ post, /** @type {Target['source']} */ source) => post && { ...post, source };
    const firstPost = (/** @type {string[]} */ texts, /** @type {string | null} */ of = null) => {
        const posts = texts.map((text) => postOf(text, page));
        return posts.find((post) => post && (!of || post.site === of)) ?? null;
    };
    const permalink = () => {
        // On a post's own page a link outside any post's element leads to some other video: the page is meant.
        if (!site || !found || (!found.inPost && postOf(page))) return null;
        for (const level of found.levels) {
            const post = firstPost(level, site);
            if (post) return post;
        }
        return null;
    };
    // Words that were selected before stay so when something else is clicked, or the key is pressed.
    const onSelection = Boolean(click.selectionText) && !onVideo;
    const selected = onSelection ? [addressIn(click.selectionText), ...(found?.selected ?? [])].filter((text) => text !== null) : [];
    const named =
        target(firstPost(selected) ?? cleaned(selected[0]), 'selection') ??
        target(postOf(click.linkUrl) ?? (onVideo ? null : cleaned(click.linkUrl)), 'link');
    if (!named && found?.isUnclear) return { code: 'unclear' };
    const chosen =
        named ??
        target(permalink(), 'permalink') ??
        target(site ? postOf(page) : null, 'page') ??
        target(cleaned(onVideo ? click.srcUrl : null) ?? cleaned(found?.src), 'src') ??
        target(postOf(click.frameUrl), 'embed') ??
        target(firstPost(found?.embeds ?? []), 'embed');
    if (chosen) return chosen;
    const plain = cleaned(page);
    if (!plain) return { code: 'no_address' };
    return site ? { code: 'no_post' } : { ...plain, source: 'page' };
}
