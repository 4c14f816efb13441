// The card beside the video: what becomes of a check. A classic script in the extension's own world of the page. It
// gets finished words (see view.js), puts them into a closed shadow tree as text, and reports which button was pressed.
// It knows no server and no key. A page can cover the card, but neither read nor write it.

(() => {
    if (Object.hasOwn(globalThis, 'unmaskShow')) return; // a page's element of that name is there too, but not our own

    const ask = globalThis.unmaskAsk;
    const SVG = 'http://www.w3.org/2000/svg';
    const LEAST_IN_VIEW = 0.01; // of a video; where one fills the window, the next one's edge touches it
    const ORPHANED_MS = 10_000; // nobody has placed the card for so long: longer than a page that is busy stands still
    const STYLE = `
        :host { all: initial !important; position: fixed !important; inset: auto !important; margin: 0 !important;
            z-index: 2147483647 !important; display: block !important; width: min(320px, calc(100vw - 24px)) !important;
            left: var(--x, auto) !important; top: var(--y, auto) !important; border: 0 !important; padding: 0 !important;
            background: none !important; overflow: visible !important; visibility: visible !important; opacity: 1 !important; pointer-events: none !important;
            color-scheme: light dark !important; direction: ltr !important; unicode-bidi: isolate !important; } /* "all" leaves out the last two */
        :host::backdrop { display: none !important; } /* a page's own would cover it */
        .card { --ink: #1b2230; --soft: #596579; --ground: #ffffff; --line: #e3e7ee; --fill: #eef1f6; --accent: #3b5bdb;
            --likely: #b3420c; --unsure: #6741a8; --none: #0b6e75; --trouble: #56606f;
            pointer-events: auto; box-sizing: border-box; max-height: calc(100vh - 24px); overflow: auto; overscroll-behavior: contain; display: grid; gap: 10px; padding: 14px 16px 16px; border-radius: 14px; color: var(--ink);
            background: var(--ground); border: 1px solid var(--line); box-shadow: 0 8px 28px rgb(15 23 42 / .22);
            font: 14px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Devanagari", sans-serif; text-align: start; }
        @media (prefers-color-scheme: dark) { .card { --ink: #eef1f7; --soft: #a5b0c2; --ground: #1c212b; --line: #343c4a;
            --fill: #2b3240; --accent: #91a7ff; --likely: #ffa26b; --unsure: #c9a9ff; --none: #66d9e0; --trouble: #b6c0cf; } }
        header { display: flex; align-items: center; gap: 8px; color: var(--soft); font-size: 12px; letter-spacing: .02em; }
        header span { flex: 1; font-weight: 600; }
        button { font: inherit; color: inherit; background: none; border: 0; cursor: pointer; border-radius: 8px; }
        .card:focus { outline: none; }
        .card:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        .close { padding: 0; width: 24px; height: 24px; line-height: 22px; font-size: 18px; color: var(--soft); }
        .close:hover, .buttons button:hover { background: var(--fill); }
        .say { display: grid; grid-template-columns: 30px 1fr; gap: 4px 12px; align-items: start; }
        svg { width: 30px; height: 30px; fill: none; stroke: var(--tone); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
        .title { margin: 0; align-self: center; min-height: 30px; display: flex; align-items: center; font-size: 17px; line-height: 1.25; font-weight: 650; color: var(--tone); }
        .text, .next { margin: 0; grid-column: 2; color: var(--soft); overflow-wrap: anywhere; }
        .next { color: var(--ink); }
        .about { margin: -6px 0 0; grid-column: 2; color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
        .bar { position: relative; height: 8px; border-radius: 4px; background: var(--fill); overflow: hidden; }
        .bar i { position: absolute; inset-block: 0; left: 0; border-radius: 4px; background: var(--tone); transition: width .3s; }
        .progress { display: flex; align-items: center; gap: 10px; color: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
        .progress .bar { flex: 1; }
        .band { height: 12px; border-radius: 6px; overflow: visible; margin: 2px 0; }
        .band i { opacity: .38; border-radius: 6px; }
        .band b { position: absolute; top: -3px; width: 4px; height: 18px; margin-left: -2px; border-radius: 2px; background: var(--tone); box-shadow: 0 0 0 2px var(--ground); }
        .percent { display: grid; gap: 5px; margin: 0; font-size: 13px; }
        .rest, .figures { display: grid; gap: 10px; }
        .buttons { display: flex; flex-wrap: wrap; gap: 8px; justify-content: flex-end; }
        .buttons button { padding: 6px 12px; border: 1px solid var(--line); font-weight: 600; color: var(--accent); }
        .busy svg path { transform-origin: 12px 12px; animation: turn 1.1s linear infinite; }
        @keyframes turn { to { transform: rotate(1turn); } }
        @media (prefers-reduced-motion: reduce) { .busy svg path { animation: none; } .bar i { transition: none; } }
        @media (forced-colors: active) { .bar { outline: 1px solid; } .bar i { background: CanvasText; } .bar b { background: Highlight; outline: 2px solid Canvas; } .band i { opacity: 1; } }
        .card { --tone: var(--accent); }
        .likely_manipulated { --tone: var(--likely); } .inconclusive { --tone: var(--unsure); } .no_signs_found { --tone: var(--none); }
        .no_face, .problem, .cancelled { --tone: var(--trouble); }
        [hidden] { display: none !important; }`;

    /** @type {Map<string, {anchor: Element | null, card: HTMLElement, show: (view: object) => void, place: (taken: number) => void, focus: () => void, remove: () => void}>} */
    const cards = new Map();
    /**
     * Where each check was asked for: the page's address and the video. `wasInView`: since then; `isHere`: when last looked.
     *
     * @type {Map<string, {address: string, anchor: Element | null, isOfLink: boolean, wasInView: boolean, isHere: boolean}>}
     */
    const asked = new Map();
    /** @type {WeakMap<Element, boolean>} of what cards stand beside: not scrolled away, in a strip or with its frame either, and not taken out */
    const inView = new WeakMap();
    const eye = new IntersectionObserver((changes) => {
        for (const { target, intersectionRatio } of changes) inView.set(target, intersectionRatio >= LEAST_IN_VIEW);
        placeAll();
    }, { threshold: LEAST_IN_VIEW });

    function make(name, { parent, className, text, ...attributes } = {}) {
        const element = ask(document, 'createElement', name);
        if (className) element.className = className;
        if (text !== undefined) element.textContent = text;
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        parent?.append(element);
        return element;
    }

    /** Styles that a page's Content-Security-Policy does not reach. */
    function dress(shadow) {
        try {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(STYLE);
            shadow.adoptedStyleSheets = [sheet];
        } catch {
            make('style', { parent: shadow, text: STYLE }); // older Firefox refuses the line above to add-ons
        }
    }

    function drawing(shape) {
        const svg = ask(document, 'createElementNS', SVG, 'svg');
        svg.setAttribute('viewBox', '0 0 24 24');
        svg.setAttribute('aria-hidden', 'true');
        const path = ask(document, 'createElementNS', SVG, 'path');
        path.setAttribute('d', shape);
        svg.append(path);
        return svg;
    }

    function percentBar(parent, { value, low, high, label }) {
        const bar = make('div', { parent, className: 'bar band', 'aria-hidden': 'true' });
        const band = make('i', { parent: bar });
        band.style.left = `${low * 100}%`;
        band.style.width = `${Math.max(1, (high - low) * 100)}%`;
        make('b', { parent: bar }).style.left = `${value * 100}%`;
        make('p', { parent, className: 'percent', text: label });
    }

    /** `share` is the same in digits, for those who see. */
    function progressBar(parent, progress, label, share) {
        const row = make('div', { parent, className: 'progress' });
        const bar = make('div', { parent: row, className: 'bar', role: 'progressbar', 'aria-label': label, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(Math.round(progress * 100)) });
        make('i', { parent: bar }).style.width = `${Math.max(4, progress * 100)}%`;
        if (share) make('span', { parent: row, text: share, 'aria-hidden': 'true' });
    }

    /** A button that has only just come under the pointer is not meant: `offeredAt` is when it came. */
    function press(event, what, key, offeredAt) {
        if (event.isTrusted && performance.now() - offeredAt > 500) chrome.runtime.sendMessage({ what, key }).catch(() => {}); // the extension was reloaded: nobody listens
    }

    /** Where the card stands: right of the video if there is room, else in its upper right corner; without one, in the window's. `taken`: pixels that older cards have there. */
    function corner(anchor, height, taken) {
        const width = Math.min(320, innerWidth - 24);
        const box = anchor?.isConnected ? anchor.getBoundingClientRect() : null;
        if (!box || box.width < 40) return { x: innerWidth - width - 12, y: Math.max(12, innerHeight - height - 12 - taken) };
        const within = (value, size, room) => Math.max(12, Math.min(value, room - size - 12));
        const isRoom = box.right >= 0 && box.right + 12 + width + 12 <= innerWidth;
        return isRoom
            ? { x: box.right + 12, y: within(box.top + taken, height, innerHeight) }
            : { x: within(box.right - width - 12, width, innerWidth), y: within(box.top + 12 + taken, height, innerHeight) };
    }

    /** The element or the nearest around it that matches. @param {Element | null} element it may be in a shadow tree, with its dialog or in one */
    function closest(element, selector) {
        const outwards = (at) => ask(at, 'assignedSlot') ?? ask(at, 'parentElement') ?? ask(ask(at, 'getRootNode'), 'host');
        for (let around = element; around; around = outwards(around)) if (ask(around, 'matches', selector)) return around;
        return null;
    }

    /** Where a card can be pressed and read: what is modal or fills the screen leaves nothing outside it that can. @param {Element | null} anchor */
    function home(anchor) {
        const closed = 'dialog:modal, :fullscreen:not(video, iframe)';
        return closest(anchor, closed) ?? [...ask(document, 'querySelectorAll', closed)].at(-1) ?? ask(document, 'documentElement');
    }

    /** Whether the card would stand beside another video: its own was in view, and is not any more. That of a link says what it is about. */
    function isElsewhere(about) {
        if (!about?.anchor || about.isOfLink) return false;
        const isCovered = ask(document, 'querySelector', ':fullscreen') && !closest(about.anchor, ':fullscreen');
        const isInView = inView.get(about.anchor) && !isCovered;
        about.wasInView ||= isInView;
        return about.wasInView && !isInView;
    }

    function createCard(key) {
        const host = make('div');
        const shadow = host.attachShadow({ mode: 'closed' });
        dress(shadow);
        const card = make('section', { parent: shadow, className: 'card', tabindex: '-1' });
        const header = make('header', { parent: card });
        make('span', { parent: header, text: 'Unmask' });
        const close = make('button', { parent: header, className: 'close', type: 'button', text: '×' });
        const say = make('div', { parent: card, className: 'say', 'aria-live': 'polite', 'aria-atomic': 'true' });
        const rest = make('div', { parent: card, className: 'rest' });
        const figures = make('div', { parent: rest, className: 'figures' });
        const buttons = make('div', { parent: rest, className: 'buttons' });
        const anchor = globalThis.unmaskAnchor?.(key) ?? null;
        // Firefox ends this script with the extension, unheard, and would leave a card that even × does not close. The
        // browser itself runs this; until the delay is over it changes nothing.
        const ending = card.animate({ visibility: ['hidden', 'hidden'] }, { delay: ORPHANED_MS, duration: 1, fill: 'forwards' });
        let cameFrom = null; // where the keyboard was in the page
        const leave = () => shadow.activeElement && cameFrom && ask(cameFrom, 'focus', { preventScroll: true });
        const remove = () => {
            leave();
            host.remove();
            cards.delete(key);
        };
        close.addEventListener('click', (event) => event.isTrusted && remove());
        // What is done in the card is not meant for the site: its keys play and skip, its dialogs close on a click beside them.
        for (const name of ['keydown', 'keyup', 'pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click']) shadow.addEventListener(name, (event) => event.stopPropagation());
        shadow.addEventListener('keydown', (event) => {
            if (event.key !== 'Escape') return;
            event.preventDefault(); // it closes the card, not the dialog it stands in
            remove();
        });

        let spoken = '';
        let outline = '';
        let offer = '';
        let offeredAt = 0;
        const focus = () => {
            if (!shadow.activeElement) cameFrom = ask(document, 'activeElement');
            card.focus({ preventScroll: true });
        };
        const show = (view) => {
            card.className = `card ${view.tone}`;
            card.lang = view.labels.language;
            close.setAttribute('aria-label', view.labels.close);
            card.setAttribute('aria-label', view.about ? `Unmask: ${view.about}` : 'Unmask');
            const words = [view.tone, view.title, view.about, view.text, view.next].join('\n');
            if (words !== spoken) {
                say.replaceChildren(drawing(view.shape));
                make('p', { parent: say, className: 'title', text: view.title });
                if (view.about) make('p', { parent: say, className: 'about', text: view.about });
                if (view.text) make('p', { parent: say, className: 'text', text: view.text, lang: view.labels.words });
                if (view.next) make('p', { parent: say, className: 'next', text: view.next, lang: view.labels.words });
                spoken = words;
            }
            const shape = JSON.stringify([view.progress, view.share, view.percent, view.title]);
            if (shape !== outline) {
                figures.replaceChildren();
                if (view.percent) percentBar(figures, view.percent);
                if (view.progress !== null) progressBar(figures, view.progress, view.title, view.share);
                figures.hidden = figures.childElementCount === 0;
                outline = shape;
            }
            // Only what changed is built again, so that neither a click nor the keyboard's place in the card is lost.
            if (offer === JSON.stringify(view.buttons)) return;
            [offer, offeredAt] = [JSON.stringify(view.buttons), performance.now()];
            const focused = shadow.activeElement?.dataset?.what;
            buttons.replaceChildren();
            buttons.hidden = view.buttons.length === 0;
            for (const { what, label } of view.buttons) {
                const button = make('button', { parent: buttons, type: 'button', text: label, 'data-what': what });
                button.addEventListener('click', (event) => press(event, what, key, offeredAt));
                if (what === focused) button.focus();
            }
            if (focused && !shadow.activeElement) focus();
        };
        /** A dialog may open or close around it, and some sites throw out whatever they have not put in themselves. */
        const settle = () => {
            const parent = home(anchor);
            if (host.parentNode === parent) return;
            const focused = shadow.activeElement;
            ask(parent, 'append', host);
            if ('popover' in host) host.showPopover(); // the top layer: above whatever the site stacks
            focused?.focus({ preventScroll: true });
        };
        const place = (taken) => {
            ending.currentTime = 0; // not yet
            settle();
            const isAway = isElsewhere(asked.get(key));
            if (isAway) leave(); // no keys go to what is not seen
            card.hidden = isAway;
            const { x, y } = corner(anchor, card.offsetHeight, taken);
            host.style.setProperty('--x', `${x}px`);
            host.style.setProperty('--y', `${y}px`);
        };
        if ('popover' in host) host.popover = 'manual';
        settle();
        return { anchor, card, show, place, focus, remove };
    }

    function placeAll() {
        const taken = new Map(); // at each video: a link's card stands beside the video in view too
        for (const { anchor, card, place } of cards.values()) {
            const before = taken.get(anchor) ?? 0;
            place(before);
            if (!card.hidden) taken.set(anchor, before + card.offsetHeight + 12);
        }
    }

    /** Whether the page of a check is still there: a place in the page is another page only to those that are beside no video. */
    function isStillHere(key, { address, anchor, isOfLink }) {
        return anchor && !isOfLink ? globalThis.unmaskAnchor(key) === anchor : address === location.href;
    }

    /** A site may go on to its next page or video in the same document: no card stays beside another video than the one it is about. */
    function moveOn() {
        let hasLeft = false;
        for (const [key, about] of asked) {
            const isHere = isStillHere(key, about);
            if (about.isHere && !isHere) {
                cards.get(key)?.remove();
                hasLeft = true;
            }
            about.isHere = isHere;
        }
        // the toolbar's sign is of one check alone: it stays while any other is here
        if (hasLeft && ![...asked.values()].some(({ isHere }) => isHere)) chrome.runtime.sendMessage({ what: 'left' }).catch(() => {}); // the extension was reloaded: nobody listens
    }

    function show(view, focus) {
        if (!cards.has(view.key)) cards.set(view.key, createCard(view.key));
        cards.get(view.key).show(view);
        placeAll();
        if (focus) cards.get(view.key).focus();
    }

    /** Note where a check was asked for. @param {string} key */
    function note(key) {
        const anchor = globalThis.unmaskAnchor?.(key) ?? null;
        if (anchor) eye.observe(anchor);
        asked.set(key, { address: location.href, anchor, isOfLink: false, wasInView: false, isHere: true });
    }

    /**
     * Show it if it is of this page. A closed card stays closed, until there is something to say that was asked for.
     * Answers whether it is of this page, and whether the card can be seen there.
     */
    function hear({ view, open, focus, asked: isAsked }) {
        if (isAsked) note(view.key);
        const about = asked.get(view.key);
        if (about) about.isOfLink = view.about !== '';
        moveOn();
        const isHere = about?.isHere ?? false;
        if (isHere && (cards.has(view.key) || open)) show(view, focus);
        return { isHere, isSeen: isHere && cards.get(view.key)?.card.hidden === false };
    }

    globalThis.unmaskShow = (view) => {
        hear({ view, open: true, focus: false, asked: true });
    };

    /** Answers whether its page is this one. @param {string} key */
    function drop(key) {
        moveOn();
        const isHere = asked.get(key)?.isHere ?? false;
        cards.get(key)?.remove();
        asked.delete(key);
        return isHere;
    }

    /** The browser had kept this page while another one was in its tab, and nothing was heard meanwhile. */
    function comeBack({ persisted }) {
        if (!persisted || !chrome.runtime?.id) return;
        moveOn();
        for (const [key, { isHere }] of asked) {
            if (!isHere) continue;
            chrome.runtime.sendMessage({ what: 'back', key }).then((view) => (view ? hear({ view }) : drop(key)), () => {});
        }
    }

    /** The extension was updated, reloaded or removed: nobody speaks to these cards any more, or hears their buttons. */
    function end() {
        [...cards.values()].forEach((card) => card.remove());
        clearInterval(timer);
        eye.disconnect();
        removeEventListener('scroll', placeAll, { capture: true });
        removeEventListener('resize', placeAll);
        removeEventListener('visibilitychange', placeAll);
        removeEventListener('pageshow', placeAll);
        removeEventListener('pageshow', comeBack);
    }

    chrome.runtime.onMessage.addListener((message, _, reply) => {
        if (message.what === 'drop') reply(drop(message.key));
        if (message.what === 'card') reply(hear(message));
    });
    addEventListener('scroll', placeAll, { capture: true, passive: true });
    addEventListener('resize', placeAll, { passive: true });
    addEventListener('visibilitychange', placeAll); // timers are rare where nobody looks
    addEventListener('pageshow', placeAll);
    addEventListener('pageshow', comeBack);
    const timer = setInterval(() => {
        if (!chrome.runtime?.id) return end();
        moveOn(); // a site's own pushState makes no event
        if (cards.size > 0) placeAll(); // and players are moved without one
    }, 500);
})();
