import type { TileChoice } from '../lib/backends';
import type { BackendPreference, PrecisionPreference } from '../protocol/models';
import type { Stores } from './app-state';
import { fail } from './engine';
import type { ImageRequests } from './generate/requests';
import type { Prefs } from './prefs';
import type { EngineStart } from './starting';

export interface EngineChoices {
  /** Makes the images of the view, also where nothing has changed. */
  generate(): void;
  chooseBackend(preference: BackendPreference): Promise<void>;
  /** Loads the model again with its weights in that precision. */
  choosePrecision(precision: PrecisionPreference): Promise<void>;
  /** Compiles the network's kernels anew in that tiling. */
  chooseTiles(tiles: TileChoice): Promise<void>;
}

interface Options {
  stores: Pick<Stores, 'engine' | 'prefs'>;
  starting: EngineStart;
  requests: Pick<ImageRequests, 'run' | 'abort'>;
}

/** What starts the engine, anew where it runs, and then makes the images of the view. */
export function engineChoices({ stores, starting, requests }: Options): EngineChoices {
  /** What fails is told. */
  async function startAndRun(): Promise<void> {
    try {
      if (await starting.start()) requests.run(true);
    } catch (error) {
      fail(stores.engine, 'starting', error);
    }
  }

  async function restart(preferences: Partial<Prefs>): Promise<void> {
    stores.prefs.setState(preferences);
    requests.abort();
    await startAndRun();
  }

  return {
    generate() {
      if (starting.started) requests.run(true);
      else void startAndRun();
    },
    chooseBackend: (backend) => restart({ backend }),
    choosePrecision: (precision) => restart({ precision }),
    chooseTiles: (tiles) => restart({ tiles }),
  };
}
