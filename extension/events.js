// @ts-check
// Server-Sent Events out of a stream of text. EventSource would do, but it cannot send a key in a header.

/** @typedef {{id: string, data: string}} ServerEvent */

/**
 * The events that are complete in a text, and the beginning of the next one.
 *
 * @param {string} text
 * @returns {{events: ServerEvent[], rest: string}}
 */
export function eventsIn(text) {
    const blocks = text.replaceAll('\r\n', '\n').split('\n\n');
    const rest = blocks.pop() ?? '';
    const field = (/** @type {string} */ block, /** @type {string} */ name) =>
        block.split('\n').filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, '')).join('\n');
    return { events: blocks.map((block) => ({ id: field(block, 'id'), data: field(block, 'data') })).filter(({ data }) => data), rest };
}

/** @param {ReadableStream<Uint8Array>} body @param {(event: ServerEvent) => void} told */
export async function readEvents(body, told) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const { events, rest } = eventsIn(text + value);
        text = rest;
        events.forEach(told);
    }
}
