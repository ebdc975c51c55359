import { describe, expect, it } from 'vitest';
import { InnateError } from '../../src/lib/errors';
import { createEngineClient } from '../../src/protocol/client';
import type { Message, Request } from '../../src/protocol/messages';
import type { EngineStatus, ModelInfo, StartOptions } from '../../src/protocol/models';
import { STATUS, tick } from '../support/fake-client';

const OPTIONS: StartOptions = { preference: 'auto', modelsUrl: 'https://here/', wasmBinaries: {} };
const LOST = { code: 'backend', message: 'no memory for WebAssembly', detail: {} } as const;

/** A worker that answers when the test says so. */
class FakeWorker {
  readonly got: Request[] = [];
  onmessage: (event: { data: Message }) => void = () => {};
  onerror: (event: object) => void = () => {};
  onmessageerror: (event: object) => void = () => {};
  terminated = false;

  postMessage(request: Request): void {
    this.got.push(request);
  }
  terminate(): void {
    this.terminated = true;
  }

  /** The newest request of that type that was not answered. */
  private take(type: Request['type']): Request {
    const found = this.got.findLast((request) => request.type === type);
    if (!found) throw new Error(`no ${type} was asked for: ${this.types().join(', ')}`);
    return found;
  }
  async answer(type: Request['type'], value: unknown): Promise<void> {
    const { id } = this.take(type);
    if (type === 'start') this.onmessage({ data: { type: 'status', status: value as EngineStatus } });
    this.onmessage({ data: { type: 'settled', id, ok: true, value } as Message });
    await tick();
  }
  async refuse(
    type: Request['type'],
    error: { code: string; message: string; detail: object },
  ): Promise<void> {
    const { id } = this.take(type);
    this.onmessage({ data: { type: 'settled', id, ok: false, error } as Message });
    await tick();
  }
  async die(): Promise<void> {
    this.onerror({});
    await tick();
  }
  types = () => this.got.map(({ type }) => type);
}

function set() {
  const workers: FakeWorker[] = [];
  const client = createEngineClient(() => {
    workers.push(new FakeWorker());
    return workers.at(-1) as unknown as Worker;
  });
  const statuses: EngineStatus[] = [];
  const gone: string[][] = [];
  client.subscribe((status) => statuses.push(status));
  const keys = ['opened-1', 'made-2'];
  client.onGone((isOpen) => gone.push(keys.filter((key) => !isOpen(key))));
  /** What a call comes to: its value, or its error in one line. */
  const told = (call: Promise<unknown>) => call.catch((error: InnateError) => error.describe());
  return { client, workers, worker: () => workers.at(-1)!, statuses, gone, told };
}

async function started() {
  const s = set();
  const start = s.client.start(OPTIONS);
  await s.worker().answer('start', STATUS);
  expect(await start).toEqual(STATUS);
  return s;
}

const info = (key: string) => ({ key, name: 'mine.pkl' }) as ModelInfo;
const file = new File(['x'], 'mine.pkl');

async function withFile() {
  const s = await started();
  const open = s.client.open(file, { choice: { precond: 'GDDPrecond' } });
  await s.worker().answer('open', info('opened-1'));
  await open;
  return s;
}

describe('a worker that dies', () => {
  it('fails what is under way, and the status says that the engine stopped', async () => {
    const s = await started();
    const list = s.told(s.client.runs({ do: 'list' }));
    await s.worker().die();
    expect(await list).toMatch(/^the engine stopped/);
    expect(s.workers[0]!.terminated).toBe(true);
    expect(s.statuses.at(-1)).toMatchObject({
      backend: null,
      model: null,
      memoryBytes: 0,
      lastForward: null,
      notice: expect.stringContaining('The engine stopped'),
    });
  });

  it('is started again by the next call, with the opened files under their keys; what it made is gone', async () => {
    const s = await withFile();
    const sigma = s.client.setSigma('opened-1', 2.5);
    await s.worker().answer('set-sigma', info('opened-1'));
    await sigma;
    await s.worker().die();
    expect(s.gone).toEqual([['made-2']]);
    const list = s.client.runs({ do: 'list' });
    expect(s.workers).toHaveLength(2);
    expect(s.worker().types()).toEqual(['start', 'open', 'set-sigma', 'runs']);
    expect(s.worker().got[0]).toMatchObject({ options: OPTIONS });
    expect(s.worker().got[1]).toMatchObject({ file, key: 'opened-1', choice: { precond: 'GDDPrecond' } });
    await s.worker().answer('start', STATUS);
    expect(s.statuses.at(-1)).toEqual(STATUS);
    await s.worker().answer('open', info('opened-1'));
    await s.worker().answer('set-sigma', info('opened-1'));
    await s.worker().answer('runs', null);
    expect(await list).toBeNull();
    expect(s.gone).toEqual([['made-2']]);
  });

  it('reads files as they were last read, and opens kept ones from their copies', async () => {
    const s = await withFile();
    for (const entry of ['student', 'teacher']) {
      const read = s.client.reread('opened-1', { entry });
      await s.worker().answer('reread', info('opened-1'));
      await read;
    }
    const kept = s.client.kept();
    await s.worker().answer('kept', { models: [info('file:a.pkl')], problems: [] });
    await kept;
    await s.worker().die();
    void s.told(s.client.runs({ do: 'list' }));
    expect(s.worker().types()).toEqual(['start', 'open', 'reread', 'kept', 'runs']);
    expect(s.worker().got[2]).toMatchObject({ key: 'opened-1', choice: { entry: 'teacher' } });

    const keep = s.client.keep('opened-1', true);
    await s.worker().answer('start', STATUS);
    await s.worker().answer('open', info('opened-1'));
    await s.worker().answer('reread', info('opened-1'));
    await s.worker().answer('kept', { models: [], problems: [] });
    await s.worker().answer('runs', null);
    await s.worker().answer('keep', info('opened-1'));
    await keep;
    await s.worker().die();
    void s.told(s.client.runs({ do: 'list' }));
    expect(s.worker().types()).toEqual(['start', 'kept', 'kept', 'runs']);
  });

  it('a file that cannot be opened again is told to be gone, and is not tried again', async () => {
    const s = await withFile();
    await s.worker().die();
    void s.told(s.client.runs({ do: 'list' }));
    await s.worker().answer('start', STATUS);
    await s
      .worker()
      .refuse('open', { code: 'io', message: 'the browser could not read the file', detail: {} });
    expect(s.gone.at(-1)).toEqual(['opened-1', 'made-2']);
    await s.worker().die();
    void s.told(s.client.runs({ do: 'list' }));
    expect(s.worker().types()).toEqual(['start', 'runs']);
  });

  it('a forgotten file stays forgotten', async () => {
    const s = await withFile();
    void s.client.forget('opened-1');
    await s.worker().answer('forget', null);
    await s.worker().die();
    void s.told(s.client.runs({ do: 'list' }));
    expect(s.worker().types()).toEqual(['start', 'runs']);
  });
});

describe('a restart that fails', () => {
  it('fails the calls that wait for it with its own error; the status stays stopped; the next call tries again', async () => {
    const s = await withFile();
    await s.worker().die();
    const list = s.told(s.client.runs({ do: 'list' }));
    await s.worker().refuse('start', LOST);
    expect(await list).toBe('no memory for WebAssembly');
    expect(s.statuses.at(-1)).toMatchObject({ backend: null, notice: 'No memory for WebAssembly.' });
    expect(s.gone).toEqual([['made-2']]); // the file is opened with the next start
    const again = s.client.runs({ do: 'list' });
    expect(s.worker().types().slice(-3)).toEqual(['start', 'open', 'runs']);
    await s.worker().answer('start', STATUS);
    await s.worker().answer('open', info('opened-1'));
    await s.worker().answer('runs', null);
    expect(await again).toBeNull();
  });

  it('a worker that dies while it starts fails its callers once, and the next call has another one', async () => {
    const s = await started();
    await s.worker().die();
    const list = s.told(s.client.runs({ do: 'list' }));
    await s.worker().die();
    expect(await list).toMatch(/^the engine stopped/);
    void s.told(s.client.runs({ do: 'list' }));
    expect(s.workers).toHaveLength(3);
  });

  it('a call that a listener makes of a failure waits for the next start', async () => {
    const s = await started();
    const calls: Promise<unknown>[] = [];
    let once = true;
    s.client.subscribe(({ backend }) => {
      if (backend || !once) return;
      once = false;
      calls.push(s.told(s.client.runs({ do: 'list' })));
    });
    await s.worker().die();
    await s.worker().answer('start', STATUS);
    await s.worker().answer('runs', null);
    expect(await calls[0]).toBeNull();
  });
});

describe('starting', () => {
  it('a start while another one is under way: the newer decides for those that wait', async () => {
    const s = set();
    const first = s.told(s.client.start({ ...OPTIONS, preference: 'webgpu' }));
    const [one] = s.worker().got;
    const list = s.client.runs({ do: 'list' });
    const second = s.client.start({ ...OPTIONS, preference: 'wasm' });
    s.worker().onmessage({
      data: { type: 'settled', id: one!.id, ok: false, error: { ...LOST, message: 'no adapter' } },
    });
    await tick();
    expect(await first).toBe('no adapter');
    await s.worker().answer('start', STATUS);
    await s.worker().answer('runs', null);
    expect([await second, await list]).toEqual([STATUS, null]);
    void s.client.runs({ do: 'list' });
    expect(
      s
        .worker()
        .types()
        .filter((type) => type === 'start'),
    ).toHaveLength(2);
  });

  it('a worker that cannot be made is an error of the call', async () => {
    const client = createEngineClient(() => {
      throw new InnateError('backend', 'workers are blocked');
    });
    await expect(client.start(OPTIONS)).rejects.toThrow('workers are blocked');
    await expect(client.runs({ do: 'list' })).rejects.toThrow('workers are blocked');
  });

  it('a call that is cancelled before it is sent, or after', async () => {
    const s = await started();
    await expect(
      s.client.load({ kind: 'opened', key: 'k' }, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    const abort = new AbortController();
    const load = s.told(s.client.load({ kind: 'opened', key: 'k' }, { signal: abort.signal }));
    abort.abort();
    const [request, cancel] = s.worker().got.slice(-2);
    expect(cancel).toMatchObject({ type: 'cancel', target: request!.id });
    await s.worker().refuse('load', { code: 'cancelled', message: 'cancelled', detail: {} });
    expect(await load).toBe('cancelled');
  });
});
