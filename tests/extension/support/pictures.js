// Pictures of what the browser tests saw, for people to look at.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { pause } from './display.js';

mkdirSync(process.env.UNMASK_PICTURES, { recursive: true });

/** Where a file of this name is kept. */
export const placeOf = (name) => join(process.env.UNMASK_PICTURES, name);
export const picture = (page, name, how = {}) => page.screenshot({ path: placeOf(`${name}.png`), ...how });

export async function bothLights(page, name, how = {}) {
    for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        await pause(100);
        await picture(page, `${name}-${colorScheme}`, how);
    }
}
