import { loadPart } from '../lib/load-part';
import { Dispatcher } from './dispatcher';
import { Engine } from './engine';

/** The worker: a dispatcher between the page's messages and the engine. */
const dispatcher = new Dispatcher({
  engine: (onStatus, onIdleFailure) => new Engine(onStatus, onIdleFailure),
  post: (message, transfer = []) => postMessage(message, { transfer }),
  latents: async () => (await loadPart(import('./inference/latents'))).latents,
  async distil(engine, exclusively) {
    const { DistilWorker } = await loadPart(import('./distil/worker'));
    return new DistilWorker(engine.distilServices(), exclusively); // the engine has started by its turn
  },
  async layers(engine, exclusively, started) {
    const [{ LayersSession }, { PageData }, modelsUrl] = await Promise.all([
      loadPart(import('./layers/session')),
      loadPart(import('./models/page-data')),
      started,
    ]);
    const session = new LayersSession({
      model: (ref, hooks) => exclusively(() => engine.borrow(ref, hooks)),
      network: (model) => engine.openNetwork(model),
      shared: (model) => engine.sharedNetwork(model),
      data: new PageData(modelsUrl),
      exclusively: (task) => exclusively(() => engine.onDevice(task)),
    });
    engine.alsoHeld(() => session.bytes);
    return session;
  },
});

addEventListener('message', ({ data }) => dispatcher.receive(data));
