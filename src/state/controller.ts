import { loadPart } from '../lib/load-part';
import type { EngineClient } from '../protocol/client';
import type { FileChoice, ModelInfo, StartOptions } from '../protocol/models';
import type { Stores } from './app-state';
import { type BesideController, createBeside } from './beside/controller';
import { boot } from './boot';
import { followClassNames, type LoadClassNames } from './class-names';
import { type CompareController, createCompareController } from './compare/controller';
import type { DistilController } from './distil/controller';
import { type EngineChoices, engineChoices } from './engine-choices';
import { createOpenedFiles } from './files/opened-files';
import { Opening } from './files/opening';
import { AsideRequests } from './generate/aside';
import { followView } from './generate/follow-view';
import { createPins, type PinsController } from './generate/pins';
import type { LoadSheet } from './generate/preview';
import { ImageRequests } from './generate/requests';
import { Samplings } from './generate/samplings';
import { defaultView, oneModelShown, type ViewState } from './generate/view';
import { createHistory, type HistoryController } from './history/controller';
import { KEPT_NOWHERE, type KeptOptions } from './history/kept';
import type { LayersOptions } from './layers/controller';
import { Link } from './link';
import { LongSteps } from './long-steps';
import { createDownloads, type Downloads, type DownloadsOptions } from './models/downloads';
import type { LoadFetched } from './models/fetched';
import { createPlayground, type Playground, type TakeAway } from './playground';
import { EngineStart } from './starting';
import { type ReadView, readHash } from './url';
import { Work } from './work';

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
  loadSheet: LoadSheet;
  /** Text of a list of class names beside the catalogue. */
  loadClassNames?: LoadClassNames;
  address: (view: ViewState) => string;
  /** Where marked entries of the history are kept between visits; absent = nowhere. */
  kept?: KeptOptions;
  /** requestAnimationFrame, or a test's own. */
  nextFrame: (callback: () => void) => void;
  now?: () => number;
  /** Asks the browser not to clear what is saved when the disk runs full. */
  persist?: () => void;
  loadFetched?: LoadFetched | null;
  /** What is needed to save files; none in tests that save nothing. */
  takeAway?: TakeAway;
  /** What downloads need; null where this page asks other hosts for nothing. */
  downloads?: Pick<DownloadsOptions, 'client' | 'hosts' | 'free' | 'channel'> | null;
}

export interface Controller extends EngineChoices {
  /** `problems` are what of the page's address could not be followed. */
  boot(problems?: readonly string[]): Promise<void>;
  /** Shows the view of an address, and says what of it could not be followed. */
  arrive(read: ReadView): void;
  /** Shows the view of a link's fragment, with as many images as there are now where it does not say how many. */
  restore(fragment: string): void;
  open(file: File, choice?: FileChoice): Promise<void>;
  /** Opens the file that could not be opened again, with what a person chose for it. */
  chooseForFile(chosen: string): void;
  /** Reads an opened file in another way. */
  reread(key: string, choice: FileChoice): Promise<void>;
  /** Keeps an opened file in this browser for the next visit, or no longer. */
  keep(key: string, keep: boolean): Promise<void>;
  forget(key: string): Promise<void>;
  /** Opens what this browser keeps and is not open yet. */
  openKept(): Promise<void>;
  /** What takes long, which may be cancelled by itself. */
  readonly steps: LongSteps;
  /** Gives up the images under way. */
  cancel(): void;
  dismissError(): void;
  randomSeed(): void;
  /** The address of the view as it is now. */
  link(): string;
  /**
   * Another model keeps seed and images; a class that both have stays. Its sampler is its own: one step from where it
   * starts, or what was last chosen for it.
   */
  selectModel(key: string): void;
  /** Shows a model in Generate; one that a link waits for, as that link says. */
  use(key: string): void;
  /** Says where an opened file starts, after a guess that was wrong. */
  setStartSigma(key: string, sigma: number): Promise<void>;
  /** A pointer (null) or a key goes down: what changes until it comes up is one step of undo. */
  press(key: string | null): void;
  release(): void;
  readonly pins: PinsController;
  readonly beside: BesideController;
  /** Reads and writes latents of one's own (state/generate/own-noise.ts, which is loaded when somebody brings one). */
  readonly latents: EngineClient['latents'];
  readonly history: HistoryController;
  /** Paths between images, and what is taken away. */
  readonly playground: Playground;
  readonly compare: CompareController;
  /** What can be done about distillation: its code comes with the Distil tab, and before `openDistil` this throws. */
  readonly distil: DistilController;
  /** Loads it, once; throws a `MissingPart` where it cannot be had. */
  openDistil(): Promise<DistilController>;
  /** What a person can ask for of the public models; null where this page asks other hosts for nothing. */
  readonly rows: Downloads | null;
  /** What the Layers tab makes its own controller of when it is first shown (state/layers/controller.ts). */
  readonly inside: LayersOptions;
}

/** Enough seeds for nobody to meet one twice, few enough digits to read one out. */
const RANDOM_SEEDS = 1_000_000;

/** What an opened file starts with: its own classes, and the images in view. */
const OPENED_VIEW = { tab: 'generate', classIndex: null, mix: [], own: [], selected: 0 } as const;

/** The flow between the view, the engine and the images. */
export function createController(options: ControllerOptions): Controller {
  const { client, stores, loadPacks, loadSheet, nextFrame, persist, now = () => performance.now() } = options;
  const { view, engine } = stores;
  const work = new Work(engine);
  const steps = new LongSteps(stores.steps, now);
  const starting = new EngineStart({ client, stores, work, engine: options.engine });
  const requests = new ImageRequests({ client, stores, work, nextFrame, now });
  const aside = new AsideRequests({
    client,
    main: requests,
    ready: () => engine.getState().status !== null && oneModelShown(view.getState()),
  });
  const history = createHistory(stores, now, options.kept ?? KEPT_NOWHERE);
  const samplings = new Samplings();
  const files = createOpenedFiles({ client, stores, samplings, requests, steps, persist });
  const compare = createCompareController({ client, stores, nextFrame, now });
  const link = new Link(stores);
  const distil = new Later(async () => {
    const { createDistilController } = await loadPart(import('./distil/controller'));
    return createDistilController({ client, stores, steps, loadPacks, nextFrame, now, persist });
  });
  const opening = new Opening({ client, engine, steps, onOpened: show });

  const downloads = options.downloads
    ? createDownloads({
        ...options.downloads,
        stores,
        steps,
        persist,
        show: use,
        openKept: files.openKept,
        forget: (id) => client.forget(id),
      })
    : null;

  client.subscribe((status) => engine.setState({ status }));
  client.onGone((isOpen) => closeGone(stores, isOpen, files.close));
  followView({ stores, requests, samplings, loadSheet });
  if (options.loadClassNames) followClassNames(stores, options.loadClassNames);

  function selectModel(key: string): void {
    view.setState({ ...samplings.of(key), model: key });
  }

  function use(key: string): void {
    if (!link.follow(key)) selectModel(key);
    view.setState({ tab: 'generate' });
  }

  /** Shows a file that has just been opened where it was opened for. */
  function show({ key, role }: ModelInfo): void {
    const { tab, compare: rows } = view.getState();
    // Opened beside the choice of a teacher, it is meant as one.
    if (choosesTeacher(stores) && role !== 'student') distil.use((d) => d.chooseTeacher(key));
    else if (rows && tab === 'generate') compare.take({ key, role });
    else if (!link.follow(key)) view.setState({ ...OPENED_VIEW, ...samplings.of(key), model: key });
  }

  function arrive(read: ReadView): void {
    // A link to another tab says nothing of the rows.
    const { comparison } = view.getState();
    view.setState(read.view.compare ? read.view : { ...read.view, comparison });
    const { catalogue } = stores.catalogue.getState();
    if (catalogue) link.settle(read, catalogue);
  }

  /** The images that are looked at: of one model, or rows of several. */
  const inView: Pick<ImageRequests, 'run' | 'abort'> = {
    run: (insist) => (view.getState().compare ? compare.again() : requests.run(insist)),
    abort: () => requests.abort(),
  };

  return {
    ...engineChoices({ stores, starting, requests: inView }),
    reread: files.reread,
    keep: files.keep,
    forget: files.forget,
    openKept: files.openKept,
    setStartSigma: files.setStartSigma,
    pins: createPins(stores, aside),
    latents: (call) => client.latents(call),
    playground: createPlayground({
      client,
      stores,
      steps,
      nextFrame,
      now,
      takeAway: options.takeAway ?? null,
    }),
    history,
    beside: createBeside(stores, aside, (rows) => compare.showRows(rows)),
    press(key) {
      history.press(key);
      aside.hold();
    },
    release() {
      history.release();
      aside.release();
    },
    compare,
    get distil() {
      return distil.now;
    },
    openDistil: () => distil.open(),
    rows: downloads,
    inside: {
      client,
      stores,
      loadBeforehand: options.loadLayers,
      loadPacks: async () => (await distil.open()).loadPacks(),
      nextFrame,
      now,
    },
    boot: (problems = []) =>
      boot(
        {
          stores,
          starting,
          requests,
          files,
          downloads,
          link,
          loadCatalogue: options.loadCatalogue,
          loadFetched: options.loadFetched ?? null,
          loadSheet,
        },
        problems,
      ),
    arrive,
    restore(fragment) {
      const { count, pins } = view.getState();
      const read = readHash(fragment, defaultView(count));
      // A picture of one image says nothing of the pins: they stay.
      arrive(read.view.pins.length > 0 ? read : { ...read, view: { ...read.view, pins } });
    },
    open: (file, choice = {}) => opening.open(file, choice),
    chooseForFile(chosen) {
      const asked = engine.getState().error?.choose;
      if (asked) void opening.open(asked.file, { ...asked.choice, [asked.what]: chosen });
    },
    steps,
    cancel() {
      requests.abort();
      requests.stopWaiting();
    },
    randomSeed: () => view.setState({ seed: Math.floor(Math.random() * RANDOM_SEEDS) }),
    selectModel,
    use,
    link: () => options.address(view.getState()),
    dismissError: () => engine.setState({ error: null, remark: null }),
  };
}

/** Something whose code is loaded when it is first needed. */
class Later<T> {
  private made: T | null = null;
  private making: Promise<T> | null = null;

  constructor(private readonly make: () => Promise<T>) {}

  /** What it is; throws before it has come. */
  get now(): T {
    if (this.made === null) throw new Error('it is not loaded: open it first');
    return this.made;
  }

  /** Does something with it: at once where it has come. */
  use(what: (made: T) => void): void {
    if (this.made !== null) what(this.made);
    else void this.open().then(what, () => {}); // the view that shows it says what is missing
  }

  /** The same promise for all; what has failed is tried again. */
  open(): Promise<T> {
    this.making ??= this.make().then(
      (made) => {
        this.made = made;
        return made;
      },
      (error) => {
        this.making = null;
        throw error;
      },
    );
    return this.making;
  }
}

/** Takes from the page the opened models that the engine no longer has, and says so. */
function closeGone({ engine }: Stores, isOpen: (key: string) => boolean, close: (key: string) => void): void {
  const gone = engine.getState().opened.filter((model) => !isOpen(model.key));
  for (const { key } of gone) close(key);
  if (gone.length > 0)
    engine.setState({
      awaits: null,
      remark: `The engine stopped, and ${gone.map(({ name }) => name).join(', ')} went with it: open it again, or show it from its run.`,
    });
}

const choosesTeacher = ({ view, distil }: Stores) =>
  view.getState().tab === 'distil' && distil.getState().shown === 'setup';
