import { asInnateError } from '../lib/errors';
import type { EngineClient } from '../protocol/client';
import type {
  BackendPreference,
  FileChoice,
  GenerateRequest,
  PrecisionPreference,
  StartOptions,
  TilePreference,
} from '../protocol/messages';
import { type Catalogue, parseCatalogue } from '../storage/catalogue';
import { currentModel, type Stores } from './app-state';
import { isFileKey, linkRemark } from './arrival';
import { createDistilController, type DistilController } from './distil/controller';
import type { EngineState } from './engine';
import { createOpenedFiles } from './files/opened-files';
import { keepOnly, place, resize } from './generate/images';
import { showPreview } from './generate/preview';
import { buildRequest, recipeOf, sameWork } from './generate/request';
import { evaluations, OWN_SAMPLING, type Sampling, type ViewState } from './generate/view';
import type { LayersOptions } from './layers/controller';
import { createMeasureController, type MeasureController } from './measure';
import { DEFAULT_MODEL, type ModelFacts } from './models';
import type { ReadView } from './url';

export interface ControllerOptions {
  client: EngineClient;
  stores: Stores;
  engine: Omit<StartOptions, 'preference' | 'precision' | 'tiles'>;
  /** Text of the catalogue. */
  loadCatalogue: () => Promise<string>;
  /** Text of the list of sample packs. */
  loadPacks: () => Promise<string>;
  /** Text of the measurements of a teacher's layers that come with the page. */
  loadLayers: (teacher: string) => Promise<string>;
  /** RGBA of a preview sheet; null where it cannot be had. */
  loadSheet: (path: string) => Promise<{ pixels: Uint8ClampedArray; width: number } | null>;
  address: (view: ViewState) => string;
  /** requestAnimationFrame, or a test's own. */
  nextFrame: (callback: () => void) => void;
  now?: () => number;
  /** Asks the browser not to clear what is saved when the disk runs full. */
  persist?: () => void;
}

export interface Controller {
  /** `problems`: what of the page's address could not be followed. */
  boot(problems?: readonly string[]): Promise<void>;
  /** Shows the view of an address, and says what of it could not be followed. */
  arrive(read: ReadView): void;
  /** Makes the images of the view, also where nothing has changed. */
  generate(): void;
  open(file: File, choice?: FileChoice): Promise<void>;
  /** Opens the file that could not be opened again, with what a person chose for it. */
  chooseForFile(chosen: string): void;
  /** Reads an opened file in another way. */
  reread(key: string, choice: FileChoice): Promise<void>;
  /** Keeps an opened file in this browser for the next visit, or no longer. */
  keep(key: string, keep: boolean): Promise<void>;
  forget(key: string): Promise<void>;
  cancel(): void;
  dismissError(): void;
  randomSeed(): void;
  /** Address of the view as it is now. */
  link(): string;
  /**
   * Another model keeps seed and images; a class that both have stays. Its sampler is its own: one step from where it
   * starts, or what was last chosen for it.
   */
  selectModel(key: string): void;
  /** Where an opened file starts, after a guess that was wrong. */
  setStartSigma(key: string, sigma: number): Promise<void>;
  chooseBackend(preference: BackendPreference): Promise<void>;
  /** Loads the model again with its weights in that precision. */
  choosePrecision(precision: PrecisionPreference): Promise<void>;
  /** Compiles the network's kernels anew in that tiling. */
  chooseTiles(tiles: TilePreference): Promise<void>;
  readonly distil: DistilController;
  readonly measure: MeasureController;
  /** What the Layers tab makes its own controller of when it is first shown (state/layers-controller.ts). */
  readonly inside: LayersOptions;
}

/**
 * How long a newer request waits for the first image of the one under way. Without the wait a slow back-end
 * would be superseded at every step of a drag and show nothing until the hand stops.
 */
const HOLD_MS = 1500;

/** Enough seeds for nobody to meet one twice, few enough digits to read one out. */
const RANDOM_SEEDS = 1_000_000;

interface Flight {
  generation: number;
  /** What the images are of, for people. */
  subject: string;
  request: GenerateRequest;
  abort: AbortController;
  issued: number;
  delivered: boolean;
}

const RENDERED = ['model', 'seed', 'classIndex', 'count', 'sampler', 'steps', 'sigma'] as const;

/** The flow between the view, the engine and the images. */
export function createController(options: ControllerOptions): Controller {
  const { client, stores, nextFrame, now = () => performance.now() } = options;
  const { view, engine, images } = stores;
  /** A start is under way, or the last one succeeded. */
  let started = false;
  /** The newest start, while it is under way. */
  let starting: symbol | null = null;
  let generation = 0;
  let flight: Flight | null = null;
  let opening: { abort: AbortController; name: string } | null = null;
  /** The view of a link whose model is a file that is not open: it is shown once the file is. */
  let awaited: ViewState | null = null;
  let scheduled = false;
  let waiting = false;
  /** By model: a sampler that suits one ruins another. */
  const samplings = new Map<string, Sampling>();
  const samplingOf = (key: string): Sampling => samplings.get(key) ?? OWN_SAMPLING;
  const { loadPacks, persist } = options;
  const distil = createDistilController({ client, stores, loadPacks, nextFrame, now, persist });
  const measure = createMeasureController(client, stores.measure);

  client.subscribe((status) => engine.setState({ status }));
  client.onGone((isOpen) => {
    const gone = engine.getState().opened.filter((model) => !isOpen(model.key));
    for (const { key } of gone) close(key);
    if (gone.length > 0)
      engine.setState({
        remark: `The engine stopped, and ${gone.map(({ name }) => name).join(', ')} went with it: open it again, or show it from its run.`,
      });
  });
  view.subscribe((next, before) => {
    const { sampler, steps, sigma } = next;
    if (next.model !== null) samplings.set(next.model, { sampler, steps, sigma });
    if (next.model !== before.model) {
      const model = currentModel(stores);
      const settled = model && settledView(next, model);
      // The same listener runs again for what this changes.
      if (settled && (settled.model !== next.model || settled.classIndex !== next.classIndex))
        view.setState(settled);
      if (model) showOnly(model);
    }
    // Nobody sees the grid while the Layers tab has the back-end: it is made on the way back.
    const back = before.tab === 'layers' && next.tab !== 'layers';
    if (next.tab !== 'layers' && (back || RENDERED.some((key) => next[key] !== before[key]))) schedule();
    if (next.count !== before.count) {
      resize(images, next.count);
      if (next.selected >= next.count) view.setState({ selected: next.count - 1 });
    }
  });

  /** A picture belongs to the model that is named beside it: those of the last one go, what is known of this comes. */
  function showOnly(model: ModelFacts): void {
    keepOnly(images, model.key);
    if (engine.getState().status) void showPreview(stores, model, options.loadSheet).catch(() => {});
  }

  type Kind = NonNullable<EngineState['error']>['of'];
  function fail(of: Kind, error: unknown): void {
    const known = asInnateError(error, 'backend');
    if (known.code !== 'cancelled') engine.setState({ error: { line: known.describe(), of } });
  }
  /** Some files need a person to choose, which network is meant for one: then the line asks. */
  function failToOpen(file: File, choice: FileChoice, error: unknown): void {
    fail('opening', error);
    const { choose } = asInnateError(error).detail;
    const failed = engine.getState().error;
    if (choose && failed) engine.setState({ error: { ...failed, choose: { ...choose, file, choice } } });
  }
  function succeed(of: Kind): void {
    if (engine.getState().error?.of === of) engine.setState({ error: null });
  }

  const files = createOpenedFiles({
    client,
    engine,
    fail: (error) => fail('opening', error),
    succeed: () => succeed('opening'),
    persist,
  });

  /** What the work line tells: the first of these that is under way, until it is over. */
  function owner(): 'starting' | 'opening' | 'generating' | null {
    return starting ? 'starting' : opening ? 'opening' : flight ? 'generating' : null;
  }

  function showWork(): void {
    const kind = owner();
    const { work, progress } = engine.getState();
    const subject = starting ? 'the engine' : (opening?.name ?? flight?.subject ?? '');
    // A newer request for images has made nothing yet; what else is still the same has its progress.
    const goesOn = kind !== 'generating' && kind === work?.kind && subject === work.subject;
    engine.setState({
      work: kind && { kind, subject, cancellable: kind !== 'starting' },
      progress: goesOn ? progress : null,
    });
  }

  /** Resolves with whether it is still the newest start; one that another start has replaced fails unheard. */
  async function start(preference: BackendPreference): Promise<boolean> {
    const mine = Symbol();
    starting = mine;
    showWork();
    const { precision, tiles } = stores.prefs.getState();
    started = true;
    try {
      const status = await client.start({ ...options.engine, preference, precision, tiles });
      if (starting !== mine) return false;
      engine.setState({ status });
      succeed('starting');
      return true;
    } catch (error) {
      if (starting !== mine) return false;
      started = false; // the next attempt starts it again
      throw error;
    } finally {
      if (starting === mine) {
        starting = null;
        showWork();
      }
    }
  }

  /** Starts, then makes the images of the view; what fails is told. */
  async function startAndRun(): Promise<void> {
    try {
      if (await start(stores.prefs.getState().backend)) run(true);
    } catch (error) {
      fail('starting', error);
    }
  }

  async function restart(): Promise<void> {
    flight?.abort.abort();
    await startAndRun();
  }

  /** Takes an opened model from the page; who looks at it sees the default one. */
  function close(key: string): void {
    engine.setState((s) => ({ opened: s.opened.filter((m) => m.key !== key) }));
    if (view.getState().model === key)
      view.setState({ ...samplingOf(DEFAULT_MODEL), model: DEFAULT_MODEL, classIndex: null });
  }

  /** At most one request a frame, with the newest values. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    nextFrame(() => {
      scheduled = false;
      run(false);
    });
  }

  function run(insist: boolean): void {
    const model = currentModel(stores);
    if (!model || !engine.getState().status) return; // boot calls again
    const request = buildRequest(view.getState(), model);
    if (!insist && flight && !flight.delivered && sameWork(flight.request, request)) {
      const left = HOLD_MS - (now() - flight.issued);
      if (left > 0) {
        if (!waiting) setTimeout(() => waiting && schedule(), left);
        waiting = true;
        return;
      }
    }
    issue(request, model);
  }

  function issue(request: GenerateRequest, model: ModelFacts): void {
    const mine: Flight = {
      generation: ++generation,
      subject: model.name,
      request,
      abort: new AbortController(),
      issued: now(),
      delivered: false,
    };
    flight = mine;
    waiting = false;
    resize(images, request.seeds.length);
    succeed('generating'); // a new attempt: what the last one failed with is no longer the news
    if (owner() === 'generating') engine.setState({ made: null });
    showWork();
    let made = 0;
    let ms = 0;
    const passes = evaluations(request.sampler, request.steps);
    const settle = (error?: unknown) => {
      if (flight !== mine) return;
      flight = null;
      showWork();
      if (error !== undefined) fail('generating', error);
      if (waiting) schedule();
    };
    client
      .generate(request, {
        signal: mine.abort.signal,
        onProgress: (progress) => {
          if (flight === mine && owner() === 'generating') engine.setState({ progress });
        },
        onImages: (chunk) => {
          // The network may have been changed since: its pictures would stand under the name of the new one.
          if (currentModel(stores)?.key !== model.key) return;
          place(images, chunk, mine.generation, (index, position) =>
            recipeOf(request, model, index, chunk.classes?.[position] ?? null),
          );
          mine.delivered = true;
          made += chunk.indices.length;
          ms += chunk.ms;
          if (flight === mine) engine.setState({ reading: { images: made, passes, ms } });
          // Loading is over; from here on the line counts images.
          if (flight === mine && owner() === 'generating')
            engine.setState({ progress: null, made: [made, request.seeds.length] });
          if (waiting) schedule();
        },
      })
      .then(() => settle(), settle);
  }

  async function readCatalogue(): Promise<Catalogue | null> {
    try {
      const catalogue = parseCatalogue(await options.loadCatalogue());
      stores.catalogue.setState({ catalogue });
      return catalogue;
    } catch (error) {
      fail('page', error);
      return null;
    }
  }

  function settleLink(read: ReadView, catalogue: Catalogue): void {
    const model = currentModel(stores);
    if (!model) return;
    awaited = read.view.model !== null && read.view.model !== model.key ? read.view : null;
    const remark = linkRemark(read, model, catalogue);
    engine.setState({ remark });
    view.setState(settledView(view.getState(), model));
  }

  const controller: Controller = {
    async boot(problems = []) {
      resize(images, view.getState().count);
      const ready = start(stores.prefs.getState().backend);
      ready.catch(() => {}); // told below, once the catalogue is there
      const catalogue = await readCatalogue();
      const read = { view: view.getState(), problems: [...problems] };
      // A file that the link names may be kept here: that is known when the engine runs.
      const waits = read.view.model !== null && isFileKey(read.view.model);
      if (catalogue && !waits) {
        settleLink(read, catalogue);
        const model = currentModel(stores);
        if (model) await showPreview(stores, model, options.loadSheet).catch(() => {});
      }
      try {
        await ready;
      } catch (error) {
        fail('starting', error);
        if (catalogue && waits) settleLink(read, catalogue);
        return;
      }
      await files.openKept();
      if (catalogue && waits) settleLink(read, catalogue);
      if (view.getState().tab !== 'layers') schedule();
    },

    arrive(read) {
      view.setState(read.view);
      const { catalogue } = stores.catalogue.getState();
      if (catalogue) settleLink(read, catalogue);
    },

    generate() {
      if (started) run(true);
      else void startAndRun();
    },

    async open(file, choice = {}) {
      opening?.abort.abort();
      const mine = { abort: new AbortController(), name: file.name };
      opening = mine;
      engine.setState({ error: null });
      showWork();
      try {
        const info = await client.open(file, {
          choice,
          signal: mine.abort.signal,
          onProgress: (progress) => {
            if (opening === mine && owner() === 'opening') engine.setState({ progress });
          },
        });
        engine.setState((s) => ({ opened: [...s.opened.filter((m) => m.key !== info.key), info] }));
        if (opening !== mine) return;
        // Opened beside the choice of a teacher, it is meant as one.
        if (choosesTeacher(stores) && info.role !== 'student') distil.chooseTeacher(info.key);
        else if (awaited?.model === info.key) {
          view.setState({ ...awaited, tab: view.getState().tab });
          engine.setState({ remark: null });
          awaited = null;
        } else view.setState({ ...OPENED_VIEW, ...samplingOf(info.key), model: info.key });
      } catch (error) {
        if (opening === mine) failToOpen(file, choice, error);
      } finally {
        if (opening === mine) {
          opening = null;
          showWork();
        }
      }
    },

    chooseForFile(chosen) {
      const asked = engine.getState().error?.choose;
      if (asked) void controller.open(asked.file, { ...asked.choice, [asked.what]: chosen });
    },

    async reread(key, choice) {
      const read = await files.reread(key, choice);
      if (read && view.getState().model === key && view.getState().tab !== 'layers') schedule();
    },

    keep: files.keep,

    async forget(key) {
      await client.forget(key).catch((error) => fail('opening', error));
      close(key);
    },

    cancel() {
      if (opening) opening.abort.abort();
      else flight?.abort.abort();
      waiting = false;
    },

    randomSeed: () => view.setState({ seed: Math.floor(Math.random() * RANDOM_SEEDS) }),

    selectModel: (key) => view.setState({ ...samplingOf(key), model: key }),

    async setStartSigma(key, sigma) {
      try {
        const info = await client.setSigma(key, sigma);
        engine.setState((s) => ({ opened: s.opened.map((m) => (m.key === key ? info : m)) }));
        // The slider follows the model again.
        if (view.getState().model !== key) samplings.delete(key);
        else if (view.getState().sigma !== null) view.setState({ sigma: null });
        else if (view.getState().tab !== 'layers') schedule();
      } catch (error) {
        fail('opening', error);
      }
    },

    link: () => options.address(view.getState()),

    distil,

    measure,

    inside: {
      client,
      stores,
      loadBeforehand: options.loadLayers,
      loadPacks: distil.loadPacks,
      nextFrame,
      now,
    },

    dismissError: () => engine.setState({ error: null, remark: null }),

    chooseBackend(preference) {
      stores.prefs.setState({ backend: preference });
      return restart();
    },

    chooseTiles(tiles) {
      stores.prefs.setState({ tiles });
      return restart();
    },

    choosePrecision(precision) {
      stores.prefs.setState({ precision });
      return restart();
    },
  };
  return controller;
}

/** What an opened file starts with: its own classes, and the images in view. */
const OPENED_VIEW = { tab: 'generate', classIndex: null, selected: 0 } as const;

const choosesTeacher = ({ view, distil }: Stores) =>
  view.getState().tab === 'distil' && distil.getState().shown === 'setup';

/** The view once the model is known: the key that is really shown, and no class that it does not have. */
function settledView(view: ViewState, model: ModelFacts): Partial<ViewState> {
  const valid = view.classIndex === null || view.classIndex < model.labelDim;
  return { model: model.key, classIndex: valid ? view.classIndex : null };
}
