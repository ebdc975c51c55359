import { describe, expect, test } from 'vitest';
import { besidePair } from '../../../src/state/beside/controller';
import { planRows, rowRequest } from '../../../src/state/compare/plan';
import type { ViewState } from '../../../src/state/generate/view';
import { bootPage, entry } from '../../support/page';

const CLASSES = ['shirt', 'boot', 'bag'];
const CATALOGUE = JSON.stringify({
  version: 1,
  models: [
    entry('student', CLASSES, { teacher: 'teacher', sigma: 2.5 }),
    entry('teacher', CLASSES, { role: 'teacher' }),
    entry('alone', null),
  ],
});

async function page(view: Partial<ViewState> = {}) {
  const s = await bootPage({ model: 'student', ...view }, CATALOGUE);
  const rest = async () => {
    s.frame();
    const call = s.client.calls.at(-1)!;
    call.deliver([0, 1, 2, 3], 50);
    await call.settle();
  };
  await rest();
  const asked = () =>
    s.client.calls.map(({ request: r }) => [r.model.kind === 'catalogue' && r.model.id, r.seeds.length]);
  const make = async (mark: number) => {
    s.client.calls.at(-1)!.deliver([0], mark);
    await s.client.calls.at(-1)!.settle();
  };
  return { ...s, rest, asked, make, beside: () => s.stores.beside.getState() };
}

describe('the teacher beside the student', () => {
  test('the selected image by each, the student first, each with what it took alone', async () => {
    const s = await page({
      seed: 4,
      selected: 2,
      classIndex: 1,
      mix: [{ index: 2, weight: 0.25 }],
      temperature: 0.9,
    });
    s.controller.beside.show(true);
    await s.make(10);
    await s.make(20);
    expect(s.asked()).toEqual([
      ['student', 4],
      ['student', 1],
      ['teacher', 1],
    ]);
    const [student, teacher] = s.client.calls.slice(1).map(({ request }) => request);
    const common = { seeds: [6], classIndex: 1, mix: [{ index: 2, weight: 0.25 }], temperature: 0.9 };
    expect(student).toMatchObject({ ...common, sampler: 'one-step', sigma: 2.5 });
    expect(teacher).toMatchObject({ ...common, sampler: 'heun', steps: 18, sigma: 80 });
    const { student: made, teacher: taught } = s.beside();
    expect([made!.picture.pixels[0], made!.ms, made!.picture.recipe.evaluations]).toEqual([10, 5, 1]);
    expect([taught!.picture.pixels[0], taught!.picture.recipe.evaluations]).toEqual([20, 35]);
  });

  test('are the images of the rows that Compare shows of them', async () => {
    const s = await page({ seed: 4, selected: 0, classIndex: 2 });
    s.controller.beside.show(true);
    await s.make(10);
    await s.make(20);
    s.controller.beside.compareAll();
    s.controller.compare.fit(1);
    expect(s.stores.view.getState()).toMatchObject({ compare: true });
    const rows = planRows(s.stores).map((plan) => rowRequest(plan, [0]));
    expect(s.client.calls.slice(1, 3).map(({ request }) => request)).toEqual(rows);
  });

  test('another seed is made again, and one that was made is not', async () => {
    const s = await page();
    s.controller.beside.show(true);
    await s.make(10);
    await s.make(20);
    s.stores.view.setState({ seed: 9 });
    expect(s.beside().student!.key).not.toBe(s.beside().wanted!.student);
    await s.rest();
    expect(s.client.calls.at(-1)!.request).toMatchObject({ model: { id: 'student' }, seeds: [9] });
    await s.make(11);
    expect(s.client.calls.at(-1)!.request).toMatchObject({ model: { id: 'teacher' }, seeds: [9] });
    s.controller.beside.show(false);
    expect(s.client.calls.at(-1)!.options.signal!.aborted).toBe(true);
    s.controller.beside.show(true);
    expect(s.client.calls.at(-1)!.request).toMatchObject({ model: { id: 'teacher' }, seeds: [9] });
    expect(s.asked().filter(([, images]) => images === 1)).toHaveLength(5);
  });

  test('nothing is made aside while somebody drags', async () => {
    const s = await page();
    s.controller.press(null);
    s.controller.beside.show(true);
    expect(s.asked()).toHaveLength(1);
    s.controller.release();
    expect(s.asked()).toHaveLength(2);
  });

  test('is offered from either side, and not where one is missing', async () => {
    expect(besidePair((await page()).stores)).toMatchObject({
      map: { key: 'teacher' },
      student: { key: 'student' },
    });
    const s = await page({ model: 'teacher', sampler: 'heun', steps: 30 });
    expect(besidePair(s.stores)).toMatchObject({ map: { key: 'teacher' }, student: { key: 'student' } });
    s.controller.beside.show(true);
    await s.make(10);
    // The teacher is in use: it is sampled as the view says.
    expect(s.client.calls.at(-1)!.request).toMatchObject({ sampler: 'heun', steps: 30 });
    expect(besidePair((await page({ model: 'alone' })).stores)).toBeNull();
  });
});
