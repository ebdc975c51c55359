import { describe, expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import { defaultView } from '../../../src/state/generate/view';
import { tick } from '../../support/fake-client';
import { bootPage, entry } from '../../support/page';

describe('the reading', () => {
  test('counts all images of a request and their passes, not the last chunk', async () => {
    const s = await bootPage({ sampler: 'heun', steps: 40 });
    s.frame();
    s.client.calls[0]!.deliver([0, 1, 2]);
    s.client.calls[0]!.deliver([3]);
    expect(s.stores.engine.getState().reading).toEqual({ images: 4, passes: 79, ms: 10 });
    s.stores.view.setState({ sampler: 'one-step' });
    s.frame();
    s.client.calls[1]!.deliver([0]);
    expect(s.stores.engine.getState().reading).toEqual({ images: 1, passes: 1, ms: 5 });
  });
});

describe('changes of the view', () => {
  test('one request a frame, with the newest values', async () => {
    const s = await bootPage();
    s.frame();
    s.client.calls[0]!.deliver([0, 1, 2, 3]);
    for (const seed of [5, 6, 7]) s.stores.view.setState({ seed });
    expect(s.frames).toHaveLength(1);
    s.frame();
    expect(s.client.calls).toHaveLength(2);
    expect(s.client.calls[1]!.request.seeds).toEqual([7, 8, 9, 10]);
  });

  test('a drag waits for the first image of the request under way, but not for ever', async () => {
    const s = await bootPage();
    s.frame();
    s.stores.view.setState({ seed: 1 });
    s.frame();
    s.stores.view.setState({ seed: 2 });
    s.frame();
    expect(s.client.calls).toHaveLength(1);
    s.client.calls[0]!.deliver([0]);
    s.frame();
    expect(s.client.calls).toHaveLength(2);
    expect(s.client.calls[1]!.request.seeds[0]).toBe(2);
    s.pass(5000);
    s.stores.view.setState({ seed: 3 });
    s.frame();
    expect(s.client.calls).toHaveLength(3);
  });

  test('the engine is told which image is looked at and which are out of sight, and a scroll alone makes nothing anew', async () => {
    const s = await bootPage({ selected: 2 });
    s.stores.images.setState({ unseen: [3] });
    s.frame();
    expect(s.client.calls[0]!.request).toMatchObject({ first: 2, unseen: [3] });
    s.stores.images.setState({ unseen: [0, 1] });
    s.frame();
    expect(s.client.calls).toHaveLength(1);
    // It is the same work all the same: a drag while one scrolls waits for the first image.
    s.stores.view.setState({ seed: 4 });
    s.frame();
    expect(s.client.calls).toHaveLength(1);
    s.client.calls[0]!.deliver([2]);
    s.frame();
    expect(s.client.calls[1]!.request).toMatchObject({ first: 2, unseen: [0, 1] });
  });

  test('other work supersedes at once', async () => {
    const s = await bootPage();
    s.frame();
    s.stores.view.setState({ sampler: 'heun' });
    s.frame();
    s.stores.view.setState({ sampler: 'two-step' });
    s.frame();
    expect(s.client.calls.map((c) => c.request.sampler)).toEqual(['one-step', 'heun', 'two-step']);
  });

  test('the sampler belongs to the model: another one opens with its own, and the first keeps its', async () => {
    const s = await bootPage();
    s.frame();
    s.stores.view.setState({ sampler: 'heun', steps: 12, sigma: 40 });
    s.frame();
    s.controller.selectModel('clothes');
    s.frame();
    s.controller.selectModel('afhq-cat-64x64-gdd-i');
    s.frame();
    expect(s.client.calls.map(({ request: r }) => [r.sampler, r.steps, r.sigma])).toEqual([
      ['one-step', 18, 80],
      ['heun', 12, 40],
      ['one-step', 18, 80],
      ['heun', 12, 40],
    ]);
    // A link says what it shows, whatever was chosen before.
    s.stores.view.setState({ ...defaultView(4), model: 'clothes', sampler: 'two-step', sigma: 80 });
    s.frame();
    expect(s.client.calls.at(-1)!.request).toMatchObject({ sampler: 'two-step', sigma: 80 });
  });

  test('a two-step student opens in its two steps, and in the person’s choice after that', async () => {
    const two = { sigma: 2.5, nfe: 2, sigma_mid: 0.6, preview: 'previews/two.webp' };
    const catalogue = JSON.stringify({
      version: 1,
      models: [entry('once', null), entry('twice', null, two)],
    });
    const s = await bootPage({ model: 'twice' }, catalogue);
    expect(s.red()).toEqual([9, 9, 9, 9]); // its sheet was made in two steps
    s.frame();
    s.controller.selectModel('once');
    s.frame();
    s.controller.selectModel('twice');
    s.stores.view.setState({ sampler: 'one-step' });
    s.frame();
    s.controller.selectModel('once');
    s.controller.selectModel('twice');
    s.frame();
    expect(s.client.calls.map(({ request: r }) => [r.sampler, r.sigma, r.sigmaMid])).toEqual([
      ['two-step', 2.5, 0.6],
      ['one-step', 80, 0.8],
      ['one-step', 2.5, 0.6],
    ]);
    s.stores.view.setState({ sampler: null });
    s.frame();
    const call = s.client.calls.at(-1)!;
    expect(call.request.sampler).toBe('two-step');
    call.deliver([0, 1, 2, 3]);
    expect(s.stores.engine.getState().reading).toMatchObject({ images: 4, passes: 2 });
    expect(s.stores.images.getState().images[0]!.recipe).toMatchObject({ evaluations: 2, sigmaMid: 0.6 });
  });

  test('chunks of an older request never overwrite newer images', async () => {
    const s = await bootPage();
    s.frame();
    s.stores.view.setState({ sampler: 'two-step' });
    s.frame();
    s.client.calls[1]!.deliver([0, 1], 200);
    s.client.calls[0]!.deliver([1, 2], 100);
    expect(s.red()).toEqual([200, 200, 100, 9]);
    await s.client.calls[0]!.settle('superseded');
    expect(s.stores.engine.getState().work?.kind).toBe('generating');
    await s.client.calls[1]!.settle();
    expect(s.stores.engine.getState().work).toBeNull();
  });

  test('images that are no longer wanted go, wanted ones are asked for, the selection stays inside', async () => {
    const s = await bootPage({ selected: 3 });
    s.stores.view.setState({ count: 2 });
    expect(s.red()).toEqual([9, 9]);
    expect(s.stores.view.getState().selected).toBe(1);
    s.frame();
    expect(s.client.calls.at(-1)!.request).toMatchObject({ seeds: [0, 1], first: 1 });
    s.client.calls.at(-1)!.deliver([0, 1, 2, 3], 70); // a chunk for places that are gone
    expect(s.red()).toEqual([70, 70]);
  });

  test('the class is of the seed until one is chosen, and only where there are classes', async () => {
    const s = await bootPage({ model: 'clothes', classIndex: 2 });
    s.frame();
    expect(s.client.calls[0]!.request.classIndex).toBe(2);
    s.client.calls[0]!.deliver([0]);
    expect(s.names()[0]).toBe('Model clothes, seed 0, class bag');
    s.controller.selectModel('afhq-cat-64x64-gdd-i');
    expect(s.stores.view.getState().classIndex).toBeNull();
  });
});

describe('a picture belongs to the model that is named beside it', () => {
  test('with another model the pictures of the last one go, and late ones do not come', async () => {
    const s = await bootPage();
    s.frame();
    const [first] = s.client.calls;
    first!.deliver([0, 1], 50);
    s.controller.selectModel('clothes');
    expect(s.red()).toEqual([null, null, null, null]);
    first!.deliver([2, 3], 51);
    expect(s.red()).toEqual([null, null, null, null]);
    s.frame();
    s.client.calls[1]!.deliver([0], 60);
    first!.deliver([1, 2], 52);
    expect(s.red()).toEqual([60, null, null, null]);
    expect(s.names()[0]).toBe('Model clothes, seed 0, class shirt');
  });

  test('what is known of the new model beforehand is shown at once', async () => {
    const s = await bootPage({ model: 'clothes' });
    s.frame();
    s.client.calls[0]!.deliver([0, 1, 2, 3], 50);
    s.controller.selectModel('afhq-cat-64x64-gdd-i');
    await tick();
    expect(s.red()).toEqual([9, 9, 9, 9]);
  });
});

describe('errors and cancelling', () => {
  test('an error is one line, images stay, another attempt clears it', async () => {
    const s = await bootPage();
    s.frame();
    s.client.calls[0]!.deliver([0], 1);
    await s.client.calls[0]!.fail(new InnateError('backend', 'out of memory', { hint: 'Ask for fewer' }));
    expect(s.stores.engine.getState()).toMatchObject({
      work: null,
      error: { line: 'out of memory. Ask for fewer', of: 'generating' },
    });
    expect(s.red()).toEqual([1, 9, 9, 9]);
    s.controller.generate();
    expect(s.stores.engine.getState().error).toBeNull();
  });

  test('cancelling is not an error', async () => {
    const s = await bootPage();
    s.frame();
    s.controller.cancel();
    expect(s.client.calls[0]!.options.signal!.aborted).toBe(true);
    await tick();
    expect(s.stores.engine.getState()).toMatchObject({ work: null, error: null });
  });
});
