// @ts-check
// The pictures of a report: key frames and heat maps, fetched from the server while it still has them.

/** @typedef {import('./report.js').Picture} Picture */

const MOST = 12;

/**
 * What an artifact's name says: `face1_0012.40s_heat.png` is face 1 at 12.4 s, with its heat map.
 *
 * @param {{name: string} | string} artifact
 * @returns {Omit<Picture, 'source'> | null} null for what is no picture of a face
 */
export function pictureOf(artifact) {
    const name = typeof artifact === 'string' ? artifact : artifact?.name;
    const parts = typeof name === 'string' && name.match(/^face-?(\d+)[-_](?:(\d+(?:\.\d+)?)s?[-_])?([\w-]*)\.(?:png|jpe?g|webp)$/i);
    if (!parts) return null;
    return { name, face: Number(parts[1]), t: parts[2] === undefined ? null : Number(parts[2]), isHeat: /heat|cam/.test(parts[3]) };
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
