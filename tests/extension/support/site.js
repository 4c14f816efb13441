// Web pages for the tests, over real HTTP on loopback: a playing video among what real sites have around it.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const VIDEO = process.env.UNMASK_TEST_VIDEO; // a WebM, made by the test run from a public-domain portrait

const page = (body, style = '') => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title><style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 40px auto; max-width: 900px; color: #222; background: #fff }
video { width: 640px; height: 480px; display: block; border-radius: 12px; background: #000 } ${style}</style></head><body>${body}</body></html>`;
const video = '<video id="v" src="/clip.webm" autoplay muted loop playsinline></video>';

/** What a page's own script can do to buttons it cannot see: made-up events on every element at the document's top. */
export const PRESS = `() => {
    for (const host of document.documentElement.children) {
        for (const name of ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click']) host.dispatchEvent(new MouseEvent(name, { bubbles: true, composed: true, clientX: host.getBoundingClientRect().right - 60, clientY: host.getBoundingClientRect().bottom - 34 }));
        for (const key of ['Tab', 'Enter', ' ']) host.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
    }
}`;

const PAGES = {
    '/': page(`<h1>The evening news</h1>${video}<p id="text">A paragraph under the video.</p><p><a id="link" href="https://www.youtube.com/watch?v=aqz-KE-bpKQ&amp;t=9">a link to a video</a></p>`),
    '/two': page(`${video}<video id="w" src="/clip.webm?second" muted></video>`, 'video { width: 420px; height: 300px; margin: 12px }'),
    '/strict': page(`<h1>A strict page</h1>${video}`),
    // A page that does what it can to see, change or set off the extension.
    '/hostile': page(
        `<h1>A hostile page</h1>${video}<script>
        window.seen = [];
        const attach = Element.prototype.attachShadow;
        Element.prototype.attachShadow = function (init) { window.seen.push('attachShadow'); return attach.call(this, { ...init, mode: 'open' }) };
        new MutationObserver((all) => all.forEach(({ addedNodes }) => addedNodes.forEach((node) => {
            window.seen.push(['added', node.nodeName, node.shadowRoot === null, node.textContent].join(' '));
        }))).observe(document, { childList: true, subtree: true });
        window.pressEverything = ${PRESS};
        window.attack = () => {
            for (const what of ['cancel', 'again', 'report', 'settings', 'takeFile', 'checkAddress', 'poll', 'remove']) {
                postMessage({ what, url: 'https://evil.example/', key: 'x' }, '*');
                document.dispatchEvent(new CustomEvent(what, { detail: { url: 'https://evil.example/' } }));
            }
            document.querySelector('#v').dispatchEvent(new MouseEvent('contextmenu', { bubbles: true }));
            document.querySelector('#v').dispatchEvent(new KeyboardEvent('keydown', { key: 'U', code: 'KeyU', altKey: true, shiftKey: true, bubbles: true }));
            window.pressEverything();
            return { runtime: typeof globalThis.chrome?.runtime?.sendMessage, find: typeof globalThis.unmaskFind, show: typeof globalThis.unmaskShow };
        };
        </script>`,
        'div, section { color: red !important; display: none !important; background: black !important } * { font-size: 40px !important } ::backdrop { display: block !important; background: black !important }',
    ),
};

const recordable = (script) => page(`<h1>A member’s page</h1><video id="v" autoplay muted loop playsinline></video><p id="text">Only for those who are signed in.</p>${script}`);
Object.assign(PAGES, {
    '/blob': recordable("<script>fetch('/clip.webm').then((r) => r.blob()).then((b) => { document.querySelector('#v').src = URL.createObjectURL(b) })</script>"),
    // As players of big sites do it: the source is fed in by a script.
    '/mse': recordable(`<script>
        const source = new MediaSource();
        document.querySelector('#v').src = URL.createObjectURL(source);
        source.onsourceopen = async () => {
            const buffer = source.addSourceBuffer('video/webm; codecs="vp8"');
            buffer.onupdateend = () => source.readyState === 'open' && source.endOfStream();
            buffer.appendBuffer(await (await fetch('/clip.webm')).arrayBuffer());
        };
        </script>`),
    '/named': page(`${video}<div id="unmaskShow"></div><div id="unmaskFind"></div><iframe name="unmaskAnchor"></iframe>`),
    '/pictures': page(`${video}<img name="querySelectorAll"><img name="createElement"><img name="documentElement"><img name="host"><img name="body">`),
    '/form': page(`<form><input name="matches"><input name="querySelectorAll"><input name="contains">${video}</form>`),
    '/form-around': page(`<form><input name="parentElement"><input name="assignedSlot"><input name="getRootNode">${video}</form>`),
    '/svg': page(`<div>${video}<svg width="80" height="20"><a href="/chart"><text y="15">a chart</text></a></svg></div>`),
    '/dialog': page(`<dialog id="d">${video}<button id="inside">a button inside</button></dialog><p id="text">The page under it.</p><script>
        const dialog = document.querySelector('#d');
        dialog.showModal();
        window.heard = [];
        for (const name of ['keydown', 'keyup', 'mousedown', 'mouseup', 'click']) document.addEventListener(name, ({ type, key }) => key === 'Alt' || window.heard.push(type));
        </script>`),
    '/rtl': page(video).replace('<html lang="en">', '<html lang="ar" dir="rtl">'),
    '/links': page(`${video}<p><a id="one" href="https://x.com/someone/status/1">one</a> <a id="two" href="https://x.com/someone/status/2">two</a></p>`, 'video { width: 420px; height: 300px }'),
    '/slow': page(`<h1>A page that goes on loading</h1>${video}`),
    '/closed': page(`<h1>A player of its own making</h1><div id="player"></div><script>
        document.querySelector('#player').attachShadow({ mode: 'closed' }).innerHTML = '<video src="/clip.webm?closed" autoplay muted loop width="640" height="480"></video>';
        </script>`),
    // Players as sites make them, with something before the video that takes the clicks.
    '/covered': page(['a', 'b'].map((id) => `<div class="player">${video.replace('"v"', `"${id}"`).replace('clip.webm', `clip.webm?${id}`)}<div class="cover" id="on-${id}"></div></div>`).join(''), '.player { position: relative; width: 420px; height: 300px; margin: 12px } video { width: 420px; height: 300px } .cover { position: absolute; inset: 0 }'),
    '/feed': page(['a', 'b', 'c'].map((id) => `<article><h2>The post ${id}</h2>${video.replace('"v"', `"${id}"`).replace('clip.webm', `clip.webm?${id}`)}</article>`).join(''), 'article { height: 900px } video { width: 480px; height: 360px }'),
    '/strip': page(`<div id="strip">${video}${video.replace('"v"', '"w"').replace('clip.webm', 'clip.webm?w')}</div>`, '#strip { display: flex; width: 420px; margin: 0 auto; overflow: hidden } video { width: 420px; height: 300px; flex: none }'),
    '/paused': page('<h1>A still page</h1><video id="v" src="/clip.webm" muted loop></video>'),
    '/protected': recordable(`<script>
        const kinds = [{ initDataTypes: ['webm'], videoCapabilities: [{ contentType: 'video/webm; codecs="vp8"' }] }];
        (async () => {
            const access = await navigator.requestMediaKeySystemAccess('org.w3.clearkey', kinds);
            const video = document.querySelector('#v');
            await video.setMediaKeys(await access.createMediaKeys());
            video.src = '/clip.webm';
        })();
        </script>`),
});

// Not the server's host, 127.0.0.1: what works on these works by the click alone, not by the permission for the server.
const HOST = '127.0.0.2';

/** `elsewhere`: the address of another site, whose video the page `/tainted` shows. */
export async function startSite(port = 0, elsewhere = '') {
    const clip = await readFile(VIDEO);
    const server = createServer((request, response) => {
        const { pathname } = new URL(request.url, 'http://site');
        if (pathname === '/clip.webm') {
            response.writeHead(200, { 'Content-Type': 'video/webm', 'Content-Length': clip.length });
            return response.end(clip);
        }
        const headers = { 'Content-Type': 'text/html' };
        if (pathname === '/strict') headers['Content-Security-Policy'] = "default-src 'none'; media-src 'self'; style-src 'none'; script-src 'none'; connect-src 'none'; require-trusted-types-for 'script'";
        response.writeHead(PAGES[pathname] || pathname === '/tainted' ? 200 : 404, headers);
        if (pathname === '/slow') return response.write(PAGES['/slow'].replace('</body></html>', ' '.repeat(3000))); // its end never comes
        const tainted = pathname === '/tainted' && page(`<h1>From elsewhere</h1>${video.replace('/clip.webm', `${elsewhere}/clip.webm`)}`);
        response.end(tainted || PAGES[pathname] || 'not here');
    });
    await new Promise((resolve) => server.listen(port, HOST, resolve));
    return {
        address: `http://${HOST}:${server.address().port}`,
        stop: () =>
            new Promise((resolve) => {
                server.close(resolve);
                server.closeAllConnections();
            }),
    };
}
