import { describe, expect, test, vi } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import type { ModelInfo } from '../../../src/protocol/models';
import { stepShare } from '../../../src/state/long-steps';
import { workLine } from '../../../src/state/work-line';
import { tick } from '../../support/fake-client';
import { bootPage, CATALOGUE, OPENED } from '../../support/page';

describe('files', () => {
  test('an opened file is selected and shown; forgotten, the default comes back', async () => {
    const s = await bootPage({ tab: 'models', classIndex: null, selected: 2 });
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    expect(s.stores.view.getState()).toMatchObject({ model: 'opened-1', tab: 'generate', selected: 0 });
    s.frame();
    expect(s.client.calls.at(-1)!.request.model).toEqual({ kind: 'opened', key: 'opened-1' });
    await s.controller.forget('opened-1');
    expect(s.client.forgotten).toEqual(['opened-1']);
    expect(s.stores.view.getState().model).toBe('afhq-cat-64x64-gdd-i');
  });

  test('a refused file leaves everything as it was, and its error survives other success', async () => {
    const s = await bootPage();
    s.frame();
    s.client.opens = async () => {
      throw new InnateError('refused', 'it asks for os.system', { where: 'bad.pkl' });
    };
    await s.controller.open(new File([], 'bad.pkl'));
    await s.client.calls[0]!.settle();
    expect(s.stores.engine.getState().error).toEqual({
      line: 'bad.pkl: it asks for os.system',
      of: 'opening',
    });
    expect(s.stores.view.getState().model).toBe('afhq-cat-64x64-gdd-i');
    s.controller.dismissError();
    expect(s.stores.engine.getState().error).toBeNull();
  });

  test('of a file that holds several networks a person chooses one', async () => {
    const s = await bootPage();
    const choices: unknown[] = [];
    s.client.opens = async (_file, options) => {
      choices.push(options?.choice);
      if (options?.choice?.entry === undefined)
        throw new InnateError('bad-argument', 'the file holds several networks', {
          choose: { what: 'entry', from: ['student', 'teacher'] },
        });
      return OPENED;
    };
    await s.controller.open(new File([], 'two.pt'));
    const line = workLine(s.stores.engine.getState());
    expect(line).toMatchObject({ kind: 'error', choose: ['student', 'teacher'] });
    const { chooseForFile } = s.controller; // as the page hands it on
    chooseForFile('student');
    await tick();
    expect(choices).toEqual([{}, { entry: 'student' }]);
    expect(s.stores.view.getState().model).toBe('opened-1');
    expect(s.stores.engine.getState().error).toBeNull();
  });

  test('an opened file can be read in another way; its images are made anew', async () => {
    const s = await bootPage();
    s.client.opens = async () => OPENED;
    s.client.opened = OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    s.frame();
    const before = s.client.calls.length;
    await s.controller.reread('opened-1', { precond: 'GDDPrecond' });
    expect(s.stores.engine.getState().opened).toMatchObject([{ key: 'opened-1', precond: 'GDDPrecond' }]);
    await s.client.calls.at(-1)!.settle();
    s.frame();
    expect(s.client.calls.length).toBe(before + 1);
  });

  test('a file is kept on request; where that fails, it is said and the file stays open', async () => {
    const s = await bootPage();
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    await s.controller.keep('opened-1', true);
    expect(s.stores.steps.getState().steps).toEqual([]);
    expect(s.stores.engine.getState()).toMatchObject({
      error: { line: 'this browser keeps no files' },
      opened: [{ kept: false }],
    });
    s.client.opened = OPENED;
    const shares = new Set<number | null>();
    s.stores.steps.subscribe(({ steps: [step] }) => step && shares.add(stepShare(step)));
    await s.controller.keep('opened-1', true);
    expect([...shares]).toEqual([null, 0.5]);
    expect(s.stores.steps.getState().steps).toEqual([]);
    expect(s.stores.engine.getState()).toMatchObject({
      error: null,
      opened: [{ kept: true }],
    });
  });

  test('keeping a file stands among what takes long, and can be ended there', async () => {
    const s = await bootPage();
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'mine.pkl'));
    s.client.keep = (_key, _keep, options) =>
      new Promise((_resolve, reject) =>
        options!.signal!.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled'))),
      );
    const ended = s.controller.keep('opened-1', true);
    const steps = () => s.stores.steps.getState().steps;
    expect(steps()).toMatchObject([{ kind: 'keeping', subject: OPENED.name, stop: { word: 'Cancel' } }]);
    steps()[0]!.stop.perform();
    await ended;
    expect(steps()).toEqual([]);
    expect(s.stores.engine.getState()).toMatchObject({
      error: null,
      opened: [{ kept: false }],
    });
  });

  test('two files that are kept at once stand there both', async () => {
    const s = await bootPage();
    for (const key of ['opened-1', 'opened-2']) {
      s.client.opens = async () => ({ ...OPENED, key });
      await s.controller.open(new File([], `${key}.pkl`));
    }
    s.client.keep = () => new Promise(() => {});
    void s.controller.keep('opened-1', true);
    void s.controller.keep('opened-2', true);
    expect(s.stores.steps.getState().steps.map(({ kind }) => kind)).toEqual(['keeping', 'keeping']);
  });

  const LINK = { model: 'file:mine.pkl', seed: 7, classIndex: 1, sigma: 2.5 };

  test('a link to a kept file shows it', async () => {
    const kept = { ...OPENED, key: 'file:mine.pkl', kept: true };
    const s = await bootPage(LINK, CATALOGUE, { models: [kept], problems: [], closed: [] });
    expect(s.stores.view.getState()).toMatchObject(LINK);
    expect(s.stores.engine.getState()).toMatchObject({ remark: null, opened: [{ key: 'file:mine.pkl' }] });
    s.frame();
    expect(s.client.calls.at(-1)!.request.model).toEqual({ kind: 'opened', key: 'file:mine.pkl' });
  });

  test('a link to a file that is not here says which, and is followed once the file is opened', async () => {
    const s = await bootPage(LINK);
    expect(s.stores.view.getState()).toMatchObject({ model: 'afhq-cat-64x64-gdd-i', classIndex: null });
    expect(s.stores.engine.getState().remark).toMatch(/wants the file “mine\.pkl”.*Open checkpoint/);
    s.client.opens = async (file) => ({ ...OPENED, key: `file:${file.name}` });
    await s.controller.open(new File([], 'other.pkl'));
    expect(s.stores.view.getState()).toMatchObject({ model: 'file:other.pkl', classIndex: null });
    await s.controller.open(new File([], 'mine.pkl'));
    expect(s.stores.view.getState()).toMatchObject(LINK);
    expect(s.stores.engine.getState().remark).toBeNull();
  });

  test('a kept file that cannot be opened is said, is listed, and can be deleted', async () => {
    const s = await bootPage({}, CATALOGUE, {
      models: [],
      problems: ['The kept file a.pkl could not be opened: x'],
      closed: [{ key: 'file:a.pkl', name: 'a.pkl', bytes: 1, why: 'x' }],
    });
    expect(s.stores.engine.getState().error!.line).toContain('a.pkl could not be opened');
    expect(s.stores.engine.getState().closed).toMatchObject([{ key: 'file:a.pkl' }]);
    await s.controller.forget('file:a.pkl');
    expect(s.client.forgotten).toEqual(['file:a.pkl']);
    expect(s.stores.engine.getState().closed).toEqual([]);
  });

  test('a newer file ends the opening of an older one', async () => {
    const s = await bootPage();
    const signals: AbortSignal[] = [];
    s.client.opens = vi.fn(
      (_file, options) =>
        new Promise<ModelInfo>((_resolve, reject) => {
          signals.push(options!.signal!);
          options!.signal!.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled')));
        }),
    );
    const first = s.controller.open(new File([], 'a.pkl'));
    s.client.opens = async () => OPENED;
    await s.controller.open(new File([], 'b.pkl'));
    await first;
    expect(signals[0]!.aborted).toBe(true);
    expect(s.stores.view.getState().model).toBe('opened-1');
    expect(s.stores.engine.getState()).toMatchObject({ work: null, error: null });
  });
});
