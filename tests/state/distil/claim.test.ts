import { describe, expect, it } from 'vitest';
import { preset } from '../../../src/distil/config';
import type { GenerateRequest, ImageChunk } from '../../../src/protocol/generate';
import type { RunDetail } from '../../../src/protocol/runs';
import {
  claimFoot,
  claimMembers,
  claimRows,
  claimSheetRows,
  showsClaim,
  teacherPictures,
} from '../../../src/state/distil/series/claim';

const RESOLUTION = 2;
const SIZE = RESOLUTION ** 2 * 4;

/** An engine whose image of a seed and a class is filled with 10 seed + class; it sends one image a chunk, last first. */
function engine(labelDim: number, outcome: 'complete' | 'superseded' = 'complete') {
  const requests: GenerateRequest[] = [];
  return {
    requests,
    client: {
      load: async () => ({ labelDim, resolution: RESOLUTION }),
      generate: async (request: GenerateRequest, { onImages }: { onImages: (chunk: ImageChunk) => void }) => {
        requests.push(request);
        for (const [i, seed] of [...request.seeds.entries()].reverse())
          onImages({
            indices: [i],
            pixels: new Uint8ClampedArray(SIZE).fill(10 * seed + (request.classIndex ?? 9)),
            resolution: RESOLUTION,
            classes: null,
            ms: 1,
          });
        return outcome;
      },
    } as never,
  };
}

describe("the teacher's images", () => {
  it.each([
    [0, [49, 59, 69, 79, 89]],
    [3, [40, 51, 62, 70, 81]],
  ])('are of the same seeds, classes in turn, with %i classes', async (classes, expected) => {
    const { client, requests } = engine(classes);
    const made = await teacherPictures(client, { kind: 'catalogue', id: 'cats' }, [4, 5, 6, 7, 8], 2.5);
    expect(expected.map((_, i) => made.pixels[i * SIZE])).toEqual(expected);
    expect(made.pixels).toHaveLength(5 * SIZE);
    expect(requests).toHaveLength(Math.max(1, classes));
    for (const request of requests)
      expect(request).toMatchObject({ sampler: 'heun', steps: 18, sigma: 2.5, model: { id: 'cats' } });
  });

  it('are not passed on half made', async () => {
    const { client } = engine(0, 'superseded');
    await expect(teacherPictures(client, { kind: 'catalogue', id: 'cats' }, [1], 80)).rejects.toThrow(
      /not finished/,
    );
  });
});

const run = (label: string, method: 'gdd-i' | 'imitation' | 'cd', frechet: [number, number][]): RunDetail =>
  ({
    record: {
      about: {
        id: label,
        name: label,
        teacherName: 'Cats, teacher',
        dataName: 'Cats',
        resolution: RESOLUTION,
        series: { label },
      },
      config: { ...preset('small'), method },
      plan: { parameters: 1000, features: 'ResNet-56', floor: 0.123456, teacherOneStep: 23.8 },
      request: { sampleSeeds: [0, 1], measureImages: 128 },
    },
    samples: [
      { images: 0, pixels: new Uint8ClampedArray(2 * SIZE) },
      { images: 96, pixels: new Uint8ClampedArray(2 * SIZE).fill(7) },
    ],
    curve: frechet.map(([images, value]) => ({ images, frechet: value, frechetError: 0.2 })),
  }) as never;

describe('the picture', () => {
  const runs = [
    run('GDD-I', 'gdd-i', [[96, 5.9]]),
    run('Imitation', 'imitation', [
      [48, 15],
      [128, 14],
    ]),
  ];
  const teacher = { pixels: new Uint8ClampedArray(2 * SIZE).fill(3), resolution: RESOLUTION, steps: 18 };

  it('has the teacher first, then what copies it, then what does not, with the distance of what is shown', () => {
    const rows = claimRows(runs, teacher);
    expect(rows.map(({ figures }) => figures.name)).toEqual([
      'Cats, teacher',
      'Imitation, 96 images, measured at 48',
      'GDD-I, 96 images',
    ]);
    expect(rows.map(({ figures }) => figures.here?.value ?? null)).toEqual([null, 15, 5.9]);
    expect(rows[2]!.figures.here).toMatchObject({ error: 0.2, n: 128, features: 'ResNet-56', nfe: 1 });
    expect(rows[0]!.figures).toMatchObject({ sampler: 'heun', steps: 18, sigma: 2.5, role: 'teacher' });
    expect(rows.map(({ pixels }) => pixels?.[0])).toEqual([3, 7, 7]);
    expect(claimRows(runs, null)[0]!.pixels).toBeNull();
    const sheet = claimSheetRows(rows, RESOLUTION, 2);
    expect(sheet[1]!.images.map((image) => image!.data.length)).toEqual([SIZE, SIZE]);
    expect(claimSheetRows(claimRows(runs, null), RESOLUTION, 2)[0]!.images).toEqual([null, null]);
  });

  it('says what the distances are and where they begin and end', () => {
    expect(claimFoot(runs)).toContain('ResNet-56, n 128');
    expect(claimFoot(runs)).toContain('is at 23.8');
    expect(claimFoot(runs)).toContain('Held-out real images are at 0.123');
  });

  it('belongs to runs of both kinds', () => {
    const methods = (withCd: boolean) =>
      claimMembers(withCd).map(({ changes }) => ({ method: changes.method! }));
    expect(showsClaim(methods(false))).toBe(true);
    expect(methods(true).map(({ method }) => method)).toEqual(['gdd-i', 'imitation', 'cd']);
    expect(showsClaim([{ method: 'gdd' }, { method: 'gdd-i' }])).toBe(false);
    expect(showsClaim([{ method: 'cd' }, { method: 'imitation' }])).toBe(false);
  });
});
