// @ts-check
// The pictures of a report: key frames and heat maps, fetched from the server while it still has them.

/** @typedef {import('./report.js').Picture} Picture */

const MOST = 12;

/**
 * What an artifact's name says: `heat-maps/face-1-at-3.25s.png` is face 1 at 3.25 s; `key-frames.png` is of all faces.
 *
 * @param {string} name
 * @returns {Omit<Picture, 'source'> | null} null for what the report does not show
 */
function pictureOf(name) {
    if (name === 'key-frames.png') return { name, face: null, t: null };
    const parts = name.match(/^heat-maps\/face-(\d+)-at-(\d+(?:\.\d+)?)s\.png$/);
    return parts && { name, face: Number(parts[1]), t: Number(parts[2]) };
}

/**
 * @param {import('../state.js').Check} check
 * @param {(id: string, name: string) => Promise<Blob | null>} fetchArtifact
 * @returns {Promise<Picture[]>} with data URLs, so that a saved report carries them
 */
export async function picturesOf(check, fetchArtifact) {
    const wanted = check.artifacts.map(pictureOf).filter((picture) => picture !== null).slice(0, MOST);
    const pictures = await Promise.all(
        wanted.map(async (picture) => {
            const blob = await fetchArtifact(/** @type {string} */ (check.serverId), picture.name);
            return blob?.type.startsWith('image/') ? { ...picture, source: await dataUrl(blob) } : null;
        }),
    );
    return pictures.filter((picture) => picture !== null);
}

/** @param {Blob} blob @returns {Promise<string>} */
function dataUrl(blob) {
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(/** @type {string} */ (reader.result));
        reader.onerror = () => reject(reader.error);
        reader.readAsDataURL(blob);
    });
}
