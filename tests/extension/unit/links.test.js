// Real-looking links, and what each becomes. null: no post of a site we know.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addressIn, cleaned, postOf, webAddress } from '../../../extension/targets.js';

const YT = 'https://www.youtube.com/watch?v=aqz-KE-bpKQ';
const POSTS = [
    ['https://www.youtube.com/watch?v=aqz-KE-bpKQ', YT],
    ['https://www.youtube.com/watch?app=desktop&v=aqz-KE-bpKQ&t=42s&list=PL123&si=Zx', YT],
    ['http://youtube.com/watch/?v=aqz-KE-bpKQ#comments', YT],
    ['https://m.youtube.com/watch?v=aqz-KE-bpKQ', YT],
    ['https://music.youtube.com/watch?v=aqz-KE-bpKQ', YT],
    ['https://youtu.be/aqz-KE-bpKQ?si=abcdef', YT],
    ['https://www.youtube.com/shorts/aqz-KE-bpKQ?feature=share', YT],
    ['https://www.youtube.com/live/aqz-KE-bpKQ', YT],
    ['https://www.youtube.com/embed/aqz-KE-bpKQ?autoplay=1', YT],
    ['https://www.youtube-nocookie.com/embed/aqz-KE-bpKQ', YT],
    ['https://www.youtube.com/embed/videoseries?list=PLx0sYbCqOb8TBPRdmBHs5Iftvv9TPboYG', null],
    ['https://www.youtube.com/embed/live_stream?channel=UC4R8DWoMoI7CAwX8_LjQHig', null],
    ['https://www.youtube.com/embed/videoserie-', 'https://www.youtube.com/watch?v=videoserie-'],
    ['https://www.youtube.com/', null],
    ['https://www.youtube.com/@NASA/videos', null],
    ['https://www.youtube.com/watch?v=short', null],
    ['https://www.youtube.com.evil.example/watch?v=aqz-KE-bpKQ', null],
    ['https://notyoutube.com/watch?v=aqz-KE-bpKQ', null],

    ['https://x.com/NASA/status/1410624005669169154', 'https://x.com/NASA/status/1410624005669169154'],
    ['https://x.com/NASA/status/1410624005669169154/video/1?s=20&t=abc', 'https://x.com/NASA/status/1410624005669169154'],
    ['https://x.com/NASA/status/1410624005669169154/video/2?s=20', 'https://x.com/i/status/1410624005669169154/video/2'],
    ['https://twitter.com/NASA/status/1410624005669169154', 'https://x.com/NASA/status/1410624005669169154'],
    ['https://mobile.twitter.com/NASA/statuses/1410624005669169154', 'https://x.com/NASA/status/1410624005669169154'],
    ['https://x.com/i/web/status/1410624005669169154', 'https://x.com/i/status/1410624005669169154'],
    ['https://platform.twitter.com/embed/Tweet.html?id=1410624005669169154&theme=dark', 'https://x.com/i/status/1410624005669169154'],
    ['https://x.com/home', null],
    ['https://x.com/NASA', null],

    ['https://www.tiktok.com/@nasa/video/7213245612512300330?is_from_webapp=1&sender_device=pc', 'https://www.tiktok.com/@nasa/video/7213245612512300330'],
    ['https://m.tiktok.com/@na.sa_1/video/7213245612512300330', 'https://www.tiktok.com/@na.sa_1/video/7213245612512300330'],
    ['https://www.tiktok.com/embed/v2/7213245612512300330', 'https://www.tiktok.com/@_/video/7213245612512300330'],
    ['https://www.tiktok.com/player/v1/7213245612512300330?loop=1', 'https://www.tiktok.com/@_/video/7213245612512300330'],
    ['https://vm.tiktok.com/ZMabc123x/', 'https://vm.tiktok.com/ZMabc123x/'],
    ['https://www.tiktok.com/t/ZTabc123x/', 'https://www.tiktok.com/t/ZTabc123x/'],
    ['https://www.tiktok.com/foryou?lang=en', null],

    ['https://www.instagram.com/reel/Chunk8-jurw/?igsh=MWx0', 'https://www.instagram.com/reel/Chunk8-jurw/'],
    ['https://www.instagram.com/reels/Chunk8-jurw/', 'https://www.instagram.com/reel/Chunk8-jurw/'],
    ['https://instagram.com/p/Chunk8-jurw/?img_index=2', 'https://www.instagram.com/p/Chunk8-jurw/'],
    ['https://www.instagram.com/nasa/p/Chunk8-jurw/', 'https://www.instagram.com/p/Chunk8-jurw/'],
    ['https://www.instagram.com/tv/Chunk8-jurw/', 'https://www.instagram.com/p/Chunk8-jurw/'],
    ['https://www.instagram.com/share/reel/BAbc123-x', 'https://www.instagram.com/share/reel/BAbc123-x/'],
    ['https://www.instagram.com/reels/audio/123/', null],
    ['https://www.instagram.com/nasa/', null],

    ['https://www.facebook.com/watch/?v=647537299265662&ref=sharing', 'https://www.facebook.com/watch/?v=647537299265662'],
    ['https://m.facebook.com/watch/?v=647537299265662', 'https://www.facebook.com/watch/?v=647537299265662'],
    ['https://www.facebook.com/NASA/videos/a-title/647537299265662/', 'https://www.facebook.com/NASA/videos/647537299265662'],
    ['https://www.facebook.com/reel/647537299265662', 'https://www.facebook.com/reel/647537299265662'],
    ['https://www.facebook.com/share/v/19abcDEF/', 'https://www.facebook.com/share/v/19abcDEF/'],
    ['https://www.facebook.com/maxlayn/posts/10153807558977570?ref=share', 'https://www.facebook.com/maxlayn/posts/10153807558977570'],
    ['https://m.facebook.com/attn/posts/pfbid0j1Czf2gGDVqeQ8KiML?__cft__=1', 'https://www.facebook.com/attn/posts/pfbid0j1Czf2gGDVqeQ8KiML'],
    ['https://www.facebook.com/attn/posts/words-of-the-post/10153807558977570/', 'https://www.facebook.com/attn/posts/10153807558977570'],
    ['https://www.facebook.com/groups/1024490957622648/permalink/1396382447100162/', 'https://www.facebook.com/groups/1024490957622648/posts/1396382447100162'],
    ['https://www.facebook.com/groups/1513990329015294/posts/d41d8cd9/2013209885760000/?app=fbl', 'https://www.facebook.com/groups/1513990329015294/posts/2013209885760000'],
    ['https://www.facebook.com/attn/posts/5-reasons', null],
    ['https://www.facebook.com/attn/posts/', null],
    ['https://fb.watch/abc_123-x/', 'https://fb.watch/abc_123-x/'],
    ['https://www.facebook.com/plugins/video.php?href=https%3A%2F%2Fwww.facebook.com%2FNASA%2Fvideos%2F647537299265662%2F', 'https://www.facebook.com/NASA/videos/647537299265662'],
    ['https://www.facebook.com/plugins/video.php?href=https%3A%2F%2Fevil.example%2F', null],
    ['https://www.facebook.com/watch/', null],

    ['https://www.reddit.com/r/videos/comments/6rrwyj/that_small_heart_attack/?utm_source=share', 'https://www.reddit.com/r/videos/comments/6rrwyj/'],
    ['https://old.reddit.com/r/videos/comments/6rrwyj/', 'https://www.reddit.com/r/videos/comments/6rrwyj/'],
    ['https://www.reddit.com/user/spez/comments/6rrwyj/x/', 'https://www.reddit.com/user/spez/comments/6rrwyj/'],
    ['https://www.reddit.com/r/videos/s/AbC123xyz', 'https://www.reddit.com/r/videos/s/AbC123xyz'],
    ['https://v.redd.it/zv89llsvexdz', 'https://v.redd.it/zv89llsvexdz'],
    ['https://redd.it/6rrwyj', 'https://redd.it/6rrwyj'],
    ['https://www.reddit.com/r/videos/', null],

    ['https://vimeo.com/76979871', 'https://vimeo.com/76979871'],
    ['https://vimeo.com/channels/staffpicks/76979871', 'https://vimeo.com/76979871'],
    ['https://vimeo.com/76979871/abcdef0123', 'https://vimeo.com/76979871/abcdef0123'],
    ['https://player.vimeo.com/video/76979871?h=abcdef0123&badge=0', 'https://vimeo.com/76979871/abcdef0123'],
    ['https://vimeo.com/76979871?h=8272103f6e', 'https://vimeo.com/76979871/8272103f6e'],
    ['https://vimeo.com/76979871/?share=copy&h=8272103f6e#t=3', 'https://vimeo.com/76979871/8272103f6e'],
    ['https://vimeo.com/76979871?h=', 'https://vimeo.com/76979871'],
    ['https://player.vimeo.com/video/76979871', 'https://vimeo.com/76979871'],
    ['https://vimeo.com/watch', null],
    ['https://www.dailymotion.com/video/x5kesuj', 'https://www.dailymotion.com/video/x5kesuj'],
    ['https://dai.ly/x5kesuj', 'https://www.dailymotion.com/video/x5kesuj'],
    ['https://geo.dailymotion.com/player.html?video=x5kesuj', 'https://www.dailymotion.com/video/x5kesuj'],
    ['https://bsky.app/profile/nasa.gov/post/3l4qhp7bcs52c', 'https://bsky.app/profile/nasa.gov/post/3l4qhp7bcs52c'],
    ['https://bsky.app/profile/did:plc:z72i7hdynmk6r22z27h6tvur/post/3l4qhp7bcs52c', 'https://bsky.app/profile/did:plc:z72i7hdynmk6r22z27h6tvur/post/3l4qhp7bcs52c'],
    ['https://clips.twitch.tv/FaintLightGullWholeWheat', 'https://clips.twitch.tv/FaintLightGullWholeWheat'],
    ['https://www.twitch.tv/nasa/clip/FaintLightGull-x_1?filter=clips', 'https://clips.twitch.tv/FaintLightGull-x_1'],
    ['https://m.twitch.tv/clip/FaintLightGull-x_1', 'https://clips.twitch.tv/FaintLightGull-x_1'],
    ['https://clips.twitch.tv/embed?clip=FaintLightGull&parent=a.example', 'https://clips.twitch.tv/FaintLightGull'],
    ['https://www.linkedin.com/feed/update/urn:li:activity:7016901149999955968/', 'https://www.linkedin.com/feed/update/urn:li:activity:7016901149999955968'],
    ['https://www.linkedin.com/posts/nasa_moon-activity-7016901149999955968-abCD?utm_source=share', 'https://www.linkedin.com/posts/nasa_moon-activity-7016901149999955968-abCD'],
    ['https://rumble.com/v2abcd-a-title.html?mref=1', 'https://rumble.com/v2abcd-a-title.html'],
    ['https://rumble.com/embed/v2abcd/?pub=4', 'https://rumble.com/embed/v2abcd'],
    ['https://www.bilibili.com/video/BV13x41117TL/?p=1', 'https://www.bilibili.com/video/BV13x41117TL'],
    ['https://www.bilibili.com/video/BV13x41117TL/?spm=1&p=12', 'https://www.bilibili.com/video/BV13x41117TL?p=12'],
    ['https://b23.tv/abc12X', 'https://b23.tv/abc12X'],
    ['https://www.snapchat.com/@nasa/spotlight/W7_EDlXWTBiXAEEniNoMPwAAY', 'https://www.snapchat.com/spotlight/W7_EDlXWTBiXAEEniNoMPwAAY'],
    ['https://www.pinterest.de/pin/a-title--664281013778109217/', 'https://www.pinterest.com/pin/664281013778109217/'],
    ['https://pin.it/4abcdEF', 'https://pin.it/4abcdEF'],
];

for (const [link, post] of POSTS) {
    test(`${link} ${post ? `is the post ${post}` : 'is no post'}`, () => assert.equal(postOf(link)?.url ?? null, post));
}

for (const text of ['blob:https://x.com/7f3c', 'data:video/mp4;base64,AAAA', 'javascript:alert(1)', 'file:///etc/passwd', 'chrome://settings', 'about:blank', '', 'not an address', `https://a.example/${'x'.repeat(3000)}`]) {
    test(`${text.slice(0, 40) || 'nothing'} is never an address`, () => assert.equal(webAddress(text), null));
}

const CLEANED = [
    ['https://user:secret@a.example/v.mp4#t=3', 'https://a.example/v.mp4'],
    ['https://a.example/watch?id=7&utm_source=mail&fbclid=IwAR0', 'https://a.example/watch?id=7'],
    ['https://a.example/watch?ttclid=E.C.P&id=7&twclid=2&gbraid=0', 'https://a.example/watch?id=7'],
    ['https://a.example/clip.mp4?token=abc', 'https://a.example/clip.mp4?token=abc'],
];
for (const [link, expected] of CLEANED) test(`${link} is sent as ${expected}`, () => assert.equal(cleaned(link)?.url, expected));

const WRITTEN = [
    ['look (https://youtu.be/aqz-KE-bpKQ).', 'https://youtu.be/aqz-KE-bpKQ'],
    ['“https://a.example/v.mp4”', 'https://a.example/v.mp4'],
    ['no address here', null],
];
for (const [text, expected] of WRITTEN) test(`the address in ${text} is ${expected}`, () => assert.equal(addressIn(text), expected));
