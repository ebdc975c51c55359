import type { EngineClient } from '../engine/client';
import type { InspectEvent, InspectRequest, LayersInput, LookRequest } from '../engine/layers-protocol';
import { type InspectionJson, QUANTITIES } from '../lib/activations';
import { asInnateError } from '../lib/errors';
import { inspectionLevels } from '../lib/noise-levels';
import { currentModel, type Stores } from './app-state';
import {
  createLayersStore,
  emptyFindings,
  type Findings,
  type LayersStore,
  type Looks,
  NO_LOOKS,
} from './layers';
import { type Pair, pairOf } from './layers-pair';
import { readFindings, upToDate } from './layers-stored';
import { completeLevels } from './layers-summary';
import { formatLayers, type LayersView, parseLayers, SAMPLED_IN_GUIDE } from './layers-view';
import { type ModelFacts, usableModels } from './models';
import { fittingPack, type SamplePack } from './packs';

export interface LayersOptions {
  client: EngineClient;
  stores: Stores;
  /** Text of what was measured beforehand of a teacher and its student; rejects where there is nothing. */
  loadBeforehand: (teacher: string) => Promise<string>;
  /** Reads the list of sample packs into its store. */
  loadPacks: () => Promise<void>;
  nextFrame: (callback: () => void) => void;
  now: () => number;
}

export interface LayersController {
  readonly store: LayersStore;
  /** The tab is shown: shows what there is at once, and measures. */
  show(): void;
  /** The tab is left: nothing more is measured. */
  hide(): void;
  set(changes: Partial<LayersView>): void;
  /** Measures all of it anew, the comparison of the two networks included. */
  measure(): void;
  cancel(): void;
  dismissError(): void;
}

/** Seeds of the comparison where none comes with the page. */
const EXAMPLES = 32;
/** Images whose frequencies are looked at: they cost as much as the rest of the measurement. */
const SPECTRA = 2;
/** Heun steps of the teacher's own image. */
const SAMPLED_STEPS = 18;

/** The flow between the Layers tab and the engine. */
export function createLayersController(options: LayersOptions): LayersController {
  const { client, stores, nextFrame, now } = options;
  const store = createLayersStore(parseLayers(stores.view.getState().layers));
  const kept = new Map<string, Findings>();
  const beforehand = new Map<string, Promise<Findings | null>>();
  let shownAt: number | null = null;
  let abort: AbortController | null = null;
  let measured = '';
  let scheduled = false;
  let written = stores.view.getState().layers;
  const looked = new Map<keyof Looks, { key: string; order: number; shown: number }>();

  stores.view.subscribe((next, before) => {
    if (next.layers !== before.layers && next.layers !== written) {
      written = next.layers;
      store.setState({ view: parseLayers(next.layers) });
    }
    if (shownAt !== null) schedule();
  });
  for (const other of [stores.catalogue, stores.engine, stores.distil] as {
    subscribe(f: () => void): void;
  }[])
    other.subscribe(() => shownAt !== null && schedule());
  store.subscribe((next, before) => {
    if (next.view === before.view) return;
    written = formatLayers(next.view);
    if (stores.view.getState().layers !== written) stores.view.setState({ layers: written });
    if (shownAt !== null) schedule();
  });

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    nextFrame(() => {
      scheduled = false;
      if (shownAt !== null) refresh();
    });
  }

  function refresh(): void {
    const { catalogue } = stores.catalogue.getState();
    const { opened, status } = stores.engine.getState();
    const current = currentModel(stores);
    if (!current || !catalogue) return;
    const { view, pair: last } = store.getState();
    const pair = pairOf(current, usableModels(catalogue, opened), catalogue, view.partner);
    if (pairKey(pair) !== (last && pairKey(last))) store.setState({ pair, looks: NO_LOOKS, findings: null });
    const packs = stores.distil.getState().packs;
    if (!packs) return; // comes back with the list
    const stored = showBeforehand(pair);
    if (!status) return; // the engine is starting
    const request = inspectRequest(pair, view, packs);
    const key = requestKey(request);
    if (key !== measured) {
      measured = key;
      // What comes with the page saves the comparison of the two networks, which is most of the work.
      void stored.then(() => measured === key && shownAt !== null && start(request, key, pair));
    }
    look(pair, request);
  }

  function inspectRequest(pair: Pair, view: LayersView, packs: readonly SamplePack[]): InspectRequest {
    const { seed, classIndex } = stores.view.getState();
    const pack = ownPack(pair.map, packs);
    const kind: LayersInput = view.input ?? (pack ? 'noised' : 'trajectory');
    const data = kind === 'noised' ? (pack ?? fittingPack(packs, pair.map)) : null;
    return {
      model: pair.map.ref,
      student: pair.student?.ref ?? null,
      sigmas: inspectionLevels(view.spacing, view.levels),
      input: {
        kind: kind === 'noised' && !data ? 'trajectory' : kind,
        data: data && { kind: 'pack', id: data.id },
        classIndex: classIndex !== null && classIndex < pair.map.labelDim ? classIndex : null,
      },
      seeds: Array.from({ length: view.samples }, (_, i) => Math.floor(seed) + i),
      quantities: [...QUANTITIES],
      first: view.quantity === 'rms' ? ['rms'] : [...QUANTITIES],
      parts: view.open.length > 0,
      spectra: SPECTRA,
      examples: EXAMPLES,
    };
  }

  /** What comes with the page for this pair, where it fits the columns that are wanted. */
  async function showBeforehand(pair: Pair): Promise<void> {
    if (store.getState().findings || pair.map.ref.kind !== 'catalogue' || pair.map.role !== 'teacher') return;
    const { key } = pair.map;
    let loading = beforehand.get(key);
    if (!loading) {
      loading = options.loadBeforehand(key).then(
        (text) => {
          const json = JSON.parse(text) as InspectionJson;
          return upToDate(json, stores.catalogue.getState().catalogue) ? readFindings(json) : null;
        },
        () => null,
      );
      beforehand.set(key, loading);
    }
    const found = await loading;
    const { findings, pair: current, view } = store.getState();
    if (!found || findings || !current || pairKey(current) !== pairKey(pair)) return;
    if (view.spacing !== 'heun' || view.levels !== found.sigmas.length) return;
    if (view.input !== null && view.input !== found.input) return;
    show(current.student ? found : { ...found, student: null, weights: null, likeness: null });
  }

  function show(findings: Findings): void {
    const { timing, version } = store.getState();
    const since = shownAt === null ? null : now() - shownAt;
    store.setState({
      findings,
      version: version + 1,
      timing: { ...timing, shown: timing.shown ?? since },
    });
  }

  function start(request: InspectRequest, key: string, pair: Pair, again = false): void {
    measured = key;
    abort?.abort();
    const mine = new AbortController();
    abort = mine;
    const started = now();
    const done = kept.get(key);
    if (done && !again) {
      show(done);
      store.setState({ progress: null, measuring: false });
      return;
    }
    store.setState((s) => ({
      progress: null,
      error: null,
      measuring: true,
      timing: { ...s.timing, live: null, whole: null },
    }));
    let next: Findings | null = null;
    let live = false;
    const update = () => {
      if (abort !== mine || !next) return;
      const { findings } = store.getState();
      const complete = completeLevels(next.table) === request.sigmas.length;
      // A map that fits stays until the new one is whole; another one gives way at the first numbers.
      if (findings !== next && (complete || again || !fits(findings, next))) {
        const same = findings && fits(findings, next, false) ? findings : null;
        next.weights ??= same?.weights ?? null;
        next.likeness ??= same?.likeness ?? null;
        if (!live) store.setState((s) => ({ timing: { ...s.timing, live: now() - (shownAt ?? started) } }));
        live = true;
      }
      if (live) show(next);
    };
    const likeness = request.student ? knownLikeness(pair, request) : null;
    const wanted = !again && likeness ? { ...request, examples: 0 } : request;
    const onEvent = (event: InspectEvent) => {
      if (abort !== mine) return;
      switch (event.kind) {
        case 'rows': {
          const backend = stores.engine.getState().status?.backend;
          const name = backend ? `${backend.name} (${backend.label})` : 'unknown';
          next = { ...emptyFindings(event.rows, request, event.activeThreshold, name), likeness };
          return;
        }
        case 'progress':
          store.setState({ progress: { what: event.what, done: event.done, total: event.total } });
          return;
        case 'coarse':
          next!.coarse.add(event.samples);
          break;
        case 'samples':
          next!.table.add(event.samples);
          break;
        case 'student':
          next!.student?.add(event.samples);
          break;
        case 'weights':
          next = { ...next!, weights: event.layers };
          break;
        case 'likeness':
          next = { ...next!, likeness: event.likeness };
      }
      update();
    };
    client.inspect(wanted, { signal: mine.signal, onEvent }).then(
      (outcome) => {
        if (abort !== mine) return;
        if (outcome === 'complete' && next) {
          kept.set(key, next);
          show(next);
          store.setState((s) => ({ timing: { ...s.timing, whole: now() - started } }));
        }
        store.setState({ progress: null, measuring: false });
      },
      (error) => {
        if (abort !== mine) return;
        const known = asInnateError(error, 'backend');
        store.setState({
          progress: null,
          measuring: false,
          error: known.code === 'cancelled' ? null : known.describe(),
        });
      },
    );
  }

  function knownLikeness(pair: Pair, request: InspectRequest): Findings['likeness'] {
    const { findings, pair: current } = store.getState();
    if (!findings?.likeness || !current || pairKey(current) !== pairKey(pair)) return null;
    return sameLevels(findings.sigmas, request.sigmas) ? findings.likeness : null;
  }

  /** Whether the looks that the view shows are those that were asked for; asks for the others. */
  function look(pair: Pair, request: InspectRequest): void {
    const { view } = store.getState();
    const { seed, classIndex } = stores.view.getState();
    const gains = { ...view.gains };
    const common = { input: { ...request.input, classIndex }, seed: Math.floor(seed), gains };
    const noise = { ...common, input: { ...common.input, kind: 'noise' as const, data: null } };
    const own = pair.student ?? pair.map;
    const studentClass =
      request.input.kind === 'noised' ? { ...noise, input: { ...noise.input, classIndex } } : noise;
    const wanted: { [K in keyof Looks]: LookRequest | null | false } = {
      input: { ...common, slot: 'input', model: pair.map.ref, sigma: view.at, want: 'input', gains: {} },
      denoised: { ...common, slot: 'denoised', model: pair.map.ref, sigma: view.at, want: 'denoised' },
      oneStep: { ...studentClass, slot: 'oneStep', model: own.ref, sigma: 80, want: 'denoised' },
      sampled: SAMPLED_IN_GUIDE.includes(view.guide) && {
        ...noise,
        slot: 'sampled',
        model: pair.map.ref,
        sigma: 80,
        want: 'sampled',
        steps: SAMPLED_STEPS,
        gains: {},
      },
      maps: view.row
        ? { ...common, slot: 'maps', model: pair.map.ref, sigma: view.at, want: 'maps', row: view.row }
        : null,
      versus: versusRequest(),
    };
    for (const slot of Object.keys(wanted) as (keyof Looks)[]) ask(slot, wanted[slot] || null);

    function versusRequest(): LookRequest | null {
      if (!view.row || view.versus === 'none') return null;
      const base = { slot: 'versus', want: 'maps' as const, row: view.row };
      if (view.versus === 'student')
        return pair.student && { ...studentClass, ...base, model: pair.student.ref, sigma: 80 };
      return { ...common, ...base, model: pair.map.ref, sigma: view.versusAt };
    }
  }

  function ask(slot: keyof Looks, request: LookRequest | null): void {
    const last = looked.get(slot) ?? { key: '', order: 0, shown: 0 };
    const key = request ? JSON.stringify(request) : '';
    if (key === last.key) return;
    const mine = { key, order: last.order + 1, shown: last.shown };
    looked.set(slot, mine);
    if (!request) {
      if (store.getState().looks[slot]) store.setState((s) => ({ looks: { ...s.looks, [slot]: null } }));
      return;
    }
    client.look(request).then(
      (result) => {
        const state = looked.get(slot)!;
        // While a hand drags, older pictures are shown as they come, but never after newer ones.
        if (result.kind === 'superseded' || mine.order < state.shown || state.key === '') return;
        looked.set(slot, { ...state, shown: mine.order });
        store.setState((s) => ({ looks: { ...s.looks, [slot]: result } }));
      },
      (error) => {
        if (looked.get(slot)?.key !== key) return;
        const known = asInnateError(error, 'backend');
        if (known.code !== 'cancelled') store.setState({ error: known.describe() });
      },
    );
  }

  return {
    store,
    show() {
      shownAt = now();
      measured = '';
      store.setState({ timing: { shown: null, live: null, whole: null } });
      void options.loadPacks();
      refresh();
    },
    hide() {
      shownAt = null;
      abort?.abort();
      abort = null;
      store.setState({ progress: null, measuring: false });
    },
    set: (changes) => store.setState((s) => ({ view: { ...s.view, ...changes } })),
    measure() {
      const { pair, view } = store.getState();
      const packs = stores.distil.getState().packs;
      if (!pair || !packs) return;
      const request = inspectRequest(pair, view, packs);
      start(request, requestKey(request), pair, true);
    },
    cancel() {
      abort?.abort();
      abort = null;
      store.setState({ progress: null, measuring: false });
    },
    dismissError: () => store.setState({ error: null }),
  };
}

/** What is measured, whichever part of it comes first. */
const requestKey = ({ first: _, ...request }: InspectRequest): string => JSON.stringify(request);

const pairKey = ({ map, student }: Pair): string => `${map.key} ${student?.key ?? ''}`;

/** The pack of the images that the network was trained on. */
const ownPack = (model: ModelFacts, packs: readonly SamplePack[]) =>
  packs.find((pack) => pack.id === model.dataset) ?? null;

const sameLevels = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((s, i) => Math.abs(s / b[i]! - 1) < 1e-3);

/** Whether a map that is shown can stay while the next one of the same question comes. */
function fits(shown: Findings | null, next: Findings, input = true): boolean {
  if (!shown || !sameLevels(shown.sigmas, next.sigmas) || (input && shown.input !== next.input)) return false;
  const blocks = (f: Findings) =>
    f.rows
      .filter((r) => r.part === null)
      .map((r) => r.name)
      .join();
  return blocks(shown) === blocks(next);
}
