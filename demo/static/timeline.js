// Brings the timelines of an answer to life: click or arrow keys move the video, the video moves the playheads.
// Gradio runs this once with `element`, whose content is replaced with every answer; hence everything is delegated.

const video = () => document.querySelector('#copy video');
const clock = (t) => `${Math.floor(t / 60)}:${String(Math.floor(t % 60)).padStart(2, '0')}`;

function show(t) {
    for (const timeline of element.querySelectorAll('.um-timeline')) {
        const share = Math.min(1, t / Number(timeline.dataset.end));
        for (const plot of timeline.querySelectorAll('.um-plot')) {
            const playhead = plot.querySelector('.um-playhead');
            playhead.hidden = false;
            playhead.style.left = `${100 * share}%`;
            plot.setAttribute('aria-valuenow', t.toFixed(1));
            plot.setAttribute('aria-valuetext', clock(t));
        }
    }
}

function seek(t, end) {
    const at = Math.max(0, Math.min(end, t));
    if (video()) video().currentTime = Math.min(at, Math.max(0, video().duration - 0.01) || at);
    show(at); // also while there is no annotated copy yet
}

const endOf = (target) => Number(target.closest('.um-timeline').dataset.end);

element.addEventListener('click', (event) => {
    const key = event.target.closest('button.um-key');
    const plot = event.target.closest('.um-plot');
    if (key) seek(Number(key.dataset.t), endOf(key));
    else if (plot) {
        const box = plot.getBoundingClientRect();
        seek(((event.clientX - box.left) / box.width) * endOf(plot), endOf(plot));
    }
});

element.addEventListener('keydown', (event) => {
    const plot = event.target.closest('.um-plot');
    if (!plot) return;
    const now = Number(plot.getAttribute('aria-valuenow'));
    const end = endOf(plot);
    const step = end / 50;
    const to = {
        ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step,
        PageDown: now - end / 10, PageUp: now + end / 10, Home: 0, End: end,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    seek(to, end);
});

// media events do not bubble, but they can be caught on the way down
document.addEventListener('timeupdate', (event) => {
    if (event.target === video()) show(event.target.currentTime);
}, true);
