// Keeps the keyboard's place: Stop goes when a check ends, and with it the focus would, so the status takes it over.
// Gradio runs this once with `element`, which is empty then.

const status = element.closest('#status');
status.tabIndex = -1; // takes the focus from here, but is no stop on the way of the Tab key
let isHeld = false; // by Stop

document.addEventListener('focusin', (event) => { isHeld = event.target.id === 'stop'; });
new MutationObserver(() => {
    if (isHeld && !document.querySelector('#stop')?.checkVisibility()) {
        isHeld = false;
        status.focus({ preventScroll: true });
    }
}).observe(document.body, { childList: true, subtree: true, attributeFilter: ['class', 'style', 'hidden'] });
