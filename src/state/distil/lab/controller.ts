import type { FreezeChoice } from '../../../distil/config';
import { asInnateError } from '../../../lib/errors';
import type { EngineClient } from '../../../protocol/client';
import type { Stores } from '../../app-state';
import { choiceLabel, type Placed, placed } from '../parts';
import type { SeriesMember } from '../series/series';
import { settledSetup } from '../settings';

export interface FreezeLab {
  /** Reads the parameters of the chosen teacher; does nothing where they are here or on their way. */
  loadParts(): Promise<void>;
  /** Collects a choice for the next series; one that is there already stays once. */
  addTry(choice: FreezeChoice): void;
  removeTry(index: number): void;
}

interface LabOptions {
  client: Pick<EngineClient, 'parameters'>;
  stores: Stores;
}

/** Which choices of frozen layers are to be tried, on which network. */
export function freezeLab({ client, stores }: LabOptions): FreezeLab {
  const { series } = stores;
  let loading: string | null = null;
  return {
    async loadParts() {
      const { teacher } = settledSetup(stores);
      if (!teacher || loading === teacher.key || series.getState().parts?.teacher === teacher.key) return;
      loading = teacher.key;
      series.setState({ parts: null, partsError: null, tries: [] });
      try {
        const all = (await client.parameters(teacher.ref)).map(placed);
        if (loading === teacher.key) series.setState({ parts: { teacher: teacher.key, all } });
      } catch (error) {
        if (loading === teacher.key) series.setState({ partsError: `${asInnateError(error).describe()}.` });
      } finally {
        if (loading === teacher.key) loading = null;
      }
    },

    addTry: (choice) =>
      series.setState(({ tries, parts }) => {
        const member = tryOf(choice, parts?.all ?? []);
        const known = tries.some(({ changes }) => String(changes.freeze) === String(choice));
        return known ? {} : { tries: [...tries, member] };
      }),

    removeTry: (index) => series.setState(({ tries }) => ({ tries: tries.filter((_, i) => i !== index) })),
  };
}

const tryOf = (freeze: FreezeChoice, all: readonly Placed[]): SeriesMember => ({
  label: choiceLabel(freeze, all),
  changes: { freeze },
});
