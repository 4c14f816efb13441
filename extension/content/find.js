// Finds the video a click meant and the addresses around it. A classic script, injected on demand into the extension's
// own world of the page; it sends nothing anywhere. What it returns comes from a page and is judged by targets.js.

(() => {
    if (Object.hasOwn(globalThis, 'unmaskFind')) return; // a page's element of that name is there too, but not our own

    const ask = globalThis.unmaskAsk;
    const MAX_LEVELS = 25; // surrounding elements
    const MAX_LINKS = 40; // addresses per level
    /** @type {Map<string, {element: Element, page: string, source: string}>} which element a check was about, for the card, what it showed, and in which page of the site */
    const anchors = new Map();
    /** @type {EventTarget | null} what the latest right-click hit: known from the second check in a page on */
    let clicked = null;
    const remember = (event) => {
        if (event.isTrusted) clicked = event.composedPath()[0];
    };
    globalThis.addEventListener?.('contextmenu', remember, { capture: true, passive: true });

    /** Closed ones too: browsers show them to extensions, Firefox by a property of its own. */
    function shadowOf(element) {
        const { dom } = globalThis.chrome ?? {};
        try {
            return dom ? dom.openOrClosedShadowRoot(element) : ask(element, 'openOrClosedShadowRoot');
        } catch {
            return null; // a drawing has none
        }
    }

    /** The document and its shadow trees: players hide in them. */
    function allTrees(root = document) {
        const inside = [...ask(root, 'querySelectorAll', '*')].map(shadowOf).filter(Boolean);
        return [root, ...inside.flatMap((shadow) => allTrees(shadow))];
    }

    function parentOf(element) {
        return ask(element, 'parentElement') ?? ask(ask(element, 'getRootNode'), 'host') ?? null;
    }

    /** Pixels of the element that are in view. */
    function visibleArea(element) {
        const box = element.getBoundingClientRect();
        const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
        const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
        return width > 40 && height > 40 ? width * height : 0;
    }

    function isPlaying(video) {
        return !video.paused && !video.ended && video.readyState > 2;
    }

    /** The video meant: the one with that source, in view, under the pointer, playing, largest, in this order. */
    function chooseVideo(videos, srcUrl, pointed) {
        const box = pointed && ask(pointed, 'getBoundingClientRect');
        const near = (video) => {
            if (!box) return 0;
            const own = video.getBoundingClientRect();
            const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
            return x >= own.left && x <= own.right && y >= own.top && y <= own.bottom ? 1 : 0;
        };
        const rank = (video) => [
            srcUrl && (video.currentSrc === srcUrl || video.src === srcUrl) ? 1 : 0,
            visibleArea(video) ? 1 : 0, // sites preload the next one out of sight
            pointed === video ? 1 : near(video),
            isPlaying(video) ? 1 : 0,
            visibleArea(video),
        ];
        const better = (a, b) => a.rank.map((value, i) => b.rank[i] - value).find((difference) => difference) ?? 0;
        const ranked = videos.map((video) => ({ video, rank: rank(video) })).sort(better);
        const best = ranked[0];
        return best && (best.rank[0] || best.rank[1]) ? best.video : null;
    }

    /** The element, or what is in it. */
    function matching(element, selector) {
        return ask(element, 'matches', selector) ? [element] : [...ask(element, 'querySelectorAll', selector)];
    }

    /** A link in a drawing has an object for an address, which cannot leave the page. */
    const isAddress = (address) => typeof address === 'string' && address !== '';

    function addressesOf(element, rule) {
        const own = (rule?.attributes ?? []).map((name) => ask(element, 'getAttribute', name));
        const ids = (rule?.ids ?? []).flatMap(({ selector, attribute, pattern, to }) => {
            const [holder] = matching(element, selector);
            const id = holder && ask(holder, 'getAttribute', attribute)?.match(pattern)?.[1];
            return id ? [to.replace('{id}', id)] : [];
        });
        const links = matching(element, 'a[href]').slice(0, MAX_LINKS);
        return [...own, ...ids, ...links.map((link) => link.href)].filter(isAddress);
    }

    /** Addresses by nearness, from the element outwards, and whether they end at a post's own element. */
    function levelsAround(start, rule, videos) {
        const levels = [];
        const seen = new Set();
        for (let element = start; element && element !== ask(document, 'body') && levels.length < MAX_LEVELS; element = parentOf(element)) {
            const inPost = Boolean(rule && ask(element, 'matches', rule.post));
            const others = videos.some((video) => video !== start && ask(element, 'contains', video));
            if (others && !inPost) break; // from here on it is the feed, and its links are other posts'
            const fresh = addressesOf(element, rule).filter((address) => !seen.has(address));
            fresh.forEach((address) => seen.add(address));
            levels.push(fresh);
            if (inPost) return { levels, inPost };
        }
        return { levels, inPost: false };
    }

    /** Without what only leads to another place in it. */
    const pageHere = () => location.href.split('#')[0];

    /** What a player or an embedded page shows; '' where it has not begun, and of a stream that has no address. */
    const sourceOf = (element) => element.currentSrc ?? element.src ?? '';

    function selectedLinks() {
        const selection = globalThis.getSelection?.();
        if (!selection || selection.isCollapsed) return [];
        const links = [...ask(document, 'querySelectorAll', 'a[href]')].filter((link) => selection.containsNode(link, true));
        return links.map((link) => link.href).filter(isAddress);
    }

    /**
     * @param {string} key the check's key
     * @param {{srcUrl?: string, fromMenu: boolean, rule: object | null}} hint
     */
    globalThis.unmaskFind = (key, { srcUrl, fromMenu, rule }) => {
        const trees = allTrees(); // looked for once: a large page has many elements
        const deepAll = (selector) => trees.flatMap((tree) => [...ask(tree, 'querySelectorAll', selector)]);
        const videos = deepAll('video');
        const pointed = fromMenu ? clicked : null;
        // Chromium names no video where something of the site covers it.
        const isUnclear = fromMenu && !srcUrl && !pointed && videos.filter(visibleArea).length > 1;
        const video = isUnclear ? null : chooseVideo(videos, srcUrl, pointed);
        const embeds = deepAll('iframe[src]').filter(visibleArea);
        embeds.sort((a, b) => visibleArea(b) - visibleArea(a));
        const anchor = isUnclear ? null : (video ?? embeds[0] ?? null);
        if (anchor) anchors.set(key, { element: anchor, page: pageHere(), source: sourceOf(anchor) });
        const start = video ?? (pointed instanceof Element ? pointed : null);
        return {
            ...levelsAround(start, rule, videos),
            hasVideo: video !== null,
            isUnclear,
            src: video?.currentSrc || video?.src || '',
            embeds: embeds.slice(0, 5).map((frame) => frame.src),
            selected: selectedLinks().slice(0, 5),
        };
    };

    /** Null too where the site has gone on to another page in the same document, or to another source in the same player: that shows another video now. */
    globalThis.unmaskAnchor = (key) => {
        const anchor = anchors.get(key);
        if (anchor?.page !== pageHere()) return null;
        const now = sourceOf(anchor.element);
        anchor.source ||= now;
        return !now || now === anchor.source ? anchor.element : null;
    };

    /** Why the video of a check cannot be recorded: a code, or '' if it can. Nothing is recorded by asking. */
    globalThis.unmaskObstacle = (key) => {
        const video = globalThis.unmaskAnchor(key);
        if (!(video instanceof HTMLVideoElement) || !video.isConnected || !video.captureStream) return 'not_recorded';
        if (video.mediaKeys) return 'drm';
        try {
            const canvas = new OffscreenCanvas(1, 1).getContext('2d');
            canvas.drawImage(video, 0, 0, 1, 1);
            canvas.getImageData(0, 0, 1, 1); // throws where the video is of another site, which did not allow it
            return '';
        } catch {
            return 'tainted';
        }
    };
})();
