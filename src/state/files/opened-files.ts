import { InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { FileChoice, ModelInfo, Progress } from '../../protocol/messages';
import type { EngineStore } from '../engine';

/** What can be done with files once they are open. */
export interface OpenedFiles {
  /** Opens what this browser keeps; what cannot be opened is said and stays where it is. */
  openKept(): Promise<void>;
  /** Reads an opened file in another way; false where it could not be. */
  reread(key: string, choice: FileChoice): Promise<boolean>;
  /** Keeps an opened file in this browser for the next visit, or no longer. */
  keep(key: string, keep: boolean): Promise<void>;
}

interface Options {
  client: EngineClient;
  engine: EngineStore;
  fail: (error: unknown) => void;
  succeed: () => void;
  persist: (() => void) | undefined;
}

export function createOpenedFiles({ client, engine, fail, succeed, persist }: Options): OpenedFiles {
  const replace = (info: ModelInfo) =>
    engine.setState((s) => ({ opened: s.opened.map((m) => (m.key === info.key ? info : m)) }));
  return {
    async openKept() {
      try {
        const { models, problems } = await client.kept();
        engine.setState((s) => ({
          opened: [...s.opened.filter((m) => !models.some((kept) => kept.key === m.key)), ...models],
        }));
        if (problems.length > 0) fail(new InnateError('io', problems.join(' ')));
      } catch (error) {
        fail(error);
      }
    },

    async reread(key, choice) {
      try {
        replace(await client.reread(key, choice));
        succeed();
        return true;
      } catch (error) {
        fail(error);
        return false;
      }
    },

    async keep(key, keep) {
      if (keep) persist?.();
      engine.setState({ keeping: { key, share: 0 } });
      try {
        const onProgress = ({ done, total }: Progress) =>
          engine.setState({ keeping: { key, share: total > 0 ? done / total : 0 } });
        replace(await client.keep(key, keep, { onProgress }));
        succeed();
      } catch (error) {
        fail(error);
      } finally {
        engine.setState({ keeping: null });
      }
    },
  };
}
