import { expect, test } from 'vitest';
import { RevivedWorker } from '../../src/protocol/revived-worker';

/** A worker that remembers what it was sent. */
class FakeWorker {
  readonly sent: unknown[] = [];
  ended = false;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message?: string; preventDefault?(): void }) => void) | null = null;
  onmessageerror: ((event: object) => void) | null = null;
  postMessage(message: unknown): void {
    this.sent.push(message);
  }
  terminate(): void {
    this.ended = true;
  }
}

test('a worker is made when it is needed, and anew where it died: what waits hears of it once', () => {
  const made: FakeWorker[] = [];
  const heard: unknown[] = [];
  const worker = new RevivedWorker<string>(
    () => {
      const fake = new FakeWorker();
      made.push(fake);
      return fake as unknown as Worker;
    },
    { message: (m) => heard.push(m), death: (detail) => heard.push(detail) },
  );
  expect(made).toHaveLength(0);
  worker.post('a');
  worker.post('b');
  expect(made.map(({ sent }) => sent)).toEqual([['a', 'b']]);
  made[0]!.onmessage!({ data: 'answer' });
  made[0]!.onerror!({ message: 'out of memory', preventDefault() {} });
  expect(made[0]!.ended).toBe(true);
  worker.post('c');
  made[1]!.onmessageerror!({});
  worker.post('d');
  expect(made.map(({ sent }) => sent)).toEqual([['a', 'b'], ['c'], ['d']]);
  expect(heard).toEqual(['answer', { found: 'out of memory' }, {}]);
});
