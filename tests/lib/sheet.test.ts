import { describe, expect, test } from 'vitest';
import { factTexts, footText, howText, type RowFigures, rowTitle } from '../../src/lib/row-caption';
import { FONT, fitText, textColumns, wrapText } from '../../src/lib/sheet/font';
import type { SheetImage } from '../../src/lib/sheet/page';
import { drawSheet } from '../../src/lib/sheet/sheet';

const figures = (change: Partial<RowFigures> = {}): RowFigures => ({
  name: 'Cats',
  role: 'student',
  sampler: 'one-step',
  steps: 18,
  sigma: 80,
  ms: 12.4,
  parameters: 3.4e6,
  paper: null,
  here: null,
  ...change,
});

describe('captions', () => {
  test('say how the images of a row are made', () => {
    expect(howText(figures({ sigma: 2.5 }))).toBe('One-step generator, 1 NFE, sigma 2.5');
    expect(howText(figures({ role: 'teacher' }))).toBe('The teacher, once, 1 NFE, sigma 80');
    expect(howText(figures({ sampler: 'heun' }))).toBe('Heun, 18 steps, 35 NFE, sigma 80');
    expect(rowTitle(figures({ sampler: 'heun' }))).toBe('Cats at 35 NFE');
  });

  test('never put what authors report and what was measured here into one value', () => {
    const paper = { value: 2.64, nfe: 79, best: false, source: 'EDM' };
    const here = { value: 0.79, error: 0.03, nfe: 35, features: 'Lite0', n: 5000 };
    const facts = factTexts(figures({ role: 'teacher', sampler: 'heun', paper, here }));
    expect(facts).toEqual([
      ['Parameters', '3.4 M'],
      ['Paper', 'FID 2.64 at 79 NFE'],
      ['Here', 'FD 0.79 ± 0.03'],
    ]);
    expect(factTexts(figures())[1]).toEqual(['Paper', 'not reported']);
    expect(factTexts(figures({ here: { ...here, value: 0.8, error: null } }))[2]).toEqual([
      'Here',
      'FD 0.8 at 35 NFE',
    ]);
    expect(factTexts(figures({ paper: { ...paper, nfe: 1, best: true } }))[1]).toEqual([
      'Paper',
      'FID 2.64, their best',
    ]);
    expect(footText('a GPU', [figures({ paper, here })])).toBe(
      'The same noise in every row; times are of one image, on a GPU; FID as reported by the authors; FD measured with Innate on Lite0, n = 5,000.',
    );
  });
});

describe('the face of a sheet', () => {
  test('has every printable character of ASCII, each another shape and none taller than it says', () => {
    const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    const shapes = printable.map((c) => textColumns(c).join());
    expect(new Set(shapes).size).toBe(95);
    for (const c of [...printable, '±', '×'])
      for (const column of textColumns(c)) expect(column >> FONT.height).toBe(0);
  });

  test('writes accents without them, and a question mark for what it does not have', () => {
    expect(textColumns('Fréchet')).toEqual(textColumns('Frechet'));
    expect(textColumns('猫')).toEqual(textColumns('?'));
  });

  test('cuts and wraps texts to what fits', () => {
    const room = textColumns('Cats, one step').length;
    expect(fitText('Cats, one step', room)).toBe('Cats, one step');
    expect(fitText('Cats, one step', room - 1)).toMatch(/^Cats, one.*\.\.\.$/);
    for (const most of [2, 9])
      for (const line of wrapText('one two three four five', 60, most))
        expect(textColumns(line).length).toBeLessThanOrEqual(60);
    expect(wrapText('one two three four five', 60).join(' ')).toBe('one two three four five');
    expect(wrapText('one two three four five', 60, 2)[1]).toMatch(/\.\.\.$/);
  });
});

describe('a sheet', () => {
  /** Colours by place: red is the column, green the row. */
  const image = (resolution: number, channels: 1 | 3 | 4): SheetImage => ({
    resolution,
    channels,
    data: Uint8Array.from({ length: resolution ** 2 * channels }, (_, i) =>
      channels === 1
        ? i % 251
        : [((i / channels) | 0) % resolution, ((i / channels / resolution) | 0) % 251, 7, 255][i % channels]!,
    ),
  });
  const at = ({ width, data }: ReturnType<typeof drawSheet>, x: number, y: number) => [
    ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
  ];
  /** Where the image of that row and column begins. */
  const place = (row: number, column: number) => ({ x: 32 + 520 + 8 + column * 264, y: 32 + 22 + row * 264 });

  test('shows each pixel as a whole square, whatever the resolution', () => {
    const sheet = drawSheet({
      heads: ['seed 0', 'seed 1'],
      foot: 'foot',
      rows: [
        { figures: figures(), images: [image(64, 4), null], note: null },
        { figures: figures(), images: [image(32, 1), image(28, 3)], note: null },
      ],
    });
    const a = place(0, 0);
    for (const [x, y] of [
      [0, 0],
      [5, 9],
      [63, 63],
    ] as const)
      for (const d of [0, 3]) expect(at(sheet, a.x + 4 * x + d, a.y + 4 * y + d)).toEqual([x, y, 7]);
    const grey = place(1, 0);
    expect(at(sheet, grey.x + 8, grey.y)).toEqual([1, 1, 1]);
    expect(at(sheet, grey.x + 15, grey.y + 7)).toEqual([1, 1, 1]);
    // 28 pixels nine times are 252: two of white on each side.
    const odd = place(1, 1);
    expect(at(sheet, odd.x + 1, odd.y + 1)).toEqual([255, 255, 255]);
    expect(at(sheet, odd.x + 2 + 9 * 27 + 8, odd.y + 2)).toEqual([27, 0, 7]);
    // What is not made is grey.
    expect(at(sheet, place(0, 1).x + 100, place(0, 1).y + 100)).toEqual([240, 240, 238]);
  });

  test('has a tick for each evaluation, in the colour of the role', () => {
    const blue = (steps: number) => {
      const sheet = drawSheet({
        heads: ['seed 0'],
        foot: '',
        rows: [{ figures: figures({ role: 'teacher', sampler: 'heun', steps }), images: [null], note: null }],
      });
      const y = 32 + 22 + 20 + 27 + 26 + 5;
      let ticks = 0;
      for (let x = 32; x < 32 + 512; x++) {
        const isBlue = at(sheet, x, y).join() === '22,94,152';
        if (isBlue && at(sheet, x - 1, y).join() !== '22,94,152') ticks++;
      }
      return ticks;
    };
    expect([blue(2), blue(18), blue(40)]).toEqual([3, 35, 79]);
  });

  test('grows with an image that is larger than its place', () => {
    const sheet = drawSheet({
      heads: ['seed 0'],
      foot: '',
      rows: [{ figures: figures(), images: [image(300, 3)], note: null }],
    });
    expect(at(sheet, 32 + 520 + 8 + 299, 32 + 22)).toEqual([299 % 256, 0, 7]);
  });
});
