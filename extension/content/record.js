// Records a few seconds of the video a check is about: injected once the person has agreed to that, and not before. A
// classic script in the extension's own world of the page. The recording, picture without sound, goes to the worker.

(() => {
    if (Object.hasOwn(globalThis, 'unmaskRecord')) return; // a page's element of that name is there too, but not our own

    const TICK_MS = 500;
    const BITS_PER_S = 4_000_000; // traces of manipulation are fine detail
    const PATIENCE = 3; // times the wanted length, for a video that stutters
    const LEAST_S = 1;

    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    /** The worker's answer; `otherwise` where it was stopped meanwhile. Async, as the call itself throws once the extension was updated. */
    const tell = async (message, otherwise) => chrome.runtime.sendMessage(message).catch(() => otherwise);

    function asText(blob) {
        return new Promise((resolve) => {
            const reader = new FileReader();
            reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
            reader.readAsDataURL(blob);
        });
    }

    /** Let the recorder run until enough has played. @returns {Promise<number | null>} seconds, none if the site went on to another video; null: no longer wanted */
    async function watch(video, key, seconds) {
        let played = 0;
        for (let waited = 0; played < seconds && waited < seconds * PATIENCE && !video.ended; waited += TICK_MS / 1000) {
            const before = video.currentTime;
            await pause(TICK_MS);
            if (!chrome.runtime?.id) return null; // the extension was updated: nobody waits for it
            if (globalThis.unmaskAnchor(key) !== video) return 0;
            if (video.currentTime !== before) played += TICK_MS / 1000;
            if ((await tell({ what: 'recording', key, progress: played / seconds }, true)) !== true) return null;
        }
        return played;
    }

    /** @returns {Promise<{blob: Blob, seconds: number} | null>} null: no longer wanted */
    async function record(video, key, seconds) {
        const stream = new MediaStream(video.captureStream().getVideoTracks());
        const recorder = new MediaRecorder(stream, { mimeType: 'video/webm', videoBitsPerSecond: BITS_PER_S });
        const parts = [];
        recorder.ondataavailable = ({ data }) => parts.push(data);
        const stopped = new Promise((resolve) => (recorder.onstop = resolve));
        recorder.start();
        const played = await watch(video, key, seconds);
        if (recorder.state !== 'inactive') recorder.stop();
        await stopped;
        stream.getTracks().forEach((track) => track.stop());
        return played === null ? null : { blob: new Blob(parts, { type: 'video/webm' }), seconds: played };
    }

    /** Returns at once; what becomes of it is told to the worker. */
    globalThis.unmaskRecord = (key, seconds) => {
        const video = globalThis.unmaskAnchor(key);
        const code = globalThis.unmaskObstacle(key);
        if (code) return void tell({ what: 'notRecorded', key, code });
        const wasPaused = video.paused;
        if (wasPaused) video.play().catch(() => {}); // then nothing plays, and that is said
        record(video, key, seconds)
            .then(async (done) => {
                if (!done) return;
                const message = done.seconds < LEAST_S ? { what: 'notRecorded', code: 'not_recorded' } : { what: 'recorded', seconds: done.seconds, data: await asText(done.blob) };
                await tell({ ...message, key });
            })
            .catch((error) => tell({ what: 'notRecorded', key, code: error.name === 'SecurityError' ? 'tainted' : 'not_recorded' }))
            .finally(() => wasPaused && video.pause());
    };
})();
