// A screen of our own (Xvfb), and a hand on it: xdotool presses real buttons and keys, so that native menus open.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ask until it is so; fails with what was last seen. */
export async function until(what, ask, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    let last;
    for (;;) {
        try {
            last = await ask();
            if (last) return last;
        } catch (error) {
            last = error;
        }
        if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}; last: ${last}`);
        await pause(100);
    }
}

export async function startDisplay(width = 1280, height = 900) {
    const child = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const number = await new Promise((resolve, reject) => {
        child.stdio[3].once('data', (data) => resolve(String(data).trim()));
        child.once('error', reject);
        child.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
    });
    const env = { ...process.env, DISPLAY: `:${number}` };
    const xdotool = async (...args) => (await run('xdotool', args.map(String), { env })).stdout.trim();
    return {
        env,
        xdotool,
        /** The whole screen as a PNG: native menus and panels are in no page's screenshot. */
        grab: (path) => run(process.env.UNMASK_PYTHON, ['-c', 'import sys; from PIL import ImageGrab; ImageGrab.grab(xdisplay=sys.argv[1]).save(sys.argv[2])', env.DISPLAY, path]),
        stop: () =>
            new Promise((resolve) => {
                child.once('exit', resolve);
                child.kill();
            }),
    };
}
