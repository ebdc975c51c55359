import { loadPart } from '../lib/load-part';
import type { EngineClient } from '../protocol/client';
import type { Stores } from './app-state';
import type { Exporter } from './export/exporter';
import type { LongSteps } from './long-steps';
import type { PathPlayer } from './path/player';

/** What the page gives for what it takes away. */
export interface TakeAway {
  /** The worker that writes files (engine/export/export-worker.ts). */
  makeWorker: () => Worker;
  /** Lets the browser save a file. */
  save: (blob: Blob, name: string) => void;
}

interface Options {
  client: Pick<EngineClient, 'generate'>;
  stores: Stores;
  steps: LongSteps;
  nextFrame: (callback: () => void) => void;
  now: () => number;
  takeAway: TakeAway | null;
}

/** Parts that are loaded when somebody first plays a path or takes something away. */
export interface Playground {
  exporter(): Promise<Exporter>;
  player(): Promise<PathPlayer>;
}

export function createPlayground({ takeAway, ...options }: Options): Playground {
  let exporter: Promise<Exporter> | null = null;
  let player: Promise<PathPlayer> | null = null;
  const playground: Playground = {
    exporter() {
      exporter ??= loadPart(import('./export/exporter')).then(({ openExporter }) => {
        if (!takeAway) throw new Error('this page saves no files');
        return openExporter({ ...options, ...takeAway, player: playground.player });
      });
      exporter.catch(() => {
        exporter = null; // may be tried again
      });
      return exporter;
    },
    player() {
      player ??= loadPart(import('./path/player')).then(({ PathPlayer }) => new PathPlayer(options));
      player.catch(() => {
        player = null;
      });
      return player;
    },
  };
  return playground;
}
