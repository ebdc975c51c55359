import { describe, expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import { receiveFiles } from '../../../src/state/files/receive';
import { createOwnNoise } from '../../../src/state/generate/own-noise';
import { bootPage } from '../../support/page';

const FILE = new File(['z'], 'my z.npy');
const VALUES = Float32Array.of(0.5, -0.25, 1);
const STROKE = { seed: 9, radius: 2, strength: 1, points: [0, 0] };

async function page() {
  const s = await bootPage({ selected: 1 });
  s.client.latent = async (call) => (call.do === 'read' ? [VALUES] : new Blob(['npy']));
  const said: string[] = [];
  const app = {
    controller: s.controller,
    stores: s.stores,
    announce: (text: string) => void said.push(text),
  };
  const request = () => {
    s.frame();
    return s.client.calls.at(-1)!.request;
  };
  const noise = createOwnNoise(s.stores, s.controller);
  return { ...s, said, request, noise, drop: (file: File) => receiveFiles(app, [file]) };
}

describe('a latent of one’s own', () => {
  test('that is dropped is the selected image’s noise, and undo takes it away', async () => {
    const s = await page();
    s.request();
    await s.drop(FILE);
    expect(s.said).toEqual(['The latent of my z.npy is the selected image’s noise.']);
    expect(s.request().own).toEqual([null, { noise: { kind: 'latent', values: VALUES } }, null, null]);
    s.client.calls.at(-1)!.deliver([1]);
    expect(s.names()[1]).toContain('latent, seed 1');
    s.controller.history.undo();
    expect(s.request().own).toBeUndefined();
    s.controller.history.redo();
    expect(s.request().own![1]).toBeTruthy();
  });

  test('of a link is found again when its file is dropped', async () => {
    const first = await page();
    await first.drop(FILE);
    const { own } = first.stores.view.getState();
    const s = await page();
    s.stores.view.setState({ own: own.map((o) => ({ ...o, place: 3 })) });
    expect(s.request().own).toBeUndefined(); // the seed's noise meanwhile
    await s.drop(FILE);
    expect(s.request().own).toEqual([null, null, null, { noise: { kind: 'latent', values: VALUES } }]);
  });

  test('that does not fit is told, and what is none goes where it belongs', async () => {
    const s = await page();
    s.client.latent = () =>
      Promise.reject(new InnateError('mismatch', 'the latent does not fit the network'));
    await expect(s.drop(FILE)).rejects.toThrow('does not fit');
    s.client.latent = async () => null;
    await s.drop(new File(['\x93NUMPY'], 'set.npy'));
    expect(s.stores.view.getState().tab).toBe('distil');
  });
});

describe('painting', () => {
  test('a stroke grows in its place, the next one comes over it, and a drag is one step of undo', async () => {
    const s = await page();
    s.controller.press(null);
    s.noise.paint(STROKE, false);
    s.noise.paint({ ...STROKE, points: [0, 0, 5, 5] }, true);
    s.controller.release();
    s.controller.press(null);
    s.noise.paint({ ...STROKE, seed: 10 }, false);
    s.controller.release();
    const strokes = [
      { ...STROKE, points: [0, 0, 5, 5] },
      { ...STROKE, seed: 10 },
    ];
    expect(s.request().own![1]).toEqual({
      noise: { kind: 'painted', under: { kind: 'seed', seed: 1 }, strokes },
    });
    s.controller.history.undo();
    expect(s.stores.view.getState().own[0]!.noise!.strokes).toEqual(strokes.slice(0, 1));
    s.controller.history.undo();
    expect(s.stores.view.getState().own).toEqual([]);
    s.controller.history.redo();
    s.noise.reset();
    expect(s.stores.view.getState().own).toEqual([]);
  });

  test('the noise is saved as it is, whatever made it', async () => {
    const s = await page();
    const asked: unknown[] = [];
    s.client.latent = async (call) => {
      asked.push(call);
      return new Blob(['npy']);
    };
    expect((await s.noise.save())!.name).toBe('latent-seed-1.npy');
    s.noise.paint(STROKE, false);
    expect((await s.noise.save())!.name).toBe('latent-seed-1-painted.npy');
    expect(asked).toMatchObject([
      { do: 'write', noise: { kind: 'seed', seed: 1 }, shape: { channels: 3, resolution: 1 } },
      { do: 'write', noise: { kind: 'painted', strokes: [STROKE] } },
    ]);
  });
});
