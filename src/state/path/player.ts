import { createStore, type StoreApi } from 'zustand/vanilla';
import { asInnateError } from '../../lib/errors';
import { frameCount, walkFrames } from '../../lib/path';
import type { EngineClient } from '../../protocol/client';
import { currentModel, type Stores } from '../app-state';
import { fail, succeed } from '../engine';
import type { MadeImage } from '../generate/images';
import { latentsOf } from '../generate/latents';
import { HOLD_MS } from '../generate/requests';
import { FrameStore } from './frame-store';
import { type Path, pathOf } from './frames';
import { frameImages } from './make-frames';
import { Portion } from './make-images';
import { type PathView, readPath } from './view';

export interface PlayerState {
  /** null = the view has no path, or its stops are fewer than two. */
  path: Path | null;
  view: PathView | null;
  /** How many frames it has. */
  total: number;
  /** The frame under the playhead. */
  at: number;
  playing: boolean;
  /** How many frames are made. */
  made: number;
  /** Milliseconds that a frame takes, of the last ones made; null before the first. */
  ms: number | null;
  /** The frames that stand for it in the grid. */
  walk: readonly number[];
}

export interface PlayerOptions {
  client: Pick<EngineClient, 'generate'>;
  stores: Stores;
  /** requestAnimationFrame, or a test's own. */
  nextFrame: (callback: () => void) => void;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

interface Flight {
  frames: readonly number[];
  abort: AbortController;
  issued: number;
  delivered: boolean;
}

/**
 * Plays the path of the view. Frames are made ahead of the playhead, as fast as the engine gives them, between the
 * requests of everything else; the playhead goes at its own rate and waits for a frame that is not made yet. Where it is
 * dragged, the frame under it comes first. What was made stays for the next round.
 */
export class PathPlayer {
  readonly store: StoreApi<PlayerState> = createStore<PlayerState>(() => NO_PATH);
  readonly frames = new FrameStore();
  private key = '';
  private flight: Flight | null = null;
  private portion = new Portion();
  /** When the frame under the playhead was first shown. */
  private since = 0;
  private ticking = false;
  private readonly leave: (() => void)[] = [];

  constructor(private readonly options: PlayerOptions) {
    const { view, engine, catalogue } = options.stores;
    const follow = () => this.follow();
    this.leave.push(view.subscribe(follow), engine.subscribe(follow), catalogue.subscribe(follow));
    this.follow();
  }

  /** Stops for good. */
  dispose(): void {
    for (const leave of this.leave.splice(0)) leave();
    this.drop();
    this.store.setState(NO_PATH);
  }

  /** Moves the playhead; what is played goes on from there. */
  seek(frame: number): void {
    const { total } = this.store.getState();
    if (total === 0) return;
    this.since = this.options.now();
    this.store.setState({ at: Math.min(total - 1, Math.max(0, Math.round(frame))) });
    this.next();
  }

  play(): void {
    const { total, at, view } = this.store.getState();
    if (total === 0) return;
    // From its end it starts again.
    this.since = this.options.now();
    this.store.setState({ playing: true, ...(at === total - 1 && !view?.loop && { at: 0 }) });
    this.tick();
    this.next();
  }

  pause(): void {
    this.store.setState({ playing: false });
    this.next();
  }

  /** The picture of a frame; the nearest one that is made while it is not. */
  picture(frame: number): MadeImage | null {
    return this.frames.nearest(frame, this.store.getState().total);
  }

  /** Takes a frame that somebody else has made of this path. */
  keep(frame: number, image: MadeImage): void {
    this.frames.put(frame, image);
    this.store.setState({ made: this.frames.count });
  }

  /** Follows the path of the view: another one begins where the view says, with nothing made. */
  private follow(): void {
    const { stores } = this.options;
    const { path: query, pins } = stores.view.getState();
    const view = readPath(query).path;
    const model = currentModel(stores);
    const path = view && model && pathOf(view, pins, model, latentsOf(stores.latents));
    if (!view || !path || !stores.engine.getState().status) {
      if (this.store.getState().path) this.store.setState(NO_PATH);
      this.key = '';
      this.drop();
      return;
    }
    const total = frameCount(path.shape);
    const walk = walkFrames(total, stores.view.getState().count);
    const { fps: _, frame, ...shape } = view;
    const key = JSON.stringify([model.key, model.sigma, model.classes?.length ?? 0, path.stops, shape]);
    if (key !== this.key) {
      const moved = this.key === '' ? frame : this.store.getState().at;
      this.key = key;
      this.frames.clear();
      this.drop();
      this.portion = new Portion();
      const at = Math.min(moved, total - 1);
      const { playing } = this.store.getState();
      this.store.setState({ ...NO_PATH, path, view, total, walk, at, playing });
    } else {
      const old = this.store.getState();
      const same =
        old.walk.length === walk.length && old.view && JSON.stringify(old.view) === JSON.stringify(view);
      if (!same) this.store.setState({ view, walk });
      if (old.view && old.view.frame !== frame && !old.playing && frame < total) this.seek(frame);
    }
    this.next();
  }

  /** Moves the playhead as far as time and what is made allow. */
  private tick(): void {
    if (this.ticking) return;
    this.ticking = true;
    this.options.nextFrame(() => {
      this.ticking = false;
      const { playing, view, total, at } = this.store.getState();
      if (!playing || !view) return;
      const step = 1000 / view.fps;
      const now = this.options.now();
      let frame = at;
      let since = this.since;
      while (now - since >= step) {
        const following = frame + 1 < total ? frame + 1 : view.loop ? 0 : null;
        if (following === null) {
          this.store.setState({ playing: false });
          break;
        }
        if (!this.frames.has(following)) {
          since = now - step; // it waits: the time of waiting is no part of the rate
          break;
        }
        frame = following;
        since += step;
      }
      this.since = since;
      if (frame !== at) {
        this.store.setState({ at: frame });
        this.next();
      }
      this.tick();
    });
  }

  /** Asks for the frames that are wanted most, unless those are under way. */
  private next(): void {
    const { path, at, playing } = this.store.getState();
    if (!path) return;
    const { flight } = this;
    if (flight) {
      const urgent = !this.frames.has(at) && !flight.frames.includes(at);
      const held = !flight.delivered && this.options.now() - flight.issued < HOLD_MS;
      // The newest place wins, once the request under way has shown something.
      if (!urgent || (held && !playing)) return;
      this.drop();
    }
    const frames = this.wanted();
    if (frames.length > 0) void this.make(path, frames);
  }

  /** The next frames to make: the one under the playhead, those ahead of it, those of the grid, then all. */
  private wanted(): number[] {
    const { path, at, total, walk, playing, view } = this.store.getState();
    if (!path) return [];
    if (!this.frames.has(at)) return [at];
    const ahead = Array.from({ length: total }, (_, i) => (at + i) % total);
    // What is behind a path's end is not played next.
    if (!view?.loop) ahead.sort((a, b) => Number(a < at) - Number(b < at) || a - b);
    const order = playing ? ahead : [...walk, ...ahead];
    const missing = [...new Set(order)].filter((frame) => !this.frames.has(frame));
    return missing.slice(0, this.portion.next(missing.length));
  }

  private async make(path: Path, frames: readonly number[]): Promise<void> {
    const { client, now, stores } = this.options;
    const abort = new AbortController();
    const flight: Flight = { frames, abort, issued: now(), delivered: false };
    this.flight = flight;
    try {
      await frameImages(path, frames, {
        client,
        signal: abort.signal,
        onFrames: (made, ms) => {
          if (this.store.getState().path !== path) return;
          for (const [frame, image] of made) this.frames.put(frame, image, this.store.getState().at);
          flight.delivered = true;
          this.portion.took(made.length, ms);
          this.store.setState({ made: this.frames.count, ms: ms / made.length });
          succeed(stores.engine, 'generating');
          if (this.flight === flight && !this.frames.has(this.store.getState().at)) this.next();
        },
      });
    } catch (error) {
      if (this.flight === flight && asInnateError(error, 'backend').code !== 'cancelled') {
        this.flight = null;
        this.store.setState({ playing: false });
        fail(stores.engine, 'generating', error);
        return; // tried again when the playhead moves
      }
    }
    if (this.flight !== flight) return;
    this.flight = null;
    this.next();
  }

  private drop(): void {
    this.flight?.abort.abort();
    this.flight = null;
  }
}

/** What there is where nothing is played. */
export const NO_PATH: PlayerState = {
  path: null,
  view: null,
  total: 0,
  at: 0,
  playing: false,
  made: 0,
  ms: null,
  walk: [],
};
