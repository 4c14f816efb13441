// What those hear and reach who do not see: the browser's accessibility tree, and axe's rules.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');

/** What axe finds wrong in a page, light and dark. */
export async function faults(page) {
    const found = [];
    for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        found.push(...violations.flatMap(({ id, nodes }) => nodes.map(({ target, any }) => `${colorScheme} ${id} ${target} ${any[0]?.message ?? ''}`)));
    }
    await page.emulateMedia({ colorScheme: 'light' });
    return found;
}

/** The accessibility tree as lines, closed shadow trees included: `button Close`, `progressbar Looking = 42`. */
export async function saidOf(page) {
    const session = await page.context().newCDPSession(page);
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    await session.detach();
    const seen = nodes.filter(({ ignored }) => !ignored);
    return seen.flatMap(({ role, name, value, properties = [] }) => {
        const has = (wanted) => properties.find((property) => property.name === wanted)?.value.value;
        const line = `${role?.value} ${name?.value ?? ''}${value?.value === undefined ? '' : ` = ${value.value}`}`;
        return [line, has('focused') ? `focus ${name?.value}` : null, has('live') ? `status ${has('live')}` : null].filter(Boolean);
    });
}
