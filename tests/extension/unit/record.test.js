// What the recorder in a page does when the extension goes away under it; the page, its recorder and the browser are stood in for.
import assert from 'node:assert/strict';
import { test } from 'node:test';

test('a recording whose extension is updated in the middle is stopped, and the video stands still again', async () => {
    const track = { stopped: false, stop: () => (track.stopped = true) };
    const video = { paused: true, currentTime: 0, ended: false, captureStream: () => ({ getVideoTracks: () => [track] }) };
    video.play = async () => (video.paused = false);
    video.pause = () => (video.paused = true);
    const recorders = [];
    globalThis.MediaStream = class { getTracks = () => [track]; };
    globalThis.MediaRecorder = class {
        state = 'inactive';
        constructor() { recorders.push(this); }
        start() { this.state = 'recording'; }
        stop() { this.state = 'inactive'; this.onstop(); }
    };
    Object.assign(globalThis, { unmaskAnchor: () => video, unmaskObstacle: () => null });
    globalThis.chrome = { runtime: { sendMessage: () => { throw new Error('Extension context invalidated.'); } } };
    await import('../../../extension/content/record.js');
    globalThis.unmaskRecord('key', 8);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.deepEqual([recorders.map(({ state }) => state), track.stopped, video.paused], [['inactive'], true, true]);
});
