// @ts-check
// How numbers and times read: as core/words.py has it, so that the same answer says the same everywhere. Pure.

/**
 * A number with so many decimals, as Python writes it: from the very middle it goes to the even neighbour, where toFixed
 * and Math.round go up. Not below 0.
 *
 * @param {number} value
 * @param {number} [decimals]
 */
export function fixed(value, decimals = 0) {
    const isMiddle = (value * 2 ** (decimals + 1)) % 2 === 1; // asked in powers of two: times ten, 0.15 would become one
    const below = Math.floor(value * 10 ** decimals);
    return isMiddle && below % 2 === 0 ? (below / 10 ** decimals).toFixed(decimals) : value.toFixed(decimals);
}

/** A probability, never 0 or 100, which nobody can know. @param {number} probability */
export function asPercent(probability) {
    return `${Math.min(99, Math.max(1, Number(fixed(probability * 100))))}`;
}

/**
 * Minutes and seconds, with hours where there are any.
 *
 * @param {number} seconds
 * @param {boolean} [tenths] where several moments of one second stand side by side
 */
export function clock(seconds, tenths = false) {
    const tenth = Number(fixed(seconds * 10));
    const whole = Math.floor(tenth / 10);
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, '0')];
    const text = hours ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
    return tenths ? `${text}.${tenth % 10}` : text;
}
