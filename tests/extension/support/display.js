// A screen of our own (Xvfb), and a hand on it: xdotool presses real buttons and keys, so that native menus open.
import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SCREEN = fileURLToPath(new URL('screen.py', import.meta.url));
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ask until it is so; fails with what was last seen, also where a question gets no answer at all. */
export async function until(what, ask, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    let last = null;
    let timer;
    const silence = new Promise((resolve) => (timer = setTimeout(resolve, seconds * 1000, null)));
    try {
        while (Date.now() < end) {
            try {
                const answer = await Promise.race([ask(), silence]);
                if (answer) return answer;
                last = answer ?? last;
            } catch (error) {
                last = error;
            }
            await pause(100);
        }
    } finally {
        clearTimeout(timer);
    }
    throw new Error(`waited ${seconds} s for ${what}; last: ${last}`);
}

export async function startDisplay(width = 1280, height = 900) {
    const child = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const number = await new Promise((resolve, reject) => {
        child.stdio[3].once('data', (data) => resolve(String(data).trim()));
        child.once('error', reject);
        child.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
    });
    const env = { ...process.env, DISPLAY: `:${number}` };
    const end = () => child.kill();
    process.once('exit', end); // also where the run was cut short
    const xdotool = async (...args) => (await run('xdotool', args.map(String), { env })).stdout.trim();
    const screen = async (what, path) => (await run(process.env.UNMASK_PYTHON, [SCREEN, env.DISPLAY, what, path])).stdout.trim();
    // asked again where a window goes while they are being listed: xdotool gives up then
    const windows = () => until('a list of the windows', async () => (await xdotool('search', '--onlyvisible', '--name', '')).split('\n'));
    return {
        env,
        xdotool,
        windows,
        /** Press the right button there; answers when the menu, a window of its own, is open and takes keys. */
        openMenu: async (x, y) => {
            const before = (await windows()).length;
            await xdotool('mousemove', x, y, 'click', 3);
            await until('the menu', async () => (await windows()).length > before);
        },
        /** The whole screen as a PNG: native menus and panels are in no page's screenshot. */
        grab: (path) => screen('grab', path),
        /** The middle of an icon on the screen, or null. */
        find: async (icon) => (await screen('find', icon)).match(/\d+/g),
        stop: () =>
            new Promise((resolve) => {
                process.off('exit', end);
                child.once('exit', resolve);
                end();
            }),
    };
}
