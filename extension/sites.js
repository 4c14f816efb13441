// @ts-check
// What the extension knows of the big sites, as data. The server's own table decides what it fetches; this one only
// finds the address of the post a person pointed at, and drops what an address carries about that person.

/**
 * One way a post is addressed. `hosts` match themselves and their subdomains; `path` and the values of `query` are
 * regular expressions whose named groups (or, for `query`, whole values under the parameter's name) fill `to`.
 * `inner` names a parameter that holds the whole address of the post (embedding pages).
 *
 * @typedef {{site: string, hosts: string[], path: string, query?: Record<string, string>, to?: string, inner?: string}} PostRule
 */

/** @type {PostRule[]} The first rule that fits wins. */
export const POSTS = [
    { site: 'YouTube', hosts: ['youtube.com', 'youtube-nocookie.com'], path: '^/watch/?$', query: { v: '^[\\w-]{11}$' }, to: 'https://www.youtube.com/watch?v={v}' },
    // Players of a playlist and of whatever a channel sends now: words as long as an id, which is always of eleven characters.
    { site: 'YouTube', hosts: ['youtube.com', 'youtube-nocookie.com'], path: '^/(?:shorts|embed|live|v)/(?!videoseries|live_stream)(?<v>[\\w-]{11})(?:/|$)', to: 'https://www.youtube.com/watch?v={v}' },
    { site: 'YouTube', hosts: ['youtu.be'], path: '^/(?<v>[\\w-]{11})/?$', to: 'https://www.youtube.com/watch?v={v}' },

    { site: 'X', hosts: ['x.com', 'twitter.com'], path: '^/(?:i/web|\\w{1,20})/status(?:es)?/(?<id>\\d+)/video/(?<n>[2-9])', to: 'https://x.com/i/status/{id}/video/{n}' },
    { site: 'X', hosts: ['x.com', 'twitter.com'], path: '^/i/(?:web/)?status/(?<id>\\d+)', to: 'https://x.com/i/status/{id}' },
    { site: 'X', hosts: ['x.com', 'twitter.com'], path: '^/(?<user>\\w{1,20})/status(?:es)?/(?<id>\\d+)', to: 'https://x.com/{user}/status/{id}' },
    { site: 'X', hosts: ['platform.twitter.com', 'platform.x.com'], path: '^/embed/Tweet\\.html$', query: { id: '^\\d+$' }, to: 'https://x.com/i/status/{id}' },

    { site: 'TikTok', hosts: ['tiktok.com'], path: '^/@(?<user>[\\w.-]*)/(?:video|photo)/(?<id>\\d+)', to: 'https://www.tiktok.com/@{user}/video/{id}' },
    { site: 'TikTok', hosts: ['tiktok.com'], path: '^/(?:embed(?:/v2)?|player/v1)/(?<id>\\d+)', to: 'https://www.tiktok.com/@_/video/{id}' },
    { site: 'TikTok', hosts: ['vm.tiktok.com', 'vt.tiktok.com'], path: '^/(?<code>\\w{6,})/?$', to: 'https://vm.tiktok.com/{code}/' },
    { site: 'TikTok', hosts: ['tiktok.com'], path: '^/t/(?<code>\\w{6,})/?$', to: 'https://www.tiktok.com/t/{code}/' },

    { site: 'Instagram', hosts: ['instagram.com'], path: '^/share/(?<kind>reel|p)/(?<code>[\\w-]{6,})', to: 'https://www.instagram.com/share/{kind}/{code}/' },
    { site: 'Instagram', hosts: ['instagram.com'], path: '^/stories/(?<user>[\\w.]+)/(?<id>\\d+)', to: 'https://www.instagram.com/stories/{user}/{id}/' },
    { site: 'Instagram', hosts: ['instagram.com'], path: '^/(?:[\\w.]+/)?(?:p|tv)/(?<id>[\\w-]{6,})', to: 'https://www.instagram.com/p/{id}/' },
    { site: 'Instagram', hosts: ['instagram.com'], path: '^/(?:[\\w.]+/)?reels?/(?<id>[\\w-]{6,})', to: 'https://www.instagram.com/reel/{id}/' },

    { site: 'Facebook', hosts: ['facebook.com'], path: '^/(?:watch(?:/live)?/?|video\\.php)$', query: { v: '^\\d+$' }, to: 'https://www.facebook.com/watch/?v={v}' },
    { site: 'Facebook', hosts: ['facebook.com'], path: '^/reel/(?<id>\\d+)', to: 'https://www.facebook.com/reel/{id}' },
    { site: 'Facebook', hosts: ['facebook.com'], path: '^/(?<page>[\\w.-]+)/videos/(?:[^/]+/)?(?<id>\\d+)', to: 'https://www.facebook.com/{page}/videos/{id}' },
    { site: 'Facebook', hosts: ['facebook.com'], path: '^/share/(?<kind>[vr])/(?<code>\\w+)', to: 'https://www.facebook.com/share/{kind}/{code}/' },
    { site: 'Facebook', hosts: ['facebook.com'], path: '^/groups/(?<group>\\w[\\w.-]*)/(?:posts|permalink)/(?:[^/]+/)?(?<id>pfbid[A-Za-z0-9]+|\\d+)(?:/|$)', to: 'https://www.facebook.com/groups/{group}/posts/{id}' },
    { site: 'Facebook', hosts: ['facebook.com'], path: '^/(?<page>\\w[\\w.-]*)/posts/(?:[^/]+/)?(?<id>pfbid[A-Za-z0-9]+|\\d+)(?:/|$)', to: 'https://www.facebook.com/{page}/posts/{id}' },
    { site: 'Facebook', hosts: ['facebook.com'], path: '^/(?:v\\d[\\d.]*/)?plugins/(?:video|post)\\.php$', inner: 'href' },
    { site: 'Facebook', hosts: ['fb.watch'], path: '^/(?<code>[\\w-]+)/?$', to: 'https://fb.watch/{code}/' },

    { site: 'Reddit', hosts: ['reddit.com', 'redditmedia.com'], path: '^/r/(?<sub>[\\w-]+)/comments/(?<id>\\w+)', to: 'https://www.reddit.com/r/{sub}/comments/{id}/' },
    { site: 'Reddit', hosts: ['reddit.com'], path: '^/(?:u|user)/(?<user>[\\w-]+)/comments/(?<id>\\w+)', to: 'https://www.reddit.com/user/{user}/comments/{id}/' },
    { site: 'Reddit', hosts: ['reddit.com'], path: '^/r/(?<sub>[\\w-]+)/s/(?<code>\\w+)', to: 'https://www.reddit.com/r/{sub}/s/{code}' },
    { site: 'Reddit', hosts: ['reddit.com'], path: '^/(?:comments|video)/(?<id>\\w+)', to: 'https://www.reddit.com/comments/{id}/' },
    { site: 'Reddit', hosts: ['v.redd.it'], path: '^/(?<id>\\w+)', to: 'https://v.redd.it/{id}' },
    { site: 'Reddit', hosts: ['redd.it'], path: '^/(?<id>\\w+)/?$', to: 'https://redd.it/{id}' },

    // The second part of an unlisted Vimeo address, or its `h`, is its only key: it stays.
    { site: 'Vimeo', hosts: ['vimeo.com'], path: '^/(?:video/)?(?<id>\\d+)/?$', query: { h: '^[0-9a-f]{8,}$' }, to: 'https://vimeo.com/{id}/{h}' },
    { site: 'Vimeo', hosts: ['vimeo.com'], path: '^/(?<id>\\d+)/(?<h>[0-9a-f]{8,})', to: 'https://vimeo.com/{id}/{h}' },
    { site: 'Vimeo', hosts: ['vimeo.com'], path: '^/(?:channels/[^/]+/|groups/[^/]+/videos/|showcase/\\d+/video/|video/)?(?<id>\\d+)/?$', to: 'https://vimeo.com/{id}' },

    { site: 'Dailymotion', hosts: ['dailymotion.com'], path: '^/(?:embed/)?video/(?<id>\\w+)', to: 'https://www.dailymotion.com/video/{id}' },
    { site: 'Dailymotion', hosts: ['geo.dailymotion.com'], path: '^/player(?:/\\w+)?\\.html$', query: { video: '^\\w+$' }, to: 'https://www.dailymotion.com/video/{video}' },
    { site: 'Dailymotion', hosts: ['dai.ly'], path: '^/(?<id>\\w+)/?$', to: 'https://www.dailymotion.com/video/{id}' },

    { site: 'Bluesky', hosts: ['bsky.app'], path: '^/profile/(?<who>[\\w.:-]+)/post/(?<id>\\w+)', to: 'https://bsky.app/profile/{who}/post/{id}' },
    { site: 'Twitch', hosts: ['clips.twitch.tv'], path: '^/(?!embed$)(?<id>[\\w-]+)/?$', to: 'https://clips.twitch.tv/{id}' },
    { site: 'Twitch', hosts: ['clips.twitch.tv'], path: '^/embed/?$', query: { clip: '^[\\w-]+$' }, to: 'https://clips.twitch.tv/{clip}' },
    { site: 'Twitch', hosts: ['twitch.tv'], path: '^/(?:\\w+/)?clip/(?<id>[\\w-]+)', to: 'https://clips.twitch.tv/{id}' },
    { site: 'Twitch', hosts: ['twitch.tv'], path: '^/videos/(?<id>\\d+)', to: 'https://www.twitch.tv/videos/{id}' },
    { site: 'LinkedIn', hosts: ['linkedin.com'], path: '^/posts/(?<id>[\\w%-]+)', to: 'https://www.linkedin.com/posts/{id}' },
    { site: 'LinkedIn', hosts: ['linkedin.com'], path: '^/(?:embed/)?feed/update/(?<urn>urn:li:\\w+:\\d+)', to: 'https://www.linkedin.com/feed/update/{urn}' },
    { site: 'Rumble', hosts: ['rumble.com'], path: '^/embed/(?:\\w+\\.)?(?<id>v\\w+)', to: 'https://rumble.com/embed/{id}' },
    { site: 'Rumble', hosts: ['rumble.com'], path: '^/(?<page>v[0-9a-z]+(?:-[\\w.-]*)?\\.html)$', to: 'https://rumble.com/{page}' },
    { site: 'Bilibili', hosts: ['bilibili.com'], path: '^/video/(?<id>BV\\w+|av\\d+)', query: { p: '^(?:[2-9]|[1-9]\\d+)$' }, to: 'https://www.bilibili.com/video/{id}?p={p}' },
    { site: 'Bilibili', hosts: ['bilibili.com'], path: '^/video/(?<id>BV\\w+|av\\d+)', to: 'https://www.bilibili.com/video/{id}' },
    { site: 'Bilibili', hosts: ['b23.tv'], path: '^/(?<code>\\w+)/?$', to: 'https://b23.tv/{code}' },
    { site: 'Snapchat', hosts: ['snapchat.com'], path: '^/(?:@[\\w.-]+/)?spotlight/(?<id>[\\w-]{10,})', to: 'https://www.snapchat.com/spotlight/{id}' },
    { site: 'Pinterest', hosts: ['pinterest.com', 'pinterest.co.uk', 'pinterest.de', 'pinterest.es', 'pinterest.fr', 'pinterest.pt'], path: '^/pin/(?:[^/]*--)?(?<id>\\d+)', to: 'https://www.pinterest.com/pin/{id}/' },
    { site: 'Pinterest', hosts: ['pin.it'], path: '^/(?<code>\\w+)/?$', to: 'https://pin.it/{code}' },
];

/**
 * Where a site keeps a post together in its page. `post`: selector of the element that holds one post; `attributes`:
 * attributes that hold its address; `ids`: attributes that hold its id, and the address made of it.
 *
 * @typedef {{site: string, post: string, attributes?: string[], ids?: {selector: string, attribute: string, pattern: string, to: string}[]}} PageRule
 */

/** @type {PageRule[]} */
export const PAGES = [
    { site: 'YouTube', post: 'ytd-rich-item-renderer, ytd-video-renderer, ytd-compact-video-renderer, yt-lockup-view-model' },
    { site: 'X', post: 'article' },
    {
        site: 'TikTok',
        post: '[data-e2e="recommend-list-item-container"], [data-e2e="feed-video"], article',
        ids: [{ selector: '[id^="xgwrapper-"]', attribute: 'id', pattern: '(\\d{10,})$', to: 'https://www.tiktok.com/@_/video/{id}' }],
    },
    { site: 'Instagram', post: 'article, [role="dialog"]' },
    {
        site: 'Facebook',
        post: '[role="article"], [aria-posinset], [data-pagelet^="FeedUnit"]',
        ids: [{ selector: '[data-video-id]', attribute: 'data-video-id', pattern: '^(\\d+)$', to: 'https://www.facebook.com/watch/?v={id}' }],
    },
    { site: 'Reddit', post: 'shreddit-post, article, .thing', attributes: ['permalink', 'data-permalink', 'content-href'] },
    { site: 'Bluesky', post: '[data-testid^="feedItem-by-"], [data-testid^="postThreadItem-by-"]' },
    {
        site: 'LinkedIn',
        post: '[data-urn^="urn:li:activity"], [data-id^="urn:li:activity"]',
        ids: [
            { selector: '[data-urn^="urn:li:activity"]', attribute: 'data-urn', pattern: '^(urn:li:activity:\\d+)$', to: 'https://www.linkedin.com/feed/update/{id}' },
            { selector: '[data-id^="urn:li:activity"]', attribute: 'data-id', pattern: '^(urn:li:activity:\\d+)$', to: 'https://www.linkedin.com/feed/update/{id}' },
        ],
    },
    { site: 'Pinterest', post: '[data-test-id="pin"], [data-grid-item]' },
];

/** What addresses carry about the person who shared them: dropped from every address no rule above knows. */
export const TRACKING = /^(?:utm_\w+|fbclid|gclid|gbraid|wbraid|dclid|msclkid|ttclid|twclid|yclid|rdt_cid|li_fat_id|igsh|igshid|mc_eid|mc_cid|_ga|ref_src|ref_url|si|feature)$/;
