import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, type Page } from '@playwright/test';
import { decode, encode } from 'fast-png';

/**
 * What makes a picture of the page the same on every machine: typefaces that come with the tests, text without hints
 * for one screen's pixels, no GPU, and nothing that moves, that was measured or that says what the machine is.
 */

/** Arguments of a browser that draws text and colours alike everywhere. */
export const STILL_ARGS = [
  '--font-render-hinting=none',
  '--disable-lcd-text',
  '--force-color-profile=srgb',
  '--force-device-scale-factor=1',
] as const;

const font = (url: string) => readFileSync(fileURLToPath(url)).toString('base64');

/** The system's typefaces differ, and with them every line's length. */
const FACES = [
  ['Roboto', font(import.meta.resolve('@fontsource-variable/roboto/files/roboto-latin-wght-normal.woff2'))],
  [
    'Roboto',
    font(import.meta.resolve('@fontsource-variable/roboto/files/roboto-greek-wght-normal.woff2')),
    'U+0370-03FF',
  ],
  [
    'Roboto Mono',
    font(import.meta.resolve('@fontsource-variable/roboto-mono/files/roboto-mono-latin-wght-normal.woff2')),
  ],
] as const;

/**
 * Pictures become grey, since processors round differently. Readings keep a place of one size, whatever they read: a
 * longer number would move its neighbours.
 */
const STILL = `
  :root { --font-sans: 'Roboto', sans-serif; --font-mono: 'Roboto Mono', monospace; }
  *, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent !important; }
  canvas, img { filter: contrast(0); }
  .sprite { background: #808080 !important; }
  .channels-part .facts dd { visibility: hidden; }
  .status-bar b, [aria-label='This machine'] dd, .toolbar .reading, .origin p {
    visibility: hidden; display: inline-block; inline-size: 6rem; overflow: hidden; white-space: nowrap; vertical-align: top;
  }
`;

/** Before the page is opened: its typefaces and its rest. */
export async function holdStill(page: Page): Promise<void> {
  await page.addInitScript(
    ({ faces, style }) => {
      for (const [family, bytes, unicodeRange] of faces) {
        const data = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
        const face = new FontFace(family, data, { weight: '100 900', ...(unicodeRange && { unicodeRange }) });
        document.fonts.add(face);
        void face.load();
      }
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(style);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    },
    { faces: FACES.map(([family, bytes, range]) => [family, bytes, range] as const), style: STILL },
  );
}

/** No map of layers is measured: the one that comes with the page stays. It runs in the page, before all else. */
export function measureNoMap(): void {
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (this: Worker, ...message: unknown[]) {
    if ((message[0] as { type?: unknown } | null)?.type !== 'inspect')
      postMessage.apply(this, message as Parameters<typeof postMessage>);
  };
}

/** The page as it stands once two looks at it are the same, as a small PNG. */
export async function stillPicture(page: Page): Promise<Buffer> {
  await page.evaluate(() => document.fonts.ready);
  let last: Buffer = Buffer.alloc(0);
  await expect(async () => {
    const next = await page.screenshot({ animations: 'disabled', caret: 'hide' });
    const still = next.equals(last);
    last = next;
    expect(still).toBe(true);
  }).toPass({ timeout: 30_000 });
  return fewColours(last);
}

type Colour = readonly [red: number, green: number, blue: number];

const squaredDistance = (a: Colour, b: Colour) => a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0);

/** Colours of one place of the palette are no further apart: less than what a comparison forgives. */
const ALIKE = 10;

/** The same picture with colours alike as the most frequent of them, in a palette: a third of the bytes. */
function fewColours(png: Buffer): Buffer {
  const { width, height, data, channels } = decode(png);
  const colourAt = (pixel: number): Colour => [
    data[pixel * channels]!,
    data[pixel * channels + 1]!,
    data[pixel * channels + 2]!,
  ];
  const counts = new Map<string, number>();
  for (let p = 0; p < width * height; p++) {
    const key = colourAt(p).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const palette: Colour[] = [];
  const places = new Map<string, number>();
  for (const [key] of [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))) {
    const colour = key.split(',').map(Number) as unknown as Colour;
    const distances = palette.map((other) => squaredDistance(colour, other));
    const least = Math.min(...distances);
    const place =
      least > ALIKE ** 2 && palette.length < 256 ? palette.push(colour) - 1 : distances.indexOf(least);
    places.set(key, place);
  }
  const indices = Uint8Array.from({ length: width * height }, (_, p) => places.get(colourAt(p).join())!);
  const image = {
    width,
    height,
    data: indices,
    depth: 8,
    channels: 1,
    palette: palette.map((c) => [...c]),
  } as const;
  return Buffer.from(encode(image, { zlib: { level: 9 } }));
}
