import type { EngineClient } from '../protocol/client';
import type { StartOptions } from '../protocol/models';
import type { Stores } from './app-state';
import { succeed } from './engine';
import type { Work } from './work';

interface Options {
  client: Pick<EngineClient, 'start'>;
  stores: Pick<Stores, 'engine' | 'prefs'>;
  work: Work;
  /** What a start needs beside the preferences. */
  engine: Omit<StartOptions, 'preference' | 'precision' | 'tiles'>;
}

/** Starts the engine on the back-end that the preferences name; a newer start replaces the one under way. */
export class EngineStart {
  /** The newest start, while it is under way. */
  private newest: symbol | null = null;
  private wanted = false;

  constructor(private readonly options: Options) {}

  /** A start is under way, or the last one succeeded. */
  get started(): boolean {
    return this.wanted;
  }

  /** Resolves with whether it is still the newest start; one that another start has replaced fails unheard. */
  async start(): Promise<boolean> {
    const { client, stores, work } = this.options;
    const mine = Symbol();
    this.newest = mine;
    work.begin('starting', 'the engine');
    const { backend: preference, precision, tiles } = stores.prefs.getState();
    this.wanted = true;
    try {
      const status = await client.start({ ...this.options.engine, preference, precision, tiles });
      if (this.newest !== mine) return false;
      stores.engine.setState({ status });
      succeed(stores.engine, 'starting');
      return true;
    } catch (error) {
      if (this.newest !== mine) return false;
      this.wanted = false; // the next attempt starts it again
      throw error;
    } finally {
      if (this.newest === mine) {
        this.newest = null;
        work.end('starting');
      }
    }
  }
}
