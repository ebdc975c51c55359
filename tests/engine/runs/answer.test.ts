import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answerRuns, type RunsServices } from '../../../src/engine/runs/answer';
import { RunFolder } from '../../../src/engine/runs/folder';
import { decodeState } from '../../../src/engine/runs/state';
import { bufferSource } from '../../../src/formats/source';
import type { RunList, RunRecord } from '../../../src/protocol/runs';
import { MemoryFiles } from '../../support/memory-files';
import { runRecord, runState } from '../../support/saved-run';

let files: MemoryFiles;
beforeEach(() => {
  files = new MemoryFiles();
  files.install();
});
afterEach(() => vi.unstubAllGlobals());

const services = {} as RunsServices; // no networks are needed
const list = async () => (await answerRuns({ do: 'list' }, services)) as RunList;

/** A run with two saves. */
async function saved(id: string, change: object = {}): Promise<RunFolder> {
  const folder = (await RunFolder.open(id))!;
  for (const images of [32, 64]) {
    await folder.saveState(runState(images), 'last');
    await folder.saveRecord({
      ...runRecord({ id, dataName: 'grey', resolution: 1 }, images),
      ...change,
    } as RunRecord);
  }
  await folder.saveSamples(64, new Uint8ClampedArray(4));
  return folder;
}

/** Spoils some bytes in the middle of a run's file. */
async function damage(id: string, ...names: string[]): Promise<void> {
  const runs = await files.root.getDirectoryHandle('runs');
  const folder = await runs.getDirectoryHandle(id);
  for (const name of names) {
    const handle = await folder.getFileHandle(name);
    handle.bytes = handle.bytes.map((b, i) => (i > 40 && i < 80 ? b ^ 255 : b));
  }
}

const names = async () => (await RunFolder.ids())!.sort();
const ids = ({ runs }: RunList) => runs.map(({ record }) => record.about.id);

describe('a run that cannot be read is listed as that, with its size, and never deleted', () => {
  it.each([
    ['its record is damaged', 'a', () => damage('a', 'record.0', 'record.1'), /record is damaged/],
    [
      'another version wrote it',
      'a',
      async () => void (await (await RunFolder.open('a'))!.saveRecord({ version: 2 } as never)),
      /another version.*version 2/,
    ],
    [
      'a field of it is none',
      'a',
      async () => void (await saved('a', { request: { sampleSeeds: 'none' } })),
      /damaged/,
    ],
    [
      'its folder cannot be opened',
      'a',
      async () => {
        files.failing = (path) =>
          path.startsWith('/runs/a') ? new DOMException('try again', 'InvalidStateError') : null;
      },
      /could not be opened/,
    ],
    [
      'its record cannot be read now',
      'a',
      async () => {
        files.failing = (path, what) =>
          what === 'read' && path.includes('/a/record') ? new DOMException('busy', 'NotReadableError') : null;
      },
      /could not be read/,
    ],
  ])('%s', async (_name, id, spoil, reason) => {
    await saved('a');
    await saved('b');
    await spoil();
    const found = await list();
    expect(ids(found)).toEqual(['b']);
    expect(found.unreadable).toMatchObject([{ id, busy: false, reason: expect.stringMatching(reason) }]);
    if (!reason.test('its folder could not be opened'))
      expect(found.unreadable[0]!.bytes).toBeGreaterThan(500);
    await list();
    files.failing = () => null;
    expect(await names()).toEqual(['a', 'b']);
  });

  it('neither is one whose first save was cut off', async () => {
    const folder = (await RunFolder.open('a'))!;
    await folder.saveState(runState(0), 'last');
    await damage('a', 'last.0');
    expect((await list()).unreadable).toMatchObject([{ id: 'a', state: false }]);
    expect(await names()).toEqual(['a']);
  });

  it('nor something else that lies among the runs', async () => {
    const runs = await files.root.getDirectoryHandle('runs', { create: true });
    await runs.getFileHandle('stray', { create: true });
    await runs.getDirectoryHandle('not an id of ours', { create: true });
    await saved('b');
    const found = await list();
    expect(ids(found)).toEqual(['b']);
    expect(found.unreadable.map((run) => run.id)).toContain('stray');
    expect(await names()).toContain('stray');
  });
});

it('a picture that cannot be read costs the picture, not the run', async () => {
  await saved('a');
  files.failing = (path, what) =>
    what === 'read' && path.includes('/samples/') ? new DOMException('busy', 'NotReadableError') : null;
  const { runs, unreadable } = await list();
  expect(runs).toMatchObject([{ preview: null, record: { images: 64 } }]);
  expect(unreadable).toEqual([]);
});

it('where the newest record was cut off, the one before counts', async () => {
  await saved('a');
  await damage('a', 'record.1');
  expect((await list()).runs).toMatchObject([{ record: { images: 32 } }]);
});

it('what a run leaves that ended before its first save goes, unless it is under way or nobody can say', async () => {
  const begun = async (id: string) => {
    const folder = (await RunFolder.open(id))!;
    await folder.saveSamples(0, new Uint8ClampedArray(4));
  };
  await begun('gone');
  await begun('under-way');
  files.held = ['innate-run-under-way'];
  expect(await list()).toEqual({ runs: [], unreadable: [] });
  expect(await names()).toEqual(['under-way']);
  vi.stubGlobal('navigator', { ...navigator, locks: undefined });
  await list();
  expect(await names()).toEqual(['under-way']);
});

describe('of a run that cannot be read', () => {
  beforeEach(async () => {
    await saved('a');
    await damage('a', 'record.0', 'record.1');
  });
  const exported = async (what: 'state' | 'files') => {
    const blob = (await answerRuns({ do: 'export', run: 'a', what, images: null }, services)) as Blob;
    return new Uint8Array(await blob.arrayBuffer());
  };

  it('the state can be had where it is whole', async () => {
    expect((await list()).unreadable).toMatchObject([{ state: true }]);
    expect(decodeState(bufferSource(await exported('state'), 'a.state')).meta.images).toBe(64);
    await damage('a', 'last.0', 'last.1');
    expect((await list()).unreadable).toMatchObject([{ state: false }]);
    await expect(exported('state')).rejects.toThrow('no save');
  });

  it('all files can be had as a zip, byte for byte', async () => {
    const entries = unzipSync(await exported('files'));
    expect(Object.keys(entries).sort()).toEqual([
      'last.0',
      'last.1',
      'record.0',
      'record.1',
      'samples/64.rgba',
    ]);
    const runs = await files.root.getDirectoryHandle('runs');
    const handle = await (await runs.getDirectoryHandle('a')).getFileHandle('last.1');
    expect(entries['last.1']).toEqual(handle.bytes);
  });

  it('it can be deleted, and other calls say why they cannot', async () => {
    await expect(answerRuns({ do: 'open', run: 'a' }, services)).rejects.toThrow('damaged');
    await answerRuns({ do: 'delete', run: 'a' }, services);
    expect(await list()).toEqual({ runs: [], unreadable: [] });
  });
});
