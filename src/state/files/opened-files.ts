import { InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { FileChoice, Progress } from '../../protocol/models';
import type { Stores } from '../app-state';
import { fail, replaceOpened, succeed } from '../engine';
import type { ImageRequests } from '../generate/requests';
import type { Samplings } from '../generate/samplings';
import { endOf, type LongSteps, type StepEnd } from '../long-steps';
import { DEFAULT_MODEL } from '../models';

/** What can be done with files once they are open. What fails is told in the engine's store. */
export interface OpenedFiles {
  /** Opens what this browser keeps; what cannot be opened is said and stays where it is. */
  openKept(): Promise<void>;
  /** Reads an opened file in another way, and makes its images again where they are in view. */
  reread(key: string, choice: FileChoice): Promise<void>;
  /** Keeps an opened file in this browser for the next visit, or no longer. */
  keep(key: string, keep: boolean): Promise<void>;
  forget(key: string): Promise<void>;
  /** Says where an opened file starts, after a guess that was wrong. */
  setStartSigma(key: string, sigma: number): Promise<void>;
  /** Takes an opened model from the page; who looks at it sees the default one. */
  close(key: string): void;
}

/** The step of copying that file, in the list of what takes long. */
export const keepingKey = (key: string): string => `keeping ${key}`;

interface Options {
  client: Pick<EngineClient, 'kept' | 'reread' | 'keep' | 'forget' | 'setSigma'>;
  stores: Pick<Stores, 'engine' | 'view'>;
  samplings: Samplings;
  requests: Pick<ImageRequests, 'refresh'>;
  steps: LongSteps;
  persist: (() => void) | undefined;
}

export function createOpenedFiles(options: Options): OpenedFiles {
  const { client, stores, samplings, requests, steps, persist } = options;
  const { engine, view } = stores;

  /** Runs a task, and says how it ended. */
  async function told(task: () => Promise<void>): Promise<StepEnd> {
    try {
      await task();
      return 'done';
    } catch (error) {
      fail(engine, 'opening', error);
      return endOf(error);
    }
  }

  function close(key: string): void {
    engine.setState((s) => ({
      opened: s.opened.filter((m) => m.key !== key),
      closed: s.closed.filter((m) => m.key !== key),
    }));
    if (view.getState().model === key)
      view.setState({ ...samplings.of(DEFAULT_MODEL), model: DEFAULT_MODEL, classIndex: null });
  }

  return {
    async openKept() {
      await told(async () => {
        const { models, problems, closed } = await client.kept();
        engine.setState((s) => ({
          closed,
          opened: [...s.opened.filter((m) => !models.some((kept) => kept.key === m.key)), ...models],
        }));
        if (problems.length > 0) throw new InnateError('io', problems.join(' '));
      });
    },

    async reread(key, choice) {
      const end = await told(async () => {
        replaceOpened(engine, await client.reread(key, choice));
        succeed(engine, 'opening');
      });
      if (end === 'done' && view.getState().model === key) requests.refresh();
    },

    async keep(key, keep) {
      if (keep) persist?.();
      const abort = new AbortController();
      const subject = engine.getState().opened.find((m) => m.key === key)?.name ?? key;
      const step = keep
        ? steps.begin({
            kind: 'keeping',
            key: keepingKey(key),
            subject,
            cancel: () => abort.abort(),
            place: { tab: 'models', measured: null },
          })
        : null;
      const onProgress = ({ done, total, unit }: Progress) => step?.progress({ done, total, unit });
      const end = await told(async () => {
        replaceOpened(engine, await client.keep(key, keep, { signal: abort.signal, onProgress }));
        succeed(engine, 'opening');
      });
      step?.end(end);
    },

    async forget(key) {
      await told(() => client.forget(key));
      close(key);
    },

    async setStartSigma(key, sigma) {
      await told(async () => {
        replaceOpened(engine, await client.setSigma(key, sigma));
        // The slider follows the model again.
        if (view.getState().model !== key) samplings.forget(key);
        else if (view.getState().sigma !== null) view.setState({ sigma: null });
        else requests.refresh();
      });
    },

    close,
  };
}
